"""What is read from Help Scout: one conversation whole, what changed, who we are, and whether the connection will do.

Changes are listed by time of modification, which the list goes by and does not show. It is walked from the newest on:
what is modified meanwhile moves to its front, so that nothing is passed; where a record leaves the list, the page
before is read again. The next round begins a while before this one did.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from connectors.helpscout import mapping
from connectors.helpscout.account import Account
from connectors.helpscout.asking import (
    API,
    MAX_PAGES,
    ask,
    conversation_path,
    decoded,
    desk_time,
    embedded,
    every,
    get,
    moved_to,
    pages_of,
    total_of,
)
from connectors.helpscout.mapping import Json, ident, text
from connectors.marks import mark_of
from connectors.sdk import (
    Attachment,
    AuthenticationError,
    Blob,
    Call,
    ChangePage,
    CheckResult,
    DeskAgent,
    HttpResponse,
    Identity,
    RemoteComment,
    RemoteTicket,
    TransportError,
)
from gateway.errors import ThrottledError

#: how far back the first poll looks
FIRST_LOOK = timedelta(hours=1)
#: answers that say what became of a conversation
GONE = frozenset({301, 302, 308, 404})
#: how much of the last round is walked again: the list shows no time of modification, and may lag
OVERLAP = timedelta(minutes=2)
#: the desk answers a file as JSON in base64, of which an answer holds no more than this
MAX_FETCHED = 5_500_000


def read(account: Account, remote_id: str) -> Call[RemoteTicket | None]:
    """Read one conversation and all its threads; None when it is not there or out of our sight.

    One that was merged answers where it went. One that is gone after a signed webhook told so was deleted.
    """
    if ident(remote_id) != remote_id or not remote_id:
        return None
    response = yield from ask(get(conversation_path(remote_id), "read conversation"), none=(403,), passed=GONE)
    if response is None:
        return None
    if response.status in GONE:
        return _elsewhere(account, remote_id, response)
    found = mapping.ticket(decoded(response), account)
    if found is None:
        msg = f"Help Scout's answer to reading conversation {remote_id} holds no conversation"
        raise TransportError(msg)
    threads = yield from every(f"{conversation_path(remote_id)}/threads", "threads", "read threads")
    return whole(account, found, threads or [])


def _elsewhere(account: Account, remote_id: str, response: HttpResponse) -> RemoteTicket | None:
    """Say what became of a conversation that is not there: merged, deleted, or not for us to know."""
    at = desk_time(response) or mapping.EPOCH
    gone = RemoteTicket(remote_id, at, key=remote_id, url=mapping.web_address(remote_id, ""), complete=True)
    into = moved_to(response)
    if into and into != remote_id:
        return msgspec.structs.replace(gone, merged_into=into)
    if response.status == 404 and remote_id in account.ended:
        return msgspec.structs.replace(gone, deleted=True)
    return None


def whole(account: Account, found: RemoteTicket, threads: list[Json]) -> RemoteTicket:
    """Put a conversation and its threads together: the first one is what it is about, and no comment."""
    said = mapping.in_order([each for each in threads if mapping.is_said(each)])
    spoken = [mapping.comment(each, account, found.remote_id) for each in said]
    first, comments = mapping.parted(spoken, found.created_at)
    newest = max([found.updated_at, *(one.at for one in spoken)])
    return msgspec.structs.replace(
        found,
        updated_at=newest,
        version=int(newest.timestamp() * 1_000_000),
        body=first.body if first else "",
        lost=first.lost if first else (),
        source_format=first.source_format if first else "",
        raw=first.raw if first else "",
        attachments=first.attachments if first else (),
        marker=found.marker or _mark_of(said, first),
        comments=tuple(comments),
        complete=True,
    )


def _mark_of(said: list[Json], first: RemoteComment | None) -> str:
    """Return the mark of the first thread: we write it in the customer's name, so its author does not show that."""
    number = first.remote_id if first is not None else ""
    return next((mark_of(text(each.get("body"))) for each in said if ident(each.get("id")) == number), "")


