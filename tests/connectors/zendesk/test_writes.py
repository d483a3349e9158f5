"""Every write over real HTTP, with every fault, and the proof that each operation takes effect once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from connectors.sdk import (
    Absent,
    Call,
    Category,
    CommentIntent,
    Done,
    Forbidden,
    Found,
    HttpRequest,
    HttpResponse,
    Intent,
    NotSent,
    Operation,
    Outcome,
    Reason,
    Receipt,
    Rejected,
    RemotePerson,
    Status,
    Throttled,
    Unauthorized,
    Unknown,
    Unsure,
    Visibility,
    WriteContext,
)
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind
from connectors.zendesk.connector import SPEC
from connectors.zendesk.simulator import ZendeskSimulator
from gateway.errors import NotSentError, OutcomeUnknownError, ThrottledError
from gateway.system import SystemClock
from tests.connectors.zendesk.conftest import connect

KEY = "0123456789abcdef0123456789abcdef"
CREATE = Intent(
    Operation.CREATE,
    {
        "title": "Netz ausgefallen",
        "body": "Seit heute früh.",
        "priority": {"level": "P1"},
        "status": {"category": "open"},
        "kind": "incident",
        "tags": ["Net Work", "vip"],
        "requester": {"email": "kim@example.com", "name": "Kim"},
    },
)
FIELDS = Intent(Operation.SET_FIELDS, {"status": {"category": "resolved"}, "title": "Done", "tags": ["b", "a"]})


def comment(operation: Operation, body: str = "Wir sind dran – 處理中。") -> Intent:
    """Return the intent to comment."""
    public = operation is Operation.PUBLIC_REPLY
    visibility = Visibility.PUBLIC if public else Visibility.INTERNAL
    return Intent(operation, comment=CommentIntent("c1", body, visibility))


REPLY, NOTE = comment(Operation.PUBLIC_REPLY), comment(Operation.INTERNAL_NOTE)


def context(number: Any = "", **more: Any) -> WriteContext:
    """Return the context of a first attempt."""
    return WriteContext(KEY, str(number) if number else "", first_sent_at=SystemClock().now(), **more)


def attempt(driver: Driver, intent: Intent, given: WriteContext) -> Outcome:
    """Send once and classify as deliver does."""
    try:
        return driver.run(driver.connector.write(intent, given))
    except NotSentError as error:
        return NotSent(str(error))
    except OutcomeUnknownError as error:
        return Unknown(str(error))


def settle(desk: ZendeskSimulator, driver: Driver, intent: Intent, given: WriteContext) -> Receipt:
    """Bring one update to its end as deliver does: resend by key or nature, else probe first."""
    for _ in range(8):
        outcome = attempt(driver, intent, given)
        if isinstance(outcome, Done):
            return outcome.receipt
        assert isinstance(outcome, (Unknown, NotSent, Throttled)), outcome
        if isinstance(outcome, Unknown) and intent.comment is not None:
            while isinstance(finding := driver.run(driver.connector.probe(intent, given)), Unsure):
                pass
            if isinstance(finding, Found):
                return finding.receipt
        desk.accept()
    pytest.fail("never settled")


@pytest.fixture
def number(desk: ZendeskSimulator) -> int:
    """Make a ticket to write to."""
    made: int = desk.act("create", subject="Help", body="b")["id"]
    return made


def test_create(desk: ZendeskSimulator, driver: Driver) -> None:
    """One request with the key; the receipt shows the ticket as it reads."""
    outcome = attempt(driver, CREATE, context())
    assert isinstance(outcome, Done)
    assert len(driver.requests) == 1
    assert driver.requests[0].headers["Idempotency-Key"] == KEY
    receipt = outcome.receipt
    assert receipt.observed is not None
    assert receipt.observed.marker == KEY
    assert receipt.observed.tags == ("net_work", "vip")
    assert receipt.version
    assert receipt.url.endswith(f"/agent/tickets/{receipt.remote_id}")
    found = driver.run(driver.connector.read(receipt.remote_id))
    assert found is not None
    assert (found.title, found.body, found.comments) == ("Netz ausgefallen", "Seit heute früh.", ())
    seen = as_json(found)
    expected = driver.connector.as_read(CREATE)
    assert {name: seen[name] for name in expected} == expected
    assert isinstance(found.requester, RemotePerson)
    assert found.requester.email == "kim@example.com"


def test_set_fields(desk: ZendeskSimulator, driver: Driver, number: int) -> None:
    """One request; what the desk answers is what it will read back."""
    outcome = attempt(driver, FIELDS, context(number))
    assert isinstance(outcome, Done)
    assert len(driver.requests) == 1
    seen = as_json(outcome.receipt.observed)
    expected = driver.connector.as_read(FIELDS)
    assert expected == {"status": {"category": "resolved", "native": "solved"}, "title": "Done", "tags": ["a", "b"]}
    assert {name: seen[name] for name in expected} == expected
    found = driver.run(driver.connector.probe(FIELDS, context(number)))
    assert isinstance(found, Found)
    assert found.receipt.version == outcome.receipt.version


def test_fields_that_landed_are_found_though_a_person_changed_them_since(
    desk: ZendeskSimulator, driver: Driver, number: int
) -> None:
    """The audit that carries our key tells; without one, or where audits are not for us, they have not landed.

    Audits that do not answer now prove nothing.
    """
    assert driver.run(driver.connector.probe(FIELDS, context(number))) == Absent()
    outcome = attempt(driver, FIELDS, context(number))
    assert isinstance(outcome, Done)
    desk.act("set", ticket_id=number, status="open")
    found = driver.run(driver.connector.probe(FIELDS, context(number)))
    assert isinstance(found, Found)
    assert found.receipt.change_ids == outcome.receipt.change_ids
    assert found.receipt.observed is None
    other = msgspec.structs.replace(context(number), effect_key="f" * 32)
    assert driver.run(driver.connector.probe(FIELDS, other)) == Absent()
    desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, method="GET", path="/audits", status=403)
    assert driver.run(driver.connector.probe(FIELDS, context(number))) == Absent()
    desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, method="GET", path=f"/tickets/{number}", status=403)
    assert driver.run(driver.connector.probe(FIELDS, context(number))) == Absent()
    for kind in (FaultKind.ERROR_WITHOUT_EFFECT, FaultKind.GARBAGE):
        desk.fault(kind, method="GET", path="/audits")
        assert isinstance(driver.run(driver.connector.probe(FIELDS, context(number))), Unsure)


@pytest.mark.parametrize("intent", [REPLY, NOTE], ids=["reply", "note"])
def test_comments(desk: ZendeskSimulator, driver: Driver, number: int, intent: Intent) -> None:
    """One request; the receipt names the comment, its visibility is what was asked for."""
    outcome = attempt(driver, intent, context(number))
    assert isinstance(outcome, Done)
    assert len(driver.requests) == 1
    made = desk.records.comments[number][-1]
    assert made["public"] is (intent is REPLY)
    assert outcome.receipt.comment_id == str(made["id"])
    assert outcome.receipt.comment_id in outcome.receipt.change_ids
    found = driver.run(driver.connector.read(str(number)))
    assert found is not None
    assert [one.marker for one in found.comments] == [KEY]


def test_an_internal_comment_never_becomes_public(driver: Driver, desk: ZendeskSimulator, number: int) -> None:
    """A public reply that carries an internal comment stays internal."""
    wrong = Intent(Operation.PUBLIC_REPLY, comment=CommentIntent("c", "secret", Visibility.INTERNAL))
    attempt(driver, wrong, context(number))
    assert desk.records.comments[number][-1]["public"] is False


def as_json(ticket: Any) -> Any:
    """Return a ticket as the ledger compares it."""
    return msgspec.json.decode(msgspec.json.encode(ticket))


OPERATIONS = {"create": CREATE, "fields": FIELDS, "reply": REPLY, "note": NOTE}
FAULTS: dict[str, dict[str, Any]] = {
    "reset_before": {},
    "reset_after": {},
    "half_body": {},
    "garbage": {},
    "error_with_effect": {},
    "error_without_effect": {"status": 502},
    "throttle": {"seconds": 3},
    "hang": {"seconds": 0.3},
    "drop_connection": {},
}


@pytest.mark.faults
@pytest.mark.parametrize("echoes", [True, False], ids=["marked", "unmarked"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_takes_effect_once(
    desk: ZendeskSimulator, driver: Driver, number: int, operation: str, fault: str, echoes: bool
) -> None:
    """Twice in a row, with each fault, on a desk that gives markers back and on one that does not."""
    desk.echoes_metadata = echoes
    intent = OPERATIONS[operation]
    desk.fault(fault, method="POST|PUT", count=2, **FAULTS[fault])
    receipt = settle(desk, driver, intent, context("" if operation == "create" else number))
    kind = {"create": "create", "fields": "fields"}.get(operation, "comment")
    assert len(desk.effects.all(kind=kind, by_api=True)) == 1
    assert desk.effects.doubled() == {}
    if operation == "create":
        assert receipt.remote_id == desk.effects.all(kind="create", by_api=True)[0].remote_id
    elif kind == "comment":
        assert receipt.comment_id == desk.effects.all(kind="comment")[0].change_id


def test_a_refused_connection_was_not_sent(desk: ZendeskSimulator, driver: Driver, number: int) -> None:
    """Nobody listens: it is certain that nothing happened."""
    desk.fault(FaultKind.REFUSE)
    assert isinstance(attempt(driver, REPLY, context(number)), NotSent)
    desk.accept()
    assert isinstance(attempt(driver, REPLY, context(number)), Done)


@pytest.mark.faults
def test_an_effect_after_our_deadline_is_found(desk: ZendeskSimulator, driver: Driver, number: int) -> None:
    """The connection is gone, the comment appears later: after the settle time the probe sees it."""
    desk.fault(FaultKind.LATE_EFFECT, method="PUT", seconds=0.4)
    given = context(number)
    assert isinstance(attempt(driver, REPLY, given), Unknown)
    assert driver.run(driver.connector.probe(REPLY, given)) == Absent()
    desk._stopping.wait(0.6)
    assert isinstance(driver.run(driver.connector.probe(REPLY, given)), Found)
    assert SPEC.operations[Operation.PUBLIC_REPLY].settle >= 5


def test_a_create_is_found_by_its_marker(desk: ZendeskSimulator, driver: Driver) -> None:
    """After the key has expired, the external id tells; a stranger's ticket is not taken for ours."""
    assert driver.run(driver.connector.probe(CREATE, context())) == Absent()
    attempt(driver, CREATE, context())
    found = driver.run(driver.connector.probe(CREATE, context()))
    assert isinstance(found, Found)
    assert found.receipt.remote_id == "1"
    other = WriteContext("f" * 32)
    assert driver.run(driver.connector.probe(CREATE, other)) == Absent()


