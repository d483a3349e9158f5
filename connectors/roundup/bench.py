"""A simulated Roundup on the bench: what its people do, in our words."""

from __future__ import annotations

from typing import Any

from connectors.roundup.mapping import NATIVE, NATIVE_LEVELS
from connectors.roundup.simulator import SimulatedRoundup
from connectors.testing.bench import Bench, Shown, ShownComment, ShownFile
from gateway.domain.ticket import Category, Level, Priority, Status


class RoundupBench(Bench):
    """One tracker of the classic template, whose gateway's role may see the addresses of users."""

    connector = "roundup"
    desk: SimulatedRoundup
    categories = frozenset(
        {Category.NEW, Category.OPEN, Category.PENDING_CUSTOMER, Category.ON_HOLD, Category.RESOLVED}
    )
    agents = ("agent1", "agent2")
    #: a message and an address for one post are seen by nobody
    staging = "/msg$|/file$|/@poe$"

    def __init__(self) -> None:
        self.desk = SimulatedRoundup()

    def options(self) -> dict[str, Any]:
        """Return the user name and password of the gateway."""
        auth = {"user": "gateway", "password": self.desk.passwords["gateway"]}
        return {"auth": auth, "ticket_marker": "externalref"}

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let the mail gateway open an issue."""
        return str(self.desk.act("open", title=title, body=body, address=email))

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let an agent add a message; all who see the issue read it, whatever was meant."""
        self.desk.act("say", issue=ticket, text=text, private=not public)

    def ask(self, ticket: str, text: str) -> None:
        """Let the customer answer by mail."""
        self.desk.act("say", issue=ticket, text=text, by="")

    def set_status(self, ticket: str, category: Category) -> None:
        """Let an agent set the status."""
        self.desk.act("set", issue=ticket, status=NATIVE[category])

    def set_priority(self, ticket: str, level: Level) -> None:
        """Let an agent set the priority."""
        self.desk.act("set", issue=ticket, priority=NATIVE_LEVELS[level])

    def set_title(self, ticket: str, title: str) -> None:
        """Let an agent change the title."""
        self.desk.act("set", issue=ticket, title=title)

    def assign(self, ticket: str, account: str) -> None:
        """Let an agent assign the issue."""
        self.desk.act("set", issue=ticket, assignedto=account)

    def merge(self, ticket: str, into: str) -> None:
        """Let an agent close an issue as superseded by another."""
        self.desk.act("set", issue=ticket, superseder=[into], status="resolved")

    def delete(self, ticket: str) -> None:
        """Let an admin retire an issue."""
        self.desk.act("retire", issue=ticket)

    def add_status(self, ticket: str, word: str) -> Status:
        """Let an admin add a status."""
        self.desk.tracker.create("status", {"name": word, "order": 99}, "1")
        self.desk.act("set", issue=ticket, status=word)
        return Status(Category.UNKNOWN, word)

    def add_priority(self, ticket: str, word: str) -> Priority:
        """Let an admin add a priority."""
        self.desk.tracker.create("priority", {"name": word, "order": 99}, "1")
        self.desk.act("set", issue=ticket, priority=word)
        return Priority(Level.UNSET, word)

    def name(self, ticket: str, name: str) -> None:
        """Let another program set the property."""
        self.desk.act("set", issue=ticket, externalref=name)

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:  # noqa: ARG002 - all read all
        """Let an agent add a message with a file."""
        self.desk.act("attach", issue=ticket, name=name, data=data)

    def restore(self, ticket: str) -> None:
        """Let an agent take a deleted ticket back."""
        self.desk.act("restore", issue=ticket)

    def shown(self, ticket: str) -> Shown:
        """Return the issue as its page shows it."""
        with self.desk.lock:
            tracker = self.desk.tracker
            one = tracker.items["issue"].get(ticket)
            if one is None:
                msg = f"no issue {ticket}"
                raise LookupError(msg)
            said = [tracker.items["msg"][number] for number in one.get("messages")]

            def word(kind: str, name: str, label: str = "name") -> str:
                number = one.get(name)
                return str(tracker.items[kind][number].get(label)) if number else ""

            return Shown(
                title=str(one.get("title") or ""),
                body=str(said[0].get("content")) if said else "",
                status=word("status", "status"),
                priority=word("priority", "priority"),
                assignee=word("user", "assignedto", "username"),
                comments=tuple(ShownComment(str(each.get("content")), public=True) for each in said[1:]),
                files=tuple(
                    ShownFile(str(file.get("name")), file.get("content"))
                    for file in (tracker.items["file"][number] for number in one.get("files"))
                ),
            )
