"""One case: a small piece of work, a fault at one kind of write, and a process that dies (or stops) at one point.

A `Life` is one process of the gateway: it receives, applies, delivers and sweeps, one step after the other, until
nothing is left to do. What it knew only in memory, rings of the doorbell included, dies with it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
from sqlalchemy import Engine

from dead_letters import Bulk, Filter, Person, Resolved, Runner, Taken, Terms, freeze, replay_update
from gateway.domain.event import EventKind, RemoteTicket
from gateway.domain.update import Operation, Reason, Strategy
from gateway.errors import LostLeaseError
from gateway.flow.apply import Applier
from gateway.flow.deliver import Deliverer
from gateway.flow.desks import LiveSite
from gateway.flow.looks import Looker
from gateway.flow.receive import receive
from gateway.flow.reconcile import Reconciler
from gateway.flow.sweep import Sweeper
from gateway.store import SqlStore
from gateway.store.keys import Keys
from gateway.store.unit import SqlTx
from gateway.system import SystemIds, process_name
from rules.decide import RuleSet
from tests.faults.clock import SharedClock, SharedLeases
from tests.faults.connector import SETTLE, SLOW_SETTLE, FaultConnector, Told, remote
from tests.faults.desk import Desks, Fault
from tests.flows.world import StoringIntake, sync_rule

SOURCE, TARGET = "source", "target"
#: steps until everything must be at rest, and how long a step may let time pass
MOST_STEPS = 400
LONGEST_WAIT = 16.0
#: letters a second that a person replays
REPLAYS = 20.0
REFUSED = Filter(reason=Reason.REJECTED.value)
#: a poll comes round in this time
POLL_ROUND = 61.0

_CREATED, _CHANGED, _COMMENTED = EventKind.CREATED, EventKind.CHANGED, EventKind.COMMENTED
#: what people do at the source: all of one phase comes in before anything is delivered
PHASES: tuple[tuple[Told, ...], ...] = (
    (
        Told(1, _CREATED, "1", "A printer burns"),
        Told(2, _COMMENTED, "1", "first word"),
        Told(3, _CHANGED, "1", "Title 3"),
        Told(4, _CHANGED, "1", "Title 4"),
    ),
    (
        Told(5, _CHANGED, "1", "Title 5"),
        Told(6, _COMMENTED, "1", "second word"),
        Told(7, _CREATED, "2", "Another one"),
    ),
    (Told(8, _COMMENTED, "1", "third word", lost=True), Told(9, _COMMENTED, "2", "last word")),
)


#: between the last look and the answer nothing can hold a write back that wakes up after its lease
UNGUARDED = frozenset({"deliver.guarded", "http.sending"})


class Case(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which strategy, which fault at which kind of write, and where the process dies: at the `nth` time at `point`."""

    strategy: Strategy
    fault: Fault
    op: Operation
    point: str = ""
    nth: int = 1
    #: what became of a natural or keyed write can be looked for as well
    probes: bool = False
    #: it is stopped beyond its lease and goes on, instead of being killed
    stops: bool = False
    #: the process that finishes the work dies as well, where it comes there for the first time
    again: str = ""
    #: the connection lets doubles be undone
    undoes: bool = False

    @property
    def beyond(self) -> bool:
        """Say whether it breaks what the protocol rests on: a zombie's write, an effect long after the settle time."""
        return self.fault is Fault.VERY_LATE or (self.stops and self.point in UNGUARDED)

    def __str__(self) -> str:
        where = f", {'stopped' if self.stops else 'killed'} at {self.point} #{self.nth}" if self.point else ""
        then = f", then killed at {self.again}" if self.again else ""
        looks = (" with a probe" if self.probes else "") + (", doubles undone" if self.undoes else "")
        return f"{self.strategy}{looks}: {self.fault} at {self.op}{where}{then}"


class Kit(msgspec.Struct, frozen=True):
    """The parts that a mutant replaces."""

    store: type[SqlStore] = SqlStore
    deliverer: type[Deliverer] = Deliverer
    sweeps: bool = True
    looks: bool = True


def store_of(kit: Kit, engine: Engine, folder: Path, clock: SharedClock) -> SqlStore:
    """Return the store of a case in the shared time; the schema is there already."""
    store = kit.store(engine, Keys(folder.parent / "keys", None), clock, SystemIds(clock))
    store.lease_clock = SharedLeases(store.engine.url.get_backend_name(), clock)
    return store


class Bell:
    """A doorbell that is forgotten with its process."""

    def __init__(self) -> None:
        self.rung: set[str] = set()

    def ring(self, step: str) -> None:
        """Remember it."""
        self.rung.add(step)


