"""A real Redmine on the bench, behind a proxy: the journeys of simulated desks can be made with it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec

from connectors.redmine.account import LEVELS, WORDS
from connectors.redmine.sim_state import PRIORITIES, STATUSES
from connectors.redmine.texts import read_text
from connectors.testing.bench import Bench, Shown, ShownComment, ShownFile
from gateway.domain.ticket import Category, Level
from gateway.ports import ConnectionSettings
from tests.desks.proxy import Proxy
from tests.desks.redmine_server import RedmineServer

#: seconds for one answer: a busy machine lets WEBrick think
DEADLINE = 6.0
FORMATTING = "textile"


class RealRedmine(Bench):
    """The Redmine of the session; a subclass names it."""

    connector = "redmine"
    categories = frozenset(
        {
            Category.NEW, Category.OPEN, Category.PENDING_CUSTOMER, Category.RESOLVED, Category.CLOSED,
            Category.CANCELLED,
        }
    )  # fmt: skip
    create_params: ClassVar[Mapping[str, Any]] = {"project": "support"}
    server: ClassVar[RedmineServer]

    def __init__(self) -> None:
        self.desk = self.proxy = Proxy(self.server.port, seed=1)
        people = self.server.made.people
        self.agents = (str(people["agent1"].id), str(people["agent2"].id))

    def options(self) -> dict[str, Any]:
        """Return an API key and the fields of our marks."""
        fields = self.server.made.fields
        return {
            "auth": {"api_key": self.server.made.people["gateway"].key},
            "text_formatting": FORMATTING,
            "ticket_marker": fields["Gateway key"],
            "comment_marker": fields["Gateway note"],
            "requester_field": fields["Requester"],
        }

    def settings(self, name: str = "", *, every: timedelta | None = None, **changes: Any) -> ConnectionSettings:
        """Return the settings of a connection through the proxy."""
        given = super().settings(name, every=every, **changes)
        return msgspec.structs.replace(given, deadline=DEADLINE)

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let somebody report an issue; whose it is stands in the field that is kept for it."""
        field = {"id": self.server.made.fields["Requester"], "value": email}
        given = {"project_id": "support", "subject": title, "description": body, "custom_fields": [field]}
        return str(self.call("POST", "/issues.json", {"issue": given}, who="customer")["issue"]["id"])

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let an agent write a note."""
        self._set(ticket, notes=text, private_notes=not public)

    def ask(self, ticket: str, text: str) -> None:
        """Let the author write a note."""
        self._set(ticket, "customer", notes=text)

    def set_status(self, ticket: str, category: Category) -> None:
        """Let an agent set the status."""
        self._set(ticket, status_id=STATUSES[WORDS[category]])

    def set_priority(self, ticket: str, level: Level) -> None:
        """Let an agent set the priority."""
        self._set(ticket, priority_id=PRIORITIES[LEVELS[level]])

    def set_title(self, ticket: str, title: str) -> None:
        """Let an agent change the subject."""
        self._set(ticket, subject=title)

    def assign(self, ticket: str, account: str) -> None:
        """Let an agent set the assignee."""
        self._set(ticket, assigned_to_id=int(account))

    def delete(self, ticket: str) -> None:
        """Let an agent delete."""
        self.call("DELETE", f"/issues/{ticket}.json")

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let an agent put a file on an issue, with a note."""
        token = self.call("POST", f"/uploads.json?filename={quote(name)}", data=data)["upload"]["token"]
        uploads = [{"token": token, "filename": name, "content_type": "application/octet-stream"}]
        self._set(ticket, notes="See the file", private_notes=not public, uploads=uploads)

    def shown(self, ticket: str) -> Shown:
        """Return the issue as an agent reads it."""
        try:
            found = self.call("GET", f"/issues/{ticket}.json?include=journals,attachments")["issue"]
        except urllib.error.HTTPError as error:
            if error.code == 404:
                msg = f"no issue {ticket}"
                raise LookupError(msg) from None
            raise
        names = {each["filename"]: str(each["id"]) for each in found["attachments"]}
        return Shown(
            title=found["subject"],
            body=read_text(found["description"] or "", FORMATTING, names).markdown,
            status=found["status"]["name"],
            priority=found["priority"]["name"],
            assignee=str(found["assigned_to"]["id"]) if "assigned_to" in found else "",
            comments=tuple(
                ShownComment(read_text(each["notes"], FORMATTING, names).markdown, not each["private_notes"])
                for each in found["journals"]
                if each["notes"]
            ),
            files=tuple(
                ShownFile(each["filename"], self._bytes(f"/attachments/download/{each['id']}"))
                for each in found["attachments"]
            ),
        )

    def call(self, method: str, path: str, payload: Any = None, *, who: str = "agent1", data: bytes = b"") -> Any:
        """Do something through REST as a person, past the proxy; returns the decoded answer."""
        said = self._bytes(path, method=method, payload=payload, who=who, data=data)
        return json.loads(said) if said.strip() else None

    def _bytes(
        self, path: str, *, method: str = "GET", payload: Any = None, who: str = "agent1", data: bytes = b""
    ) -> bytes:
        kind = "application/octet-stream" if data else "application/json"
        body = data or (None if payload is None else json.dumps(payload).encode())
        headers = {"X-Redmine-API-Key": self.server.made.people[who].key, "Content-Type": kind}
        request = urllib.request.Request(self.server.url + path, data=body, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            found: bytes = answer.read()
        return found

    def _set(self, ticket: str, who: str = "agent1", /, **issue: Any) -> None:
        self.call("PUT", f"/issues/{ticket}.json", {"issue": issue}, who=who)
