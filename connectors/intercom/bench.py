"""A simulated Intercom workspace on the bench: what its people do to tickets, in our words."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlsplit

from connectors.content import from_html
from connectors.intercom.sim_state import BODY, GATEWAY, KEY, NOOR, PRIORITY, ROSA, TITLE, TYPE, VENDOR
from connectors.intercom.simulator import IntercomSimulator
from connectors.testing.bench import Bench, Shown, ShownComment, ShownFile
from gateway.domain.ticket import Category, Level, Priority, Status

TOKEN, SECRET = "dG9rOmFfdG9rZW5fMDEyMzQ1Njc4OQ", "a-client-secret-0123456789"
STATES = {
    Category.NEW: "8269",
    Category.OPEN: "8270",
    Category.PENDING_CUSTOMER: "8271",
    Category.ON_HOLD: "8275",
    Category.RESOLVED: "8272",
}
WORDS = {Level.P1: "Urgent", Level.P2: "High", Level.P3: "Normal", Level.P4: "Low"}


class IntercomBench(Bench):
    """One workspace, with a state, a key and a priority of its own making."""

    connector = "intercom"
    page = 150
    desk: IntercomSimulator
    agents = (ROSA, NOOR)
    create_params: ClassVar[dict[str, Any]] = {"ticket_type": TYPE}

    def __init__(self) -> None:
        self.desk = IntercomSimulator(token=TOKEN, webhook_secret=SECRET)

    def options(self) -> dict[str, Any]:
        """Return a token, a client secret, and what the workspace has of its own."""
        return {
            "auth": {"token": TOKEN},
            "webhook_secret": SECRET,
            "admin_id": GATEWAY,
            "workspace": "abc123def",
            "ticket_type": TYPE,
            "states": {VENDOR: "on_hold"},
            "priority_attribute": PRIORITY,
            "teams": {"Support": 5_017_691},
        }

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let a customer open a ticket."""
        return str(self.desk.act("ticket", title=title, description=body, email=email))

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let a teammate reply or note."""
        self.desk.act("say", ticket=ticket, text=text, public=public)

    def ask(self, ticket: str, text: str) -> None:
        """Let the customer write again."""
        self.desk.act("ask", ticket=ticket, text=text)

    def set_status(self, ticket: str, category: Category) -> None:
        """Let a teammate set the state."""
        self.desk.act("state", ticket=ticket, state=STATES[category])

    def set_priority(self, ticket: str, level: Level) -> None:
        """Let a teammate set the attribute."""
        self.desk.act("set", ticket=ticket, Priority=WORDS[level])

    def set_title(self, ticket: str, title: str) -> None:
        """Let a teammate set the title."""
        self.desk.act("set", ticket=ticket, **{TITLE: title})

    def assign(self, ticket: str, account: str) -> None:
        """Let a teammate assign it."""
        self.desk.act("assign", ticket=ticket, number=account)

    def delete(self, ticket: str) -> None:
        """Let a teammate delete it."""
        self.desk.act("delete", ticket=ticket)

    def move(self, ticket: str) -> str:
        """Let a teammate give it to a team."""
        self.desk.act("assign", ticket=ticket, number="5017691", sort="team")
        return ticket

    def add_status(self, ticket: str, word: str) -> Status:
        """Let an admin add a state, which belongs to one of Intercom's categories."""
        self.desk.records.states["8276"] = ("in_progress", word)
        self.desk.act("state", ticket=ticket, state="8276")
        return Status(Category.OPEN, "in_progress")

    def add_priority(self, ticket: str, word: str) -> Priority:
        """Let an admin add a value to the list of the attribute."""
        self.desk.records.priorities.add(word)
        self.desk.act("set", ticket=ticket, **{PRIORITY: word})
        return Priority(Level.UNSET, word)

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let a teammate send a file, or note one."""
        files = (self.desk.file(name, "application/octet-stream", data),)
        self.desk.act("say", ticket=ticket, text="See the file.", public=public, files=files)

    def name(self, ticket: str, name: str) -> None:
        """Let another program set the key."""
        self.desk.act("set", ticket=ticket, **{KEY: name})

    def shown(self, ticket: str) -> Shown:
        """Return the ticket as the inbox shows it."""
        with self.desk.lock:
            held = self.desk.records.held[ticket]
            said, files = [], []
            for part in held["parts"]:
                public = part["part_type"] in {"comment", "assignment"}
                if part["body"]:
                    said.append(ShownComment(from_html(part["body"]).markdown, public))
                for each in part["attachments"]:
                    data = self.desk.records.files[urlsplit(each["url"]).path.split("/")[2]]
                    files.append(ShownFile(each["name"], data, public))
            given = held["ticket_attributes"]
            return Shown(
                title=given[TITLE] or "",
                body=given[BODY] or "",
                status=held["ticket_state"]["internal_label"],
                priority=given[PRIORITY] or "",
                assignee="" if held["admin_assignee_id"] == "0" else held["admin_assignee_id"],
                comments=tuple(said),
                files=tuple(files),
            )
