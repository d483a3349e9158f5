"""Keeps the clocks of tickets: what an event means goes into the log, and what the log tells into the record.

The clocks of a ticket are told anew from its log whenever something happens to it or one of them wakes up. What was
told before is compared with it: where an entry that came late changes what should have been, that is seen and said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.calendar import Calendar
from gateway.domain.clock_chain import chains
from gateway.domain.clock_instance import Chain, Change, Instance
from gateway.domain.clock_log import EntryKind, LogEntry
from gateway.domain.clock_state import Phase
from gateway.domain.terms import Terms
from gateway.flow.sla.entries import Happened, entries_of, standing
from gateway.flow.sla.late import late_entries
from gateway.flow.sla.levels import SECOND, Ladder
from gateway.ports import Ids, Tx
from gateway.ports.clocks import ChangeRow, ClockRow, Firing
from rules.clocks import Clockwork, digest, restored
from rules.decide import RuleSet

_RUNS = frozenset({Phase.RUNNING, Phase.PAUSED})
#: calendars that were read again: they are few, and take a while to work out
_calendars: dict[str, Calendar] = {}
#: terms by their digest, which never change
_terms: dict[str, Terms] = {}


class Told(msgspec.Struct, frozen=True):
    """The clocks of a ticket at an instant, and what has changed since they were last told."""

    chains: Mapping[str, Chain]
    changes: tuple[ChangeRow, ...] = ()
    log: Sequence[LogEntry] = ()
    terms: Mapping[str, Terms] = {}

    def current(self, metric: str) -> Instance | None:
        """Return the last instance of a metric."""
        chain = self.chains.get(metric)
        return chain.instances[-1] if chain is not None and chain.instances else None


def keep(tx: Tx, happened: Happened, rules: RuleSet, ids: Ids) -> Told | None:
    """Enter what happened to a ticket and tell its clocks; None where nothing is promised and nothing was."""
    log = enter(tx, happened, rules, ids)
    return told(tx, happened.ticket.id, happened.now, rules, log=log) if log else None


def enter(
    tx: Tx, happened: Happened, rules: RuleSet, ids: Ids, *, log: Sequence[LogEntry] | None = None
) -> list[LogEntry]:
    """Enter what happened to a ticket; return its log, empty where nothing is promised and nothing was.

    `log` is that of until now, where it is known.
    """
    ticket, clockwork = happened.ticket, rules.clockwork
    log = list(tx.clocks.log(ticket.id) if log is None else log)
    if not log and not clockwork.terms(happened.policy, ticket.priority.level).goals:
        return []
    if not log and happened.before is not None:
        # promised to a ticket that is not new: what was said before counts as well
        happened = msgspec.structs.replace(happened, comments=tx.tickets.comments(ticket.id))
    late, passed = late_entries(happened, log, clockwork, ids)
    log += late
    added, terms = entries_of(happened, log, clockwork, ids)
    for each in (terms, *passed) if any(entry.kind is EntryKind.TERMS for entry in (*late, *added)) else ():
        _keep(tx, each, clockwork)
    tx.clocks.add(ticket.id, [*late, *added])
    return [*log, *added]


def watch(tx: Tx, ticket_id: str, now: datetime, rules: RuleSet, ids: Ids) -> list[LogEntry]:
    """Let what the escalations of this release watch be watched in a ticket that stands still; return its log."""
    log = list(tx.clocks.log(ticket_id))
    stood = standing(log, known_at=now, at=now)
    if not stood.is_open or not stood.terms:
        return log
    held = _terms_of(tx, {stood.terms})[stood.terms]
    terms = rules.clockwork.under(held)
    if terms != held:
        _keep(tx, terms, rules.clockwork)
        entry = LogEntry(id=ids.new(), kind=EntryKind.TERMS, at=now, arrived=now, terms=digest(terms))
        tx.clocks.add(ticket_id, [entry])
        log.append(entry)
    return log


def _keep(tx: Tx, terms: Terms, clockwork: Clockwork) -> None:
    tx.clocks.keep_terms({digest(terms): terms})
    tx.clocks.keep_calendars({name: clockwork.versions[name] for name in terms.calendars & clockwork.versions.keys()})


def tell(tx: Tx, ticket_id: str, now: datetime, *, log: Sequence[LogEntry] | None = None) -> Told:
    """Return the clocks of a ticket as its log tells them, without storing anything."""
    entries = tx.clocks.log(ticket_id) if log is None else log
    terms = _terms_of(tx, {entry.terms for entry in entries if entry.kind is EntryKind.TERMS})
    names = {name for each in terms.values() for name in each.calendars}
    found = chains(entries, terms, calendars=calendars(tx, names), known_at=now, query_at=now)
    return Told(found, (), entries, terms)


def told(
    tx: Tx,
    ticket_id: str,
    now: datetime,
    rules: RuleSet,
    *,
    log: Sequence[LogEntry] | None = None,
    fired: Sequence[Firing] | None = None,
    found: Told | None = None,
) -> Told:
    """Tell the clocks of a ticket anew and store what has changed.

    `fired` are the levels that did, and `found` is what they tell, where that is known already.
    """
    found = tell(tx, ticket_id, now, log=log) if found is None else found
    if fired is None:
        fired = tx.clocks.firings(ticket_id) if rules.escalations else ()
    ladder = Ladder(rules.escalations, found.log, fired)
    before = {_key(row.instance): row for row in tx.clocks.rows(ticket_id)}
    rows = []
    for chain in found.chains.values():
        for instance in chain.instances:
            old = before.pop(_key(instance), None)
            wake = wakes(chain, instance, now, ladder)
            if old is None or old.instance != instance or old.wake_at != wake:
                rows.append(ClockRow(instance, wake, old.revision + 1 if old is not None else 1))
    tx.clocks.save(ticket_id, rows, list(before.values()))
    changes = _news(found.chains, tx.clocks.changes(ticket_id), now)
    tx.clocks.add_changes(ticket_id, changes)
    return msgspec.structs.replace(found, changes=tuple(changes))


def wakes(chain: Chain, instance: Instance, now: datetime, ladder: Ladder) -> datetime | None:
    """Return when something will happen to an instance by itself: it is near, it is due, its pause is over."""
    if instance.ended is not None or instance.phase not in _RUNS or chain.clock is None:
        return None
    fold = chain.clock.fold
    moments = [fold.pause_ends()]
    if instance.phase is Phase.RUNNING or fold.fixed_due() is not None:
        moments += [instance.warn_at, instance.due if instance.breached_at is None else None]
    # what is due at this very second has not broken its promise yet
    coming = [moment + SECOND for moment in moments if moment is not None and moment + SECOND > now]
    level = ladder.next(chain)
    if level is not None:
        coming.append(max(level, now))
    return min(coming, default=None)


def _terms_of(tx: Tx, digests: set[str]) -> Mapping[str, Terms]:
    missing = digests - _terms.keys()
    if missing:
        _terms.update(tx.clocks.terms(missing))
    return {name: _terms[name] for name in digests}


def calendars(tx: Tx, names: set[str]) -> Mapping[str, Any]:
    """Return versions of calendars by their name."""
    missing = names - _calendars.keys()
    if missing:
        _calendars.update({name: restored(doc) for name, doc in tx.clocks.calendars(missing).items()})
    return _calendars


def _key(instance: Instance) -> tuple[str, int, int]:
    return (instance.metric, instance.cycle, instance.version)


def _news(found: Mapping[str, Chain], known: Sequence[ChangeRow], now: datetime) -> list[ChangeRow]:
    """Return what was not known to have happened, and what was and has not."""
    stands: dict[tuple[Any, ...], ChangeRow] = {}
    for row in known:
        if row.retracted:
            stands.pop(_name(row), None)
        else:
            stands[_name(row)] = row
    news = []
    for metric, chain in found.items():
        for transition in chain.transitions:
            row = ChangeRow(metric, transition, now)
            if stands.pop(_name(row), None) is None:
                news.append(row)
    gone = [msgspec.structs.replace(row, recorded_at=now, retracted=True) for row in stands.values()]
    return (
        [row for row in gone if row.transition.change is Change.BREACHED]
        + [row for row in gone if row.transition.change is not Change.BREACHED]
        + news
    )


def _name(row: ChangeRow) -> tuple[Any, ...]:
    told_ = row.transition
    return (row.metric, told_.cycle, told_.version, told_.change, told_.at, told_.entry)
