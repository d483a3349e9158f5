"""A mail server on loopback: IMAP and SMTP over real sockets, one mailbox, and everybody else's outside.

It subclasses the simulated desk for its clock, its faults, its effect log and its control over HTTP; a fault's `method`
is IMAP or SMTP, and its `path` the command (`UID FETCH`, `DATA`). What it sends is delivered at once: into the mailbox
where it is for that, else only into `store.sent`.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any, Self

from connectors.email.sim_imap import ImapSession
from connectors.email.sim_lines import Lines
from connectors.email.sim_smtp import SmtpSession
from connectors.email.sim_store import MailStore, Sent
from connectors.email.sim_tls import certificate
from connectors.testing.desk import Handler, SimulatedDesk
from connectors.testing.faults import Fault, FaultKind

ADDRESS = "support@desk.example"
_BEFORE = frozenset({FaultKind.RESET_BEFORE, FaultKind.HANG, FaultKind.LATE_EFFECT, FaultKind.ERROR_WITHOUT_EFFECT,
                     FaultKind.THROTTLE})  # fmt: skip


class SimulatedMail(SimulatedDesk):
    """One mailbox behind two servers. `tls`: implicit, starttls or none."""

    def __init__(
        self,
        *,
        user: str = "support",
        password: str = "mail-password-0123",  # noqa: S107 - of a simulator
        token: str = "",
        tls: str = "implicit",
        size: int = 50_000_000,
        seed: int = 0,
    ) -> None:
        super().__init__(seed=seed)
        self.user, self.password, self.token = user, password, token
        self.tls = tls
        self.size = size
        self.store = MailStore()
        #: address -> what the server says to RCPT
        self.refused: dict[str, str] = {}
        #: as some servers do, what is sent is kept in a folder
        self.keeps_sent = False
        #: the commands that mailbox sessions gave
        self.commands: list[str] = []
        #: command -> the words with which a mailbox session ends at it (BYE); under an empty one those of the greeting
        self.byes: dict[str, str] = {}
        #: how often somebody logged in to the mailbox
        self.logins = 0
        self.authority, self._context = certificate()
        self._imap = Listener(self._serve_imap)
        self._smtp = Listener(self._serve_smtp)

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Nothing but the control is served over HTTP."""
        return []

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:  # noqa: ARG002 - none are sent
        """Sign nothing."""
        return {}

    # -- life

    @property
    def url(self) -> str:
        """Where the mailbox is read."""
        return f"imap{'s' * (self.tls == 'implicit')}://127.0.0.1:{self._imap.port}"

    @property
    def smtp_url(self) -> str:
        """Where mail is sent."""
        return f"smtp{'s' * (self.tls == 'implicit')}://127.0.0.1:{self._smtp.port}"

    def start(self) -> Self:
        """Listen."""
        super().start()
        self._imap.listen()
        self._smtp.listen()
        return self

    def stop(self) -> None:
        """Stop; the mails stay."""
        super().stop()
        self._imap.close()
        self._smtp.close()

    def fault(self, kind: FaultKind | str, **how: Any) -> None:
        """Arm a fault; `refuse` closes both servers at once."""
        if str(kind) == FaultKind.REFUSE.value:
            self._imap.close()
            self._smtp.close()
        else:
            super().fault(kind, **how)

    def accept(self) -> None:
        """Listen again."""
        super().accept()
        self._imap.listen()
        self._smtp.listen()

    # -- people

    def act_write(  # noqa: PLR0913 - all that a mail has
        self,
        *,
        sender: str = "kim@customer.example",
        name: str = "Kim",
        to: str = ADDRESS,
        subject: str = "Printer on fire",
        text: str = "It burns.",
        html: str = "",
        answers: str = "",
        references: str = "",
        cc: str = "",
        files: list[tuple[str, bytes]] | None = None,
        headers: dict[str, str] | None = None,
        folder: str = "INBOX",
        flagged: bool = False,
    ) -> str:
        """Let somebody write a mail; returns its Message-ID."""
        mail = EmailMessage()
        mail["From"] = f"{name} <{sender}>"
        mail["To"], mail["Subject"] = to, subject
        if cc:
            mail["Cc"] = cc
        mail["Date"] = format_datetime(self.now())
        mail["Message-ID"] = number = make_msgid(domain=sender.rpartition("@")[2])
        if answers:
            mail["In-Reply-To"] = answers
            mail["References"] = references or answers
        for key, value in (headers or {}).items():
            mail[key] = value
        mail.set_content(text)
        if html:
            mail.add_alternative(html, subtype="html")
        for file, data in files or []:
            kind = "png" if file.endswith(".png") else "octet-stream"
            main = "image" if kind == "png" else "application"
            mail.add_attachment(data, maintype=main, subtype=kind, filename=file)
        self.store.deliver(
            mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), folder, self.now(), flagged=flagged
        )
        return number

    def act_deliver(self, raw: bytes, folder: str = "INBOX") -> int:
        """Let a mail arrive as it is; returns its UID."""
        return self.store.deliver(raw, folder, self.now())

    # -- servers

    def wait(self, seconds: float) -> None:
        """Wait, unless the servers stop."""
        self._stopping.wait(seconds)

    def _proves(self, user: str, password: str, token: str) -> bool:
        right = token == self.token if token or self.token else password == self.password
        return user == self.user and right

    def _serve_imap(self, sock: socket.socket) -> None:
        lines = _Struck(self, sock, self._context, secure=self.tls == "implicit")

        def prove(user: str, password: str, token: str) -> bool:
            self.logins += 1
            return self._proves(user, password, token)

        with contextlib.suppress(OSError, ValueError):
            ImapSession(
                lines,
                self.store,
                prove=prove,
                starttls=self.tls == "starttls",
                seen=self.commands,
                byes=self.byes,
            ).run()
        lines.close()

    def _serve_smtp(self, sock: socket.socket) -> None:
        lines = Lines(sock, self._context, secure=self.tls == "implicit")
        with contextlib.suppress(OSError, ValueError):
            SmtpSession(
                lines,
                prove=self._proves,
                take=lambda sent: self._take(lines, sent),
                refuses=lambda address: self.refused.get(address, ""),
                starttls=self.tls == "starttls",
                size=self.size,
            ).run()
        lines.close()

    def _take(self, lines: Lines, sent: Sent) -> str | None:
        """Send a mail, unless a fault befalls it; return the answer to its last line."""
        fault, latency = self.faults.strike("SMTP", "DATA")
        if latency:
            self._stopping.wait(latency)
        if fault is None:
            return self._sent(sent)
        return self._befallen(lines, sent, fault)

    def _befallen(self, lines: Lines, sent: Sent, fault: Fault) -> str | None:
        if fault.kind not in _BEFORE:
            self._sent(sent)
        match fault.kind:
            case FaultKind.ERROR_WITHOUT_EFFECT | FaultKind.ERROR_WITH_EFFECT:
                # the words of HTTP for trouble mean something else here
                return f"{451 if fault.status < 505 else fault.status} 4.3.0 something went wrong"
            case FaultKind.THROTTLE:
                return "421 4.7.0 too many mails, try again later"
            case FaultKind.GARBAGE:
                return "<html>proxy says hello</html>"
            case FaultKind.HALF_BODY:
                return "25"
            case FaultKind.HANG:
                self._stopping.wait(fault.seconds)
                return None
            case FaultKind.LATE_EFFECT:
                self._later(fault.seconds, lambda: self._sent(sent))
                return None
            case FaultKind.DROP_CONNECTION:
                lines.send("250 2.0.0 queued")
                return None
            case _:
                lines.reset()
                return None

    def _sent(self, sent: Sent) -> str:
        """Let a mail go to all its recipients."""
        message = sent.message
        number = re.sub(r"[<>]", "", str(message["Message-ID"] or ""))
        key = number.partition(".")[0]
        with self.store.lock:
            self.store.sent.append(sent)
            if self.keeps_sent:
                self.store.deliver(sent.raw, "Sent", self.now())
            if any(each.lower() == ADDRESS for each in sent.recipients):
                self.store.deliver(b"Return-Path: <" + sent.sender.encode() + b">\r\n" + sent.raw, arrived=self.now())
        kind = "create" if message["In-Reply-To"] is None and "/i]" not in str(message["Subject"]) else "comment"
        self.effects.record(
            at=self.now(), kind=kind, remote_id=number, key=key, method="SMTP", path="DATA",
            detail={"to": list(sent.recipients), "subject": str(message["Subject"])}, change_id=number,
        )  # fmt: skip
        return "250 2.0.0 queued"


