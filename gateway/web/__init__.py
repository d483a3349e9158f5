"""The web process: it takes webhooks in, says how it is, and shows the page. Flask, and nothing slow."""
