"""The page: what the gateway does at this moment, rendered on the server, readable without scripts."""
