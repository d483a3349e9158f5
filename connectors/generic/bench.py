"""The simulated desk made at home on the bench: what its people do, in our words. home.yaml connects it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from connectors.generic.simulator import PAGE, HomeDesk
from connectors.testing.bench import Bench, Shown, ShownComment, ShownFile
from gateway.domain.ticket import Category, Level, Priority, Status

SECRET = "whsec_aG9tZS1kZXNrLXNlY3JldC0wMTIzNDU2Nzg5"

_STATES = {
    Category.NEW: "new",
    Category.OPEN: "open",
    Category.PENDING_CUSTOMER: "waiting for customer",
    Category.ON_HOLD: "parked",
    Category.RESOLVED: "done",
}
_LEVELS = {Level.P1: 1, Level.P2: 2, Level.P3: 3, Level.P4: 4}


class GenericBench(Bench):
    """One desk that somebody made at home."""

    connector = "generic"
    page = PAGE
    desk: HomeDesk
    agents = ("agent1", "agent2")
    staging = "/api/files"

    def __init__(self) -> None:
        self.desk = HomeDesk(webhook_secret=SECRET)

    def options(self) -> dict[str, Any]:
        """Return the settings that an admin would write, and the secrets."""
        written = yaml.load(Path(__file__).with_name("home.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
        return {**written, "auth": {"token": self.desk.token}, "webhook_secret": SECRET}

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let a customer open a ticket."""
        return str(self.desk.act("open", subject=title, text=body, mail=email))

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let an agent write."""
        self.desk.act("say", ticket=ticket, text=text, private=not public)

    def ask(self, ticket: str, text: str) -> None:
        """Let the customer write again."""
        self.desk.act("say", ticket=ticket, text=text, by="")

    def set_status(self, ticket: str, category: Category) -> None:
        """Let an agent set the state."""
        self.desk.act("set", ticket=ticket, state=_STATES[category])

    def set_priority(self, ticket: str, level: Level) -> None:
        """Let an agent set the urgency."""
        self.desk.act("set", ticket=ticket, urgency=_LEVELS[level])

    def set_title(self, ticket: str, title: str) -> None:
        """Let an agent change the subject."""
        self.desk.act("set", ticket=ticket, subject=title)

    def assign(self, ticket: str, account: str) -> None:
        """Let an agent give the ticket to somebody."""
        self.desk.act("set", ticket=ticket, agent=account)

    def merge(self, ticket: str, into: str) -> None:
        """Let an agent merge."""
        self.desk.act("merge", ticket=ticket, into=into)

    def delete(self, ticket: str) -> None:
        """Let an agent delete."""
        self.desk.act("delete", ticket=ticket)

    def move(self, ticket: str) -> str:
        """Let an agent give the ticket to another team."""
        self.desk.act("set", ticket=ticket, team="sales")
        return ticket

    def add_status(self, ticket: str, word: str) -> Status:
        """Let an agent set a state of their own."""
        self.desk.act("set", ticket=ticket, state=word)
        return Status(Category.UNKNOWN, word)

    def add_priority(self, ticket: str, word: str) -> Priority:
        """Let an agent set an urgency of their own."""
        self.desk.act("set", ticket=ticket, urgency=word)
        return Priority(Level.UNSET, word)

    def set_spam(self, ticket: str, *, spam: bool) -> None:
        """Let an agent set the state that says so, or another."""
        self.desk.act("set", ticket=ticket, state="spam" if spam else "open")

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let an agent put a file on the ticket, with a word."""
        self.desk.act("attach", ticket=ticket, name=name, data=list(data), private=not public)

    def restore(self, ticket: str) -> None:
        """Let an agent take a deleted ticket back."""
        self.desk.act("restore", ticket=ticket)

    def name(self, ticket: str, name: str) -> None:
        """Let another program set the reference."""
        self.desk.act("set", ticket=ticket, ref=name)

    def shown(self, ticket: str) -> Shown:
        """Return the ticket as the desk's own page shows it."""
        with self.desk.lock:
            held = self.desk.tickets.get(ticket)
            if held is None:
                msg = f"no ticket {ticket}"
                raise LookupError(msg)
            named = [*held["files"], *(each for said in self.desk.messages[ticket] for each in said["files"])]
            return Shown(
                title=held["subject"],
                body=held["text"],
                status=held["state"],
                priority=str(held["urgency"]),
                assignee=held["agent"] or "",
                comments=tuple(ShownComment(each["text"], not each["private"]) for each in self.desk.messages[ticket]),
                files=tuple(
                    ShownFile(each["name"], self.desk.files[each["id"]][1], not each["private"]) for each in named
                ),
            )
