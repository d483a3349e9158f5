"""The simulated Zendesk against our own reading of its webhooks, and its habits against what the vendor documents."""

from __future__ import annotations

import requests

from connectors.sdk import Category, EventKind, Status, Visibility
from connectors.zendesk.connector import ZendeskConnector
from connectors.zendesk.simulator import ZendeskSimulator
from gateway.domain.event import Event
from gateway.ports import Envelope, RawDelivery
from gateway.system import SystemClock
from tests.connectors.zendesk.conftest import EMAIL, TOKEN, Inbox

AUTH = (f"{EMAIL}/token", TOKEN)


def heard(desk: ZendeskSimulator, inbox: Inbox, connector: ZendeskConnector) -> list[Event]:
    """Return the events of every webhook so far, verified, named and parsed as the gateway does."""
    assert desk.webhooks.flush()
    now = SystemClock().now()
    found: list[Event] = []
    for request in inbox.requests:
        connector.verify(request, now)
        name = connector.envelope(request)
        assert isinstance(name, Envelope)
        found += connector.parse(RawDelivery(name.source_event_id, now, name.headers, request.body))
    return found


def test_what_people_do_arrives(desk: ZendeskSimulator, inbox: Inbox, zendesk: ZendeskConnector) -> None:
    """Each doing is a signed event, and reads as what was done."""
    number = desk.act("create", subject="Help", body="b", email="kim@example.com", priority="urgent")["id"]
    other = desk.act("create", subject="Help again", body="b", email="kim@example.com")["id"]
    desk.act("comment", ticket_id=number, body="hello")
    desk.act("comment", ticket_id=number, body="psst", public=False)
    desk.act("set", ticket_id=number, status="pending", tags=["a"])
    desk.act("comment", ticket_id=number, body="here I am", by="customer")
    desk.act("trigger", ticket_id=number)
    desk.act("merge", ticket_id=number, into=other)
    desk.act("delete", ticket_id=other)
    events = heard(desk, inbox, zendesk)
    assert [event.kind.value for event in events] == [
        "created", "created", "commented", "commented", "changed", "changed",
        "commented", "changed", "observed", "merged", "deleted",
    ]  # fmt: skip
    assert len({event.key for event in events}) == len(events)
    assert events[0].snapshot is not None
    assert events[0].snapshot.priority.native == "urgent"  # type: ignore[union-attr]
    assert [event.comment.visibility for event in events if event.comment] == [
        Visibility.PUBLIC, Visibility.INTERNAL, Visibility.PUBLIC,
    ]  # fmt: skip
    assert events[7].changes[0].value == Status(Category.OPEN, "open"), "a customer's answer opens the ticket"
    assert events[9].merged_into == str(other)
    assert all(not effect.key and not effect.method for effect in desk.effects.all())


def test_the_first_comment_may_be_announced_too(
    desk: ZendeskSimulator, inbox: Inbox, zendesk: ZendeskConnector
) -> None:
    """It is the description, and is not read as a comment."""
    desk.announces_first_comment = True
    desk.act("create", subject="Help", body="The words")
    assert [event.kind for event in heard(desk, inbox, zendesk)] == [EventKind.CREATED, EventKind.OBSERVED]


def test_one_change_has_one_key_in_webhook_and_answer(
    desk: ZendeskSimulator, inbox: Inbox, zendesk: ZendeskConnector
) -> None:
    """The comment's id in the webhook is the one in the API's answer."""
    number = desk.act("create", subject="Help", body="b")["id"]
    url = f"{desk.url}/api/v2/tickets/{number}.json"
    answer = requests.put(
        url, json={"ticket": {"comment": {"body": "x", "public": False}}}, auth=AUTH, timeout=5
    ).json()
    (made,) = [event["id"] for event in answer["audit"]["events"] if event["type"] == "Comment"]
    assert heard(desk, inbox, zendesk)[-1].key == f"comment:{made}"


def test_habits_of_the_api(desk: ZendeskSimulator) -> None:
    """Closed is closed, keys are remembered, a stale safe update conflicts, credentials are asked for."""
    tickets = f"{desk.url}/api/v2/tickets"
    made = {"ticket": {"subject": "s", "comment": {"body": "b"}}}
    first = requests.post(tickets, json=made, headers={"Idempotency-Key": "k"}, auth=AUTH, timeout=5)
    again = requests.post(tickets, json=made, headers={"Idempotency-Key": "k"}, auth=AUTH, timeout=5)
    assert (first.status_code, first.headers["x-idempotency-lookup"]) == (201, "miss")
    assert (again.status_code, again.headers["x-idempotency-lookup"]) == (201, "hit")
    assert again.json() == first.json()
    other = {"ticket": {"subject": "t", "comment": {"body": "b"}}}
    wrong = requests.post(tickets, json=other, headers={"Idempotency-Key": "k"}, auth=AUTH, timeout=5)
    assert (wrong.status_code, wrong.json()["error"]) == (400, "IdempotentRequestError")
    stale = {"ticket": {"safe_update": True, "updated_stamp": "2001-01-01T00:00:00Z", "status": "open"}}
    assert requests.put(f"{tickets}/1", json=stale, auth=AUTH, timeout=5).status_code == 409
    closed = {"ticket": {"status": "closed"}}
    assert requests.put(f"{tickets}/1", json=closed, auth=AUTH, timeout=5).ok
    refused = requests.put(f"{tickets}/1", json=closed, auth=AUTH, timeout=5)
    assert refused.status_code == 422
    assert refused.json() == {
        "error": "RecordInvalid",
        "description": "Record validation errors",
        "details": {"status": [{"description": "Status: closed prevents ticket update"}]},
    }
    assert requests.get(f"{tickets}/1", timeout=5).status_code == 401
    assert requests.get(f"{desk.url}/api/v2/users/me.json", timeout=5).json()["user"]["id"] is None
    assert requests.put(f"{tickets}/9", json=closed, auth=AUTH, timeout=5).json()["error"] == "RecordNotFound"
    assert requests.put(f"{tickets}/1", data=b"{", auth=AUTH, timeout=5).status_code == 422
    assert requests.delete(f"{tickets}/1", auth=AUTH, timeout=5).status_code == 204
    assert requests.delete(f"{tickets}/1", auth=AUTH, timeout=5).status_code == 404
    bad = {"ticket": {"status": "odd", "comment": {"body": "b"}}}
    assert requests.post(tickets, json=bad, auth=AUTH, timeout=5).status_code == 422
    assert requests.post(tickets, json={"ticket": {}}, auth=AUTH, timeout=5).status_code == 422
    audits = requests.get(f"{tickets}/1/audits.json", auth=AUTH, timeout=5).json()["audits"]
    assert audits[0]["events"][0]["type"] == "Comment"
