"""A simulated Salesforce org on the bench: what its people do, in our words."""

from __future__ import annotations

from typing import Any

from connectors.salesforce.account import KEY_FIELD
from connectors.salesforce.simulator import SalesforceSimulator
from connectors.testing.bench import Bench, Shown, ShownComment, ShownFile
from gateway.domain.ticket import Category, Level, Priority, Status

TOKEN, SECRET = "00D5j-access-token-0123456789", "a-secret-in-the-url-0123456789"
WORDS = {
    Category.NEW: "New",
    Category.OPEN: "Working",
    Category.PENDING_CUSTOMER: "Waiting on Customer",
    Category.ON_HOLD: "On Hold",
    Category.RESOLVED: "Resolved",
    Category.CLOSED: "Closed",
}
LEVELS = {Level.P1: "Critical", Level.P2: "High", Level.P3: "Medium", Level.P4: "Low"}


class SalesforceBench(Bench):
    """One org whose picklists have more than those of a fresh one."""

    connector = "salesforce"
    desk: SalesforceSimulator

    def __init__(self) -> None:
        self.desk = SalesforceSimulator(token=TOKEN, webhook_secret=SECRET)
        self.desk.page = self.page
        records = self.desk.records
        self.agents = (records.agent, records.user("Agent Jones", "jones@org.example", self.desk.now()))

    def options(self) -> dict[str, Any]:
        """Return a token, the secret of the URL, and the words of the org."""
        return {
            "auth": {"token": TOKEN},
            "webhook_secret": SECRET,
            "statuses": {word: category.value for category, word in WORDS.items()},
            "priorities": {word: level.value for level, word in LEVELS.items()},
            "unassigned": "Support",
        }

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let a customer write into the form on the web."""
        return str(self.desk.act("create", subject=title, body=body, email=email))

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let an agent comment."""
        self.desk.act("comment", case_id=ticket, body=text, public=public)

    def ask(self, ticket: str, text: str) -> None:
        """Let the customer comment in the portal."""
        self.desk.act("comment", case_id=ticket, body=text, by="customer")

    def set_status(self, ticket: str, category: Category) -> None:
        """Let an agent set the status."""
        self.desk.act("set", case_id=ticket, Status=WORDS[category])

    def set_priority(self, ticket: str, level: Level) -> None:
        """Let an agent set the priority."""
        self.desk.act("set", case_id=ticket, Priority=LEVELS[level])

    def set_title(self, ticket: str, title: str) -> None:
        """Let an agent set the subject."""
        self.desk.act("set", case_id=ticket, Subject=title)

    def assign(self, ticket: str, account: str) -> None:
        """Let an agent give the case to somebody."""
        self.desk.act("set", case_id=ticket, OwnerId=account)

    def merge(self, ticket: str, into: str) -> None:
        """Let an agent merge."""
        self.desk.act("merge", case_id=ticket, into=into)

    def delete(self, ticket: str) -> None:
        """Let an agent delete."""
        self.desk.act("delete", case_id=ticket)

    def move(self, ticket: str) -> str:
        """Let an agent give the case to another queue."""
        given = {"Name": "Sales", "DeveloperName": "Sales"}
        queue = self.desk.records.add("Group", given, self.desk.records.me, self.desk.now())["Id"]
        self.desk.act("set", case_id=ticket, OwnerId=queue)
        return ticket

    def add_status(self, ticket: str, word: str) -> Status:
        """Let an admin add a value to the picklist."""
        self.desk.records.picklists["Status"].append(word)
        self.desk.act("set", case_id=ticket, Status=word)
        return Status(Category.UNKNOWN, word)

    def add_priority(self, ticket: str, word: str) -> Priority:
        """Let an admin add a value to the picklist."""
        self.desk.records.picklists["Priority"].append(word)
        self.desk.act("set", case_id=ticket, Priority=word)
        return Priority(Level.UNSET, word)

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let an agent put a file on the case."""
        self.desk.act("attach", case_id=ticket, name=name, data=data, public=public)

    def place(self, ticket: str) -> str:
        """Return where it is, and where comments are put on any case."""
        return rf"{super().place(ticket)}|/sobjects/(CaseComment|FeedItem|EmailMessage)/?$"

    def hide(self, ticket: str, status: int = 404) -> None:
        """Let sharing keep it from us: queries leave it out."""
        super().hide(ticket, status)
        self.desk.records.hidden.add(ticket)

    def reveal(self) -> None:
        """Give the right back."""
        super().reveal()
        self.desk.records.hidden.clear()

    def restore(self, ticket: str) -> None:
        """Let an agent take a deleted ticket back."""
        self.desk.act("undelete", case_id=ticket)

    def name(self, ticket: str, name: str) -> None:
        """Let another program set the key."""
        self.desk.act("set", case_id=ticket, **{KEY_FIELD: name})

    def shown(self, ticket: str) -> Shown:
        """Return the case as its page shows it."""
        with self.desk.lock:
            records = self.desk.records
            held = records.all["Case"][ticket]
            comments = [one for one in records.all["CaseComment"].values() if one["ParentId"] == ticket]
            return Shown(
                title=held["Subject"] or "",
                body=held["Description"] or "",
                status=held["Status"],
                priority=held["Priority"] or "",
                assignee=held["OwnerId"] if held["OwnerId"].startswith("005") else "",
                comments=tuple(ShownComment(one["CommentBody"], bool(one["IsPublished"])) for one in comments),
                files=tuple(self._files(ticket)),
            )

    def _files(self, ticket: str) -> list[ShownFile]:
        records = self.desk.records.all
        found = []
        for link in records["ContentDocumentLink"].values():
            if link["LinkedEntityId"] != ticket:
                continue
            document = records["ContentDocument"][link["ContentDocumentId"]]
            version = records["ContentVersion"][document["LatestPublishedVersionId"]]
            data = self.desk.stored[version["Id"]]
            found.append(ShownFile(version["PathOnClient"], data, link["Visibility"] == "AllUsers"))
        return found
