"""What every call shares: the desk's options, how a request is made and how a read's answer is understood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.request_tracker.options import Account, Options
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

#: RT sends a browser (any agent with "Mozilla" in its name) to the login page instead of answering 401
AGENT = "desk-gateway"

#: where RT sends whoever asks for an address that wants a login: all of them, where there is no REST 2 (RT 4.4.6)
LOGIN_PAGE = "/NoAuth/Login.html"

#: rows of a page: RT gives 20 without it and no more than 100 (RT::REST2::Resource::Collection)
PAGE = 100

#: a person in an answer: their login, address and name; `id` becomes the number, by which we know ourselves
PERSON = "id,Name,EmailAddress,RealName"


class Desk:
    """One RT: its options, and our own account there as far as it is known."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.account = Account(options)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        payload: Mapping[str, Any] | None = None,
        effect: Effect = Effect.READ,
        label: str = "",
    ) -> HttpRequest:
        """Make one request to a REST path such as `/ticket/1`."""
        return HttpRequest(
            method=method,
            url=self.options.prefix + path,
            effect=effect,
            params=params or {},
            headers={"User-Agent": AGENT, "Accept": "application/json"},
            json=None if payload is None else dict(payload),
            label=label or f"{method.lower()} {path}",
        )

    def ticket(self, remote_id: str) -> HttpRequest:
        """Ask for one ticket; its ETag is its newest transaction that we may see."""
        return self.request(
            "GET",
            ticket_path(remote_id),
            params={"fields": "Queue", "fields[Queue]": "Name"},
            label="read ticket",
        )


def ticket_path(remote_id: str) -> str:
    """Return the REST path of one ticket; an id can never leave its place in the path."""
    return f"/ticket/{quote(remote_id, safe='')}"


def unauthorized(response: HttpResponse) -> bool:
    """Say whether RT did not take our credentials: 401, or the redirect that browsers and proxies get."""
    return response.status == 401 or 300 <= response.status < 400


def decoded(response: HttpResponse) -> Any:
    """Return the JSON of an answer; raises TransportError when it is none (half an answer, a proxy's page)."""
    try:
        return response.json()
    except msgspec.DecodeError as error:
        msg = f"RT's answer is not JSON: {excerpt(response)}"
        raise TransportError(msg) from error


def led_to(response: HttpResponse) -> str:
    """Say of a redirect where it leads, without what its query tells, and what that means."""
    place = response.header("location").partition("?")[0]
    if LOGIN_PAGE in place:
        return f"redirected to {place}: this RT has no REST 2, as RT 5 and 6 have it and RT 4 has not"
    return f"redirected to {place}: check the url"


def require(response: HttpResponse) -> None:
    """Raise unless a read was answered.

    AuthenticationError when the credentials do not hold, ThrottledError when RT (or the proxy before it) asks us to
    wait, TransportError for any other answer.
    """
    if unauthorized(response):
        why = "RT does not accept our credentials: " if response.status == 401 else ""
        msg = f"{why}{excerpt(response) if why else led_to(response)}"
        raise AuthenticationError(msg)
    if response.status == 429:
        msg = f"RT asks us to wait: {excerpt(response)}"
        raise ThrottledError(msg, seconds=retry_after(response))
    if not response.ok:
        msg = f"RT could not answer: {excerpt(response)}"
        raise TransportError(msg)


def unseen(response: HttpResponse) -> bool:
    """Say whether RT shows us no such thing (403, 404); raises TransportError where it was not REST 2 that said so.

    A page for people comes from something else: a web server without this RT, a wrong path, an RT that has no REST 2.
    """
    if response.status not in {403, 404}:
        return False
    if response.header("content-type").lower().startswith("text/html"):
        msg = f"no REST 2 of RT answers at this address, but a page with HTTP {response.status}: check the url"
        raise TransportError(msg)
    return True


def ask(request: HttpRequest) -> Call[Any]:
    """Read one JSON answer; None for what is not there or out of our sight (403, 404). Raises as `require` does."""
    response = yield request
    if unseen(response):
        return None
    require(response)
    return decoded(response)


def rows(answer: Any) -> list[dict[str, Any]]:
    """Return the rows of a collection's page."""
    items = answer.get("items") if isinstance(answer, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def etag(response: HttpResponse) -> tuple[int, str]:
    """Return the newest transaction's id and the token as RT wrote it (`"121"`); 0 where there is none."""
    token = response.header("etag")
    digits = token.removeprefix("W/").strip('"')
    return (int(digits) if digits.isascii() and digits.isdigit() else 0), token


def quoted(value: str) -> str:
    """Return a value for RT's query language (TicketSQL): in single quotes, with those and backslashes escaped."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
