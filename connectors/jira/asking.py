"""How Jira is asked and how its answers are taken apart, shared by reads, writes and probes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.jira.mapping import MARKER, Json, obj, objects, text
from connectors.jira.options import Options
from connectors.sdk import AuthenticationError, Call, Effect, HttpRequest, HttpResponse, TransportError, retry_after
from gateway.errors import ThrottledError

#: the most that Cloud gives of comments and issues in one page
PAGE = 100
#: pages of one list after which something is wrong
MAX_PAGES = 200
FIELDS = (
    "summary", "description", "status", "priority", "issuetype", "project", "assignee", "reporter", "creator", "labels",
    "created", "updated", "attachment", "resolution", "resolutiondate", "security",
)  # fmt: skip

#: what a number or a key may look like: it becomes part of a path
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}-\d{1,18}|\d{1,20}")


def is_issue_id(remote_id: str) -> bool:
    """Say whether an id can be the number, or the key, of an issue."""
    return _ID.fullmatch(remote_id) is not None


def issue_path(options: Options, remote_id: str) -> str:
    """Return the path of one issue; an id can never leave its place in the path."""
    return f"{options.api}/issue/{quote(remote_id, safe='')}"


def issue_request(options: Options, remote_id: str, label: str, **params: str) -> HttpRequest:
    """Return the read of one issue with all that we look at, our mark included."""
    fields = ",".join((*FIELDS, *options.custom_names))
    return get(issue_path(options, remote_id), label, **{"fields": fields, "properties": MARKER, **params})


def get(path: str, label: str, **params: str) -> HttpRequest:
    """Return a read."""
    return HttpRequest("GET", path, Effect.READ, params, {"Accept": "application/json"}, label=label)


def decoded(response: HttpResponse) -> Any:
    """Return the JSON of an answer; None when it is something else."""
    try:
        return response.json()
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None


def ask(request: HttpRequest, none: Collection[int] = (404,)) -> Call[Json | None]:
    """Read an object; None when it is not there. 404 is also what Jira says to those who may not see it [J6].

    Raises AuthenticationError on 401, ThrottledError on 429, TransportError on anything else that is not JSON in 2xx.
    """
    response = yield request
    if response.status in none:
        return None
    found = answer(response, request.label or request.url)
    if not isinstance(found, dict):
        msg = f"Jira did not answer {request.label or request.url} usefully: {complaint(response)}"
        raise TransportError(msg)
    return found


def ask_list(request: HttpRequest, none: Collection[int] = (404,)) -> Call[list[Json]]:
    """Read a list; empty when it is not there. Raises as `ask` does."""
    response = yield request
    if response.status in none:
        return []
    return objects(answer(response, request.label or request.url))


def answer(response: HttpResponse, what: str) -> Any:
    """Return the JSON of a 2xx; raises AuthenticationError, ThrottledError and TransportError for all else."""
    if response.status == 401:
        msg = f"Jira does not accept our credentials: {complaint(response)}"
        raise AuthenticationError(msg)
    if response.status == 429:
        msg = f"Jira asks us to wait: {complaint(response)}"
        raise ThrottledError(msg, seconds=retry_after(response))
    found = decoded(response) if response.ok else None
    if found is None:
        msg = f"Jira did not answer {what} usefully: {complaint(response)}"
        raise TransportError(msg)
    return found


def complaint(response: HttpResponse) -> str:
    """Return why Jira refused: its messages, and those of single fields; else the first words of its answer."""
    body = obj(decoded(response))
    said = [text(each) for each in body.get("errorMessages") or () if text(each)]
    said += [f"{field}: {text(words)}" for field, words in obj(body.get("errors")).items() if text(words)]
    said += [text(body.get(name)) for name in ("errorMessage", "message") if text(body.get(name))]
    words = "; ".join(said) or " ".join(response.body[:1200].decode("utf-8", "replace").replace("\x00", "").split())
    return f"HTTP {response.status} {words[:300]}".strip()


def jql_text(word: str) -> str:
    """Return a word as a text in JQL."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def search(options: Options, jql: str, label: str, *, place: str, fields: str) -> HttpRequest:
    """Return the read of one page of a search, from `place`: a token on Cloud, a number on Data Center."""
    params = {"jql": jql, "fields": fields, "maxResults": str(PAGE)}
    if options.cloud:
        return get(f"{options.api}/search/jql", label, **params, **({"nextPageToken": place} if place else {}))
    return get(f"{options.api}/search", label, **params, startAt=place or "0", validateQuery="true")


def following(options: Options, body: Json, place: str) -> str:
    """Return the place of the next page; empty after the last."""
    if options.cloud:
        return "" if body.get("isLast") is True else text(body.get("nextPageToken"))
    shown, total = len(objects(body.get("issues"))), body.get("total")
    start = int(place or "0") + shown
    return str(start) if shown and isinstance(total, int) and start < total else ""


def pages() -> Iterator[int]:
    """Count the pages of a list that has an end."""
    return iter(range(MAX_PAGES))


def before(at: datetime | None, bound: datetime | None) -> bool:
    """Say whether an instant is known to lie before another."""
    return at is not None and bound is not None and at < bound
