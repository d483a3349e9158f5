"""Which promises other rules would have made and kept: the past of a ticket's clocks, told once more by their terms.

What happened to a ticket (messages, statuses, who had it) stands as its log has it. What the rules made of it (the
terms, what waits, the stage) is the candidate's, from each decision on. Where a candidate says the same at every
decision, its clocks are the same, and nothing is told again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache

import msgspec

from gateway.domain.clock_chain import WATCHED, chains
from gateway.domain.clock_instance import Chain, Instance
from gateway.domain.clock_log import EntryKind, LogEntry, in_order
from gateway.domain.clock_state import Outcome
from gateway.domain.terms import Terms
from gateway.domain.ticket import Ticket
from gateway.flow.sla.entries import Happened, Standing, entries_of, standing
from gateway.ports import Ids
from rules.clocks import Clockwork, digest
from rules.decide import RuleSet
from rules.fields import Facts
from rules.simulate import Comparer, Difference, Lived, Promised

#: what follows from rules
_OURS = frozenset({EntryKind.TERMS, EntryKind.PAUSES, EntryKind.STAGE})


def told(instances: Iterable[Instance]) -> Mapping[str, tuple[int, int]]:
    """Return for each metric how many promises were made, and how many of them were broken."""
    made: dict[tuple[str, int], bool] = {}
    for each in instances:
        if WATCHED not in each.metric:
            cycle = (each.metric, each.cycle)
            made[cycle] = made.get(cycle, False) or each.breached_at is not None
    numbers = Counter(metric for metric, _ in made)
    broken = Counter(metric for (metric, _), is_broken in made.items() if is_broken)
    return {metric: (number, broken[metric]) for metric, number in numbers.items()}


def promises(rules: RuleSet, ids: Ids) -> Comparer:
    """Return what compares the promises of a ticket with those that the rules would have made."""

    def compare(lived: Lived) -> Iterator[Difference]:
        past = lived.history.promised
        if past is None:
            return
        log, terms = _retold(lived, past, rules.clockwork, ids)
        if log is None:
            return
        found = chains(log, terms, calendars=rules.clockwork.calendars(), known_at=past.until, query_at=past.until)
        would = told(each for chain in found.values() for each in chain.instances)
        for metric in sorted({*past.clocks, *would}):
            yield from _differ(metric, past.clocks.get(metric), would.get(metric))

    return compare


def dues(lived: Lived, rules: RuleSet, ids: Ids) -> Callable[[datetime], datetime | None]:
    """Return what says when the next clock of a ticket would have been due, as it was known at an instant."""
    past, clockwork = lived.history.promised, rules.clockwork

    @cache
    def retold() -> tuple[Sequence[LogEntry], Mapping[str, Terms]]:
        if past is None:
            return (), {}
        log, terms = _retold(lived, past, clockwork, ids)
        begins = clockwork.terms(lived.would[0].policy, lived.tickets[0].priority.level)
        known = {**terms, digest(begins): begins}
        return [_by(each, begins, known) for each in (past.log if log is None else log)], known

    def due(at: datetime) -> datetime | None:
        log, terms = retold()
        return next_due(chains(log, terms, calendars=clockwork.calendars(), known_at=at, query_at=at)) if log else None

    return due


def next_due(clocks: Mapping[str, Chain]) -> datetime | None:
    """Return when the next of a ticket's clocks is due; None when none runs."""
    dues = [
        instance.due
        for chain in clocks.values()
        for instance in chain.instances[-1:]
        if instance.due is not None and instance.outcome is Outcome.PENDING
    ]
    return min(dues, default=None)


def _differ(metric: str, was: tuple[int, int] | None, would: tuple[int, int] | None) -> Iterator[Difference]:
    if was is None or would is None:
        yield Difference("promise", f"{metric}: promised, and was not" if was is None else f"{metric}: not promised")
    more = (would[1] if would is not None else 0) - (was[1] if was is not None else 0)
    if more:
        what = f"{metric}: broken, and was not" if more > 0 else f"{metric}: not broken, and was"
        yield Difference("promise", what, abs(more))


