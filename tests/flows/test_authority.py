"""Who counts a metric: the gateway, or a desk with clocks of its own, whose word is then the only one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from gateway.domain.clock_instance import Chain, Status
from gateway.domain.clock_log import EntryKind
from gateway.domain.shown import instant_text
from gateway.flow.sla.timekeeping import Told, tell, told_by_desks
from gateway.store import SqlStore
from tests.flows.test_showing import RULES, Office

AUTHORITY = RULES.replace(
    "    pause_when:", "    authority: {first_response: acme-zendesk, resolution: gateway}\n    pause_when:"
)
LEVELS = """
escalations:
  - {name: broken, at: breach, metrics: [first_response], do: [{comment: too late}]}
  - {name: halfway, at: 50%, metrics: [first_response], do: [{comment: half of it is over}]}
"""


class Desk(Office):
    """Zendesk counts the first response by clocks of its own, which a test lets speak."""

    def __init__(self, store: SqlStore, rules: str = AUTHORITY, *, listens: bool = True) -> None:
        super().__init__(store, LEVELS, rules)
        zendesk = self.site.connectors["acme-zendesk"]
        options = {**zendesk.settings.options, "sla_events": listens}
        settings = msgspec.structs.replace(zendesk.settings, options=options)
        connectors = {**self.site.connectors, "acme-zendesk": type(zendesk)(settings)}  # type: ignore[call-arg]
        self.site = msgspec.structs.replace(self.site, connectors=connectors)
        self.number = self.ticket()
        self.began = self.clock.now().replace(microsecond=0)

    def at(self, **after: float) -> str:
        """Return an instant after the ticket was opened as Zendesk writes it."""
        return instant_text(self.began + timedelta(**after))

    def says(self, kind: str, *, metric: str = "reply_time", after: float = 0, **more: Any) -> int:
        """Let Zendesk's clocks say something of `after` minutes after the beginning."""
        number: int = self.zendesk.act(
            "metric", ticket_id=self.number, metric=metric, type=kind, time=self.at(minutes=after), **more
        )
        return number

    def promises(self, minutes: int = 30, *, business: bool = False, **more: Any) -> None:
        """Let Zendesk's clock of the first response begin."""
        self.says("activate", **more)
        policy = {"id": 7, "title": "Gold", "description": ""}
        self.says("apply_sla", sla={"target": minutes, "business_hours": business, "policy": policy}, **more)

    def polls(self) -> None:
        """Ask Zendesk, and take what it says."""
        self.moved.ahead += timedelta(minutes=2)
        self.zendesk.clock.skew = self.rt.clock.skew = self.moved.ahead
        self.reconciler().poll("acme-zendesk", holder="test")
        self.settle()

    def told(self) -> Told:
        """Return the clocks as they are told now."""
        with self.store.read() as tx:
            (line,) = tx.view.tickets(limit=5)
            return tell(tx, line.id, self.clock.now())

    def beside(self) -> list[tuple[str, Chain]]:
        """Return what Zendesk says of clocks that it does not count."""
        with self.store.read() as tx:
            return told_by_desks(tx, self.told(), self.clock.now())

    def fired(self) -> list[str]:
        """Return the escalations that did something."""
        with self.store.read() as tx:
            lines = [line for line in tx.view.audit(limit=500) if line["action"] == "escalated"]
        return [str(each["detail"]["escalation"]) for each in lines][::-1]


@pytest.fixture
def desk(store: SqlStore) -> Iterator[Desk]:
    """Give a gateway between its desks, where Zendesk counts the first response."""
    with Desk(store) as made:
        yield made


def test_until_the_desk_speaks_nothing_is_promised(desk: Desk) -> None:
    """The gateway's own idea of that metric is no promise; the others are its own."""
    assert set(desk.told().chains) == {"resolution"}
    assert desk.due() == instant_text(desk.clock_of("resolution").due or datetime.now(UTC))


def test_the_desks_clock_is_the_record(desk: Desk) -> None:
    """Its target, its pause and its end; and the other desk shows its due time."""
    desk.promises()
    desk.polls()
    found = desk.clock_of("first_response")
    assert (found.authority, found.target_s, found.status) == ("acme-zendesk", 1800, Status.IN_PROGRESS)
    assert found.due == desk.began + timedelta(minutes=30)
    assert desk.due() == instant_text(found.due)
    desk.says("pause", after=3)
    desk.polls()
    waits = desk.clock_of("first_response")
    assert (waits.status, waits.due, waits.elapsed_s) == (Status.PAUSED, None, 180)
    desk.says("activate", after=5)
    desk.polls()
    assert desk.clock_of("first_response").due == desk.began + timedelta(minutes=32)
    desk.says("fulfill", after=7)
    desk.polls()
    done = desk.clock_of("first_response")
    assert (done.status, done.elapsed_s) == (Status.SUCCEEDED, 300)


