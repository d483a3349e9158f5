"""How GitHub is asked and how its answers are taken apart, shared by reads, writes and probes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from connectors.github.mapping import Json, obj, objects, parts_of, text
from connectors.sdk import (
    MAX_RETRY_AFTER,
    AuthenticationError,
    Call,
    Effect,
    Forbidden,
    HttpRequest,
    HttpResponse,
    Outcome,
    Rejected,
    Throttled,
    TransportError,
    classify,
    retry_after,
)
from gateway.errors import ThrottledError

#: the most that GitHub gives in one page
PAGE = 100
#: pages of one list after which something is wrong
MAX_PAGES = 200
HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}

_NEXT = re.compile(r'<([^>]+)>;\s*rel="next"')


def issue_path(remote_id: str) -> str:
    """Return the path of one issue; empty where the id is none. An id can never leave its place in the path."""
    parts = parts_of(remote_id)
    return f"/repos/{parts[0]}/issues/{parts[1]}" if parts and ".." not in parts[0] else ""


def get(path: str, label: str, **params: str) -> HttpRequest:
    """Return a read."""
    return HttpRequest("GET", path, Effect.READ, params, HEADERS, label=label)


def decoded(response: HttpResponse) -> Any:
    """Return the JSON of an answer; None when it is something else."""
    try:
        return response.json()
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None


def answer(response: HttpResponse, what: str) -> Any:
    """Return the JSON of a 2xx; raises AuthenticationError, ThrottledError and TransportError for all else."""
    if response.status == 401:
        msg = f"GitHub does not accept our token: {complaint(response)}"
        raise AuthenticationError(msg)
    if is_throttled(response):
        msg = f"GitHub asks us to wait: {complaint(response)}"
        raise ThrottledError(msg, seconds=wait_of(response))
    found = decoded(response) if response.ok else None
    if found is None:
        msg = f"GitHub did not answer {what} usefully: {complaint(response)}"
        raise TransportError(msg)
    return found


def ask(request: HttpRequest, none: Collection[int] = (404, 410)) -> Call[Json | None]:
    """Read an object; None when it is not there (404), or was deleted (410)."""
    response = yield request
    if response.status in none and not is_throttled(response):
        return None
    return obj(answer(response, request.label))


def ask_all(
    path: str, label: str, params: Mapping[str, str] | None = None, none: Collection[int] = (404, 410)
) -> Call[list[Json]]:
    """Read a list to its end; empty where it is not there."""
    found: list[Json] = []
    for page in range(1, MAX_PAGES + 1):
        response = yield get(path, label, **(params or {}), per_page=str(PAGE), page=str(page))
        if response.status in none and not is_throttled(response):
            break
        found += objects(answer(response, label))
        if not has_next(response):
            break
    return found


def has_next(response: HttpResponse) -> bool:
    """Say whether a list goes on: `Link: <…>; rel="next"`."""
    return _NEXT.search(response.header("link")) is not None


def is_throttled(response: HttpResponse) -> bool:
    """Say whether an answer is about a rate limit: 429, and some of the 403 [I3].

    The primary limit leaves `x-ratelimit-remaining: 0`, a secondary one says so in words or gives Retry-After.
    """
    if response.status == 429:
        return True
    if response.status != 403:
        return False
    spent = response.header("x-ratelimit-remaining").strip() == "0"
    return spent or bool(response.header("retry-after")) or "rate limit" in text(obj(decoded(response)).get("message"))


def wait_of(response: HttpResponse) -> int | None:
    """Return the seconds to wait: Retry-After, else until the limit is reset, else a minute [I3]."""
    told = retry_after(response)
    if told is not None:
        return told
    reset = response.header("x-ratelimit-reset").strip()
    if response.header("x-ratelimit-remaining").strip() == "0" and reset.isascii() and reset.isdigit():
        now = _date(response)
        if now is not None:
            return max(1, min(int(reset) - int(now), MAX_RETRY_AFTER))
    return 60


def _date(response: HttpResponse) -> float | None:
    """Return GitHub's own clock: the reset is told by it."""
    try:
        return parsedate_to_datetime(response.header("date")).timestamp()
    except (TypeError, ValueError):
        return None


def refusal(response: HttpResponse) -> Outcome | None:
    """Classify the answer to a write: None for 2xx.

    A redirect is not followed and had no effect: the issue was moved to another repository, or its repository renamed.
    """
    if is_throttled(response):
        return Throttled(complaint(response), wait_of(response))
    if response.status in {301, 302, 307, 308}:
        return Rejected(f"the issue was moved, or its repository renamed: {complaint(response)}")
    if response.status == 403 and "locked" in text(obj(decoded(response)).get("message")):
        return Rejected(complaint(response))
    outcome = classify(response)
    if isinstance(outcome, Rejected):
        return Rejected(complaint(response))
    return Forbidden(complaint(response)) if isinstance(outcome, Forbidden) else outcome


def complaint(response: HttpResponse) -> str:
    """Return why GitHub refused: its message and the single errors; else the first words of its answer."""
    body = obj(decoded(response))
    said = [text(body.get("message"))]
    for each in objects(body.get("errors")):
        parts = (text(each.get(name)) for name in ("field", "code", "message"))
        said.append(" ".join(part for part in parts if part))
    whole = "; ".join(word for word in said if word)
    words = whole or " ".join(response.body[:1200].decode("utf-8", "replace").replace("\x00", "").split())
    return f"HTTP {response.status} {words[:300]}".strip()