class _Struck(Lines):
    """Lines of a mailbox session that faults befall, command by command."""

    def __init__(self, desk: SimulatedMail, sock: socket.socket, context: ssl.SSLContext, *, secure: bool) -> None:
        self._desk = desk
        super().__init__(sock, context, secure=secure)

    def read(self) -> str | None:
        """Return one command, unless the connection ends by a fault."""
        line = super().read()
        if line is None or " " not in line:
            return line
        words = " ".join(line.split(" ")[1:3]).upper()
        fault, latency = self._desk.faults.strike("IMAP", words)
        if latency:
            self._desk.wait(latency)
        if fault is None:
            return line
        if fault.kind is FaultKind.HANG:
            self._desk.wait(fault.seconds)
        self.reset()
        return None


class Listener:
    """Accepts connections on one port, a thread for each."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self.port = 0
        self._sock: socket.socket | None = None
        self._open: list[socket.socket] = []

    def listen(self) -> None:
        """Listen, on the same port again where it has listened before."""
        if self._sock is not None:
            return
        self._sock = socket.create_server(("127.0.0.1", self.port))
        self.port = self._sock.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._sock,), name="sim-mail", daemon=True).start()

    def close(self) -> None:
        """Listen no more, and end what is connected."""
        sock, self._sock = self._sock, None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                sock, _ = listening.accept()
            except OSError:
                return
            # answers of several parts are not to wait for each other
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.append(sock)
            threading.Thread(target=self._guarded, args=(sock,), name="sim-mail-session", daemon=True).start()

    def _guarded(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self._serve(sock)
        with contextlib.suppress(OSError):
            sock.close()