def test_a_key_used_with_other_content_is_looked_up(desk: ZendeskSimulator, driver: Driver) -> None:
    """Zendesk answers 400: an earlier attempt arrived, so its ticket is found and nothing is made twice."""
    attempt(driver, CREATE, context())
    changed = Intent(Operation.CREATE, {**CREATE.fields, "title": "Another"})
    outcome = attempt(driver, changed, context())
    assert isinstance(outcome, Done)
    assert outcome.receipt.remote_id == "1"
    assert len(desk.records.tickets) == 1


def test_a_probe_takes_no_comment_that_is_not_ours(desk: ZendeskSimulator, driver: Driver, number: int) -> None:
    """Same words by a person, by us but known, by us but with another visibility: none is the effect."""
    desk.echoes_metadata = False
    body = REPLY.comment.body if REPLY.comment else ""
    desk.act("comment", ticket_id=number, body=body)
    assert driver.run(driver.connector.probe(REPLY, context(number))) == Absent()
    receipt = settle(desk, driver, REPLY, context(number))
    known = context(number, known_comments=frozenset({receipt.comment_id}))
    assert driver.run(driver.connector.probe(REPLY, known)) == Absent()
    assert isinstance(driver.run(driver.connector.probe(REPLY, context(number))), Found)
    assert driver.run(driver.connector.probe(comment(Operation.INTERNAL_NOTE, body), context(number))) == Absent()


