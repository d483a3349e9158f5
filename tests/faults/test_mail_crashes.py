"""A process that sends a mail dies, or stands still, at each point on the way: the mail is sent at most once.

The mail server is real sockets in this process; who sends is a forked child, and time moves when it is told to. What
went out is what the server took: nobody else knows.
"""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.email.bench import EmailBench
from connectors.email.mime import Mail
from connectors.email.simulator import SimulatedMail
from gateway import crashpoint
from gateway.domain.ticket import Visibility
from gateway.domain.update import CommentIntent, Intent, Operation, Strategy, UpdateState
from gateway.ports import NewUpdate, OperationClaim, UpdateRow
from gateway.store import SqlStore, migrate
from gateway.store.engine import open_engine
from gateway.store.keys import Keys
from gateway.system import SystemIds
from tests.faults.clock import EPOCH, SharedClock, SharedLeases
from tests.faults.enumeration import INSIDE
from tests.flows.world import Bridge

pytestmark = [pytest.mark.faults, pytest.mark.slow]

CHILD_SECONDS, LEASE_OVER, BREAKER_OVER = 30, 31.0, 120.0
#: how a mail that was sent can be known: by a copy in the mailbox, by the folder of what was sent, or not at all
PROOFS: dict[str, dict[str, Any]] = {
    "copy": {},
    "folder": {"copy": False, "sent_folder": "Sent"},
    "none": {"copy": False},
}
#: what befalls the line that ends a mail
FAULTS = ("", "reset_before", "reset_after", "error_without_effect", "error_with_effect")
#: the server lies: it takes the mail and says that it did not, and no protocol can tell
LIES = "error_with_effect"
CASES = [(proof, fault) for proof in PROOFS for fault in FAULTS if proof == "copy" or fault in {"", "reset_after"}]
OVER = {UpdateState.DONE, UpdateState.OBSERVED, UpdateState.AMBIGUOUS, UpdateState.DEAD}


class Sent(msgspec.Struct, frozen=True):
    """What became of one reply."""

    state: UpdateState
    #: how often the server took it
    times: int
    #: the points that the child came to
    reached: tuple[str, ...] = ()


class Post(Bridge):
    """The gateway with a mailbox and nothing else, in shared time."""

    def __init__(self, store: SqlStore, clock: SharedClock, folder: Path, **options: Any) -> None:
        super().__init__(store, clock)
        self.shared = clock
        self.bench = EmailBench()
        # a child is not to inherit a lock of TLS that a thread of this process holds just then
        self.bench.desk = SimulatedMail(tls="none")
        self.mail = self.bench.desk.start()
        self.mail.clock.frozen = EPOCH
        self.mail.keeps_sent = True
        self._told = folder / "reached"
        self._people = 0
        self.join((self.mail,), [self.bench.settings("support-mail", **options)], [])

    def case(self, fault: str, at: tuple[str, int] | None = None, *, stops: bool = False) -> Sent:
        """Let a customer write and be answered; the process that sends dies, and another one goes on.

        One that `stops` goes on itself, when its lease is long over and the other one has done what it could.
        """
        # what befell the mails before this one opened the breaker
        self.shared.advance(BREAKER_OVER)
        update = self._planned()
        if fault:
            self.mail.fault(fault, method="SMTP", path="DATA")
        stopped = self._child(at, stops=stops)
        self.shared.advance(LEASE_OVER)
        self._go_on(update)
        if stopped:
            os.kill(stopped, signal.SIGCONT)
            _, status = os.waitpid(stopped, 0)
            assert status == 0, f"{at}: who woke up ended with {status}"
            self._go_on(update)
        reached = tuple(self._told.read_text().split())
        self.mail.faults.clear()
        # the copy of a mail comes as any mail does
        self.reconciler().poll("support-mail", holder="second")
        self.applier().drain(holder="second", seconds=60)
        row = self._row(update)
        keys = [Mail.of(each.raw).message_id.partition(".")[0] for each in self.mail.store.sent]
        return Sent(row.state, keys.count(row.effect_key), reached)

    def _go_on(self, update: str) -> None:
        """Let another process do what is left to do."""
        for _ in range(200):
            self.deliverer().drain(holder="second", seconds=3600, linger=-1.0)
            if self._row(update).state in OVER:
                return
            self.shared.advance(8.0)

    def _planned(self) -> str:
        self._people += 1
        self.mail.act("write", sender=f"c{self._people}@customer.example", subject=f"Ticket {self._people}")
        self.reconciler().poll("support-mail", holder="first")
        self.applier().drain(holder="first", seconds=60)
        with self.store.read() as tx:
            newest = max(line.id for line in tx.view.tickets(limit=500))
            (link,) = tx.links.of_ticket(newest)
        said = CommentIntent("", "We come", Visibility.PUBLIC)
        new = NewUpdate(
            id=self.ids.new(), link_id=link.id, ticket_id=link.ticket_id, connection=link.connection,
            operation=Operation.PUBLIC_REPLY, effect_key=self.ids.new().replace("-", ""),
            intent=Intent(Operation.PUBLIC_REPLY, comment=said), summary="public reply", delivery_id="", event_key="e",
            rule="", release="test", trace_id="t" * 32, created_at=self.clock.now(),
        )  # fmt: skip
        self.store.write(lambda tx: tx.outbox.add(new))
        return new.id

    def _row(self, update: str) -> UpdateRow:
        with self.store.read() as tx:
            row = tx.outbox.get(update)
        assert row is not None
        return row

    def _child(self, at: tuple[str, int] | None, *, stops: bool) -> int:
        """Send in a process of its own; return it where it stands still."""
        self._told.write_text("")
        self.store.engine.dispose()
        with warnings.catch_warnings():
            # the threads of this process are servers, which the child only talks to
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if not pid:
            code = 1
            try:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(CHILD_SECONDS)
                crashpoint.arm(self._act(at, signal.SIGSTOP if stops else signal.SIGKILL))
                self.deliverer().drain(holder="first", seconds=3600, linger=-1.0)
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(pid, os.WUNTRACED)
        died = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        assert (died or os.WIFSTOPPED(status)) is (at is not None), f"{at}: the child ended with {status}"
        return pid if os.WIFSTOPPED(status) else 0

    def _act(self, at: tuple[str, int] | None, number: signal.Signals) -> Callable[[str], None]:
        seen: Counter[str] = Counter()

        def act(point: str) -> None:
            with self._told.open("a") as told:
                told.write(f"{point}\n")
            seen[point] += 1
            if (point, seen[point]) == at:
                signal.pthread_kill(threading.get_ident(), number)

        return act


