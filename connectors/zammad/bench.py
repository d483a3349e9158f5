"""A simulated Zammad on the bench: what its people do, in our words."""

from __future__ import annotations

import base64
from typing import Any

from connectors.content import to_html
from connectors.testing.bench import Bench, Shown, ShownComment, ShownFile
from connectors.zammad.account import LEVELS, WORDS, Account
from connectors.zammad.mapping import article_body
from connectors.zammad.simulator import ZammadSimulator
from gateway.domain.ticket import Category, Level, Priority, Status

#: the number of what an admin adds
ADDED = 42
TOKEN, SECRET = "api-token-0123456789", "a-signature-token-0123456789"
PENDING_TIME = "2030-01-01T00:00:00.000Z"


class ZammadBench(Bench):
    """One Zammad, with the states and priorities that it brings along."""

    connector = "zammad"
    desk: ZammadSimulator
    #: it has three
    levels = frozenset({Level.P2, Level.P3, Level.P4})
    create_params = {"group": "Support"}  # noqa: RUF012 - a ClassVar of the base

    def __init__(self) -> None:
        self.desk = ZammadSimulator(token=TOKEN, webhook_secret=SECRET)
        self.agents = (str(self.desk.records.agent), str(self.desk.records.other))

    def options(self) -> dict[str, Any]:
        """Return a token and the signature token of the webhook."""
        return {"auth": {"token": TOKEN}, "webhook_secret": SECRET}

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let a customer write in."""
        return str(self.desk.act("create", title=title, body=to_html(body), email=email, html=True))

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let an agent write a note for the customer, or for colleagues."""
        self.desk.act("article", ticket=ticket, body=text, internal=not public)

    def ask(self, ticket: str, text: str) -> None:
        """Let the customer write again."""
        self.desk.act("article", ticket=ticket, body=text, by="customer", kind="email")

    def set_status(self, ticket: str, category: Category) -> None:
        """Let an agent set the state; the form asks for a time where it is a pending one."""
        self.desk.act("set", ticket=ticket, state=WORDS[category], pending_time=PENDING_TIME)

    def set_priority(self, ticket: str, level: Level) -> None:
        """Let an agent set the priority."""
        self.desk.act("set", ticket=ticket, priority=LEVELS[level])

    def set_title(self, ticket: str, title: str) -> None:
        """Let an agent change the title."""
        self.desk.act("set", ticket=ticket, title=title)

    def assign(self, ticket: str, account: str) -> None:
        """Let an agent set the owner."""
        self.desk.act("set", ticket=ticket, owner_id=account)

    def merge(self, ticket: str, into: str) -> None:
        """Let an agent merge."""
        self.desk.act("merge", ticket=ticket, into=into)

    def delete(self, ticket: str) -> None:
        """Let an admin delete."""
        self.desk.act("delete", ticket=ticket)

    def move(self, ticket: str) -> str:
        """Let an agent move the ticket to another group."""
        self.desk.act("set", ticket=ticket, group="Sales")
        return ticket

    def add_status(self, ticket: str, word: str) -> Status:
        """Let an admin add a state."""
        self.desk.records.states[word] = ADDED
        self.desk.act("set", ticket=ticket, state=word)
        return Status(Category.UNKNOWN, word)

    def add_priority(self, ticket: str, word: str) -> Priority:
        """Let an admin add a priority."""
        self.desk.records.priorities[word] = ADDED
        self.desk.act("set", ticket=ticket, priority=word)
        return Priority(Level.UNSET, word)

    def split(self, ticket: str) -> str:
        """Let an agent split off what was said last."""
        return str(self.desk.act("split", ticket=ticket))

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let an agent put a file on a ticket, with a word."""
        file = {"filename": name, "mime-type": _mime(name), "data": base64.b64encode(data).decode()}
        self.desk.act("article", ticket=ticket, body="See the file", internal=not public, files=[file])

    def place(self, ticket: str) -> str:
        """Return where it is, and where articles are put on any ticket."""
        return rf"{super().place(ticket)}|/ticket_articles$"

    def name(self, ticket: str, name: str) -> None:
        """Let another program set the key."""
        self.desk.act("set", ticket=ticket, gateway_key=name)

    def shown(self, ticket: str) -> Shown:
        """Return the ticket as its page shows it."""
        with self.desk.lock:
            records = self.desk.records
            held = records.ticket_view(int(ticket))
            articles = [records.article_view(each["id"]) for each in records.articles_of(int(ticket))]
            account = Account(self.desk.url)
            texts = [(article_body(each, account)[0], not each["internal"]) for each in articles]
            public = {each["id"]: not each["internal"] for each in articles}
            return Shown(
                title=held["title"],
                body=texts[0][0] if texts else "",
                status=held["state"],
                priority=held["priority"],
                assignee="" if held["owner_id"] == 1 else str(held["owner_id"]),
                comments=tuple(ShownComment(text, shown) for text, shown in texts[1:]),
                files=tuple(
                    ShownFile(about["filename"], data, public[owner])
                    for owner, about, data in records.files.values()
                    if owner in public
                ),
            )


def _mime(name: str) -> str:
    return {"png": "image/png", "txt": "text/plain", "pdf": "application/pdf"}.get(
        name.rpartition(".")[2], "application/octet-stream"
    )
