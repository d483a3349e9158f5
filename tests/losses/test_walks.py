"""A poll of many pages while people go on working: its boundaries move, and nothing is passed over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import connectors
from connectors.testing.bench import Bench, benches
from connectors.testing.driver import Driver
from connectors.testing.quality import read_quality
from tests.losses.room import POLLED
from tests.rules.making import built_in

#: more than two pages of most desks
MANY = 230
#: pages between which somebody does something
BUSY = 8
MOST_PAGES = 400
SECOND = timedelta(seconds=1)


class Walk:
    """One desk, its changes page by page, and on which page each ticket was told of last."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.at = datetime.now(UTC).replace(microsecond=0)
        self.pass_time(timedelta(0))
        connector = built_in().connect(bench.settings("the-desk"))
        self.driver = Driver(connector)
        self.public = "public_reply" in {str(each) for each in connector.spec.operations}
        self.cursor = ""
        self.page = 0
        self.told: dict[str, int] = {}
        #: ticket -> pages that had been read when somebody last said something there
        self.touched: dict[str, int] = {}

    def pass_time(self, span: timedelta) -> None:
        """Put the desk's clock forward."""
        self.at += span
        self.bench.desk.clock.frozen = self.at

    def open(self, number: int) -> str:
        """Let a customer open a ticket."""
        ticket = self.bench.open_ticket(f"Ticket {number}", "It burns")
        self.touched[ticket] = self.page
        return ticket

    def touch(self, ticket: str) -> None:
        """Let an agent say something."""
        self.bench.say(ticket, f"Said after page {self.page}", public=self.public)
        self.touched[ticket] = self.page

    def read(self) -> bool:
        """Read one page; say whether the round is over."""
        found = self.driver.run(self.driver.connector.changes(self.cursor, self.at))
        self.page += 1
        assert self.page < MOST_PAGES, "the walk never ends"
        self.cursor = found.cursor
        for told in [one.remote_id for one in found.tickets] + [event.remote_id for event in found.events]:
            self.told[told] = self.page
        # a message is told of by its conversation, which the id of its ticket begins with
        refs = {one.ref for one in found.deliveries}
        self.told |= {ticket: self.page for ticket in self.touched if ticket.partition(":")[0] in refs}
        return found.end

    def unheard(self) -> list[str]:
        """Return the tickets of which no page told after what was last done to them."""
        return [ticket for ticket, page in self.touched.items() if self.told.get(ticket, 0) <= page]


@pytest.fixture(params=POLLED, ids=lambda bench: bench.__name__)
def walk(request: pytest.FixtureRequest) -> Iterator[Walk]:
    """Start a desk."""
    kind: type[Bench] = request.param
    bench = kind()
    bench.desk.clock.frozen = datetime.now(UTC).replace(microsecond=0)
    with bench:
        made = Walk(bench)
        yield made
        made.driver.close()


def test_what_changes_while_pages_are_read_is_told_of(walk: Walk) -> None:
    """Tickets that were told of, others, and new ones: a round later each was told of after its last change."""
    while not walk.read():
        pass
    tickets = []
    for number in range(MANY):
        if number % 10 == 0:
            walk.pass_time(SECOND)
        tickets.append(walk.open(number))
    walk.pass_time(timedelta(seconds=30))
    busy, begin, end = 0, walk.page, False
    while not end:
        end = walk.read()
        if busy < BUSY:
            walk.pass_time(timedelta(milliseconds=400))
            told = [ticket for ticket in tickets if walk.told.get(ticket, 0) > walk.touched[ticket]]
            untold = [ticket for ticket in tickets if ticket not in walk.told]
            for some in (told, untold):
                if some:
                    walk.touch(some[len(some) // 2])
            tickets.append(walk.open(MANY + busy))
            busy += 1
    assert walk.page - begin > 1, "a page holds them all"
    walk.pass_time(timedelta(seconds=30))
    while not walk.read():
        pass
    assert walk.unheard() == []


def test_every_desk_that_keeps_tickets_is_polled_or_says_why_not() -> None:
    """Of those others a lost webhook is lost for good; today that is WhatsApp, of which nothing can be listed."""
    others = [bench.connector for bench in benches() if bench not in POLLED]
    assert others == ["whatsapp"]
    for name in others:
        quality, _ = read_quality(Path(connectors.__file__).parent / name)
        assert quality["lacks"]["polling"]
