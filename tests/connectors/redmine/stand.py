"""A Redmine under test (a real one or the simulated one) and its people, who use REST as anybody may."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import quote

from connectors.redmine.connector import RedmineConnector
from connectors.registry import load
from connectors.testing.driver import Driver
from gateway.domain.event import RemoteTicket
from gateway.domain.ticket import Visibility
from gateway.domain.update import CommentIntent, Done, Intent, Operation, Outcome, Progress, Receipt
from gateway.ports import ChangePage, ConnectionSettings, WriteContext


class Office(Protocol):
    """What an administrator does, which Redmine's REST API has no way for."""

    def revoke(self, *permissions: str) -> Callable[[], None]:
        """Take permissions from the gateway's role; what is returned gives them back."""

    def forbid(self, old: str, new: str) -> Callable[[], None]:
        """Take a change of status out of the workflow of the gateway's role; what is returned puts it back."""

    def lock(self, who: str) -> Callable[[], None]:
        """Lock a user; what is returned unlocks it."""

    def write_in(self, formatting: str) -> Callable[[], None]:
        """Choose the text formatting."""

    def limit(self, size: int) -> Callable[[], None]:
        """Let files have so many bytes, a multiple of 1024."""


class Stand:
    """One Redmine with a connector of the gateway's user beside it; `keys` and `ids` are those of its people."""

    def __init__(
        self, url: str, keys: Mapping[str, str], ids: Mapping[str, int], fields: Mapping[str, int], office: Office
    ) -> None:
        self.url = url
        self.keys = keys
        self.ids = ids
        self.fields = fields
        self.office = office
        self.connector = self.connect()
        self.driver = Driver(self.connector, deadline=30.0)

    def connect(self, **options: Any) -> RedmineConnector:
        """Make a connector as the registry does."""
        given = {
            "auth": {"api_key": self.keys["gateway"]},
            "ticket_marker": self.fields["Gateway key"],
            "comment_marker": self.fields["Gateway note"],
            "requester_field": self.fields["Requester"],
            "custom_fields": {"cost_centre": self.fields["Cost centre"]},
            "text_formatting": "textile",
            **options,
        }
        made = load(("redmine",), ()).connect(ConnectionSettings("acme-redmine", "redmine", self.url, given))
        assert isinstance(made, RedmineConnector)
        return made

    def use(self, **options: Any) -> None:
        """Go on with a connector that has other options."""
        self.driver.close()
        self.connector = self.connect(**options)
        self.driver = Driver(self.connector, deadline=30.0)

    # -- people

    def person(self, method: str, path: str, payload: Any = None, *, who: str = "agent1", data: bytes = b"") -> Any:
        """Do something through REST as a person; returns the decoded answer, raises on anything but 2xx."""
        kind = "application/octet-stream" if data else "application/json"
        body = data or (None if payload is None else json.dumps(payload).encode())
        headers = {"X-Redmine-API-Key": self.keys[who], "Content-Type": kind}
        request = urllib.request.Request(self.url + path, data=body, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            said = answer.read()
        return json.loads(said) if said.strip() else None

    def issue(self, subject: str = "Printer on fire", text: str = "Smoke", who: str = "customer", **more: Any) -> str:
        """Report an issue as a person; returns its number."""
        given = {"project_id": "support", "subject": subject, "description": text, **more}
        return str(self.person("POST", "/issues.json", {"issue": given}, who=who)["issue"]["id"])

    def set(self, number: str, who: str = "agent1", **issue: Any) -> None:
        """Change an issue as a person."""
        self.person("PUT", f"/issues/{number}.json", {"issue": issue}, who=who)

    def say(self, number: str, notes: str, *, private: bool = False, who: str = "agent1", **more: Any) -> None:
        """Write a note as a person."""
        self.set(number, who, notes=notes, private_notes=private, **more)

    def attach(self, number: str, name: str, data: bytes, *, who: str = "agent1", **more: Any) -> None:
        """Put a file on an issue as a person."""
        token = self.person("POST", f"/uploads.json?filename={quote(name)}", data=data, who=who)["upload"]["token"]
        uploads = [{"token": token, "filename": name, "content_type": "application/octet-stream"}]
        self.set(number, who, uploads=uploads, **more)

    def shown(self, number: str, who: str = "agent1") -> dict[str, Any]:
        """Return an issue as a person reads it."""
        path = f"/issues/{number}.json?include=journals,attachments,relations"
        return dict(self.person("GET", path, who=who)["issue"])

    def notes(self, number: str, who: str = "agent1") -> list[tuple[str, bool]]:
        """Return the notes of an issue as a person reads them, and whether each is private."""
        journals = self.shown(number, who)["journals"]
        return [(each["notes"], each["private_notes"]) for each in journals if each["notes"]]

    # -- our side

    def write(self, intent: Intent, context: WriteContext) -> Outcome:
        """Run one attempt."""
        return self.driver.attempt(intent, context)

    def settled(self, intent: Intent, context: WriteContext) -> Receipt:
        """Bring one update to its end."""
        return self.driver.settle(intent, context)

    def whole(self, number: str) -> RemoteTicket:
        """Read one issue that must be there."""
        found = self.driver.run(self.connector.read(number))
        assert found is not None
        return found

    def page(self, cursor: str) -> ChangePage:
        """Read one page of a poll."""
        return self.driver.run(self.connector.changes(cursor, datetime.now(UTC)))

    def polled(self, cursor: str) -> tuple[list[RemoteTicket], str]:
        """Poll a round to its end; returns what changed and the cursor."""
        found: list[RemoteTicket] = []
        for _ in range(50):
            page = self.page(cursor)
            found += page.tickets
            cursor = page.cursor
            if page.end:
                return found, cursor
        msg = "the poll has no end"
        raise AssertionError(msg)

    @staticmethod
    def done(outcome: Outcome) -> Receipt:
        """Return the receipt of a write that must have taken effect."""
        assert isinstance(outcome, Done | Progress), outcome
        return outcome.receipt


def context(key: str, number: str = "", **more: Any) -> WriteContext:
    """Return the context of a first attempt."""
    return WriteContext(key, number, first_sent_at=datetime.now(UTC), **more)


def create(*, project: str = "support", params: Mapping[str, Any] | None = None, **fields: Any) -> Intent:
    """Return the intent to make an issue."""
    given = {"title": "Made by us", "body": "Since *this* morning.", **fields}
    return Intent(Operation.CREATE, given, params={"project": project, **(params or {})})


def reply(body: str, **more: Any) -> Intent:
    """Return a public reply."""
    return Intent(Operation.PUBLIC_REPLY, comment=CommentIntent("c1", body, Visibility.PUBLIC), **more)


def note(body: str, **more: Any) -> Intent:
    """Return an internal note."""
    return Intent(Operation.INTERNAL_NOTE, comment=CommentIntent("c1", body, Visibility.INTERNAL), **more)


def fields(**values: Any) -> Intent:
    """Return a change of fields."""
    return Intent(Operation.SET_FIELDS, values)
