"""GET /healthz: the process lives. GET /readyz: it can take deliveries; Redis is a detail, for SQL is the record."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Flask, Response

from gateway.errors import GatewayError
from gateway.store import schema_is_current
from gateway.web.parts import Parts


def add_health(app: Flask, parts: Parts) -> None:
    """Add both views to an application."""

    def live() -> Response:
        return _answer({"ok": True}, 200)

    def ready() -> Response:
        found = _look(parts)
        return _answer(found, 200 if found["ok"] else 503)

    app.add_url_rule("/healthz", "healthz", live)
    app.add_url_rule("/readyz", "readyz", ready)


def _look(parts: Parts) -> dict[str, Any]:
    database, schema, rules = "ok", "", ""
    try:
        with parts.store.read() as tx:
            pending = tx.inbox.pending()
        schema = "current" if schema_is_current(parts.store.engine) else "old: run gateway up, which migrates it"
        rules = parts.site().release or "none"
    except GatewayError as error:
        return {"ok": False, "database": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever it is, the answer is no
        return {"ok": False, "database": f"cannot be read ({type(error).__name__})"}
    bell = parts.rqbell()
    redis = "ok" if bell is not None and bell.depth("apply") is not None else "away: the sweep finds the work, later"
    return {
        "ok": schema == "current",
        "database": database,
        "schema": schema,
        "release": rules,
        "pending": pending,
        "redis": redis,
    }


def _answer(found: dict[str, Any], status: int) -> Response:
    answer = Response(msgspec.json.encode(found), status, content_type="application/json")
    answer.headers["Cache-Control"] = "no-store"
    return answer
