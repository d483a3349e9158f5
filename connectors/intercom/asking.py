"""How Intercom is asked and how its answers are taken apart, shared by reads, writes and probes."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.intercom.account import VERSION
from connectors.intercom.mapping import Json
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

#: tickets a page of a search; Intercom gives at most 150 [2]
PAGE = 150
#: Intercom counts in windows of ten seconds [4]
WINDOW = 10

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
HEADERS = {"Accept": "application/json", "Intercom-Version": VERSION}


def is_id(remote_id: str) -> bool:
    """Say whether an id can be one of a ticket or a conversation."""
    return remote_id.isascii() and remote_id.isdigit() and len(remote_id) <= 40


def path_part(value: str) -> str:
    """Return an id as a part of a path that it can never leave."""
    return quote(value, safe="")


def get(path: str, label: str, **params: str) -> HttpRequest:
    """Return a read."""
    return HttpRequest("GET", path, Effect.READ, params, HEADERS, label=label)


def post(path: str, label: str, content: Any) -> HttpRequest:
    """Return a search."""
    return HttpRequest("POST", path, Effect.READ, headers=HEADERS, json=content, label=label)


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
        msg = f"Intercom does not accept our token: {excerpt(response)}"
        raise AuthenticationError(msg)
    if response.status == 429:
        msg = f"Intercom asks us to wait: {excerpt(response)}"
        raise ThrottledError(msg, seconds=wait_of(response))
    found = decoded(response) if response.ok else None
    if found is None:
        msg = f"Intercom did not answer {request.label or request.url} usefully: {excerpt(response)}"
        raise TransportError(msg)
    return found


def time_of(response: HttpResponse) -> datetime | None:
    """Return Intercom's clock."""
    said = response.header("date")
    try:
        found = parsedate_to_datetime(said) if said else None
    except (TypeError, ValueError):
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def wait_of(response: HttpResponse) -> int | None:
    """Return for how long Intercom wants us to wait: until `X-RateLimit-Reset`, by its own clock [4]."""
    said = retry_after(response)
    if said is not None or response.status != 429:
        return said
    reset, now = response.header("x-ratelimit-reset").strip(), time_of(response)
    if now is None or not (reset.isascii() and reset.isdigit() and len(reset) < 12):
        return WINDOW
    return max(1, min(int(reset) - int(now.timestamp()), MAX_RETRY_AFTER))
