"""What is written, that it is written once, and what a refusal means."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.dynamics365.bench import Dynamics365Bench
from connectors.dynamics365.connector import Dynamics365Connector
from connectors.dynamics365.ids import contact_of, guid_of
from connectors.sdk import (
    Absent,
    Call,
    Category,
    CommentIntent,
    Conflict,
    Done,
    Found,
    Intent,
    NotSent,
    Operation,
    Outcome,
    Reason,
    Rejected,
    Unknown,
    Visibility,
    WriteContext,
)
from connectors.testing.driver import Driver
from connectors.testing.loopback import LoopbackServer, SimRequest, SimResponse, json_answer
from tests.connectors.dynamics365.conftest import CASE, connect, first_attempt

CREATE = Intent(
    Operation.CREATE, {"title": "Net down", "body": "Since today", "requester": {"email": "kim@example.com"}}
)
KEY = "0123456789abcdef0123456789abcdef"
RESOLVE = Intent(Operation.SET_FIELDS, {"title": "Out", "status": {"category": "resolved"}})


def comment(text: str, *, public: bool = False, operation: Operation | None = None) -> Intent:
    """Return the intent to say something."""
    seen = Visibility.PUBLIC if public else Visibility.INTERNAL
    wanted = operation or (Operation.PUBLIC_REPLY if public else Operation.INTERNAL_NOTE)
    return Intent(wanted, comment=CommentIntent("c1", text, seen))


def meanwhile(driver: Driver, intent: Intent, context: WriteContext, doing: Any) -> Outcome:
    """Write as ever, but let something be done just before the write leaves."""

    def call() -> Call[Outcome]:
        inner = driver.connector.write(intent, context)
        request = next(inner)
        while True:
            if request.method != "GET":
                doing()
            try:
                request = inner.send((yield request))
            except StopIteration as stop:
                outcome: Outcome = stop.value
                return outcome

    return driver.run(call())


def answered(intent: Intent, status: int, code: str, words: str = "no") -> Outcome:
    """Return what one answer to a write is taken for; what is looked for is not there, but for one contact."""

    def answer(request: SimRequest) -> SimResponse:
        if request.method != "GET":
            return json_answer({"error": {"code": code, "message": words}}, status)
        if request.path.endswith("/contacts"):
            return json_answer({"value": [{"contactid": CASE}]})
        if "incidents(" in request.path and intent.operation is not Operation.CREATE:
            return json_answer({"incidentid": CASE, "@odata.etag": 'W/"1"', "statecode": 0})
        return json_answer({"error": {"code": "0x80040217", "message": "Does Not Exist"}}, 404)

    server = LoopbackServer(answer)
    server.listen()
    driver = Driver(connect(server.url), deadline=2.0)
    try:
        return driver.attempt(intent, first_attempt(KEY, CASE))
    finally:
        driver.close()
        server.refuse()


def test_a_create_sent_twice_makes_one_case(bench: Dynamics365Bench, driver: Driver) -> None:
    """The second one is told that the case is there already, and finds it by its id."""
    first, second = (driver.settle(CREATE, first_attempt(KEY)) for _ in range(2))
    assert first.remote_id == second.remote_id == guid_of(KEY) == "01234567-89ab-cdef-0123-456789abcdef"
    assert len(bench.desk.effects.all(kind="create", by_api=True)) == 1
    found = driver.run(driver.connector.read(first.remote_id))
    assert found is not None
    assert found.marker == KEY
    seen = driver.run(driver.connector.effects(CREATE, first_attempt(KEY)))
    assert [copy.remote_id for copy in seen.copies] == [first.remote_id]


def test_a_requester_becomes_one_contact(bench: Dynamics365Bench, driver: Driver) -> None:
    """Of many cases; one that somebody makes at the same moment is taken, and the case is not lost."""
    cases = [driver.settle(CREATE, first_attempt(f"{number:032x}")).remote_id for number in range(1, 4)]
    tables = bench.desk.records.all
    made = [number for number, row in tables["contacts"].items() if row["emailaddress1"] == "kim@example.com"]
    assert made == [contact_of("Kim@example.com")]
    assert {tables["incidents"][case]["_customerid_value"] for case in cases} == set(made)

    def quicker() -> None:
        given = {"emailaddress1": "lee@example.com", "lastname": "Lee"}
        bench.desk.records.add(
            "contacts", given, bench.desk.records.agent, bench.desk.now(), contact_of("lee@example.com")
        )

    intent = Intent(Operation.CREATE, {"title": "Net down", "requester": {"email": "lee@example.com"}})
    assert isinstance(meanwhile(driver, intent, first_attempt(KEY), quicker), NotSent)
    assert guid_of(KEY) not in bench.desk.records.all["incidents"]
    assert driver.settle(intent, first_attempt(KEY)).remote_id == guid_of(KEY)


@pytest.mark.parametrize(("category", "native"), [("resolved", "Problem Solved"), ("cancelled", "Canceled")])
def test_a_case_can_be_made_at_its_end(bench: Dynamics365Bench, driver: Driver, category: str, native: str) -> None:
    """Made and ended in one transaction: nothing is born resolved there."""
    intent = Intent(Operation.CREATE, {**CREATE.fields, "status": {"category": category}})
    case = driver.settle(intent, first_attempt(KEY)).remote_id
    assert bench.shown(case).status == native
    assert len(driver.writes) == 1


def test_a_case_that_changed_meanwhile_is_not_written_to(bench: Dynamics365Bench, driver: Driver) -> None:
    """Between our look and our write somebody was quicker: 412, and the next try is on what they left."""
    for intent in (Intent(Operation.SET_FIELDS, {"title": "Out"}), RESOLVE):
        case = bench.open_ticket("Printer", "It is on fire")
        given = first_attempt(KEY, case)
        outcome = meanwhile(driver, intent, given, lambda case=case: bench.set_title(case, "By somebody else"))
        assert isinstance(outcome, Conflict)
        assert (bench.shown(case).title, bench.shown(case).status) == ("By somebody else", "In Progress")
        assert isinstance(driver.run(driver.connector.probe(intent, given)), Absent)
        driver.settle(intent, given)
        assert bench.shown(case).title == "Out"
        assert isinstance(driver.run(driver.connector.probe(intent, given)), Found)


def test_a_resolution_is_done_whole_or_not_at_all(bench: Dynamics365Bench, driver: Driver) -> None:
    """With other columns in one change set; alone by the action; again, it is nothing."""
    case = bench.open_ticket("Printer", "It is on fire")
    driver.settle(RESOLVE, first_attempt(KEY, case))
    assert [request.url.rpartition("/")[2] for request in driver.writes] == ["$batch"]
    assert (bench.shown(case).title, bench.shown(case).status) == ("Out", "Problem Solved")
    driver.settle(RESOLVE, first_attempt(KEY, case))
    alone = Intent(Operation.SET_FIELDS, {"status": {"category": "resolved"}})
    driver.settle(alone, first_attempt(KEY, case))
    assert driver.writes == []
    driver.settle(Intent(Operation.SET_FIELDS, {"status": {"category": "open"}}), first_attempt(KEY, case))
    assert bench.shown(case).status == "In Progress"
    driver.settle(alone, first_attempt(KEY, case))
    assert [request.url.rpartition("/")[2] for request in driver.writes] == ["CloseIncident"]
    # one part of it is refused: nothing of it is done
    other = bench.open_ticket("Printer", "It is on fire")
    bench.set_status(other, Category.CANCELLED)
    outcome = driver.attempt(RESOLVE, first_attempt(KEY, other))
    assert isinstance(outcome, Rejected)
    assert "already been resolved" in outcome.detail
    assert (bench.shown(other).title, bench.shown(other).status) == ("Printer", "Canceled")


def test_a_case_that_is_gone_is_not_made_again(bench: Dynamics365Bench, driver: Driver) -> None:
    """A PATCH would make it, were it not told to change only what is there."""
    case = bench.open_ticket("Printer", "It is on fire")
    intent = Intent(Operation.SET_FIELDS, {"title": "Out"})
    outcome = meanwhile(driver, intent, first_attempt(KEY, case), lambda: bench.delete(case))
    assert isinstance(outcome, Rejected)
    assert case not in bench.desk.records.all["incidents"]
    assert isinstance(driver.attempt(intent, first_attempt(KEY, case)), Rejected)
    assert isinstance(driver.attempt(comment("Hello"), first_attempt(KEY, case)), Rejected)


def test_meanings_of_412() -> None:
    """Changed meanwhile is a conflict; a duplicate by the organization's rules a refusal; else it is looked into."""
    change = Intent(Operation.SET_FIELDS, {"title": "Out"})
    assert isinstance(answered(change, 412, "0x80060882"), Conflict)
    outcome = answered(CREATE, 412, "0x80040333", "A record was not created because a duplicate exists")
    assert isinstance(outcome, Rejected)
    assert "duplicate" in outcome.detail
    assert isinstance(answered(CREATE, 412, "0x80060891"), Unknown)


