"""What becomes of the clocks of two tickets that are one: those of the one end, the other answers for both."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from connectors.slack.simulator import SlackSimulator
from gateway.domain.clock_instance import Instance, Status
from gateway.domain.ticket import Ticket
from gateway.flow.judge import Judge
from gateway.flow.sla.merging import Merger
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from tests.flows.office import Office

QUIET = "escalations:\n  - {name: half, at: 50%, metrics: [resolution], do: [{comment: 'half'}]}\n"
HOUR = timedelta(hours=1)


@pytest.fixture
def office(store: SqlStore) -> Iterator[Office]:
    """Give an office, on each database."""
    with SlackSimulator(bot_token="xoxb") as slack, Office(store, slack, QUIET) as made:
        yield made


class Two:
    """Two tickets of one customer, an hour apart."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.numbers = [office.ticket()]
        office.later(hours=1)
        self.numbers.append(office.ticket())
        self.ids = [self._id(number) for number in self.numbers]

    def _id(self, number: int) -> str:
        with self.office.store.read() as tx:
            pair = ("acme-zendesk", str(number))
            return tx.links.by_remote([pair])[pair].ticket_id

    def ticket(self, place: int) -> Ticket:
        """Return the first or the second."""
        with self.office.store.read() as tx:
            found = tx.tickets.get(self.ids[place])
        assert found is not None
        return found

    def clock(self, place: int, metric: str) -> Instance:
        """Return the last instance of a metric of one of them."""
        with self.office.store.read() as tx:
            rows = [row.instance for row in tx.clocks.rows(self.ids[place])]
        return [each for each in rows if each.metric == metric][-1]

    def judge(self, what: str, *places: int) -> None:
        """Let a person merge or split."""
        office = self.office
        office.store.write(
            lambda tx: getattr(
                Judge(tx, office.site, ids=office.ids, now=office.clock.now(), actor="person:eva"), what
            )(*(self.ids[place] for place in places))
        )
        office.settle()


def test_the_ticket_that_stays_counts_from_the_older_one(office: Office) -> None:
    """A desk merges the older into the newer: nobody waits an hour less for that."""
    two = Two(office)
    began = two.clock(0, "resolution").started
    office.zendesk.act("comment", ticket_id=two.numbers[0], body="We look", by="agent", public=True)
    office.settle()
    office.zendesk.act("merge", ticket_id=two.numbers[0], into=two.numbers[1])
    office.settle()
    gone = two.clock(0, "resolution")
    assert (gone.status, gone.reason) == (Status.CANCELED, "merged")
    stays = two.clock(1, "resolution")
    assert (stays.started, stays.due) == (began, began + 20 * HOUR)
    # what was said in the one is said
    assert two.clock(1, "first_response").status is Status.SUCCEEDED
    assert office.later(hours=8) == []
    assert len(office.later(hours=2)) == 1


def test_what_the_customer_says_on_a_duplicate_counts_for_its_original(office: Office) -> None:
    """The wait of the customer is one wait, wherever they ask."""
    two = Two(office)
    office.zendesk.act("comment", ticket_id=two.numbers[0], body="We look", by="agent", public=True)
    office.settle()
    two.judge("merge", 1, 0)
    assert two.clock(1, "resolution").status is Status.CANCELED
    assert two.clock(0, "resolution").started == two.ticket(0).created_at.replace(microsecond=0)
    with office.store.read() as tx:
        before = len(tx.clocks.log(two.ids[0]))
    office.zendesk.act("comment", ticket_id=two.numbers[1], body="Still stuck", by="requester", public=True)
    office.settle()
    with office.store.read() as tx:
        assert len(tx.clocks.log(two.ids[0])) == before + 1


def test_a_merge_that_is_taken_back_never_was(office: Office) -> None:
    """Its clocks go on as if nothing had happened, and the original counts from its own opening again."""
    two = Two(office)
    own = [two.clock(place, "resolution").started for place in (0, 1)]
    two.judge("merge", 0, 1)
    assert two.clock(1, "resolution").started == own[0]
    office.later(hours=1)
    two.judge("split", 0)
    for place in (0, 1):
        found = two.clock(place, "resolution")
        assert (found.status, found.started) == (Status.IN_PROGRESS, own[place])
        assert found.due == own[place] + 20 * HOUR


def test_nothing_is_promised_of_a_ticket_that_is_deleted(office: Office) -> None:
    """Its clocks end, and no level fires for it."""
    two = Two(office)
    office.zendesk.act("delete", ticket_id=two.numbers[0])
    office.zendesk.act("delete", ticket_id=two.numbers[1])
    office.settle()
    assert {two.clock(place, "resolution").reason for place in (0, 1)} == {"deleted"}
    assert office.later(hours=30) == []


def test_a_merge_waits_for_a_sweep_that_has_the_other_ticket(office: Office) -> None:
    """The clocks of the one that stays are written by one hand at a time."""
    two = Two(office)
    done = threading.Event()

    def join(tx: SqlTx) -> None:
        Merger(tx, rules=office.site.rules, ids=office.ids, now=office.clock.now()).join(two.ticket(0), two.ids[1])

    def merge() -> None:
        office.store.write(join)
        done.set()

    def sweep(tx: SqlTx) -> bool:
        tx.tickets.hold([two.ids[1]])
        other.start()
        return done.wait(0.6)

    other = threading.Thread(target=merge)
    assert office.store.write(sweep) is False
    other.join(20)
    assert done.is_set()
    assert two.clock(1, "resolution").started == two.clock(0, "resolution").started
