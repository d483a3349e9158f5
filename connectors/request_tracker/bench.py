"""A simulated Request Tracker on the bench: what its people do, in our words."""

from __future__ import annotations

from typing import Any

from connectors.request_tracker.mapping import NATIVE, PRIORITIES
from connectors.request_tracker.simulator import SimulatedRequestTracker
from connectors.testing.bench import Bench, Shown, ShownComment, ShownFile
from gateway.domain.ticket import Category, Level, Status

SECRET = "a-scrip-secret-0123456789"


class RequestTrackerBench(Bench):
    """One RT, with its default lifecycle."""

    connector = "request_tracker"
    desk: SimulatedRequestTracker
    #: its `stalled` waits for anybody: for whom, only a site's own lifecycle says
    categories = frozenset({Category.NEW, Category.OPEN, Category.ON_HOLD, Category.RESOLVED, Category.CANCELLED})
    agents = ("agent1", "agent2")
    create_params = {"queue": "Support"}  # noqa: RUF012 - a ClassVar of the base

    def __init__(self) -> None:
        self.desk = SimulatedRequestTracker(webhook_secret=SECRET)

    def options(self) -> dict[str, Any]:
        """Return the token of the gateway's user and the scrip's secret."""
        return {"auth": {"token": self.desk.tokens["gateway"]}, "webhook_secret": SECRET}

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let the mail gateway open a ticket for a requestor."""
        return str(self.desk.act("create", subject=title, body=body, requester=email))

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let an agent reply or comment."""
        self.desk.act("reply" if public else "note", ticket=ticket, body=text)

    def ask(self, ticket: str, text: str) -> None:
        """Let a customer answer by mail: correspondence by an account without rights."""
        self.desk.act("reply", ticket=ticket, body=text, by="customer@example.com")

    def set_status(self, ticket: str, category: Category) -> None:
        """Let an agent set the status."""
        self.desk.act("set", ticket=ticket, Status=NATIVE[category])

    def set_priority(self, ticket: str, level: Level) -> None:
        """Let an agent set the priority."""
        self.desk.act("set", ticket=ticket, Priority=str(PRIORITIES[level.value]))

    def set_title(self, ticket: str, title: str) -> None:
        """Let an agent set the subject."""
        self.desk.act("set", ticket=ticket, Subject=title)

    def assign(self, ticket: str, account: str) -> None:
        """Let an agent set the owner."""
        self.desk.act("set", ticket=ticket, Owner=account)

    def merge(self, ticket: str, into: str) -> None:
        """Let an agent merge."""
        self.desk.act("merge", ticket=ticket, into=into)

    def delete(self, ticket: str) -> None:
        """Let an agent delete."""
        self.desk.act("delete", ticket=ticket)

    def move(self, ticket: str) -> str:
        """Let an agent move the ticket to another queue."""
        self.desk.act("set", ticket=ticket, Queue="General")
        return ticket

    def add_status(self, ticket: str, word: str) -> Status:
        """Let an admin add a status to the lifecycle, which RT keeps in small letters."""
        self.desk.records.statuses.append(word.lower())
        self.desk.act("set", ticket=ticket, Status=word)
        return Status(Category.UNKNOWN, word.lower())

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let an agent reply or comment with a file."""
        self.desk.act("attach", ticket=ticket, name=name, data=data, public=public)

    def refer(self, ticket: str, text: str) -> None:
        """Let an agent fill in a custom field."""
        self.desk.act("set", ticket=ticket, CustomFields={"ExternalRef": text})

    def restore(self, ticket: str) -> None:
        """Let an agent take a deleted ticket back."""
        self.desk.act("set", ticket=ticket, Status="open")

    def name(self, ticket: str, name: str) -> None:
        """Let another program set the reference."""
        self.desk.act("set", ticket=ticket, CustomFields={"ExternalRef": name})

    def shown(self, ticket: str) -> Shown:
        """Return the ticket as its page shows it."""
        with self.desk.lock:
            records = self.desk.records
            held = records.ticket(int(ticket))
            if held is None:
                msg = f"no ticket {ticket}"
                raise LookupError(msg)
            said = [(one.type, records.parts(one.number)) for one in records.history(held)]
            texts = [(kind, parts[0].content) for kind, parts in said if parts]
            return Shown(
                title=held.subject,
                body=next((text for kind, text in texts if kind == "Create"), ""),
                status=held.status,
                priority=str(held.priority),
                assignee="" if held.owner == "Nobody" else held.owner,
                comments=tuple(
                    ShownComment(text, kind == "Correspond")
                    for kind, text in texts
                    if kind in {"Comment", "Correspond"}
                ),
                files=tuple(
                    ShownFile(part.filename, part.data, kind != "Comment")
                    for kind, parts in said
                    for part in parts
                    if part.filename
                ),
            )
