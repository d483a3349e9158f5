"""What is written, that it is written once, and what a refusal means."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors.salesforce.bench import SalesforceBench
from connectors.sdk import (
    Absent,
    Call,
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
    Throttled,
    Visibility,
)
from connectors.testing.driver import Driver
from connectors.testing.loopback import LoopbackServer, SimRequest, SimResponse, json_answer
from tests.connectors.salesforce.conftest import CASE, connect, first_attempt

CREATE = Intent(
    Operation.CREATE, {"title": "Net down", "body": "Since today", "requester": {"email": "kim@example.com"}}
)


def comment(text: str, *, public: bool = False, operation: Operation | None = None) -> Intent:
    """Return the intent to say something."""
    seen = Visibility.PUBLIC if public else Visibility.INTERNAL
    wanted = operation or (Operation.PUBLIC_REPLY if public else Operation.INTERNAL_NOTE)
    return Intent(wanted, comment=CommentIntent("c1", text, seen))


def answered(intent: Intent, status: int, body: Any, headers: dict[str, str] | None = None) -> Any:
    """Return what one answer to a write is taken for; reads find an empty case."""

    def answer(request: SimRequest) -> SimResponse:
        if request.method == "GET":
            rows = [{"Id": CASE, "LastModifiedDate": "2026-03-01T09:30:00.000+0000"}]
            return json_answer({"done": True, "records": rows if "FROM Case " in request.query.get("q", "") else []})
        return json_answer(body, status, headers)

    server = LoopbackServer(answer)
    server.listen()
    driver = Driver(connect(server.url), deadline=2.0)
    try:
        return driver.attempt(intent, first_attempt("k1", CASE))
    finally:
        driver.close()
        server.refuse()


def test_an_upsert_sent_twice_makes_one_case(bench: SalesforceBench, driver: Driver) -> None:
    """The second one is told that the case was there already."""
    given = first_attempt("key-of-this-effect")
    first, second = (driver.settle(CREATE, given) for _ in range(2))
    assert first.remote_id == second.remote_id
    assert len(bench.desk.effects.all(kind="create", by_api=True)) == 1
    held = bench.desk.records.all["Case"][first.remote_id]
    assert held["Gateway_Key__c"] == "key-of-this-effect"
    assert held["SuppliedEmail"] == "kim@example.com"


def test_an_ambiguous_key_makes_nothing(bench: SalesforceBench, driver: Driver) -> None:
    """300 where the field is not unique: the first case that bears the key is the one, and all are counted."""
    records, now = bench.desk.records, bench.desk.now()
    made = [records.add("Case", {"Subject": "Net down"}, records.me, now) for _ in range(2)]
    for record in made:
        record["Gateway_Key__c"] = "key-of-this-effect"
    given = first_attempt("key-of-this-effect")
    outcome = driver.attempt(CREATE, given)
    assert isinstance(outcome, Done)
    assert outcome.receipt.remote_id == made[0]["Id"]
    assert bench.desk.effects.all(kind="create", by_api=True) == []
    seen = driver.run(driver.connector.effects(CREATE, given))
    assert [copy.remote_id for copy in seen.copies] == [record["Id"] for record in made]


def test_a_case_that_changed_meanwhile_is_not_written_to(bench: SalesforceBench, driver: Driver) -> None:
    """Between our look and our write somebody was quicker: 412, and the next try is on what they left."""
    case = bench.open_ticket("Printer", "It is on fire")
    intent = Intent(Operation.SET_FIELDS, {"title": "Out"})

    def quicker() -> Call[Outcome]:
        """Write as ever, but let somebody be quicker."""
        call = driver.connector.write(intent, first_attempt("k1", case))
        request = next(call)
        while True:
            if request.method == "PATCH":
                bench.desk.clock.skew += timedelta(seconds=3)
                bench.set_title(case, "By somebody else")
            try:
                request = call.send((yield request))
            except StopIteration as stop:
                outcome: Outcome = stop.value
                return outcome

    assert isinstance(driver.run(quicker()), Conflict)
    assert bench.shown(case).title == "By somebody else"
    driver.settle(intent, first_attempt("k1", case))
    assert bench.shown(case).title == "Out"


def test_fields_that_landed_are_found_though_a_person_changed_them_since(
    bench: SalesforceBench, driver: Driver
) -> None:
    """By the case's history; where the org keeps none, a changed case is one that was not written."""
    intent = Intent(Operation.SET_FIELDS, {"title": "Out", "status": {"category": "on_hold"}})
    case = bench.open_ticket("Printer", "It is on fire")
    given = first_attempt("k1", case)
    assert isinstance(driver.run(driver.connector.probe(intent, given)), Absent)
    driver.settle(intent, given)
    assert isinstance(driver.run(driver.connector.probe(intent, given)), Found)
    bench.set_title(case, "By somebody else")
    assert isinstance(driver.run(driver.connector.probe(intent, given)), Found)
    seen = driver.run(driver.connector.effects(intent, given))
    assert seen.ours == {"status"}
    assert seen.ticket is not None
    assert seen.ticket.title == "By somebody else"
    bench.desk.records.without.add("CaseHistory")
    assert isinstance(driver.run(driver.connector.probe(intent, given)), Absent)


