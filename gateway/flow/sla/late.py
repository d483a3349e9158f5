"""Edits that are heard of after newer ones: what stood for a while counts, though the ticket never showed it.

Desks do not promise to tell things in their order. An edit that came too late for the ticket (a newer one stands) still
says what the ticket was like from when it was made until the newer one was: whether it waited, was done, was urgent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.clock_log import EntryKind, LogEntry
from gateway.domain.terms import Terms
from gateway.domain.ticket import OPEN_CATEGORIES, Category, Priority, Status
from gateway.flow.sla.entries import Happened, Standing, standing
from gateway.ports import Ids
from rules.clocks import Clockwork, digest
from rules.fields import Facts

WHY = "heard of late"


def late_entries(
    happened: Happened, log: Sequence[LogEntry], clockwork: Clockwork, ids: Ids
) -> tuple[list[LogEntry], list[Terms]]:
    """Return what edits that came late add to the log of a ticket (what stood then, and after it), and terms it names.

    The terms that such an edit led to are those of the policy that applies now.
    """
    found: list[LogEntry] = []
    terms: list[Terms] = []
    if not log:
        return found, terms
    for lost in happened.lost:
        if not isinstance(lost.ours, Status | Priority) or lost.at is None or lost.until is None:
            continue
        begin = max(lost.at, happened.ticket.created_at)
        entries = [*log, *found]
        kind = EntryKind.TERMS if isinstance(lost.ours, Priority) else EntryKind.STATUS
        until = min([lost.until, *(each.at for each in entries if each.kind is kind and each.at > begin)])
        if not begin < until <= happened.now:
            continue
        then, after = (standing(entries, known_at=happened.now, at=when) for when in (begin, until))
        if not then.has_begun:
            continue
        if isinstance(lost.ours, Priority):
            terms.append(clockwork.terms(happened.policy, lost.ours.level))
            stood = msgspec.structs.replace(then, terms=digest(terms[-1]))
            # what else has changed meanwhile was entered when it did
            after = msgspec.structs.replace(then, terms=after.terms)
        else:
            stood = _with(then, lost.ours, happened, clockwork)
            after = msgspec.structs.replace(after, terms=then.terms)
        found += _between(then, stood, begin, happened.now, ids, also=kind)
        found += _between(stood, after, until, happened.now, ids)
    return found, terms


def _with(then: Standing, value: Status, happened: Happened, clockwork: Clockwork) -> Standing:
    """Return how the ticket stood with that status."""
    ticket = msgspec.structs.replace(happened.ticket, stage=then.stage, status=value)
    facts = Facts(ticket, happened.before, happened.links, happened.now)
    terms = clockwork.terms(happened.policy, ticket.priority.level)
    return msgspec.structs.replace(
        then,
        status=value.category.value,
        is_open=value.category in OPEN_CATEGORIES and not happened.ticket.duplicate_of and not happened.gone,
        waiting=clockwork.waiting(terms, facts),
    )


def _between(
    before: Standing, after: Standing, at: datetime, now: datetime, ids: Ids, *, also: EntryKind | None = None
) -> list[LogEntry]:
    """Return the entries that lead from one to the other; `also`: one that is made though it changes nothing.

    It marks an edit: one that was made before it, and is heard of later still, stood no longer than that.
    """
    found: list[LogEntry] = []

    def add(kind: EntryKind, **more: Any) -> None:
        found.append(LogEntry(id=ids.new(), kind=kind, at=at, arrived=now, reason=WHY, **more))

    if after.terms != before.terms or also is EntryKind.TERMS:
        add(EntryKind.TERMS, terms=after.terms)
    if after.status != before.status or also is EntryKind.STATUS:
        add(EntryKind.STATUS, name=after.status)
    if after.is_open and not before.is_open:
        add(EntryKind.REOPENED)
    elif before.is_open and not after.is_open:
        add(EntryKind.ENDED if after.status == Category.CANCELLED.value else EntryKind.SOLVED)
    if after.waiting != before.waiting:
        add(EntryKind.PAUSES, metrics=after.waiting)
    return found
