"""Escalations: each level once, in order, never while a clock waits, whoever looks and whatever changes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from connectors.slack.simulator import SlackSimulator
from gateway import crashpoint
from gateway.domain.clock_instance import Status
from gateway.domain.clock_log import EntryKind, LogEntry
from gateway.domain.ticket import Level
from gateway.store import SqlStore
from rules.decide import RuleSet
from tests.flows.office import LEVELS, RULES, Office, names


@pytest.fixture
def office(store: SqlStore) -> Iterator[Office]:
    """Give an office, on each database."""
    with SlackSimulator(bot_token="xoxb") as slack, Office(store, slack) as made:
        yield made


def test_levels_fire_once_and_in_order_when_the_sweep_comes_late(office: Office) -> None:
    """A sweep that comes a day late does everything in the order in which it was due, and says when that was."""
    office.ticket()
    started = office.clock_of("resolution").started
    assert office.later(hours=9.9) == []
    fired = office.later(hours=30)
    assert names(fired) == ["halfway", "last-hour", "broken", "still-broken"]
    assert fired[0].endswith((started + timedelta(hours=10)).isoformat()[:16])
    assert fired[1].endswith((started + timedelta(hours=19)).isoformat()[:16])
    found = office.clock_of("resolution")
    assert found.breached_at == started + timedelta(hours=20)
    assert office.later() == []
    (channel, body), *_ = office.notices()
    assert channel == "C0LEADS"
    assert "<@U04EVA>" in body
    assert "Runbook: https://wiki.example/half" in body
    assert office.now().queue == "Urgent"
    assert office.now().participants == ("marek@acme.example",)


def test_what_was_due_before_going_live_is_nobodys_alarm(office: Office) -> None:
    """The clocks count it, the trail names it, and nobody is told; what comes afterwards is told."""
    office.ticket()
    started = office.clock_of("resolution").started
    live = started + timedelta(hours=15)
    office.site = msgspec.structs.replace(office.site, live_since={"acme-zendesk": live})
    # not at the very second of a turn
    assert names(office.later(hours=29.5)) == ["last-hour", "broken", "still-broken"]
    with office.store.read() as tx:
        lines = [line for line in tx.view.audit(limit=500) if line["action"] == "passed before going live"]
    assert [line["detail"]["escalation"] for line in lines] == ["halfway"]
    assert office.later() == []
    assert office.clock_of("resolution").breached_at == started + timedelta(hours=20)


def test_a_breach_that_raises_the_priority_does_not_climb_in_one_sweep(office: Office) -> None:
    """P4 becomes P3 and no more, although the shorter target of each next one is past as well."""
    office.ticket(priority="low")
    assert office.now().priority.level is Level.P4
    fired = office.later(hours=21)
    assert names(fired).count("broken") == 1
    assert office.now().priority.level is Level.P3
    for _ in range(5):
        assert "broken" not in names(office.later(minutes=1))
    assert office.now().priority.level is Level.P3
    found = office.clock_of("resolution")
    assert (found.level, found.status) == ("P3", Status.BREACHED)


def test_what_is_repeated_ends_when_somebody_knows(office: Office) -> None:
    """A turn for each two hours, one for all that a late sweep has missed, and none after an acknowledgement."""
    office.ticket()
    office.later(hours=20.5)
    assert names(office.later(hours=2)) == ["still-broken"]
    assert names(office.later(minutes=30)) == []
    # not at the very second of a turn
    assert names(office.later(hours=8.9)) == ["still-broken"]
    ticket = office.now().id
    at = office.clock.now()
    known = LogEntry(id=office.ids.new(), kind=EntryKind.ACKNOWLEDGED, at=at, arrived=at, metric="resolution", by="eva")
    office.store.write(lambda tx: tx.clocks.add(ticket, [known]))
    assert office.later(hours=9) == []
    assert [channel for channel, _ in office.notices()][-2:] == ["U04EVA", "U04EVA"]


def test_everybody_is_told_by_some_way(store: SqlStore) -> None:
    """One has an account at a channel, the other has none: a note at the desk speaks to that one."""
    both = RULES.replace("duty: [eva]", "duty: [eva, marek]") + (
        "escalations:\n  - {name: half, at: 50%, metrics: [resolution], do: [{notify: {role: duty}}]}\n"
    )
    with SlackSimulator(bot_token="xoxb") as slack, Office(store, slack) as office:
        office.change(both, release="next")
        number = office.ticket()
        assert names(office.later(hours=11)) == ["half"]
        assert [channel for channel, _ in office.notices()] == ["U04EVA"]
        office.settle()
        said = [
            str(each.detail) for each in office.zendesk.effects.all(kind="comment") if each.remote_id == str(number)
        ]
        assert any("For marek: half" in each for each in said)


def test_a_promise_to_a_ticket_that_was_answered_long_ago_is_kept(store: SqlStore) -> None:
    """The policies came after the ticket: what was said before them counts."""
    with SlackSimulator(bot_token="xoxb") as slack, Office(store, slack) as office:
        promised = office.site
        office.site = msgspec.structs.replace(promised, rules=RuleSet())
        number = office.ticket()
        office.zendesk.act("comment", ticket_id=number, body="We are on it", by="agent", public=True)
        office.settle()
        office.site = promised
        office.zendesk.act("set", ticket_id=number, priority="low")
        office.settle()
        assert office.clock_of("first_response").status is Status.SUCCEEDED


def test_a_clock_that_waits_fires_nothing(office: Office) -> None:
    """Waiting for the customer, time is not used up, and no level is reached."""
    number = office.ticket()
    office.zendesk.act("set", ticket_id=number, status="pending")
    office.settle()
    assert office.later(days=3) == []
    assert office.clock_of("resolution").status is Status.PAUSED


def test_two_sweeps_at_once_fire_nothing_twice(office: Office) -> None:
    """Each level is noted in the transaction that does it."""
    office.ticket()
    office.moved.ahead += timedelta(hours=30.5)
    both = [threading.Thread(target=lambda: office.waker().wake(seconds=30)) for _ in range(3)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert sorted(names(office.fired())) == sorted(set(names(office.fired())))
    assert len(office.notices()) == len(set(office.notices()))


class DiedError(BaseException):
    """A sweep ends in the middle, as a SIGKILL ends it for the database."""


def test_a_sweep_that_dies_in_the_middle_fires_once_in_the_end(office: Office) -> None:
    """What was noted and not carried out is undone; the next sweep does all of it, and nothing twice."""
    office.ticket()
    office.moved.ahead += timedelta(hours=30.5)
    left = [3, 1, 2]

    def die(point: str) -> None:
        if point == "sweep.firing" and left:
            left[0] -= 1
            if not left[0]:
                left.pop(0)
                raise DiedError

    crashpoint.arm(die)
    try:
        for _ in range(3):
            with pytest.raises(DiedError):
                office.waker().wake(seconds=30)
            assert office.fired() == []
    finally:
        crashpoint.arm(lambda _: None)
    office.waker().wake(seconds=30)
    assert names(office.fired()) == ["halfway", "last-hour", "broken", "still-broken"]
    assert office.later() == []
    assert len(office.notices()) == len(set(office.notices())) == 2


def test_what_another_target_has_passed_fires_only_its_furthest_level(store: SqlStore) -> None:
    """Three marks are behind the clock at once: the one that is nearest to the due time speaks for them."""
    marks = "escalations:\n" + "".join(
        f"  - {{name: at-{share}, at: {share}%, metrics: [resolution], do: [{{comment: 'now {share}'}}]}}\n"
        for share in (25, 50, 75)
    )
    with SlackSimulator(bot_token="xoxb") as slack, Office(store, slack, marks) as office:
        number = office.ticket()
        assert office.later(hours=3.5) == []
        office.zendesk.act("set", ticket_id=number, priority="high")
        office.settle()
        assert names(office.later()) == ["at-75"]
        assert names(office.later(minutes=1)) == []


def test_a_new_release_wakes_the_clocks_that_it_watches(office: Office) -> None:
    """What it asks for may be due earlier than what the clocks were set for."""
    office.ticket()
    assert office.later(hours=2) == []
    early = LEVELS + "  - {name: early, at: 5%, metrics: [resolution], do: [{comment: 'hello'}]}\n"
    office.change(RULES + early, release="next")
    assert names(office.later()) == ["early"]
