"""How Acme is asked: paths, pages and what its answers mean."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import quote

import msgspec

from acme_desk.mapping import Json
from connectors.sdk import (
    AuthenticationError,
    Call,
    HttpRequest,
    HttpResponse,
    TransportError,
    excerpt,
    retry_after,
)
from gateway.errors import ThrottledError

API = "/api/v1"
#: as many as Acme gives in one page
PAGE = 100


def ticket_path(remote_id: str) -> str:
    """Return the path of one ticket; an id can never leave its place in the path."""
    return f"{API}/tickets/{quote(remote_id, safe='')}"


def get(path: str, label: str, **params: str) -> HttpRequest:
    """Return a read."""
    return HttpRequest("GET", path, params=params, headers={"Accept": "application/json"}, label=label)


def decoded(response: HttpResponse) -> Json:
    """Return the JSON object of an answer, or an empty one."""
    try:
        found = response.json()
    except (msgspec.DecodeError, RecursionError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def answer(response: HttpResponse, label: str, none: Collection[int] = (404,)) -> HttpResponse | None:
    """Return an answer to a read that can be used; None when it is not there. Raises what the flow understands."""
    if response.status in none:
        return None
    if response.status == 401:
        raise AuthenticationError(f"Acme does not accept our token: {excerpt(response)}")
    if response.status == 429:
        raise ThrottledError(f"Acme asks us to wait: {excerpt(response)}", seconds=retry_after(response))
    if not response.ok:
        raise TransportError(f"Acme did not answer {label!r} usefully: {excerpt(response)}")
    return response


def ask(request: HttpRequest, none: Collection[int] = (404,)) -> Call[Json | None]:
    """Read an object; None when it is not there."""
    response = answer((yield request), request.label, none)
    if response is None:
        return None
    found = decoded(response)
    if not found:
        raise TransportError(f"Acme did not answer {request.label!r} usefully: {excerpt(response)}")
    return found
