"""What routing did with a ticket, in lines for a person: who has it and why, then who was looked at, by region."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from gateway.domain.presence import Wait
from rules.routed import Outcome, Ring, Routed

#: so many names stand behind one reason; the rest is a number
NAMED = 12


def lines(routed: Routed) -> Iterator[str]:
    """Go through the lines of a decision."""
    yield headline(routed)
    for ring in routed.rings:
        yield from _ring(ring)


def headline(routed: Routed) -> str:
    """Return a decision in one line."""
    where = ", ".join(each for each in (routed.region, routed.team) if each)
    head = {
        Outcome.ASSIGNED: f"{routed.agent} has it",
        Outcome.KEPT: f"{routed.agent or 'somebody'} keeps it",
        Outcome.ON_CALL: f"{routed.agent} is called",
        Outcome.QUEUED: "it waits",
        Outcome.UNROUTABLE: "nobody can have it",
        Outcome.FROZEN: "it is frozen",
        Outcome.NONE: "not routed",
    }[routed.outcome]
    tail = [f"queue {routed.queue}"] if routed.queue else []
    tail += [f"marked {', '.join(routed.flags)}"] if routed.flags else []
    tail += [f"looked at again {routed.until:%Y-%m-%d %H:%M} UTC"] if routed.until is not None else []
    told = "; ".join([f"{head} ({where})" if where else head, routed.reason, *tail])
    return f"{routed.rule}: {told}" if routed.rule else told


def _ring(ring: Ring) -> Iterator[str]:
    yield (
        f"{ring.region or 'every region'}: {ring.state}: {ring.members} there, {ring.on_shift} on shift, "
        f"{ring.accepting} accepting, {ring.with_room} with room; {ring.fit} of those who accept fit"
    )
    if ring.too_long:
        yield f"  {ring.too_long}"
    if ring.candidates:
        yield f"  candidates: {_names(ring.candidates)}"
    by_reason = sorted(ring.left_out, key=lambda each: each.why)
    for why, people in groupby(by_reason, key=lambda each: each.why):
        yield f"  {_names([each.person for each in people])}: {why}"


def _names(people: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(people) - NAMED} more" if len(people) > NAMED else ""
    return ", ".join(people[:NAMED]) + more


def learnt(measured: Wait) -> str:
    """Say of how many tickets a wait was learnt."""
    if not measured.tickets:
        return ""
    return f" (from the last {measured.tickets} tickets)"
