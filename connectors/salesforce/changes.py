"""Polling: what has a newer SystemModstamp: cases, then their comments, e-mails and files, which do not touch the case.

Each list is in order of (SystemModstamp, Id), so that one second with more rows than a page is not lost. Pages follow
`nextRecordsUrl`; a locator that Salesforce has forgotten is replaced by a query from the last row that was seen.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from connectors.salesforce import mapping
from connectors.salesforce.account import Account
from connectors.salesforce.asking import ABSENT, ask, following, quoted, request, rows_of, select, soql
from connectors.salesforce.ids import full_id, is_case_id
from connectors.salesforce.mapping import Json, moment, said_true, text
from connectors.sdk import Call, ChangePage, HttpRequest, RemoteTicket

#: how far back the first poll looks
FIRST_LOOK = timedelta(hours=1)
#: a long transaction shows with the time of its beginning; rows so much older are shown again, and cost nothing
OVERLAP = timedelta(seconds=120)
#: a list that the org does not have is tried again so much later
RETRY = timedelta(hours=1)
#: Salesforce keeps a locator for two days, and not many of them
FORGOTTEN = frozenset({"INVALID_QUERY_LOCATOR", "QUERY_TIMEOUT"})

#: object -> the fields that say what is to be read again
LISTS = {
    "Case": "Id, CaseNumber, SystemModstamp, IsDeleted, MasterRecordId",
    "CaseComment": "Id, ParentId, SystemModstamp",
    "EmailMessage": "Id, ParentId, SystemModstamp",
    "ContentVersion": "Id, FirstPublishLocationId, SystemModstamp",
    "Attachment": "Id, ParentId, SystemModstamp",
}


class _Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the poll is: in which list, and how far in it."""

    #: the newest time seen in each list, by the desk's clock
    seen: dict[str, datetime]
    list: str = "Case"
    #: the page after the last one
    next: str = ""
    #: the last row of this walk: its time as written, and its id
    last: tuple[str, str] = ("", "")
    top: datetime | None = None
    #: lists that the org does not have, and when to try again
    absent: dict[str, datetime] = {}


def changes(account: Account, cursor: str, now: datetime) -> Call[ChangePage]:
    """Read one page of hints."""
    state = _state(cursor, now)
    if state.list not in _lists(account):
        return _done(account, state)
    if state.absent.get(state.list, now) > now:
        return _done(account, state)
    if state.next:
        asked = request("GET", state.next, "next page of changes")
        body = yield from ask(asked, none=FORGOTTEN)
        if body is None:
            return ChangePage((), _written(msgspec.structs.replace(state, next="")), end=False)
    else:
        body = yield from ask(_query(account, state), none=ABSENT)
        if body is None:
            if state.list == "Case":
                yield from ask(_query(account, state))
            later = {**state.absent, state.list: now + RETRY}
            return _done(account, msgspec.structs.replace(state, absent=later))
    return _page(account, state, rows_of(body), following(body))


def _page(account: Account, state: _Cursor, rows: list[Json], more: str) -> ChangePage:
    tickets: dict[str, RemoteTicket] = {}
    top, last = state.top, state.last
    for row in rows:
        stamp = moment(row.get("SystemModstamp"))
        if stamp is None:
            continue
        top = stamp if top is None else max(top, stamp)
        last = (literal(stamp), full_id(text(row.get("Id"))))
        hint = _hint(account, row, stamp)
        if hint is not None:
            # the newest row of a case is the last one
            tickets[hint.remote_id] = hint
    if more:
        going_on = msgspec.structs.replace(state, next=more, top=top, last=last)
        return ChangePage(tuple(tickets.values()), _written(going_on), end=False)
    seen = {**state.seen, state.list: max(state.seen[state.list], top or state.seen[state.list])}
    return _done(account, msgspec.structs.replace(state, seen=seen), tuple(tickets.values()))


def _hint(account: Account, row: Json, stamp: datetime) -> RemoteTicket | None:
    above = full_id(text(row.get("ParentId"))) or full_id(text(row.get("FirstPublishLocationId")))
    number = above or full_id(text(row.get("Id")))
    if not is_case_id(number):
        return None
    token = stamp.isoformat() + (f"#{text(row.get('Id'))}" if above else "")
    master = full_id(text(row.get("MasterRecordId")))
    return RemoteTicket(
        number,
        stamp,
        version=mapping.version_of(stamp),
        version_token=token,
        key=text(row.get("CaseNumber")),
        url=mapping.case_url(account, number),
        deleted=not above and said_true(row.get("IsDeleted")) and not master,
        merged_into=master,
    )


def _query(account: Account, state: _Cursor) -> HttpRequest:
    at, number = state.last
    if at:
        where = f"(SystemModstamp > {at} OR (SystemModstamp = {at} AND Id > {quoted(number)}))"
    else:
        where = f"SystemModstamp >= {literal(state.seen[state.list] - OVERLAP)}"
    query = soql(LISTS[state.list], state.list, where, "SystemModstamp, Id")
    return select(account, query, f"list changes of {state.list}", deleted=True)


def _done(account: Account, state: _Cursor, tickets: tuple[RemoteTicket, ...] = ()) -> ChangePage:
    """Go on to the next list, or rest."""
    lists = _lists(account)
    place = lists.index(state.list) + 1 if state.list in lists else len(lists)
    following_list = lists[place] if place < len(lists) else "Case"
    state = msgspec.structs.replace(state, list=following_list, next="", last=("", ""), top=None)
    return ChangePage(tickets, _written(state), end=place >= len(lists))


def _lists(account: Account) -> list[str]:
    return [name for name in LISTS if name != "EmailMessage" or account.emails]


def literal(at: datetime) -> str:
    """Write an instant as SOQL does, without quotes."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def _state(cursor: str, now: datetime) -> _Cursor:
    fresh = _Cursor(dict.fromkeys(LISTS, now - FIRST_LOOK))
    try:
        found = msgspec.json.decode(cursor, type=_Cursor) if cursor else fresh
    except msgspec.DecodeError:
        return fresh
    return msgspec.structs.replace(found, seen=fresh.seen | found.seen)


def _written(state: _Cursor) -> str:
    return msgspec.json.encode(state).decode()
