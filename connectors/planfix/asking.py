"""How Planfix is asked and how its answers are taken apart, shared by reads, writes and probes.

An error is `{"result": "fail", "code": N, "error": …}` under many statuses (REST API, "Error codes"): the code says
more than the status. Lists are asked for with POST.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

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

API = "/rest"
#: rows of a page: Planfix gives no more
PAGE = 100
MAX_PAGES = 200
HEADERS = {"Accept": "application/json"}
#: what is not there: a task, a contact, an employee, a file
GONE = frozenset({1000, 2000, 4000, 7000})
#: unknown or inactive token, account blocked or frozen, inactive user, subscription unpaid or without API
NOT_US = frozenset({1, 2, 10, 11, 16, 20, 21})
#: the requests of the day are used up
USED_UP = 22
#: seconds until it is tried again when the day's requests are used up
LATER = 3600

Json = Mapping[str, Any]


def get(path: str, label: str, **params: str) -> HttpRequest:
    """Return a read."""
    return HttpRequest("GET", API + path, Effect.READ, params, dict(HEADERS), label=label)


def listing(path: str, label: str, payload: Mapping[str, Any]) -> HttpRequest:
    """Return a read of a list, which Planfix wants posted."""
    return HttpRequest("POST", API + path, Effect.READ, headers=dict(HEADERS), json=dict(payload), label=label)


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


def code_of(response: HttpResponse) -> int:
    """Return the code of an error, 0 where the answer has none; `result: fail` may come with 200 as well."""
    body = decoded(response) or {}
    code = body.get("code")
    failed = body.get("result") == "fail" or not response.ok
    return code if failed and isinstance(code, int) and not isinstance(code, bool) else 0


def failed(response: HttpResponse) -> bool:
    """Say whether an answer is none that was hoped for, whatever its status."""
    return not response.ok or (decoded(response) or {}).get("result") == "fail"


def ask(request: HttpRequest) -> Call[Json | None]:
    """Read an object; None when what was asked for is not there, or not for us.

    Raises AuthenticationError, ThrottledError, and TransportError on anything else that is not JSON in 2xx.
    """
    response = yield request
    code = code_of(response)
    if response.status == 404 or code in GONE or (response.status == 403 and code not in NOT_US | {USED_UP}):
        return None
    require(request, response)
    found = decoded(response)
    if found is None:
        msg = f"Planfix did not answer {request.label} usefully: {excerpt(response)}"
        raise TransportError(msg)
    return found


def require(request: HttpRequest, response: HttpResponse) -> None:
    """Raise what a read raises unless the answer is one."""
    code = code_of(response)
    if response.status == 401 or code in NOT_US:
        msg = f"Planfix does not accept our token: {excerpt(response)}"
        raise AuthenticationError(msg)
    if response.status == 429 or code == USED_UP:
        wait = LATER if code == USED_UP else retry_after(response)
        msg = f"Planfix asks us to wait: {excerpt(response)}"
        raise ThrottledError(msg, seconds=wait)
    if failed(response):
        msg = f"Planfix did not answer {request.label}: {excerpt(response)}"
        raise TransportError(msg)
