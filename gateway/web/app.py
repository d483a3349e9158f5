"""Makes the Flask application of a gateway: hooks, health, the read API and the page."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from gateway.telemetry import current_trace, tell_defect
from gateway.web.access import Access
from gateway.web.api import add_api
from gateway.web.console.pages import add_console
from gateway.web.health import add_health
from gateway.web.hooks import Hooks
from gateway.web.parts import Parts, WebLimits

log = logging.getLogger(__name__)

_HERE = Path(__file__).parent / "console"


def create_app(parts: Parts, limits: WebLimits) -> Flask:
    """Return the application; nothing is opened before the first request needs it."""
    app = Flask("gateway.web", static_folder=str(_HERE / "static"), template_folder=str(_HERE / "templates"))
    add_health(app, parts)
    access = Access(limits.token)
    add_api(app, parts, access)
    add_console(app, parts, access, limits.break_page)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _defect)
    app.after_request(_guard)
    app.wsgi_app = Hooks(parts, limits, app.wsgi_app)  # type: ignore[method-assign]
    return app


def _http_error(error: HTTPException) -> Response:
    """Say in one line what is wrong; keeps the headers that belong to the status (Allow)."""
    status = error.code or 500
    answer = Response(
        msgspec.json.encode({"error": error.description or error.name}), status, content_type="application/json"
    )
    for name, value in error.get_headers(request.environ):
        if name.lower() not in {"content-type", "content-length"}:
            answer.headers[name] = value
    return answer


def _defect(error: Exception) -> Response:
    """Log what nobody foresaw; the client learns that it happened, and nothing else."""
    tell_defect(log, "a request failed", error, path=request.path)
    body = {"error": "the gateway failed; its log says why", "trace_id": current_trace()}
    return Response(msgspec.json.encode(body), 500, content_type="application/json")


def _guard(answer: Response) -> Response:
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer
