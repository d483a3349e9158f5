"""How Redmine is asked and how its answers are taken apart, shared by reads, writes and probes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from connectors.redmine.account import Account
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
from gateway.errors import ThrottledError, UnmappedError

#: rows of a page: Redmine gives no more
PAGE = 100
#: pages of projects, when a name is looked for
MAX_PAGES = 50
HEADERS = {"Accept": "application/json"}
#: our fields behind the tables in which Redmine keeps names
OURS = {"status": "status", "priority": "priority", "tracker": "kind", "project": "queue"}
#: where each table of names is read, and under which key its rows stand
TABLES: Mapping[str, tuple[str, str]] = {
    "status": ("/issue_statuses.json", "issue_statuses"),
    "priority": ("/enumerations/issue_priorities.json", "issue_priorities"),
    "tracker": ("/trackers.json", "trackers"),
    "project": ("/projects.json", "projects"),
}

Json = Mapping[str, Any]


def is_issue_id(remote_id: str) -> bool:
    """Say whether this can be the number of an issue."""
    return remote_id.isascii() and remote_id.isdigit() and len(remote_id) < 19


def get(path: str, label: str, **params: str) -> HttpRequest:
    """Return a read."""
    return HttpRequest("GET", path, Effect.READ, params, dict(HEADERS), label=label)


def obj(value: Any) -> Json:
    """Return a JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Json]:
    """Return the objects of a JSON array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


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
    require(request, response)
    found = decoded(response)
    if found is None:
        msg = f"Redmine did not answer {request.label} usefully: {excerpt(response)}"
        raise TransportError(msg)
    return found


def require(request: HttpRequest, response: HttpResponse) -> None:
    """Raise what a read raises unless the answer is a 2xx."""
    if response.status == 401:
        msg = f"Redmine does not accept our credentials, or its REST API is off: {excerpt(response)}"
        raise AuthenticationError(msg)
    if response.status == 429:
        msg = f"Redmine, or what stands before it, asks us to wait: {excerpt(response)}"
        raise ThrottledError(msg, seconds=retry_after(response))
    if not response.ok:
        msg = f"Redmine did not answer {request.label}: {excerpt(response)}"
        raise TransportError(msg)


def number_of(account: Account, table: str, word: str) -> Call[int]:
    """Return the id behind a name; a table is asked for once, and again for a name that is not in it.

    Raises UnmappedError where Redmine has no such name.
    """
    if word.isascii() and word.isdigit():
        return int(word)
    found = account.known.get(table, {}).get(word.lower())
    if found is None:
        account.known[table] = yield from _table(table)
        found = account.known[table].get(word.lower())
    if found is None:
        there = ", ".join(list(account.known[table])[:20])
        msg = f"Redmine has no {table} {word!r} (there are: {there})"
        raise UnmappedError(msg, field=OURS.get(table, ""))
    return found


def _table(table: str) -> Call[dict[str, int]]:
    path, key = TABLES[table]
    found: dict[str, int] = {}
    for page in range(MAX_PAGES):
        body = yield from ask(get(path, f"names of {table}", limit=str(PAGE), offset=str(page * PAGE)), none=())
        rows = objects(obj(body).get(key))
        for row in rows:
            for name in ("name", "identifier"):
                if isinstance(row.get(name), str) and isinstance(row.get("id"), int):
                    found.setdefault(row[name].lower(), row["id"])
        total = obj(body).get("total_count")
        if not rows or not isinstance(total, int) or (page + 1) * PAGE >= total:
            break
    return found
