"""How Zammad is asked and how its answers are taken apart, shared by reads, writes and probes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from connectors.sdk import (
    AuthenticationError,
    Call,
    Effect,
    HttpRequest,
    HttpResponse,
    TransportError,
    excerpt,
    retry_after,
)
from gateway.errors import ThrottledError

API = "/api/v1"
#: rows of a page; a search gives at most 200
PAGE = 100
HEADERS = {"Accept": "application/json"}


def is_ticket_id(remote_id: str) -> bool:
    """Say whether this can be the id of a ticket."""
    return remote_id.isascii() and remote_id.isdigit() and len(remote_id) < 20


def get(path: str, label: str, **params: str) -> HttpRequest:
    """Return a read."""
    return HttpRequest("GET", API + path, Effect.READ, params, dict(HEADERS), label=label)


def condition(name: str, operator: str, value: str) -> dict[str, str]:
    """Return the parameters of a search by the database: with a `query` it would ask the index, which lags.

    In every version since 2 (app/models/ticket/search.rb; since 6.4 app/models/concerns/can_search.rb).
    """
    return {f"condition[{name}][operator]": operator, f"condition[{name}][value]": value}


def decoded(response: HttpResponse) -> Any:
    """Return the JSON of an answer; None when it is something else."""
    try:
        return response.json()
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None


def ask(request: HttpRequest, none: Collection[int] = (404,)) -> Call[Any]:
    """Read JSON; None when it is not there (404), or with any other status that is to mean so.

    Raises AuthenticationError on 401, ThrottledError on 429, TransportError on anything else that is not JSON in 2xx.
    """
    response = yield request
    if response.status in none:
        return None
    require(request, response)
    found = decoded(response)
    if not isinstance(found, (dict, list)):
        msg = f"Zammad did not answer {request.label} usefully: {excerpt(response)}"
        raise TransportError(msg)
    return found


def require(request: HttpRequest, response: HttpResponse) -> None:
    """Raise what a read raises unless the answer is a 2xx."""
    if response.status == 401:
        msg = f"Zammad does not accept our credentials: {excerpt(response)}"
        raise AuthenticationError(msg)
    if response.status == 429:
        msg = f"Zammad, or what stands before it, asks us to wait: {excerpt(response)}"
        raise ThrottledError(msg, seconds=retry_after(response))
    if not response.ok:
        msg = f"Zammad did not answer {request.label}: {excerpt(response)}"
        raise TransportError(msg)


def desk_time(response: HttpResponse) -> datetime | None:
    """Return the desk's clock from the Date header of an answer."""
    try:
        found = parsedate_to_datetime(response.header("date"))
    except (TypeError, ValueError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
