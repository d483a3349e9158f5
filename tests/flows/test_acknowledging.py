"""A breach is acknowledged in Slack, by the command or on the page: once, by somebody, and told where they did it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote_plus

import msgspec
import pytest

from connectors.slack.simulator import SlackSimulator
from gateway import crashpoint
from gateway.domain.clock_log import EntryKind
from gateway.errors import AuthenticationError
from gateway.flow.receive import Received, receive
from gateway.ports import ConnectionSettings, IncomingRequest
from gateway.store import SqlStore
from rules.notices import timeline
from tests.flows.office import Office, names
from tests.flows.test_escalations import DiedError
from tests.rules.making import built_in

SECRET = "slack-signing-secret"
LEVELS = """
escalations:
  - name: broken
    at: breach
    metrics: [resolution]
    do: [{notify: {connection: ops-slack, channel: C0DUTY}}]
  - name: still-broken
    at: breach + 2h
    repeat: 2h
    metrics: [resolution]
    do: [{notify: {role: duty}}]
"""


class Desk(Office):
    """An office whose Slack may press."""

    def __init__(self, store: SqlStore, slack: SlackSimulator) -> None:
        super().__init__(store, slack, LEVELS)
        self.connect()

    def connect(self, **more: str) -> None:
        """Connect to Slack."""
        options = {"auth": {"bot_token": "xoxb"}, "signing_secret": SECRET, "channel": "C0GATEWAY", **more}
        settings = ConnectionSettings("ops-slack", "slack", self.slack.url, options, deadline=2.0)
        self.site.connectors["ops-slack"] = built_in().connect(settings)  # type: ignore[index]

    def breach(self, **later: float) -> str:
        """Let a ticket break its promise; return the notice that is told."""
        self.ticket()
        assert "broken" in names(self.later(**(later or {"hours": 20.5})))
        self.settle()
        return str(self.slack.messages[-1]["ts"])

    def later(self, **how: float) -> list[str]:
        """Let time pass, also for Slack."""
        fired = super().later(**how)
        self.slack.clock.skew = self.moved.ahead
        return fired

    def request(self, ts: str, user: str = "U04EVA") -> IncomingRequest:
        """Return what Slack sends of a press."""
        body = self.slack.press(ts, user)
        headers = {name.lower(): value for name, value in self.slack.sign_form(body).items()}
        return IncomingRequest("POST", "/hooks/ops-slack", {}, headers, body)

    def receive(self, request: IncomingRequest) -> bool:
        """Store it as the web process does; return whether it is new."""
        done = receive(request, self.site.connectors["ops-slack"], self.intake, self.clock, self.ids, "t" * 32)
        assert isinstance(done, Received)
        assert done.quiet
        return done.new

    def press(self, ts: str, user: str = "U04EVA") -> list[str]:
        """Press the button; return what is answered below the notice."""
        before = len(self.slack.messages)
        self.receive(self.request(ts, user))
        self.settle()
        answers = self.slack.messages[before:]
        assert all(each["thread_ts"] == ts for each in answers)
        return [str(each["text"]) for each in answers]

    def shown(self, ts: str) -> str:
        """Return the blocks of a message as they are sent."""
        (message,) = [each for each in self.slack.messages if each["ts"] == ts]
        return msgspec.json.encode(message["blocks"]).decode()

    def words(self) -> list[tuple[str, str]]:
        """Return who has acknowledged what, by the log."""
        with self.store.read() as tx:
            log = tx.clocks.log(self.now().id)
        return [(each.by, each.way) for each in log if each.kind is EntryKind.ACKNOWLEDGED]


@pytest.fixture
def desk(store: SqlStore) -> Iterator[Desk]:
    """Give one on each database."""
    with SlackSimulator(bot_token="xoxb", webhook_secret=SECRET) as slack, Desk(store, slack) as made:
        yield made


def test_a_press_is_noted_answered_and_ends_what_is_repeated(desk: Desk) -> None:
    """By the name of whose account pressed; in the log, the trail, the clock's story and below the notice."""
    ts = desk.breach()
    (answer,) = desk.press(ts)
    assert answer.startswith("Acknowledged by eva, 20")
    assert answer.endswith("UTC: resolution of acme-zendesk 1.")
    assert desk.words() == [("eva", "ops-slack")]
    with desk.store.read() as tx:
        (line,) = [each for each in tx.view.audit(limit=500) if each["action"] == "clock acknowledged"]
        changes = [row.transition for row in tx.clocks.changes(desk.now().id) if row.metric == "resolution"]
    assert (line["actor"], line["detail"]["way"], line["detail"]["metric"]) == ("person:eva", "ops-slack", "resolution")
    assert [each.change.value for each in changes] == ["started", "breached", "acknowledged"]
    assert timeline(changes)[-1].endswith("(by eva, ops-slack)")
    assert desk.later(hours=30) == []


def test_the_notice_says_who_has_it_and_has_no_button_any_more(desk: Desk) -> None:
    """The message itself is changed, for all who come later; what it told stays."""
    ts = desk.breach()
    before = desk.shown(ts)
    assert "Acknowledge" in before
    assert "*Due*" in before
    assert "|acme-zendesk 1>" in before
    desk.press(ts)
    after = desk.shown(ts)
    assert "Acknowledged by eva, 20" in after
    assert '"action_id"' not in after
    assert "*Due*" in after
    assert "|acme-zendesk 1>" in after
    assert "Acknowledged by eva" in next(each["text"] for each in desk.slack.messages if each["ts"] == ts)


