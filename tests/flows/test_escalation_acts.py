"""What escalations do, at the desks themselves: each action, and each thing that one may wait for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from connectors.slack.simulator import SlackSimulator
from gateway.domain.clock_instance import Status
from gateway.domain.update import Operation, UpdateState
from gateway.store import SqlStore
from tests.flows.office import RULES, Office, names


@pytest.fixture
def slack() -> Iterator[SlackSimulator]:
    """Give a channel."""
    with SlackSimulator(bot_token="xoxb") as made:
        yield made


@contextmanager
def at_work(store: SqlStore, slack: SlackSimulator, levels: str) -> Iterator[Office]:
    """Give an office with these escalations."""
    with Office(store, slack, "escalations:\n" + levels) as made:
        yield made


def said_at_home(office: Office, number: int) -> list[str]:
    """Return the comments that the gateway wrote to the ticket at its own desk."""
    return [str(each.detail) for each in office.zendesk.effects.all(kind="comment") if each.remote_id == str(number)]


def test_a_ticket_is_given_to_somebody_else(store: SqlStore, slack: SlackSimulator) -> None:
    """The person of the role becomes the assignee here, and the trail says why."""
    level = "  - {name: hand-over, at: 50%, metrics: [resolution], do: [{reassign: {role: duty}}]}\n"
    with at_work(store, slack, level) as office:
        office.ticket()
        assert names(office.later(hours=11)) == ["hand-over"]
        assignee = office.now().assignee
        assert assignee is not None
        assert assignee.email == "eva@acme.example"
        assert office.now().stamps["assignee"].name == "escalation:hand-over"


def test_an_incident_is_opened_in_another_desk_once(store: SqlStore, slack: SlackSimulator) -> None:
    """It has the promise in its title, lives on as a link of the ticket, and a second breach opens no other."""
    level = (
        "  - name: broken\n    at: breach\n    metrics: [first_response, resolution]\n"
        "    do: [{open_incident: {connection: engineering-rt, queue: General}}]\n"
    )
    with at_work(store, slack, level) as office:
        office.ticket()
        assert names(office.later(hours=5)) == ["broken"]
        office.settle()
        (made,) = office.rt.effects.all(kind="create")
        assert "first_response broke its promise: Door" in str(made.detail)
        with office.store.read() as tx:
            (link,) = [each for each in tx.links.of_ticket(office.now().id) if each.connection == "engineering-rt"]
        assert link.remote_id == made.remote_id
        assert names(office.later(hours=20)) == ["broken"]
        office.settle()
        assert len(office.rt.effects.all(kind="create")) == 1
        with office.store.read() as tx:
            lines = [line for line in tx.view.audit(limit=500) if line["action"] == "escalated"]
        assert lines[0]["detail"]["did"] == ["open_incident: the ticket lives in engineering-rt already"]


def test_a_comment_is_a_note_for_the_agents(store: SqlStore, slack: SlackSimulator) -> None:
    """Its placeholders are filled in, and the customer never sees it."""
    words = "P: {ticket.priority}, {clock.metric}"
    level = f"  - {{name: look, at: 30m left, metrics: [resolution], do: [{{comment: '{words}'}}]}}\n"
    with at_work(store, slack, level) as office:
        number = office.ticket(priority="high")
        assert names(office.later(hours=3.6)) == ["look"]
        office.settle()
        (said,) = [each for each in said_at_home(office, number) if "P: " in each]
        assert "P: P2, resolution" in said
        assert "'public': False" in said


def test_a_time_in_a_status_is_watched_while_it_lasts(store: SqlStore, slack: SlackSimulator) -> None:
    """The clock of the promise waits; the level counts the time on hold itself, from each entry anew."""
    level = "  - {name: stuck, on: {time_in_status: on_hold, over: 2h}, do: [{comment: 'stuck'}]}\n"
    with at_work(store, slack, level) as office:
        number = office.ticket()
        office.zendesk.act("set", ticket_id=number, status="hold")
        office.settle()
        assert office.later(hours=1.9) == []
        office.zendesk.act("set", ticket_id=number, status="open")
        office.settle()
        assert office.later(hours=5) == []
        office.zendesk.act("set", ticket_id=number, status="hold")
        office.settle()
        assert office.later(hours=1.9) == []
        assert names(office.later(hours=0.2)) == ["stuck"]
        assert office.later(hours=50) == []


def test_a_time_in_a_stage_is_watched(store: SqlStore, slack: SlackSimulator) -> None:
    """Until the ticket leaves the stage."""
    level = "  - {name: slow, on: {time_in_stage: testing, over: 3h}, do: [{queue: Slow}]}\n"
    stages = "stages:\n  incident:\n  - testing: {acme-zendesk: hold}\n  - work: {acme-zendesk: open}\n"
    with at_work(store, slack, level + stages) as office:
        number = office.ticket(type="incident")
        office.zendesk.act("set", ticket_id=number, status="hold")
        office.settle()
        assert office.now().stage == "testing"
        assert office.later(hours=2.9) == []
        assert names(office.later(hours=0.2)) == ["slow"]
        assert office.now().queue == "Slow"


def test_the_wait_of_a_customer_is_watched_from_the_oldest_word_without_an_answer(
    store: SqlStore, slack: SlackSimulator
) -> None:
    """Later words of the customer do not begin it anew; an answer ends it."""
    level = "  - {name: waits, on: {customer_wait: true, over: 2h}, do: [{comment: 'the customer waits'}]}\n"
    with at_work(store, slack, level) as office:
        number = office.ticket()
        office.zendesk.act("comment", ticket_id=number, body="We look", by="agent", public=True)
        office.settle()
        assert office.later(hours=5) == []
        office.zendesk.act("comment", ticket_id=number, body="And?", by="requester", public=True)
        office.settle()
        assert office.later(hours=1.5) == []
        office.zendesk.act("comment", ticket_id=number, body="Hello?", by="requester", public=True)
        office.settle()
        assert names(office.later(hours=0.6)) == ["waits"]


def test_a_promise_that_is_due_within_this_second_is_looked_at_after_it(store: SqlStore, slack: SlackSimulator) -> None:
    """Told at the very second of its due time, a promise is not broken yet; the clock still wakes for it."""
    level = "  - {name: other, at: breach, metrics: [first_response], do: [{comment: 'late'}]}\n"
    with at_work(store, slack, level) as office:
        number = office.ticket()
        office.later(hours=5)
        due = office.clock_of("resolution").due
        assert due is not None
        office.moved.ahead += due - office.clock.now() + timedelta(milliseconds=300)
        office.zendesk.clock.skew = office.moved.ahead
        office.zendesk.act("set", ticket_id=number, subject="Door!")
        office.settle()
        assert office.clock_of("resolution").status is Status.NEARING
        assert office.later(seconds=2) == []
        assert office.clock_of("resolution").status is Status.BREACHED


def test_what_a_new_release_watches_is_watched_in_tickets_to_which_nothing_happens(
    store: SqlStore, slack: SlackSimulator
) -> None:
    """A ticket that was stuck before anybody asked is stuck since then."""
    quiet = "  - {name: other, at: breach, metrics: [first_response], do: [{comment: 'late'}]}\n"
    with at_work(store, slack, quiet) as office:
        number = office.ticket()
        office.zendesk.act("set", ticket_id=number, status="hold")
        office.settle()
        assert office.later(hours=3) == []
        stuck = "  - {name: stuck, on: {time_in_status: on_hold, over: 4h}, do: [{comment: 'stuck'}]}\n"
        office.change(RULES + "escalations:\n" + stuck, release="next")
        assert office.later(minutes=1) == []
        assert names(office.later(hours=1)) == ["stuck"]


def test_a_notice_that_nobody_takes_holds_up_no_clock_and_no_other_notice(
    store: SqlStore, slack: SlackSimulator
) -> None:
    """It becomes a dead letter that says why; the next one in the same lane goes out when the channel is there."""
    notice = (
        "  - {{name: {}, at: {}, metrics: [resolution], do: [{{notify: {{connection: ops-slack, channel: {}}}}}]}}\n"
    )
    told = [("first", "50%", "C0LATER"), ("broken", "breach", "C0DUTY"), ("after", "breach + 1h", "C0LATER")]
    levels = "".join(notice.format(*each) for each in told)
    with at_work(store, slack, levels) as office:
        office.ticket()
        assert names(office.later(hours=11)) == ["first"]
        office.settle()
        with store.read() as tx:
            (line,) = tx.view.updates(limit=10, states=[UpdateState.DEAD.value])
            dead = tx.outbox.get(line.id)
        assert dead is not None
        assert dead.operation is Operation.NOTIFY
        assert "channel_not_found" in (line.reason + line.detail)
        assert slack.messages == []
        assert names(office.later(hours=9.5)) == ["broken"]
        office.settle()
        assert office.clock_of("resolution").status is Status.BREACHED
        slack.channels["C0LATER"] = "later"
        assert names(office.later(hours=1)) == ["after"]
        office.settle()
        assert [each["channel"] for each in slack.messages] == ["C0DUTY", "C0LATER"]


def test_whoever_is_on_call_is_told(store: SqlStore, slack: SlackSimulator) -> None:
    """A role that is `on_call` stands for whoever stands first in the rota when the level fires."""
    levels = (
        "  - {name: call, at: 50%, metrics: [resolution], do: [{notify: {role: lead}}]}\n"
        "on_call: {rota: [{person: eva, calendar: always}]}\n"
    )
    with at_work(store, slack, "  []\n") as office:
        rules = RULES.replace("duty: [eva]", "duty: [eva]\n  lead: on_call")
        office.change(rules + "escalations:\n" + levels, release="next")
        office.ticket()
        assert names(office.later(hours=11)) == ["call"]
        assert [channel for channel, _ in office.notices()] == ["U04EVA"]
