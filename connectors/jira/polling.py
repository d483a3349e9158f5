"""What changed, page by page: searched by `updated`, the newest first.

JQL compares by the minute, and reads a date in the asking account's own time zone. So no date is written into it: the
search goes back so many minutes from Jira's own present, counted by our clock alone, and each round covers a few
minutes of the one before. Newest first, an issue that changes while pages are read moves to the front: it may be told
twice, and what it pushes back is told again, but nothing is passed over; the next round begins where this one began.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil

import msgspec

from connectors.jira import mapping, sla
from connectors.jira.asking import FIELDS, answer, complaint, following, jql_text, search
from connectors.jira.mapping import EPOCH, obj, objects
from connectors.jira.options import Options
from connectors.sdk import Call, ChangePage, TransportError

#: how far back the first poll looks
FIRST_LOOK = timedelta(hours=1)
#: the minute that JQL cuts off, and the search index, which may lag behind
OVERLAP = timedelta(minutes=3)
#: a round of many pages looks back so much further: its window moves on while it is read
LONG_ROUND = timedelta(minutes=60)
#: rows of a page that are read again with the next one, where places are numbers: a deleted issue moves them up
SHARED_ROWS = 5


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far polling is; stored by the flow as JSON text."""

    #: when the last round began that came to its end
    since: datetime
    #: of the round that is under way: when it began, its search, and the place of its next page
    begun: datetime | None = None
    jql: str = ""
    place: str = ""
    #: how far SLAs were read
    clocks: sla.Progress = sla.Progress()


def changes(options: Options, cursor: str, now: datetime) -> Call[ChangePage]:
    """Read one page; a round ends with `end=True`. Raises as reads do, and the cursor then stays as it was."""
    before = _state(cursor, now)
    page = yield from _issues(options, before, now)
    following_state = msgspec.structs.replace(_state(page.cursor, now), clocks=before.clocks)
    if not page.end or not options.reads_clocks:
        return msgspec.structs.replace(page, cursor=_text(following_state))
    # after the issues that they are about
    events, clocks = yield from sla.poll(options, before.clocks, now)
    following_state = msgspec.structs.replace(following_state, clocks=clocks)
    return msgspec.structs.replace(page, cursor=_text(following_state), events=events)


def _issues(options: Options, state: Cursor, now: datetime) -> Call[ChangePage]:
    if state.begun is not None and now - state.begun > LONG_ROUND:
        state = Cursor(state.since)
    begun = state.begun or now
    jql = state.jql or query(options, now - state.since + OVERLAP)
    request = search(options, jql, "list changes", place=state.place, fields=",".join((*FIELDS, *options.custom_names)))
    response = yield request
    if response.status == 400 and state.place:
        # the place has grown too old: the round begins again
        return ChangePage((), _text(Cursor(state.since)), end=False)
    if response.status in {400, 403, 404}:
        msg = f"Jira refuses the search {jql!r}: {complaint(response)}"
        raise TransportError(msg)
    body = obj(answer(response, "list changes"))
    issues = objects(body.get("issues"))
    found = tuple(each for item in issues if (each := mapping.ticket(item, options, at=EPOCH)) is not None)
    place = following(options, body, state.place)
    if not place:
        return ChangePage(found, _text(Cursor(begun)), end=True)
    if not state.jql:
        # more than a page: once more, looking back far enough for all its pages
        jql = query(options, now - state.since + OVERLAP + LONG_ROUND)
        return ChangePage(found, _text(Cursor(state.since, begun, jql)), end=False)
    if not options.cloud:
        place = str(max(int(place) - SHARED_ROWS, 1))
    return ChangePage(found, _text(Cursor(state.since, begun, jql, place)), end=False)


def query(options: Options, span: timedelta) -> str:
    """Return the search for what changed within the last `span`, counted by Jira's own clock."""
    minutes = max(1, ceil(span.total_seconds() / 60))
    where = f"project in ({', '.join(jql_text(key) for key in options.projects)}) AND " if options.projects else ""
    return f"{where}updated >= -{minutes}m ORDER BY updated DESC, key DESC"


def _state(cursor: str, now: datetime) -> Cursor:
    try:
        return msgspec.json.decode(cursor, type=Cursor) if cursor else Cursor(now - FIRST_LOOK)
    except msgspec.DecodeError:
        return Cursor(now - FIRST_LOOK)


def _text(cursor: Cursor) -> str:
    return msgspec.json.encode(cursor).decode()
