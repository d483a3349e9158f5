"""What every call shares: how a request is made and how a read's answer is understood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from connectors.roundup.mapping import linked, several
from connectors.roundup.options import Options
from connectors.sdk import (
    AuthenticationError,
    Call,
    Effect,
    HttpRequest,
    HttpResponse,
    Part,
    TransportError,
    excerpt,
    retry_after,
)
from gateway.errors import ThrottledError

REST = "/rest/data"

#: rows of a page of a collection
PAGE = 100

#: ids in one search: the address of a request has its limits
TOGETHER = 50

Row = dict[str, Any]


class Desk:
    """One tracker: its options, and our own user there."""

    def __init__(self, options: Options) -> None:
        self.options = options
        #: where tickets are, below /rest/data
        self.issues = f"/{options.kind}"

    def request(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        payload: Row | None = None,
        parts: tuple[Part, ...] = (),
        effect: Effect = Effect.READ,
        etag: str = "",
        label: str = "",
    ) -> HttpRequest:
        """Make one request to a path below /rest/data, such as `/issue/1`."""
        return HttpRequest(
            method=method,
            url=REST + path,
            effect=effect,
            params=params or {},
            headers={**self.options.headers, **({"If-Match": etag} if etag else {})},
            json=payload,
            parts=parts,
            label=label or f"{method.lower()} {path}",
        )

    def issue(self, remote_id: str) -> HttpRequest:
        """Ask for one issue: every property with the names of what it links to, and its ETag."""
        params = {"@verbose": "2", "@protected": "true"}
        return self.request("GET", f"{self.issues}/{remote_id}", params=params, label="read issue")


def require(response: HttpResponse) -> None:
    """Raise unless a read was answered.

    AuthenticationError when the credentials do not hold, ThrottledError when we are asked to wait, TransportError else.
    """
    if response.status == 401:
        msg = f"Roundup does not accept our credentials: {excerpt(response)}"
        raise AuthenticationError(msg)
    if response.status == 429:
        msg = f"Roundup asks us to wait: {excerpt(response)}"
        raise ThrottledError(msg, seconds=retry_after(response))
    if not response.ok:
        msg = f"Roundup could not answer: {excerpt(response)}"
        raise TransportError(msg)


def data(response: HttpResponse) -> Row:
    """Return what stands under `data` of an answer; raises TransportError when it is none of Roundup's."""
    found = maybe(response)
    if found is None:
        msg = f"the answer is not Roundup's: {excerpt(response)}"
        raise TransportError(msg)
    return found


def maybe(response: HttpResponse) -> Row | None:
    """Return what stands under `data` of an answer; None when it is none of Roundup's."""
    try:
        body = response.json()
    except msgspec.DecodeError:
        return None
    found = body.get("data") if isinstance(body, dict) else None
    return found if isinstance(found, dict) else None


def complaint(response: HttpResponse) -> str:
    """Return why Roundup refused: `{"error": {"status": …, "msg": …}}`."""
    try:
        body = response.json()
    except msgspec.DecodeError:
        return excerpt(response)
    said = linked(body.get("error") if isinstance(body, dict) else None).get("msg")
    return f"HTTP {response.status} {said}"[:500] if said else excerpt(response)


def collection(desk: Desk, path: str, params: dict[str, str], label: str) -> Call[list[Row]]:
    """Read the rows of a search that fits into one answer."""
    response = yield desk.request("GET", path, params=params, label=label)
    require(response)
    return several(data(response).get("collection"))


def by_ids(desk: Desk, kind: str, ids: Sequence[str], fields: str, verbose: str = "2") -> Call[dict[str, Row]]:
    """Read items of a class by their ids, some dozens with one request; what is retired or hidden is left out.

    A filter by `id` that is given several times takes any of them (measured on 2.6.0; a list of them finds nothing).
    """
    found: dict[str, Row] = {}
    for first in range(0, len(ids), TOGETHER):
        wanted = "&".join(f"id={one}" for one in ids[first : first + TOGETHER])
        params = {"@fields": fields, "@verbose": verbose, "@protected": "true"}
        rows = yield from collection(desk, f"/{kind}?{wanted}", params, f"read {kind}")
        found |= {str(row.get("id")): row for row in rows}
    return found
