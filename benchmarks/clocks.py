"""Clocks: a replay, one event more, a sweep beside very many that go on, and the waking of those that are due."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.report import Measure, Progress
from gateway.domain.calendar import Calendar
from gateway.domain.clock import Clock, ClockEvent, EventType, replay
from gateway.domain.clock_event import read
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.ticket import Level, Priority, Ticket
from gateway.flow.desks import LiveSite
from gateway.flow.sla.entries import Happened
from gateway.flow.sla.escalating import Waker
from gateway.flow.sla.timekeeping import keep
from gateway.store import SqlStore, migrate, open_store
from gateway.store.unit import SqlTx
from gateway.system import SystemClock, SystemIds
from rules import load_site

STAGE = "clocks"
STEPS = 6
EVENTS = 50
FEW, MANY = 10_000, 1_000_000
DUE = 1_000
AIM_REPLAY, AIM_ADVANCE = 500.0, 20.0
#: milliseconds of a sweep with nothing due, whatever the number of clocks that go on
AIM_SWEEP = 10.0
AIM_WAKE = 5.0
MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
OFFICE = {"timezone": "Europe/Prague", "week": {"mon-fri": ["09:00-12:00", "13:00-17:00"]}}
RULES = """
calendars:
  office: {timezone: Europe/Prague, week: {mon-fri: [09:00-17:00]}}
sla:
  - {name: standard, calendar: office, targets: {first_response: 1h, resolution: 2h}}
escalations:
  - {name: near, at: 75%, metrics: [resolution], do: [{queue: urgent}]}
  - {name: broken, at: breach, metrics: [resolution], do: [{raise_priority: 1}]}
"""


def run(progress: Progress) -> list[Measure]:
    """Measure."""
    calendar = Calendar.from_spec(OFFICE)
    progress.step(f"a replay of {EVENTS} events")
    told = _events()
    events = [read(each, ClockEvent) for each in told]
    end = events[-1].at + timedelta(days=1)
    whole = _microseconds(lambda: replay(8 * 3600, events, calendar=calendar, known_at=end, query_at=end))
    progress.step("one event more")
    clock = Clock.of(8 * 3600, calendar)
    for event in events[:-1]:
        clock = clock.advance(event)
    more = _microseconds(lambda: clock.advance(events[-1]))
    found = [
        Measure(STAGE, f"replay of {EVENTS} events", whole, "µs", f"under {AIM_REPLAY:g} µs", whole < AIM_REPLAY),
        Measure(STAGE, "advance by one event", more, "µs", f"under {AIM_ADVANCE:g} µs", more < AIM_ADVANCE),
    ]
    with _store() as store:
        few, many = _sweep(store, FEW, progress), _sweep(store, MANY, progress)
    with _store() as store:
        seconds = _wake(store, progress)
    note = f"{FEW:,} that go on: {few:.3f} ms"
    met = many < AIM_SWEEP and many < 3 * few + 1
    flat, soon = f"under {AIM_SWEEP:g} ms, flat", f"under {AIM_WAKE:g} s"
    found.append(Measure(STAGE, f"sweep, nothing due of {MANY:,}", many, "ms", flat, met, note))
    found.append(Measure(STAGE, f"waking {DUE:,} that are due", seconds, "s", soon, seconds < AIM_WAKE))
    return found


@contextmanager
def _store() -> Iterator[SqlStore]:
    """Give an empty record."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-bench-"))
    clock = SystemClock()
    store = open_store(f"sqlite:///{folder / 'gateway.db'}", folder / "keys", clock=clock, ids=SystemIds(clock))
    try:
        migrate(store.engine)
        yield store
    finally:
        store.close()
        shutil.rmtree(folder, ignore_errors=True)


def _events() -> list[dict[str, Any]]:
    """Return a busy life: pauses, other targets, a reopening."""
    told: list[dict[str, Any]] = [{"id": "0", "type": EventType.START, "at": MONDAY}]
    for number in range(1, EVENTS):
        kinds = (EventType.PAUSE, EventType.RESUME, EventType.RETARGET, EventType.PAUSE, EventType.RESUME)
        event = {"id": str(number), "type": kinds[number % 5], "at": MONDAY + timedelta(minutes=37 * number)}
        told.append(event | ({"target_s": 4 * 3600 + 60 * number} if event["type"] is EventType.RETARGET else {}))
    return told


def _microseconds(ask: Callable[[], object]) -> float:
    """Return the median of some rounds."""
    rounds = []
    for _ in range(7):
        began = time.perf_counter()
        for _ in range(200):
            ask()
        rounds.append((time.perf_counter() - began) / 200)
    return statistics.median(rounds) * 1e6


def _sweep(store: SqlStore, number: int, progress: Progress) -> float:
    """Let so many clocks go on, none of them due; return the milliseconds of a look."""
    from tests.store.many import clocks_that_go_on  # noqa: PLC0415 - a measuring of other stages needs nothing of it

    progress.step(f"{number:,} clocks go on")
    now = store.clock.now()
    clocks_that_go_on(store, number, now + timedelta(days=1))
    taken = []
    for _ in range(50):
        began = time.perf_counter()
        with store.read() as tx:
            found = tx.clocks.due(now, 100)
        taken.append(time.perf_counter() - began)
        if found:
            msg = "a clock is due that should not be"
            raise AssertionError(msg)
    return statistics.median(taken) * 1000


def _wake(store: SqlStore, progress: Progress) -> float:
    """Let tickets become due all at once; return the seconds until each had fired what it had to."""
    progress.step(f"{DUE:,} are due")
    site, problems = load_site({"gateway.yaml": "connections: {}\n", "rules/sla.yaml": RULES}, {})
    if site is None:
        raise AssertionError(problems)
    live = LiveSite(release="bench", rules=site.rules, connectors={})
    now = store.clock.now()
    opened = now - timedelta(days=3)
    for _ in range(DUE):
        store.write(lambda tx: _open(tx, live, store, opened))
    waker = Waker(store=store, site=lambda: live, doorbell=_Deaf(), clock=store.clock, ids=store.ids)
    began = time.perf_counter()
    looked = waker.wake(seconds=120)
    taken = time.perf_counter() - began
    if looked < DUE:
        msg = f"only {looked} of {DUE} were looked at"
        raise AssertionError(msg)
    return taken


def _open(tx: SqlTx, site: LiveSite, store: SqlStore, at: datetime) -> None:
    """Store a ticket that was opened then, its clocks as they stood at once after that."""
    ticket = Ticket(store.ids.new(), "desk", at, at, title="A door", priority=Priority(Level.P4))
    tx.tickets.save(ticket)
    link = Link(store.ids.new(), ticket.id, "desk", LinkState.LIVE, Role.SOURCE, remote_id=ticket.id[-12:])
    tx.links.add(link, at)
    happened = Happened(before=None, ticket=ticket, policy="standard", links=frozenset({"desk"}), at=at, now=at)
    keep(tx, happened, site.rules, store.ids)


class _Deaf:
    """A doorbell that nobody hears."""

    def ring(self, step: str) -> None:
        """Do nothing."""