def test_a_probe_that_cannot_look_is_unsure(desk: ZendeskSimulator, driver: Driver, number: int) -> None:
    """Errors and a ticket that is gone say nothing about the effect; throttling lets the connection wait."""
    desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, method="GET")
    assert isinstance(driver.run(driver.connector.probe(REPLY, context(number))), Unsure)
    desk.fault(FaultKind.THROTTLE, method="GET", seconds=1)
    with pytest.raises(ThrottledError):
        driver.run(driver.connector.probe(CREATE, context()))
    desk.fault(FaultKind.RESET_BEFORE, method="GET")
    assert isinstance(driver.run(driver.connector.probe(FIELDS, context(number))), Unsure)
    assert isinstance(driver.run(driver.connector.probe(REPLY, context(4711))), Unsure)


# ---------------------------------------------------------------- classification


def answered(call: Call[Outcome], *answers: HttpResponse) -> Outcome:
    """Drive a write with given answers."""
    waiting = list(answers)
    try:
        next(call)
        while True:
            call.send(waiting.pop(0))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return outcome


def response(status: int, body: Any = None, **headers: str) -> HttpResponse:
    """Return an answer."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return HttpResponse(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


INVALID = {
    "error": "RecordInvalid",
    "description": "Record validation errors",
    "details": {"status": [{"description": "Status: closed prevents ticket update"}]},
}


@pytest.mark.parametrize(
    ("details", "fields"),
    [
        ({"assignee": [{"description": "Assignee: is invalid", "error": "InvalidValue"}]}, ("assignee",)),
        ({"group": [{"description": "Group: is invalid"}], "ticket_type": [{}]}, ("queue", "kind")),
        ({"base": [{"description": "Due: is invalid", "ticket_field_id": 4711}]}, ("custom.4711",)),
        ({"base": [{"description": "Cause: is required when solving a ticket", "ticket_field_id": 4712}]}, ()),
        ("no details", ()),
    ],
)
def test_a_refusal_says_which_of_our_fields_it_is_about(details: Any, fields: tuple[str, ...]) -> None:
    """What it asks for beside them is none of them."""
    wanted = {
        "title": "Printer",
        "assignee": {"external_id": "7"},
        "queue": "9",
        "kind": "incident",
        "custom.4711": "x",
    }
    answer = response(422, {"error": "RecordInvalid", "details": details})
    connector = connect("https://acme.zendesk.com")
    outcome = answered(connector.write(Intent(Operation.SET_FIELDS, wanted), context(5)), answer)
    assert isinstance(outcome, Rejected)
    assert outcome.fields == fields


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (response(422, INVALID),
         Rejected("HTTP 422 RecordInvalid: status: Status: closed prevents ticket update", Reason.CLOSED)),
        (response(404, {"error": "RecordNotFound", "description": "Not found"}),
         Rejected("HTTP 404 RecordNotFound: Not found")),
        (response(400, {"error": {"title": "Bad", "message": "no"}}), Rejected("HTTP 400 Bad: no")),
        (response(400, b"<html>"), Rejected("HTTP 400 <html>")),
        (response(429, {}, retry_after="30"), Throttled("HTTP 429 {}", 30)),
        (response(429, {}, retry_after="Sun, 01 Feb 2026 09:01:00 GMT", date="Sun, 01 Feb 2026 09:00:00 GMT"),
         Throttled("HTTP 429 {}", 60)),
        (response(401, {"error": "Couldn't authenticate you"}),
         Unauthorized('HTTP 401 {"error":"Couldn\'t authenticate you"}')),
        (response(403, {}), Forbidden("HTTP 403 {}")),
        (response(409, {}), NotSent("HTTP 409 {}")),
        (response(503, {}, retry_after="5"), Unknown("HTTP 503 {}")),
        (response(302, b""), Unknown("HTTP 302")),
    ],
)  # fmt: skip
def test_refusals(answer: HttpResponse, expected: Outcome) -> None:
    """What each answer to a write means."""
    connector = connect("https://acme.zendesk.com")
    assert answered(connector.write(FIELDS, context(5)), answer) == expected


@pytest.mark.parametrize(
    "body",
    [b"", b"ok", b"[]", b"null", {}, {"ticket": None}, {"ticket": []}, {"ticket": {"id": None}}, {"ticket": {"id": 6}},
     {"tickets": [{"id": 5}]}, b"[" * 5000],
    ids=str,
)  # fmt: skip
def test_a_2xx_that_proves_nothing_is_unknown(body: Any) -> None:
    """A proxy's page, half an object or another ticket is no proof."""
    connector = connect("https://acme.zendesk.com")
    assert isinstance(answered(connector.write(FIELDS, context(5)), response(200, body)), Unknown)


