"""The web process for any WSGI server: `gunicorn wsgi:app`. Nothing is read or opened before the first request."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from gateway.bootstrap import build
from gateway.config import Settings, environment
from gateway.web.app import create_app
from gateway.web.parts import WebLimits
from gateway.web.token import page_token

_made: list[Callable[..., Iterable[bytes]]] = []
_making = threading.Lock()


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer one request; the first one in a process makes the application."""
    if not _made:
        with _making:
            if not _made:
                _made.append(_make())
    return _made[0](environ, start_response)


def _make() -> Callable[..., Iterable[bytes]]:
    settings = Settings.from_env(environment())
    token = page_token(settings.token, settings.state)
    limits = WebLimits(token=token, max_body=settings.max_body, data=settings.state, break_page=settings.break_page)
    return create_app(build(settings, environment()), limits).wsgi_app
