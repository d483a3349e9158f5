"""A simulated ServiceNow on the bench: what its people do, in our words."""

from __future__ import annotations

from typing import Any

from connectors.servicenow.simulator import ServiceNowSimulator
from connectors.testing.bench import Bench, Shown, ShownComment, ShownFile
from gateway.domain.ticket import Category, Level, Status

USER, PASSWORD, SECRET = "gateway", "password-0123456789", "a-rule-secret-0123456789"
COLUMNS = {
    Category.NEW: {"state": "1"},
    Category.OPEN: {"state": "2"},
    Category.PENDING_CUSTOMER: {"state": "3", "hold_reason": "1"},
    Category.ON_HOLD: {"state": "3", "hold_reason": "4"},
    Category.RESOLVED: {"state": "6", "close_code": "Solution provided", "close_notes": "Done"},
}
PRIORITIES = {
    Level.P1: {"impact": "1", "urgency": "1"},
    Level.P2: {"impact": "2", "urgency": "1"},
    Level.P3: {"impact": "2", "urgency": "2"},
    Level.P4: {"impact": "3", "urgency": "2"},
}


class ServiceNowBench(Bench):
    """One instance."""

    connector = "servicenow"
    desk: ServiceNowSimulator

    def __init__(self) -> None:
        self.desk = ServiceNowSimulator(user=USER, password=PASSWORD, webhook_secret=SECRET)
        self.agents = (self.desk.records.agent, self.desk.records.me)

    def options(self) -> dict[str, Any]:
        """Return the account and the secret of the business rule."""
        return {"auth": {"username": USER, "password": PASSWORD}, "webhook_secret": SECRET}

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let a customer open an incident."""
        return str(self.desk.act("create", title=title, body=body, email=email)["sys_id"])

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let an agent comment, or leave a work note."""
        self.desk.act("comment", sys_id=ticket, text=text, public=public)

    def ask(self, ticket: str, text: str) -> None:
        """Let the caller comment."""
        self.desk.act("comment", sys_id=ticket, text=text, by="customer")

    def set_status(self, ticket: str, category: Category) -> None:
        """Let an agent set the state."""
        self.desk.act("set", sys_id=ticket, **COLUMNS[category])

    def set_priority(self, ticket: str, level: Level) -> None:
        """Let an agent set impact and urgency."""
        self.desk.act("set", sys_id=ticket, **PRIORITIES[level])

    def set_title(self, ticket: str, title: str) -> None:
        """Let an agent change the short description."""
        self.desk.act("set", sys_id=ticket, short_description=title)

    def assign(self, ticket: str, account: str) -> None:
        """Let an agent assign the incident."""
        self.desk.act("set", sys_id=ticket, assigned_to=account)

    def delete(self, ticket: str) -> None:
        """Let an admin delete the incident."""
        self.desk.act("delete", sys_id=ticket)

    def move(self, ticket: str) -> str:
        """Let an agent give the incident to another group."""
        self.desk.act("set", sys_id=ticket, assignment_group="d625dccec0a8016700a222a0f7900d06")
        return ticket

    def add_status(self, ticket: str, word: str) -> Status:  # noqa: ARG002 - it has a number
        """Let an admin add a choice to the states, of which the API shows the number alone."""
        self.desk.act("set", sys_id=ticket, state="9")
        return Status(Category.UNKNOWN, "9")

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:  # noqa: ARG002 - all are
        """Let an agent put a file on the incident."""
        self.desk.act("attach", sys_id=ticket, name=name, data=data)

    def refer(self, ticket: str, text: str) -> None:
        """Let another system note its own number."""
        self.desk.act("set", sys_id=ticket, correlation_id=text)

    def name(self, ticket: str, name: str) -> None:
        """Let another integration set the correlation id."""
        self.desk.act("set", sys_id=ticket, correlation_id=name)

    def shown(self, ticket: str) -> Shown:
        """Return the incident as agents see it."""
        with self.desk.lock:
            records = self.desk.records
            held = records.incidents[ticket]
            return Shown(
                title=held["short_description"],
                body=held["description"],
                status=held["state"],
                priority=held["priority"],
                assignee=held["assigned_to"],
                comments=tuple(
                    ShownComment(one["value"], one["element"] == "comments")
                    for one in records.journal
                    if one["element_id"] == ticket
                ),
                files=tuple(
                    ShownFile(one["file_name"], records.bytes[number])
                    for number, one in records.files.items()
                    if one["table_sys_id"] == ticket
                ),
            )