def test_refusals() -> None:
    """A refusal says its code and why, in one line."""
    outcome = answered(comment("Hello"), 400, "0x80044331", "The length of the\nattribute exceeded")
    assert isinstance(outcome, Rejected)
    assert outcome.detail == "HTTP 400 0x80044331: The length of the attribute exceeded"


def test_a_note_sent_twice_is_there_once(bench: Dynamics365Bench, driver: Driver) -> None:
    """For colleagues and for the portal."""
    for number, public in enumerate((True, False), 1):
        case = bench.open_ticket("Printer", "It is on fire")
        intent, given = comment("We are at it", public=public), first_attempt(f"{number:032x}", case)
        first, second = (driver.settle(intent, given) for _ in range(2))
        assert first.comment_id == second.comment_id == guid_of(f"{number:032x}")
        assert [(one.text, one.public) for one in bench.shown(case).comments] == [("We are at it", public)]
        seen = driver.run(driver.connector.effects(intent, given))
        assert [copy.remote_id for copy in seen.copies] == [first.comment_id]


def test_an_internal_note_never_begins_as_the_portal_wants(bench: Dynamics365Bench, driver: Driver) -> None:
    """Whatever its words, and whatever the operation says."""
    case = bench.open_ticket("Printer", "It is on fire")
    words = [comment("*WEB* secret"), comment("*web* secret"), comment("One", operation=Operation.PUBLIC_REPLY)]
    words.append(comment("Two", public=True, operation=Operation.INTERNAL_NOTE))
    for number, intent in enumerate(words, 1):
        driver.settle(intent, first_attempt(f"{number:032x}", case))
    assert [one.public for one in bench.shown(case).comments] == [False] * 4
    found = driver.run(driver.connector.read(case))
    assert found is not None
    assert {one.visibility for one in found.comments} == {Visibility.INTERNAL}
    closed = Driver(Dynamics365Connector(bench.settings(web_prefix="")), deadline=2.0)
    outcome = closed.attempt(comment("Hello", public=True), first_attempt("5" * 32, case))
    closed.close()
    assert isinstance(outcome, Rejected), "without a portal nothing reaches customers"


