"""The records of a simulated Freshdesk or Freshservice account, and what it refuses."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from itertools import count
from typing import Any

import msgspec

BLOCK = re.compile(r"<\s*(?:br\s*/?|/p|/div|/li|/h[1-6])\s*>", re.IGNORECASE)
TAG = re.compile(r"<[^>]*>")
STATUSES = frozenset({2, 3, 4, 5, 6, 7})
PRIORITIES = frozenset({1, 2, 3, 4})
MAX_SUBJECT = 255
KNOWN = frozenset({
    "subject", "description", "status", "priority", "type", "tags", "responder_id", "group_id", "requester_id", "email",
    "name", "custom_fields", "product_id", "email_config_id", "source", "workspace_id", "due_by", "fr_due_by",
})  # fmt: skip


class InvalidError(Exception):
    """The desk refuses a value: 400 `Validation failed`."""

    def __init__(self, field: str, message: str, code: str = "invalid_value") -> None:
        super().__init__(f"{field}: {message}")
        self.fault = {"field": field, "message": message, "code": code}


class File(msgspec.Struct, frozen=True):
    """A file as it came in a form."""

    name: str
    mime: str
    data: bytes


def stamp(at: datetime) -> str:
    """Write an instant as the API does: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain(body: str) -> str:
    """Return the text of an HTML body, as the desk shows it."""
    return html.unescape(TAG.sub("", BLOCK.sub("\n", body))).strip()


def typed(words: str) -> str:
    """Return what the editor makes of words that somebody types."""
    return f"<div>{html.escape(words, quote=False).replace(chr(10), '<br>')}</div>"


#: two groups of agents
SUPPORT, SALES = 5_000_012, 5_000_013


