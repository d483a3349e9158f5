"""How Dataverse is asked and how its answers are taken apart, shared by reads, writes and probes.

OData 4: pages go on at `@odata.nextLink`, an absolute address; errors are `{"error": {"code": "0x…", "message"}}`; 429
has Retry-After.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from connectors.dynamics365.account import API, Account
from connectors.dynamics365.mapping import Json, obj, objects, text
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

PAGE = 500
#: pages of one list before something must be wrong
MAX_PAGES = 1_000
#: error codes: no such record, no such column or table
MISSING = "0x80040217"
#: the formatted words and the tables of lookups stand beside the values
ANNOTATIONS = 'odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"'
_HEADERS = {"Accept": "application/json", "OData-MaxVersion": "4.0", "OData-Version": "4.0"}


def quoted(value: str) -> str:
    """Return a text as OData writes it, so that it can never leave its quotes."""
    return "'" + value.replace("'", "''") + "'"


def request(method: str, path: str, label: str, effect: Effect = Effect.READ, **more: Any) -> HttpRequest:
    """Return a request below the Web API, or at an address that it has named itself."""
    prefer = ",".join(part for part in (ANNOTATIONS, more.pop("prefer", "")) if part)
    headers = {**_HEADERS, "Prefer": prefer, **more.pop("headers", {})}
    url = path if path.startswith(("http://", "https://")) else f"{API}/{path}"
    return HttpRequest(method, url, effect, headers=headers, label=label, **more)


def get(path: str, label: str, *, prefer: str = "", **query: str) -> HttpRequest:
    """Return a read; a query option is named without its dollar sign."""
    return request("GET", path, label, prefer=prefer, params={f"${name}": value for name, value in query.items()})


def decoded(response: HttpResponse) -> Json | None:
    """Return the JSON object of an answer; None when it is something else."""
    try:
        found = response.json()
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def code(response: HttpResponse) -> str:
    """Return the error code of an answer, in lower case."""
    return text(obj((decoded(response) or {}).get("error")).get("code")).lower()


def complaint(response: HttpResponse) -> str:
    """Return why Dataverse refused, in its words, else the first words of its answer."""
    error = obj((decoded(response) or {}).get("error"))
    words = " ".join(text(error.get("message")).split())
    return f"HTTP {response.status} {text(error.get('code'))}: {words}"[:500] if words else excerpt(response)


def ask(asked: HttpRequest, none: Collection[int] = (404,)) -> Call[Json | None]:
    """Read an object; None when it is not there.

    Raises AuthenticationError on 401, ThrottledError on 429, TransportError on anything else that is not JSON in 2xx.
    """
    response = yield asked
    if response.status in none:
        return None
    if response.status == 401:
        msg = f"Dynamics 365 does not accept our credentials: {complaint(response)}"
        raise AuthenticationError(msg)
    if response.status == 429:
        msg = f"Dynamics 365 asks us to wait: {complaint(response)}"
        raise ThrottledError(msg, seconds=retry_after(response))
    found = decoded(response) if response.ok else None
    if found is None:
        msg = f"Dynamics 365 did not answer {asked.label or asked.url} usefully: {complaint(response)}"
        raise TransportError(msg)
    return found


def rows_of(body: Json) -> list[Json]:
    """Return the records of a page; raises TransportError where it is none."""
    if not isinstance(body.get("value"), list):
        msg = "Dynamics 365's answer to a list holds no records"
        raise TransportError(msg)
    return objects(body["value"])


def link(account: Account, body: Json, name: str) -> str:
    """Return an address that a page names for what follows; empty where it names none. Only our Web API is followed."""
    found = text(body.get(name))
    if found and not found.startswith(f"{account.url}{API}/"):
        msg = "Dynamics 365 names a next page that is not below its own Web API"
        raise TransportError(msg)
    return found


def every(account: Account, asked: HttpRequest, none: Collection[int] = (404,)) -> Call[list[Json] | None]:
    """Read all records of a list, page by page; None where it is not there, or not for us."""
    found: list[Json] = []
    for _ in range(MAX_PAGES):
        body = yield from ask(asked, none=none)
        if body is None:
            return None
        found += rows_of(body)
        following = link(account, body, "@odata.nextLink")
        if not following:
            return found
        asked = request("GET", following, asked.label, prefer=f"odata.maxpagesize={PAGE}")
    msg = f"Dynamics 365 lists more than {MAX_PAGES} pages for {asked.label!r}"
    raise TransportError(msg)