def test_what_is_too_long_says_so(bench: Dynamics365Bench, driver: Driver) -> None:
    """A description holds 2,000 characters unless the environment has made it longer."""
    case = bench.open_ticket("Printer", "It is on fire")
    driver.settle(Intent(Operation.SET_FIELDS, {"body": "x " * 4000}), first_attempt(KEY, case))
    assert bench.shown(case).body.endswith("the whole text stands in the other desk]")
    assert len(bench.shown(case).body) <= 2000


def test_who_owns_a_case(bench: Dynamics365Bench, driver: Driver) -> None:
    """A user by id or e-mail, a team by name or id, and a team again for what nobody has any more."""
    case = bench.open_ticket("Printer", "It is on fire")
    records = bench.desk.records
    second = str(records.add("teams", {"name": "Second line"}, records.me, bench.desk.now())["teamid"])

    def owner(**fields: Any) -> str:
        driver.settle(Intent(Operation.SET_FIELDS, fields), first_attempt(KEY, case))
        return str(records.all["incidents"][case]["_ownerid_value"])

    assert owner(assignee={"external_id": records.agent}) == records.agent
    assert owner(assignee={"email": "jones@org.example"}) == bench.agents[1]
    assert owner(queue="Second line") == second
    found = driver.run(driver.connector.read(case))
    assert found is not None
    assert (found.queue, found.assignee) == ("Second line", None)
    assert owner(queue=records.team) == records.team
    assert owner(queue="Second line", assignee={"external_id": records.agent}) == records.agent
    assert owner(assignee=None) == records.team
    # the account alone: what a webhook and a read say of somebody beside it differs, and is no edit
    given = Intent(Operation.SET_FIELDS, {"assignee": {"external_id": records.agent, "name": "Agent Smith"}})
    assert driver.connector.as_read(given) == {"assignee": {"external_id": records.agent}}


