"""A simulated Jira on the bench, Cloud or Data Center: what the people of a service project do, in our words."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Self

from connectors.jira.options import CLOUD, DATA_CENTER
from connectors.jira.simulator import JiraSimulator
from connectors.jira.words import PRIORITY_WORDS
from connectors.testing.bench import Bench, Shown, ShownComment, ShownFile
from gateway.domain.ticket import Category, Level, Priority, Status

EMAIL, TOKEN, SECRET = "gateway@desk.example", "api-token-0123456789", "a-webhook-secret-0123456789"
WORDS = {
    Category.NEW: "To Do",
    Category.OPEN: "In Progress",
    Category.PENDING_CUSTOMER: "Waiting for customer",
    Category.ON_HOLD: "On hold",
    Category.RESOLVED: "Resolved",
    Category.CLOSED: "Closed",
    Category.CANCELLED: "Canceled",
}


class JiraCloudBench(Bench):
    """One site of Atlassian's cloud."""

    connector = "jira"
    #: its search, which is all that lists changes, asks an index
    lag = timedelta(seconds=60)
    categories = frozenset(WORDS)
    create_params: ClassVar[Mapping[str, Any]] = {"project": "HELP"}
    cloud: ClassVar[bool] = True
    desk: JiraSimulator

    def __init__(self) -> None:
        self.desk = JiraSimulator(cloud=self.cloud, email=EMAIL, token=TOKEN, webhook_secret=SECRET)

    def __enter__(self) -> Self:
        super().__enter__()
        self.agents = self.desk.records.agents
        return self

    def options(self) -> dict[str, Any]:
        """Return an API token and a secret."""
        return {
            "auth": {"email": EMAIL, "api_token": TOKEN},
            "webhook_secret": SECRET,
            "deployment": CLOUD,
            "projects": ["HELP", "DEV"],
            "statuses": {word: category.value for category, word in WORDS.items()},
        }

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let a customer raise a request."""
        return str(self.desk.act("create", summary=title, text=body, email=email)["id"])

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let an agent comment."""
        self.desk.act("comment", issue=ticket, text=text, public=public)

    def ask(self, ticket: str, text: str) -> None:
        """Let the reporter comment."""
        self.desk.act("comment", issue=ticket, text=text, by="customer")

    def set_status(self, ticket: str, category: Category) -> None:
        """Let an agent take a transition."""
        self.desk.act("set", issue=ticket, status=WORDS[category])

    def set_priority(self, ticket: str, level: Level) -> None:
        """Let an agent set the priority."""
        self.desk.act("set", issue=ticket, priority={"name": PRIORITY_WORDS[level]})

    def set_title(self, ticket: str, title: str) -> None:
        """Let an agent set the summary."""
        self.desk.act("set", issue=ticket, summary=title)

    def assign(self, ticket: str, account: str) -> None:
        """Let an agent assign."""
        self.desk.act("assign", issue=ticket, account=account)

    def delete(self, ticket: str) -> None:
        """Let an admin delete."""
        self.desk.act("delete", issue=ticket)

    def move(self, ticket: str) -> str:
        """Let an agent move the issue to another project: it gets another key."""
        self.desk.act("move", issue=ticket, project="DEV")
        return ticket

    def add_status(self, ticket: str, word: str) -> Status:
        """Let an admin add a status, which belongs to one of Jira's categories."""
        self.desk.act("new_word", what="status", word=word)
        self.desk.act("set", issue=ticket, status=word)
        return Status(Category.OPEN, word)

    def add_priority(self, ticket: str, word: str) -> Priority:
        """Let an admin add a priority."""
        self.desk.act("new_word", what="priority", word=word)
        self.desk.act("set", issue=ticket, priority={"name": word})
        return Priority(Level.UNSET, word)

    def set_private(self, ticket: str, *, private: bool) -> None:
        """Let an agent set a security level, or take it away."""
        self.desk.act("secure", issue=ticket, secured=private)

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let an agent put a file there; customers see it once a public comment shows it."""
        self.desk.act("attach", issue=ticket, name=name, data=base64.b64encode(data).decode(), share=public)

    def refer(self, ticket: str, text: str) -> None:
        """Let an agent link a page."""
        self.desk.act("link", issue=ticket, url=text)

    def shown(self, ticket: str) -> Shown:
        """Return the issue as its page shows it."""
        with self.desk.lock:
            records = self.desk.records
            held = records.issues[ticket]
            files = tuple(
                ShownFile(each["filename"], records.files[each["id"]], each["id"] in records.shared)
                for each in held["attachment"]
            )
            return Shown(
                title=held["summary"],
                body=records.shown(held["description"]),
                status=held["status"],
                priority=held["priority"] or "",
                assignee=held["assignee"] or "",
                comments=tuple(
                    ShownComment(records.shown(each["body"]), each["public"]) for each in records.comments[ticket]
                ),
                files=files,
            )


class JiraDataCenterBench(JiraCloudBench):
    """One Jira of somebody's own."""

    cloud = False

    def options(self) -> dict[str, Any]:
        """Return a user name and its password."""
        auth = {"username": "gateway", "password": TOKEN}
        return {**super().options(), "auth": auth, "deployment": DATA_CENTER}
