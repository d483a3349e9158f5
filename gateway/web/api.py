"""GET /api/…: what the page shows, as JSON, for programs and for people with curl. Reads only; needs the token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from flask import Blueprint, Flask, Response, request

from gateway.web.access import Access
from gateway.web.console.snapshot import counts, desks
from gateway.web.console.ticket import read_ticket
from gateway.web.parts import Parts
from gateway.web.tagged import stamp, tag_of, unchanged

DEFAULT_LIMIT = 50
MAX_LIMIT = 500


class Api:
    """The views."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def tickets(self) -> Response:
        """List tickets, changed last first; ?text, ?category, ?connection, ?limit."""
        with self._parts.store.read() as tx:
            found = tx.view.tickets(
                limit=_limit(), text=_word("text"), category=_word("category"), connection=_word("connection")
            )
        return _answer({"tickets": found})

    def ticket(self, ticket_id: str) -> Response:
        """Give one ticket with all that belongs to it."""
        found = read_ticket(self._parts.store, ticket_id)
        return _answer(found) if found else _error(404, f"there is no ticket {ticket_id[:100]!r}")

    def updates(self) -> Response:
        """List updates, the newest first; ?ticket, ?state (may be repeated), ?connection, ?limit."""
        with self._parts.store.read() as tx:
            found = tx.view.updates(
                ticket_id=_word("ticket"),
                states=request.args.getlist("state")[:10],
                connection=_word("connection"),
                limit=_limit(),
            )
        return _answer({"updates": found})

    def dead_letters(self) -> Response:
        """List what was given up, oldest first; ?connection, ?reason, ?ticket, ?limit."""
        with self._parts.store.read() as tx:
            found = tx.view.dead_letters(
                limit=_limit(), connection=_word("connection"), reason=_word("reason"), ticket_id=_word("ticket")
            )
        return _answer({"dead_letters": found})

    def counts(self) -> Response:
        """Give the numbers of the page."""
        with self._parts.store.read() as tx:
            found = counts(tx.view.counts())
        return _answer(found)

    def desks(self) -> Response:
        """List the connections, and how each is."""
        site = self._parts.site()
        with self._parts.store.read() as tx:
            states, waiting = tx.desks.all(), tx.view.waiting()
        return _answer({"mode": site.mode, "desks": desks(site, states, self._parts.clock.now(), waiting)})


class _BadQueryError(ValueError):
    """A parameter that is not what it should be."""


def _limit() -> int:
    text = request.args.get("limit", "")
    if not text:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit()) or not 0 < int(text[:9]) <= MAX_LIMIT:
        raise _BadQueryError(f"limit is a number from 1 to {MAX_LIMIT}")
    return int(text)


def _word(name: str) -> str:
    return request.args.get(name, "")[:200]


def _answer(value: Any) -> Response:
    body = msgspec.json.encode(value)
    tag = tag_of(body)
    return unchanged(request, tag) or stamp(Response(body, 200, content_type="application/json"), tag)


def _error(status: int, error: str) -> Response:
    return Response(msgspec.json.encode({"error": error}), status, content_type="application/json")


def add_api(app: Flask, parts: Parts, access: Access) -> None:
    """Add the read API to an application."""
    blueprint = Blueprint("api", __name__, url_prefix="/api")
    api = Api(parts)

    @blueprint.before_request
    def let_in() -> Response | None:
        if access.allows(request):
            return None
        refused = _error(401, "the read API needs the token of the page: Authorization: Bearer …")
        refused.headers["WWW-Authenticate"] = 'Bearer realm="gateway"'
        return refused

    views: dict[str, Callable[..., Response]] = {
        "/tickets": api.tickets,
        "/tickets/<ticket_id>": api.ticket,
        "/updates": api.updates,
        "/dead-letters": api.dead_letters,
        "/counts": api.counts,
        "/desks": api.desks,
    }
    for rule, view in views.items():
        blueprint.add_url_rule(rule, view.__name__, view)
    blueprint.register_error_handler(_BadQueryError, lambda error: _error(400, str(error)))
    app.register_blueprint(blueprint)
