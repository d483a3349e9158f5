"""When a ticket is to be looked at next: each has one such moment, or none when nothing changes by itself. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.domain.presence import Snapshot
from gateway.ports.ways import Way
from rules.fields import Facts
from rules.handoffs import LONGEST_BREAK
from rules.routed import Outcome, Routed
from rules.routes import Routing
from rules.routing import match

SECOND = timedelta(seconds=1)


def of_waiting(routing: Routing, facts: Facts, way: Way, routed: Routed, snapshot: Snapshot) -> datetime | None:
    """Return when something may change for a ticket in the queue: it asks less, somebody comes, it becomes urgent.

    Room that is free again is no matter of time: the sweep hears of it (`room_new`).
    """
    moments = by_time(routing, facts, way, routed, snapshot.at)
    coming = snapshot.roster.next_on(snapshot.roster.all & ~snapshot.on_shift, snapshot.at + SECOND)
    if coming is not None:
        moments.append(coming)
    return min(moments, default=None)


def by_time(routing: Routing, facts: Facts, way: Way, routed: Routed, now: datetime) -> list[datetime]:
    """Return the moments ahead at which a ticket in the queue is another matter, whoever comes to work."""
    since, settings = way.waiting_since or now, routing.settings
    found, _ = match(routing, facts, explain=False)
    moments = [since + timedelta(seconds=settings.max_wait)]
    moments += [since + timedelta(seconds=step.after) for step in (found.relax if found is not None else ())]
    if routed.until is not None:
        moments.append(routed.until)
    if way.due is not None:
        moments += [way.due - timedelta(seconds=settings.full_for), way.due]
        called = routing.roster.next_call(now)
        if called is not None:
            moments.append(called)
    return [each for each in moments if each > now]


def is_ending(routing: Routing, person: str, snapshot: Snapshot) -> bool:
    """Say whether somebody's day ends soon, or has ended."""
    roster = snapshot.roster
    if not roster.of_person.get(person, 0) & snapshot.on_shift:
        return True
    end = roster.shift_end(person, snapshot.at, LONGEST_BREAK)
    return end is not None and end - snapshot.at <= timedelta(seconds=routing.settings.handoff_before_shift_end)


def of_held(routing: Routing, way: Way, snapshot: Snapshot) -> datetime | None:
    """Return when a ticket that somebody has may have to be handed over."""
    roster, now = snapshot.roster, snapshot.at
    if way.due is None or not roster.of_person.get(way.person, 0) or way.outcome == Outcome.ON_CALL:
        return None
    open_offer = way.offers[-1] if way.offers else None
    if open_offer is not None and not open_offer.declined and open_offer.until > now:
        return open_offer.until
    if not roster.of_person[way.person] & snapshot.on_shift:
        # it is looked at in their hours; what is due before then was offered when they left
        return roster.back(way.person, now + SECOND)
    end = roster.shift_end(way.person, now, LONGEST_BREAK)
    if end is None:
        return None
    begins = end - timedelta(seconds=routing.settings.handoff_before_shift_end)
    return begins if begins > now else roster.back(way.person, end)
