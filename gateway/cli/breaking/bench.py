"""Looks once a second: at the desks' logs, at the processes, and at whether what was broken has healed."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from connectors.testing.traffic.desks import DeskError, SimulatorClient
from gateway.cli.breaking.breaks import UP, Breaker, Way
from gateway.cli.breaking.oracle import Oracle
from gateway.cli.breaking.verdict import Ask, Tally, judge
from gateway.errors import GatewayError
from gateway.ports import Clock
from gateway.supervisor import ProcessStatus

log = logging.getLogger(__name__)

KEPT = 12
_EVERY = 0.5


class Break(msgspec.Struct):
    """One press of a button, and what came of it."""

    number: int
    way: str
    title: str
    target: str
    at: datetime
    #: when the disturbance itself ended or will end
    until: datetime
    healed_at: datetime | None = None
    #: the most that waited between the two
    waited: int = 0


class DeskNow(msgspec.Struct, frozen=True):
    """How a desk is as its own simulator says, or does not."""

    name: str
    #: its log was read in the last look
    answers: bool
    #: what is being done to it
    broken: tuple[str, ...] = ()


class Seen(msgspec.Struct, frozen=True):
    """What one look found: everything that changes on the page."""

    tally: Tally
    desks: tuple[DeskNow, ...] = ()
    processes: tuple[ProcessStatus, ...] = ()
    breaks: tuple[Break, ...] = ()
    #: why the counters stand still; empty: they do not
    trouble: str = ""


class Bench:
    """Breaks, looks and remembers. Requests press and read, a thread of its own looks."""

    def __init__(
        self,
        ways: tuple[Way, ...],
        breaker: Breaker,
        desks: Mapping[str, SimulatorClient],
        oracle: Oracle,
        ask: Ask,
        clock: Clock,
    ) -> None:
        self.ways = {way.name: way for way in ways}
        self._breaker = breaker
        self._desks = desks
        self._oracle = oracle
        self._ask = ask
        self._clock = clock
        #: a look must not calm what is broken and not yet listed
        self._doing = threading.Lock()
        self._lock = threading.Lock()
        self._breaks: deque[Break] = deque(maxlen=KEPT)
        self._count = 0
        self._seen = Seen(Tally())

    @property
    def seen(self) -> Seen:
        """The last look."""
        return self._seen

    def press(self, name: str, target: str) -> None:
        """Break something; raises GatewayError when there is no such button, or it cannot be done now."""
        way = self.ways.get(name)
        if way is None or target not in way.targets:
            raise GatewayError(f"there is no button {name[:40]!r} for {target[:40]!r}")
        if target == UP:
            self._breaker.raise_up()
            return
        with self._doing:
            self._breaker.do(name, target)
            now = self._clock.now()
            with self._lock:
                self._count += 1
                until = now + timedelta(seconds=way.seconds)
                self._breaks.appendleft(Break(self._count, name, way.title, target, now, until))
        self._publish(self._seen)

    def run(self, stop: threading.Event) -> None:
        """Look until told to stop."""
        while not stop.wait(_EVERY):
            try:
                self.look()
            except Exception as error:
                # the page must outlive whatever a visitor does to the rest
                log.exception("a look at the desks failed")
                self._publish(msgspec.structs.replace(self._seen, trouble=f"{type(error).__name__}: {error}"))

    def look(self) -> None:
        """Look once."""
        now = self._clock.now()
        answering = {name: self._read(name, client) for name, client in self._desks.items()}
        with self._doing:
            self._end(now, answering)
        with self._lock:
            calm = max([each.until for each in self._breaks], default=datetime.min.replace(tzinfo=now.tzinfo))
        tally = judge(self._oracle, self._ask, now, calm)
        status = self._breaker.status()
        processes = status.processes if status else ()
        self._heal(now, tally, processes, answering)
        desks = tuple(DeskNow(name, each, self._disturbances(name, now)) for name, each in answering.items())
        self._publish(Seen(tally, desks, processes))

    def _read(self, name: str, client: SimulatorClient) -> bool:
        """Read what is new in a desk's log; False when it does not answer."""
        try:
            self._oracle.hear(name, client.news())
        except DeskError:
            return False
        return True

    def _end(self, now: datetime, answering: Mapping[str, bool]) -> None:
        """End what does not end by itself, and what was ended before its time."""
        with self._lock:
            standing = [each for each in self._breaks if each.healed_at is None]
        for each in standing:
            if each.way == "desk-down" and answering.get(each.target) and each.at < now - timedelta(seconds=1):
                each.until = min(each.until, now)
        doubling = {each.target for each in standing if each.way == "double-webhooks" and each.until > now}
        for name in set(self._desks) - doubling:
            try:
                self._breaker.calm(name)
            except DeskError as error:
                log.info("webhooks are not calmed yet", extra={"desk": name, "error": str(error)})

    def _heal(
        self, now: datetime, tally: Tally, processes: tuple[ProcessStatus, ...], answering: Mapping[str, bool]
    ) -> None:
        """Note what has healed.

        That is: all that people had said when the disturbance ended is at the other desk, once, and what was killed
        runs again.
        """
        running = {each.name for each in processes if each.phase == "running"}
        with self._lock:
            for each in self._breaks:
                if each.healed_at is not None:
                    continue
                each.waited = max(each.waited, tally.waiting)
                back = each.target in running or each.target in answering
                if (
                    each.until <= now - timedelta(seconds=1)
                    and back
                    and all(answering.values())
                    and tally.clean
                    and (tally.oldest is None or tally.oldest > each.until)
                ):
                    each.healed_at = now

    def _disturbances(self, desk: str, now: datetime) -> tuple[str, ...]:
        with self._lock:
            return tuple(sorted({each.way for each in self._breaks if each.target == desk and each.until > now}))

    def _publish(self, seen: Seen) -> None:
        with self._lock:
            copies = tuple(msgspec.structs.replace(each) for each in self._breaks)
            self._seen = msgspec.structs.replace(seen, breaks=copies)