def test_a_comment_that_landed_twice_is_counted(bench: SalesforceBench, driver: Driver) -> None:
    """Ours alone, by words, time and who may read it; what is known to be another is not."""
    for public in (True, False):
        case = bench.open_ticket("Printer", "It is on fire")
        intent = comment("We are at it", public=public)
        bench.say(case, "We are at it", public=public)
        earlier = driver.settle(comment("We are at it", public=not public), first_attempt("k0", case))
        given = first_attempt("k1", case, known_comments=frozenset({earlier.comment_id}))
        made = [driver.settle(intent, given).comment_id for _ in range(2)]
        seen = driver.run(driver.connector.effects(intent, given))
        assert sorted(copy.remote_id for copy in seen.copies) == sorted(made)


def test_only_a_public_reply_is_published(bench: SalesforceBench, driver: Driver) -> None:
    """When the operation and the comment both say so."""
    case = bench.open_ticket("Printer", "It is on fire")
    driver.settle(comment("One", operation=Operation.PUBLIC_REPLY), first_attempt("k1", case))
    driver.settle(comment("Two", public=True, operation=Operation.INTERNAL_NOTE), first_attempt("k2", case))
    driver.settle(comment("Three", public=True), first_attempt("k3", case))
    assert [(one.text, one.public) for one in bench.shown(case).comments] == [
        ("One", False), ("Two", False), ("Three", True)
    ]  # fmt: skip


def test_what_is_too_long_says_so(bench: SalesforceBench, driver: Driver) -> None:
    """A comment holds 4,000 bytes, a description 32,000 characters: better cut in the open than not there."""
    case = bench.open_ticket("Printer", "It is on fire")
    driver.settle(comment("処理中 " * 2000), first_attempt("k1", case))
    (said,) = bench.shown(case).comments
    assert len(said.text.encode()) <= 4000
    assert said.text.endswith("the whole text stands in the other desk]")
    driver.settle(Intent(Operation.SET_FIELDS, {"body": "x " * 40_000}), first_attempt("k2", case))
    assert bench.shown(case).body.endswith("the whole text stands in the other desk]")


def test_a_text_without_markup_names_people_and_images(bench: SalesforceBench, driver: Driver) -> None:
    """A case has no markup: whoever is called, and an image of ours, stand there by name."""
    case = bench.open_ticket("Printer", "It is on fire")
    text = "[@Kim](mention:17) look: ![plan.png](attachment:abc) and *this*"
    driver.settle(comment(text), first_attempt("k1", case))
    assert [one.text for one in bench.shown(case).comments] == ["@Kim look: [plan.png] and *this*"]


def test_who_owns_a_case(bench: SalesforceBench, driver: Driver) -> None:
    """A user by id or e-mail, a queue by name or id, and a queue again for what nobody has any more."""
    case = bench.open_ticket("Printer", "It is on fire")
    records = bench.desk.records
    second = records.add("Group", {"Name": "Second line"}, records.me, bench.desk.now())["Id"]

    def owner(**fields: Any) -> str:
        driver.settle(Intent(Operation.SET_FIELDS, fields), first_attempt("k1", case))
        return str(records.all["Case"][case]["OwnerId"])

    assert owner(assignee={"external_id": records.agent}) == records.agent
    assert owner(assignee={"email": "jones@org.example"}) == bench.agents[1]
    assert owner(queue="Second line") == second
    found = driver.run(driver.connector.read(case))
    assert found is not None
    assert (found.queue, found.assignee) == ("Second line", None)
    assert owner(queue=records.queue) == records.queue
    assert owner(queue="Second line", assignee={"external_id": records.agent}) == records.agent
    assert owner(assignee=None) == records.queue
    # the account alone: what a webhook and a read say of somebody beside it differs, and is no edit
    given = Intent(Operation.SET_FIELDS, {"assignee": {"external_id": records.agent, "name": "Agent Smith"}})
    assert driver.connector.as_read(given) == {"assignee": {"external_id": records.agent}}


