"""What is read from the desk: one ticket whole, what changed, who we are, and whether the connection will do.

Freshdesk's list goes by time of change: each page is asked for from where the last one ended, so that no page is ever
skipped by tickets that move while it is read, and the vendor's limit of 300 pages is never met. Freshservice's list
knows no such order: its pages are walked from the newest ticket on. Neither list shows what was deleted or called
spam; those have filters of their own, which are looked at less often.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from connectors.freshdesk import mapping
from connectors.freshdesk.account import Account
from connectors.freshdesk.asking import (
    API,
    MAX_PAGES,
    PAGE,
    ask,
    decoded,
    desk_time,
    every,
    get,
    goes_on,
    is_ticket_id,
    listed,
    ticket_path,
    unwrapped,
)
from connectors.freshdesk.mapping import Json, ident, text
from connectors.freshdesk.texts import merged_into
from connectors.sdk import (
    AgentState,
    AuthenticationError,
    Call,
    Category,
    ChangePage,
    DeskAgent,
    Identity,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    Status,
    TransportError,
)

#: how far back the first poll looks
FIRST_LOOK = timedelta(hours=1)
#: tickets this much older than the newest one seen are shown again; their names make that free
OVERLAP = timedelta(seconds=60)
#: of lists whose pages may shift while they are walked
WIDE_OVERLAP = timedelta(minutes=5)
#: deleted tickets and spam are looked for so often
GONE_EVERY = timedelta(minutes=5)
#: people who are asked for by themselves in one read: each costs a call of the account's limit
MOST_PEOPLE = 10
GONE = ("deleted", "spam")


def read(account: Account, remote_id: str) -> Call[RemoteTicket | None]:
    """Read one ticket and all its conversations; None when it is not there or out of our sight."""
    if not is_ticket_id(remote_id):
        return None
    response = yield from ask(get(ticket_path(remote_id), "read ticket", include="requester"), none=(403, 404))
    if response is None:
        return None
    data = unwrapped(account, decoded(response), "ticket")
    found = mapping.ticket(data, account)
    if found is None:
        msg = f"the desk's answer to reading ticket {remote_id} holds no ticket"
        raise TransportError(msg)
    if found.deleted:
        return msgspec.structs.replace(found, complete=True)
    conversations = yield from every(
        account, f"{ticket_path(remote_id)}/conversations", "conversations", "read comments"
    )
    yield from _meet(account, data, conversations or [])
    comments = [comment for each in conversations or [] if (comment := mapping.comment(each, account)) is not None]
    comments.sort(key=lambda comment: (comment.at, len(comment.remote_id), comment.remote_id))
    # people that were met meanwhile have names now
    found = mapping.ticket(data, account) or found
    comments = [_with_requester(comment, found.requester) for comment in comments]
    return msgspec.structs.replace(
        found, comments=tuple(comments), complete=True, merged_into=_survivor(account, found, comments)
    )


def _with_requester(comment: RemoteComment, requester: Any) -> RemoteComment:
    author = comment.author
    if not isinstance(requester, RemotePerson) or author is None or author.external_id != requester.external_id:
        return comment
    return msgspec.structs.replace(comment, author=msgspec.structs.replace(requester, role="customer"))


def _survivor(account: Account, found: RemoteTicket, comments: list[RemoteComment]) -> str:
    """Return the ticket into which this one was merged: no field says so, only the note that the desk leaves."""
    status = found.status
    if not isinstance(status, Status) or status.category not in {Category.CLOSED, Category.RESOLVED}:
        return ""
    notes = [one for one in comments if one.author is None or one.author.role != "customer"]
    into = merged_into(notes[-1].body, account.merge_note) if notes else ""
    return into if into != found.remote_id else ""


def _meet(account: Account, data: Json, conversations: Sequence[Json]) -> Call[None]:
    """Ask for the names of those who wrote, as far as they are not known: a conversation says only their ids."""
    requester = ident(data.get("requester_id"))
    wanted: dict[str, bool] = {}
    assignee = ident(data.get("responder_id"))
    if assignee:
        wanted[assignee] = False
    for each in conversations:
        number = ident(each.get("user_id"))
        if number and number != requester:
            wanted.setdefault(number, each.get("incoming") is True)
    unknown = {number: incoming for number, incoming in wanted.items() if number not in account.people}
    for number, incoming in list(unknown.items())[:MOST_PEOPLE]:
        if not is_ticket_id(number):
            continue
        account.people[number] = yield from _person(account, number, incoming=incoming)


def _person(account: Account, number: str, *, incoming: bool) -> Call[RemotePerson]:
    """Read one person; where they are not shown to us, they are known by their id."""
    outside = ("requesters", "requester") if account.is_freshservice else ("contacts", "contact")
    path, name = outside if incoming else ("agents", "agent")
    role = "customer" if incoming else "agent"
    response = yield from ask(get(f"{API}/{path}/{number}", "read person"), none=(400, 403, 404))
    found = mapping.contact(unwrapped(account, decoded(response), name), role) if response is not None else None
    return found or RemotePerson(number, role=role)


class _Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far polling is; stored by the flow as JSON text."""

    #: everything that changed before this was told of (the desk's clock)
    seen: datetime
    #: where the next page begins, and its number from there; none: a round begins
    since: datetime | None = None
    page: int = 1
    #: the newest change seen in this round, and the desk's time when it began
    top: datetime | None = None
    began: datetime | None = None
    #: which of GONE is walked now; empty: the list of changes
    gone: str = ""
    gone_seen: datetime | None = None
    gone_due: datetime | None = None


