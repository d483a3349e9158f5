"""What a notice shows, whom it calls, and how it is changed when its button has been pressed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from connectors.sdk import Absent, Done, Found, Intent, NotSent, Operation, Rejected
from connectors.slack import mapping
from connectors.slack.simulator import SlackSimulator
from connectors.testing.driver import Driver
from tests.connectors.slack.test_slack import connect, context

CONTEXT = {
    "facts": [["Priority", "P1"], ["Customer", "Kim <!channel>, Acme"]],
    "links": [["acme-zendesk 35", "https://acme.example/35?a=1&b=2"], ["home", "javascript:x()"]],
    "runbook": "https://wiki.example/run",
}
ABOUT = {"ticket": "018f", "metric": "resolution", "cycle": 2}
NOTICE = Intent(
    Operation.NOTIFY,
    fields={"title": "late", "body": "<@U04EVA> <@U0OTHER> look"},
    params={"channel": "C0DUTY", "acknowledge": ABOUT, "context": CONTEXT, "mentions": ["U04EVA"]},
)


@pytest.fixture
def desk() -> Iterator[SlackSimulator]:
    """Run a simulated workspace."""
    with SlackSimulator(bot_token="xoxb-1") as simulator:
        yield simulator


@pytest.fixture
def driver(desk: SlackSimulator) -> Iterator[Driver]:
    """Connect to it."""
    found = Driver(connect(desk.url), deadline=1.0)
    yield found
    found.close()


def changed(desk: SlackSimulator, driver: Driver, **params: Any) -> Intent:
    """Post a notice; return what says in it that somebody has it."""
    assert isinstance(driver.attempt(NOTICE, context()), Done)
    message = desk.messages[-1]
    shown = {"text": message["text"], "blocks": message["blocks"]}
    told = {"channel": "C0DUTY", "update": message["ts"], "message": shown, **params}
    return Intent(Operation.NOTIFY, fields={"body": "Acknowledged by eva & co"}, params=told)


def test_a_notice_shows_facts_links_and_the_runbook(desk: SlackSimulator, driver: Driver) -> None:
    """Words do nothing, and only an address of the web is a link."""
    driver.attempt(NOTICE, context())
    _, facts, links, actions = desk.messages[-1]["blocks"]
    assert [each["text"] for each in facts["fields"]] == [
        "*Priority*\nP1",
        "*Customer*\nKim &lt;!channel&gt;, Acme",
    ]
    assert links["text"]["text"] == (
        "<https://acme.example/35?a=1&amp;b=2|acme-zendesk 35> · home: javascript:x() · <https://wiki.example/run|Runbook>"
    )
    assert actions["type"] == "actions"


def test_only_who_is_meant_is_called(desk: SlackSimulator, driver: Driver) -> None:
    """The people of the rule are; an account in somebody's words is words."""
    driver.attempt(NOTICE, context())
    assert desk.messages[-1]["text"] == "late\n<@U04EVA> &lt;@U0OTHER&gt; look"


@pytest.mark.parametrize("error", ["", "missing_scope", "ratelimited"])
def test_who_has_no_account_is_looked_up_by_their_address(desk: SlackSimulator, driver: Driver, error: str) -> None:
    """Who is found is called; who is not, or cannot be looked up, stands there by name, and the notice goes."""
    if error:
        desk.errors["users.lookupByEmail"] = error
    people = {"eva@acme.example": "eva", "sam@acme.example": "sam"}
    body = "<@eva@acme.example> <@sam@acme.example> <@kim@customer.example> look"
    notice = Intent(Operation.NOTIFY, fields={"body": body}, params={"channel": "C0DUTY", "people": people})
    assert isinstance(driver.attempt(notice, context()), Done)
    called = "eva" if error else "<@U04EVA>"
    assert desk.messages[-1]["text"] == f"{called} sam &lt;@kim@customer.example&gt; look"


def test_a_notice_is_changed_in_its_place(desk: SlackSimulator, driver: Driver) -> None:
    """Its facts stay, its button goes; said twice it reads the same."""
    intent = changed(desk, driver)
    for _ in range(2):
        assert isinstance(driver.attempt(intent, context()), Done)
    (message,) = desk.messages
    assert message["text"].endswith("Acknowledged by eva &amp; co")
    kinds = [each["type"] for each in message["blocks"]]
    assert kinds == ["section", "section", "section", "context"]
    again = {"text": message["text"], "blocks": message["blocks"]}
    assert mapping.settled(again, "Acknowledged by eva & co") == (message["text"], message["blocks"])


@pytest.mark.faults
@pytest.mark.parametrize("fault", ["reset_after", "half_body", "garbage", "error_with_effect", "hang"])
def test_a_change_whose_answer_was_lost_is_said_again(desk: SlackSimulator, driver: Driver, fault: str) -> None:
    """It does no harm, so it is left to nobody."""
    intent = changed(desk, driver)
    desk.fault(fault, path=r"/api/chat\.update", seconds=1.5 if fault == "hang" else 0)
    assert isinstance(driver.attempt(intent, context()), NotSent)
    assert isinstance(driver.attempt(intent, context()), Done)


def test_a_change_that_landed_is_found(desk: SlackSimulator, driver: Driver) -> None:
    """Where the history may be read, by the metadata of that very message."""
    intent = changed(desk, driver)
    other = msgspec.structs.replace(context(), effect_key="f" * 32)
    assert driver.run(driver.connector.probe(intent, other)) == Absent()
    driver.attempt(intent, other)
    assert isinstance(driver.run(driver.connector.probe(intent, other)), Found)


@pytest.mark.parametrize("error", sorted(mapping.UNCHANGEABLE))
def test_a_message_that_cannot_be_changed_is_left(desk: SlackSimulator, driver: Driver, error: str) -> None:
    """It was deleted, or is too old: nobody has to look into that."""
    intent = changed(desk, driver)
    desk.errors["chat.update"] = error
    assert isinstance(driver.attempt(intent, context()), Done)
    desk.errors["chat.update"] = "is_archived"
    assert isinstance(driver.attempt(intent, context()), Rejected)
