"""Polling: which issues changed since the last round, newest first, without a date that Roundup could misread.

A search reads dates in the zone of the asking user and the range of dates is not documented for REST, so issues are
asked for in the order of their last activity and a round ends where it meets what the last one has seen. What changes
during a round moves to the front, where the next round finds it: pages shift by what was already told, never past it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import msgspec

from connectors.roundup.calls.desk import PAGE, Desk, Row, data, require
from connectors.roundup.mapping import instant, number, several
from connectors.sdk import Call, ChangePage, HttpResponse, RemoteTicket

#: a change is dated when it begins and seen when it is committed; mails of the nosy list may lie between
OVERLAP = timedelta(minutes=3)

#: a first round begins this long ago: older issues come in when they change
FIRST = timedelta(minutes=10)


class Cursor(msgspec.Struct, omit_defaults=True):
    """Where a poll stands; stored as JSON. Times are by the tracker's clock."""

    #: every change before this has been seen
    base: datetime
    #: the next round's base, noted when this round began
    next: datetime | None = None
    #: pages of this round that are done
    pages: int = 0


def changes(desk: Desk, cursor: str, now: datetime) -> Call[ChangePage]:
    """Read one page of changed issues, each as a hint; `now` is aware UTC."""
    state = _decode(cursor)
    params = {
        "@sort": "-activity,-id",
        "@fields": "activity",
        "@verbose": "1",
        "@protected": "true",
        "@page_size": str(PAGE),
        "@page_index": str((state.pages if state else 0) + 1),
    }
    response = yield desk.request("GET", desk.issues, params=params, label="poll issues")
    require(response)
    there = _clock(response, now)
    if state is None:
        state = Cursor(min(there, now) - FIRST)
    if state.next is None:
        state.next = max(state.base, there)
    answer = data(response)
    rows = several(answer.get("collection"))
    since = state.base - OVERLAP
    fresh = [row for row in rows if _at(row, there) >= since]
    links = answer.get("@links")
    more = bool(links.get("next")) if isinstance(links, dict) else len(rows) >= PAGE
    end = len(fresh) < len(rows) or not more
    after = Cursor(state.next) if end else Cursor(state.base, state.next, state.pages + 1)
    return ChangePage(tuple(_hint(desk, row, there) for row in fresh), msgspec.json.encode(after).decode(), end=end)


def _decode(cursor: str) -> Cursor | None:
    try:
        return msgspec.json.decode(cursor, type=Cursor)
    except msgspec.MsgspecError:
        return None


def _clock(response: HttpResponse, fallback: datetime) -> datetime:
    """Return the tracker's own time of an answer (its Date header), aware UTC."""
    try:
        said = parsedate_to_datetime(response.header("date"))
    except (TypeError, ValueError):
        return fallback
    return said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)


def _at(row: Row, fallback: datetime) -> datetime:
    return instant(row.get("activity")) or fallback


def _hint(desk: Desk, row: Row, fallback: datetime) -> RemoteTicket:
    identity, at = number(row.get("id")), _at(row, fallback)
    return RemoteTicket(
        remote_id=identity,
        updated_at=at,
        version=int(at.timestamp()),
        key=f"{desk.options.kind}{identity}",
        url=f"{desk.options.web}/{desk.options.kind}{identity}",
    )