class Records:
    """Tickets, conversations, agents and contacts."""

    def __init__(self, *, service: bool) -> None:
        self.service = service
        self.tickets: dict[int, dict[str, Any]] = {}
        self.conversations: dict[int, list[dict[str, Any]]] = {}
        self.files: dict[int, File] = {}
        self.agents: dict[int, dict[str, Any]] = {}
        self.contacts: dict[int, dict[str, Any]] = {}
        self.custom = {"gateway_key" if service else "cf_gateway_key", "employee_id" if service else "cf_plan"}
        self.statuses = set(STATUSES)
        #: of the statuses that an admin made
        self.names: dict[int, str] = {}
        self.groups = {SUPPORT, SALES}
        self._tickets = count(1)
        self._ids = count(5_004_272_001)
        self.me = self.agent("gateway@desk.example", "Gateway")
        self.person = self.agent("agent@desk.example", "Alex Agent")

    def next_id(self) -> int:
        """Return a fresh id, larger than 32 bits as theirs are."""
        return next(self._ids)

    def agent(self, email: str, name: str, *, active: bool = True, available: bool = False) -> int:
        """Return the id of a new agent."""
        number = self.next_id()
        own: dict[str, Any] = {"active": active, "email": email, "name": name, "phone": None, "mobile": None}
        if self.service:
            first, _, last = name.partition(" ")
            self.agents[number] = {
                "id": number,
                "email": email,
                "first_name": first,
                "last_name": last,
                "active": active,
            }
        else:
            self.agents[number] = {
                "id": number, "available": available, "occasional": False, "ticket_scope": 1, "type": "support_agent",
                "available_since": None, "contact": own,
            }  # fmt: skip
        return number

    def contact(self, email: str, name: str = "") -> int:
        """Return the id of the contact with that address, made when there is none."""
        for number, known in self.contacts.items():
            if known[self._mail] == email.lower():
                return number
        number = self.next_id()
        made: dict[str, Any] = {"id": number, self._mail: email.lower(), "mobile": None, "phone": None}
        label = name or email.partition("@")[0]
        made |= {"first_name": label, "last_name": None} if self.service else {"name": label}
        # the field that looks like a name of tickets and is one of people
        self.contacts[number] = {**made, "unique_external_id": None}
        return number

    @property
    def _mail(self) -> str:
        return "primary_email" if self.service else "email"

    def create(self, given: dict[str, Any], now: datetime, files: list[File]) -> dict[str, Any]:
        """Make a ticket; raises InvalidError."""
        self._check(given)
        if not given.get("requester_id") and not given.get("email"):
            raise InvalidError(
                "requester_id", "One of these fields needs to be present: requester_id, email", "missing_field"
            )
        for name in ("subject", "description", "status", "priority"):
            if not given.get(name):
                raise InvalidError(name, "It should not be blank as this is a mandatory field", "missing_field")
        number = next(self._tickets)
        requester = given.get("requester_id") or self.contact(str(given["email"]), str(given.get("name") or ""))
        ticket: dict[str, Any] = {
            "cc_emails": [], "fwd_emails": [], "reply_cc_emails": [], "fr_escalated": False, "spam": False,
            "email_config_id": None, "group_id": None, "priority": 1, "requester_id": requester, "responder_id": None,
            "source": 2, "status": 2, "subject": "", "type": "Incident" if self.service else None, "id": number,
            "product_id": None, "due_by": stamp(now), "fr_due_by": stamp(now), "is_escalated": False, "deleted": False,
            "custom_fields": dict.fromkeys(sorted(self.custom)), "tags": [], "attachments": [], "description": "",
            "description_text": "", "created_at": stamp(now), "updated_at": stamp(now),
            "department_id" if self.service else "company_id": None,
        }  # fmt: skip
        self.tickets[number] = ticket
        self.conversations[number] = []
        self._take(ticket, given)
        ticket["attachments"] = [self.keep(each) for each in files]
        return ticket

    def update(self, number: int, given: dict[str, Any], now: datetime) -> dict[str, tuple[Any, Any]]:
        """Change a ticket; returns what changed from what to what. Raises InvalidError."""
        self._check(given)
        ticket = self.tickets[number]
        _check_due(ticket, given)
        before = {**ticket, "custom_fields": dict(ticket["custom_fields"])}
        self._take(ticket, given)
        changed = {name: (before[name], ticket[name]) for name in ticket if ticket[name] != before[name]}
        if changed:
            ticket["updated_at"] = stamp(now)
        return changed

    def say(
        self, number: int, body: str, by: int, now: datetime, *, private: bool, kind: int, files: list[File]
    ) -> dict[str, Any]:
        """Add a conversation; raises InvalidError."""
        if not plain(body) and not files:
            raise InvalidError("body", "It should not be blank as this is a mandatory field", "missing_field")
        incoming = by in self.contacts
        mail = self.contacts[by][self._mail] if incoming else None
        made = {
            "body": body, "body_text": plain(body), "id": self.next_id(), "incoming": incoming, "private": private,
            "user_id": by, "support_email": None, "source": kind, "ticket_id": number, "to_emails": [],
            "from_email": mail, "cc_emails": [], "bcc_emails": None, "created_at": stamp(now), "updated_at": stamp(now),
            "attachments": [self.keep(each) for each in files],
        }  # fmt: skip
        self.conversations[number].append(made)
        self.tickets[number]["updated_at"] = stamp(now)
        return made

    def keep(self, file: File) -> dict[str, Any]:
        """Keep a file; returns how it is listed, without its address."""
        number = self.next_id()
        self.files[number] = file
        return {"id": number, "name": file.name, "content_type": file.mime, "size": len(file.data)}

    def _take(self, ticket: dict[str, Any], given: dict[str, Any]) -> None:
        for name, value in given.items():
            if name == "custom_fields":
                ticket["custom_fields"].update(value)
            elif name == "subject":
                ticket["subject"] = str(value).strip()
            elif name == "tags":
                ticket["tags"] = list(dict.fromkeys(value))
            elif name == "description":
                ticket |= {"description": value, "description_text": plain(str(value))}
            elif name in ticket:
                ticket[name] = value

    def _check(self, given: dict[str, Any]) -> None:
        for name in given:
            if name not in KNOWN:
                raise InvalidError(name, "Unexpected/invalid field in request", "invalid_field")
        for name in given.get("custom_fields") or {}:
            if name not in self.custom:
                raise InvalidError(name, "Unexpected/invalid field in request", "invalid_field")
        if "status" in given and given["status"] not in self.statuses:
            raise InvalidError("status", f"It should be one of these values: {sorted(self.statuses)}")
        if "priority" in given and given["priority"] not in PRIORITIES:
            raise InvalidError("priority", "It should be one of these values: '1,2,3,4'")
        if len(str(given.get("subject") or "")) > MAX_SUBJECT:
            raise InvalidError("subject", "Has 256 characters, it can have maximum of 255 characters")
        if given.get("responder_id") and given["responder_id"] not in self.agents:
            raise InvalidError("responder_id", "There is no agent matching the given responder_id")
        if given.get("group_id") and given["group_id"] not in self.groups:
            raise InvalidError("group_id", "There is no group matching the given group_id")


def _check_due(ticket: dict[str, Any], given: dict[str, Any]) -> None:
    """See that due times are given as a pair, in order, and of a ticket that is not over (ticket validation)."""
    there = [name for name in ("due_by", "fr_due_by") if given.get(name)]
    if not there:
        return
    if given.get("status", ticket["status"]) in (4, 5):
        raise InvalidError(there[0], "Cannot be set when the ticket is resolved or closed", "incompatible_field")
    if len(there) < 2:
        missing = "fr_due_by" if there == ["due_by"] else "due_by"
        raise InvalidError(missing, "Should be present when the other due time is", "missing_field")
    due, first, made = (datetime.fromisoformat(str(each)) for each in (
        given["due_by"], given["fr_due_by"], ticket["created_at"],
    ))  # fmt: skip
    if due <= made or first <= made:
        raise InvalidError("due_by", "Should be greater than created_at")
    if first > due:
        raise InvalidError("due_by", "Should be greater than or equal to fr_due_by")
