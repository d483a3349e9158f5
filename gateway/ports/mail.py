"""One command to a mail server and its answer, as a connector and the transport agree on them.

A mail command is yielded like any other request: it has an effect, a label, and is answered once by an `HttpResponse`,
so that the flow, the driver of the conformance suite and the fault tests treat desks and mailboxes alike. The status of
an answer is that of SMTP for `Send`, and for reads of the mailbox 200, 404 (no such mail or folder) or 409 (the mailbox
counts its mails anew: another UIDVALIDITY, RFC 3501 section 2.3.1.1).
"""

from __future__ import annotations

from datetime import date
from typing import Protocol, runtime_checkable

import msgspec

from gateway.ports.http import Blob, HttpRequest

#: bytes of a Message-ID, a header's value or an address that a command carries; more is no real one
MAX_WORD = 900


class Look(msgspec.Struct, frozen=True, tag=True):
    """Log in to the mailbox and say what is there: JSON {folders, validity, next, mails} of `folder`."""

    folder: str


class ListMails(msgspec.Struct, frozen=True, tag=True):
    """Name mails by UID, in order: JSON {validity, next, uids}; `next` is the UID that the next new mail will have."""

    folder: str
    #: those after this UID
    after: int
    limit: int
    #: and, where given, no older than this by the server's own date of arrival
    since: date | None = None
    #: of older ones, down to this day, those that people have flagged
    flagged: date | None = None


class FetchMail(msgspec.Struct, frozen=True, tag=True):
    """Bring one mail as it is, or its first `most` bytes; headers of the answer: size (of the whole), uid, arrived.

    Nothing is marked as read.
    """

    folder: str
    validity: int
    uid: int
    most: int


class FindMails(msgspec.Struct, frozen=True, tag=True):
    """Name the mails of which a header holds a value, in several folders: JSON {found: {folder: [uids]}, validity}.

    A folder that is not there holds none.
    """

    folders: tuple[str, ...]
    header: str
    value: str


class Greet(msgspec.Struct, frozen=True, tag=True):
    """Log in where mail is sent and say what it offers: JSON {extensions, size}. Nothing is sent."""


class SendMail(msgspec.Struct, frozen=True, tag=True):
    """Hand one mail over for all its recipients at once.

    `parts` are the mail as it is; a `Blob` among them is sent as base64 in lines of 76. Each recipient in `needed` has
    to be taken by the server, else nobody gets anything; those of `others` that it refuses are named in the answer's
    header `refused`.
    """

    sender: str
    needed: tuple[str, ...]
    others: tuple[str, ...]
    parts: tuple[bytes | Blob, ...]


MailCommand = Look | ListMails | FetchMail | FindMails | Greet | SendMail


class MailRequest(HttpRequest, frozen=True, kw_only=True):
    """One mail command that a connector wants carried out; `method` and `url` are words for logs and dead letters."""

    command: MailCommand


class MailServer(msgspec.Struct, frozen=True):
    """Where a mail server listens. Without `implicit` TLS begins by STARTTLS, and nothing is said before it."""

    host: str
    port: int
    implicit: bool

    @property
    def loopback(self) -> bool:
        """True where nothing leaves this machine: only there it may do without TLS, if it offers none."""
        return self.host in {"localhost", "::1"} or self.host.startswith("127.")


class MailAccount(msgspec.Struct, frozen=True):
    """The two servers of a mailbox and who we are there; its repr shows no secret."""

    imap: MailServer
    smtp: MailServer
    user: str
    #: empty: an access token is got by `Granting.grant` (XOAUTH2)
    password: str = ""
    #: of a company's own authority, as PEM; empty: those that the machine trusts
    authority: str = ""

    def __repr__(self) -> str:
        """Name the user and the servers only."""
        return f"MailAccount({self.user!r}, {self.imap.host!r}, {self.smtp.host!r})"


@runtime_checkable
class Mailing(Protocol):
    """A connector whose desk is a mailbox."""

    def mailbox(self) -> MailAccount:
        """Return where it is and how we prove ourselves."""
        ...
