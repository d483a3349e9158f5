"""How ServiceNow is asked, and how its answers are taken apart.

Two habits of the Table API decide this file. A part of a query that it does not understand is left out, and the rest is
answered as if nothing were wrong [S4]: so every row is looked at again. And `sysparm_limit` is applied before access
rules are [S5]: a page may be short, or empty, and not be the last.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from connectors.sdk import MAX_RETRY_AFTER as MOST
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
from connectors.servicenow.mapping import Json, objects, text
from gateway.errors import ThrottledError

API = "/api/now"
#: rows of a page
PAGE = 100
#: pages of rows out of our sight that are passed over in one call
MAX_PAGES = 200
#: of a list that the connection can do without
OUT_OF_SIGHT = frozenset({403, 404})
ACCEPT = {"Accept": "application/json"}
PLAIN = {"sysparm_display_value": "false", "sysparm_exclude_reference_link": "true"}
_NEXT = re.compile(r'<[^<>]*>\s*;\s*rel="next"')


class Rows(msgspec.Struct, frozen=True):
    """One page of a list: the rows that we may see, and whether there are more behind them."""

    rows: list[Json]
    more: bool
    #: how many rows the query has, hidden ones counted; -1: it does not say
    total: int = -1


def get(path: str, label: str, **params: str) -> HttpRequest:
    """Return a read."""
    return HttpRequest("GET", API + path, Effect.READ, params, ACCEPT, label=label)


def table(name: str, query: str, fields: str, label: str, *, limit: int = PAGE, offset: int = 0) -> HttpRequest:
    """Return a read of a list by an encoded query."""
    page = {"sysparm_limit": str(limit), "sysparm_offset": str(offset)}
    return get(f"/table/{name}", label, sysparm_query=query, sysparm_fields=fields, **PLAIN, **page)


def decoded(response: HttpResponse) -> Json | None:
    """Return the JSON object of an answer; None when it is something else (a sleeping instance answers a page)."""
    try:
        found = response.json()
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def waiting(response: HttpResponse) -> int | None:
    """Return how long to wait: Retry-After, else until X-RateLimit-Reset (seconds since 1970) by the desk's clock."""
    said = retry_after(response)
    reset = response.header("x-ratelimit-reset").strip()
    if said is not None or not (reset.isascii() and reset.isdigit() and len(reset) < 12):
        return said
    try:
        now = parsedate_to_datetime(response.header("date"))
    except (TypeError, ValueError):
        return None
    return max(0, min(int(reset) - int((now if now.tzinfo else now.replace(tzinfo=UTC)).timestamp()), MOST))


def complaint(response: HttpResponse) -> str:
    """Return why ServiceNow refused: `error.message` and `error.detail` [S8], else the first words of its answer."""
    error = (decoded(response) or {}).get("error")
    if isinstance(error, dict):
        words = ": ".join(word for word in (text(error.get("message")), text(error.get("detail"))) if word)
    else:
        words = text(error)
    return f"HTTP {response.status} {' '.join(words.split())}"[:400] if words else excerpt(response)


def require(request: HttpRequest, response: HttpResponse) -> None:
    """Raise unless a read was answered: AuthenticationError, ThrottledError or TransportError."""
    if response.status == 401:
        msg = f"ServiceNow does not accept our credentials: {complaint(response)}"
        raise AuthenticationError(msg)
    if response.status == 429:
        msg = f"ServiceNow asks us to wait: {complaint(response)}"
        raise ThrottledError(msg, seconds=waiting(response))
    if not response.ok:
        msg = f"ServiceNow did not answer {request.label}: {complaint(response)}"
        raise TransportError(msg)


def ask(request: HttpRequest) -> Call[Json | None]:
    """Read one record; None when it is not there or out of our sight (403, 404)."""
    response = yield request
    if response.status in {403, 404}:
        return None
    require(request, response)
    found = (decoded(response) or {}).get("result")
    if not isinstance(found, dict):
        msg = f"ServiceNow's answer to {request.label} holds no record: {excerpt(response)}"
        raise TransportError(msg)
    return found


def rows(request: HttpRequest, none: frozenset[int] = frozenset()) -> Call[Rows]:
    """Read one page of a list; one that we may not read is TransportError, but for the statuses in `none`: empty."""
    response = yield request
    if response.status in none:
        return Rows([], more=False)
    require(request, response)
    body: Any = (decoded(response) or {}).get("result")
    if not isinstance(body, list):
        msg = f"ServiceNow's answer to {request.label} holds no list: {excerpt(response)}"
        raise TransportError(msg)
    total = response.header("x-total-count").strip()
    known = int(total) if total.isascii() and total.isdigit() and len(total) < 12 else -1
    seen = int(request.params.get("sysparm_offset", "0")) + int(request.params.get("sysparm_limit", "0"))
    more = bool(_NEXT.search(response.header("link"))) or known > seen
    if known < 0 and not response.header("link"):
        more = bool(body)
    return Rows(objects(body), more, known)


def everything(
    make: Callable[[int], HttpRequest], holds: Callable[[Json], bool], none: frozenset[int] = frozenset()
) -> Call[list[Json]]:
    """Read a list to its end; `make` gives the request for an offset, `holds` says that a row is what was asked for.

    Raises TransportError where the desk answers rows that nobody asked for: it has left a part of the query out.
    """
    found: list[Json] = []
    for number in range(MAX_PAGES):
        request = make(number * PAGE)
        page = yield from rows(request, none)
        for row in page.rows:
            if not holds(row):
                msg = f"ServiceNow answers {request.label} with rows that do not match: it ignores a part of the query"
                raise TransportError(msg)
        found += page.rows
        if not page.more:
            return found
    msg = f"ServiceNow lists more than {MAX_PAGES * PAGE} rows for {make(0).label}"
    raise TransportError(msg)
