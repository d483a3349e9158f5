"""A simulated Planfix on the bench: what its people do, in our words."""

from __future__ import annotations

from typing import Any

from connectors.content import to_html
from connectors.planfix.mapping import words
from connectors.planfix.simulator import REQUESTER, PlanfixSimulator
from connectors.testing.bench import Bench, Shown, ShownComment, ShownFile
from gateway.domain.ticket import Category, Level, Status

TOKEN, SECRET = "rest-token-0123456789", "a-scenario-secret-0123456789"
#: the number of what an admin adds
ADDED = 104
NUMBERS = {
    Category.NEW: 1,
    Category.OPEN: 2,
    Category.CLOSED: 3,
    Category.ON_HOLD: 4,
    Category.CANCELLED: 5,
    Category.RESOLVED: 6,
}


class PlanfixBench(Bench):
    """One account, with Planfix's own statuses."""

    connector = "planfix"
    desk: PlanfixSimulator
    #: whom a postponed task waits for, only a site's own process says
    categories = frozenset(NUMBERS)
    #: it has two
    levels = frozenset({Level.P1, Level.P3})
    create_params = {"project": 1, "process": 7}  # noqa: RUF012 - a ClassVar of the base

    def __init__(self) -> None:
        self.desk = PlanfixSimulator(token=TOKEN, webhook_secret=SECRET)
        self.agents = (self.desk.agent, self.desk.other)

    def options(self) -> dict[str, Any]:
        """Return a token, its employee, and the scenario's secret."""
        return {
            "auth": {"token": TOKEN},
            "webhook_secret": SECRET,
            "account_id": self.desk.me,
            "requester_field": REQUESTER,
            "projects": {"Support": 1, "Internals": 2},
        }

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let a customer write in."""
        return str(self.desk.act("create", name=title, description=to_html(body), email=email))

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let an agent comment, or comment hidden."""
        self.desk.act("comment", task=ticket, text=to_html(text), hidden=not public)

    def ask(self, ticket: str, text: str) -> None:
        """Let the contact comment."""
        self.desk.act("comment", task=ticket, text=to_html(text), by="customer")

    def set_status(self, ticket: str, category: Category) -> None:
        """Let an agent set the status."""
        self.desk.act("set", task=ticket, status=NUMBERS[category])

    def set_priority(self, ticket: str, level: Level) -> None:
        """Let an agent mark the task urgent, or not."""
        self.desk.act("set", task=ticket, priority="Urgent" if level is Level.P1 else "NotUrgent")

    def set_title(self, ticket: str, title: str) -> None:
        """Let an agent change the name."""
        self.desk.act("set", task=ticket, name=title)

    def assign(self, ticket: str, account: str) -> None:
        """Let an agent give the task to somebody."""
        self.desk.act("set", task=ticket, assignees=[account])

    def delete(self, ticket: str) -> None:
        """Let an agent delete."""
        self.desk.act("delete", task=ticket)

    def move(self, ticket: str) -> str:
        """Let an agent move the task to another project."""
        self.desk.act("set", task=ticket, project=2)
        return ticket

    def add_status(self, ticket: str, word: str) -> Status:
        """Let an admin add a status to the process."""
        self.desk.statuses[ADDED] = word
        self.desk.act("set", task=ticket, status=ADDED)
        return Status(Category.UNKNOWN, word)

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let an agent put a file on a task, with a comment."""
        file = self.desk.act("file", name=name, data=list(data))
        self.desk.act("comment", task=ticket, text="<p>See the file</p>", hidden=not public, files=[file])

    def restore(self, ticket: str) -> None:
        """Let an agent take a deleted ticket back."""
        self.desk.act("restore", task=ticket)

    def name(self, ticket: str, name: str) -> None:
        """Let another program set the source id."""
        self.desk.act("set", task=ticket, source=name)

    def shown(self, ticket: str) -> Shown:
        """Return the task as its page shows it."""
        with self.desk.lock:
            task = self.desk.tasks.get(int(ticket))
            if task is None:
                msg = f"no task {ticket}"
                raise LookupError(msg)
            comments = self.desk.comments[int(ticket)]
            files = [(number, True) for number in task["files"]]
            files += [(number, not each["hidden"]) for each in comments for number in each["files"]]
            return Shown(
                title=task["name"],
                body=words(task["description"]).markdown,
                status=self.desk.statuses[task["status"]],
                priority=task["priority"],
                assignee=next(iter(task["assignees"]), ""),
                comments=tuple(
                    ShownComment(words(each["description"]).markdown, not each["hidden"]) for each in comments
                ),
                files=tuple(ShownFile(*self.desk.files[number], public) for number, public in files),
            )
