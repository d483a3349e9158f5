"""Polling: cases by Dataverse's change tracking, which also tells of deletions; notes and e-mails by when they changed.

A delta link holds for seven days and needs read rights on all cases. Where it has expired, or is not for us, cases are
listed by `modifiedon` instead, and tracking is begun anew. Its first walk shows every case there is: only those that
have changed since the last look are told of.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from connectors.dynamics365 import mapping
from connectors.dynamics365.account import Account
from connectors.dynamics365.asking import PAGE, ask, get, link, request, rows_of
from connectors.dynamics365.ids import guid
from connectors.dynamics365.mapping import Json, moment, text
from connectors.sdk import Call, ChangePage, HttpRequest, RemoteTicket

#: how far back the first poll looks
FIRST_LOOK = timedelta(hours=1)
#: what is so much older than the newest that was seen is shown again, and costs nothing
OVERLAP = timedelta(seconds=60)
#: tracking that was refused is tried again so much later
RETRY = timedelta(hours=1)
#: answers that mean that a delta link holds no more, or that there is no tracking for us
REFUSED = (400, 403, 404, 410, 412)

#: list -> columns, and the one that orders rows of one second
LISTS = {
    "incidents": ("incidentid,ticketnumber,modifiedon,versionnumber,statuscode,_masterid_value", "incidentid"),
    "annotations": ("annotationid,modifiedon,versionnumber,_objectid_value", "annotationid"),
    "emails": ("activityid,modifiedon,versionnumber,_regardingobjectid_value", "activityid"),
}
TRACKED = "incidents"


class _Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the poll is: in which list, and how far in it."""

    #: the newest time seen in each list, by the desk's clock
    seen: dict[str, datetime]
    list: str = TRACKED
    #: the page after the last one
    next: str = ""
    top: datetime | None = None
    #: where tracked changes go on; empty: they have to be begun
    delta: str = ""
    #: this walk is one of tracked changes
    tracking: bool = True
    #: tracking is not tried before
    not_before: datetime | None = None


def changes(account: Account, cursor: str, now: datetime) -> Call[ChangePage]:
    """Read one page of hints."""
    state = _state(cursor, now)
    if state.not_before is not None and now < state.not_before:
        state = msgspec.structs.replace(state, tracking=False)
    body = yield from ask(_request(state), none=REFUSED)
    if body is None:
        return (yield from _refused(state, now))
    return _page(account, state, body, now)


def _refused(state: _Cursor, now: datetime) -> Call[ChangePage]:
    """Go on without what was refused: tracking, a page that is no more, a list that is not for us."""
    if state.list == TRACKED and state.tracking:
        # a link that holds no more is begun anew after this walk; tracking that is refused from the start, later
        later = None if state.delta else now + RETRY
        plain = msgspec.structs.replace(state, tracking=False, delta="", next="", not_before=later)
        return ChangePage((), _written(plain), end=False)
    if state.next:
        return ChangePage((), _written(msgspec.structs.replace(state, next="")), end=False)
    if state.list == TRACKED:
        yield from ask(_request(state), none=())
    return _done(state)


def _request(state: _Cursor) -> HttpRequest:
    if state.next:
        return request("GET", state.next, f"next page of {state.list}", prefer=f"odata.maxpagesize={PAGE}")
    chosen, order = LISTS[state.list]
    if state.list == TRACKED and state.tracking:
        prefer = f"odata.track-changes,odata.maxpagesize={PAGE}"
        if state.delta:
            return request("GET", state.delta, "tracked changes", prefer=prefer)
        return get(TRACKED, "begin to track changes", prefer=prefer, select=chosen)
    since = (state.seen[state.list] - OVERLAP).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    where = f"modifiedon ge {since}"
    if state.list == "annotations":
        where += " and objecttypecode eq 'incident'"
    return get(
        state.list, f"list changes of {state.list}", prefer=f"odata.maxpagesize={PAGE}", select=chosen, filter=where,
        orderby=f"modifiedon,{order}",
    )  # fmt: skip


def _page(account: Account, state: _Cursor, body: Json, now: datetime) -> ChangePage:
    tickets: dict[str, RemoteTicket] = {}
    top = state.top
    # the first walk of tracking shows every case: what is older than the last look is nothing new
    bound = state.seen[state.list] - OVERLAP if not state.delta else mapping.EPOCH
    for row in rows_of(body):
        hint = _hint(account, row, now)
        if hint is None:
            continue
        if not hint.deleted:
            top = hint.updated_at if top is None else max(top, hint.updated_at)
        if hint.deleted or hint.updated_at >= bound:
            held = tickets.get(hint.remote_id)
            tickets[hint.remote_id] = hint if held is None or hint.version >= held.version else held
    following = link(account, body, "@odata.nextLink")
    if following:
        return ChangePage(
            tuple(tickets.values()), _written(msgspec.structs.replace(state, next=following, top=top)), end=False
        )
    delta = link(account, body, "@odata.deltaLink") or state.delta
    seen = {**state.seen, state.list: max(state.seen[state.list], top or state.seen[state.list])}
    return _done(msgspec.structs.replace(state, seen=seen, delta=delta), tuple(tickets.values()))


def _hint(account: Account, row: Json, now: datetime) -> RemoteTicket | None:
    """Return which case is to be read because of a row; None where it is about none."""
    if "$deletedEntity" in text(row.get("@odata.context")) or text(row.get("reason")) == "deleted":
        gone = guid(row.get("id")) or guid(text(row.get("id")).rpartition("(")[2].rstrip(")"))
        token = f"deleted:{gone}"
        return RemoteTicket(gone, now, version_token=token, deleted=True) if gone else None
    at = moment(row.get("modifiedon"))
    above = guid(row.get("_objectid_value")) or guid(row.get("_regardingobjectid_value"))
    number = guid(row.get("incidentid")) or above
    if at is None or not number:
        return None
    case = mapping.ticket(account, {**row, "incidentid": number}, at=at) if not above else None
    return RemoteTicket(
        number,
        at,
        version=mapping.version(row),
        version_token=str(mapping.version(row)),
        key=case.key if case else "",
        url=mapping.case_url(account, number),
        merged_into=case.merged_into if case else "",
    )


def _done(state: _Cursor, tickets: tuple[RemoteTicket, ...] = ()) -> ChangePage:
    """Go on to the next list, or rest."""
    lists = list(LISTS)
    place = lists.index(state.list) + 1
    following = lists[place] if place < len(lists) else TRACKED
    rested = msgspec.structs.replace(state, list=following, next="", top=None, tracking=True)
    return ChangePage(tickets, _written(rested), end=place >= len(lists))


def _state(cursor: str, now: datetime) -> _Cursor:
    fresh = _Cursor(dict.fromkeys(LISTS, now - FIRST_LOOK))
    try:
        found = msgspec.json.decode(cursor, type=_Cursor) if cursor else fresh
    except msgspec.DecodeError:
        return fresh
    known = found.list in LISTS
    return msgspec.structs.replace(found, seen=fresh.seen | found.seen) if known else fresh


def _written(state: _Cursor) -> str:
    return msgspec.json.encode(state).decode()