def test_an_answer_without_an_audit_is_completed_by_a_read(desk: ZendeskSimulator, driver: Driver, number: int) -> None:
    """A desk that answers with the ticket only: the comment's id is looked up, and nothing undoes the success."""
    connector = connect("https://acme.zendesk.com")
    ticket = response(200, {"ticket": {"id": 5, "updated_at": "2026-02-01T09:00:00Z"}})
    listed = response(
        200, {"comments": [{"id": 70, "public": True, "body": "Wir sind dran – 處理中。", "author_id": 1}]}
    )
    me = response(200, {"user": {"id": 1, "role": "admin"}})
    outcome = answered(connector.write(REPLY, WriteContext(KEY, "5")), ticket, listed, me)
    assert isinstance(outcome, Done)
    assert outcome.receipt.comment_id == "70"
    outcome = answered(connector.write(REPLY, WriteContext(KEY, "5")), ticket, response(500))
    assert isinstance(outcome, Done)
    assert outcome.receipt.comment_id == ""


# ---------------------------------------------------------------- words


@pytest.mark.parametrize("category", [one for one in Category if one is not Category.UNKNOWN])
def test_every_status_is_written_and_read_back(category: Category) -> None:
    """What is written reads back as the same category; only cancelled has no word of its own."""
    connector = connect("https://acme.zendesk.com")
    intent = Intent(Operation.SET_FIELDS, {"status": {"category": category.value}})
    (found,) = connector.as_read(intent).values()
    status = msgspec.convert(found, Status)
    expected = Category.RESOLVED if category is Category.CANCELLED else category
    assert status.category is expected
    native = Intent(Operation.SET_FIELDS, {"status": msgspec.to_builtins(status)})
    assert connector.as_read(native)["status"] == found


