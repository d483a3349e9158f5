"""A simulated HubSpot account on the bench: what its people do, in our words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from connectors.content import from_html
from connectors.hubspot.mapping import PRIORITY_WORDS
from connectors.hubspot.sim_state import KEY, REPAIRS
from connectors.hubspot.simulator import HubSpotSimulator
from connectors.testing.bench import Bench, Shown, ShownComment, ShownFile
from gateway.domain.ticket import Category, Level, Priority, Status

TOKEN, SECRET, APP = "pat-na1-0123456789-token", "yyyyyyyy-a-client-secret-0123456789", "52674089"
#: the id of what an admin adds
ADDED = "1084213"
STAGES = {
    Category.NEW: "1",
    Category.PENDING_CUSTOMER: "2",
    Category.OPEN: "3",
    Category.ON_HOLD: "5",
    Category.RESOLVED: "4",
}


class HubSpotBench(Bench):
    """One account, whose support pipeline has a stage of its own making."""

    connector = "hubspot"
    #: its search, which is all that lists changes, is behind by moments, sometimes by a minute
    lag = timedelta(seconds=60)
    page = 200
    desk: HubSpotSimulator
    agents = ("76299546", "76299547")

    def __init__(self) -> None:
        self.desk = HubSpotSimulator(token=TOKEN, app_id=APP, webhook_secret=SECRET)

    def options(self) -> dict[str, Any]:
        """Return a token, an app, a client secret, and what the stages mean."""
        found: dict[str, Any] = {
            "auth": {"token": TOKEN},
            "app_id": APP,
            "webhook_secret": SECRET,
            "portal_id": self.desk.portal,
            "user_id": 1002,
            "pipelines": {"0": {"name": "Support", "stages": {number: each.value for each, number in STAGES.items()}}},
        }
        return {**found, "webhook_url": self.desk.webhooks.url} if self.desk.webhooks.url else found

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let a customer write in."""
        return str(self.desk.act("create", subject=title, content=body, email=email))

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let an agent reply in the conversation, or write a note."""
        self.desk.act("message" if public else "note", ticket=ticket, text=text)

    def ask(self, ticket: str, text: str) -> None:
        """Let the customer reply."""
        self.desk.act("message", ticket=ticket, text=text, by="customer")

    def set_status(self, ticket: str, category: Category) -> None:
        """Let an agent move the ticket to a stage."""
        self.desk.act("set", ticket=ticket, hs_pipeline_stage=STAGES[category])

    def set_priority(self, ticket: str, level: Level) -> None:
        """Let an agent set the priority."""
        self.desk.act("set", ticket=ticket, hs_ticket_priority=PRIORITY_WORDS[level])

    def set_title(self, ticket: str, title: str) -> None:
        """Let an agent set the name."""
        self.desk.act("set", ticket=ticket, subject=title)

    def assign(self, ticket: str, account: str) -> None:
        """Let an agent set the owner."""
        self.desk.act("set", ticket=ticket, hubspot_owner_id=account)

    def merge(self, ticket: str, into: str) -> None:
        """Let an agent merge."""
        self.desk.act("merge", ticket=ticket, into=into)

    def delete(self, ticket: str) -> None:
        """Let an agent delete."""
        self.desk.act("delete", ticket=ticket)

    def move(self, ticket: str) -> str:
        """Let an agent move the ticket to the other pipeline, to a stage of it."""
        self.desk.act("set", ticket=ticket, hs_pipeline=REPAIRS, hs_pipeline_stage="61")
        return ticket

    def add_status(self, ticket: str, word: str) -> Status:
        """Let an admin add a stage to the pipeline, which is known by its id."""
        self.desk.records.pipelines["0"][1][ADDED] = (word, "OPEN")
        self.desk.act("set", ticket=ticket, hs_pipeline_stage=ADDED)
        return Status(Category.UNKNOWN, ADDED)

    def add_priority(self, ticket: str, word: str) -> Priority:
        """Let an admin add an option to the priorities."""
        self.desk.records.priorities.append(word)
        self.desk.act("set", ticket=ticket, hs_ticket_priority=word)
        return Priority(Level.UNSET, word)

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let an agent send a file in the conversation, or put it on a note."""
        number = self.desk.act("file", name=name, data=data)
        self.desk.act("message" if public else "note", ticket=ticket, text="See the file.", files=(number,))

    def restore(self, ticket: str) -> None:
        """Let an agent take a deleted ticket back."""
        self.desk.act("restore", ticket=ticket)

    def name(self, ticket: str, name: str) -> None:
        """Let another program set the key."""
        self.desk.act("set", ticket=ticket, **{KEY: name})

    def shown(self, ticket: str) -> Shown:
        """Return the ticket as its record page shows it."""
        with self.desk.lock:
            held = self.desk.records.ticket(ticket)
            if held is None:
                raise LookupError(ticket)
            given = held["properties"]
            said: list[tuple[str, ShownComment]] = []
            files = [self._file(each) for each in _ids(given.get("hs_file_upload"))]
            for kind, body, public in (("notes", "hs_note_body", False), ("emails", "hs_email_html", True)):
                for number in self.desk.linked(held["id"], kind):
                    each = self.desk.records.objects[kind][number]
                    text = from_html(each["properties"].get(body) or "").markdown
                    said.append((each["createdAt"], ShownComment(text, public)))
                    ids = _ids(each["properties"].get("hs_attachment_ids"))
                    files += [self._file(one, public=public) for one in ids]
            spoken = self.desk.records.threads.get(given.get("hs_conversations_originating_thread_id", ""), [])
            for place, each in enumerate(spoken):
                public = each["type"] == "MESSAGE"
                # the first one is the description
                if place:
                    text = from_html(each["richText"]).markdown
                    said.append((each["createdAt"], ShownComment(text, public)))
                files += [self._file(one["fileId"], public=public) for one in each["attachments"]]
        said.sort(key=lambda pair: pair[0])
        return Shown(
            title=given["subject"],
            body=given["content"],
            status=given["hs_pipeline_stage"],
            priority=given["hs_ticket_priority"],
            assignee=given["hubspot_owner_id"],
            comments=tuple(comment for _, comment in said),
            files=tuple(files),
        )

    def _file(self, number: str, *, public: bool = False) -> ShownFile:
        held = self.desk.records.files[number]
        return ShownFile(held["name"], held["data"], public)


def _ids(value: str | None) -> list[str]:
    return [each for each in (value or "").split(";") if each]