@pytest.fixture
def clock() -> SharedClock:
    """Give time that begins."""
    made = SharedClock()
    made.reset()
    return made


@pytest.fixture
def own_store(database_url: str, tmp_path: Path, clock: SharedClock) -> Iterator[SqlStore]:
    """Give a record in shared time."""
    engine = open_engine(database_url)
    migrate(engine)
    made = SqlStore(engine, Keys(tmp_path / "keys", None), clock, SystemIds(clock))
    made.lease_clock = SharedLeases(engine.url.get_backend_name(), clock)
    yield made
    made.close()


@pytest.mark.parametrize(("proof", "fault"), CASES)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_mail_is_sent_at_most_once_whatever_dies(
    own_store: SqlStore, clock: SharedClock, tmp_path: Path, proof: str, fault: str
) -> None:
    """At every point, each time that it is come to: sent once, or for a person; what can be known is known."""
    wrong: list[str] = []
    with Post(own_store, clock, tmp_path, every=timedelta(seconds=1), **PROOFS[proof]) as post:
        whole = post.case(fault)
        cases = each_of(whole.reached)
        seen = {point for point, _ in cases}
        assert {"mail.sending", "mail.answering", "deliver.answered"} <= seen or fault.startswith("reset")
        judged = {f"{point} #{nth}": post.case(fault, (point, nth)) for point, nth in cases}
        for where, sent in {"nowhere": whole, **judged}.items():
            told = f"{where}: {sent.state}, sent {sent.times} times"
            most = 2 if fault == LIES else 1
            if sent.times > most or sent.state not in OVER or sent.state is UpdateState.DEAD:
                wrong.append(told)
            if sent.state in {UpdateState.DONE, UpdateState.OBSERVED} and not sent.times:
                wrong.append(f"{told}: lost")
            if sent.state is UpdateState.AMBIGUOUS and sent.times and proof != "none":
                wrong.append(f"{told}: it could be known")
        with own_store.read() as tx:
            assert len(tx.view.tickets(limit=500)) == 1 + len(judged)
    assert wrong == []


@pytest.mark.parametrize(("proof", "fault"), [("copy", ""), ("none", ""), ("copy", "reset_after")])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_stood_still_sends_nothing_twice(
    own_store: SqlStore, clock: SharedClock, tmp_path: Path, proof: str, fault: str
) -> None:
    """Stopped at every point until its lease is over and another process has taken its place, then it goes on.

    What it sends only then is a mail that the other one could not find: that one is left to a person, never sent again.
    """
    wrong: list[str] = []
    with Post(own_store, clock, tmp_path, every=timedelta(seconds=1), **PROOFS[proof]) as post:
        cases = [each for each in each_of(post.case(fault).reached) if each[0] not in INSIDE]
        assert {"mail.sending", "deliver.guarded", "deliver.intended"} <= {point for point, _ in cases}
        for point, nth in cases:
            sent = post.case(fault, (point, nth), stops=True)
            told = f"{point} #{nth}: {sent.state}, sent {sent.times} times"
            if sent.times > 1 or sent.state not in OVER or sent.state is UpdateState.DEAD:
                wrong.append(told)
            if sent.state in {UpdateState.DONE, UpdateState.OBSERVED} and not sent.times:
                wrong.append(f"{told}: lost")
        with own_store.read() as tx:
            assert len(tx.view.tickets(limit=500)) == 1 + len(cases)
    assert wrong == []


def each_of(reached: Sequence[str]) -> list[tuple[str, int]]:
    """Return each point that was come to, with which time it was."""
    seen: Counter[str] = Counter()
    found = []
    for point in reached:
        seen[point] += 1
        found.append((point, seen[point]))
    return found


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_mail_that_is_sent_again_without_a_look_is_there_twice(
    own_store: SqlStore, clock: SharedClock, tmp_path: Path
) -> None:
    """What the strategy is for: a connector that claimed that a second mail does no harm would send it."""
    with Post(own_store, clock, tmp_path, every=timedelta(seconds=1)) as post:
        connector = post.site.connectors["support-mail"]
        blind = {Operation.PUBLIC_REPLY: OperationClaim(Strategy.NATURAL, settle=1)}
        connector.spec = msgspec.structs.replace(connector.spec, operations=blind)
        assert post.case("", ("mail.answering", 1)).times == 2
        assert post.case("", ("mail.sending", 1), stops=True).times == 2
