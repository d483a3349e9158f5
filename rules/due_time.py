"""Where a sync rule shows the promises of a ticket: in fields, tags or notes of its desks."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from gateway.domain.clock_instance import Status

#: as people write them: a word for each status of a clock
STATUS_WORDS: dict[str, Status] = {each.value.replace(" ", "_"): each for each in Status}
#: tags where a rule says `tags: true`
TAGS = {"nearing": "sla:at-risk", "breached": "sla:breached", "paused": "sla:paused"}


class Form(StrEnum):
    """How a due time is written into a custom field."""

    #: 2026-03-10T17:00:00Z
    DATE_TIME = "date_time"
    #: 2026-03-10, the day in `zone`
    DATE = "date"
    #: seconds since 1970
    EPOCH = "epoch"
    #: 2026-03-10 18:00 CET
    TEXT = "text"


class WhilePaused(StrEnum):
    """What the field of a due time shows while its clock waits: a clock that waits is not due at any time."""

    CLEAR = "clear"
    #: the due time of before
    KEEP = "keep"


class Moment(StrEnum):
    """What a note is written about."""

    #: something is promised, or is promised for another time by another target or a person's word
    DUE = "due"
    NEARING = "nearing"
    BREACHED = "breached"
    SUCCEEDED = "succeeded"


#: where a rule says `note: true`
NOTED = (Moment.NEARING, Moment.BREACHED)


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one desk shows."""

    #: `due`, the desk's own field, or `custom.NAME`
    field: str = ""
    form: Form = Form.DATE_TIME
    #: of a date and a text; empty: that of the clock's calendar
    zone: str = ""
    while_paused: WhilePaused = WhilePaused.CLEAR
    #: `custom.NAME`, for the status of the clock in a word
    status: str = ""
    #: status -> the word that the desk has for it
    words: dict[str, str] = {}
    #: status -> tag
    tags: dict[str, str] = {}
    note: tuple[Moment, ...] = ()
    #: not even the desk's own field, which otherwise shows the due time unasked
    hidden: bool = False

    def fields(self) -> frozenset[str]:
        """Return the fields that the gateway writes there."""
        return frozenset(each for each in (self.field, self.status) if each)


class DueTime(msgspec.Struct, frozen=True, kw_only=True):
    """A metric, and where its due time and status are shown."""

    #: empty: whichever of the clocks that go on is due first
    metric: str = ""
    #: connection -> what it shows
    write: dict[str, Place] = {}


def due_times(written: Any) -> tuple[DueTime, ...]:
    """Read `due_time:` of a rule, one or several."""
    entries = written if isinstance(written, list) else [written] if written else []
    return tuple(
        DueTime(
            metric=each.get("metric", ""),
            write={name: _place(value) for name, value in (each.get("write") or {}).items()},
        )
        for each in entries
    )


def due_times_at(connection: str, written: Any) -> tuple[DueTime, ...]:
    """Read `due_time:` of a connection: what it shows of every ticket that lives there."""
    if written is None:
        return ()
    entries = written if isinstance(written, list) else [written]
    return tuple(
        DueTime(metric=each.get("metric", "") if isinstance(each, dict) else "", write={connection: _place(each)})
        for each in entries
    )


def _place(written: Any) -> Place:
    if written is False:
        return Place(hidden=True)
    if isinstance(written, str):
        return Place(field=written)
    tags, note = written.get("tags"), written.get("note")
    return Place(
        field=written.get("field", ""),
        form=Form(written.get("as", Form.DATE_TIME.value)),
        zone=written.get("zone", ""),
        while_paused=WhilePaused(written.get("while_paused", WhilePaused.CLEAR.value)),
        status=written.get("status", ""),
        words=written.get("words", {}),
        tags=TAGS if tags is True else tags or {},
        note=NOTED if note is True else tuple(Moment(each) for each in note or ()),
    )
