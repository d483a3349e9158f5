"""What the gateway shows of its clocks in Zendesk: custom fields, tags beside those of people, a task's due time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from connectors.sdk import Absent, Done, EventKind, Found, Intent, NotSent, Operation, Outcome, Reason, Rejected
from connectors.testing.driver import Driver
from connectors.zendesk.connector import ZendeskConnector
from connectors.zendesk.simulator import ZendeskSimulator
from tests.connectors.zendesk.conftest import Inbox, connect, stored
from tests.connectors.zendesk.test_writes import attempt, context

DUE = "2027-01-02T10:00:00Z"
TAGS = frozenset({"sla:at-risk", "sla:breached"})


@pytest.fixture
def connector(desk: ZendeskSimulator) -> ZendeskConnector:
    """Connect with tags and a field of our own."""
    plain = connect(desk.url)
    return ZendeskConnector(msgspec.structs.replace(plain.settings, own_tags=TAGS, own_fields=frozenset({"sla_due"})))


@pytest.fixture
def driver(connector: ZendeskConnector) -> Iterator[Driver]:
    """Drive its calls."""
    made = Driver(connector)
    yield made
    made.close()


@pytest.fixture
def number(desk: ZendeskSimulator) -> int:
    """Make a ticket to write to."""
    made: int = desk.act("create", subject="Help", body="b", tags=["vip"])["id"]
    return made


def put(driver: Driver, number: int, **fields: Any) -> Outcome:
    """Write fields; `custom_` stands for `custom.`."""
    named = {name.replace("custom_", "custom."): value for name, value in fields.items()}
    return attempt(driver, Intent(Operation.SET_FIELDS, named), context(number))


def test_a_field_is_found_by_its_title_once(desk: ZendeskSimulator, driver: Driver, number: int) -> None:
    """`SLA due` is sla_due; the second write asks no more."""
    field = desk.act("field", title="SLA due")
    assert isinstance(put(driver, number, custom_sla_due=DUE), Done)
    assert desk.records.tickets[number]["custom_fields"] == [{"id": field, "value": DUE}]
    assert isinstance(put(driver, number, custom_sla_due=None), Done)
    assert [each.method for each in driver.requests] == ["PUT"]
    read = driver.run(driver.connector.read(str(number)))
    assert read is not None
    assert read.custom == {}


def test_the_field_is_read_back_by_its_name(desk: ZendeskSimulator, driver: Driver, number: int) -> None:
    """As as_read foretells it, also where Zendesk gives a number back as text."""
    desk.act("field", title="SLA due", kind="integer")
    intent = Intent(Operation.SET_FIELDS, {"custom.sla_due": 1798884000})
    assert isinstance(attempt(driver, intent, context(number)), Done)
    assert driver.connector.as_read(intent) == {"custom.sla_due": "1798884000"}
    read = driver.run(driver.connector.read(str(number)))
    assert read is not None
    assert read.custom == {"sla_due": 1798884000}
    assert isinstance(driver.run(driver.connector.probe(intent, context(number))), Found)


def test_a_field_that_is_not_there_is_unmapped(driver: Driver, number: int) -> None:
    """It says where to name it."""
    outcome = put(driver, number, custom_sla_due=DUE)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.UNMAPPED
    assert "custom_fields:" in outcome.detail


def test_a_day_field_takes_a_day_only(desk: ZendeskSimulator, driver: Driver, number: int) -> None:
    """Zendesk's own refusal is what people read."""
    desk.act("field", title="SLA due", kind="date")
    assert isinstance(put(driver, number, custom_sla_due="2027-01-02"), Done)
    outcome = put(driver, number, custom_sla_due=DUE)
    assert isinstance(outcome, Rejected)
    assert "is not a valid date" in outcome.detail


