"""The records of a simulated Help Scout account, and what it refuses."""

from __future__ import annotations

import base64
import binascii
import html
import re
from datetime import UTC, datetime
from itertools import count
from typing import Any

import msgspec

BLOCK = re.compile(r"<\s*(?:br\s*/?|/p|/div|/li|/h[1-6])\s*>", re.IGNORECASE)
TAG = re.compile(r"<[^>]*>")
STATUSES = frozenset({"active", "pending", "closed", "spam"})
MAILBOXES = {85: "Support", 86: "Sales"}
MAX_THREADS = 100


class InvalidError(Exception):
    """The desk refuses a value: 400 `Validation error`."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.fault = {
            "path": path,
            "message": message,
            "_links": {"about": {"href": "https://developer.helpscout.com"}},
        }


class File(msgspec.Struct, frozen=True):
    """A file as it is kept."""

    name: str
    mime: str
    data: bytes


def stamp(at: datetime) -> str:
    """Write an instant as the API does: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain(body: str) -> str:
    """Return the text of an HTML body, as the desk shows it."""
    return html.unescape(TAG.sub("", BLOCK.sub("\n", body))).strip()


class Records:
    """Conversations, threads, users and customers."""

    def __init__(self) -> None:
        self.conversations: dict[int, dict[str, Any]] = {}
        self.threads: dict[int, list[dict[str, Any]]] = {}
        #: when each was modified last, which no answer says
        self.modified: dict[int, datetime] = {}
        self.merged: dict[int, int] = {}
        self.files: dict[int, File] = {}
        self.users: dict[int, dict[str, Any]] = {}
        self.customers: dict[int, dict[str, Any]] = {}
        #: custom fields that an admin has made: id -> name
        self.fields: dict[int, str] = {6688: "plan", 6689: "gateway"}
        self._conversations = count(291_938)
        self._numbers = count(349)
        self._ids = count(88_171_881)
        # customers and users are counted apart, so that one number may be both
        self._people = count(256)
        self._customers = count(256)
        self.me = self.user("gateway@desk.example", "Gate", "Way")
        self.person = self.user("agent@desk.example", "Alex", "Agent")

    def user(self, email: str, first: str, last: str, kind: str = "user") -> int:
        """Return the id of a new user or team."""
        number = next(self._people)
        self.users[number] = {"id": number, "firstName": first, "lastName": last, "email": email, "type": kind}
        return number

    def customer(self, given: dict[str, Any]) -> int:
        """Return the id of the customer of a request, made when there is none; raises InvalidError."""
        number = given.get("id")
        if number in self.customers:
            return int(number)
        email = str(given.get("email") or "").lower()
        if not email:
            raise InvalidError("customer", "a customer id or an email address is required")
        for known, each in self.customers.items():
            if each["email"] == email:
                return known
        made = next(self._customers)
        first = str(given.get("firstName") or email.partition("@")[0])
        self.customers[made] = {"id": made, "first": first, "last": str(given.get("lastName") or ""), "email": email}
        return made

    def someone(self, number: int, kind: str) -> dict[str, Any]:
        """Return a person as threads and conversations name them."""
        if kind == "customer":
            return {**self.customers[number], "type": "customer", "photoUrl": ""}
        user = self.users[number]
        return {
            "id": number, "type": user["type"], "first": user["firstName"], "last": user["lastName"],
            "email": user["email"], "photoUrl": "",
        }  # fmt: skip

    def create(self, given: dict[str, Any], now: datetime, source: str) -> dict[str, Any]:
        """Make a conversation; raises InvalidError."""
        for name in ("subject", "mailboxId", "type", "status", "customer", "threads"):
            if not given.get(name):
                raise InvalidError(name, "may not be empty")
        if given["mailboxId"] not in MAILBOXES:
            raise InvalidError("mailboxId", "mailbox does not exist")
        self._check_status(given["status"])
        number, customer = next(self._conversations), self.customer(given["customer"])
        made: dict[str, Any] = {
            "id": number, "number": next(self._numbers), "threads": 0, "type": given["type"], "folderId": 493,
            "status": given["status"], "state": "published", "subject": given["subject"], "preview": "",
            "mailboxId": given["mailboxId"], "createdBy": self.someone(customer, "customer"), "createdAt": stamp(now),
            "userUpdatedAt": stamp(now), "source": {"type": source, "via": "customer"}, "tags": [], "cc": [], "bcc": [],
            "customerWaitingSince": {"time": stamp(now), "friendly": "now", "latestReplyFrom": "customer"},
            "primaryCustomer": self.someone(customer, "customer"), "customFields": [],
        }  # fmt: skip
        self.conversations[number] = made
        self.threads[number] = []
        self._set(made, {name: given[name] for name in ("assignTo", "tags", "fields") if name in given})
        for thread in given["threads"]:
            self.say(number, str(thread["text"]), thread["type"], customer, now, thread)
        made["status"] = given["status"]
        return made

    def say(self, number: int, body: str, kind: str, by: int, now: datetime, given: dict[str, Any]) -> dict[str, Any]:
        """Add a thread: of a customer (`customer`), or of a user (`message`, `note`); raises InvalidError."""
        if not plain(body) and not given.get("attachments"):
            raise InvalidError("text", "may not be empty")
        held = self.conversations[number]
        # what it does to the status: named, else a word to the customer, or of them, opens it
        wanted = given.get("status") or ("active" if kind != "note" else held["status"])
        self._check_status(wanted)
        thread: dict[str, Any] = {
            "id": next(self._ids), "type": kind, "status": wanted, "state": "published", "body": body, "to": [],
            "source": {"type": "web", "via": "customer" if kind == "customer" else "user"}, "cc": [], "bcc": [],
            "customer": held["primaryCustomer"], "createdAt": stamp(now), "action": {"type": "default"},
            "createdBy": self.someone(by, "customer" if kind == "customer" else "user"),
            "_embedded": {"attachments": [self.keep(each) for each in given.get("attachments") or []]},
        }  # fmt: skip
        self.threads[number].append(thread)
        held["threads"] += 1
        held["preview"] = plain(body)[:80]
        self.status(number, wanted, now)
        if kind == "customer":
            held["customerWaitingSince"] = {"time": stamp(now), "friendly": "now", "latestReplyFrom": "customer"}
        self.touch(number, now, by_user=kind != "customer")
        return thread

    def touch(self, number: int, now: datetime, *, by_user: bool = True) -> None:
        """Note that a conversation was modified."""
        self.modified[number] = now
        if by_user:
            self.conversations[number]["userUpdatedAt"] = stamp(now)

    def status(self, number: int, word: str, now: datetime) -> None:
        """Set a status; raises InvalidError."""
        self._check_status(word)
        held = self.conversations[number]
        held["status"] = word
        if word == "closed":
            held["closedAt"] = stamp(now)

    def patch(self, number: int, given: dict[str, Any], now: datetime) -> None:
        """Carry out one JSON patch; raises InvalidError."""
        op, path, value = given.get("op"), str(given.get("path")), given.get("value")
        held = self.conversations[number]
        match path.removeprefix("/"), op:
            case "subject", "replace":
                held["subject"] = str(value)
            case "status", "replace":
                self.status(number, str(value), now)
            case "mailboxId", "move":
                if value not in MAILBOXES:
                    raise InvalidError("mailboxId", "mailbox does not exist")
                held["mailboxId"] = value
            case "assignTo", "replace":
                self._set(held, {"assignTo": value})
            case "assignTo", "remove":
                self._set(held, {"assignTo": None})
            case _:
                raise InvalidError("path", f"{op} of {path} is not supported")
        self.touch(number, now)

    def replace(self, number: int, given: dict[str, Any], now: datetime) -> None:
        """Replace all tags, or all custom fields; what is left out is gone. Raises InvalidError."""
        self._set(self.conversations[number], given)
        self.touch(number, now)

    def _set(self, held: dict[str, Any], given: dict[str, Any]) -> None:
        for name, value in given.items():
            if name == "tags":
                words = dict.fromkeys(str(each).lower() for each in value)
                held["tags"] = [
                    {"id": 9150 + place, "color": "#929499", "tag": word} for place, word in enumerate(words)
                ]
            elif name == "fields":
                if any(each["id"] not in self.fields for each in value):
                    raise InvalidError("fields", "custom field does not exist")
                held["customFields"] = [
                    {
                        "id": each["id"],
                        "name": self.fields[each["id"]],
                        "value": str(each["value"]),
                        "text": str(each["value"]),
                    }
                    for each in value
                ]
            elif value is None:
                held.pop("assignee", None)
            elif value not in self.users:
                raise InvalidError("assignTo", "user does not exist")
            else:
                held["assignee"] = self.someone(int(value), "user")

    def keep(self, given: dict[str, Any]) -> dict[str, Any]:
        """Keep a file of a request; raises InvalidError."""
        try:
            data = base64.b64decode(str(given["data"]), validate=True)
        except (KeyError, binascii.Error, ValueError):
            raise InvalidError("attachments", "data is not base64") from None
        number = next(self._ids)
        self.files[number] = File(str(given["fileName"]), str(given["mimeType"]), data)
        return {
            "id": number, "filename": given["fileName"], "mimeType": given["mimeType"], "size": len(data), "width": 0,
            "height": 0, "state": "valid",
        }  # fmt: skip

    def _check_status(self, word: Any) -> None:
        if word not in STATUSES:
            raise InvalidError("status", f"must be one of {', '.join(sorted(STATUSES))}")
