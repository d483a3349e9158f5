"""What is read of a mailbox: mails page by page, in the order of their numbers, and one file of a mail.

An import begins at a day, and reads what came in and what was sent as it came and went, so that each mail finds what it
answers.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec

from connectors.email.account import Account
from connectors.email.calls import ask, required
from connectors.email.mapping import key_of, thread_of
from connectors.email.mime import Mail, file_of
from connectors.sdk import Attachment, Blob, Call, ChangePage, HttpResponse, UnreadableError
from gateway.ports import PolledDelivery
from gateway.ports.mail import FetchMail, FindMails, ListMails

#: mails of one page, and bytes of them that are kept
PAGE = 25
MAX_PAGE = 4_000_000
#: of a mail that is none: what a person looks at
_SHOWN = 100_000
#: a mailbox that counts anew is read again from so long before the last poll: its dates are days
_OVERLAP = timedelta(days=2)


class Place(msgspec.Struct, frozen=True):
    """How far a mailbox has been read: its UIDVALIDITY, the last UID, the day of the last poll that came to an end."""

    validity: int
    uid: int
    day: date
    #: older mails than this were read under another UIDVALIDITY, or are not to come
    since: date | None = None
    #: of an import: older mails come from this day on where people have flagged them
    flagged: date | None = None
    #: of an import: how far the folder of what was sent has been read (UIDVALIDITY, UID); None: it is not to be
    sent: tuple[int, int] | None = None

    def __str__(self) -> str:
        words = [str(self.validity), str(self.uid), self.day.isoformat(), self.since.isoformat() if self.since else ""]
        if self.flagged is not None or self.sent is not None:
            words.append(self.flagged.isoformat() if self.flagged else "")
        if self.sent is not None:
            words.append(f"{self.sent[0]}.{self.sent[1]}")
        return ":".join(words)

    @classmethod
    def of(cls, cursor: str) -> Place | None:
        """Read a cursor; None where it is none. `0:0:DAY` begins with the mails of that day."""
        try:
            validity, uid, day, since, flagged, sent = [*cursor.split(":"), "", "", ""][:6]
            at, _, number = sent.partition(".")
            return cls(
                int(validity),
                int(uid),
                date.fromisoformat(day),
                date.fromisoformat(since) if since else None,
                date.fromisoformat(flagged) if flagged else None,
                (int(at), int(number)) if sent else None,
            )
        except ValueError:
            return None


def backfill(account: Account, since: datetime, open_since: datetime) -> str:
    """Return the cursor at which an import begins: mails of a day and after it, older ones where they are flagged."""
    place = Place(0, 0, since.date(), since.date(), flagged=open_since.date() if open_since < since else None)
    return str(msgspec.structs.replace(place, sent=(0, 0) if account.sent_folder else None))


def changes(account: Account, cursor: str, now: datetime) -> Call[ChangePage]:
    """Read one page of new mails, one after the other, so that no more than one is held at a time."""
    place, today = Place.of(cursor), now.date()
    if place is None:
        found = required((yield ask(account, ListMails(account.folder, 0, 1))))
        place = Place(found["validity"], 0 if account.backlog else found["next"] - 1, today)
        if not account.backlog:
            return ChangePage(cursor=str(place))
    found = required((yield ask(account, ListMails(account.folder, place.uid, PAGE, place.since, place.flagged))))
    if found["validity"] != place.validity:
        # every mail has another number now: what was read before is known by its name
        since = place.since if not place.validity and place.since else place.day - _OVERLAP
        place = msgspec.structs.replace(place, validity=found["validity"], uid=0, since=since)
        found = required((yield ask(account, ListMails(account.folder, 0, PAGE, since, place.flagged))))
    lines = [_Line(account.folder, place.validity, place.uid, found["uids"])]
    if place.sent is not None:
        lines += yield from _sent(account, place, *place.sent)
    kept, over = yield from _brought(account, lines)
    place = msgspec.structs.replace(place, uid=lines[0].last)
    if over:
        place = Place(place.validity, max(place.uid, found["next"] - 1), today, place.since)
    elif len(lines) > 1:
        place = msgspec.structs.replace(place, sent=(lines[1].validity, lines[1].last))
    return ChangePage(cursor=str(place), end=over, deliveries=kept)


class _Line(msgspec.Struct):
    """The next mails of one folder, and what is known of the first of them."""

    folder: str
    validity: int
    #: the UID up to which it has been read
    last: int
    uids: list[int]
    #: the next mail, and when it arrived
    head: tuple[PolledDelivery, int] | None = None
    #: there may be more of them than were listed
    full: bool = False

    def __post_init__(self) -> None:
        self.full = len(self.uids) >= PAGE

    def read(self) -> None:
        """Go on to the next one."""
        self.last, self.head = self.uids.pop(0), None


def _sent(account: Account, place: Place, validity: int, uid: int) -> Call[list[_Line]]:
    """Return what was sent before the gateway was there; nothing where that folder is not."""
    response = yield ask(account, ListMails(account.sent_folder, uid, PAGE, place.since, place.flagged))
    if response.status == 404:
        return []
    found = required(response)
    if uid and found["validity"] != validity:
        uid = 0
        found = required((yield ask(account, ListMails(account.sent_folder, 0, PAGE, place.since, place.flagged))))
    return [_Line(account.sent_folder, found["validity"], uid, found["uids"])]


def _brought(account: Account, lines: list[_Line]) -> Call[tuple[tuple[PolledDelivery, ...], bool]]:
    """Read a page of mails as they arrived, whichever folder they lie in; say whether these were all."""
    kept: list[PolledDelivery] = []
    size = 0
    while any(line.uids for line in lines):
        if len(kept) >= PAGE or size > MAX_PAGE:
            return tuple(kept), False
        for line in lines:
            while line.head is None and line.uids:
                response = yield ask(account, FetchMail(line.folder, line.validity, line.uids[0], account.max_mail))
                if response.status == 409:
                    return tuple(kept), False
                if response.status == 200:
                    line.head = _read(account, line, response)
                else:
                    line.read()
        first = min((line for line in lines if line.head is not None), key=_arrived, default=None)
        if first is not None and first.head is not None:
            kept.append(first.head[0])
            size += len(first.head[0].body)
            first.read()
    return tuple(kept), not any(line.full for line in lines)


def _arrived(line: _Line) -> int:
    return line.head[1] if line.head is not None else 0


def _read(account: Account, line: _Line, response: HttpResponse) -> tuple[PolledDelivery, int]:
    at = f"{line.validity}:{line.uids[0]}"
    # of which folder a number is, no place says: a file of the other one is found by the name of its mail
    place = at if line.folder == account.folder else ""
    arrived = response.header("arrived")
    return _delivery(place, f"{line.folder[:50]}:{at}", response), int(arrived) if arrived.isdigit() else 0


def _delivery(place: str, named: str, response: HttpResponse) -> PolledDelivery:
    """Return a mail without the bytes of its files; one that cannot be read as it came, for a person."""
    arrived, size = response.header("arrived"), response.header("size")
    try:
        mail = Mail.of(
            response.body,
            size=int(size) if size.isdigit() else 0,
            arrived=int(arrived) if arrived.isdigit() else 0,
            place=place,
        )
    except UnreadableError:
        return PolledDelivery(f"mail:unread:{place or named}", response.body[:_SHOWN] or b"\n")
    return PolledDelivery(key_of(mail), msgspec.json.encode(mail), thread_of(mail))


def fetch(account: Account, attachment: Attachment) -> Call[Blob | bytes | None]:
    """Read one file: its mail where it was last, else wherever the same mail is now."""
    identity, _, number = attachment.remote_id.rpartition(".")
    where, _, named = attachment.url.partition(";")
    validity, _, uid = where.partition(":")
    if not number.isdigit():
        return None
    if validity.isdigit() and uid.isdigit():
        response = yield ask(account, FetchMail(account.folder, int(validity), int(uid), account.max_mail))
        found = _file(response, identity, int(number))
        if found is not None:
            return found
    if not named or not named.isascii() or not named.isprintable() or len(named) > 900:
        return None
    told = required((yield ask(account, FindMails(account.folders, "Message-ID", named))))
    for folder, uids in told["found"].items():
        for each in uids:
            command = FetchMail(folder, told["validity"][folder], each, account.max_mail)
            found = _file((yield ask(account, command)), identity, int(number))
            if found is not None:
                return found
    return None


def _file(response: HttpResponse, identity: str, number: int) -> bytes | None:
    if response.status != 200:
        return None
    try:
        mail = Mail.of(response.body)
    except UnreadableError:
        return None
    if mail.identity != identity or number not in {file.number for file in mail.files}:
        return None
    return file_of(response.body, number)
