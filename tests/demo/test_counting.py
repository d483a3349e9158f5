"""The counters of the demo: right where the gateway is right, and merciless where it is not."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from connectors.testing.traffic.desks import SimulatorClient
from gateway.cli.breaking.oracle import Oracle
from gateway.cli.breaking.verdict import PATIENCE, Fate, Tally, ask_record, judge
from gateway.domain.ticket import Visibility
from gateway.store import SqlStore
from rules.sync import Owner
from tests.flows.world import World, sync_rule

FRONT, BACK = "acme-zendesk", "engineering-rt"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Counting:
    """A gateway between two simulated desks, and the oracle that reads their logs as the demo's does."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.oracle = Oracle(FRONT, BACK)
        self._desks = {FRONT: SimulatorClient(world.zendesk.url), BACK: SimulatorClient(world.rt.url)}

    def tally(self, later: timedelta = timedelta(0)) -> Tally:
        """Read both logs and count, as if `later` had passed."""
        for name, client in self._desks.items():
            self.oracle.hear(name, client.news())
        ask = ask_record(self.world.store, FRONT, BACK)
        return judge(self.oracle, ask, self.world.clock.now() + later, LONG_AGO)

    def ticket(self, title: str = "No label is printed") -> str:
        """Let a customer write in; returns the ticket's number at the front desk."""
        return str(self.world.zendesk.act("create", subject=title, body=f"About: {title}")["id"])

    def copy(self) -> str:
        """Return the number of the newest copy at the back desk."""
        return self.world.rt.effects.all(kind="create")[-1].remote_id


@pytest.fixture
def counting(store: SqlStore) -> Iterator[Counting]:
    """Give one, on each database."""
    with World(store) as world:
        yield Counting(world)


def test_what_reached_the_other_desk_once_is_delivered(counting: Counting) -> None:
    """A ticket, replies and notes in both directions; tickets may have the same title, or be the same in all."""
    world = counting.world
    number = counting.ticket()
    other = counting.ticket("The same title")
    world.zendesk.act("create", subject="The same title", body="Other words")
    for _ in range(2):
        counting.ticket("The same words")
    assert counting.tally().accepted == 0
    world.settle()
    copy = next(each.remote_id for each in world.rt.effects.all() if "label" in each.detail["given"]["Subject"])
    world.zendesk.act("comment", ticket_id=number, body="One more thing:\n\nthe printer is new.", by="customer")
    world.zendesk.act("comment", ticket_id=other, body="For colleagues only.", public=False)
    world.rt.act("reply", ticket=copy, body="It prints again.")
    world.rt.act("note", ticket=copy, body="The queue was full.", by="agent2")
    assert counting.tally().waiting == 4
    world.settle()
    found = counting.tally(later=2 * PATIENCE)
    assert found == Tally(accepted=9, delivered=9)
    assert found.clean


def test_what_the_gateway_believes_done_and_is_not_there_is_lost(store: SqlStore) -> None:
    """The oracle does not take the gateway's word: here its rules leave notes where they are."""
    with World(store, [sync_rule(comments={Visibility.PUBLIC: Owner.BOTH})]) as world:
        counting = Counting(world)
        number = counting.ticket()
        world.settle()
        world.zendesk.act("comment", ticket_id=number, body="Nobody there will read this.", public=False)
        world.settle()
        assert (counting.tally().waiting, counting.tally().lost) == (1, 0)
        late = counting.tally(later=2 * PATIENCE)
        assert (late.accepted, late.delivered, late.lost) == (2, 1, 1)
        assert not late.clean


def test_what_the_gateway_never_heard_of_is_lost(counting: Counting) -> None:
    """Its webhook did not come, and no poll found it."""
    counting.world.webhooks_lost = True
    counting.ticket()
    counting.world.settle()
    assert counting.tally().accepted == 0
    assert counting.tally(later=2 * PATIENCE).lost == 1