@pytest.mark.parametrize("level", ["P1", "P2", "P3", "P4"])
def test_every_priority_is_written_and_read_back(level: str) -> None:
    """Four levels, four words."""
    connector = connect("https://acme.zendesk.com")
    (found,) = connector.as_read(Intent(Operation.SET_FIELDS, {"priority": {"level": level}})).values()
    assert found["level"] == level


@pytest.mark.parametrize(
    "fields",
    [
        {"status": {"category": "unknown"}},
        {"status": {"category": "open", "native": "stalled"}},
        {"status": "open"},
        {"priority": {"level": "P1", "native": "blocker"}},
        {"queue": "Nobody knows this one"},
        {"custom": {"sla_due": "x"}},
    ],
)
def test_a_value_without_a_word_is_rejected_as_unmapped(fields: dict[str, Any]) -> None:
    """It becomes a dead letter with the reason; nothing is sent."""
    connector = connect("https://acme.zendesk.com")
    outcome = answered(connector.write(Intent(Operation.SET_FIELDS, fields), context(5)))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.UNMAPPED


def test_names_of_groups_and_fields(desk: ZendeskSimulator, number: int) -> None:
    """Queue and custom fields go by the names of the settings, or by id; an assignee by id or e-mail."""
    connector = connect(desk.url, groups={"Support": 360001}, custom_fields={"sla_due": 360002})
    driver = Driver(connector)
    assignee = {"external_id": str(desk.records.agent), "email": "other@example.com"}
    intent = Intent(
        Operation.SET_FIELDS, {"queue": "Support", "custom": {"sla_due": "2026-02-02"}, "assignee": assignee}
    )
    outcome = attempt(driver, intent, context(number))
    driver.close()
    assert isinstance(outcome, Done)
    ticket = desk.records.tickets[number]
    assert (ticket["group_id"], ticket["assignee_id"], ticket["status"]) == (360001, desk.records.agent, "open")
    seen = as_json(outcome.receipt.observed)
    expected = connector.as_read(intent)
    assert {name: seen[name] for name in expected} == expected
    assert connector.side_effects(intent, {"status": {"native": "new"}}) == {
        "status": {"category": "open", "native": "open"}
    }
    assert connector.side_effects(intent, {"status": {"category": "open"}}) == {}