@pytest.mark.parametrize(
    "fields",
    [
        {"queue": "No such team"},
        {"assignee": {"email": "nobody@org.example"}},
        {"assignee": {"external_id": "17"}},
        {"assignee": {"name": "Agent Smith"}},
        {"status": {"category": "open", "native": "Sleeping"}},
        {"status": {"category": "unknown"}},
        {"custom": {"nothing": 1}},
    ],
)
def test_what_has_no_word_there_is_unmapped(bench: Dynamics365Bench, driver: Driver, fields: dict[str, Any]) -> None:
    """It says what to name in gateway.yaml, and nothing is written."""
    case = bench.open_ticket("Printer", "It is on fire")
    outcome = driver.attempt(Intent(Operation.SET_FIELDS, fields), first_attempt(KEY, case))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.UNMAPPED
    assert driver.writes == []


def test_custom_columns_and_what_a_rule_adds(bench: Dynamics365Bench) -> None:
    """By our names; a team and an origin of the rule; a kind by its number."""
    driver = Driver(Dynamics365Connector(bench.settings(custom_fields={"sla_due": "new_sladue"})), deadline=2.0)
    params = {"team": "Support", "origin": 1}
    intent = Intent(Operation.CREATE, {**CREATE.fields, "kind": "problem"}, params=params)
    case = driver.settle(intent, first_attempt(KEY)).remote_id
    held = bench.desk.records.all["incidents"][case]
    assert (held["caseorigincode"], held["casetypecode"], held["_ownerid_value"]) == (1, 2, bench.desk.records.team)
    due = Intent(Operation.SET_FIELDS, {"custom.sla_due": "2026-03-10T17:00:00Z"})
    assert isinstance(driver.attempt(due, first_attempt("2" * 32, case)), Done)
    driver.close()
    assert held["new_sladue"] == "2026-03-10T17:00:00Z"
    assert driver.connector.as_read(due) == {"custom.sla_due": "2026-03-10T17:00:00Z"}


def test_a_description_with_html_is_added_to(bench: Dynamics365Bench, driver: Driver) -> None:
    """What Markdown cannot show stays as somebody wrote it; ours stands below, once, or is refused for want of room."""
    given = "<div><details><summary>Log</summary>x</details></div>"
    case = bench.open_ticket("Printer", given)
    for _ in range(2):
        driver.settle(Intent(Operation.SET_FIELDS, {"body": "It is **out**"}), first_attempt(KEY, case))
        assert bench.shown(case).body == f"{given}<hr><p>It is <strong>out</strong></p>"
    refused = driver.attempt(Intent(Operation.SET_FIELDS, {"body": "x" * 1990}), first_attempt(KEY, case))
    assert isinstance(refused, Rejected)
    assert "no room" in refused.detail
