"""One session with a mailbox: what imaplib says, within one deadline and within limits of size.

Everything is read with EXAMINE and BODY.PEEK (RFC 3501 sections 6.3.2 and 6.4.5): a mailbox looks the same to people
after we have read it. Courier keeps no number that it gives a new mail under EXAMINE, and may give it to another one
next time (measured on 5.0: a mail that a person moved in got the number of one that we had read): there the folder is
opened by SELECT, and BODY.PEEK alone leaves mails unread.
"""

from __future__ import annotations

import base64
import imaplib
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from typing import Any

from gateway.dialing import dial
from gateway.errors import LoginRefusedError, NotSentError
from gateway.mail.login import Login, xoauth2
from gateway.ports import HttpResponse
from gateway.ports.mail import MAX_WORD, FetchMail, FindMails, ListMails, Look, MailServer

#: UIDs that are asked about at a time; the next span is larger where one was empty: UIDs may have wide gaps
_SPAN = 2000
_LARGEST_UID = 2**32 - 1
#: what a server says beside the mail that was asked for may be so long
_SLACK = 1_000_000
#: a folder is looked at anew after so many seconds, sooner by every list
_FRESH = 30.0
#: a refused login that says nothing of the password (RFC 5530 section 3)
_FOR_NOW = re.compile(r"\[(?:UNAVAILABLE|INUSE|LIMIT|SERVERBUG|CONTACTADMIN)\]|too many|try again", re.IGNORECASE)
_NAME = re.compile(rb'\((?P<flags>[^)]*)\) (?:"(?:\\.|[^"\\])*"|NIL) (?P<name>.*)')
_UID = re.compile(rb"\bUID (\d+)")
_QUOTED = re.compile(rb'BODY\[\](?:<0>)? "((?:[^"\\]|\\.)*)"')

Json = dict[str, Any]


class TooLargeError(Exception):
    """The server says more than was asked for."""