def test_nothing_to_write_is_done_without_a_request() -> None:
    """A kind that Zendesk does not have leaves its type alone."""
    connector = connect("https://acme.zendesk.com")
    said = Done(detail="left as it is, for the desk has no word for it: kind")
    assert answered(connector.write(Intent(Operation.SET_FIELDS, {"kind": "change"}), context(5))) == said


def test_who_is_us() -> None:
    """By id where it is known, else by e-mail, else nobody can tell."""
    known = connect("https://acme.zendesk.com", account_id=77)
    assert known.is_us(RemotePerson("77")) is True
    assert known.is_us(RemotePerson("78", "gateway@desk.example")) is False
    by_mail = connect("https://acme.zendesk.com")
    assert by_mail.is_us(RemotePerson("77")) is None
    assert by_mail.is_us(RemotePerson("77", "Gateway@Desk.example")) is True
    assert by_mail.is_us(RemotePerson(email="a@b.example")) is False
    assert by_mail.is_us(None) is None


def test_credentials_and_secrets() -> None:
    """Basic `email/token:token` or Bearer; all of it is known to redaction and none of it shows in a repr."""
    basic = connect("https://acme.zendesk.com")
    request = HttpRequest("GET", "/")
    header = basic.authorize(request)["Authorization"]
    assert header == "Basic Z2F0ZXdheUBkZXNrLmV4YW1wbGUvdG9rZW46YXBpLXRva2VuLTAxMjM0NTY3ODk="
    assert set(basic.secrets()) >= {"api-token-0123456789", "a-signing-secret", header.removeprefix("Basic ")}
    bearer = connect("https://acme.zendesk.com", auth={"oauth_token": "tok"})
    assert bearer.authorize(request)["Authorization"] == "Bearer tok"
    assert all(secret not in repr(basic.account) + repr(basic.settings) for secret in basic.secrets())


def test_a_public_description_can_be_internal(desk: ZendeskSimulator, driver: Driver) -> None:
    """`create: {public: false}` makes the first comment a note."""
    quiet = msgspec.structs.replace(CREATE, params={"public": False, "group": 360001})
    attempt(driver, quiet, context())
    assert desk.records.comments[1][0]["public"] is False
    assert desk.records.tickets[1]["group_id"] == 360001


def test_a_bare_create_is_made(desk: ZendeskSimulator, driver: Driver) -> None:
    """Without body, title and requester there is still a ticket."""
    assert isinstance(attempt(driver, Intent(Operation.CREATE), context()), Done)


def test_new_is_open_for_a_ticket_that_has_been_opened(desk: ZendeskSimulator, driver: Driver, number: int) -> None:
    """Zendesk refuses to make an opened ticket new again; what it refuses would hold the lane for nothing."""
    desk.act("set", ticket_id=number, status="open")
    intent = Intent(Operation.SET_FIELDS, {"status": {"category": "new"}})
    known = msgspec.structs.replace(context(number), observed={"status": {"category": "open", "native": "open"}})
    assert isinstance(attempt(driver, intent, known), Done)
    assert desk.records.tickets[number]["status"] == "open"
    desk.act("create", subject="Another", body="One that nobody has opened")
    fresh = msgspec.structs.replace(context(number + 1), observed={"status": {"native": "new"}})
    assert isinstance(attempt(driver, intent, fresh), Done)
    assert desk.records.tickets[number + 1]["status"] == "new"


def test_a_reply_to_a_closed_ticket_begins_a_follow_up(desk: ZendeskSimulator, driver: Driver) -> None:
    """Whether its creation is answered or not; a note and a field are refused, as it is closed for good."""
    number = desk.act("create", subject="Printer", body="It burns", email="kim@example.com")["id"]
    desk.act("set", ticket_id=number, status="closed")
    for intent in (NOTE, FIELDS):
        refused = driver.attempt(intent, context(number))
        assert isinstance(refused, Rejected)
        assert refused.reason is Reason.CLOSED
    desk.fault(FaultKind.RESET_AFTER, method="POST", path="/tickets$")
    receipt = driver.settle(REPLY, context(number))
    assert receipt.followed
    made = desk.records.tickets[int(receipt.remote_id)]
    assert made["via"]["source"]["from"]["ticket_id"] == number
    assert len(desk.records.tickets) == 2
    read = driver.run(driver.connector.read(receipt.remote_id))
    assert read is not None
    assert read.follows == str(number)