class _Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far polling is; stored by the flow as JSON text."""

    #: everything modified before this was told of (the desk's clock)
    seen: datetime
    page: int = 1
    began: datetime | None = None
    #: how many records the list had on the page before; fewer than that: some have left it
    total: int = 0


def changes(account: Account, cursor: str, now: datetime) -> Call[ChangePage]:
    """Read one page of what changed; a round ends with `end=True`.

    Raises AuthenticationError, ThrottledError and TransportError as reads do; the cursor then stays as it was.
    """
    state = _state(cursor, now)
    since = (state.seen - OVERLAP).strftime("%Y-%m-%dT%H:%M:%SZ")
    # by default the desk lists what is active only
    params = {"status": "all", "modifiedSince": since, "sortField": "modifiedAt", "sortOrder": "desc"}
    response = yield from ask(get(f"{API}/conversations", "list changes", page=str(state.page), **params), none=())
    body = decoded(response) if response is not None else {}
    began = state.began or (desk_time(response) if response is not None else None) or now
    records = embedded(body, "conversations")
    found = [ticket for each in records if (ticket := mapping.ticket(each, account)) is not None]
    total = total_of(body)
    if records and state.page < min(pages_of(body), MAX_PAGES):
        shrunk = 0 < total < state.total and state.page > 1
        going = _Cursor(state.seen, state.page - 1 if shrunk else state.page + 1, began, total)
        return _page(found, going, end=False)
    return _page(found, _Cursor(max(state.seen, began)), end=True)


def _state(cursor: str, now: datetime) -> _Cursor:
    try:
        return msgspec.json.decode(cursor, type=_Cursor) if cursor else _Cursor(now - FIRST_LOOK)
    except msgspec.DecodeError:
        return _Cursor(now - FIRST_LOOK)


def _page(tickets: list[RemoteTicket], state: _Cursor, *, end: bool) -> ChangePage:
    return ChangePage(tuple(tickets), msgspec.json.encode(state).decode(), end)


def whoami(account: Account) -> Call[Identity]:
    """Say whose app it is; raises AuthenticationError when the credentials do not hold."""
    response = yield from ask(get(f"{API}/users/me", "who we are"), none=())
    user = mapping.person(decoded(response), "agent") if response is not None else None
    if user is None:
        msg = "Help Scout does not say who we are: was the app made by a user that is still there?"
        raise AuthenticationError(msg)
    account.own, account.own_mail = user.external_id, user.email
    return Identity(user, f"user {user.label} ({user.external_id})")


def check(account: Account) -> Call[Sequence[CheckResult]]:
    """Try the credentials, the inboxes that we see, and the list of conversations. Writes nothing."""
    try:
        identity = yield from whoami(account)
    except (AuthenticationError, ThrottledError, TransportError) as error:
        return [CheckResult("account", ok=False, detail=f"{error}; are these the id and secret of the gateway's app?")]
    lines = [CheckResult("account", ok=True, detail=identity.detail)]
    try:
        boxes = (yield from every(f"{API}/mailboxes", "mailboxes", "list inboxes", none=(403,))) or []
        listing = get(f"{API}/conversations", "list conversations", status="all", page="1")
        response = yield from ask(listing, none=(403,))
    except TransportError as error:
        return [*lines, CheckResult("inboxes", ok=False, detail=str(error))]
    names = {ident(each.get("id")): text(each.get("name")) for each in boxes}
    unknown = [f"{name} ({number})" for name, number in account.mailbox_ids.items() if number not in names]
    if not names or response is None:
        lines.append(CheckResult("inboxes", ok=False, detail="no inbox is shown to the gateway's user: give it access"))
    elif unknown:
        words = f"not shown to us: {', '.join(unknown)}; there are {_listed(names)}"
        lines.append(CheckResult("inboxes", ok=False, detail=words, warning=True))
    else:
        limit = response.header("x-ratelimit-limit-minute")
        words = f"{_listed(names)}{f'; {limit} calls a minute' * bool(limit)}"
        lines.append(CheckResult("inboxes", ok=True, detail=words))
    return lines


def _listed(names: dict[str, str]) -> str:
    return ", ".join(f"{name} ({number})" for number, name in sorted(names.items()))


def agents() -> Call[Sequence[DeskAgent]]:
    """List every user; the desk says whether they are away only to themselves. Invited ones count as there."""
    found = (yield from every(f"{API}/users", "users", "list users", none=())) or []
    people = [(each, mapping.person(each, "agent")) for each in found if text(each.get("type")).lower() != "team"]
    return [DeskAgent(one.external_id, one.email, one.name) for _, one in people if one is not None]


def fetch(attachment: Attachment) -> Call[Blob | bytes | None]:
    """Read one file, which the desk wraps into JSON; None when it is not there, or larger than an answer may be."""
    if not attachment.url or attachment.size > MAX_FETCHED:
        return None
    response = yield from ask(get(attachment.url, "fetch a file"), none=(403, 404, 410))
    if response is None:
        return None
    try:
        return base64.b64decode(text(decoded(response).get("data")), validate=True)
    except (binascii.Error, ValueError):
        msg = f"the file {attachment.remote_id} is no base64"
        raise TransportError(msg) from None
