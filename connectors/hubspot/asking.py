"""How HubSpot is asked and how its answers are taken apart, shared by reads, writes and probes."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.hubspot.mapping import Json, obj, objects, text
from connectors.sdk import (
    MAX_RETRY_AFTER,
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

OBJECTS = "/crm/v3/objects"
TICKETS = f"{OBJECTS}/tickets"
THREADS = "/conversations/v3/conversations/threads"
#: what one batch read takes [3]
BATCH = 100
#: pages of one list before we say that it cannot be read whole
MAX_PAGES = 500
#: HubSpot's default for the short window of an app, in seconds [4]
WINDOW = 10

#: ids are digits; a key of ours, hex digits. Either becomes part of a path
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_id(remote_id: str) -> bool:
    """Say whether an id can be one of a ticket (HubSpot's are digits)."""
    return remote_id.isascii() and remote_id.isdigit() and len(remote_id) <= 20


def path_part(value: str) -> str:
    """Return an id as a part of a path that it can never leave."""
    return quote(value, safe="")


def get(path: str, label: str, **params: str) -> HttpRequest:
    """Return a read."""
    return HttpRequest("GET", path, Effect.READ, params, {"Accept": "application/json"}, label=label)


def post(path: str, label: str, content: Any) -> HttpRequest:
    """Return a read that HubSpot wants as POST: a search, a batch."""
    return HttpRequest("POST", path, Effect.READ, headers={"Accept": "application/json"}, json=content, label=label)


def decoded(response: HttpResponse) -> Json | None:
    """Return the JSON object of an answer; None when it is something else."""
    try:
        found = response.json()
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def ask(request: HttpRequest, none: Collection[int] = (404,)) -> Call[Json | None]:
    """Read an object; None when it is not there (404), or with any other status that is to mean so.

    Raises AuthenticationError on 401, ThrottledError on 429, TransportError on anything else that is not JSON in 2xx.
    """
    response = yield request
    return taken(response, request, none)


def taken(response: HttpResponse, request: HttpRequest, none: Collection[int] = (404,)) -> Json | None:
    """Take the answer of a read apart, as `ask` does."""
    if response.status in none:
        return None
    if response.status == 401:
        msg = f"HubSpot does not accept our token: {excerpt(response)}"
        raise AuthenticationError(msg)
    if response.status == 429:
        msg = f"HubSpot asks us to wait: {excerpt(response)}"
        raise ThrottledError(msg, seconds=wait_of(response))
    found = decoded(response) if response.ok else None
    if found is None:
        msg = f"HubSpot did not answer {request.label or request.url} usefully: {excerpt(response)}"
        raise TransportError(msg)
    return found


def wait_of(response: HttpResponse) -> int | None:
    """Return for how long HubSpot wants us to wait.

    A 429 seldom has Retry-After; it names the window that is used up (`policyName`), and the headers say how long the
    short one is [4]. The daily one ends at midnight of the account's own time zone, so an hour is waited at a time.
    """
    said = retry_after(response)
    if said is not None or response.status != 429:
        return said
    policy = text((decoded(response) or {}).get("policyName")).upper()
    if "DAILY" in policy or response.header("x-hubspot-ratelimit-daily-remaining").strip() == "0":
        return MAX_RETRY_AFTER
    if policy == "SECONDLY":
        return 1
    length = response.header("x-hubspot-ratelimit-interval-milliseconds").strip()
    return -(-int(length) // 1000) if length.isascii() and length.isdigit() and len(length) < 9 else WINDOW


def pages(path: str, label: str, none: Collection[int] = (404,), **params: str) -> Call[list[Json] | None]:
    """Read a list to its end; None where it is not there. Raises TransportError where it comes to none."""
    found: list[Json] = []
    after = ""
    for _ in range(MAX_PAGES):
        more = {"after": after} if after else {}
        body = yield from ask(get(path, label, **params, **more), none)
        if body is None:
            return None
        found += objects(body.get("results"))
        following = text(obj(obj(body.get("paging")).get("next")).get("after"))
        if not following or following == after:
            return found
        after = following
    msg = f"HubSpot's list for {label} does not end"
    raise TransportError(msg)


def batch(kind: str, ids: list[str], properties: tuple[str, ...], label: str) -> Call[list[Json]]:
    """Read many objects of a kind by their ids, as their records are and not as the search index has them."""
    found: list[Json] = []
    for start in range(0, len(ids), BATCH):
        inputs = [{"id": each} for each in ids[start : start + BATCH]]
        asked = {"properties": list(properties), "inputs": inputs}
        body = yield from ask(post(f"{OBJECTS}/{kind}/batch/read", label, asked), none=())
        # an object that was deleted in between is among the errors of a 207, and is not there
        found += objects((body or {}).get("results"))
    return found


def associated(ticket: str, kind: str) -> Call[list[str]]:
    """Return the ids of what is associated with a ticket."""
    path = f"/crm/v4/objects/tickets/{path_part(ticket)}/associations/{kind}"
    listed = yield from pages(path, f"list {kind}", none=(404,), limit="500")
    return [number for each in listed or [] if (number := str(each.get("toObjectId") or ""))]