def test_a_second_copy_is_a_duplicate(counting: Counting) -> None:
    """Of a comment and of a ticket, also under another mark than the first."""
    world = counting.world
    number = counting.ticket()
    world.settle()
    world.zendesk.act("comment", ticket_id=number, body="Written once.")
    world.settle()
    assert counting.tally().duplicated == 0
    headers = {"Authorization": f"token {world.rt.tokens['gateway']}"}
    comment = {"Content": "Written once.", "ContentType": "text/plain"}
    url = f"{world.rt.url}/REST/2.0/ticket"
    requests.post(f"{url}/{counting.copy()}/correspond", json=comment, headers=headers, timeout=5).raise_for_status()
    assert counting.tally().duplicated == 1
    again = {"Subject": "No label is printed", "Content": "About: No label is printed", "Queue": "General"}
    requests.post(url, json=again, headers=headers, timeout=5).raise_for_status()
    found = counting.tally()
    assert (found.accepted, found.delivered, found.duplicated) == (2, 2, 2)
    assert not found.clean


def test_what_a_desk_refuses_for_good_is_given_up(counting: Counting) -> None:
    """It is listed as a dead letter, so it is not lost."""
    world = counting.world
    number = counting.ticket()
    world.settle()
    world.zendesk.act("set", ticket_id=number, status="closed")
    world.rt.act("note", ticket=counting.copy(), body="Too late.", by="agent2")
    world.settle()
    found = counting.tally(later=2 * PATIENCE)
    assert (found.accepted, found.delivered, found.given_up, found.lost) == (2, 1, 1, 0)
    assert found.oldest is None


def test_a_reply_to_a_closed_ticket_is_there_in_its_follow_up(counting: Counting) -> None:
    """Not as a ticket that somebody opened; what is said in it belongs to the same ticket."""
    world = counting.world
    number = counting.ticket()
    world.settle()
    world.zendesk.act("set", ticket_id=number, status="closed")
    world.rt.act("reply", ticket=counting.copy(), body="Too late.")
    world.settle()
    # the front's log is heard first: what answers a thing of the other is placed the next time
    counting.tally()
    found = counting.tally(later=2 * PATIENCE)
    assert (found.accepted, found.delivered, found.duplicated, found.lost) == (2, 2, 0, 0)


@pytest.mark.parametrize(
    ("fate", "early", "late"),
    [
        (Fate.UNHEARD, "waiting", "lost"),
        (Fate.SETTLED, "waiting", "lost"),
        (Fate.LOCAL, "waiting", "lost"),
        (Fate.OPEN, "waiting", "waiting"),
        (Fate.AMBIGUOUS, "ambiguous", "ambiguous"),
        (Fate.GIVEN_UP, "given_up", "given_up"),
    ],
)
def test_what_the_gateway_says_counts_only_for_what_is_not_there(fate: Fate, early: str, late: str) -> None:
    """A ticket has its copy, a reply in it has none."""
    oracle = Oracle(FRONT, BACK)
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    # the copy is heard of before the ticket: the two logs are read one after the other
    oracle.hear(BACK, [effect("create", "7", at, method="POST", given={"Subject": "Title", "Content": "Body"})])
    oracle.hear(FRONT, [effect("create", "1", at, subject="Title", description="Body")])
    oracle.hear(FRONT, [effect("comment", "1", at, body="A reply")])

    def ask(front_ids: Collection[str]) -> Mapping[str, Fate]:
        assert set(front_ids) == {"1"}
        return {"1": fate}

    for now, calm, name in (
        (at + PATIENCE / 2, LONG_AGO, early),
        (at + 2 * PATIENCE, LONG_AGO, late),
        (at + 2 * PATIENCE, at + 1.5 * PATIENCE, early),
    ):
        found = judge(oracle, ask, now, calm)
        assert (found.accepted, found.delivered, getattr(found, name)) == (2, 1, 1)


def effect(kind: str, remote_id: str, at: datetime, *, method: str = "", **detail: Any) -> dict[str, Any]:
    """Return a line of an effect log."""
    return {"kind": kind, "remote_id": remote_id, "at": at.isoformat(), "method": method, "detail": detail}
