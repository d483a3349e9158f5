"""A simulated GitLab on the bench: what its people do, in our words."""

from __future__ import annotations

import re
from typing import Any

from connectors.gitlab.sim_state import PRODUCT
from connectors.gitlab.simulator import GitLabSimulator
from connectors.gitlab.texts import APART
from connectors.testing.bench import Bench, Shown, ShownComment, ShownFile
from gateway.domain.ticket import Category, Level, Priority, Status

TOKEN = "glpat-0123456789abcdef"
#: of Standard Webhooks' own documentation
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STATUS_LABELS = {
    "new": "status::new",
    "pending_customer": "status::waiting",
    "on_hold": "status::blocked",
    "cancelled": "status::wontfix",
}
_UNSEEN = re.compile(r"\s*<!--.*?-->", re.DOTALL)
_FILE = re.compile(r"!?\[([^\]]*)\]\(/uploads/([0-9a-f]{32}/[^)\s]+)\)")


class GitLabBench(Bench):
    """One project with Service Desk, and a second one to which issues may be moved."""

    connector = "gitlab"
    desk: GitLabSimulator

    def __init__(self) -> None:
        self.desk = GitLabSimulator(token=TOKEN, webhook_secret=SECRET)
        self.agents = (str(self.desk.records.agent), str(self.desk.records.me))

    def options(self) -> dict[str, Any]:
        """Return a token, the signing token and the labels of this project."""
        return {
            "auth": {"token": TOKEN},
            "webhook_secret": SECRET,
            "project": "acme/support",
            "projects": ["acme/product"],
            "status_labels": STATUS_LABELS,
        }

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let a customer write to Service Desk."""
        made = self.desk.act("mail", title=title, body=body, email=email)
        return f"{made['project_id']}-{made['iid']}"

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let a member write a note, or an internal one."""
        self.desk.act("note", issue=ticket, text=text, internal=not public)

    def ask(self, ticket: str, text: str) -> None:
        """Let the customer answer by mail."""
        self.desk.act("note", issue=ticket, text=text, by="customer")

    def set_status(self, ticket: str, category: Category) -> None:
        """Let a member close or reopen the issue, or put a label on."""
        label = STATUS_LABELS.get(category.value, "")
        others = ",".join(sorted(set(STATUS_LABELS.values()) - {label}))
        event = "close" if category is Category.RESOLVED else "reopen"
        held = self.desk.records.find(*ticket.split("-"))
        state = {"state_event": event} if (held or {}).get("state") != {"close": "closed"}.get(event, "opened") else {}
        self.desk.act("set", issue=ticket, add_labels=label, remove_labels=others, **state)

    def set_priority(self, ticket: str, level: Level) -> None:
        """Let a member change the label of the priority."""
        label = f"priority::{level.value[1]}"
        others = ",".join(f"priority::{number}" for number in range(1, 5) if f"priority::{number}" != label)
        self.desk.act("set", issue=ticket, add_labels=label, remove_labels=others)

    def set_title(self, ticket: str, title: str) -> None:
        """Let a member change the title."""
        self.desk.act("set", issue=ticket, title=title)

    def assign(self, ticket: str, account: str) -> None:
        """Let a member assign the issue."""
        self.desk.act("set", issue=ticket, assignee_ids=[int(account)])

    def merge(self, ticket: str, into: str) -> None:
        """Let a member close the issue as a duplicate."""
        self.desk.act("duplicate", issue=ticket, into=into)

    def delete(self, ticket: str) -> None:
        """Let an owner delete the issue."""
        self.desk.act("delete", issue=ticket)

    def move(self, ticket: str) -> str:
        """Let a member move the issue to the other project, where it is a new one."""
        return str(self.desk.act("move", issue=ticket, to=PRODUCT))

    def add_status(self, ticket: str, word: str) -> Status:
        """Let a member put on a label of the scope of statuses that no settings have."""
        label = f"status::{word}"
        others = ",".join(sorted(STATUS_LABELS.values()))
        self.desk.act("set", issue=ticket, add_labels=label, remove_labels=others)
        return Status(Category.UNKNOWN, label)

    def add_priority(self, ticket: str, word: str) -> Priority:
        """Let a member put on a label of the scope of priorities that no settings have."""
        label = f"priority::{word}"
        others = ",".join(f"priority::{number}" for number in range(1, 5))
        self.desk.act("set", issue=ticket, add_labels=label, remove_labels=others)
        return Priority(Level.UNSET, label)

    def set_private(self, ticket: str, *, private: bool) -> None:
        """Let a member make the issue confidential, or no more."""
        self.desk.act("set", issue=ticket, confidential=private)

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let a member put a file into a note."""
        self.desk.act("attach", issue=ticket, name=name, data=data, internal=not public)

    def place(self, ticket: str) -> str:
        """Return where its issue is."""
        return rf"/issues/{ticket.rpartition('-')[2]}(?![\w.-])"

    def name(self, ticket: str, name: str) -> None:
        """Let a bot write into the description, and beside it what nobody sees."""
        self.desk.act("set", issue=ticket, description=f"{self.shown(ticket).body}\n\nFrom {name}\n\n<!-- {name} -->")

    def shown(self, ticket: str) -> Shown:
        """Return the issue as members see it: without what HTML hides."""
        with self.desk.lock:
            records = self.desk.records
            held = records.find(*ticket.split("-"))
            if held is None:
                raise LookupError(ticket)
            said = [note for note in records.notes[held["id"]] if not note["system"]]
            texts = [(held["description"], True), *((note["body"], not note["internal"]) for note in said)]
            return Shown(
                title=held["title"],
                body=_UNSEEN.sub("", held["description"]),
                status=held["state"],
                priority=",".join(one for one in held["labels"] if one.startswith("priority::")),
                assignee=str(held["assignees"][0]["id"]) if held["assignees"] else "",
                comments=tuple(ShownComment(_UNSEEN.sub("", note["body"]), not note["internal"]) for note in said),
                files=tuple(
                    ShownFile(name.replace(APART, ""), records.uploads[f"{held['project_id']}/{place}"], public)
                    for text, public in texts
                    for name, place in _FILE.findall(text)
                ),
            )
