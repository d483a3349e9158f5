"""The records of a simulated HubSpot account, and what their changes are called."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KEY = "gateway_key"
STAGES = {
    "1": ("New", "OPEN"),
    "2": ("Waiting on contact", "OPEN"),
    "3": ("Waiting on us", "OPEN"),
    "5": ("With vendor", "OPEN"),
    "4": ("Closed", "CLOSED"),
}
#: a second pipeline, with stages of its own
REPAIRS = "6"
PIPELINES = {
    "0": ("Support Pipeline", STAGES),
    REPAIRS: ("Repairs", {"61": ("Sent in", "OPEN"), "62": ("Sent back", "CLOSED")}),
}
PRIORITIES = ("LOW", "MEDIUM", "HIGH", "URGENT")

Record = dict[str, Any]


class InvalidError(Exception):
    """HubSpot refuses a value."""

    def __init__(self, message: str, name: str = "", error: str = "INVALID_OPTION") -> None:
        super().__init__(message)
        self.message = message
        if name:
            # what is wrong with a value it says as JSON within its words
            wrong = [{"isValid": False, "message": message, "error": error, "name": name}]
            self.message = f"Property values were not valid: {msgspec.json.encode(wrong).decode()}"


def millis(at: datetime) -> int:
    """Return milliseconds since 1970."""
    return (at - EPOCH) // timedelta(milliseconds=1)


def stamp(at: datetime) -> str:
    """Return an instant as HubSpot writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


class Records:
    """Everything that one account has."""

    def __init__(self) -> None:
        self.pipelines = {number: (name, dict(stages)) for number, (name, stages) in PIPELINES.items()}
        self.priorities = [*PRIORITIES]
        self._ids = itertools.count(48_453_757_001)
        self._last = EPOCH
        #: kind -> id -> record
        self.objects: dict[str, dict[str, Record]] = {kind: {} for kind in ("tickets", "notes", "emails", "contacts")}
        #: ticket -> kind -> ids of what is associated with it
        self.associations: dict[str, dict[str, list[str]]] = {}
        self.threads: dict[str, list[Record]] = {}
        self.files: dict[str, Record] = {}
        #: ids of tickets that were merged away, and where they went
        self.merged: dict[str, str] = {}
        self.owners: dict[str, Record] = {
            number: {"id": number, "userId": user, "email": f"{name}@desk.example", "firstName": name.title()}
            for number, user, name in (
                ("76299546", 1001, "rosa"),
                ("76299547", 1002, "noor"),
                ("76299548", 1003, "left"),
            )
        }
        self.owners["76299548"]["archived"] = True
        self.unique = True

    def number(self) -> str:
        """Return a fresh id."""
        return str(next(self._ids))

    def tick(self, now: datetime) -> datetime:
        """Return an instant in whole milliseconds, after every one before unless the clock goes back."""
        at = EPOCH + timedelta(milliseconds=millis(now))
        again = at <= self._last < at + timedelta(seconds=1)
        self._last = self._last + timedelta(milliseconds=1) if again else at
        return self._last

    def ticket(self, number: str, *, archived: bool = False) -> Record | None:
        """Return a ticket by its id, or by that of one that was merged into it."""
        found = self.objects["tickets"].get(self.merged.get(number, number))
        return found if found is not None and (archived or not found["archived"]) else None

    def by_key(self, key: str) -> Record | None:
        """Return the ticket with a key of ours."""
        found = (each for each in self.objects["tickets"].values() if each["properties"].get(KEY) == key)
        return next((each for each in found if not each["archived"]), None)

    def make(self, kind: str, properties: dict[str, str], now: datetime, source: tuple[str, str]) -> Record:
        """Make an object; `source` is the type and the id of who did it."""
        if kind == "tickets":
            self._check(properties, "")
            if not properties.get("hs_pipeline_stage"):
                raise InvalidError("Error creating TICKET. Some required properties were not set.")
        at = self.tick(now)
        number = self.number()
        record: Record = {
            "id": number,
            "properties": {"hs_object_id": number, "createdate": stamp(at), "hs_createdate": stamp(at)},
            "history": {},
            "createdAt": stamp(at),
            "updatedAt": stamp(at),
            "archived": False,
        }
        self.objects[kind][number] = record
        if kind == "tickets":
            properties = {"hs_pipeline": "0", "hs_ticket_priority": "", "hubspot_owner_id": "", **properties}
            self.associations[number] = {"contacts": [], "notes": [], "emails": []}
        record["properties"] |= {"hs_object_source": source[0], "hs_object_source_id": source[1]}
        self._put(record, properties, at, source)
        return record

    def change(
        self, record: Record, properties: dict[str, str], now: datetime, source: tuple[str, str]
    ) -> dict[str, str]:
        """Set properties; returns those that changed."""
        self._check({**record["properties"], **properties}, record["id"])
        changed = {name: value for name, value in properties.items() if record["properties"].get(name, "") != value}
        if changed:
            self._put(record, changed, self.tick(now), source)
        return changed

    def _put(self, record: Record, properties: dict[str, str], at: datetime, source: tuple[str, str]) -> None:
        for name, value in properties.items():
            record["properties"][name] = value
            entry = {"value": value, "timestamp": stamp(at), "sourceType": source[0], "sourceId": source[1]}
            record["history"].setdefault(name, []).insert(0, entry)
        record["properties"]["hs_lastmodifieddate"] = stamp(at)
        record["updatedAt"] = stamp(at)

    def _check(self, properties: dict[str, str], number: str) -> None:
        _, stages = self.pipelines.get(properties.get("hs_pipeline", "0"), ("", {}))
        stage = properties.get("hs_pipeline_stage")
        if stage not in stages and (stage is not None or not stages):
            raise InvalidError(f"{stage} is no stage", "hs_pipeline_stage", "INVALID_PIPELINE_STAGE")
        if properties.get("hs_ticket_priority", "") not in ("", *self.priorities):
            given = properties["hs_ticket_priority"]
            raise InvalidError(f"{given} was not one of the allowed options", "hs_ticket_priority")
        owner = properties.get("hubspot_owner_id", "")
        if owner and owner not in self.owners:
            raise InvalidError(f"{owner} was not a valid owner", "hubspot_owner_id", "INVALID_OWNER_ID")
        held = self.by_key(properties[KEY]) if self.unique and properties.get(KEY) else None
        if held is not None and held["id"] != number:
            raise InvalidError(
                f"Cannot set PropertyValueCoordinates{{portalId=62515, propertyName={KEY}, value={properties[KEY]}}}. "
                f"{held['id']} already has that value."
            )

    def contact(self, email: str, now: datetime, name: str = "") -> Record:
        """Return the contact with an address, a new one where there is none."""
        for each in self.objects["contacts"].values():
            if each["properties"].get("email") == email:
                return each
        return self.make("contacts", {"email": email, "firstname": name or "Kim"}, now, ("CRM_UI", "userId:1001"))

    def say(self, number: str, message: Record, now: datetime) -> Record:
        """Add a message to the conversation of a ticket."""
        at = self.tick(now)
        thread = self.objects["tickets"][number]["properties"]["hs_conversations_originating_thread_id"]
        found = {
            "id": f"{len(self.threads[thread]):04x}{thread[-4:]}-af97-4a4f-a5ce-50480d2f337f",
            "conversationsThreadId": thread,
            "createdAt": stamp(at),
            "channelId": "1002",
            "channelAccountId": "4021198932",
            "attachments": [],
            "recipients": [],
            "archived": False,
            "truncationStatus": "NOT_TRUNCATED",
            **message,
        }
        self.threads[thread].append(found)
        return found
