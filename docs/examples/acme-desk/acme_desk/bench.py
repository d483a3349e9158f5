"""A simulated Acme Desk on the bench: what its people do, in our words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from acme_desk.mapping import PRIORITY_WORDS, STATUS_WORDS
from acme_desk.simulator import AcmeSimulator
from connectors.testing.bench import Bench, Shown, ShownComment, ShownFile
from gateway.domain.ticket import Category, Level, Priority, Status

T = TypeVar("T")
EMAIL, KEY, HOOK_KEY = "gateway@desk.example", "acme-0123456789", "a-signing-secret-0123456789"


class AcmeBench(Bench):
    """One account."""

    connector = "acme_desk"
    agents = ("2", "1")
    categories = frozenset(STATUS_WORDS) - {Category.CANCELLED}
    desk: AcmeSimulator

    def __init__(self) -> None:
        self.desk = AcmeSimulator(token=KEY, webhook_secret=HOOK_KEY)

    def late(self, lag: timedelta, doing: Callable[[], T]) -> T:
        """Let a change have a number of before, and be committed only now."""
        self.desk.slow = True
        try:
            return super().late(lag, doing)
        finally:
            self.desk.slow = False

    def options(self) -> dict[str, Any]:
        """Return a token and a signing secret."""
        return {"auth": {"email": EMAIL, "token": KEY}, "webhook_secret": HOOK_KEY}

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let a customer open a ticket."""
        return str(self.desk.act("create", subject=title, description=body, email=email))

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let the agent comment."""
        self.desk.act("say", number=int(ticket), body=text, public=public)

    def ask(self, ticket: str, text: str) -> None:
        """Let the customer comment."""
        self.desk.act("say", number=int(ticket), body=text, by="customer")

    def set_status(self, ticket: str, category: Category) -> None:
        """Let the agent set the status."""
        self.desk.act("set", number=int(ticket), status=STATUS_WORDS[category])

    def set_priority(self, ticket: str, level: Level) -> None:
        """Let the agent set the priority."""
        self.desk.act("set", number=int(ticket), priority=PRIORITY_WORDS[level])

    def set_title(self, ticket: str, title: str) -> None:
        """Let the agent set the subject."""
        self.desk.act("set", number=int(ticket), subject=title)

    def assign(self, ticket: str, account: str) -> None:
        """Let the agent set the assignee."""
        self.desk.act("set", number=int(ticket), assignee_id=int(account))

    def delete(self, ticket: str) -> None:
        """Let the agent delete."""
        self.desk.act("delete", number=int(ticket))

    def add_status(self, ticket: str, word: str) -> Status:
        """Let an admin add a status, and the agent set it."""
        self.desk.act("set", number=int(ticket), status=word)
        return Status(Category.UNKNOWN, word)

    def add_priority(self, ticket: str, word: str) -> Priority:
        """Let an admin add a priority, and the agent set it."""
        self.desk.act("set", number=int(ticket), priority=word)
        return Priority(Level.UNSET, word)

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let the agent comment with a file."""
        self.desk.act("attach", number=int(ticket), name=name, data=data, public=public)

    def name(self, ticket: str, name: str) -> None:
        """Let another program set the external id."""
        self.desk.act("set", number=int(ticket), external_id=name)

    def shown(self, ticket: str) -> Shown:
        """Return the ticket as agents see it."""
        with self.desk.lock:
            held, said = self.desk.tickets[int(ticket)], self.desk.comments[int(ticket)]
            files = [(file, True) for file in held["files"]]
            files += [(file, bool(each["public"])) for each in said for file in each["files"]]
            return Shown(
                title=held["subject"],
                body=held["description"],
                status=held["status"],
                priority=held["priority"],
                assignee=str((held["assignee"] or {}).get("id", "")),
                comments=tuple(ShownComment(each["body"], bool(each["public"])) for each in said),
                files=tuple(ShownFile(one["name"], self.desk.files[one["id"]][2], seen) for one, seen in files),
            )
