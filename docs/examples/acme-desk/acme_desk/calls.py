"""What is read from Acme: one ticket whole, what changed, who we are, a file, and whether the connection will do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

import msgspec

from acme_desk import mapping
from acme_desk.account import Account
from acme_desk.asking import API, PAGE, answer, ask, get, ticket_path
from acme_desk.mapping import Json, count, objects
from connectors.sdk import (
    Attachment,
    AuthenticationError,
    Blob,
    Call,
    ChangePage,
    CheckResult,
    HttpRequest,
    Identity,
    RemoteTicket,
    TransportError,
)

#: how far back the first poll looks
FIRST_LOOK = timedelta(hours=1)
#: each round begins so many changes before the last one that was seen: Acme numbers a change before it is committed
OVERLAP = 50
#: after the number, while a round is under way
GOING_ON = "+"
#: a ticket that is deleted, and one that our user may not see
OUT_OF_SIGHT = (403, 404)


def read(account: Account, remote_id: str) -> Call[RemoteTicket | None]:
    """Read one ticket and every page of its comments; None when it is deleted or out of our sight."""
    body = yield from ask(get(ticket_path(remote_id), "read ticket"), OUT_OF_SIGHT)
    found = mapping.ticket((body or {}).get("ticket"), account.url)
    if found is None:
        return None
    said = yield from comments(remote_id)
    heard = [comment for each in said if (comment := mapping.comment(each)) is not None]
    return msgspec.structs.replace(found, comments=tuple(heard), complete=True)


def comments(remote_id: str, **only: str) -> Call[list[Json]]:
    """Read the comments of a ticket, oldest first, every page: Acme names the next one."""
    found: list[Json] = []
    page = 1
    while page:
        path = f"{ticket_path(remote_id)}/comments"
        body = yield from ask(get(path, "read comments", page=str(page), **only))
        listed = objects((body or {}).get("comments"))
        found += listed
        following = count((body or {}).get("next_page"))
        page = following if listed and following > page else 0
    return found


def changes(account: Account, cursor: str, now: datetime) -> Call[ChangePage]:
    """Read one page of the changes after a number; the first poll asks by time."""
    going_on, number = cursor.endswith(GOING_ON), cursor.removesuffix(GOING_ON)
    where = {"since": (now - FIRST_LOOK).isoformat()}
    if number.isascii() and number.isdigit():
        where = {"after": str(int(number) if going_on else max(0, int(number) - OVERLAP))}
    body = yield from ask(get(f"{API}/changes", "list changes", limit=str(PAGE), **where))
    if body is None or "last" not in body:
        raise TransportError("Acme has no list of changes: is this its address?")
    seen: dict[str, RemoteTicket] = {}
    for each in objects(body.get("changes")):
        shown = mapping.ticket(each.get("ticket"), account.url)
        if shown is not None:
            seen[shown.remote_id] = msgspec.structs.replace(shown, deleted=each.get("deleted") is True)
    more = body.get("more") is True
    return ChangePage(tuple(seen.values()), f"{count(body['last'])}{GOING_ON if more else ''}", end=not more)


def whoami() -> Call[Identity]:
    """Say who we are; raises AuthenticationError when the token does not hold."""
    body = yield from ask(get(f"{API}/me", "who are we"))
    person = mapping.person((body or {}).get("agent"))
    if person is None:
        raise AuthenticationError("Acme does not know who we are: check auth in gateway.yaml")
    return Identity(person, f"{person.label}, {person.role or 'unknown role'}")


def check(account: Account) -> Call[Sequence[CheckResult]]:
    """Try what the connection needs, with reads only."""
    try:
        us = yield from whoami()
    except AuthenticationError as error:
        return [CheckResult("credentials", ok=False, detail=f"{error}: make a new token for the agent")]
    same = us.person.email.lower() == account.email.lower()
    told = (
        us.detail if same else f"the token is of {us.person.email}, not of auth.email: our own words would be others'"
    )
    response = yield get(f"{API}/changes", "try the changes", limit="1")
    listed = "changes can be listed" if response.ok else f"HTTP {response.status}: let the agent see all tickets"
    results = [
        CheckResult("credentials", ok=same, detail=told),
        CheckResult("changes", ok=response.ok, detail=listed),
    ]
    if not account.webhook_secrets:
        words = "no webhook_secret: webhooks are refused, and only polling brings changes"
        results.append(CheckResult("webhook_secret", ok=False, detail=words, warning=True))
    return results


def fetch(attachment: Attachment) -> Call[Blob | bytes | None]:
    """Read one file: the transport stores what comes, however large, and hands back what stands for it."""
    path = f"{API}/files/{quote(attachment.remote_id, safe='')}"
    request = HttpRequest("GET", path, headers={"Accept": "*/*"}, label="fetch", keep=True)
    response = answer((yield request), request.label, (403, 404, 410))
    return None if response is None else response.blob


def by_mark(key: str) -> Call[list[Json]]:
    """Return the tickets that bear our mark: Acme answers from its records, without lag."""
    body = yield from ask(get(f"{API}/tickets", "look for the ticket", external_id=f"{mapping.MARKER}{key}"))
    return [each for each in objects((body or {}).get("tickets")) if mapping.marker(each) == key]


def comments_by_mark(remote_id: str, key: str) -> Call[list[Json]]:
    """Return the comments of a ticket that bear our mark."""
    found = yield from comments(remote_id, external_id=f"{mapping.MARKER}{key}")
    return [each for each in found if mapping.marker(each) == key]
