"""A simulated Help Scout on the bench: what its people do, in our words."""

from __future__ import annotations

import base64
import mimetypes
from typing import Any

from connectors.helpscout.sim_state import plain
from connectors.helpscout.simulator import PAGE, HelpScoutSimulator
from connectors.testing.bench import Bench, Shown, ShownComment, ShownFile
from gateway.domain.ticket import Category

CLIENT, CLIENT_SECRET, SECRET = "an-app-id", "an-app-secret-0123456789", "a-webhook-secret-0123456789"
#: the custom field of our mark
MARKER = 6689
WORDS = {Category.OPEN: "active", Category.PENDING_CUSTOMER: "pending", Category.RESOLVED: "closed"}


class HelpScoutBench(Bench):
    """One account."""

    connector = "helpscout"
    page = PAGE
    desk: HelpScoutSimulator
    categories = frozenset(WORDS)
    levels = frozenset()
    create_params = {"mailbox": "Support"}  # noqa: RUF012 - a ClassVar of the base

    def __init__(self) -> None:
        self.desk = HelpScoutSimulator(client_id=CLIENT, client_secret=CLIENT_SECRET, webhook_secret=SECRET)
        self.agents = (str(self.desk.records.person), str(self.desk.records.me))

    def options(self) -> dict[str, Any]:
        """Return the app's id and secret, and that of its webhooks."""
        return {
            "auth": {"client_id": CLIENT, "client_secret": CLIENT_SECRET},
            "webhook_secret": SECRET,
            "mailboxes": {"Support": 85},
            "ticket_marker": MARKER,
        }

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let a customer write in."""
        return str(self.desk.act("create", subject=title, body=body, email=email))

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let a user reply or note."""
        self.desk.act("say", conversation=ticket, body=text, public=public)

    def ask(self, ticket: str, text: str) -> None:
        """Let the customer write again."""
        self.desk.act("say", conversation=ticket, body=text, by="customer")

    def set_status(self, ticket: str, category: Category) -> None:
        """Let a user set the status."""
        self.desk.act("patch", conversation=ticket, path="/status", value=WORDS[category])

    def set_title(self, ticket: str, title: str) -> None:
        """Let a user change the subject."""
        self.desk.act("patch", conversation=ticket, path="/subject", value=title)

    def assign(self, ticket: str, account: str) -> None:
        """Let a user assign."""
        self.desk.act("patch", conversation=ticket, path="/assignTo", value=int(account), event="convo.assigned")

    def merge(self, ticket: str, into: str) -> None:
        """Let a user merge."""
        self.desk.act("merge", conversation=ticket, into=into)

    def delete(self, ticket: str) -> None:
        """Let a user delete."""
        self.desk.act("delete", conversation=ticket)

    def move(self, ticket: str) -> str:
        """Let a user move the conversation to another inbox."""
        self.desk.act("patch", conversation=ticket, path="/mailboxId", value=86, event="convo.moved")
        return ticket

    def set_spam(self, ticket: str, *, spam: bool) -> None:
        """Let a user set the status that says so, or another."""
        self.desk.act("patch", conversation=ticket, path="/status", value="spam" if spam else "active")

    def name(self, ticket: str, name: str) -> None:
        """Let another app set the field."""
        self.desk.act("field", conversation=ticket, field=MARKER, value=name)

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let a user put a file on a conversation, with a few words."""
        mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
        file = {"fileName": name, "mimeType": mime, "data": base64.b64encode(data).decode()}
        self.desk.act("say", conversation=ticket, body=f"See {name}", public=public, files=[file])

    def shown(self, ticket: str) -> Shown:
        """Return the conversation as users see it."""
        with self.desk.lock:
            records = self.desk.records
            held = records.conversations[int(ticket)]
            threads = records.threads[int(ticket)]
            return Shown(
                title=held["subject"],
                body=plain(threads[0]["body"]) if threads else "",
                status=held["status"],
                assignee=str(held.get("assignee", {}).get("id", "")),
                comments=tuple(ShownComment(plain(one["body"]), one["type"] != "note") for one in threads[1:]),
                files=tuple(
                    ShownFile(each["filename"], records.files[each["id"]].data, one["type"] != "note")
                    for one in threads
                    for each in one["_embedded"]["attachments"]
                ),
            )
