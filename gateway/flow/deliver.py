"""Step three: updates leave, one lane at a time and many lanes side by side (the protocol of docs/delivery.md).

The main thread owns the database: in one short transaction a round it records what ended, commits the intents that
wait, gives lanes back and claims new ones. Threads do the HTTP. A write leaves only after its intent is durable, once;
whatever happens to this process afterwards, the next worker finds the intent and resolves it by the strategy.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

import msgspec

from gateway import crashpoint
from gateway.domain.link import Link
from gateway.domain.update import Operation, Strategy, UpdateState
from gateway.errors import ClashError, OtherReleaseError, RefusedValueError
from gateway.flow import limits
from gateway.flow.attempt import Ended, Task, degrade, expected_echoes, patience_with, visit
from gateway.flow.brake import braked
from gateway.flow.desks import LiveSite
from gateway.flow.ended import note_end, recorded_one_by_one
from gateway.flow.files.leaving import known_files, with_its_files
from gateway.flow.orphans import ready
from gateway.flow.outcome import Verdict, abandoned, judge
from gateway.flow.pace import onto, tell_pause
from gateway.flow.privacy import withheld
from gateway.flow.skew import learned
from gateway.flow.threads import Threads, Wish
from gateway.flow.undone import deliveries_of
from gateway.ports import (
    AttemptStart,
    Clock,
    DeskState,
    Doorbell,
    HttpRequest,
    Ids,
    LaneClaim,
    OperationClaim,
    Store,
    Transport,
    Tx,
    UpdateRow,
)
from gateway.ports.http import packed

log = logging.getLogger(__name__)

LANES = 48
LEASE_SECONDS = 30.0
#: leases of long visits are kept alive this often
KEEP_SECONDS = 8.0
#: how long an idle drain looks for more before it ends
IDLE_SECONDS = 0.3
_CRASH_STATES = frozenset({UpdateState.READY, UpdateState.UNKNOWN, UpdateState.SENDING})


class Deliverer:
    """Drains the outbox of one site."""

    def __init__(
        self,
        *,
        store: Store,
        site: LiveSite,
        transport: Transport,
        doorbell: Doorbell,
        clock: Clock,
        ids: Ids,
        lanes: int = LANES,
    ) -> None:
        self._store = store
        self._site = site
        self._transport = transport
        self._doorbell = doorbell
        self._clock = clock
        self._ids = ids
        self._lanes = lanes
        self._inbox: queue.SimpleQueue[Wish | Ended] = queue.SimpleQueue()
        self._flying: dict[str, Task] = {}
        self._granted: set[str] = set()
        self._kept_at = 0.0
        #: another release of the site is active: nothing more is claimed by this one
        self._outdated = False
        self._threads = Threads(lanes)

    def drain(
        self, *, holder: str, seconds: float, linger: float = IDLE_SECONDS, stop: Callable[[], bool] = lambda: False
    ) -> int:
        """Deliver what is due for at most `seconds`, then finish what is in flight; return how many visits ended.

        Raises OtherReleaseError, with nothing left in flight, when another release of the site has become active.
        """
        end = self._clock.monotonic() + seconds
        idle_since = self._clock.monotonic()
        ended_in_all = 0
        wishes: list[Wish] = []
        ended: list[Ended] = []
        while True:
            now = self._clock.monotonic()
            open_for_more = now < end and not stop() and not self._outdated
            ended += self._overdue(now, ended)
            if wishes or ended or self._must_look(now, claim=open_for_more):
                claimed = self._round(wishes, ended, holder=holder, claim=open_for_more)
                ended_in_all += len(ended)
                if claimed or ended:
                    idle_since = now
            if not self._flying and (not open_for_more or now - idle_since >= linger):
                break
            wishes, ended = self._listen(0.02 if self._flying else 0.05)
        if ended_in_all:
            # what waited for these writes (echoes, answers of people) can be applied now
            self._doorbell.ring("apply")
        if self._outdated:
            raise OtherReleaseError
        return ended_in_all

    def _must_look(self, now: float, *, claim: bool) -> bool:
        """Say whether a round has work of its own: a lane to claim, or leases to keep. Asked without the write gate."""
        if self._flying and now - self._kept_at > KEEP_SECONDS:
            return True
        if not claim or len(self._flying) >= self._lanes:
            return False
        at = self._clock.now()
        with self._store.read() as tx:
            budgets = self._budgets(tx.desks.all(), self._flying, at)
            open_to = [name for name, budget in budgets.items() if budget > 0]
            return bool(open_to) and tx.outbox.has_due(at, open_to)

    def _budgets(self, desks: Mapping[str, DeskState], flying: Mapping[str, Task], now: datetime) -> Mapping[str, int]:
        """Return how many more lanes of each connection may be worked on."""
        busy = Counter(task.claim.connection for task in flying.values())
        return {
            name: limits.budget(desks.get(name, DeskState(connection=name)), connector.settings, now, busy[name])
            for name, connector in self._site.connectors.items()
            # where it only observes nothing leaves, also not what was planned before it was told to
            if not self._site.observes(name, now)
        }

    def _listen(self, seconds: float) -> tuple[list[Wish], list[Ended]]:
        """Take everything that threads have put into the queue, waiting a little for the first."""
        wishes: list[Wish] = []
        ended: list[Ended] = []
        try:
            message = self._inbox.get(timeout=seconds)
            while True:
                if isinstance(message, Wish):
                    wishes.append(message)
                elif self._flying.get(message.task.claim.link_id) is message.task:
                    ended.append(message)
                message = self._inbox.get_nowait()
        except queue.Empty:
            return wishes, ended

    def _overdue(self, now: float, back: list[Ended]) -> list[Ended]:
        """Give up waiting for threads whose requests cannot still be running."""
        late = []
        returned = {each.task.attempt_id for each in back}
        for task in self._flying.values():
            if task.attempt_id in returned:
                continue
            if now - task.started > patience_with(task.connector, task.update.intent):
                late.append(abandoned(task, granted=task.attempt_id in self._granted))
        return late

    # ------------------------------------------------------------ one transaction a round

    def _round(self, wishes: list[Wish], ended: list[Ended], *, holder: str, claim: bool) -> int:
        """Record, intend, give back, claim: one transaction; then let the threads go on."""
        # the end of a visit is no longer in flight, whatever its record says
        flying = {key: task for key, task in self._flying.items() if all(task is not each.task for each in ended)}
        granted, tasks = self._store.write(
            partial(self._transaction, wishes=wishes, ended=ended, flying=flying, holder=holder, claim=claim)
        )
        if ended:
            crashpoint.reach("deliver.recorded")
        if granted:
            crashpoint.reach("deliver.intended")
        if tasks:
            crashpoint.reach("deliver.claimed")
        self._granted |= granted
        self._granted -= {each.task.attempt_id for each in ended}
        self._flying = flying
        for wish in wishes:
            wish.granted = wish.task.attempt_id in granted
            wish.decided.set()
        for task in tasks:
            self._flying[task.claim.link_id] = task
            self._threads.run(partial(self._fly, task))
        return len(tasks)

    def _transaction(
        self,
        tx: Tx,
        *,
        wishes: list[Wish],
        ended: list[Ended],
        flying: Mapping[str, Task],
        holder: str,
        claim: bool,
    ) -> tuple[frozenset[str], list[Task]]:
        now = self._clock.now()
        known = dict(tx.desks.all())
        desks = dict(known)
        changed: set[str] = set()
        if ended:
            self._record(tx, ended, desks, changed, now)
        granted: frozenset[str] = frozenset()
        if wishes:
            granted = tx.outbox.intend([self._start(wish, now) for wish in wishes], lease=LEASE_SECONDS, now=now)
        if flying and self._clock.monotonic() - self._kept_at > KEEP_SECONDS:
            self._kept_at = self._clock.monotonic()
            tx.outbox.keep([task.claim for task in flying.values()], LEASE_SECONDS)
        tasks: list[Task] = []
        if claim and tx.releases.active() not in {"", self._site.release}:
            self._outdated, claim = True, False
        self._lock_desks(tx, known, desks, changed, claim=claim)
        if claim:
            tasks = self._claim(tx, flying, desks, changed, holder, now)
        for name in sorted(changed):
            self._save_desk(tx, desks[name], known[name], now)
        return granted, tasks

    def _lock_desks(
        self, tx: Tx, known: dict[str, DeskState], desks: dict[str, DeskState], changed: set[str], *, claim: bool
    ) -> None:
        """Lock what this round may change, in one order, and bring both views of it up to date.

        Every worker spends from the same rate bucket, and only one tries a desk whose breaker was open: none may judge
        by what another is just changing.
        """
        paced = {
            name
            for name, each in self._site.connectors.items()
            if each.settings.rate_limit is not None or limits.is_broken(desks.get(name, DeskState(connection=name)))
        }
        for name in sorted(changed | paced if claim else changed):
            fresh = tx.desks.get(name)
            desks[name] = onto(fresh, desks.get(name, fresh), known.get(name, DeskState(connection=name)))
            known[name] = fresh

    def _save_desk(self, tx: Tx, state: DeskState, known: DeskState, now: datetime) -> None:
        """Store how a connection stands; a pause is told in the log and in the audit trail, once.

        It is locked since `known`.
        """
        tell_pause(tx, known, state, now)
        tx.desks.save(state)

    def _record(
        self, tx: Tx, ended: list[Ended], desks: dict[str, DeskState], changed: set[str], now: datetime
    ) -> None:
        verdicts: list[Verdict] = []
        for each in ended:
            name = each.task.claim.connection
            if each.task.trial and name in desks:
                desks[name] = msgspec.structs.replace(desks[name], trial_until=None)
                changed.add(name)
            if each.outcome is None:
                continue
            before = desks.get(name, DeskState(connection=name))
            # what is no part of the ticket's own story must not hold up what comes after it when it is given up
            apart = name in self._site.skipping or each.task.update.operation in {Operation.NOTIFY, Operation.UNDO}
            verdict = judge(each, before, now, blocks=not apart)
            verdicts.append(verdict)
            after = learned(verdict.desk, self._transport, now)
            if after != before:
                desks[name] = after
                changed.add(name)
        ends = [verdict.end for verdict in verdicts]
        try:
            with tx.savepoint():
                held = tx.outbox.record(ends, lease=LEASE_SECONDS, now=now)
        except (RefusedValueError, ClashError):
            ends, held = recorded_one_by_one(tx, ends, LEASE_SECONDS, now)
        crashpoint.reach("deliver.recording")
        tx.outbox.release([each.task.claim for each in ended], now)
        crashpoint.reach("deliver.releasing")
        tx.inbox.add([row for end in ends if end.link_id in held for row in deliveries_of(end, self._ids, now)])
        for end in ends:
            if end.link_id in held:
                note_end(tx, end, self._ids, now)

    def _start(self, wish: Wish, now: datetime) -> AttemptStart:
        task = wish.task
        return AttemptStart(
            id=task.attempt_id,
            update_id=task.update.id,
            link_id=task.claim.link_id,
            connection=task.claim.connection,
            epoch=task.claim.epoch,
            number=task.update.attempts + 1,
            payload_version=task.update.payload_version,
            started_at=now,
            deadline=task.connector.settings.deadline,
            request=packed(wish.request),
            trace_id=task.update.trace_id,
            echoes=expected_echoes(task, self._ids.new, now),
            expect=_CRASH_STATES,
        )

    def _claim(
        self,
        tx: Tx,
        flying: Mapping[str, Task],
        desks: dict[str, DeskState],
        changed: set[str],
        holder: str,
        now: datetime,
    ) -> list[Task]:
        busy = Counter(task.claim.connection for task in flying.values())
        budgets = self._budgets(desks, flying, now)
        claims = tx.outbox.claim(
            holder=holder, limit=self._lanes - len(flying), lease=LEASE_SECONDS, now=now, budgets=budgets, busy=busy
        )
        if not claims:
            return []
        for name, number in Counter(claim.connection for claim in claims).items():
            settings = self._site.connectors[name].settings
            if settings.rate_limit is not None:
                desks[name] = limits.spent(desks.get(name, DeskState(connection=name)), settings, now, number)
                changed.add(name)
        heads = tx.outbox.heads(claims)
        links = tx.links.many(list(heads))
        tasks = []
        for claim in claims:
            desk = desks.get(claim.connection, DeskState(connection=claim.connection))
            update = self._ready(tx, claim, heads.get(claim.link_id), desk, now)
            if update is not None:
                tasks.append(self._task(tx, claim, update, links[claim.link_id], desk))
                if tasks[-1].trial:
                    until = now + timedelta(seconds=patience_with(tasks[-1].connector, tasks[-1].update.intent))
                    desks[claim.connection] = limits.tried(desk, until)
                    changed.add(claim.connection)
        taken = {task.claim.link_id for task in tasks}
        tx.outbox.release([claim for claim in claims if claim.link_id not in taken], now)
        return tasks

    def _terms(self, update: UpdateRow, desk: DeskState) -> OperationClaim:
        """Return by which terms an update is written to its connection, as it stands."""
        spec = self._site.connectors[update.connection].spec
        return degrade(spec.operations.get(update.operation, OperationClaim(Strategy.NONE)), desk.facts)

    def _ready(
        self, tx: Tx, claim: LaneClaim, head: UpdateRow | None, desk: DeskState, now: datetime
    ) -> UpdateRow | None:
        """Return the head of a lane, if anything can be done about it now."""
        if head is not None:
            deadline = self._site.connectors[claim.connection].settings.deadline
            head = ready(tx, claim, head, self._terms(head, desk), deadline, lease=LEASE_SECONDS, now=now)
        return with_its_files(tx, claim, head, LEASE_SECONDS, now) if head is not None else None

    def _task(self, tx: Tx, claim: LaneClaim, update: UpdateRow, link: Link, desk: DeskState) -> Task:
        connector = self._site.connectors[claim.connection]
        strategy = self._terms(update, desk)
        unresolved = update.state is not UpdateState.READY
        comments: frozenset[str] = frozenset()
        if unresolved and update.operation is not Operation.SET_FIELDS:
            comments = tx.tickets.known_comments(link.id)
        stored = None
        if unresolved and strategy.strategy is Strategy.KEY:
            stored = tx.outbox.last_request(update.id, update.payload_version)
        return Task(
            claim=claim,
            update=update,
            link=link,
            connector=connector,
            strategy=strategy,
            known_comments=comments,
            known_files=known_files(tx, update),
            stored=stored,
            attempt_id=self._ids.new(),
            started=self._clock.monotonic(),
            trial=limits.is_broken(desk),
            ahead=desk.ahead,
            withheld=withheld(tx, update, link, connector.spec, desk.facts, self._site.rules.sync_rules)
            or braked(tx, update, connector, self._clock.now()),
        )

    # ------------------------------------------------------------ in the threads

    def _fly(self, task: Task) -> None:
        self._inbox.put(visit(task, self._ask, self._transport, self._clock, LEASE_SECONDS / 2))

    def _ask(self, task: Task, request: HttpRequest) -> bool:
        """Wait until the main thread has committed the intent (or refused it)."""
        wish = Wish(task, request, threading.Event())
        self._inbox.put(wish)
        return wish.decided.wait(LEASE_SECONDS) and wish.granted
