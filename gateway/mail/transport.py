"""Carries out one mail command and says exactly what is known of its fate.

Sessions with a mailbox are kept for the next command, for a while; a mail is handed over in a session of its own, so
that nothing which an earlier one left behind can befall it. A login that is refused, a certificate that does not hold
and a server without TLS send nothing.
"""

from __future__ import annotations

import imaplib
import os
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol, TypeVar

import msgspec

from gateway.dialing import Exchange, current, time_for, tls_context
from gateway.errors import LoginRefusedError, NotSentError, OutcomeUnknownError
from gateway.mail.imap import GoneError, Mailbox, TooLargeError, open_mailbox, parting
from gateway.mail.login import Login
from gateway.mail.smtp import greet, hand_over, open_session
from gateway.ports import Blob, Connector, Files, HttpRequest, HttpResponse
from gateway.ports.mail import (
    FetchMail,
    Greet,
    ListMails,
    Look,
    MailAccount,
    MailCommand,
    Mailing,
    MailRequest,
    SendMail,
)
from gateway.telemetry import Redactor

T = TypeVar("T")

#: what OpenSSL says where the other side greets in plain words
_BARE = frozenset({"WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"})

#: servers end idle sessions after half an hour, some networks after a few minutes
MAX_IDLE = 120.0
#: sessions with one mailbox side by side: servers allow ten or fifteen
MAX_SESSIONS = 4
_FAILURES = (OSError, imaplib.IMAP4.error, smtplib.SMTPException, TooLargeError, ValueError, LookupError, EOFError)


class Token(Protocol):
    """Gets access tokens; `fresh`: the last one was refused. Empty where there is none (or no other)."""

    def __call__(self, connector: Connector, *, fresh: bool = False) -> str:
        """Return a token; raises LoginRefusedError or NotSentError where none can be got."""
        ...


