"""The records of a simulated Intercom workspace: tickets, conversations, their parts, and people."""

from __future__ import annotations

import itertools
from datetime import datetime
from html import escape
from typing import Any

Record = dict[str, Any]

TITLE, BODY = "_default_title_", "_default_description_"
TYPE = "95"
KEY, PRIORITY = "Gateway key", "Priority"
CATEGORIES = ("submitted", "in_progress", "waiting_on_customer", "resolved")
VENDOR = "With vendor"
ADMINS = {
    "991267883": {"name": "Rosa A", "email": "rosa@desk.example", "away_mode_enabled": False, "has_inbox_seat": True},
    "991267885": {"name": "Noor B", "email": "noor@desk.example", "away_mode_enabled": True, "has_inbox_seat": True},
    "991267890": {"name": "Gateway", "email": "gateway@desk.example", "away_mode_enabled": False,
                  "has_inbox_seat": False},
}  # fmt: skip
ROSA, NOOR, GATEWAY = ADMINS
BOT = {"type": "bot", "id": "9608808", "name": "Fin", "email": "operator+abc123def@intercom.io"}


class InvalidError(Exception):
    """Intercom refuses a value."""

    def __init__(self, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.field = code, message, field


def seconds(at: datetime) -> int:
    """Return seconds since 1970."""
    return int(at.timestamp())


def admin(number: str) -> Record:
    """Return a teammate as an author."""
    known = ADMINS.get(number, {})
    return {"type": "admin", "id": number, "name": known.get("name", ""), "email": known.get("email", "")}


def rich(text: str) -> str:
    """Return a text as the composer writes it."""
    paragraphs = (escape(each).replace("\n", "<br>") for each in text.split("\n\n"))
    return "\n".join(f'<p class="no-margin">{each}</p>' for each in paragraphs)


class Records:
    """Everything that one workspace has."""

    def __init__(self) -> None:
        self._ids = itertools.count(215_472_629_311_235)
        self._parts = itertools.count(37_403_241_257)
        self._inbox = itertools.count(38)
        self.held: dict[str, Record] = {}
        self.contacts: dict[str, Record] = {}
        self.files: dict[str, bytes] = {}
        self.states = {
            "8269": ("submitted", "Submitted"),
            "8270": ("in_progress", "In progress"),
            "8275": ("in_progress", VENDOR),
            "8271": ("waiting_on_customer", "Waiting on customer"),
            "8272": ("resolved", "Resolved"),
        }
        self.priorities = {None, "", "Urgent", "High", "Normal", "Low"}
        self.attributes = [TITLE, BODY, PRIORITY, KEY]

    def contact(self, email: str) -> Record:
        """Return the contact with an address, a new one where there is none."""
        for each in self.contacts.values():
            if each["email"] == email:
                return each
        number = f"6762f2f61bb69f9f{len(self.contacts):08x}"
        shown = {"type": "contact", "id": number, "role": "user", "email": email, "name": "Kim", "phone": None}
        self.contacts[number] = shown
        return shown

    def state(self, number: str) -> Record:
        """Return a ticket state."""
        category, label = self.states[number]
        return {
            "type": "ticket_state",
            "id": number,
            "category": category,
            "internal_label": label,
            "external_label": label,
        }

    def ticket(self, attributes: dict[str, Any], contacts: list[Record], now: datetime) -> Record:
        """Make a ticket in the first state."""
        self._check(attributes)
        number = str(next(self._ids))
        self.held[number] = {
            "type": "ticket",
            "id": number,
            "ticket_id": str(next(self._inbox)),
            "category": "Customer",
            "ticket_attributes": {**dict.fromkeys(self.attributes), **attributes},
            "ticket_state": self.state("8269"),
            "ticket_type": {"type": "ticket_type", "id": TYPE, "name": "Tickets", "category": "Customer"},
            "contacts": {
                "type": "contact.list",
                "contacts": [{"type": "contact", "id": each["id"], "external_id": None} for each in contacts],
            },
            "admin_assignee_id": "0",
            "team_assignee_id": "0",
            "created_at": seconds(now),
            "updated_at": seconds(now),
            "open": True,
            "snoozed_until": None,
            "is_shared": True,
            "parts": [],
        }
        return self.held[number]

    def conversation(self, text: str, person: Record, now: datetime, subject: str = "") -> Record:
        """Let a customer begin a conversation."""
        number = str(next(self._ids))
        author = {"type": "user", "id": person["id"], "name": person["name"], "email": person["email"]}
        self.held[number] = {
            "type": "conversation",
            "id": number,
            "title": None,
            "created_at": seconds(now),
            "updated_at": seconds(now),
            "source": {"type": "conversation", "id": "331494375", "delivered_as": "customer_initiated",
                       "subject": subject, "body": rich(text), "author": author, "attachments": []},
            "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": person["id"]}]},
            "admin_assignee_id": None,
            "team_assignee_id": None,
            "open": True,
            "state": "open",
            "snoozed_until": None,
            "priority": "not_priority",
            "ticket": None,
            "tags": {"type": "tag.list", "tags": []},
            "parts": [],
        }  # fmt: skip
        return self.held[number]

    def part(self, record: Record, sort: str, author: Record, now: datetime, **more: Any) -> Record:
        """Add a part."""
        kind = "ticket_part" if record["type"] == "ticket" else "conversation_part"
        found = {
            "type": kind,
            "id": str(next(self._parts)),
            "part_type": sort,
            "body": None,
            "created_at": seconds(now),
            "updated_at": seconds(now),
            "author": author,
            "assigned_to": None,
            "attachments": [],
            "redacted": False,
            **more,
        }
        record["parts"].append(found)
        record["updated_at"] = seconds(now)
        return found

    def set_attributes(self, record: Record, given: dict[str, Any], author: Record, now: datetime) -> list[str]:
        """Set attributes; returns those that changed, each with a part of its own."""
        self._check(given)
        held = record["ticket_attributes"]
        changed = [name for name, value in given.items() if (held.get(name) or "") != (value or "")]
        for name in changed:
            held[name] = given[name]
            said = {"attribute": {"label": name}, "value": {"name": given[name]}}
            self.part(record, "ticket_attribute_updated_by_admin", author, now, updated_attribute_data=said)
        return changed

    def set_state(self, record: Record, number: str, author: Record, now: datetime) -> bool:
        """Set a ticket's state; says whether it is another."""
        if number not in self.states:
            raise InvalidError("parameter_invalid", "Ticket state is invalid", "ticket_state_id")
        before = record["ticket_state"]
        if before["id"] == number:
            return False
        record["ticket_state"] = self.state(number)
        words = {
            "ticket_state": record["ticket_state"]["category"],
            "previous_ticket_state": before["category"],
        }
        self.part(record, "ticket_state_updated_by_admin", author, now, **words)
        return True

    def assign(
        self, record: Record, sort: str, number: str, author: Record, now: datetime, **more: Any
    ) -> Record | None:
        """Give it to a teammate or a team; None where they have it."""
        field = f"{sort}_assignee_id"
        new = number if number != "0" else ("0" if record["type"] == "ticket" else None)
        if record[field] == new:
            return None
        record[field] = new
        to = {"type": sort, "id": number} if number != "0" else {"type": "nobody_admin", "id": None}
        return self.part(record, "assignment", author, now, assigned_to=to, **more)

    def _check(self, given: dict[str, Any]) -> None:
        for name, value in given.items():
            if name not in self.attributes:
                raise InvalidError("parameter_invalid", f"Attribute {name} does not exist", "ticket_attributes")
            if name == PRIORITY and value not in self.priorities:
                raise InvalidError("parameter_invalid", f"{value} is not a value of {name}", "ticket_attributes")


def shown(record: Record, parts: list[Record] | None = None) -> Record:
    """Return a ticket or a conversation as Intercom shows it: the newest 500 parts."""
    kind = "ticket_part" if record["type"] == "ticket" else "conversation_part"
    listed = record["parts"] if parts is None else parts
    rest = {name: value for name, value in record.items() if name != "parts"}
    held = {"type": f"{kind}.list", f"{kind}s": listed[-500:], "total_count": len(listed)}
    return {**rest, f"{kind}s": held}
