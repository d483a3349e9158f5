"""A simulated Zendesk on the bench: what its people do, in our words."""

from __future__ import annotations

from typing import Any

from connectors.testing.bench import Bench, Shown, ShownComment, ShownFile
from connectors.zendesk.mapping import PRIORITY_WORDS
from connectors.zendesk.simulator import ZendeskSimulator
from connectors.zendesk.texts import read
from gateway.domain.ticket import Category, Level, Status

EMAIL, TOKEN, SECRET = "gateway@desk.example", "api-token-0123456789", "a-signing-secret-0123456789"
WORDS = {
    Category.NEW: "new",
    Category.OPEN: "open",
    Category.PENDING_CUSTOMER: "pending",
    Category.ON_HOLD: "hold",
    Category.RESOLVED: "solved",
}


class ZendeskBench(Bench):
    """One account."""

    connector = "zendesk"
    desk: ZendeskSimulator

    def __init__(self) -> None:
        self.desk = ZendeskSimulator(email=EMAIL, api_token=TOKEN, webhook_secret=SECRET)
        self.agents = (str(self.desk.records.agent), str(self.desk.records.me))

    def options(self) -> dict[str, Any]:
        """Return a token and a signing secret."""
        return {"auth": {"email": EMAIL, "api_token": TOKEN}, "webhook_secret": SECRET}

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let a customer write in."""
        return str(self.desk.act("create", subject=title, body=body, email=email)["id"])

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let an agent comment."""
        self.desk.act("comment", ticket_id=ticket, body=text, public=public)

    def ask(self, ticket: str, text: str) -> None:
        """Let the requester comment."""
        self.desk.act("comment", ticket_id=ticket, body=text, by="customer")

    def set_status(self, ticket: str, category: Category) -> None:
        """Let an agent set the status."""
        self.desk.act("set", ticket_id=ticket, status=WORDS[category])

    def set_priority(self, ticket: str, level: Level) -> None:
        """Let an agent set the priority."""
        self.desk.act("set", ticket_id=ticket, priority=PRIORITY_WORDS[level])

    def set_title(self, ticket: str, title: str) -> None:
        """Let an agent set the subject."""
        self.desk.act("set", ticket_id=ticket, subject=title)

    def assign(self, ticket: str, account: str) -> None:
        """Let an agent set the assignee."""
        self.desk.act("set", ticket_id=ticket, assignee_id=int(account))

    def merge(self, ticket: str, into: str) -> None:
        """Let an agent merge."""
        self.desk.act("merge", ticket_id=ticket, into=into)

    def delete(self, ticket: str) -> None:
        """Let an agent delete."""
        self.desk.act("delete", ticket_id=ticket)

    def move(self, ticket: str) -> str:
        """Let an agent give the ticket to another group."""
        self.desk.act("set", ticket_id=ticket, group_id=360_002)
        return ticket

    def add_status(self, ticket: str, word: str) -> Status:  # noqa: ARG002 - as its own
        """Let an admin add a status, which belongs to one of Zendesk's own: that is what the API shows."""
        self.desk.act("set", ticket_id=ticket, status="hold", custom_status_id=35_436)
        return Status(Category.ON_HOLD, "hold")

    def set_spam(self, ticket: str, *, spam: bool) -> None:
        """Let an agent call the ticket spam, which deletes it, or take it back."""
        if spam:
            self.desk.act("delete", ticket_id=ticket, how="marked_as_spam")
        else:
            self.desk.act("restore", ticket_id=ticket)

    def close_for_good(self, ticket: str) -> None:
        """Let the ticket be closed, as Zendesk does some days after it was solved."""
        self.desk.act("set", ticket_id=ticket, status="closed")

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let an agent comment with a file."""
        self.desk.act("attach", ticket_id=ticket, name=name, data=data, public=public)

    def refer(self, ticket: str, text: str) -> None:
        """Let an app set the external id."""
        self.desk.act("set", ticket_id=ticket, external_id=text)

    def restore(self, ticket: str) -> None:
        """Let an agent take a deleted ticket back."""
        self.desk.act("restore", ticket_id=ticket)

    def name(self, ticket: str, name: str) -> None:
        """Let another app set the external id."""
        self.desk.act("set", ticket_id=ticket, external_id=name)

    def shown(self, ticket: str) -> Shown:
        """Return the ticket as the agent workspace shows it."""
        with self.desk.lock:
            held = self.desk.records.tickets[int(ticket)]
            comments = self.desk.records.comments[int(ticket)]
            return Shown(
                title=held["subject"] or "",
                body=read(comments[0]["html_body"]).markdown if comments else "",
                status=held["status"],
                priority=held["priority"] or "",
                assignee=str(held["assignee_id"] or ""),
                comments=tuple(
                    ShownComment(read(one["html_body"]).markdown, bool(one["public"])) for one in comments[1:]
                ),
                files=tuple(
                    ShownFile(file["file_name"], self.desk.records.bytes[f"up{file['id']}"], bool(one["public"]))
                    for one in comments
                    for file in one["attachments"]
                ),
            )
