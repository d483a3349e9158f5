"""The buttons below an offer: over HTTP, by whose account pressed them, once; what comes too late is told so."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import msgspec
import pytest
import requests

from connectors.slack.simulator import SlackSimulator
from gateway.errors import ConflictError, NotFoundError
from gateway.flow.routing.accepting import Answer
from gateway.ports import ConnectionSettings
from gateway.store import SqlStore
from rules import load_site
from tests.flows.desk_room import GATEWAY, DeskRoom
from tests.flows.test_handoffs import EVENING
from tests.rules.making import built_in, installed

SECRET = "slack-signing-secret"
SLACK = '  ops-slack: {connector: slack, auth: {bot_token: "${E}"}, signing_secret: "${F}"}\n'
ACCOUNTS = {"lucia": "U01LUCIA", "dana": "U03DANA", "noah": "U04NOAH"}
RULES = EVENING.replace("engineering-rt: agent1}", "engineering-rt: agent1, ops-slack: U01LUCIA}")
RULES = RULES.replace("engineering-rt: agent2}", "engineering-rt: agent2, ops-slack: U03DANA}")
RULES = RULES.replace('acme-zendesk: "9004"}', 'acme-zendesk: "9004", ops-slack: U04NOAH}')


class Room(DeskRoom):
    """A room whose people are told in Slack."""

    def __init__(self, store: SqlStore, slack: SlackSimulator) -> None:
        super().__init__(store, EVENING, at="15:00")
        self.slack = slack
        site, problems = load_site({"gateway.yaml": GATEWAY + SLACK, "rules/routing.yaml": RULES}, installed())
        assert site is not None, problems
        options = {"auth": {"bot_token": "xoxb"}, "signing_secret": SECRET}
        settings = ConnectionSettings("ops-slack", "slack", slack.url, options, deadline=2.0)
        connectors = {**self.site.connectors, "ops-slack": built_in().connect(settings)}
        self.site = msgspec.structs.replace(self.site, rules=site.rules, connectors=connectors)

    def _follow_time(self) -> None:
        super()._follow_time()
        if hasattr(self, "slack"):
            self.slack.clock.skew = self.moved.ahead

    def send(self, ts: str, person: str, label: str, *, secret: str = SECRET) -> int:
        """Press as a person does; return what Slack is answered."""
        body = self.slack.press(ts, ACCOUNTS.get(person, person), label)
        self.slack.webhook_secret = secret
        headers = self.slack.sign_form(body)
        return requests.post(f"{self.hooks.url}/hooks/ops-slack", data=body, headers=headers, timeout=5).status_code

    def press(self, ts: str, person: str, label: str) -> str:
        """Press, and return what is answered below the notice."""
        before = len(self.slack.messages)
        assert self.send(ts, person, label) == 200
        self.settle()
        (answer,) = [each for each in self.slack.messages[before:] if each["thread_ts"] == ts]
        return str(answer["text"])

    def notice(self, person: str) -> str:
        """Return the last notice to somebody."""
        channel = "D" + ACCOUNTS[person][1:]
        return [str(each["ts"]) for each in self.slack.messages if each["channel"] == channel and each["blocks"]][-1]


@pytest.fixture
def room(store: SqlStore) -> Iterator[Room]:
    """Give one on each database, in which Lucia has ticket 1, half an hour before she leaves."""
    with SlackSimulator(bot_token="xoxb", webhook_secret=SECRET) as slack, Room(store, slack) as made:
        made.ticket()
        made.later(minutes=30)
        yield made


def test_who_is_asked_accepts_by_the_button_and_every_desk_shows_it(room: Room) -> None:
    """The notice comes to Dana alone; her press moves the ticket in Zendesk and RT, and is answered below it."""
    (notice,) = [each for each in room.slack.messages if each["channel"] == "D03DANA"]
    assert notice["text"].startswith('acme-zendesk 1 "Wrong invoice"\ndana, please take this ticket over from lucia')
    answer = room.press(notice["ts"], "dana", "Accept")
    assert answer.startswith("Accepted by dana, 20")
    assert answer.endswith(" UTC: acme-zendesk 1, from lucia.")
    room.settle_all()
    assert (room.shown(1), room.copy(1)) == (("9003", "3602"), ("agent2", "Escalations"))
    assert [(each["to"], each["from"]) for each in room.trail(1, "handoff accepted")] == [("dana", "lucia")]
    with room.store.read() as tx:
        assert {use.person: use.count for use in tx.ways.use(room.now())} == {"dana": 1}


def test_a_second_press_and_one_after_the_end_say_who_was_first(room: Room) -> None:
    """Dana presses again, then the other button, then when all is done: nothing moves, nothing is said twice."""
    ts = room.notice("dana")
    room.press(ts, "dana", "Accept")
    for label in ("Accept", "Decline"):
        assert room.press(ts, "dana", label).startswith("Accepted already by dana, 20")
    way = room.way(1)
    assert (way.person, len(way.hops)) == ("dana", 1)
    assert len(room.trail(1, "handoff accepted")) == 1
    room.zendesk.act("set", ticket_id=1, status="solved")
    room.settle()
    assert room.press(ts, "dana", "Accept").startswith("The ticket is done with: there is nothing to take over")


def test_one_press_that_is_delivered_again_is_one(room: Room) -> None:
    """Slack sends the same request until it is answered."""
    ts = room.notice("dana")
    body = room.slack.press(ts, "U03DANA", "Accept")
    headers = room.slack.sign_form(body)
    for _ in range(2):
        requests.post(f"{room.hooks.url}/hooks/ops-slack", data=body, headers=headers, timeout=5)
        room.settle()
    assert len([each for each in room.slack.messages if each["thread_ts"] == ts]) == 2


def test_who_declines_is_not_waited_for_and_the_next_is_asked(room: Room) -> None:
    """Then Noah accepts, and Dana is told that he has."""
    first = room.notice("dana")
    assert room.press(first, "dana", "Decline").startswith("Declined by dana, 20")
    assert [each["to"] for each in room.trail(1, "handoff declined")] == ["dana"]
    declined = room.press(first, "dana", "Accept")
    assert declined == "Declined already by dana; lucia keeps it until somebody accepts: acme-zendesk 1."
    room.later(seconds=1)
    assert room.press(room.notice("noah"), "noah", "Accept").startswith("Accepted by noah, 20")
    assert room.press(first, "dana", "Accept").startswith("Accepted already by noah, 20")
    assert room.way(1).person == "noah"


def test_an_offer_that_ran_out_is_good_until_somebody_else_accepts(room: Room) -> None:
    """As by the command: Noah was asked meanwhile, and neither has answered."""
    first = room.notice("dana")
    room.later(minutes=15)
    second = room.notice("noah")
    assert room.press(first, "dana", "Accept").startswith("Accepted by dana, 20")
    assert room.press(second, "noah", "Accept").startswith("Accepted already by dana, 20")
    assert room.way(1).person == "dana"


def test_nobody_answers_for_another(room: Room) -> None:
    """Noah, to whom it is not offered, and a stranger: told so, and nothing moves."""
    ts = room.notice("dana")
    assert room.press(ts, "noah", "Accept") == "Nothing is done: it is offered to dana, not to noah: acme-zendesk 1."
    said = room.press(ts, "U09NOBODY", "Accept")
    assert said.startswith(
        "Nothing is done for acme-zendesk 1: nobody under people: has the account U09NOBODY at ops-slack; whoever "
    )
    assert (room.way(1).person, len(room.way(1).offers)) == ("lucia", 1)


def test_a_forged_press_is_refused(room: Room) -> None:
    """Another secret: 401, and nothing is stored."""
    assert room.send(room.notice("dana"), "dana", "Accept", secret="guessed") == 401
    room.settle()
    assert room.way(1).person == "lucia"


def test_the_button_and_the_command_at_once_have_one_winner(room: Room) -> None:
    """Dana presses while Noah, who was asked after her, takes it by the command: one has it, the other is told who."""
    first = room.notice("dana")
    room.later(minutes=15)
    assert room.send(first, "dana", "Accept") == 200
    name = room.found(1).id
    start, lost = threading.Barrier(2), []

    def command() -> None:
        start.wait()
        try:
            room.store.write(
                lambda tx: Answer(tx, room.site, ids=room.ids, now=room.now(), actor="person:noah").accept(name, "noah")
            )
        except (ConflictError, NotFoundError) as error:
            lost.append(str(error))

    thread = threading.Thread(target=command)
    thread.start()
    start.wait()
    room.applier().drain(holder="test-apply", seconds=5)
    thread.join()
    room.settle()
    way = room.way(1)
    (answer,) = [str(each["text"]) for each in room.slack.messages if each["thread_ts"] == first != each["ts"]]
    assert [each.taker for each in way.hops] == [way.person]
    if way.person == "dana":
        assert lost
        assert answer.startswith("Accepted by dana")
    else:
        assert way.person == "noah"
        assert answer.startswith("Accepted already by noah")
    assert len(room.trail(1, "handoff accepted")) == 1