def changes(account: Account, cursor: str, now: datetime) -> Call[ChangePage]:
    """Read one page of what changed; a round ends with `end=True`.

    Raises AuthenticationError, ThrottledError and TransportError as reads do; the cursor then stays as it was.
    """
    state = _state(cursor, now)
    return (yield from (_gone if state.gone else _changed)(account, state, now))


def _state(cursor: str, now: datetime) -> _Cursor:
    try:
        return msgspec.json.decode(cursor, type=_Cursor) if cursor else _Cursor(now - FIRST_LOOK)
    except msgspec.DecodeError:
        return _Cursor(now - FIRST_LOOK)


def _page(tickets: list[RemoteTicket], state: _Cursor, *, end: bool) -> ChangePage:
    return ChangePage(tuple(tickets), msgspec.json.encode(state).decode(), end)


def _list(
    account: Account, since: datetime, page: int, label: str, **more: str
) -> Call[tuple[list[RemoteTicket], bool, datetime | None]]:
    """Read one page of tickets: them, whether the list goes on, and the desk's time."""
    params = {"updated_since": stamp(since), "page": str(page), "per_page": str(PAGE), **more}
    if not account.is_freshservice:
        params |= {"order_by": "updated_at"}
    elif account.workspace_id:
        params["workspace_id"] = account.workspace_id
    response = yield from ask(get(f"{API}/tickets", label, **params), none=())
    if response is None:  # pragma: no cover - no status means that here
        return [], False, None
    records = listed(account, decoded(response), "tickets")
    found = [ticket for each in records if (ticket := mapping.ticket(each, account)) is not None]
    return found, goes_on(response, records), desk_time(response)


def stamp(at: datetime) -> str:
    """Write an instant as `updated_since` wants it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _changed(account: Account, state: _Cursor, now: datetime) -> Call[ChangePage]:
    overlap = WIDE_OVERLAP if account.is_freshservice else OVERLAP
    since = state.since or state.seen - overlap
    found, more, clock = yield from _list(account, since, state.page, "list changes", order_type="asc")
    began = state.began or clock
    top = max([each.updated_at for each in found] + ([state.top] if state.top else []), default=None)
    going = msgspec.structs.replace(state, since=since, top=top, began=began)
    if more and found:
        last = found[-1].updated_at - timedelta(seconds=1)
        if not account.is_freshservice and last > since:
            # the list is in order of change: go on from here, so that it does not matter what moves meanwhile
            return _page(found, msgspec.structs.replace(going, since=last, page=1), end=False)
        if state.page < MAX_PAGES:
            return _page(found, msgspec.structs.replace(going, page=state.page + 1), end=False)
        if not account.is_freshservice:
            # 30,000 changes of one second: the vendor shows no more of them
            return _page(found, msgspec.structs.replace(going, since=since + timedelta(seconds=2), page=1), end=False)
    # all that had changed when the round began was told of; what changed since then, the next one tells of
    seen = max(state.seen, began or top or state.seen)
    due = state.gone_due is None or now >= state.gone_due
    done = _Cursor(seen, gone=GONE[0] if due else "", gone_seen=state.gone_seen, gone_due=state.gone_due)
    return _page(found, done, end=not due)


def _gone(account: Account, state: _Cursor, now: datetime) -> Call[ChangePage]:
    """Read one page of the deleted tickets, then of the spam."""
    begin = (state.gone_seen or state.seen - FIRST_LOOK) - WIDE_OVERLAP
    found, more, clock = yield from _list(
        account, begin, state.page, f"list {state.gone}", filter=state.gone, order_type="desc"
    )
    began = state.began or clock or now
    recent = [msgspec.structs.replace(each, deleted=True) for each in found if each.updated_at >= begin]
    if more and recent and state.page < MAX_PAGES:
        return _page(recent, msgspec.structs.replace(state, page=state.page + 1, began=began), end=False)
    if state.gone == GONE[0]:
        return _page(recent, msgspec.structs.replace(state, gone=GONE[1], page=1, began=began), end=False)
    return _page(recent, _Cursor(state.seen, gone_seen=began, gone_due=now + GONE_EVERY), end=True)


def whoami(account: Account) -> Call[Identity]:
    """Say who we are there; raises AuthenticationError when the key does not hold."""
    path = f"{API}/agents/me" if not (account.is_freshservice and account.own) else f"{API}/agents/{account.own}"
    response = yield from ask(get(path, "who we are"), none=())
    agent = mapping.contact(unwrapped(account, decoded(response), "agent"), "agent") if response is not None else None
    if agent is None:
        msg = "the desk does not say who we are: give account_id, the agent id of the gateway's agent"
        raise AuthenticationError(msg)
    account.own = agent.external_id
    account.people[agent.external_id] = agent
    return Identity(agent, f"agent {agent.label} ({agent.external_id})")


def agents(account: Account) -> Call[Sequence[DeskAgent]]:
    """List every agent.

    `available` says whether somebody takes tickets that are assigned by turns; in accounts without that it means
    nothing, so it counts where the settings say so.
    """
    found = (yield from every(account, f"{API}/agents", "agents", "list agents", none=())) or []
    return [agent for each in found if (agent := _agent(account, each)) is not None]


def _agent(account: Account, data: Json) -> DeskAgent | None:
    person = mapping.contact(data, "agent")
    if person is None:
        return None
    inner = mapping.obj(data.get("contact")) or data
    active = inner.get("active") is not False and data.get("deactivated") is not True
    state = AgentState.UNKNOWN
    available = data.get("available")
    if account.presence and active and isinstance(available, bool):
        state = AgentState.AVAILABLE if available else AgentState.AWAY
    since = mapping.moment(text(data.get("available_since"))) if state is AgentState.AVAILABLE else None
    return DeskAgent(person.external_id, person.email, person.name, active, state, since)


__all__ = ["agents", "changes", "read", "stamp", "whoami"]