def test_a_notice_that_was_deleted_costs_nothing(desk: Desk) -> None:
    """Somebody tidies up between the press and its answer: the word counts, and no dead letter is left."""
    ts = desk.breach()
    request = desk.request(ts)
    desk.slack.act("remove", ts=ts)
    desk.receive(request)
    desk.settle()
    assert desk.words() == [("eva", "ops-slack")]
    with desk.store.read() as tx:
        letters = [each.summary for each in tx.view.dead_letters()]
    assert "notify: update" not in letters


def test_only_people_who_are_known_may_press_where_the_site_says_so(desk: Desk) -> None:
    """Anybody else is told why, and the button stays for those who may."""
    desk.connect(presses="people")
    ts = desk.breach()
    (answer,) = desk.press(ts, "U09NOBODY")
    assert answer == (
        "Nothing is done for resolution of acme-zendesk 1: nobody under people: has the account U09NOBODY at "
        "ops-slack; whoever keeps the site writes accounts: {ops-slack: U09NOBODY} to the person whose it is."
    )
    assert desk.words() == []
    assert "Acknowledge" in desk.shown(ts)
    desk.press(ts)
    assert desk.words() == [("eva", "ops-slack")]


def test_whose_ticket_is_gone_is_told_so(desk: Desk) -> None:
    """A notice outlives its ticket: who presses then is not left to wait, and the button goes."""
    ts = desk.breach()
    request = desk.request(ts)
    gone = desk.request(ts).body.replace(quote_plus(desk.now().id).encode(), b"01890000-0000-7000-8000-000000000000")
    headers = {name.lower(): value for name, value in desk.slack.sign_form(gone).items()}
    desk.receive(msgspec.structs.replace(request, headers=headers, body=gone))
    desk.settle()
    assert desk.slack.messages[-1]["text"] == "Nothing to do: the ticket of this notice is not kept here any more."
    assert '"action_id"' not in desk.shown(ts)
    assert desk.words() == []


def test_without_a_word_it_goes_on(desk: Desk) -> None:
    """The same office, nobody presses."""
    desk.breach()
    assert names(desk.later(hours=2)) == ["still-broken"]


def test_pressing_twice_and_a_delivery_that_comes_again_change_nothing(desk: Desk) -> None:
    """The second person is told who was first; Slack's repetition of one press is not even answered."""
    ts = desk.breach()
    request = desk.request(ts)
    assert desk.receive(request)
    assert not desk.receive(request)
    desk.settle()
    assert len([each for each in desk.slack.messages if each["thread_ts"] == ts]) == 2
    (answer,) = desk.press(ts, "U09NOBODY")
    assert answer.startswith("Acknowledged already by eva, 20")
    assert desk.words() == [("eva", "ops-slack")]


def test_who_is_not_known_is_named_by_the_account(desk: Desk) -> None:
    """`people:` does not say whose it is."""
    ts = desk.breach()
    (answer,) = desk.press(ts, "U09NOBODY")
    assert answer.startswith("Acknowledged by ops-slack U09NOBODY, ")
    assert desk.words() == [("ops-slack U09NOBODY", "ops-slack")]


def test_when_the_clock_is_over_the_answer_says_so(desk: Desk) -> None:
    """Kindly: there is nothing to do any more."""
    ts = desk.breach()
    desk.zendesk.act("set", ticket_id=1, status="solved")
    desk.settle()
    (answer,) = desk.press(ts)
    assert answer.startswith("Nothing to do for resolution of acme-zendesk 1: 'resolution' is over since 20")
    assert desk.words() == []


def test_a_forged_and_an_old_press_are_refused(desk: Desk) -> None:
    """Nothing is stored."""
    ts = desk.breach()
    request = desk.request(ts)
    forged = IncomingRequest(
        "POST", request.path, {}, request.headers | {"x-slack-signature": "v0=" + "0" * 64}, request.body
    )
    with pytest.raises(AuthenticationError):
        desk.receive(forged)
    desk.moved.ahead += timedelta(minutes=6)
    with pytest.raises(AuthenticationError, match=r"6 m( \d+ s)? behind our clock"):
        desk.receive(request)
    assert desk.words() == []


@pytest.mark.faults
@pytest.mark.parametrize("point", ["apply.applying", "apply.applied"])
def test_a_press_survives_a_crash_between_the_steps(desk: Desk, point: str) -> None:
    """Stored before it was answered, it is applied once, and answered once."""
    ts = desk.breach()
    assert desk.receive(desk.request(ts))

    def die(reached: str) -> None:
        if reached == point:
            raise DiedError

    crashpoint.arm(die)
    try:
        with pytest.raises(DiedError):
            desk.applier().drain(holder="test-apply", seconds=5)
    finally:
        crashpoint.arm(lambda _: None)
    assert len(desk.words()) == (1 if point == "apply.applied" else 0)
    desk.settle()
    assert desk.words() == [("eva", "ops-slack")]
    assert len([each for each in desk.slack.messages if each["thread_ts"] == ts]) == 2