def _retold(
    lived: Lived, past: Promised, clockwork: Clockwork, ids: Ids
) -> tuple[list[LogEntry] | None, Mapping[str, Terms]]:
    """Return the log as the candidate would have it, and the terms that it names; None where it is the same."""
    terms: dict[str, Terms] = {}
    if not past.log:
        return _from_the_start(lived, past, clockwork, ids), _named(clockwork, lived)
    first = lived.history.decisions[0].inputs.now
    # the terms of before the time looked at are not at hand: what it was promised first in it held until then
    begins = clockwork.terms(lived.would[0].policy, lived.tickets[0].priority.level)
    base = [_by(each, begins, {}) for each in past.log if each.kind not in _OURS or each.arrived < first]
    stood = standing(base, known_at=first, at=first)
    ours: list[LogEntry] = []
    same = True
    before: Ticket | None = None
    for happened, outcome, ticket in zip(lived.history.decisions, lived.would, lived.tickets, strict=True):
        now = happened.inputs.now
        made = [each for each in past.log if each.arrived == now]
        at = min([each.at for each in made if each.kind in _OURS], default=min(ticket.updated_at, now))
        holds = clockwork.terms(outcome.policy, ticket.priority.level)
        terms[digest(holds)] = holds
        facts = Facts(ticket, before, frozenset(happened.inputs.links), now)
        wanted = Standing(terms=digest(holds), waiting=clockwork.waiting(holds, facts), stage=ticket.stage)
        ours += _towards(stood, wanted, at, now, ids)
        stood, before = wanted, ticket
        was = standing(past.log, known_at=now, at=now)
        same = same and (was.terms, was.waiting, was.stage) == (wanted.terms, wanted.waiting, wanted.stage)
    return (None if same else sorted([*base, *ours], key=in_order)), terms


def _by(entry: LogEntry, terms: Terms, known: Container[str]) -> LogEntry:
    """Return an entry by terms that are at hand."""
    if entry.kind is not EntryKind.TERMS or entry.terms in known:
        return entry
    return msgspec.structs.replace(entry, terms=digest(terms))


def _towards(stood: Standing, wanted: Standing, at: datetime, now: datetime, ids: Ids) -> list[LogEntry]:
    found = []
    if wanted.terms != stood.terms:
        found.append(LogEntry(id=ids.new(), kind=EntryKind.TERMS, at=at, arrived=now, terms=wanted.terms))
    if wanted.stage != stood.stage:
        found.append(LogEntry(id=ids.new(), kind=EntryKind.STAGE, at=at, arrived=now, name=wanted.stage))
    if wanted.waiting != stood.waiting:
        found.append(LogEntry(id=ids.new(), kind=EntryKind.PAUSES, at=at, arrived=now, metrics=wanted.waiting))
    return found


def _from_the_start(lived: Lived, past: Promised, clockwork: Clockwork, ids: Ids) -> list[LogEntry] | None:
    """Return a log for a ticket that was promised nothing; None where it would be promised nothing again."""
    log: list[LogEntry] = []
    promised = False
    before: Ticket | None = None
    for happened, outcome, ticket in zip(lived.history.decisions, lived.would, lived.tickets, strict=True):
        now = happened.inputs.now
        entered = Happened(
            before=before,
            ticket=ticket,
            policy=outcome.policy,
            links=frozenset(happened.inputs.links),
            at=min(ticket.updated_at, now),
            now=now,
        )
        added, terms = entries_of(entered, log, clockwork, ids)
        log += added
        promised = promised or bool(terms.goals)
        before = ticket
    log += [LogEntry(id=ids.new(), kind=kind, at=at, arrived=at) for kind, at in past.said]
    return log if promised else None


def _named(clockwork: Clockwork, lived: Lived) -> Mapping[str, Terms]:
    pairs: Sequence[tuple[str, Ticket]] = [
        (outcome.policy, ticket) for outcome, ticket in zip(lived.would, lived.tickets, strict=True)
    ]
    found = [clockwork.terms(policy, ticket.priority.level) for policy, ticket in pairs]
    return {digest(each): each for each in found}