class Life:
    """One process of the gateway."""

    def __init__(self, case: Case, kit: Kit, *, engine: Engine, folder: Path, clock: SharedClock) -> None:
        # the jitter of backoffs is the same each time
        random.seed(f"{case.strategy}, {case.fault}, {case.op}")
        self.case = case
        self.clock = clock
        self.store = store_of(kit, engine, folder, clock)
        self._said = folder / "said"
        self.desks = Desks(folder / "desk.log", clock, self._source)
        self.desks.befall(case.fault, case.op)
        settle = SLOW_SETTLE if case.fault is Fault.SLOW_INDEX else SETTLE
        connectors = {
            name: FaultConnector(name, case.strategy, probes=case.probes, undoes=case.undoes, settle=settle)
            for name in (SOURCE, TARGET)
        }
        rules = RuleSet(sync_rules=(sync_rule(source=SOURCE, target=TARGET),))
        self._site = LiveSite("faults", rules, connectors)
        self._ids = SystemIds(clock)
        self._holder = process_name()
        self._bell = Bell()
        parts = {
            "store": self.store, "site": self._site, "transport": self.desks, "doorbell": self._bell, "clock": clock,
            "ids": self._ids,
        }  # fmt: skip
        self._applier = Applier(**parts)  # type: ignore[arg-type]
        self._deliverer = kit.deliverer(**parts, lanes=1)  # type: ignore[arg-type]
        self._reconciler = Reconciler(**parts)  # type: ignore[arg-type]
        self._looker = Looker(**parts) if kit.looks else None  # type: ignore[arg-type]
        self._sweeper: Callable[[], object] = lambda: None
        if kit.sweeps:
            self._sweeper = Sweeper(
                store=self.store, site=lambda: self._site, doorbell=self._bell, clock=clock, holder=self._holder
            ).sweep

    def live(self) -> bool:
        """Take everything in, work until nothing is left to do, look at the source once more; False: never at rest."""
        for number, phase in enumerate(PHASES, start=1):
            self._say(number)
            self._tell(phase)
            self._step()
        if not self._settle():
            return False
        self.clock.advance(POLL_ROUND)
        return self._settle()

    def close(self) -> None:
        """Close the database."""
        self.store.close()

    # ------------------------------------------------------------ steps

    def _say(self, phases: int) -> None:
        """Let people at the source do what they do, once: it does not go back when a process of ours dies."""
        if len(self._source_phases()) < phases:
            self._said.write_text(str(phases), encoding="ascii")

    def _source_phases(self) -> Sequence[Sequence[Told]]:
        return PHASES[: int(self._said.read_text(encoding="ascii"))] if self._said.exists() else ()

    def _source(self) -> Sequence[RemoteTicket]:
        return remote([told for phase in self._source_phases() for told in phase])

    def _tell(self, phase: Sequence[Told]) -> None:
        """Send webhooks: what had no answer when a process died is sent again, and so is everything else."""
        intake = StoringIntake(self.store)
        for told in phase:
            if not told.lost:
                receive(told.request(), self._site.connectors[SOURCE], intake, self.clock, self._ids, "t" * 32)
                self._bell.ring("apply")

    def _step(self) -> int:
        """Sweep, then do what was rung for; return how much happened."""
        self._sweeper()
        happened = 0
        for step, work in self._steps().items():
            if step in self._bell.rung:
                # the flag is cleared before the drain looks, as the worker does
                self._bell.rung.discard(step)
                try:
                    happened += work()
                except LostLeaseError:
                    # a job that fails is over; whoever holds the lease now goes on
                    happened += 1
        return happened

    def _steps(self) -> Mapping[str, Callable[[], int]]:
        return {
            "reconcile": self._reconcile,
            "apply": lambda: self._applier.drain(holder=self._holder, seconds=60),
            # nothing is waited for inside of a drain: time moves here only
            "deliver": lambda: self._deliverer.drain(holder=self._holder, seconds=3600, linger=-1.0),
        }

    def _reconcile(self) -> int:
        taken = self._looker.look_due(seconds=60) if self._looker is not None else 0
        return taken + self._reconciler.poll_due(holder=self._holder, seconds=60)

    def _settle(self) -> bool:
        """Work and let time pass until nothing is left to do."""
        wait = 0.25
        for _ in range(MOST_STEPS):
            happened = self._step()
            if not happened and self._at_rest():
                look = self._next_look()
                if look is None:
                    return True
                self.clock.advance(max(0.0, look))
            wait = 0.25 if happened else min(LONGEST_WAIT, wait * 2)
            self.clock.advance(wait)
        return False

    def _next_look(self) -> float | None:
        """Return in how many seconds something that landed is looked at again."""
        if self._looker is None:
            return None
        with self.store.read() as tx:
            due = tx.looks.next_due()
        return None if due is None else (due - self.clock.now()).total_seconds()

    def _at_rest(self) -> bool:
        """Say whether nothing is due, ever; a person replays what the case wants replayed."""
        with self.store.read() as tx:
            waits = tx.inbox.pending() or tx.outbox.next_due() is not None
            letters = 0 if waits else tx.letters.count(REFUSED)
            bulks = [] if waits else [each for each in tx.bulks.unfinished() if each.frozen_at is not None]
        if waits:
            return False
        if self.case.fault is not Fault.REPLAYED or not (letters or bulks):
            return True
        for bulk in bulks or [self._frozen()]:
            self._replay(bulk)
        return False

    def _frozen(self) -> Bulk:
        now = self.clock.now()
        bulk = Bulk(self._ids.new(), "replay", "ann", "the field is there", REFUSED, {}, now)
        freeze(self.store, bulk, now)
        return bulk

    def _replay(self, bulk: Bulk) -> None:
        """Replay what a bulk has left: one that was begun by a process that died goes on."""
        terms = Terms(self._site.connectors[TARGET].spec.operations[self.case.op])
        person = Person(bulk.actor, bulk.why, bulk.id)

        def work(tx: SqlTx, taken: Taken) -> Resolved:
            return replay_update(tx, taken.letter_id, terms, self.clock.now(), person, accept_duplicate=False)

        Runner(
            self.store, work=work, clock=self.clock, wait=self.clock.advance, ring=self._bell.ring, rate=REPLAYS
        ).run(bulk, lambda _: None)
