"""Thousands of changes that nobody heard of: they are stored a page at a time, and no page more is held in memory."""

from __future__ import annotations

import time
import tracemalloc
from datetime import timedelta

import msgspec

from gateway.ports import Tx
from tests.losses.room import DESK, Room

#: tickets that change within one second
TOGETHER = 20
MOST_POLLS = 2_000


class Backlog(msgspec.Struct, frozen=True):
    """What became of a backlog."""

    made: int
    #: tickets of which a delivery is stored
    heard: int
    pages: int
    seconds: float
    #: bytes that Python held at most during one page: the greatest of all pages, and of the middle one
    peak: int
    middle: int

    @property
    def is_bounded(self) -> bool:
        """Whether no page held much more than another."""
        return self.peak < 3 * self.middle + 2_000_000


def take(room: Room, number: int) -> Backlog:
    """Let `number` tickets be opened unheard of, then poll page by page until nothing more comes."""
    made: set[str] = set()
    for place in range(number):
        if place % TOGETHER == 0:
            room.advance(timedelta(milliseconds=1000))
        made.add(room.bench.open_ticket(f"Ticket {place}", "x" * 200, email=f"kim{place % 50}@customer.example"))
    room.bench.desk.journal.clear()
    peaks: list[int] = []
    heard: set[str] = set()
    began = time.monotonic()
    tracemalloc.start()
    try:
        while _unheard(made, heard) and len(peaks) < MOST_POLLS:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            stored = room.poller().poll(DESK, holder="losses", seconds=0)
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
            room.bench.desk.journal.clear()
            heard |= _refs(room)
            if not stored:
                room.advance(timedelta(seconds=30))
    finally:
        tracemalloc.stop()
    ordered = sorted(peaks)
    return Backlog(
        number, len(heard & made), len(peaks), time.monotonic() - began, ordered[-1], ordered[len(ordered) // 2]
    )


def _unheard(made: set[str], heard: set[str]) -> set[str]:
    """Return the tickets of which nothing is stored; a mail is stored by its conversation, the begin of the id."""
    return {ticket for ticket in made - heard if ticket.partition(":")[0] not in heard}


def _refs(room: Room) -> set[str]:
    """Return the tickets of the deliveries that wait, and let them wait no more."""
    with room.store.read() as tx:
        rows = tx.inbox.due(5_000, room.time.at + timedelta(hours=1))

    def work(tx: Tx) -> None:
        for row in rows:
            tx.inbox.applied(row.id, room.time.at)

    room.store.write(work)
    return {row.ref for row in rows}