def test_an_answer_that_only_we_see_changes_nothing_there(desk: Desk) -> None:
    """The desk says when its promise was kept."""
    desk.promises()
    desk.polls()
    desk.zendesk.act("comment", ticket_id=desk.number, body="We are on it", by="agent", public=True)
    desk.settle()
    assert desk.clock_of("first_response").status is Status.IN_PROGRESS


def test_only_the_desk_breaks_its_promise_and_it_escalates_once(desk: Desk) -> None:
    """A due time that passes is no breach; the desk's word is, at its instant, whoever sweeps how often."""
    desk.promises()
    desk.polls()
    desk.later(minutes=20)
    assert desk.fired() == ["halfway"]
    desk.later(hours=2)
    assert desk.clock_of("first_response").status is Status.NEARING
    assert desk.fired() == ["halfway"]
    desk.says("breach", after=45)
    desk.polls()
    broken = desk.clock_of("first_response")
    assert (broken.status, broken.breached_at) == (Status.BREACHED, desk.began + timedelta(minutes=45))
    for _ in range(3):
        desk.later(minutes=1)
        desk.polls()
    assert desk.fired() == ["halfway", "broken"]
    assert desk.due() == desk.at(minutes=45)


def test_a_breach_that_is_taken_back_never_was(desk: Desk) -> None:
    """Zendesk marks it as deleted: the record is restated."""
    desk.promises()
    number = desk.says("breach", after=1)
    desk.polls()
    assert desk.clock_of("first_response").status is Status.BREACHED
    desk.zendesk.act("unmetric", number=number)
    desk.polls()
    assert desk.clock_of("first_response").breached_at is None
    with desk.store.read() as tx:
        (line,) = tx.view.tickets(limit=5)
        changes = [each for each in tx.clocks.changes(line.id) if each.transition.change == "breached"]
    assert [each.retracted for each in changes] == [False, True]


def test_business_hours_are_the_desks_to_count(desk: Desk) -> None:
    """When it will be broken says Zendesk; what is read of it is what stands."""
    desk.promises(480, business=True)
    desk.zendesk.act("slas", ticket_id=desk.number, first_reply_time=desk.at(days=3))
    desk.polls()
    assert desk.clock_of("first_response").due == desk.began + timedelta(days=3)
    desk.says("pause", after=3)
    desk.zendesk.act("slas", ticket_id=desk.number, first_reply_time=None)
    desk.polls()
    assert desk.clock_of("first_response").due is None


def test_what_comes_twice_counts_once(desk: Desk) -> None:
    """Polls overlap: the same word is one entry."""
    desk.promises()
    desk.says("pause", after=1)
    for _ in range(3):
        desk.polls()
    with desk.store.read() as tx:
        (line,) = tx.view.tickets(limit=5)
        words = [entry.name for entry in tx.clocks.log(line.id) if entry.kind is EntryKind.DESK]
    assert sorted(words) == ["paused", "started", "target"]


def test_next_replies_are_cycles(desk: Desk) -> None:
    """The first instance of Zendesk's replies is the first response, the others are next replies."""
    desk.promises(instance_id=3)
    desk.polls()
    assert set(desk.told().chains) == {"resolution"}
    ((connection, chain),) = desk.beside()
    assert (connection, chain.metric, chain.instances[-1].cycle) == ("acme-zendesk", "next_reply", 2)


def test_where_the_gateway_counts_the_desk_is_recorded_and_changes_nothing(store: SqlStore) -> None:
    """What it says stands beside ours, and can be seen to differ."""
    with Desk(store, RULES) as desk:
        desk.promises()
        desk.says("breach", after=1)
        desk.polls()
        ours = desk.clock_of("first_response")
        assert (ours.authority, ours.status, ours.target_s) == ("", Status.IN_PROGRESS, 4 * 3600)
        ((connection, chain),) = desk.beside()
        assert (connection, chain.instances[-1].status) == ("acme-zendesk", Status.BREACHED)
        desk.later(minutes=5)
        assert desk.fired() == []


def test_a_desk_that_may_not_export_is_left_alone(desk: Desk) -> None:
    """Polling goes on without."""
    desk.promises()
    desk.zendesk.exports = False
    desk.polls()
    assert set(desk.told().chains) == {"resolution"}
    with desk.store.read() as tx:
        assert tx.desks.all()["acme-zendesk"].poll_error == ""


def test_nobody_asks_where_nothing_is_wanted(store: SqlStore) -> None:
    """Without an authority and without `sla_events` there is no further request."""
    with Desk(store, RULES, listens=False) as desk:
        desk.promises()
        desk.polls()
        assert desk.beside() == []


def test_another_authority_in_the_next_release_tells_it_from_the_beginning(desk: Desk) -> None:
    """The desk's words are kept: who counts is a matter of the terms."""
    desk.promises()
    desk.polls()
    desk.rules(RULES)
    desk.zendesk.act("set", ticket_id=desk.number, subject="Door again")
    desk.settle()
    found = desk.clock_of("first_response")
    assert (found.authority, found.target_s) == ("", 4 * 3600)
    assert [each for each, _ in desk.beside()] == ["acme-zendesk"]
