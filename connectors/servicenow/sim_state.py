"""What a simulated instance holds: incidents, users, groups, entries and files, all values as text."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from itertools import count
from typing import Any

from connectors.servicenow.sim_query import Record

JOURNALS = ("comments", "work_notes")
#: columns that a request may set; any other is left out without a word
WRITABLE = frozenset({
    "short_description", "description", "state", "hold_reason", "impact", "urgency", "assignment_group", "assigned_to",
    "caller_id", "close_code", "close_notes", "correlation_id", "correlation_display", "contact_type", "category",
    "due_date", "company", "comments", "work_notes", "u_severity",
})  # fmt: skip
TITLE_LENGTH, BODY_LENGTH = 160, 4000
#: the priority that the lookup rules make of impact and urgency
MATRIX = {
    ("1", "1"): "1", ("1", "2"): "2", ("1", "3"): "3",
    ("2", "1"): "2", ("2", "2"): "3", ("2", "3"): "4",
    ("3", "1"): "3", ("3", "2"): "4", ("3", "3"): "5",
}  # fmt: skip


class PolicyError(Exception):
    """A data policy refuses what was asked for."""


def stamp(now: datetime) -> str:
    """Write a time as the instance keeps it: UTC, seconds."""
    return now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


class Records:
    """One instance."""

    def __init__(self) -> None:
        self._ids = count(1)
        self._numbers = count(10_001)
        self.incidents: dict[str, Record] = {}
        self.users: dict[str, Record] = {}
        self.groups: dict[str, Record] = {}
        self.journal: list[Record] = []
        self.files: dict[str, Record] = {}
        self.slas: dict[str, Record] = {}
        self.bytes: dict[str, bytes] = {}
        #: columns that our account may not write: a request that names one is taken, and nothing is set
        self.locked: set[str] = set()
        self.me = self.user("gateway@desk.example", "Gateway", "gateway")
        self.agent = self.user("agent@desk.example", "Agent Smith", "agent.smith")
        self.group = self.next_id()
        self.groups[self.group] = {"sys_id": self.group, "name": "Service Desk"}

    def next_id(self) -> str:
        """Return a fresh sys_id, in no order."""
        return hashlib.md5(str(next(self._ids)).encode(), usedforsecurity=False).hexdigest()

    def next_entry(self) -> str:
        """Return a fresh sys_id that is larger than those before: entries of one second have no other order."""
        number = next(self._ids)
        return f"{number:08x}{hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()[8:]}"

    def user(self, email: str, name: str = "", login: str = "") -> str:
        """Return the sys_id of the user with that e-mail, made when there is none."""
        for sys_id, known in self.users.items():
            if known["email"] == email.lower():
                return sys_id
        sys_id = self.next_id()
        self.users[sys_id] = {
            "sys_id": sys_id,
            "user_name": login or email.lower(),
            "name": name or email,
            "email": email.lower(),
            "phone": "",
            "active": "true",
            "time_zone": "GMT",
        }
        return sys_id

    def create(self, given: dict[str, Any], actor: str, now: datetime) -> tuple[Record, list[Record]]:
        """Insert an incident; returns it and its first entries. Raises PolicyError."""
        sys_id, at = self.next_id(), stamp(now)
        login = self.users[actor]["user_name"]
        made: Record = {
            "sys_id": sys_id, "number": f"INC{next(self._numbers):07d}", "sys_class_name": "incident",
            "short_description": "", "description": "", "state": "1", "hold_reason": "", "impact": "3", "urgency": "3",
            "priority": "5", "contact_type": "", "assignment_group": "", "assigned_to": "", "caller_id": "",
            "company": "", "due_date": "", "category": "inquiry", "close_code": "", "close_notes": "",
            "correlation_id": "", "correlation_display": "", "u_severity": "", "comments": "", "work_notes": "",
            "opened_by": actor, "opened_at": at, "active": "true", "sys_created_on": at, "sys_created_by": login,
            "sys_updated_on": at, "sys_updated_by": login, "sys_mod_count": "0",
        }  # fmt: skip
        self._set(made, given, actor)
        self.incidents[sys_id] = made
        return made, self._speak(sys_id, given, actor, now)

    def update(self, sys_id: str, given: dict[str, Any], actor: str, now: datetime) -> tuple[Record, list[Record]]:
        """Change an incident; returns what its columns were before, and new entries. Raises PolicyError."""
        held = self.incidents[sys_id]
        trial = dict(held)
        self._set(trial, given, actor)
        before = {name: held[name] for name in held if trial[name] != held[name]}
        said = self._speak(sys_id, given, actor, now)
        if before or said:
            trial["sys_updated_on"], trial["sys_updated_by"] = stamp(now), self.users[actor]["user_name"]
            trial["sys_mod_count"] = str(int(held["sys_mod_count"]) + 1)
        self.incidents[sys_id] = trial
        return before, said

    def _set(self, record: Record, given: dict[str, Any], actor: str) -> None:
        for name, value in given.items():
            if name not in WRITABLE or name in JOURNALS or (actor == self.me and name in self.locked):
                continue
            text = "" if value is None else str(value)
            longest = {"short_description": TITLE_LENGTH, "description": BODY_LENGTH}.get(name, 255)
            record[name] = text[:longest]
        record["priority"] = MATRIX.get((record["impact"], record["urgency"]), record["priority"])
        if record["state"] in {"6", "7"} and not (record["close_code"] and record["close_notes"]):
            raise PolicyError("Data Policy Exception: Close notes, Close code are mandatory")
        if record["state"] == "3" and not record["hold_reason"]:
            raise PolicyError("Data Policy Exception: On hold reason is mandatory")
        if record["state"] != "3":
            record["hold_reason"] = ""
        record["active"] = str(record["state"] not in {"7", "8"}).lower()

    def _speak(self, sys_id: str, given: dict[str, Any], actor: str, now: datetime) -> list[Record]:
        found = []
        for element in JOURNALS:
            words = str(given.get(element) or "").strip()
            if words and not (actor == self.me and element in self.locked):
                found.append({
                    "sys_id": self.next_entry(), "element": element, "element_id": sys_id, "name": "incident",
                    "value": words, "sys_created_on": stamp(now), "sys_created_by": self.users[actor]["user_name"],
                })  # fmt: skip
        self.journal += found
        return found

    def attach(self, sys_id: str, name: str, mime: str, data: bytes, actor: str, now: datetime, url: str) -> Record:
        """Put a file on an incident."""
        number = self.next_entry()
        self.bytes[number] = data
        self.files[number] = {
            "sys_id": number, "table_name": "incident", "table_sys_id": sys_id, "file_name": name,
            "content_type": mime, "size_bytes": str(len(data)), "hash": hashlib.sha256(data).hexdigest(),
            "download_link": f"{url}/api/now/attachment/{number}/file", "sys_created_on": stamp(now),
            "sys_created_by": self.users[actor]["user_name"], "sys_updated_on": stamp(now), "sys_mod_count": "0",
        }  # fmt: skip
        return self.files[number]

    def walked(self, record: Record, name: str) -> str | None:
        """Return a column, or one of the record behind a reference (`caller_id.email`); None where there is none."""
        if name in record:
            return record[name]
        column, _, inner = name.partition(".")
        if not inner or column not in record:
            return None
        behind = self.users.get(record[column]) or self.groups.get(record[column]) or {}
        return behind.get(inner, "")
