"""A simulated Freshdesk, and a simulated Freshservice, on the bench: what their people do, in our words.

What they write is Markdown here and is in the desk what its editor would make of it: HTML.
"""

from __future__ import annotations

import mimetypes
from typing import Any

from connectors.content import to_html
from connectors.freshdesk.account import MARKERS, Product
from connectors.freshdesk.sim_state import SALES, plain
from connectors.freshdesk.simulator import FreshdeskSimulator
from connectors.freshdesk.words import PRIORITY_NUMBERS
from connectors.testing.bench import Bench, Shown, ShownComment, ShownFile
from gateway.domain.ticket import Category, Level, Status

KEY, SECRET = "api-key-0123456789", "an-automation-secret-0123456789"
#: the number of what an admin adds
ADDED = 8
NUMBERS = {
    Category.OPEN: 2,
    Category.PENDING_CUSTOMER: 3,
    Category.ON_HOLD: 7,
    Category.RESOLVED: 4,
    Category.CLOSED: 5,
}


class FreshdeskBench(Bench):
    """One account of Freshdesk."""

    connector = "freshdesk"
    product = "freshdesk"
    desk: FreshdeskSimulator
    categories = frozenset(NUMBERS)

    def __init__(self) -> None:
        self.desk = FreshdeskSimulator(api_key=KEY, webhook_secret=SECRET, product=self.product)
        self.agents = (str(self.desk.records.person), str(self.desk.records.me))

    def options(self) -> dict[str, Any]:
        """Return a key and what the automation sends."""
        return {"auth": {"api_key": KEY}, "webhook_secret": SECRET, "product": self.product}

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let a customer write in."""
        return str(self.desk.act("create", subject=title, body="", html=to_html(body), email=email))

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let an agent reply or note."""
        self.desk.act("say", ticket=ticket, body="", html=to_html(text), public=public)

    def ask(self, ticket: str, text: str) -> None:
        """Let the requester write again."""
        self.desk.act("say", ticket=ticket, body="", html=to_html(text), by="requester")

    def set_status(self, ticket: str, category: Category) -> None:
        """Let an agent set the status."""
        self.desk.act("set", ticket=ticket, status=NUMBERS[category])

    def set_priority(self, ticket: str, level: Level) -> None:
        """Let an agent set the priority."""
        self.desk.act("set", ticket=ticket, priority=int(PRIORITY_NUMBERS[level]))

    def set_title(self, ticket: str, title: str) -> None:
        """Let an agent set the subject."""
        self.desk.act("set", ticket=ticket, subject=title)

    def assign(self, ticket: str, account: str) -> None:
        """Let an agent set the responder."""
        self.desk.act("set", ticket=ticket, responder_id=int(account))

    def merge(self, ticket: str, into: str) -> None:
        """Let an agent merge."""
        self.desk.act("merge", ticket=ticket, into=into)

    def delete(self, ticket: str) -> None:
        """Let an agent delete."""
        self.desk.act("delete", ticket=ticket)

    def move(self, ticket: str) -> str:
        """Let an agent give the ticket to another group."""
        self.desk.act("set", ticket=ticket, group_id=SALES)
        return ticket

    def add_status(self, ticket: str, word: str) -> Status:
        """Let an admin add a status, of which the API shows the number alone."""
        self.desk.records.statuses.add(ADDED)
        self.desk.records.names[ADDED] = word
        self.desk.act("set", ticket=ticket, status=ADDED)
        return Status(Category.UNKNOWN, str(ADDED))

    def set_spam(self, ticket: str, *, spam: bool) -> None:
        """Let an agent call the ticket spam, or not."""
        self.desk.act("spam" if spam else "restore", ticket=ticket)

    def split(self, ticket: str) -> str:
        """Let an agent split off what was said last."""
        return str(self.desk.act("split", ticket=ticket))

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let an agent put a file on a ticket, with a few words."""
        mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
        self.desk.act("say", ticket=ticket, body=f"See {name}", public=public, files=[(name, mime, data)])

    def restore(self, ticket: str) -> None:
        """Let an agent take a deleted ticket back."""
        self.desk.act("restore", ticket=ticket)

    def name(self, ticket: str, name: str) -> None:
        """Let another program set the key."""
        self.desk.act("set", ticket=ticket, custom_fields={MARKERS[Product(self.product)]: name})

    def shown(self, ticket: str) -> Shown:
        """Return the ticket as the agent's page shows it."""
        with self.desk.lock:
            records = self.desk.records
            held = records.tickets[int(ticket)]
            said = records.conversations[int(ticket)]
            files = [(each, True) for each in held["attachments"]]
            files += [(each, not one["private"]) for one in said for each in one["attachments"]]
            return Shown(
                title=held["subject"],
                body=plain(held["description"]),
                status=str(held["status"]),
                priority=str(held["priority"]),
                assignee=str(held["responder_id"] or ""),
                comments=tuple(ShownComment(plain(one["body"]), not one["private"]) for one in said),
                files=tuple(ShownFile(each["name"], records.files[each["id"]].data, public) for each, public in files),
            )


class FreshserviceBench(FreshdeskBench):
    """One account of Freshservice, whose tickets wait for nobody in particular."""

    product = "freshservice"
    categories = frozenset(NUMBERS) - {Category.ON_HOLD}
