"""How Help Scout is asked and how its answers are taken apart, shared by reads, writes and probes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from connectors.helpscout.account import Account
from connectors.helpscout.mapping import Json, ident, obj, objects, person
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
from gateway.errors import LoginRefusedError, ThrottledError

API = "/v2"
#: pages of one list before it is given up
MAX_PAGES = 400
#: the desk's own word for how long to wait, beside Retry-After
WAIT = "x-ratelimit-retry-after"


def conversation_path(remote_id: str) -> str:
    """Return the path of one conversation."""
    return f"{API}/conversations/{remote_id}"


def get(path: str, label: str, **params: str) -> HttpRequest:
    """Return a read."""
    return HttpRequest("GET", path, Effect.READ, params, {"Accept": "application/hal+json"}, label=label)


def decoded(response: HttpResponse) -> Json:
    """Return the JSON object of an answer; an empty one when it is something else."""
    try:
        return obj(response.json())
    except (msgspec.DecodeError, RecursionError, ValueError):
        return {}


def wait_of(response: HttpResponse) -> int | None:
    """Return for how many seconds the desk wants to be left alone."""
    said = response.header(WAIT).strip()
    return retry_after(response) or (min(int(said), 3600) if said.isascii() and said.isdigit() else None)


def ask(
    request: HttpRequest, none: Collection[int] = (404,), passed: Collection[int] = ()
) -> Call[HttpResponse | None]:
    """Read an object; None when it is not there (404), or with any other status that is to mean so.

    What is `passed` is returned as it is: it says something by itself.

    Raises AuthenticationError on 401 and where no access token is given, ThrottledError on 429, TransportError on
    anything else that is not JSON in 2xx.
    """
    try:
        response = yield request
    except LoginRefusedError as error:
        raise AuthenticationError(str(error)) from error
    if response.status in none:
        return None
    if response.status in passed:
        return response
    if response.status == 401:
        msg = f"Help Scout does not accept our credentials: {excerpt(response)}"
        raise AuthenticationError(msg)
    if response.status == 429:
        msg = f"Help Scout asks us to wait: {excerpt(response)}"
        raise ThrottledError(msg, seconds=wait_of(response))
    if not response.ok or not decoded(response):
        msg = f"Help Scout did not answer {request.label or request.url} usefully: {excerpt(response)}"
        raise TransportError(msg)
    return response


def embedded(body: Json, name: str) -> list[Json]:
    """Return the records of a HAL list; an empty list has no `_embedded` at all."""
    return objects(obj(body.get("_embedded")).get(name))


def pages_of(body: Json) -> int:
    """Return how many pages a HAL list has."""
    return _number(obj(body.get("page")).get("totalPages"))


def total_of(body: Json) -> int:
    """Return how many records a HAL list has."""
    return _number(obj(body.get("page")).get("totalElements"))


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def every(path: str, name: str, label: str, none: Collection[int] = (404,), **params: str) -> Call[list[Json] | None]:
    """Read a list to its end, each record once; None where it is not there.

    A list of the newest first grows at its front, so that what moves to the next page is read again and not missed.
    """
    found: dict[str, Json] = {}
    for page in range(1, MAX_PAGES + 1):
        response = yield from ask(get(path, label, page=str(page), **params), none)
        if response is None:
            return None
        body = decoded(response)
        records = embedded(body, name)
        found |= {ident(record.get("id")): record for record in records}
        if not records or page >= pages_of(body):
            return list(found.values())
    msg = f"{label}: Help Scout lists more than {MAX_PAGES} pages"
    raise TransportError(msg)


def desk_time(response: HttpResponse) -> datetime | None:
    """Return the desk's own clock from the answer's Date header; None where a proxy took it out."""
    try:
        found = parsedate_to_datetime(response.header("date"))
    except (TypeError, ValueError, IndexError):
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def moved_to(response: HttpResponse) -> str:
    """Return the conversation into which one was merged: 301, and Location names the other one."""
    if response.status not in {301, 302, 308}:
        return ""
    return ident(response.header("location").partition("?")[0].rstrip("/").rpartition("/")[2])


def own_user(account: Account) -> Call[str]:
    """Return the id of our user, asked for once."""
    if not account.own or not account.own_mail:
        response = yield from ask(get(f"{API}/users/me", "who we are"), none=(403, 404))
        found = person(decoded(response), "agent") if response is not None else None
        if found is not None:
            account.own, account.own_mail = found.external_id, found.email
    return account.own