class MailTransport:
    """`ports.Transport` for mail commands. One for a process; threads share it, a fork gets sessions of its own."""

    def __init__(self, *, token: Token, files: Files | None = None, max_idle: float = MAX_IDLE) -> None:
        self._token = token
        self._files = files
        self._max_idle = max_idle
        self._lock = threading.Lock()
        self._idle: dict[tuple[int, str], list[Mailbox]] = {}
        self._room: dict[tuple[int, str], threading.BoundedSemaphore] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}

    def send(self, connector: Connector, request: HttpRequest, *, deadline: float, trace_id: str) -> HttpResponse:  # noqa: ARG002 - a mail is traced by its Message-ID
        """Carry out one command within `deadline` seconds in all; a large mail has longer.

        Raises NotSentError when it is certain that nothing was handed over, OutcomeUnknownError otherwise.
        """
        if not isinstance(request, MailRequest) or not isinstance(connector, Mailing):
            raise NotSentError(f"{connector.settings.name}: this is no mail command; nothing was sent")
        command, account = request.command, connector.mailbox()
        exchange = Exchange(deadline + time_for(_weight(command)), 0.0)
        held = current.set(exchange)
        try:
            return self._carry_out(connector, account, command, exchange)
        except NotSentError as error:
            words = self._line(connector, request, str(error))
            kind = LoginRefusedError if isinstance(error, LoginRefusedError) else NotSentError
            raise kind(words) from None
        except _FAILURES as error:
            words = self._line(connector, request, _reason(error, deadline))
            if exchange.left:
                raise OutcomeUnknownError(f"{words}; it may have been sent") from None
            raise NotSentError(f"{words}; nothing was sent") from None
        finally:
            current.reset(held)

    def close(self) -> None:
        """Close the idle sessions."""
        with self._lock:
            sessions = [box for (process, _), boxes in self._idle.items() if process == os.getpid() for box in boxes]
            self._idle.clear()
        for box in sessions:
            _end(box)

    # ------------------------------------------------------------ commands

    def _carry_out(
        self, connector: Connector, account: MailAccount, command: MailCommand, exchange: Exchange
    ) -> HttpResponse:
        if isinstance(command, SendMail | Greet):
            return self._submit(connector, account, command, exchange)
        try:
            with self._session(connector, account) as box:
                match command:
                    case FetchMail():
                        return box.bring(command)
                    case Look():
                        found = box.look(command)
                    case ListMails():
                        found = box.name_mails(command)
                    case _:
                        found = box.find(command)
        except GoneError as error:
            return HttpResponse(error.status, {}, str(error).encode())
        return HttpResponse(200, {}, msgspec.json.encode(found))

    def _submit(
        self, connector: Connector, account: MailAccount, command: SendMail | Greet, exchange: Exchange
    ) -> HttpResponse:
        if isinstance(command, SendMail) and self._files is None and any(isinstance(e, Blob) for e in command.parts):
            raise NotSentError("a mail holds a file, and this process keeps none; nothing was sent")
        name = account.user.rpartition("@")[2]
        name = name if name.isascii() and "." in name else "[127.0.0.1]"
        server, context = account.smtp, self._context(account)
        session = self._proved(connector, account, lambda login: open_session(server, context, login, name))
        try:
            if isinstance(command, Greet):
                return greet(session)
            opened = self._files.open if self._files is not None else _nothing
            return hand_over(session, command, opened, exchange)
        finally:
            # the mail is handed over or not by now: how the session ends tells nothing
            with suppress(Exception):
                session.docmd("QUIT")
            session.close()

    # ------------------------------------------------------------ sessions

    @contextmanager
    def _session(self, connector: Connector, account: MailAccount) -> Iterator[Mailbox]:
        """Lend a session; it is kept for the next command unless something went wrong with it."""
        key = (os.getpid(), connector.settings.name)
        with self._lock:
            room = self._room.setdefault(key, threading.BoundedSemaphore(MAX_SESSIONS))
        if not room.acquire(timeout=current.get().remaining()):
            raise NotSentError("its sessions are all in use; nothing was sent")
        try:
            box = self._kept(key) or self._opened(connector, account)
            try:
                with parting(box):
                    yield box
            except GoneError:
                self._keep(key, box)
                raise
            except BaseException:
                _end(box)
                raise
            self._keep(key, box)
        finally:
            room.release()

    def _kept(self, key: tuple[int, str]) -> Mailbox | None:
        """Return a session that is still alive."""
        while True:
            with self._lock:
                boxes = self._idle.get(key)
                box = boxes.pop() if boxes else None
            if box is None:
                return None
            if time.monotonic() - box.used_at < self._max_idle:
                try:
                    if box.noop()[0] == "OK":
                        return box
                except (imaplib.IMAP4.error, OSError):
                    pass
            _end(box)

    def _keep(self, key: tuple[int, str], box: Mailbox) -> None:
        box.used_at = time.monotonic()
        with self._lock:
            self._idle.setdefault(key, []).append(box)

    def _opened(self, connector: Connector, account: MailAccount) -> Mailbox:
        context = self._context(account)
        return self._proved(connector, account, lambda login: open_mailbox(account.imap, context, login))

    def _proved(self, connector: Connector, account: MailAccount, opened: Callable[[Login], T]) -> T:
        """Open a session with what proves us; where an access token is refused, once more with a new one."""
        if account.password:
            return opened(Login(account.user, account.password))
        token = self._token(connector)
        try:
            return opened(Login(account.user, token=token))
        except LoginRefusedError:
            fresh = self._token(connector, fresh=True)
            if not fresh:
                raise
            return opened(Login(account.user, token=fresh))

    def _context(self, account: MailAccount) -> ssl.SSLContext:
        with self._lock:
            if account.authority not in self._contexts:
                self._contexts[account.authority] = tls_context(account.authority)
            return self._contexts[account.authority]

    @staticmethod
    def _line(connector: Connector, request: HttpRequest, words: str) -> str:
        account = connector.mailbox() if isinstance(connector, Mailing) else None
        login = (account.password,) if account is not None else ()
        said = f"{connector.settings.name}: {request.method} {request.url}: {words}"
        return Redactor((*connector.secrets(), *login)).text(said)


def _weight(command: MailCommand) -> int:
    """Return how many bytes a command may move."""
    if isinstance(command, FetchMail):
        return command.most
    if isinstance(command, SendMail):
        return sum(len(part) if isinstance(part, bytes) else part.size for part in command.parts)
    return 0


def _nothing(sha256: str) -> Iterator[bytes]:
    raise LookupError(sha256)


def _end(box: Mailbox) -> None:
    with suppress(Exception):
        box.shutdown()


def _reason(error: BaseException, deadline: float) -> str:  # noqa: PLR0911 - a table
    """Say in plain words what happened."""
    match error:
        case TooLargeError():
            return "the server says more than was asked for"
        case ssl.SSLCertVerificationError():
            return f"its certificate does not hold ({error.verify_message})"
        case TimeoutError():
            return f"no whole answer within {deadline:g} s"
        case ssl.SSLError() if error.reason in _BARE:
            return "what answers there does not begin with TLS: write imap:// or smtp://, which begin it by STARTTLS"
        case ssl.SSLError():
            return f"TLS failed ({error.reason or 'unexpected end'})"
        case socket.gaierror():
            return "no such host"
        case ConnectionRefusedError():
            return "connection refused"
        case imaplib.IMAP4.abort() if "unexpected response" in str(error):
            return "what answers there speaks no IMAP"
        case ConnectionError() | smtplib.SMTPServerDisconnected() | imaplib.IMAP4.abort() | EOFError():
            return "the connection ended"
        case LookupError():
            return "a file of the mail is not there any more"
        case OSError() if error.errno and not isinstance(error, smtplib.SMTPException):
            return os.strerror(error.errno)
        case _:
            return " ".join(str(error).split())[:300] or type(error).__name__
