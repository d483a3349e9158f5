"""Roundup's words and ours: statuses, priorities, people, marks and times, as pure functions.

Names and defaults are those of Roundup's templates (share/roundup/templates/*/initial_data.py); times, and what REST
does to texts, were measured on Roundup 2.6.0.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.own_words import word_for
from connectors.sdk import Category, Level, Priority, RemotePerson, Status

#: what a time that cannot be read becomes
EPOCH = datetime.fromtimestamp(0, UTC)

#: statuses of the classic template, and those of the others that mean something else nowhere
STATUSES: dict[str, Category] = {
    "unread": Category.NEW,
    "deferred": Category.ON_HOLD,
    "chatting": Category.OPEN,
    "need-eg": Category.PENDING_CUSTOMER,
    "in-progress": Category.OPEN,
    "testing": Category.OPEN,
    "done-cbb": Category.RESOLVED,
    "resolved": Category.RESOLVED,
    "new": Category.NEW,
    "open": Category.OPEN,
    "pending": Category.ON_HOLD,
    "closed": Category.CLOSED,
}

#: what is written where neither the sync rule nor the connection names a word
NATIVE: dict[Category, str] = {
    Category.NEW: "unread",
    Category.OPEN: "in-progress",
    Category.PENDING_CUSTOMER: "need-eg",
    Category.ON_HOLD: "deferred",
    Category.RESOLVED: "resolved",
    Category.CLOSED: "resolved",
    Category.CANCELLED: "resolved",
}

PRIORITIES: dict[str, Level] = {
    "critical": Level.P1,
    "urgent": Level.P2,
    "bug": Level.P3,
    "feature": Level.P4,
    "wish": Level.P4,
    "normal": Level.P3,
    "low": Level.P4,
}
NATIVE_LEVELS: dict[Level, str] = {Level.P1: "critical", Level.P2: "urgent", Level.P3: "bug", Level.P4: "feature"}

#: statuses that the classic template's statusauditor makes `chatting` when a message is added without a status
CHATTY = frozenset({"unread", "resolved", "done-cbb"})
CHATTING = "chatting"

_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)\.(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?")
_MARK = re.compile(r"<desk-gateway\.([0-9a-zA-Z_-]+)\.(ticket|comment)@")
_CALLED = re.compile(r"\[(@[^\]\n]+)\]\(mention:[^)\s]*\)")
_IMAGE = re.compile(r"!\[([^\]\n]*)\]\(attachment:[^)\s]+\)")


class Vocabulary(msgspec.Struct, frozen=True):
    """What the words of one tracker mean, and which are written."""

    statuses: dict[str, Category] = msgspec.field(default_factory=lambda: dict(STATUSES))
    priorities: dict[str, Level] = msgspec.field(default_factory=lambda: dict(PRIORITIES))
    #: those that the connection itself names, in its order
    own_statuses: tuple[tuple[str, Category], ...] = ()
    own_priorities: tuple[tuple[str, Level], ...] = ()

    def status(self, word: str) -> Status:
        """Read a status; a word that nobody has mapped stays a word."""
        return Status(self.statuses.get(word.lower(), Category.UNKNOWN), word)

    def priority(self, word: str) -> Priority:
        """Read a priority; none, or a word that nobody has mapped, is unset."""
        return Priority(self.priorities.get(word.lower(), Level.UNSET), word)

    def native_status(self, wanted: Any) -> str:
        """Return the word to write for a status of an intent; empty: there is none."""
        if not isinstance(wanted, dict):
            return ""
        if wanted.get("native"):
            return str(wanted["native"])
        return self.word_for(Category(wanted.get("category") or Category.NEW))

    def word_for(self, category: Category) -> str:
        """Return the word that is written for a category; empty: there is none."""
        own = next((word for word, meaning in self.own_statuses if meaning is category), "")
        return own or word_for(category, self.own_statuses, NATIVE)

    def writes(self) -> dict[str, list[str]]:
        """Return the statuses that would be written, each with what it is written for."""
        found: dict[str, list[str]] = {}
        for category in NATIVE:
            found.setdefault(self.word_for(category), []).append(category.value)
        return found

    def native_priority(self, wanted: Any) -> str:
        """Return the word to write for a priority of an intent; empty: none is set."""
        if not isinstance(wanted, dict):
            return ""
        if wanted.get("native"):
            return str(wanted["native"])
        level = Level(wanted.get("level") or Level.UNSET)
        own = next((word for word, meaning in self.own_priorities if meaning is level), "")
        return own or NATIVE_LEVELS.get(level, "")


def text(value: Any) -> str:
    """Return a value as text; nothing for what is none."""
    if value is None or isinstance(value, dict | list | bool):
        return ""
    return str(value).replace("\x00", "")


def number(value: Any) -> str:
    """Return an id: digits, as text; empty for anything else."""
    found = text(value)
    return found if found.isascii() and found.isdigit() else ""


def instant(value: Any) -> datetime | None:
    """Read Roundup's time, which REST gives in UTC: `2026-11-21.01:48:54`."""
    found = _TIME.fullmatch(text(value))
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    micro = int((found.group(7) or "0").ljust(6, "0"))
    try:
        return datetime(year, month, day, hour, minute, min(second, 59), micro, UTC)
    except ValueError:
        return None


def title(value: str) -> str:
    """Return a title as Roundup keeps it: one kind of line end, no space around it (measured)."""
    return value.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").strip()


def content(value: str) -> str:
    """Return a message's text as Roundup keeps it: without space around it.

    Roundup shows texts as they are, so Markdown is left as people type it; who is called and which file is shown there
    stand as their names.
    """
    named = _CALLED.sub(r"\1", _IMAGE.sub(r"[\1]", value))
    return named.replace("\x00", "").strip()


def mark(key: str, what: str, host: str) -> str:
    """Return the Message-ID that carries our effect key: the nosy list's mails bear it, and people never see it."""
    return f"<desk-gateway.{key}.{what}@{host}>"


def marked(messageid: Any) -> tuple[str, str]:
    """Return the effect key and what it marks (`ticket` or `comment`); empty for a message that is not ours."""
    found = _MARK.match(text(messageid))
    return (found.group(1), found.group(2)) if found else ("", "")


def linked(value: Any) -> dict[str, Any]:
    """Return a link property of an answer: `{"id": …, "username": …}`; empty for none."""
    return value if isinstance(value, dict) else {}


def several(value: Any) -> list[dict[str, Any]]:
    """Return a multilink property of an answer."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def person(link: Any, known: dict[str, dict[str, Any]], role: str = "") -> RemotePerson | None:
    """Return a user by name, with the address and the real name where we were shown them."""
    found = linked(link)
    identity = number(found.get("id"))
    if not identity:
        return None
    details = known.get(identity, {})
    name = text(found.get("username")) or text(details.get("username"))
    return RemotePerson(
        external_id=name or identity,
        email=text(details.get("address")),
        name=text(details.get("realname")),
        role=role,
    )
