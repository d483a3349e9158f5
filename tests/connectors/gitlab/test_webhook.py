"""Where a webhook comes from, and what it is called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from connectors.gitlab.connector import GitLabConnector
from connectors.sdk import AuthenticationError, Event, EventKind, IncomingRequest, RawDelivery, Visibility
from gateway.errors import ConfigError
from gateway.ports import ConnectionSettings

SIGNING, TOKEN = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "a-secret-token-0123456789"
AT = datetime.fromtimestamp(1_614_265_330, UTC)
BODY = b'{"test": 2432232314}'
SIGNED = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def connect(secret: object, **options: object) -> GitLabConnector:
    """Make a connector without a desk."""
    given = {"auth": {"token": "glpat-0"}, "project": "acme/support", "webhook_secret": secret, **options}
    return GitLabConnector(ConnectionSettings("gl", "gitlab", "https://gitlab.example.com", given))


def request(headers: dict[str, str], body: bytes = BODY) -> IncomingRequest:
    """Return a webhook."""
    return IncomingRequest("POST", "/hooks/gl", {}, headers, body)


def test_a_secret_token_is_compared() -> None:
    """As it comes; a signing token is never taken as one."""
    connect(TOKEN).verify(request({"x-gitlab-token": TOKEN}), AT)
    for secret, headers in (
        (TOKEN, {"x-gitlab-token": TOKEN + "x"}),
        (TOKEN, {}),
        (SIGNING, {"x-gitlab-token": SIGNING}),
        ("", {"x-gitlab-token": ""}),
        (TOKEN, SIGNED),
    ):
        with pytest.raises(AuthenticationError):
            connect(secret).verify(request(headers), AT)


def test_one_of_several_signatures_is_enough() -> None:
    """While a signing token is rotated GitLab sends one by each."""
    both = {**SIGNED, "webhook-signature": f"v1,AAAA v2,xyz {SIGNED['webhook-signature']}"}
    connect(SIGNING).verify(request(both), AT)
    connect([TOKEN, SIGNING]).verify(request(SIGNED), AT)
    connect([SIGNING, TOKEN]).verify(request({"x-gitlab-token": TOKEN}), AT)


def test_name_and_time_are_signed() -> None:
    """Neither may be another, and an old one is refused."""
    for name, value in (("webhook-id", "msg_other"), ("webhook-timestamp", "1614265331"), ("webhook-signature", "v1,")):
        with pytest.raises(AuthenticationError):
            connect(SIGNING).verify(request({**SIGNED, name: value}), AT)
    with pytest.raises(AuthenticationError, match="5 m is the most"):
        connect(SIGNING).verify(request(SIGNED), AT + timedelta(minutes=6))


def test_a_signing_token_that_is_none_is_told_at_once() -> None:
    """When the site is read, not when the first webhook comes."""
    with pytest.raises(ConfigError, match="whsec_"):
        connect("whsec_not base64!")


def test_a_delivery_is_named_by_what_is_kept_over_retries() -> None:
    """The signed id; else the Idempotency-Key or the event's UUID, with the body."""
    connector = connect(TOKEN)
    assert connector.envelope(request(SIGNED)).source_event_id == SIGNED["webhook-id"]
    one = connector.envelope(request({"idempotency-key": "k-1", "x-gitlab-event-uuid": "u-1"})).source_event_id
    assert one.startswith("k-1:sha256:")
    assert connector.envelope(request({"x-gitlab-event-uuid": "u-1"})).source_event_id.startswith("u-1:sha256:")
    assert connector.envelope(request({"idempotency-key": "k-1"}, b"{}")).source_event_id != one


@pytest.mark.parametrize(
    ("flags", "event", "expected"),
    [
        ({"internal": True}, "note", Visibility.INTERNAL),
        ({"internal": False}, "note", Visibility.PUBLIC),
        ({"confidential": True}, "note", Visibility.INTERNAL),
        ({"internal": False, "confidential": True}, "note", Visibility.INTERNAL),
        ({"internal": None}, "note", Visibility.INTERNAL),
        ({"internal": "false"}, "note", Visibility.INTERNAL),
        ({}, "note", Visibility.PUBLIC),
        ({}, "confidential_note", Visibility.INTERNAL),
        ({}, "", Visibility.INTERNAL),
        ({}, None, Visibility.INTERNAL),
    ],
)
def test_visibility_that_is_not_said_is_internal(flags: dict[str, object], event: object, expected: Visibility) -> None:
    """Only a clear no is public."""
    note = {"id": 1, "note": "Psst", "noteable_type": "Issue", **flags}
    issue = {"iid": 3, "project_id": 5, "title": "x"}
    project = {"id": 5, "path_with_namespace": "acme/support"}
    body = {"object_kind": "note", "event_type": event, "object_attributes": note, "issue": issue, "project": project}
    (found,) = connect(TOKEN).parse(RawDelivery("x", AT, {}, msgspec.json.encode(body)))
    assert found.comment is not None
    assert found.comment.visibility is expected


def told(**body: object) -> tuple[Event, ...]:
    """Parse a webhook of the project; what is given replaces or adds to it."""
    note = {"id": 1, "note": "Now so", "noteable_type": "Issue", "internal": False}
    issue = {"iid": 3, "project_id": 5, "title": "x"}
    project = {"id": 5, "path_with_namespace": "acme/support"}
    whole = {"object_kind": "note", "event_type": "note", "object_attributes": note, "issue": issue, "project": project}
    return connect(TOKEN).parse(RawDelivery("x", AT, {}, msgspec.json.encode({**whole, **body})))


def test_an_edited_note_is_told_as_it_reads_now() -> None:
    """For whoever does not know it yet; it is no second one, and the issue is read."""
    note = {"id": 1, "note": "Now so", "noteable_type": "Issue", "internal": True, "action": "update"}
    (found,) = told(object_attributes=note)
    assert (found.kind, found.needs_read) == (EventKind.OBSERVED, True)
    assert found.comment is not None
    assert (found.comment.body, found.comment.visibility) == ("Now so", Visibility.INTERNAL)


def test_a_note_on_a_work_item_of_the_project() -> None:
    """Whatever the webhook calls what it is about."""
    (found,) = told(issue=None, work_item={"iid": 3, "project_id": 5, "title": "x"})
    assert (found.kind, found.remote_id) == (EventKind.COMMENTED, "5-3")


def test_an_epic_of_a_group_and_the_instance_are_none_of_ours() -> None:
    """An epic has a number of its group and no project; a system hook has an event_name."""
    epic = {"id": 191, "iid": 2, "project_id": None, "type": "Epic", "action": "update", "title": "x"}
    assert told(object_kind="work_item", object_attributes=epic, issue=None, project=None) == ()
    assert told(issue={"iid": 2, "project_id": None}, project=None) == ()
    assert told(object_kind="", event_name="repository_update") == ()
