"""How Zendesk is asked and how its answers are taken apart, shared by reads, writes and probes."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.sdk import (
    AuthenticationError,
    Call,
    Effect,
    HttpRequest,
    HttpResponse,
    Org,
    RemotePerson,
    TransportError,
    excerpt,
    retry_after,
)
from connectors.zendesk import mapping
from connectors.zendesk.mapping import Json, ident, obj, objects
from gateway.errors import ThrottledError

API = "/api/v2"
#: a page of comments or tickets; Zendesk gives at most 100 by offset
PAGE = 100
#: Zendesk refuses offsets past 10,000 rows
MAX_PAGES = 100


#: what a ticket's id may look like: it becomes part of a path
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_ticket_id(remote_id: str) -> bool:
    """Say whether an id can be one of a ticket (Zendesk's are digits)."""
    return _ID.fullmatch(remote_id) is not None


def ticket_path(remote_id: str) -> str:
    """Return the path of one ticket; an id can never leave its place in the path."""
    return f"{API}/tickets/{quote(remote_id, safe='')}"


def get(path: str, label: str, **params: str) -> HttpRequest:
    """Return a read."""
    return HttpRequest("GET", path, Effect.READ, params, {"Accept": "application/json"}, label=label)


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
    if response.status in none:
        return None
    if response.status == 401:
        msg = f"Zendesk does not accept our credentials: {excerpt(response)}"
        raise AuthenticationError(msg)
    if response.status == 429:
        msg = f"Zendesk asks us to wait: {excerpt(response)}"
        raise ThrottledError(msg, seconds=retry_after(response))
    found = decoded(response) if response.ok else None
    if found is None:
        msg = f"Zendesk did not answer {request.label or request.url} usefully: {excerpt(response)}"
        raise TransportError(msg)
    return found


def people_in(body: Json) -> dict[str, RemotePerson]:
    """Return the side-loaded users by id."""
    people = [mapping.person(user) for user in objects(body.get("users"))]
    return {person.external_id: person for person in people if person is not None}


def orgs_in(body: Json) -> dict[str, Org]:
    """Return the side-loaded organisations by id."""
    return {ident(item.get("id")): mapping.org(item) for item in objects(body.get("organizations"))}


def more_after(body: Json) -> bool:
    """Say whether a list goes on: `next_page` by offset, `meta.has_more` by cursor."""
    return bool(body.get("next_page")) or obj(body.get("meta")).get("has_more") is True


def next_params(body: Json, page: int) -> dict[str, str]:
    """Return the parameters of the page after `page` (from 1), in the way that the answer pages."""
    after: Any = obj(body.get("meta")).get("after_cursor")
    if isinstance(after, str) and after:
        return {"page[after]": after, "page[size]": str(PAGE)}
    return {"page": str(page + 1), "per_page": str(PAGE)}
