"""How GitLab is asked, and how its answers are taken apart."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.gitlab.mapping import Json, objects, text
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

API = "/api/v4"
PAGE = 100
#: pages of notes of one issue
MAX_PAGES = 200
ACCEPT = {"Accept": "application/json"}
_NEXT = re.compile(r'<[^<>]*>\s*;\s*rel="next"')


def get(path: str, label: str, **params: str) -> HttpRequest:
    """Return a read."""
    return HttpRequest("GET", API + path, Effect.READ, params, ACCEPT, label=label)


def project_path(project: str) -> str:
    """Return the path of a project: its id, or `group/name` as one part."""
    return f"/projects/{quote(project, safe='')}"


def issue_path(project: str, iid: str) -> str:
    """Return the path of an issue."""
    return f"{project_path(project)}/issues/{iid}"


def decoded(response: HttpResponse) -> Any:
    """Return the JSON of an answer; None when it is none."""
    try:
        return response.json()
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None


def record(response: HttpResponse) -> Json:
    """Return the object in an answer, or an empty one."""
    found = decoded(response)
    return found if isinstance(found, dict) else {}


def waiting(response: HttpResponse) -> int | None:
    """Return how long to wait: Retry-After, else until RateLimit-Reset (seconds since 1970) by GitLab's own clock."""
    said = retry_after(response)
    reset = response.header("ratelimit-reset").strip()
    if said is not None or not (reset.isascii() and reset.isdigit() and len(reset) < 12):
        return said
    try:
        now = parsedate_to_datetime(response.header("date"))
    except (TypeError, ValueError):
        return None
    at = (now if now.tzinfo else now.replace(tzinfo=UTC)).timestamp()
    return max(0, min(int(reset) - int(at), MAX_RETRY_AFTER))


def complaint(response: HttpResponse) -> str:
    """Return why GitLab refused: `message` (a text, or texts by field), else `error_description` and `error`."""
    body = record(response)
    words = _said(body.get("message")) or text(body.get("error_description")) or _said(body.get("error"))
    return f"HTTP {response.status} {' '.join(words.split())}"[:400] if words else excerpt(response)


def _said(value: Any, depth: int = 0) -> str:
    if isinstance(value, dict) and depth < 3:
        return "; ".join(f"{name}: {_said(inner, depth + 1)}" for name, inner in value.items())
    if isinstance(value, list) and depth < 3:
        return ", ".join(_said(inner, depth + 1) for inner in value)
    return text(value)


def require(request: HttpRequest, response: HttpResponse) -> None:
    """Raise unless a read was answered: AuthenticationError, ThrottledError or TransportError."""
    if response.status == 401:
        msg = f"GitLab does not accept our credentials: {complaint(response)}"
        raise AuthenticationError(msg)
    if response.status == 429:
        msg = f"GitLab asks us to wait: {complaint(response)}"
        raise ThrottledError(msg, seconds=waiting(response))
    if not response.ok:
        msg = f"GitLab did not answer {request.label}: {complaint(response)}"
        raise TransportError(msg)


def ask(request: HttpRequest) -> Call[Json | None]:
    """Read an object; None when it is not there or out of our sight (403, 404)."""
    response = yield request
    if response.status in {403, 404}:
        return None
    require(request, response)
    found = decoded(response)
    if not isinstance(found, dict):
        msg = f"GitLab's answer to {request.label} is no object: {excerpt(response)}"
        raise TransportError(msg)
    return found


def page(request: HttpRequest) -> Call[tuple[list[Json], bool]]:
    """Read one page of a list; whether there is another stands in `Link`, or in `X-Next-Page`."""
    response = yield request
    require(request, response)
    found = decoded(response)
    if not isinstance(found, list):
        msg = f"GitLab's answer to {request.label} is no list: {excerpt(response)}"
        raise TransportError(msg)
    more = bool(_NEXT.search(response.header("link"))) or bool(response.header("x-next-page").strip())
    return objects(found), more


def everything(path: str, label: str, *, pages: int = MAX_PAGES, **params: str) -> Call[list[Json]]:
    """Read a list to its end."""
    found: list[Json] = []
    for number in range(1, pages + 1):
        rows, more = yield from page(get(path, label, per_page=str(PAGE), page=str(number), **params))
        found += rows
        if not more or not rows:
            return found
    msg = f"GitLab lists more than {pages * PAGE} rows for {label}"
    raise TransportError(msg)
