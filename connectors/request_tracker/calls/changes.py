"""Polling: which tickets changed since the last round, without a date that RT could misread.

RT reads a date in a query in the zone of the asking user, ignores offsets, and takes an unreadable one for "all". A
relative date ("7 minutes ago") has no zone, so we ask by age, rounded up and with an overlap; only numbers of up to
three digits are read as such. Within a round we page by ticket id, which neither changes under us nor skips. Deleted
and merged tickets are hidden from the search: their transactions are asked for by the same age.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import msgspec

from connectors.request_tracker import mapping
from connectors.request_tracker.calls.desk import PAGE, Desk, decoded, require, rows
from connectors.request_tracker.calls.reads import seen
from connectors.request_tracker.mapping import instant, integer, text
from connectors.sdk import Call, ChangePage, HttpResponse, RemoteTicket

#: a transaction may be committed this long after its time was taken (slow scrips), and clocks differ a little
OVERLAP = timedelta(minutes=3)

#: a first round begins this long ago: older tickets come in when they change
FIRST = timedelta(minutes=10)

#: RT's times have a resolution of a second: a younger change may not be the last within its second
SETTLED = timedelta(seconds=2)


class Cursor(msgspec.Struct, omit_defaults=True):
    """Where a poll stands; stored as JSON. Times are by RT's clock."""

    #: every change before this has been seen
    base: datetime
    #: the next round's base, noted when this round began
    next: datetime | None = None
    #: tickets up to this id are done in this round
    after: int = 0
    #: remote id -> LastUpdated (or transaction id) as handed out, so that the overlap is not handed out again
    seen: dict[str, str] = {}


def changes(desk: Desk, cursor: str, now: datetime) -> Call[ChangePage]:
    """Read one page of changed tickets, each as a hint (id, version and fields, no comments); `now` is aware UTC."""
    state = _decode(cursor, now)
    response, rt_now = yield from _tickets(desk, state, now)
    if state.next is None:
        state.next = max(state.base, rt_now - OVERLAP)
    answer = decoded(response)
    page = rows(answer)
    hints: list[RemoteTicket] = []
    for row in page:
        number = text(row.get("id"))
        state.after = max(state.after, integer(number) or 0)
        updated = text(row.get("LastUpdated"))
        if state.seen.get(number) == updated:
            continue
        hint = yield from _hint(desk, number)
        if hint is None:
            continue
        at = instant(updated)
        if at is not None and at <= rt_now - SETTLED:
            state.seen[number] = updated
        hints.append(hint)
    total = answer.get("total") if isinstance(answer, dict) else None
    end = not page or (isinstance(total, int) and len(page) < PAGE)
    if not end:
        return ChangePage(tuple(hints), _encode(state), end=False)
    hints += yield from _gone(desk, state, rt_now)
    return ChangePage(tuple(hints), _encode(_next_round(state)), end=True)


def age(since: datetime, now: datetime) -> str:
    """Return how long ago `since` was, rounded up, in words that RT reads without a zone."""
    minutes = max(1, math.ceil((now - since).total_seconds() / 60))
    if minutes <= 999:
        return f"{minutes} minutes ago"
    hours = math.ceil(minutes / 60)
    if hours <= 999:
        return f"{hours} hours ago"
    return f"{min(999, math.ceil(hours / 24))} days ago"


def rt_clock(response: HttpResponse, fallback: datetime) -> datetime:
    """Return RT's own time of an answer (its Date header), aware UTC."""
    try:
        said = parsedate_to_datetime(response.header("date"))
    except (TypeError, ValueError):
        return fallback
    return said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)


def _decode(cursor: str, now: datetime) -> Cursor:
    try:
        return msgspec.json.decode(cursor, type=Cursor)
    except msgspec.MsgspecError:
        return Cursor(base=now - FIRST)


def _encode(state: Cursor) -> str:
    return msgspec.json.encode(state).decode()


def _next_round(state: Cursor) -> Cursor:
    """Begin again where this round began, and forget what the overlap no longer covers."""
    base = state.next or state.base
    oldest = base - OVERLAP - timedelta(minutes=2)
    kept = {}
    for number, mark in state.seen.items():
        at = instant(mark.partition(" ")[0])
        if at is not None and at >= oldest:
            kept[number] = mark
    return Cursor(base=base, seen=kept)


def _tickets(desk: Desk, state: Cursor, now: datetime) -> Call[tuple[HttpResponse, datetime]]:
    """Ask for a page; a second time with RT's own clock when ours differs from it by more than the overlap."""
    response = yield from _page(desk, state, now)
    rt_now = rt_clock(response, now)
    if abs(rt_now - now) > OVERLAP / 2:
        response = yield from _page(desk, state, rt_now)
    return response, rt_now


def _page(desk: Desk, state: Cursor, clock: datetime) -> Call[HttpResponse]:
    query = f"LastUpdated >= '{age(state.base - OVERLAP, clock)}'"
    if state.after:
        query += f" AND id > {state.after}"
    response = yield desk.request(
        "GET",
        "/tickets",
        params={"query": query, "fields": "LastUpdated", "orderby": "id", "per_page": str(PAGE)},
        label="poll tickets",
    )
    require(response)
    return response


def _hint(desk: Desk, number: str) -> Call[RemoteTicket | None]:
    """Read a ticket's fields and version; None when it went out of sight since the search, or was merged."""
    response = yield desk.ticket(number)
    if response.status in {403, 404}:
        return None
    require(response)
    ticket = seen(desk, response)
    return ticket if ticket.remote_id == number else None


def _gone(desk: Desk, state: Cursor, rt_now: datetime) -> Call[list[RemoteTicket]]:
    """Return hints of tickets that were deleted (reading them tells whether they still are) or merged."""
    found: list[RemoteTicket] = []
    last = 0
    while True:
        query = (
            "ObjectType = 'RT::Ticket' AND ((Type = 'Status' AND NewValue = 'deleted') OR "
            f"(Type = 'AddLink' AND Field = 'MergedInto')) AND Created >= '{age(state.base - OVERLAP, rt_now)}' "
            f"AND id > {last}"
        )
        fields = {"query": query, "fields": "ObjectId,Created,NewValue", "orderby": "id", "per_page": str(PAGE)}
        response = yield desk.request("GET", "/transactions", params=fields, label="poll deletions")
        require(response)
        page = rows(decoded(response))
        if not page:
            return found
        for row in page:
            number, transaction = text(row.get("ObjectId")), integer(row.get("id")) or 0
            last = max(last, transaction)
            survivor = text(row.get("NewValue")).rstrip("/").rpartition("/")[2]  # "deleted" is no number
            mark = f"{text(row.get('Created'))} {transaction}"
            if not number or number == survivor or state.seen.get(f"gone:{number}") == mark:
                continue
            state.seen[f"gone:{number}"] = mark
            found.append(
                RemoteTicket(
                    remote_id=number,
                    key=f"#{number}",
                    url=mapping.web_address(desk.options.base, number),
                    updated_at=instant(row.get("Created")) or rt_now,
                    version=transaction,
                    merged_into=survivor if survivor.isdigit() else "",
                )
            )
