"""Polling: which records changed, by `sys_updated_on` and, within its second, by sys_id; then which files are new.

A file does not touch its record, so new ones are asked for apart. A round is over when no row is left, hidden ones
counted; the next one begins a minute before the newest change that was seen, because a slow business rule may commit
later than the time that it wrote.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from connectors.sdk import Call, ChangePage, RemoteTicket, TransportError
from connectors.servicenow import mapping, sla
from connectors.servicenow.account import Account
from connectors.servicenow.asking import OUT_OF_SIGHT, PAGE, Rows, get, rows, table
from connectors.servicenow.mapping import is_sys_id, moment, plain, stamp

#: how far back the first poll looks
FIRST_LOOK = timedelta(hours=1)
OVERLAP = timedelta(seconds=60)


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far polling is; stored by the flow as JSON text. Times are the desk's."""

    #: every change before this was seen
    base: datetime
    #: where the round stands: the last row's time and sys_id; a sys_id means that this second is not done
    at: datetime | None = None
    last: str = ""
    #: rows at this place that are out of our sight
    hidden: int = 0
    #: the newest change of the round
    top: datetime | None = None
    #: records are done, files are asked for
    files: bool = False
    files_base: datetime | None = None
    #: how far its own SLA clocks were read
    clocks: sla.Progress = sla.Progress()


def changes(account: Account, cursor: str, now: datetime) -> Call[ChangePage]:
    """Read one page of what changed, as hints without comments."""
    state = _state(cursor, now)
    page = yield from (_files if state.files else _records)(account, state)
    if not page.end or not account.reads_clocks:
        return page
    # after the records that they are about
    events, clocks = yield from sla.poll(account.table, state.clocks, now)
    following = msgspec.structs.replace(_state(page.cursor, now), clocks=clocks)
    ended = clocks.due is not None
    return ChangePage(page.tickets, msgspec.json.encode(following).decode(), end=ended, events=events)


def _state(cursor: str, now: datetime) -> Cursor:
    first = Cursor(now - FIRST_LOOK, files_base=now - FIRST_LOOK)
    try:
        return msgspec.json.decode(cursor, type=Cursor) if cursor else first
    except msgspec.DecodeError:
        return first


def _page(tickets: list[RemoteTicket], state: Cursor, *, end: bool) -> ChangePage:
    return ChangePage(tuple(tickets), msgspec.json.encode(state).decode(), end)


def _records(account: Account, state: Cursor) -> Call[ChangePage]:
    """Read on from the last row: first the rest of its second, then what is newer."""
    since = state.at or state.base - OVERLAP
    if state.last:
        query = f"sys_updated_on={stamp(since)}^sys_id>{state.last}^ORDERBYsys_id"
    else:
        query = f"sys_updated_on>{'=' * (state.at is None)}{stamp(since)}^ORDERBYsys_updated_on^ORDERBYsys_id"
    if account.query:
        query = f"{account.query}^{query}"
    page = yield from rows(table(account.table, query, mapping.columns(account), "list changes", offset=state.hidden))
    found = _checked(account, page, since, state)
    top = max([one.updated_at for one in found] + ([state.top] if state.top else []), default=None)
    state = msgspec.structs.replace(state, top=top)
    if found:
        last = found[-1]
        going_on = msgspec.structs.replace(state, at=last.updated_at, last=last.remote_id, hidden=0)
        return _page(found, going_on, end=False)
    if page.more:
        return _page([], msgspec.structs.replace(state, hidden=state.hidden + PAGE), end=False)
    if state.last:
        return _page([], msgspec.structs.replace(state, last="", hidden=0), end=False)
    newest = max(state.base, state.top or state.base)
    done = Cursor(newest, files=True, files_base=state.files_base, clocks=state.clocks)
    return (yield from _files(account, done))


def _checked(account: Account, page: Rows, since: datetime, state: Cursor) -> list[RemoteTicket]:
    """Return the rows as hints; raises TransportError where they are not what was asked for."""
    found = []
    for row in page.rows:
        one = mapping.ticket(row, account, at=mapping.EPOCH)
        if one is None:
            continue
        wrong = one.updated_at < since or (state.last and one.updated_at != since)
        if wrong or (state.last and one.remote_id <= state.last):
            msg = (
                "ServiceNow answers with records that did not change since: it ignores a part of the query, or reads "
                "its times in another zone than UTC (`gateway connections test` says which)"
            )
            raise TransportError(msg)
        found.append(one)
    return sorted(found, key=lambda one: (one.updated_at, one.remote_id))


def _files(account: Account, state: Cursor) -> Call[ChangePage]:
    """Read one page of files that are new; each is a hint to read its record."""
    since = state.files_base or state.base
    query = f"table_name={account.table}^sys_created_on>={stamp(since - OVERLAP)}^ORDERBYsys_created_on^ORDERBYsys_id"
    place = {"sysparm_limit": str(PAGE), "sysparm_offset": str(state.hidden)}
    page = yield from rows(get("/attachment", "list new files", sysparm_query=query, **place), OUT_OF_SIGHT)
    found = []
    top = state.top or since
    for row in page.rows:
        at, record, file = moment(row.get("sys_created_on")), plain(row.get("table_sys_id")), plain(row.get("sys_id"))
        ours = plain(row.get("table_name")) == account.table
        if at is None or at < since - OVERLAP or not ours or not is_sys_id(record):
            continue
        top = max(top, at)
        found.append(RemoteTicket(record, at, version_token=f"file:{file}"))
    if page.more:
        return _page(found, msgspec.structs.replace(state, hidden=state.hidden + PAGE, top=top), end=False)
    return _page(found, Cursor(state.base, files_base=top, clocks=state.clocks), end=True)
