"""A simulated GitHub on the bench: what people do in its issues, in our words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from connectors.github.mapping import body_of
from connectors.github.options import PRIORITIES, STATUSES
from connectors.github.simulator import GitHubSimulator
from connectors.testing.bench import Bench, Lacking, Shown, ShownComment
from gateway.domain.ticket import Category, Level

TOKEN, SECRET = "github_pat_0123456789", "a-webhook-secret-0123456789"
LABELS = {category: label for label, category in STATUSES.items()}
LEVELS = {level: label for label, level in PRIORITIES.items()}


class GitHubBench(Bench):
    """One account with two repositories."""

    connector = "github"
    categories = frozenset(
        {Category.OPEN, Category.PENDING_CUSTOMER, Category.ON_HOLD, Category.RESOLVED, Category.CANCELLED}
    )
    create_params: ClassVar[Mapping[str, Any]] = {"repository": "acme/help"}
    desk: GitHubSimulator

    def __init__(self) -> None:
        self.desk = GitHubSimulator(token=TOKEN, webhook_secret=SECRET)
        self.agents = self.desk.records.agents

    def options(self) -> dict[str, Any]:
        """Return a token, a secret, and what is ours."""
        return {
            "auth": {"token": TOKEN},
            "webhook_secret": SECRET,
            "repositories": ["acme/help", "acme/plant"],
            "account_id": self.desk.records.me,
        }

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let somebody open an issue."""
        return str(self.desk.act("create", title=title, body=body, email=email))

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let a colleague comment; everybody who sees the issue reads it."""
        if not public:
            raise Lacking
        self.desk.act("comment", issue=ticket, body=text)

    def ask(self, ticket: str, text: str) -> None:
        """Let who opened it comment."""
        self.desk.act("comment", issue=ticket, body=text, by="customer")

    def set_status(self, ticket: str, category: Category) -> None:
        """Let a colleague close it, or open it with the label that says how it stands."""
        if category in {Category.RESOLVED, Category.CANCELLED}:
            reason = "completed" if category is Category.RESOLVED else "not_planned"
            self.desk.act("set", issue=ticket, state="closed", state_reason=reason)
            return
        self.desk.act("set", issue=ticket, state="open")
        self.desk.act("label", issue=ticket, add=LABELS[category], removing=list(STATUSES))

    def set_priority(self, ticket: str, level: Level) -> None:
        """Let a colleague change the label of the priority."""
        self.desk.act("label", issue=ticket, add=LEVELS[level], removing=list(PRIORITIES))

    def set_title(self, ticket: str, title: str) -> None:
        """Let a colleague change the title."""
        self.desk.act("set", issue=ticket, title=title)

    def assign(self, ticket: str, account: str) -> None:
        """Let a colleague assign."""
        self.desk.act("set", issue=ticket, assignees=[account])

    def delete(self, ticket: str) -> None:
        """Let an admin delete."""
        self.desk.act("delete", issue=ticket)

    def move(self, ticket: str) -> str:
        """Let somebody transfer the issue to the other repository, where it is a new one."""
        return str(self.desk.act("transfer", issue=ticket, repository="acme/plant"))

    def place(self, ticket: str) -> str:
        """Return where its issue is."""
        return rf"/issues/{ticket.rpartition('#')[2]}(?![\w.-])"

    def name(self, ticket: str, name: str) -> None:
        """Let a bot write into the description, and beside it what nobody sees."""
        self.desk.act("set", issue=ticket, body=f"{self.shown(ticket).body}\n\nFrom {name}\n\n<!-- {name} -->")

    def shown(self, ticket: str) -> Shown:
        """Return the issue as its page shows it."""
        with self.desk.lock:
            repository, _, number = ticket.rpartition("#")
            records = self.desk.records
            held = records.issues[repository][int(number)]
            return Shown(
                title=held["title"],
                body=body_of(held["body"]),
                status=held["state"],
                priority=next((each for each in held["labels"] if each in PRIORITIES), ""),
                assignee=held["assignees"][0] if held["assignees"] else "",
                comments=tuple(
                    ShownComment(body_of(each["body"]), public=True) for each in records.comments[held["id"]]
                ),
            )
