"""A tracker under test (a real Roundup or the simulated one) and its people, who use REST as anybody may."""

from __future__ import annotations

import base64
import json
import urllib.request
from datetime import UTC, datetime
from typing import Any

from connectors.registry import load
from connectors.roundup.connection import Roundup
from connectors.testing.driver import Driver
from gateway.domain.event import RemoteTicket
from gateway.domain.ticket import Visibility
from gateway.domain.update import CommentIntent, Done, Intent, Operation, Outcome, Progress, Receipt
from gateway.ports import ChangePage, ConnectionSettings, WriteContext


class Stand:
    """One tracker with a connector of the gateway's user beside it."""

    def __init__(self, url: str, passwords: dict[str, str]) -> None:
        self.url = url
        self.passwords = passwords
        self.connector = self.connect()
        self.driver = Driver(self.connector)

    def connect(self, **options: Any) -> Roundup:
        """Make a connector as the registry does."""
        given = {"auth": {"user": "gateway", "password": self.passwords["gateway"]}, **options}
        made = load(("roundup",), ()).connect(ConnectionSettings("bugs", "roundup", self.url, given))
        assert isinstance(made, Roundup)
        return made

    # -- people

    def person(self, method: str, path: str, payload: Any = None, *, who: str = "agent1", etag: str = "") -> Any:
        """Do something through REST as a person; returns what stands under `data`, raises on anything but 2xx."""
        pair = base64.b64encode(f"{who}:{self.passwords[who]}".encode()).decode()
        headers = {"Authorization": f"Basic {pair}", "Content-Type": "application/json", "X-Requested-With": "rest"}
        headers["Origin"] = "/".join(self.url.split("/")[:3])
        if etag:
            headers["If-Match"] = etag
        data = None if payload is None else json.dumps(payload).encode()
        request = urllib.request.Request(f"{self.url}/rest/data{path}", data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())["data"]

    def issue(self, title: str = "Printer on fire", text: str = "smoke", who: str = "customer", **more: Any) -> str:
        """Make an issue as a person; returns its number."""
        message = self.message(text, who)
        return str(self.person("POST", "/issue", {"title": title, "messages": [message], **more}, who=who)["id"])

    def message(self, text: str, who: str, **more: Any) -> str:
        """Make a message that no issue holds yet."""
        given = {"content": text, "author": who, "date": ".", **more}
        return str(self.person("POST", "/msg", given, who=who)["id"])

    def shown(self, number: str, who: str = "agent1") -> dict[str, Any]:
        """Return an issue's properties as a person reads them."""
        found = self.person("GET", f"/issue/{number}?@verbose=2&@protected=true", who=who)
        return {**found["attributes"], "@etag": found["@etag"]}

    def set(self, number: str, who: str = "agent1", **properties: Any) -> None:
        """Set properties as a person."""
        etag = self.shown(number, who)["@etag"]
        self.person("PUT", f"/issue/{number}", properties, who=who, etag=etag)

    def say(self, number: str, text: str, who: str = "agent1") -> str:
        """Add a message as a person."""
        message = self.message(text, who)
        etag = self.shown(number, who)["@etag"]
        self.person("PATCH", f"/issue/{number}", {"@op": "add", "messages": [message]}, who=who, etag=etag)
        return message

    def retire(self, number: str) -> None:
        """Retire an issue as the admin."""
        etag = self.shown(number, "admin")["@etag"]
        self.person("DELETE", f"/issue/{number}", {}, who="admin", etag=etag)

    # -- our side

    def write(self, intent: Intent, context: WriteContext) -> Outcome:
        """Run one attempt."""
        return self.driver.run(self.connector.write(intent, context))

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

    @staticmethod
    def done(outcome: Outcome) -> Receipt:
        """Return the receipt of a write that must have taken effect."""
        assert isinstance(outcome, Done | Progress), outcome
        return outcome.receipt


def context(key: str, number: str = "", **more: Any) -> WriteContext:
    """Return the context of a first attempt."""
    return WriteContext(key, number, first_sent_at=datetime.now(UTC), **more)


def create(**fields: Any) -> Intent:
    """Return the intent to make an issue."""
    return Intent(Operation.CREATE, {"title": "Made by us", "body": "Since *this* morning.", **fields})


def reply(body: str) -> Intent:
    """Return a public reply."""
    return Intent(Operation.PUBLIC_REPLY, comment=CommentIntent("c1", body, Visibility.PUBLIC))


def fields(**values: Any) -> Intent:
    """Return a change of fields."""
    return Intent(Operation.SET_FIELDS, values)
