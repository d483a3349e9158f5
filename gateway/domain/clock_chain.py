"""All clocks of a ticket, told from its log: a chain of instances for each metric, with all that they went through.

An instance is one promise to a person: one cycle of a metric by one target. What begins and ends a cycle is written
down here once for every metric; the arithmetic of a cycle is that of `gateway.domain.clock`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.clock import Clock
from gateway.domain.clock_cycles import METRICS, MessageMetric, Reentry, Said
from gateway.domain.clock_desk import with_desks
from gateway.domain.clock_event import ClockEvent, EventType, whole
from gateway.domain.clock_instance import Chain, Change, Instance, Transition, closed, due_as_it_stood, status, warning
from gateway.domain.clock_log import EntryKind, LogEntry, counting, said_by
from gateway.domain.clock_state import Options, Outcome, Phase, Reopen
from gateway.domain.terms import Goal, Terms, UpdateStart

STAGE_PREFIX = "stage:"
#: a time in a status or stage, or the wait of a customer, that an escalation watches: `status:on_hold#its-name`
STATUS_PREFIX = "status:"
CUSTOMER_WAIT = "customer_wait"
WATCHED = "#"
OWNERSHIP = "ownership"
RESOLUTION = "resolution"
_UPDATES = frozenset({"periodic_update", "pausable_update"})
_RUNS = frozenset({Phase.RUNNING, Phase.PAUSED})
_SAID: Mapping[EntryKind, Said] = {
    EntryKind.OPENED: Said.START,
    EntryKind.REOPENED: Said.REOPEN,
    EntryKind.CUSTOMER: Said.CUSTOMER,
    EntryKind.AGENT: Said.AGENT,
    EntryKind.SOLVED: Said.STOP,
}


def chains(
    entries: Iterable[LogEntry],
    terms: Mapping[str, Terms],
    *,
    calendars: Mapping[str, Any],
    known_at: datetime,
    query_at: datetime,
) -> dict[str, Chain]:
    """Return the chain of each metric by `query_at`, from what was known at `known_at`.

    `terms` are those that the entries name by their digest, `calendars` those that the terms name. Raises KeyError for
    one that is not there.
    """
    counts = counting(entries, known_at=known_at, until=query_at)
    held = [terms[entry.terms] for entry in counts if entry.kind is EntryKind.TERMS]
    metrics = dict.fromkeys(metric for each in held for metric in each.goals)
    told = {metric: _Teller(metric, calendars) for metric in metrics}
    for entry in counts:
        now = terms[entry.terms] if entry.kind is EntryKind.TERMS else None
        for teller in told.values():
            teller.take(entry, now)
    found = {metric: teller.chain(query_at) for metric, teller in told.items() if teller.has_begun}
    return with_desks(found, counts, held[-1] if held else None, calendars=calendars, at=query_at)


class _Teller:
    """Takes the entries of a log in their order, for one metric."""

    def __init__(self, metric: str, calendars: Mapping[str, Any]) -> None:
        self.metric = metric
        self._calendars = calendars
        plain = metric.partition(WATCHED)[0]
        self._message: MessageMetric | None = METRICS.get("next_reply" if plain == CUSTOMER_WAIT else plain)
        #: the stage or status in which time counts
        self._place = plain.partition(":")[2] if plain.startswith((STAGE_PREFIX, STATUS_PREFIX)) else None
        self._enters = EntryKind.STATUS if plain.startswith(STATUS_PREFIX) else EntryKind.STAGE
        self._terms: Terms | None = None
        self._goal: Goal | None = None
        #: what the clock counts by
        self._counted = Goal(0, "")
        self._by: Terms | None = None
        self._clock: Clock | None = None
        self._instances: list[Instance] = []
        self._transitions: list[Transition] = []
        self._cycle, self._version, self._seq = 0, 1, 0
        #: the promise is still to be kept, whether or not anything was promised
        self._outstanding = self._waits = False
        #: what began the cycle
        self._opened: LogEntry | None = None
        self._is_there = self._answered = self._over = False

    @property
    def has_begun(self) -> bool:
        """Say whether there is anything to tell."""
        return bool(self._instances) or self._clock is not None

    def take(self, entry: LogEntry, terms: Terms | None) -> None:
        """Take up the next entry."""
        if entry.kind is EntryKind.REOPENED:
            self._over = False
        if self._over:
            self._terms, self._goal = (
                (self._terms, self._goal) if terms is None else (terms, terms.goals.get(self.metric))
            )
            return
        if terms is not None:
            self._agree(terms, entry)
        elif entry.kind is EntryKind.PAUSES:
            self._wait(entry)
        elif entry.metric:
            self._person_says(entry)
        elif entry.kind is EntryKind.ENDED:
            if self._is_active():
                self._advance(EventType.CANCEL, entry, Change.CANCELED)
                self._settle(entry.reason, entry.at)
            self._clock, self._outstanding, self._over = None, False, True
        elif self._message is not None:
            self._hear(self._message, entry)
        elif self._place is not None:
            self._visit(self._place, entry)
        elif self.metric == OWNERSHIP:
            self._own(entry)
        else:
            self._work(entry)
        self._answered |= entry.kind is EntryKind.AGENT

    # ------------------------------------------------------------ what each metric makes of an entry

    def _hear(self, rule: MessageMetric, entry: LogEntry) -> None:
        said = _SAID.get(entry.kind)
        if said is None:
            return
        first_reply = self._terms is not None and self._terms.update_starts is UpdateStart.FIRST_REPLY
        opens = rule.opens
        if self.metric in _UPDATES and first_reply and not self._answered:
            opens = frozenset({Said.AGENT})
        if self._outstanding and said in rule.closes:
            self._close(entry)
            if said in rule.reopens:
                self._open(entry)
        elif not self._outstanding and said in opens and not (rule.once and self._cycle):
            self._open(entry)
        elif said is Said.CUSTOMER and rule.pauses:
            self._go_on(entry)

    def _visit(self, place: str, entry: LogEntry) -> None:
        if entry.kind is self._enters:
            self._is_there = entry.name == place
            if self._is_there and not self._outstanding:
                self._reopen(entry)
            elif not self._is_there and self._outstanding:
                self._close(entry)
        elif self._enters is EntryKind.STATUS:
            return
        elif entry.kind is EntryKind.SOLVED and self._outstanding:
            self._close(entry)
        elif entry.kind is EntryKind.REOPENED and self._is_there and not self._outstanding:
            self._reopen(entry)
        elif entry.kind is EntryKind.CUSTOMER:
            self._go_on(entry)

    def _own(self, entry: LogEntry) -> None:
        if entry.kind in {EntryKind.TEAM, EntryKind.ACCEPTED, EntryKind.SOLVED} and self._outstanding:
            self._close(entry)
        if entry.kind is EntryKind.TEAM and entry.name:
            self._open(entry)
        elif entry.kind is EntryKind.CUSTOMER:
            self._go_on(entry)

    def _work(self, entry: LogEntry) -> None:
        if entry.kind is EntryKind.OPENED and not self._outstanding:
            self._open(entry)
        elif entry.kind is EntryKind.SOLVED and self._outstanding:
            self._close(entry)
        elif entry.kind is EntryKind.REOPENED and not self._outstanding:
            self._reopen(entry)
        elif entry.kind is EntryKind.CUSTOMER and self._is_active():
            if self.metric == RESOLUTION and self._terms is not None and self._terms.restart_on_reply:
                self._advance(EventType.RESET, entry, Change.RESET)
                self._waits = False
            else:
                self._go_on(entry)

    # ------------------------------------------------------------ terms

    def _agree(self, terms: Terms, entry: LogEntry) -> None:
        """Let other terms hold."""
        goal = terms.goals.get(self.metric)
        if self._is_active():
            if goal is None:
                self._advance(EventType.CANCEL, entry, Change.CANCELED)
                self._settle("policy", entry.at)
            else:
                self._retarget(terms, goal, entry)
                self._by = terms
        self._terms, self._goal = terms, goal
        if self._outstanding and not self._is_active():
            # what is watched is watched from its beginning, whenever that was asked for
            self._start(self._opened if WATCHED in self.metric and self._opened is not None else entry)

    def _retarget(self, terms: Terms, goal: Goal, entry: LogEntry) -> None:
        """Let the clock count by another goal, where it is another."""
        before = self._counted
        if self._clock is None or (before.target, before.calendar) == (goal.target, goal.calendar):
            return
        self._clock = self._clock.under(self._options(terms))
        same = goal.target == before.target and _name(goal.calendar) == _name(before.calendar)
        kind = EventType.CALENDAR if same else EventType.RETARGET
        self._advance(kind, entry, Change.RETARGETED, target=goal.target, calendar=goal.calendar)
        self._counted = goal

    def _options(self, terms: Terms) -> Options:
        if self._place is None:
            return terms.options
        adds_up = terms.reentry is Reentry.ACCUMULATE and WATCHED not in self.metric
        reopen = Reopen.CONTINUE_EXCLUDE if adds_up else Reopen.NEW_CYCLE
        return msgspec.structs.replace(terms.options, reopen=reopen, reopen_within_s=None)

    # ------------------------------------------------------------ cycles

    def _open(self, entry: LogEntry) -> None:
        self._outstanding, self._opened = True, entry
        self._start(entry)

    def _start(self, entry: LogEntry) -> None:
        """Begin a clock, where anything is promised."""
        if self._goal is None or self._terms is None:
            return
        self._cycle += 1
        self._version = 1
        self._counted, self._by = self._goal, self._terms
        self._clock = Clock.of(self._goal.target, self._goal.calendar, self._calendars, self._options(self._terms))
        self._advance(EventType.START, entry, Change.STARTED)
        if self._waits:
            self._advance(EventType.PAUSE, entry, Change.PAUSED)

    def _close(self, entry: LogEntry) -> None:
        self._outstanding = False
        if self._is_active():
            self._advance(EventType.STOP, entry, Change.STOPPED)
            if self._message is not None or self.metric == OWNERSHIP:
                self._settle("", entry.at)

    def _reopen(self, entry: LogEntry) -> None:
        self._outstanding, self._opened = True, entry
        if self._clock is None:
            self._start(entry)
            return
        cycle = self._cycle
        goal = self._goal or self._counted
        self._advance(EventType.REOPEN, entry, Change.REOPENED, target=goal.target, calendar=goal.calendar)
        if self._cycle > cycle:
            self._counted = goal
        elif self._is_active() and self._terms is not None:
            self._retarget(self._terms, goal, entry)
        if self._is_active():
            self._by = self._terms
        if self._waits and self._is_active():
            self._advance(EventType.PAUSE, entry, Change.PAUSED)

    def _wait(self, entry: LogEntry) -> None:
        waits = self.metric in entry.metrics
        if waits and not self._waits and self._is_active():
            self._advance(EventType.PAUSE, entry, Change.PAUSED, note=entry.reason)
        elif self._waits and not waits:
            self._go_on(entry)
        self._waits = waits

    def _go_on(self, entry: LogEntry) -> None:
        """End a pause: the customer has said something, or what it waited for is there."""
        if self._waits and self._clock is not None and self._clock.fold.phase is Phase.PAUSED:
            self._advance(EventType.RESUME, entry, Change.RESUMED)
        self._waits = False

    def _is_active(self) -> bool:
        return self._clock is not None and self._clock.fold.phase in _RUNS

    def _advance(self, kind: EventType, entry: LogEntry, change: Change, *, note: str = "", **more: Any) -> None:
        """Let an event happen to the clock, and note what it came to."""
        before = self._clock
        if before is None:
            return
        self._seq += 1
        event = ClockEvent(id=entry.id, type=kind, at=entry.at, seq=self._seq, reason=entry.reason, **more)
        after = before.advance(event)
        self._by_itself(before, entry.at, entry.arrived)
        old, new = before.fold, after.fold
        if new.cycle > old.cycle or (kind is EventType.RETARGET and _differs(old, new)):
            ended = self._instance(before, entry.at)
            last = new.history[-1] if new.cycle > old.cycle else None
            outcome = last.outcome if last is not None else Outcome.CANCELED
            reason = last.reason if last is not None else change.value
            self._instances.append(closed(ended, outcome, last.ended if last is not None else whole(entry.at), reason))
            self._cycle, self._version = (self._cycle + 1, 1) if last is not None else (self._cycle, self._version + 1)
        self._clock = after
        if kind is EventType.CALENDAR or _moved(old) != _moved(new):
            self._note(change, entry.at, entry.arrived, entry.id, note or entry.reason)
        if old.outcome is Outcome.PENDING and new.breached_at == whole(entry.at) != old.breached_at:
            self._note(Change.BREACHED, entry.at, entry.arrived, entry.id)

    def _person_says(self, entry: LogEntry) -> None:
        """Take up what a person says of this clock: another due time, or that they know of its breach."""
        if entry.metric != self.metric or self._clock is None or not self._is_active():
            return
        if entry.kind is EntryKind.OVERRIDE:
            self._advance(EventType.OVERRIDE, entry, Change.OVERRIDDEN, due=entry.due)
        elif entry.kind is EntryKind.ACKNOWLEDGED:
            self._by_itself(self._clock, entry.at, entry.arrived)
            self._clock = self._clock.settled(whole(entry.at))
            self._note(Change.ACKNOWLEDGED, entry.at, entry.arrived, entry.id, said_by(entry))

    def _by_itself(self, before: Clock, at: datetime, arrived: datetime) -> None:
        """Note what time did up to an instant: the longest pause was over, a promise was broken."""
        old, settled = before.fold, before.fold.copy()
        settled.settle(whole(at))
        if old.phase is Phase.PAUSED and settled.phase is Phase.RUNNING:
            end = settled.stretches[-1].begin
            self._note(Change.RESUMED, end, arrived, "", "it had waited for as long as it may")
        if old.breached_at is None and settled.breached_at is not None:
            self._note(Change.BREACHED, settled.breached_at, arrived, "")

    def _note(self, change: Change, at: datetime, arrived: datetime, entry: str, note: str = "") -> None:
        elapsed = self._clock.state(at).elapsed_s if self._clock is not None else 0
        made = Transition(change, whole(at), arrived, self._cycle, self._version, elapsed, entry, note)
        self._transitions.append(made)

    def _settle(self, reason: str, at: datetime) -> None:
        """Put an instance away that has ended."""
        if self._clock is not None:
            found = self._instance(self._clock, at)
            self._instances.append(msgspec.structs.replace(found, ended=whole(at), reason=reason))
        self._clock = None

    # ------------------------------------------------------------ instances

    def chain(self, at: datetime) -> Chain:
        """Return the chain as it stands at an instant that is not before its last entry."""
        instances, clock = list(self._instances), self._clock
        if clock is not None:
            self._by_itself(clock, at, at)
            clock = clock.settled(at)
            found = self._instance(clock, at)
            stopped = clock.fold.stopped_at
            ended = stopped if clock.fold.phase is Phase.STOPPED else None
            instances.append(msgspec.structs.replace(found, ended=ended))
        return Chain(
            metric=self.metric,
            instances=tuple(instances),
            transitions=tuple(self._transitions),
            clock=clock if self._is_active() else None,
            goal=self._counted,
        )

    def _instance(self, clock: Clock, at: datetime) -> Instance:
        state, terms, goal = clock.state(at), self._by, self._counted
        warn_at = warning(clock, goal)
        due = state.due if state.due is not None else state.due_if_resumed_now
        if state.phase is Phase.STOPPED and clock.fold.stretches:
            due = state.breached_at or due_as_it_stood(clock)
        return Instance(
            metric=self.metric,
            cycle=self._cycle,
            version=self._version,
            policy=terms.policy if terms is not None else "",
            level=terms.level if terms is not None else "",
            calendar=goal.calendar,
            status=status(state, warn_at, at),
            phase=state.phase,
            outcome=state.outcome,
            started=state.started or whole(at),
            due=None if state.phase is Phase.PAUSED and state.breached_at is None else due,
            warn_at=warn_at,
            breached_at=state.breached_at,
            target_s=state.target_s,
            elapsed_s=state.elapsed_s,
            remaining_s=state.remaining_s,
            paused_s=state.paused_s,
            waits_since=clock.fold.held_at if state.phase is Phase.PAUSED else None,
            shown=(self._answered or self.metric not in _UPDATES) and WATCHED not in self.metric,
        )


def _differs(old: Any, new: Any) -> bool:
    return (old.target, old.target_s, old.calendar) != (new.target, new.target_s, new.calendar)


def _moved(fold: Any) -> tuple[Any, ...]:
    return (fold.phase, fold.cycle, fold.target, fold.calendar, fold.pinned)


def _name(calendar: str) -> str:
    return calendar.partition("@")[0]
