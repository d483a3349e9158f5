"""Answers of a Redmine that others captured, read one by one; they lie beside the checkout and need not be there."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.redmine import calls, mapping
from connectors.redmine.account import Account
from connectors.redmine.asking import number_of
from connectors.redmine.bench import RedmineBench
from connectors.sdk import Category, HttpRequest, HttpResponse, Kind, Level, Priority, RemotePerson, Status

CAPTURED = Path(os.environ.get("GATEWAY_SHARED") or Path(__file__).parents[4] / "shared") / "fixtures/redmine"

pytestmark = pytest.mark.skipif(not CAPTURED.exists(), reason="the captured payloads are not here")


def account(**options: Any) -> Account:
    """Return what a site says."""
    return Account.of(RedmineBench().settings(**options))


def body(name: str) -> bytes:
    """Return a captured answer."""
    return (CAPTURED / name).read_bytes()


def answered(call: Any, content: bytes) -> Any:
    """Run a call of one request that is answered so; returns its value."""
    request = next(call)
    assert isinstance(request, HttpRequest)
    with pytest.raises(StopIteration) as stop:
        call.send(HttpResponse(200, {}, content))
    return stop.value.value


def test_every_answer_is_known() -> None:
    """A new one needs a test of its own; none of them is a webhook."""
    assert {path.name for path in CAPTURED.iterdir()} == {
        "api_custom_fields.json", "api_issue_statuses.json", "api_issue_with_assignee.json",
        "api_issues_empty_list.json", "api_users.json",
    }  # fmt: skip


def test_an_issue_of_an_old_redmine() -> None:
    """Its times are not RFC 3339 and have an offset."""
    found = mapping.issue(msgspec.json.decode(body("api_issue_with_assignee.json")), account(), at=mapping.EPOCH)
    assert found is not None
    assert (found.remote_id, found.key, found.title, found.body) == ("239", "#239", "task 239", "")
    assert found.status == Status(Category.NEW, "New")
    assert found.priority == Priority(Level.P2, "High")
    assert found.kind is Kind.INCIDENT
    assert found.queue == "test"
    assert found.assignee == RemotePerson("3", name="Dina TheDog", role="agent")
    assert found.requester == RemotePerson("1", name="Redmine Admin")
    assert found.created_at == datetime(2011, 1, 13, 0, 0, 31, tzinfo=UTC)
    assert found.updated_at == datetime(2011, 1, 18, 5, 28, 45, tzinfo=UTC)


def test_an_empty_list_ends_a_poll() -> None:
    """And its cursor stays where it was."""
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    page = answered(calls.changes(account(), "", now), body("api_issues_empty_list.json"))
    assert page.end
    assert page.tickets == ()


def test_the_statuses_are_numbers_by_name() -> None:
    """In any case; a site's own words come from the same list."""
    content = body("api_issue_statuses.json").replace(b'"statuses"', b'"issue_statuses"')
    for word, number in (("Feedback", 4), ("in progress", 2), ("CLOSED", 5)):
        assert answered(number_of(account(), "status", word), content) == number


def test_users_have_a_name_of_two_parts() -> None:
    """And an address, where Redmine shows it."""
    users = msgspec.json.decode(body("api_users.json"))["users"]
    assert [mapping.person(user) for user in users] == [
        RemotePerson("1", "admin@example.net", name="Redmine Admin"),
        RemotePerson("3", "thedog@domain.com", name="Dina TheDog"),
    ]


def test_custom_fields_have_numbers() -> None:
    """By which settings and issues name them."""
    fields = msgspec.json.decode(body("api_custom_fields.json"))["custom_fields"]
    data = {"custom_fields": [{"id": field["id"], "value": field["default_value"]} for field in fields]}
    assert mapping.field_values(data) == {"1": "", "2": "", "3": "1"}
    read = mapping.issue({"id": 1, **data}, account(custom_fields={"test": 3, "text": 1}), at=mapping.EPOCH)
    assert read is not None
    assert read.custom == {"test": "1"}
