"""The page: what the gateway does at this moment, rendered on the server, readable without scripts."""

from gateway.web.console.pages import add_console

__all__ = ["add_console"]