@pytest.mark.parametrize(
    "fields",
    [
        {"queue": "No such queue"},
        {"assignee": {"email": "nobody@org.example"}},
        {"assignee": {"external_id": "17"}},
        {"assignee": {"name": "Agent Smith"}},
        {"status": {"category": "cancelled"}},
        {"custom": {"nothing": 1}},
    ],
)
def test_what_has_no_word_there_is_unmapped(bench: SalesforceBench, driver: Driver, fields: dict[str, Any]) -> None:
    """It says what to name in gateway.yaml, and nothing is written."""
    case = bench.open_ticket("Printer", "It is on fire")
    outcome = driver.attempt(Intent(Operation.SET_FIELDS, fields), first_attempt("k1", case))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.UNMAPPED
    assert driver.writes == []


def test_custom_fields_and_what_a_rule_adds(bench: SalesforceBench, driver: Driver) -> None:
    """By our names or by Salesforce's; the owner of a rule keeps the assignment rules away."""
    params = {"queue": "Support", "origin": "Phone", "type": "Problem"}
    case = driver.settle(
        Intent(Operation.CREATE, {"title": "Net down", "kind": "question"}, params=params), first_attempt("k1")
    ).remote_id
    held = bench.desk.records.all["Case"][case]
    assert (held["Origin"], held["Type"], held["OwnerId"]) == ("Phone", "Problem", bench.desk.records.queue)
    assert driver.writes[0].headers["Sforce-Auto-Assign"] == "FALSE"
    due = Intent(Operation.SET_FIELDS, {"custom.SLA_Due__c": "2026-03-10T17:00:00Z"})
    driver.settle(due, first_attempt("k2", case))
    assert held["SLA_Due__c"] == "2026-03-10T17:00:00Z"
    assert driver.connector.as_read(due) == {"custom.SLA_Due__c": "2026-03-10T17:00:00Z"}


def test_too_many_requests_is_a_wait() -> None:
    """403 with that code, for long where the day is used up; any other 403 is not."""
    intent = Intent(Operation.SET_FIELDS, {"title": "Out"})
    for words, wait in (("TotalRequests Limit exceeded.", 900), ("ConcurrentPerOrgLongTxn Limit exceeded.", 60)):
        told = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": words}]
        outcome = answered(intent, 403, told)
        assert isinstance(outcome, Throttled)
        assert outcome.retry_after == wait
    outcome = answered(intent, 403, [{"errorCode": "INSUFFICIENT_ACCESS", "message": "no"}])
    assert not isinstance(outcome, Throttled)


def test_refusals() -> None:
    """A locked row is tried again; a refusal says which field and why, in one line."""
    intent = comment("Hello")
    locked = [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain exclusive access"}]
    assert isinstance(answered(intent, 400, locked), NotSent)
    told = [{"errorCode": "STRING_TOO_LONG", "message": "data value\ntoo large", "fields": ["CommentBody"]}]
    outcome = answered(intent, 400, told)
    assert isinstance(outcome, Rejected)
    assert outcome.detail == "HTTP 400 STRING_TOO_LONG: data value too large (CommentBody)"


def test_a_case_that_changed_since_it_was_read_is_a_conflict(bench: SalesforceBench, driver: Driver) -> None:
    """A case has no entity tag: the write says of when it was read, and Salesforce refuses what is behind."""
    case = bench.open_ticket("Printer", "It is on fire")
    call = driver.connector.write(Intent(Operation.SET_FIELDS, {"title": "Ours"}), first_attempt("k1", case))

    def interrupted() -> Any:
        request = next(call)
        try:
            while True:
                if request.method == "PATCH":
                    assert request.headers["If-Unmodified-Since"].endswith(" GMT")
                    bench.desk.clock.skew += timedelta(seconds=2)
                    bench.set_title(case, "Theirs")
                request = call.send((yield request))
        except StopIteration as stop:
            return stop.value

    assert isinstance(driver.run(interrupted()), Conflict)
    assert bench.desk.records.all["Case"][case]["Subject"] == "Theirs"
