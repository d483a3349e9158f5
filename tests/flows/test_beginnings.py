"""What is told later of a ticket that the gateway does not know begins it whole: it is read first, at every desk.

The webhook of its creation was lost, and that of the first comment, too; the second comment is the first that is heard.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from connectors import registry
from connectors.testing.bench import Bench, Lacking, benches
from connectors.testing.faults import FaultKind
from gateway.domain.ticket import Category, Ticket
from gateway.store import SqlStore
from tests.flows.world import Bridge

DESK = "the-desk"
#: the desks of which webhooks tell, and whose tickets can be read
SPEAKING = tuple(
    each
    for each in benches()
    if (spec := registry.load(points=()).plugin(each.connector).spec).webhooks and spec.reads
)  # fmt: skip


class Late(Bridge):
    """A gateway that hears of one desk's tickets late, and does not poll it."""

    def __init__(self, store: SqlStore, bench: type[Bench]) -> None:
        super().__init__(store)
        self.webhooks_lost = True
        self.bench = bench().__enter__()
        self.bench.desk.webhooks.url = self.hook(DESK)
        self.join((self.bench.desk,), [self.bench.settings(DESK)], ())
        self.public = "public_reply" in {str(each) for each in self.site.connectors[DESK].spec.operations}

    def close(self) -> None:
        """Stop the desk."""
        super().close()
        self.bench.__exit__()

    def unheard(self) -> str:
        """Let a customer open a ticket and an agent say something on it, of which no webhook comes."""
        ticket = self.bench.open_ticket("Printer", "It burns", email="kim@customer.example")
        self.bench.say(ticket, "An earlier word", public=self.public)
        self.bench.desk.webhooks.flush(5)
        self.webhooks_lost = False
        return ticket

    def begun(self) -> tuple[Ticket, list[str]]:
        """Return the one ticket, and the last lines of its comments."""
        with self.store.read() as tx:
            (line,) = tx.view.tickets(limit=5)
            ticket = tx.tickets.get(line.id)
            said = [each.body.strip().splitlines()[-1] for each in tx.tickets.comments(line.id)]
        assert ticket is not None
        return ticket, said


@pytest.fixture(params=SPEAKING, ids=lambda bench: bench.__name__)
def late(request: pytest.FixtureRequest, store: SqlStore) -> Iterator[Late]:
    """Give a gateway with one desk."""
    with Late(store, request.param) as made:
        yield made


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestBeginnings:
    """At every desk that speaks."""

    def test_a_comment_of_an_unknown_ticket_begins_it_whole(self, late: Late) -> None:
        """Title, body, status, requester and what was said before are there as after a read of it."""
        ticket = late.unheard()
        late.bench.say(ticket, "A later word", public=late.public)
        late.settle()
        self.is_whole(late, ["An earlier word", "A later word"])

    def test_another_change_of_an_unknown_ticket_begins_it_whole(self, late: Late) -> None:
        """So does a title that an agent changes, or a status."""
        ticket = late.unheard()
        try:
            late.bench.set_title(ticket, "Printer")
        except Lacking:
            late.bench.set_status(ticket, Category.OPEN)
        late.settle()
        if late.counts().get("tickets"):
            self.is_whole(late, ["An earlier word"])

    def test_nothing_begins_while_the_desk_cannot_be_read(self, late: Late) -> None:
        """The comment waits, and nothing is parked; when the desk answers again the ticket begins whole."""
        late.bench.desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, method="GET", count=None, status=503)
        late.bench.desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, method="POST", path="graphql|search|query", status=503)
        ticket = late.unheard()
        late.bench.say(ticket, "A later word", public=late.public)
        late.settle(seconds=1)
        late.bench.desk.faults.clear()
        assert not late.counts().get("deliveries_parked")
        until = time.monotonic() + 12
        while time.monotonic() < until and not late.counts().get("tickets"):
            late.settle(seconds=1)
        self.is_whole(late, ["An earlier word", "A later word"])

    def is_whole(self, late: Late, said: list[str]) -> None:
        """See that the one ticket is as the desk shows it."""
        ticket, words = late.begun()
        assert ticket.title == "Printer"
        assert "It burns" in ticket.body
        assert ticket.status.category in {Category.NEW, Category.OPEN}
        assert ticket.requester is not None, "nobody has asked for it"
        assert words == said
        assert late.counts().get("deliveries_parked", 0) == 0
        assert said_of(ticket) == []


def said_of(ticket: Ticket) -> list[Any]:
    """Return what of a ticket could not be understood."""
    return [msgspec.to_builtins(each) for each in ticket.unmapped]
