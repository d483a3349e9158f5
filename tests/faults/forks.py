"""Runs a case in forked children: one that dies or stops at its point, then fresh ones that go on from what is left."""

from __future__ import annotations

import math
import os
import shutil
import signal
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from sqlalchemy import delete

from gateway import crashpoint
from gateway.domain.update import Operation, Strategy
from gateway.store import migrate
from gateway.store.engine import open_engine
from gateway.store.tables import metadata
from tests.faults.case import Case, Kit, Life
from tests.faults.clock import SharedClock
from tests.faults.desk import Fault
from tests.faults.oracle import Verdict, judge

#: a child that takes longer hangs
CHILD_SECONDS = 60
LEASE_OVER = 31.0


class Bench:
    """A database of one kind, and a folder, used again for each case."""

    def __init__(self, url: str, folder: Path) -> None:
        self._folder = folder
        self._case = folder / "case"
        self._clock = SharedClock()
        # one engine, without a connection whenever a child is forked: it inherits every statement compiled, which is
        # half of what a case would take
        self._engine = open_engine(url)
        self._empty: bytes | None = None
        migrate(self._engine)
        self._engine.dispose()
        if url.startswith("sqlite"):
            # the last connection has written the log back into the file
            self._empty = self._database().read_bytes()
        self._fresh()
        warm = Case(Strategy.PROBE, Fault.PROBE_BROKEN, Operation.SET_FIELDS)
        self._live(warm, Kit(), armed=False, report=folder / "warm.json")

    def points(self, case: Case, kit: Kit | None = None) -> tuple[list[str], Verdict]:
        """Run a case to its end without a crash; return every point that it came to, and how it is judged."""
        self._fresh()
        report = self._case / "report.json"
        self._run(lambda: self._live(case, kit or Kit(), report=report, count=True))
        points, verdict = msgspec.json.decode(report.read_bytes(), type=tuple[list[str], Verdict])
        return points, verdict

    def run(self, case: Case, kit: Kit | None = None) -> Verdict:
        """Run a case with its crash, then a process that finishes the work; judge what is left."""
        self._fresh()
        chosen = kit or Kit()
        report = self._case / "report.json"
        first = self._start(lambda: self._live(case, chosen))
        _, status = os.waitpid(first, os.WUNTRACED)
        met = os.WIFSTOPPED(status) or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL)
        if os.WIFSTOPPED(status):
            self._clock.advance(LEASE_OVER)
            self._run(lambda: self._live(case, chosen, armed=False))
            os.kill(first, signal.SIGCONT)
            _, status = os.waitpid(first, 0)
        if not met or (os.WIFEXITED(status) and os.WEXITSTATUS(status)):
            raise RuntimeError(f"{case}: it {'broke' if met else 'never came there'}\n{self._trace()}")
        if case.again:
            second = msgspec.structs.replace(case, point=case.again, nth=1, stops=False)
            _, status = os.waitpid(self._start(lambda: self._live(second, chosen)), 0)
            if os.WIFEXITED(status) and os.WEXITSTATUS(status):
                raise RuntimeError(f"{case}: the second process broke\n{self._trace()}")
        self._run(lambda: self._live(case, chosen, armed=False, report=report))
        _, verdict = msgspec.json.decode(report.read_bytes(), type=tuple[list[str], Verdict])
        verdict.crashes = 2 if case.again else 1
        return verdict

    # ------------------------------------------------------------ inside

    def _database(self) -> Path:
        return Path(str(self._engine.url.database))

    def _fresh(self) -> None:
        """Empty the database, the target and time."""
        shutil.rmtree(self._case, ignore_errors=True)
        self._case.mkdir()
        self._clock.reset()
        if self._empty is not None:
            for path in self._database().parent.glob(f"{self._database().name}*"):
                path.unlink()
            self._database().write_bytes(self._empty)
            return
        with self._engine.begin() as connection:
            # for so few rows quicker than TRUNCATE, which makes new files
            for table in reversed(metadata.sorted_tables):
                if table.name != "facts":
                    connection.execute(delete(table))
        self._engine.dispose()

    def _live(
        self,
        case: Case,
        kit: Kit,
        *,
        armed: bool = True,
        count: bool = False,
        report: Path | None = None,
    ) -> None:
        """Be one process (called in a child)."""
        reached: list[str] = []
        if count:
            crashpoint.arm(reached.append)
        elif armed:
            crashpoint.arm(_at(case))
        life = Life(case, kit, engine=self._engine, folder=self._case, clock=self._clock)
        rests = life.live()
        if report is not None:
            verdict = judge(case, life.store, life.desks.state(at=math.inf), life.desks.lines(), rests=rests)
            report.write_bytes(msgspec.json.encode((reached, verdict)))
        life.close()

    def _start(self, work: Callable[[], None]) -> int:
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(CHILD_SECONDS)
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - the parent tells of it
            (self._folder / "trace").write_text(traceback.format_exc())
        finally:
            os._exit(code)

    def _run(self, work: Callable[[], None]) -> None:
        """Run a child that must end well."""
        _, status = os.waitpid(self._start(work), 0)
        if status:
            raise RuntimeError(f"a child ended with {status}\n{self._trace()}")

    def _trace(self) -> str:
        path = self._folder / "trace"
        return path.read_text() if path.exists() else ""


def _at(case: Case) -> Callable[[str], None]:
    """Return what ends (or stops) this process at the case's point."""
    left = [case.nth]

    def act(point: str) -> None:
        if point != case.point:
            return
        left[0] -= 1
        if left[0] == 0:
            # to this very thread: one sent to the process may stop it a little later, when the write has left
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP if case.stops else signal.SIGKILL)

    return act


def at_each(case: Case, points: list[str]) -> Iterator[Case]:
    """Return the case with a crash at each point, each time that it came there."""
    counts: Counter[str] = Counter()
    for point in points:
        counts[point] += 1
        yield msgspec.structs.replace(case, point=point, nth=counts[point])
