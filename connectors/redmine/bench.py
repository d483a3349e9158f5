"""A simulated Redmine on the bench: what its people do, in our words."""

from __future__ import annotations

from typing import Any

from connectors.redmine.account import LEVELS, WORDS
from connectors.redmine.sim_state import PRIORITIES, STATUSES
from connectors.redmine.simulator import MARKER, NOTE_MARKER, REQUESTER, RedmineSimulator
from connectors.redmine.texts import read_text
from connectors.testing.bench import Bench, Shown, ShownComment, ShownFile
from gateway.domain.ticket import Category, Level, Priority, Status

#: the number of what an admin adds
ADDED = 42
API_KEY, SECRET = "0123456789abcdef0123456789abcdef01234567", "a-webhook-secret-0123456789"


class RedmineBench(Bench):
    """One Redmine, with its default statuses, and Markdown as text formatting."""

    connector = "redmine"
    desk: RedmineSimulator
    #: Feedback waits for whom an issue is from: it has no word for waiting otherwise
    categories = frozenset(
        {
            Category.NEW,
            Category.OPEN,
            Category.PENDING_CUSTOMER,
            Category.RESOLVED,
            Category.CLOSED,
            Category.CANCELLED,
        }
    )
    create_params = {"project": "support"}  # noqa: RUF012 - a ClassVar of the base

    def __init__(self) -> None:
        self.desk = RedmineSimulator(api_key=API_KEY, webhook_secret=SECRET)
        self.agents = (str(self.desk.records.agent), str(self.desk.records.other))

    def options(self) -> dict[str, Any]:
        """Return an API key, the webhook's secret and the fields of our marks."""
        return {
            "auth": {"api_key": API_KEY},
            "webhook_secret": SECRET,
            "ticket_marker": MARKER,
            "comment_marker": NOTE_MARKER,
            "requester_field": REQUESTER,
        }

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let a customer report an issue."""
        return str(self.desk.act("create", subject=title, description=body, email=email))

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let an agent write a note, or a private one."""
        self.desk.act("note", issue=ticket, notes=text, private=not public)

    def ask(self, ticket: str, text: str) -> None:
        """Let the author write a note."""
        self.desk.act("note", issue=ticket, notes=text, by="customer")

    def set_status(self, ticket: str, category: Category) -> None:
        """Let an agent set the status."""
        self.desk.act("set", issue=ticket, status_id=STATUSES[WORDS[category]])

    def set_priority(self, ticket: str, level: Level) -> None:
        """Let an agent set the priority."""
        self.desk.act("set", issue=ticket, priority_id=PRIORITIES[LEVELS[level]])

    def set_title(self, ticket: str, title: str) -> None:
        """Let an agent change the subject."""
        self.desk.act("set", issue=ticket, subject=title)

    def assign(self, ticket: str, account: str) -> None:
        """Let an agent set the assignee."""
        self.desk.act("set", issue=ticket, assigned_to_id=int(account))

    def delete(self, ticket: str) -> None:
        """Let an agent delete."""
        self.desk.act("delete", issue=ticket)

    def move(self, ticket: str) -> str:
        """Let an agent move the issue to another project."""
        self.desk.act("set", issue=ticket, project_id=2)
        return ticket

    def add_status(self, ticket: str, word: str) -> Status:
        """Let an admin add a status."""
        self.desk.records.statuses[word] = ADDED
        self.desk.act("set", issue=ticket, status_id=ADDED)
        return Status(Category.UNKNOWN, word)

    def add_priority(self, ticket: str, word: str) -> Priority:
        """Let an admin add a priority."""
        self.desk.records.priorities[word] = ADDED
        self.desk.act("set", issue=ticket, priority_id=ADDED)
        return Priority(Level.UNSET, word)

    def set_private(self, ticket: str, *, private: bool) -> None:
        """Let an agent make the issue private, or no more."""
        self.desk.act("set", issue=ticket, is_private=private)

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let an agent put a file on an issue, with a note."""
        self.desk.act(
            "attach", issue=ticket, name=name, mime="application/octet-stream", data=list(data), private=not public
        )

    def name(self, ticket: str, name: str) -> None:
        """Let another program set the key."""
        self.desk.act("set", issue=ticket, custom_fields=[{"id": int(MARKER), "value": name}])

    def shown(self, ticket: str) -> Shown:
        """Return the issue as its page shows it."""
        with self.desk.lock:
            records = self.desk.records
            if int(ticket) not in records.issues:
                msg = f"no issue {ticket}"
                raise LookupError(msg)
            view = records.view(int(ticket))
            files = [each for each in records.files.values() if each["issue"] == int(ticket)]
            names = {each["filename"]: str(each["id"]) for each in files}
            return Shown(
                title=view["subject"],
                body=read_text(view["description"], "common_mark", names).markdown,
                status=view["status"]["name"],
                priority=view["priority"]["name"],
                assignee=str(view["assigned_to"]["id"]) if "assigned_to" in view else "",
                comments=tuple(
                    ShownComment(read_text(each["notes"], "common_mark", names).markdown, not each["private_notes"])
                    for each in records.journals[int(ticket)]
                    if each["notes"]
                ),
                files=tuple(ShownFile(each["filename"], each["data"]) for each in files),
            )