def test_tags_of_ours_stand_beside_those_of_people(desk: ZendeskSimulator, driver: Driver, number: int) -> None:
    """Ours come and go; nobody reads them as an edit; and people's tags, when they are set, leave ours."""
    for mine, there in ((["sla:at-risk"], ["sla:at-risk", "vip"]), (["sla:breached"], ["sla:breached", "vip"])):
        assert isinstance(put(driver, number, sla_tags=mine), Done)
        assert desk.records.tickets[number]["tags"] == there
    read = driver.run(driver.connector.read(str(number)))
    assert read is not None
    assert read.tags == ("vip",)
    assert isinstance(put(driver, number, tags=["door"]), Done)
    assert desk.records.tickets[number]["tags"] == ["door", "sla:breached"]
    assert isinstance(put(driver, number, sla_tags=[]), Done)
    assert desk.records.tickets[number]["tags"] == ["door"]


def test_a_tag_that_somebody_sets_meanwhile_is_not_lost(desk: ZendeskSimulator, driver: Driver, number: int) -> None:
    """Zendesk refuses to set all tags of a ticket that has changed since it was read: it is tried again."""
    call = driver.connector.write(Intent(Operation.SET_FIELDS, {"sla_tags": ["sla:breached"]}), context(number))

    def interrupted() -> Any:
        answer = yield next(call)
        desk.clock.skew += type(desk.clock.skew)(seconds=2)
        desk.act("set", ticket_id=number, tags=["vip", "new"])
        try:
            request = call.send(answer)
            while True:
                request = call.send((yield request))
        except StopIteration as stop:
            return stop.value

    assert isinstance(driver.run(interrupted()), NotSent)
    assert desk.records.tickets[number]["tags"] == ["new", "vip"]
    assert isinstance(put(driver, number, sla_tags=["sla:breached"]), Done)
    assert desk.records.tickets[number]["tags"] == ["new", "sla:breached", "vip"]


def test_a_probe_knows_tags_and_due_times(desk: ZendeskSimulator, driver: Driver, number: int) -> None:
    """There or not there, whatever tags people have set."""
    desk.act("set", ticket_id=number, type="task")
    intent = Intent(Operation.SET_FIELDS, {"sla_tags": ["sla:breached"], "due": DUE})
    assert isinstance(driver.run(driver.connector.probe(intent, context(number))), Absent)
    assert isinstance(attempt(driver, intent, context(number)), Done)
    assert isinstance(driver.run(driver.connector.probe(intent, context(number))), Found)
    read = driver.run(driver.connector.read(str(number)))
    assert read is not None
    assert read.due is not None
    assert driver.connector.as_read(intent)["due"] == DUE


def test_a_webhook_about_our_tags_only_is_no_edit(
    desk: ZendeskSimulator, driver: Driver, number: int, inbox: Inbox
) -> None:
    """Beside a tag of people it is theirs alone."""
    desk.webhooks.flush(2)
    inbox.requests.clear()
    assert isinstance(put(driver, number, sla_tags=["sla:breached"]), Done)
    desk.act("set", ticket_id=number, tags=["vip", "door", "sla:breached"])
    desk.webhooks.flush(2)
    events = [each for request in inbox.requests for each in driver.connector.parse(stored(request.body))]
    assert [(each.kind, [change.value for change in each.changes]) for each in events] == [
        (EventKind.OBSERVED, []),
        (EventKind.CHANGED, [("door", "vip")]),
    ]


def test_the_check_says_which_field_is_missing(desk: ZendeskSimulator, driver: Driver) -> None:
    """And keeps the ids of those that are there, for every process."""
    (missing,) = [each for each in driver.run(driver.connector.check()) if each.name == "custom_fields"]
    assert not missing.ok
    assert "sla_due" in missing.detail
    field = desk.act("field", title="SLA due")
    (found,) = [each for each in driver.run(driver.connector.check()) if each.name == "custom_fields"]
    assert found.ok
    assert found.facts == {"custom_fields": {"sla_due": str(field)}}
