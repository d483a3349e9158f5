"""What the simulated mail server keeps: folders of mails with their UIDs, and the mails that it has sent."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message

import msgspec


class Stored(msgspec.Struct):
    """One mail in a folder."""

    uid: int
    raw: bytes
    arrived: datetime
    flagged: bool = False


class Folder:
    """Mails under growing UIDs."""

    def __init__(self, validity: int = 1) -> None:
        self.validity = validity
        self.next = 1
        #: on Courier: from this number on numbers are kept by nobody, until the folder is opened by SELECT
        self.kept = 1
        self.mails: dict[int, Stored] = {}

    def add(self, raw: bytes, arrived: datetime, *, flagged: bool = False) -> int:
        """Put a mail in; returns its UID."""
        uid, self.next = self.next, self.next + 1
        self.mails[uid] = Stored(uid, raw, arrived, flagged)
        return uid


class Sent(msgspec.Struct, frozen=True):
    """A mail as it was handed over."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> Message:
        """The mail."""
        return message_from_bytes(self.raw)


class MailStore:
    """The mailbox of one user, safe between threads."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.folders: dict[str, Folder] = {"INBOX": Folder(), "Sent": Folder(), "Junk": Folder()}
        self.sent: list[Sent] = []
        #: as Courier does (5.0): EXAMINE tells no UIDNEXT, and SEARCH takes * for a number that no mail has
        self.courier = False

    def deliver(
        self, raw: bytes, folder: str = "INBOX", arrived: datetime | None = None, *, flagged: bool = False
    ) -> int:
        """Let a mail arrive; returns its UID."""
        with self.lock:
            at = arrived or datetime.now(UTC)  # noqa: TID251 - a server has a clock of its own
            return self.folders[folder].add(raw, at, flagged=flagged)

    def move_in(self, raw: bytes, folder: str = "INBOX") -> None:
        """Let a person move a mail in: on Courier it gets the first number that is not kept."""
        with self.lock:
            held = self.folders[folder]
            uid = held.add(raw, datetime.now(UTC))  # noqa: TID251 - a server has a clock of its own
            if not self.courier:
                return
            moved = held.mails.pop(uid)
            for each in sorted((one for one in held.mails if one >= held.kept), reverse=True):
                held.mails[each + 1] = held.mails.pop(each)
                held.mails[each + 1].uid = each + 1
            moved.uid = held.kept
            held.mails[held.kept] = moved
            held.kept += 1

    def renumber(self, folder: str = "INBOX") -> None:
        """Count all mails anew under another UIDVALIDITY, as after a restore."""
        with self.lock:
            old = self.folders[folder]
            new = Folder(old.validity + 1)
            for mail in old.mails.values():
                new.add(mail.raw, mail.arrived, flagged=mail.flagged)
            self.folders[folder] = new

    def search(self, folder: str, words: str) -> list[int]:
        """Answer a SEARCH of the few kinds that are asked here; raises ValueError for another."""
        with self.lock:
            held = self.folders[folder]
            found = set(held.mails)
            rest = words.strip()
            while rest:
                last = 2**32 if self.courier else max(held.mails, default=0)
                either = rest[:3].upper() == "OR "
                terms: list[re.Match[str]] = []
                for _ in range(1 + either):
                    match = _TERM.match(rest[3:] if either and not terms else rest)
                    if match is None:
                        raise ValueError(words)
                    rest = (match.string[match.end() :]).strip()
                    terms.append(match)
                found = {uid for uid in found if any(_holds(last, held.mails[uid], term) for term in terms)}
            return sorted(found)


_TERM = re.compile(
    r"(?:UID (?P<low>\d+|\*)(?::(?P<high>\d+|\*))?|SINCE (?P<since>\S+)|(?P<flagged>FLAGGED)"
    r'|HEADER "(?P<name>[^"]+)" "(?P<value>(?:\\.|[^"])*)")',
    re.IGNORECASE,
)


def _holds(last: int, mail: Stored, term: re.Match[str]) -> bool:
    if term["low"]:
        low = last if term["low"] == "*" else int(term["low"])
        high = low if not term["high"] else last if term["high"] == "*" else int(term["high"])
        return min(low, high) <= mail.uid <= max(low, high)
    if term["flagged"]:
        return mail.flagged
    if term["since"]:
        return mail.arrived.date() >= datetime.strptime(term["since"], "%d-%b-%Y").replace(tzinfo=UTC).date()
    head = re.split(rb"\r?\n\r?\n", mail.raw, maxsplit=1)[0]
    value = re.sub(r"\\(.)", r"\1", term["value"]).lower()
    message = message_from_bytes(head + b"\r\n\r\n")
    return any(value in str(each).lower() for each in message.get_all(term["name"], []))
