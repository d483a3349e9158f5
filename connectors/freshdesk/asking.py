"""How both desks are asked and how their answers are taken apart, shared by reads, writes and probes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from connectors.freshdesk.account import Account
from connectors.freshdesk.mapping import Json, ident, obj, objects
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

API = "/api/v2"
#: the most that a page holds
PAGE = 100
#: "You cannot access tickets beyond the 300th page": the vendor's limit of every list
MAX_PAGES = 300


def is_ticket_id(remote_id: str) -> bool:
    """Say whether an id can be one of a ticket: it becomes part of a path."""
    return remote_id.isascii() and remote_id.isdigit() and len(remote_id) <= 20


def ticket_path(remote_id: str) -> str:
    """Return the path of one ticket."""
    return f"{API}/tickets/{remote_id}"


def get(path: str, label: str, **params: str) -> HttpRequest:
    """Return a read."""
    return HttpRequest("GET", path, Effect.READ, params, {"Accept": "application/json"}, label=label)


def decoded(response: HttpResponse) -> Any:
    """Return the JSON of an answer; None when it is something else."""
    try:
        return response.json()
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None


def unwrapped(account: Account, body: Any, name: str) -> Json:
    """Return a record: Freshservice puts each into an envelope of its name, Freshdesk into none."""
    found = obj(body)
    return obj(found.get(name)) if account.is_freshservice or (name in found and "id" not in found) else found


def listed(account: Account, body: Any, name: str) -> list[Json]:
    """Return the records of a list."""
    return objects(obj(body).get(name)) if account.is_freshservice or isinstance(body, dict) else objects(body)


def ask(request: HttpRequest, none: Collection[int] = (404,)) -> Call[HttpResponse | None]:
    """Read; None when it is not there (404), or with any other status that is to mean so.

    Raises AuthenticationError on 401, ThrottledError on 429, TransportError on anything else that is not JSON in 2xx.
    """
    response = yield request
    if response.status in none:
        return None
    if response.status == 401:
        msg = f"the desk does not accept our credentials: {excerpt(response)}"
        raise AuthenticationError(msg)
    if response.status == 429:
        msg = f"the desk asks us to wait: {excerpt(response)}"
        raise ThrottledError(msg, seconds=retry_after(response))
    if not response.ok or not isinstance(decoded(response), dict | list):
        msg = f"the desk did not answer {request.label or request.url} usefully: {excerpt(response)}"
        raise TransportError(msg)
    return response


def every(
    account: Account, path: str, name: str, label: str, none: Collection[int] = (404,)
) -> Call[list[Json] | None]:
    """Read a list to its end, each record once; None where it is not there.

    A page that is not full is the last. Raises TransportError for a list of more pages than the vendor shows.
    """
    found: dict[str, Json] = {}
    for page in range(1, MAX_PAGES + 1):
        response = yield from ask(get(path, label, page=str(page), per_page=str(PAGE)), none)
        if response is None:
            return None
        records = listed(account, decoded(response), name)
        found |= {ident(record.get("id")): record for record in records}
        if not goes_on(response, records):
            return list(found.values())
    msg = f"{label}: the desk lists more than {MAX_PAGES * PAGE}"
    raise TransportError(msg)


def goes_on(response: HttpResponse, records: list[Json]) -> bool:
    """Say whether a list goes on: `Link: <…>; rel="next"`, or a full page where a proxy took the header out."""
    return bool(records) and ('rel="next"' in response.header("link") or len(records) >= PAGE)


def desk_time(response: HttpResponse) -> datetime | None:
    """Return the desk's own clock from the answer's Date header; None where a proxy took it out."""
    try:
        found = parsedate_to_datetime(response.header("date"))
    except (TypeError, ValueError, IndexError):
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def own_id(account: Account) -> Call[str]:
    """Return our agent id, asked for once; empty where the desk does not say."""
    if not account.own:
        response = yield from ask(get(f"{API}/agents/me", "who we are"), none=(403, 404))
        if response is not None:
            account.own = ident(unwrapped(account, decoded(response), "agent").get("id"))
    return account.own
