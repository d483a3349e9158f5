"""The web process: it takes webhooks in, answers how it is, and shows the page. Flask, and nothing slow."""

from gateway.web.app import create_app

__all__ = ["create_app"]