class GoneError(Exception):
    """The folder or the mail is not there (404), or the mailbox counts anew (409): `status` and words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Mailbox(imaplib.IMAP4):
    """A session; made by `open_mailbox`."""

    def __init__(self, server: MailServer, context: ssl.SSLContext) -> None:
        self._server = server
        self._context = context
        self._most = _SLACK
        self._folder = ""
        self._validity = 0
        self._next = 0
        self._mails = 0
        self._looked_at = 0.0
        #: when it was used last (monotonic seconds)
        self.used_at = 0.0
        super().__init__(server.host, server.port)

    def _create_socket(self, timeout: float | None) -> socket.socket:  # noqa: ARG002 - the exchange has the deadline
        sock = dial(self._server.host, self._server.port)
        return self._context.wrap_socket(sock, server_hostname=self._server.host) if self._server.implicit else sock

    def read(self, size: int) -> bytes:
        """Read a literal; raises TooLargeError before a byte of one that nobody asked for."""
        if size > self._most:
            raise TooLargeError
        found = super().read(size)
        if len(found) != size:
            raise self.abort("the connection ended within a mail")
        return found

    # ------------------------------------------------------------ commands

    def look(self, command: Look) -> Json:
        """Carry out `Look`."""
        kind, lines = self.list()
        folders = [found for line in lines if (found := _folder(line)) is not None] if kind == "OK" else []
        self._examine(command.folder)
        return {"folders": folders, "validity": self._validity, "next": self._next, "mails": self._mails}

    def name_mails(self, command: ListMails) -> Json:
        """Carry out `ListMails`."""
        self._examine(command.folder)
        since = _since(command)
        found: list[int] = []
        low, span = command.after + 1, _SPAN
        while low < self._next and len(found) < command.limit:
            high = min(low + span - 1, self._next - 1)
            span *= 2
            new = self._search(f"UID {low}:{high}{since}")
            found += [uid for uid in new if low <= uid <= high]
            low = high + 1
        return {"validity": self._validity, "next": self._next, "uids": found[: command.limit]}

    def bring(self, command: FetchMail) -> HttpResponse:
        """Carry out `FetchMail`; raises GoneError."""
        if command.folder != self._folder or time.monotonic() - self._looked_at > _FRESH:
            self._examine(command.folder)
        if command.validity != self._validity:
            raise GoneError(409, f"the mailbox counts its mails anew: {self._validity}, not {command.validity}")
        about = self._fetched(command.uid, "(UID RFC822.SIZE INTERNALDATE)")
        told = b" ".join(line if isinstance(line, bytes) else b" ".join(line) for line in about)
        size = re.search(rb"RFC822\.SIZE (\d+)", told)
        if size is None:
            raise GoneError(404, "there is no such mail")
        arrived = imaplib.Internaldate2tuple(told)
        self._most = command.most + _SLACK
        try:
            body = _literal(self._fetched(command.uid, f"(UID BODY.PEEK[]<0.{command.most}>)"))
        finally:
            self._most = _SLACK
        if body is None:
            raise GoneError(404, "there is no such mail")
        headers = {"size": size[1].decode(), "uid": str(command.uid)}
        if arrived is not None:
            headers["arrived"] = str(int(time.mktime(arrived)))
        return HttpResponse(200, headers, body)

    def find(self, command: FindMails) -> Json:
        """Carry out `FindMails`."""
        found: dict[str, list[int]] = {}
        counts: dict[str, int] = {}
        for folder in dict.fromkeys(command.folders):
            try:
                self._examine(folder)
            except GoneError:
                continue
            counts[folder] = self._validity
            found[folder] = self._search(f"HEADER {_quoted(command.header)} {_quoted(command.value)}")
        return {"found": found, "validity": counts}

    # ------------------------------------------------------------ inside

    def _examine(self, folder: str) -> None:
        self._folder = ""
        kind, said = self.select(_quoted(_utf7(folder)), readonly=True)
        if kind != "OK":
            raise GoneError(404, f"the folder {folder!r} cannot be opened: {_words(said)}")
        self._next = self._number("UIDNEXT")
        if not self._next:
            said = self._selected(folder) or said
        self._mails = int(said[0] or 0) if said else 0
        self._validity = self._number("UIDVALIDITY")
        if not self._next:
            # not every server says it (RFC 3501 section 6.3.1): the last mail has the largest. Courier says neither
            # that nor what SEARCH finds under *, which it reads as a number; FETCH it answers
            self._next = self._last() + 1 if self._mails else 1
        self._next = min(self._next, _LARGEST_UID)
        self._folder, self._looked_at = folder, time.monotonic()

    def _selected(self, folder: str) -> list[Any]:
        """Open a folder so that its numbers are kept; where we may only read it, it stays as it was opened."""
        try:
            kind, said = self.select(_quoted(_utf7(folder)))
        except imaplib.IMAP4.readonly:
            kind, said = self.select(_quoted(_utf7(folder)), readonly=True)
        if kind != "OK":
            raise GoneError(404, f"the folder {folder!r} cannot be opened: {_words(said)}")
        return list(said)

    def _number(self, name: str) -> int:
        _, said = self.response(name)
        return int(said[0]) if said and isinstance(said[0], bytes) and said[0].isdigit() else 0

    def _last(self) -> int:
        kind, said = self.uid("FETCH", "*", "(UID)")
        if kind != "OK":
            msg = f"the last mail cannot be named: {_words(said)}"
            raise self.error(msg)
        lines = [found for line in said or () if isinstance(line, bytes) and (found := _UID.search(line))]
        return max((int(found[1]) for found in lines), default=0)

    def _search(self, what: str) -> list[int]:
        kind, said = self.uid("SEARCH", what)
        if kind != "OK":
            msg = f"the mailbox cannot be searched: {_words(said)}"
            raise self.error(msg)
        words = b" ".join(line for line in said if isinstance(line, bytes)).split()
        return sorted({int(word) for word in words if word.isdigit()})

    def _fetched(self, uid: int, what: str) -> list[Any]:
        kind, said = self.uid("FETCH", str(uid), what)
        if kind != "OK":
            msg = f"a mail cannot be read: {_words(said)}"
            raise self.error(msg)
        mine = b"UID %d" % uid
        return [line for line in said if line is not None and mine in (line if isinstance(line, bytes) else line[0])]


def open_mailbox(server: MailServer, context: ssl.SSLContext, login: Login) -> Mailbox:
    """Connect, begin TLS, prove who we are; raises LoginRefusedError, NotSentError or what imaplib raises."""
    with parting(box := _greeted(server, context)):
        try:
            _enter(box, server, context, login)
        except BaseException:
            # of a handshake that failed nothing is left to shut, and why it failed is what counts
            with suppress(Exception):
                box.shutdown()
            raise
    return box


def _greeted(server: MailServer, context: ssl.SSLContext) -> Mailbox:
    try:
        return Mailbox(server, context)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        said = _words(error.args).removeprefix("* BYE").strip()
        raise NotSentError(f"it takes nobody for now: {said}" if said else str(error)) from None


@contextmanager
def parting(box: Mailbox) -> Iterator[None]:
    """Say why a server ended a session where it said so (BYE, RFC 3501 section 7.1.5); raises NotSentError."""
    try:
        yield
    except imaplib.IMAP4.abort:
        said = _words(box.untagged_responses.get("BYE"))
        if said:
            raise NotSentError(f"it ended the session: {said}") from None
        raise


def _enter(box: Mailbox, server: MailServer, context: ssl.SSLContext, login: Login) -> None:
    if not server.implicit and ("STARTTLS" in box.capabilities or not server.loopback):
        if "STARTTLS" not in box.capabilities:
            msg = "it offers no TLS, and a password does not leave this machine without: write imaps://"
            raise NotSentError(msg)
        box.starttls(context)
    _log_in(box, login)


def _log_in(box: Mailbox, login: Login) -> None:
    if "LOGINDISABLED" in box.capabilities and not login.token:
        raise LoginRefusedError("it takes no password here (LOGINDISABLED): use an access token, or ask its admin")
    try:
        if login.token:
            box.authenticate("XOAUTH2", _once(xoauth2(login)))
        elif "AUTH=PLAIN" in box.capabilities:
            box.authenticate("PLAIN", _once(f"\0{login.user}\0{login.password}".encode()))
        else:
            box.login(login.user, login.password)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        words = str(error)
        if _FOR_NOW.search(words):
            raise NotSentError(f"it takes nobody for now: {words}") from None
        raise LoginRefusedError(f"the login was refused: {words}") from None


def _once(said: bytes) -> Callable[[bytes], bytes]:
    """Answer the first challenge; an empty answer to the second lets the server say why it refuses (XOAUTH2)."""
    answers = [b"", said]
    return lambda _: answers.pop() if answers else b""


def _since(command: ListMails) -> str:
    """Return what is searched for beside numbers (RFC 3501 section 6.4.4): what follows OR are two keys."""
    if command.since is None:
        return ""
    if command.flagged is None or command.flagged >= command.since:
        return f" SINCE {_day(command.since)}"
    return f" SINCE {_day(command.flagged)} OR SINCE {_day(command.since)} FLAGGED"


def _day(day: date) -> str:
    return f"{day:%d}-{_MONTHS[day.month - 1]}-{day:%Y}"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _literal(said: list[Any]) -> bytes | None:
    """Return the text of a mail from an answer to FETCH; None where it is not there any more."""
    for line in said:
        if isinstance(line, tuple) and b"BODY[" in line[0]:
            return bytes(line[1])
        quoted = _QUOTED.search(line) if isinstance(line, bytes) else None
        if quoted is not None:
            return re.sub(rb"\\(.)", rb"\1", quoted[1])
    return None


def _folder(line: Any) -> Json | None:
    """Read a line of LIST."""
    text = line if isinstance(line, bytes) else b" ".join(line) if isinstance(line, tuple) else b""
    found = _NAME.match(text)
    if found is None:
        return None
    name = found["name"].strip()
    if name.startswith(b'"'):
        name = re.sub(rb"\\(.)", rb"\1", name[1:-1])
    return {
        "name": _from_utf7(name.decode("ascii", "replace")),
        "flags": found["flags"].decode("ascii", "replace").split(),
    }


def _quoted(text: str) -> str:
    """Return a quoted string; raises NotSentError for what cannot stand in one."""
    if not text.isascii() or not text.isprintable() or len(text) > MAX_WORD:
        raise NotSentError("a word for the mailbox is too long, or holds signs that cannot be sent")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _utf7(name: str) -> str:
    """Return a folder's name as IMAP writes it (RFC 3501 section 5.1.3)."""
    found, wide = [], ""
    for sign in [*name, ""]:
        if sign and not (" " <= sign <= "~"):
            wide += sign
            continue
        if wide:
            found.append("&" + base64.b64encode(wide.encode("utf-16-be")).decode().rstrip("=").replace("/", ",") + "-")
            wide = ""
        found.append("&-" if sign == "&" else sign)
    return "".join(found)


def _from_utf7(name: str) -> str:
    def plain(match: re.Match[str]) -> str:
        if not match[1]:
            return "&"
        try:
            text = match[1].replace(",", "/")
            return base64.b64decode(text + "=" * (-len(text) % 4)).decode("utf-16-be")
        except ValueError:
            return match[0]

    return re.sub(r"&([^-]*)-", plain, name)


def _words(said: Any) -> str:
    words = [each.decode("utf-8", "replace") for each in said or () if isinstance(each, bytes)]
    return " ".join(" ".join(words).split())[:300]
