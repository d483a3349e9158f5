"""How Salesforce is asked and how its answers are taken apart, shared by reads, writes and probes.

Errors are an array of `{message, errorCode, fields}`. Too many requests is 403 `REQUEST_LIMIT_EXCEEDED` and no 429, and
there is no Retry-After: the daily limit counts the last 24 hours, so it frees up bit by bit.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import msgspec

from connectors.salesforce.account import Account
from connectors.salesforce.mapping import Json, obj, objects, text
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

USERINFO = "/services/oauth2/userinfo"
LIMIT = "REQUEST_LIMIT_EXCEEDED"
#: seconds to leave the org alone: its day's requests are used up; too many at this moment
DAILY_WAIT, SHORT_WAIT = 900, 60
#: rows of one answer; Salesforce gives 200 to 2,000, as it likes
BATCH = 500
#: pages of one list before something must be wrong
MAX_PAGES = 1_000
#: told of each request, so that change events say where a change came from
CLIENT = "desk-gateway"
#: an org does not have such an object, or does not show it to us
ABSENT = frozenset({"INVALID_TYPE", "INVALID_FIELD", "INSUFFICIENT_ACCESS", "NOT_FOUND", "API_DISABLED_FOR_ORG"})
_NEXT = re.compile(r"/services/data/v\d+\.\d/query(?:All)?/[A-Za-z0-9-]{1,120}")


def quoted(value: str) -> str:
    """Return a text as SOQL writes it, so that it can never leave its quotes."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r") + "'"


def soql(fields: str, source: str, where: str = "", order: str = "", limit: int = 0) -> str:
    """Return a query; whatever is not ours stands in `where`, quoted."""
    parts = ["SELECT", fields, "FROM", source]
    parts += ["WHERE", where] if where else []
    parts += ["ORDER BY", order] if order else []
    parts += ["LIMIT", str(limit)] if limit else []
    return " ".join(parts)


def request(method: str, url: str, label: str, effect: Effect = Effect.READ, **more: Any) -> HttpRequest:
    """Return a request with what all of them carry."""
    headers = {"Accept": "application/json", "Sforce-Call-Options": f"client={CLIENT}", **more.pop("headers", {})}
    return HttpRequest(method, url, effect, headers=headers, label=label, **more)


def select(account: Account, query: str, label: str, *, deleted: bool = False) -> HttpRequest:
    """Return a query; `deleted` also shows what lies in the recycle bin."""
    path = f"{account.root}/{'queryAll' if deleted else 'query'}"
    return request("GET", path, label, params={"q": query}, headers={"Sforce-Query-Options": f"batchSize={BATCH}"})


def decoded(response: HttpResponse) -> Any:
    """Return the JSON of an answer; None when it is something else."""
    try:
        return response.json()
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None


def errors(response: HttpResponse) -> list[Json]:
    """Return the errors of an answer: an array, or one object."""
    body = decoded(response)
    return objects(body) or ([body] if isinstance(body, dict) else [])


def codes(response: HttpResponse) -> set[str]:
    """Return the error codes of an answer."""
    return {text(error.get("errorCode")) for error in errors(response)} - {""}


def complaint(response: HttpResponse) -> str:
    """Return why Salesforce refused, in its words, else the first words of its answer."""
    said = []
    for error in errors(response):
        fields = [text(field) for field in error.get("fields") or () if text(field)]
        where = f" ({', '.join(fields)})" if fields else ""
        said.append(f"{text(error.get('errorCode'))}: {text(error.get('message'))}{where}".strip(": "))
    words = "; ".join(each for each in said if each)
    return f"HTTP {response.status} {' '.join(words.split())}"[:500] if words else excerpt(response)


def is_throttled(response: HttpResponse) -> bool:
    """Say whether an answer means that we ask too much."""
    return response.status == 429 or (response.status == 403 and LIMIT in codes(response))


def wait_of(response: HttpResponse) -> int:
    """Return for how many seconds to leave the org alone."""
    told = retry_after(response)
    if told is not None:
        return told
    daily = "totalrequests" in response.body[:2000].decode("utf-8", "replace").replace(" ", "").lower()
    return DAILY_WAIT if daily else SHORT_WAIT


def ask(asked: HttpRequest, none: Collection[str] = ()) -> Call[Any]:
    """Read JSON; None when the desk says one of the error codes `none`.

    Raises AuthenticationError on 401, ThrottledError where we ask too much, TransportError on anything else.
    """
    response = yield asked
    if response.status == 401:
        msg = f"Salesforce does not accept our credentials: {complaint(response)}"
        raise AuthenticationError(msg)
    if is_throttled(response):
        msg = f"Salesforce asks us to wait: {complaint(response)}"
        raise ThrottledError(msg, seconds=wait_of(response))
    found = decoded(response) if response.ok else None
    if found is None:
        if not response.ok and codes(response) & set(none):
            return None
        msg = f"Salesforce did not answer {asked.label or asked.url} usefully: {complaint(response)}"
        raise TransportError(msg)
    return found


def rows_of(body: Any) -> list[Json]:
    """Return the records of a page of a query; raises TransportError where it is none."""
    if not isinstance(body, dict) or not isinstance(body.get("records"), list):
        msg = "Salesforce's answer to a query holds no records"
        raise TransportError(msg)
    return objects(body["records"])


def following(body: Any) -> str:
    """Return the path of the page after this one; empty at the end. Only a path of the query resource is followed."""
    page = obj(body)
    path = text(page.get("nextRecordsUrl"))
    if page.get("done") is True or not path:
        return ""
    if not _NEXT.fullmatch(path):
        msg = "Salesforce's next page is not where pages of a query are"
        raise TransportError(msg)
    return path


def every(account: Account, query: str, label: str, *, deleted: bool = False) -> Call[list[Json] | None]:
    """Read all rows of a query, page by page; None where the org has no such object, or does not show it to us."""
    asked = select(account, query, label, deleted=deleted)
    found: list[Json] = []
    for _ in range(MAX_PAGES):
        body = yield from ask(asked, none=ABSENT)
        if body is None:
            return None
        found += rows_of(body)
        path = following(body)
        if not path:
            return found
        asked = request("GET", path, label)
    msg = f"Salesforce lists more than {MAX_PAGES} pages for {label!r}"
    raise TransportError(msg)
