"""Redmine's own webhooks and those of its plugin."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connectors.redmine.bench import SECRET, RedmineBench
from connectors.redmine.connector import RedmineConnector
from connectors.redmine.simulator import MARKER, REQUESTER, RedmineSimulator
from connectors.sdk import (
    AuthenticationError,
    Event,
    EventKind,
    IncomingRequest,
    RawDelivery,
    RemotePerson,
    Visibility,
)
from connectors.testing.bench import Sink

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def connector(**options: Any) -> RedmineConnector:
    """Return a connector that talks to nobody."""
    return RedmineConnector(RedmineBench().settings(**options))


def unsigned(secret: str = SECRET, body: bytes = b"{}") -> IncomingRequest:
    """Return a webhook with a secret in its address."""
    return IncomingRequest("POST", "/hooks/desk", {"secret": secret} if secret else {}, {}, body)


def test_an_unsigned_webhook_is_taken_only_where_the_site_says_so() -> None:
    """And only with the secret."""
    with pytest.raises(AuthenticationError):
        connector().verify(unsigned(), NOW)
    there = connector(plugin_webhooks=True)
    there.verify(unsigned(), NOW)
    for wrong in ("", "another", SECRET[:-1]):
        with pytest.raises(AuthenticationError):
            there.verify(unsigned(wrong), NOW)
    rotated = connector(plugin_webhooks=True, webhook_secret=["newer", SECRET])
    rotated.verify(unsigned(), NOW)


def test_a_wrong_signature_is_not_made_good_by_the_address() -> None:
    """Who signs must sign right."""
    there = connector(plugin_webhooks=True)
    signed = msgspec.structs.replace(unsigned(), headers={"x-redmine-signature-256": "sha256=" + "0" * 64})
    with pytest.raises(AuthenticationError):
        there.verify(signed, NOW)


def test_what_the_plugin_says_of_a_note_is_its_visibility() -> None:
    """Both kinds, over HTTP."""
    sink = Sink()
    bench = RedmineBench()
    bench.desk = RedmineSimulator(api_key="k", plugin=True)
    there = connector(plugin_webhooks=True)
    with bench:
        bench.desk.webhooks.url = f"{sink.url}?secret={SECRET}"
        ticket = bench.open_ticket("Printer", "On fire")
        bench.say(ticket, "For all")
        bench.say(ticket, "For us", public=False)
        bench.desk.webhooks.flush(5)
    sink.close()
    events: list[Event] = []
    for request in sink.requests:
        there.verify(request, NOW)
        events += there.parse(RawDelivery("n", NOW, {}, request.body))
    assert [event.kind for event in events] == [EventKind.CREATED, EventKind.COMMENTED, EventKind.COMMENTED]
    said = [(event.comment.body, event.comment.visibility) for event in events if event.comment is not None]
    assert said == [("For all", Visibility.PUBLIC), ("For us", Visibility.INTERNAL)]


def test_a_journal_that_says_nothing_of_its_visibility_is_internal_until_it_is_read() -> None:
    """Redmine's own webhook: nothing is guessed to be public. A note of ours is only to be read."""
    sink = Sink()
    there = connector()
    with RedmineBench() as bench:
        bench.desk.webhooks.url = sink.url
        ticket = bench.open_ticket("Printer", "On fire")
        bench.say(ticket, "For us", public=False)
        bench.desk.webhooks.flush(5)
    sink.close()
    (event,) = there.parse(RawDelivery("n", NOW, {}, sink.requests[-1].body))
    assert (event.kind, event.needs_read) == (EventKind.COMMENTED, True)
    assert event.comment is not None
    assert event.actor is not None
    said = event.comment
    assert (said.body, said.visibility, said.partial) == ("For us", Visibility.INTERNAL, True)
    (ours,) = connector(account_id=event.actor.external_id).parse(RawDelivery("n", NOW, {}, sink.requests[-1].body))
    assert (ours.kind, ours.comment, ours.needs_read) == (EventKind.OBSERVED, None, True)


def test_a_deletion_is_told() -> None:
    """Redmine 7 tells of it; polling cannot."""
    sink = Sink()
    there = connector()
    with RedmineBench() as bench:
        bench.desk.webhooks.url = sink.url
        ticket = bench.open_ticket("Printer", "On fire")
        bench.delete(ticket)
        bench.desk.webhooks.flush(5)
    sink.close()
    (event,) = there.parse(RawDelivery("n", NOW, {}, sink.requests[-1].body))
    assert (event.kind, event.remote_id) == (EventKind.DELETED, ticket)


def opened(**inside: Any) -> bytes:
    """Return what the plugin sends of a new issue, with some of its members."""
    author = {"id": 3, "login": "carla", "mail": "carla@example.com", "firstname": "Carla", "lastname": "Customer"}
    issue = {"id": 191, "subject": "Printer", "description": "On fire", "created_on": "2026-03-01T11:59:00Z",
             "author": author, "project": {"id": 4, "name": "Office"}, **inside}  # fmt: skip
    return msgspec.json.encode({"payload": {"action": "opened", "issue": issue}})


def test_the_plugins_custom_values_say_who_asked_and_whether_the_issue_is_ours() -> None:
    """The plugin calls them `custom_field_values`, each by `custom_field_id` (issue_wrapper.rb)."""
    there = connector(plugin_webhooks=True)
    values = [
        {"custom_field_id": int(REQUESTER), "custom_field_name": "From", "value": "ada@example.com"},
        {"custom_field_id": int(MARKER), "custom_field_name": "Ref", "value": "ab" * 16},
    ]
    (event,) = there.parse(RawDelivery("n", NOW, {}, opened(custom_field_values=values)))
    assert event.snapshot is not None
    assert event.snapshot.requester == RemotePerson(email="ada@example.com", role="customer")
    assert event.snapshot.marker == "ab" * 16
    assert not event.needs_read


def test_an_issue_of_the_plugin_without_its_custom_values_is_read() -> None:
    """An old plugin shows none: who asked, and whether we made it ourselves, only a read says."""
    there = connector(plugin_webhooks=True)
    for told in ({}, {"custom_fields": [{"id": int(REQUESTER), "name": "From"}]}):
        (event,) = there.parse(RawDelivery("n", NOW, {}, opened(**told)))
        assert (event.kind, event.needs_read) == (EventKind.CREATED, True)
