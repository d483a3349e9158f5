"""RT's records: users, tickets, transactions and attachments, and the rules by which they change.

Measured on RT 5.0.3: refused changes are sentences, a reply opens tickets as RT_System, mails are transactions too, a
merged ticket's number leads to the survivor, deleted and merged tickets are hidden from searches.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec

NOBODY = "Nobody"
SYSTEM = "RT_System"
STATUSES = ("new", "open", "stalled", "resolved", "rejected", "deleted")
INITIAL = frozenset({"new", "open", "resolved"})
#: neither initial nor inactive: a reply leaves them alone
ACTIVE = frozenset({"open", "stalled"})
TICKET_FIELDS = ("ExternalRef", "Severity", "Product")
COMMENT_FIELDS = ("GatewayKey",)


class User(msgspec.Struct, frozen=True):
    """An account: number, login, and the zone in which its dates are read."""

    number: int
    login: str
    name: str
    email: str
    privileged: bool = True
    zone: str = "UTC"
    disabled: bool = False


class Attachment(msgspec.Struct, frozen=True):
    """A part of a message."""

    number: int
    transaction: int
    content_type: str
    content: str
    filename: str = ""
    #: of a file: its bytes
    data: bytes = b""


class Transaction(msgspec.Struct):
    """One entry of a history."""

    number: int
    ticket: int
    type: str
    creator: str
    created: datetime
    field: str = ""
    old: str = ""
    new: str = ""
    fields: dict[str, str] = {}


class Ticket(msgspec.Struct):
    """A ticket; `effective` is another number once it is merged."""

    number: int
    effective: int
    queue: str
    subject: str
    status: str
    priority: int
    creator: str
    created: datetime
    updated: datetime
    updated_by: str
    owner: str = NOBODY
    requestors: list[str] = []
    fields: dict[str, str] = {}
    #: as it was given, which is how RT keeps it
    due: str = "1970-01-01 00:00:00"
    #: (relation, address) of what is outside of RT
    links: list[tuple[str, str]] = []


class Refusal(Exception):  # noqa: N818 - not an error of the simulator: RT says no
    """RT answers `status` with a message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Records:
    """Everything in one RT. Not safe for threads: the simulated desk holds its lock."""

    def __init__(self, now: Callable[[], datetime], users: Iterable[User], queues: dict[str, int]) -> None:
        self.users = {user.login: user for user in users}
        self.queues = queues
        self.tickets: dict[int, Ticket] = {}
        self.transactions: dict[int, Transaction] = {}
        self._own: dict[int, list[Transaction]] = {}
        self._merged: dict[int, list[int]] = {}
        self._parts: dict[int, list[Attachment]] = {}
        self._files = 0
        self.statuses = [*STATUSES]
        self.ticket_fields: tuple[str, ...] = TICKET_FIELDS
        self.comment_fields: tuple[str, ...] = COMMENT_FIELDS
        #: (field, value) that our account, or nobody, may set: an owner without the right to own, a status without a
        #: transition to it, a queue without the right to create there
        self.taken_away: list[tuple[str, str]] = []
        self._now = now
        # a fresh RT has used some numbers for its own set-up
        self.last = 50

    # -- finding

    def ticket(self, number: int) -> Ticket | None:
        """Return a ticket; a merged one's number leads to the survivor."""
        found = self.tickets.get(number)
        while found is not None and found.effective != found.number:
            found = self.tickets.get(found.effective)
        return found

    def family(self, ticket: Ticket) -> list[int]:
        """Return the numbers of a ticket and of those merged into it."""
        found = [ticket.number]
        for number in found:
            found += self._merged.get(number, [])
        return found

    def history(self, ticket: Ticket) -> list[Transaction]:
        """Return a ticket's transactions with those of the tickets merged into it."""
        found = [one for number in self.family(ticket) for one in self._own.get(number, [])]
        return sorted(found, key=lambda one: one.number)

    def newest(self, ticket: Ticket) -> int:
        """Return the number of the newest transaction: the ETag."""
        return max((self._own[number][-1].number for number in self.family(ticket) if self._own.get(number)), default=0)

    def since(self, last: int) -> list[Transaction]:
        """Return the transactions after number `last`."""
        return [self.transactions[number] for number in range(last + 1, self.last + 1)]

    def parts(self, transaction: int) -> list[Attachment]:
        """Return the attachments of one transaction."""
        return self._parts.get(transaction, [])

    def user(self, word: str) -> User | None:
        """Return a user by login (in any case) or number."""
        for user in self.users.values():
            if word.lower() == user.login.lower() or word == str(user.number):
                return user
        return None

    # -- changing

    def record(self, ticket: Ticket, kind: str, who: str, **more: Any) -> Transaction:
        """Append one transaction."""
        self.last += 1
        at = self._now().replace(microsecond=0)
        made = Transaction(self.last, ticket.number, kind, who, at, **more)
        self.transactions[made.number] = made
        self._own.setdefault(ticket.number, []).append(made)
        ticket.updated, ticket.updated_by = at, who
        return made

    def attach(
        self, transaction: Transaction, content_type: str, content: str, filename: str = "", data: bytes = b""
    ) -> None:
        """Append one attachment."""
        self._files += 1
        part = Attachment(self._files, transaction.number, content_type, content, filename, data)
        self._parts.setdefault(transaction.number, []).append(part)

    def create(self, given: dict[str, Any], who: str) -> tuple[Ticket, Transaction]:
        """Create a ticket; raises Refusal."""
        queue = self._queue(str(given.get("Queue") or ""))
        if not given.get("Queue"):
            raise Refusal(400, "Could not create ticket. Queue not set")
        if queue is None:
            raise Refusal(403, f"No permission to create tickets in the queue '{given['Queue']}'")
        status = str(given.get("Status") or "new").lower()
        if status not in self.statuses:
            raise Refusal(400, f"Status '{given['Status']}' isn't a valid status for tickets in this queue.")
        if status not in INITIAL:
            raise Refusal(400, f"New tickets can not have status '{status}' in this queue.")
        number = len(self.tickets) + 1
        at = self._now().replace(microsecond=0)
        requestors = given.get("Requestor") or []
        owner = self.user(str(given.get("Owner") or ""))
        ticket = Ticket(
            number, number, queue, _cut(given.get("Subject")), status, _number(given.get("Priority")),
            who, at, at, who,
            owner=owner.login if owner else NOBODY,
            requestors=[requestors] if isinstance(requestors, str) else list(requestors),
            fields={name: str(value) for name, value in (given.get("CustomFields") or {}).items()
                    if name in self.ticket_fields},
        )  # fmt: skip
        self.tickets[number] = ticket
        made = self.record(ticket, "Create", who)
        if given.get("Content"):
            self.attach(made, str(given.get("ContentType") or "text/plain"), str(given["Content"]))
        self._take_files(made, given)
        if ticket.requestors:
            self._mail(ticket, str(given.get("Content") or ""))
        return ticket, made

    def _take_files(self, transaction: Transaction, given: dict[str, Any]) -> None:
        for file in given.get("Attachments") or []:
            data = base64.b64decode(str(file.get("FileContent") or ""))
            self.attach(transaction, str(file.get("FileType")), "", str(file.get("FileName")), data)

    def file(self, number: int) -> Attachment | None:
        """Return an attachment by its number."""
        return next((one for parts in self._parts.values() for one in parts if one.number == number), None)

    def message(self, ticket: Ticket, kind: str, given: dict[str, Any], who: str) -> tuple[Transaction, list[str]]:
        """Correspond or Comment; returns the transaction and RT's sentences."""
        made = self.record(ticket, kind, who)
        if given.get("Content"):
            self.attach(made, str(given.get("ContentType") or "text/plain"), str(given["Content"]))
        self._take_files(made, given)
        said = ["Correspondence added" if kind == "Correspond" else "Comments added"]
        if kind == "Correspond":
            if ticket.requestors:
                self._mail(ticket, str(given.get("Content") or ""))
            self._open_by_itself(ticket, who)
        for name, value in (given.get("TxnCustomFields") or {}).items():
            if name in self.comment_fields:
                made.fields = {**made.fields, name: str(value)}
                said.append("Custom fields updated")
            else:
                said.append(f"Unable to load transaction custom field: {name}")
        if given.get("Status"):
            said.append(self.set_status(ticket, str(given["Status"]), who))
        return made, said

    def _open_by_itself(self, ticket: Ticket, who: str) -> None:
        """RT::Action::AutoOpen: not for active tickets (an admin's are), nor for a requestor's reply to a new one."""
        user = self.users.get(who)
        inbound = user is not None and user.email in ticket.requestors
        own = ticket.status not in STATUSES
        if ticket.status in ACTIVE or own or (ticket.status == "new" and inbound):
            return
        self.record(ticket, "Status", SYSTEM, field="Status", old=ticket.status, new="open")
        ticket.status = "open"

    def _mail(self, ticket: Ticket, content: str) -> None:
        mail = self.record(ticket, "EmailRecord", SYSTEM)
        ticket.updated_by = ticket.creator
        self.attach(mail, "multipart/alternative", "")
        self.attach(mail, "text/plain", f"{content}\n\n")
        self.attach(mail, "text/html", f"<pre>{content}</pre>\n")

    def set_status(self, ticket: Ticket, status: str, who: str) -> str:
        """Set a status and return RT's sentence."""
        status = status.lower()
        if status not in self.statuses:
            return f"Status '{status}' isn't a valid status for this ticket."
        if status == ticket.status:
            return "That is already the current value"
        if ("Status", status) in self.taken_away:
            return f"You can't change status from '{ticket.status}' to '{status}'."
        old, ticket.status = ticket.status, status
        self.record(ticket, "Status", who, field="Status", old=old, new=status)
        return f"Status changed from '{old}' to '{status}'"

    def set_owner(self, ticket: Ticket, owner: str, who: str) -> str:
        """Set the owner and return RT's sentence."""
        user = self.user(owner)
        if user is None:
            return "That user does not exist"
        if user.login == ticket.owner:
            return "That user already owns that ticket"
        if ("Owner", user.login) in self.taken_away:
            return "That user may not own tickets in that queue"
        before = self.users[ticket.owner]
        ticket.owner = user.login
        for kind in ("Set", "SetWatcher"):
            self.record(ticket, kind, who, field="Owner", old=str(before.number), new=str(user.number))
        return f"Owner changed from {before.login} to {user.login}"

    def set_plain(self, ticket: Ticket, name: str, value: Any, who: str) -> str | None:
        """Set subject, priority or queue and return RT's sentence; None when nothing is said."""
        match name:
            case "Subject":
                old, new = ticket.subject, _cut(value)
            case "Priority":
                old, new = str(ticket.priority), str(_number(value))
            case "Queue":
                queue = self._queue(str(value))
                if queue is None:
                    return f"Queue {value} does not exist"
                if ("Queue", queue) in self.taken_away:
                    return "You may not create requests in that queue."
                old, new = str(self.queues[ticket.queue]), str(self.queues[queue])
                ticket.queue = queue
            case "Due":
                old, new = ticket.due, str(value)
                ticket.due = new
            case _:
                return None
        if old == new:
            return None
        if name == "Subject":
            ticket.subject = new
        elif name == "Priority":
            ticket.priority = int(new)
        self.record(ticket, "Set", who, field=name, old=old, new=new)
        return f"{name} changed from '{old}' to '{new}'"

    def merge(self, ticket: Ticket, into: Ticket, who: str) -> list[Transaction]:
        """Merge; told twice, on the ticket that goes and on the one that stays."""
        uri = f"fsck.com-rt://rt.test/ticket/{into.number}"
        told = [self.record(one, "AddLink", who, field="MergedInto", new=uri) for one in (ticket, into)]
        ticket.effective = into.number
        self._merged.setdefault(into.number, []).append(ticket.number)
        return told

    def _queue(self, name: str) -> str | None:
        for known, number in self.queues.items():
            if name.lower() == known.lower() or name == str(number):
                return known
        return None


def _number(value: Any) -> int:
    text = str(value or 0).strip()
    return int(text) if text.lstrip("-").isdigit() else 0


def _cut(value: Any) -> str:
    """RT cuts a subject to 200 bytes."""
    return str(value or "").encode()[:200].decode("utf-8", "ignore")
