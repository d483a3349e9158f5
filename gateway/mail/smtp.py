"""Hands one mail over to the server that sends it, and knows from where on it may have been taken.

A server takes a mail at the line with a single dot that ends it (RFC 5321 section 4.1.1.4): whatever fails before that
line has left has certainly sent nothing, and only the answer to it can be lost with something having happened.
"""

from __future__ import annotations

import base64
import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence

import msgspec

from gateway import crashpoint
from gateway.dialing import Exchange, dial
from gateway.errors import LoginRefusedError, NotSentError
from gateway.mail.login import Login, xoauth2
from gateway.ports import Blob, HttpResponse
from gateway.ports.mail import MAX_WORD, MailServer, SendMail

Open = Callable[[str], Iterator[bytes]]

#: a line of base64 holds 57 bytes (RFC 2045 section 6.8)
_GROUP = 57
_LINES = 1000
_REFUSED = frozenset({530, 534, 535, 538})
_SIZE = 552


class Session(smtplib.SMTP):
    """A session; made by `open_session`."""

    def __init__(self, server: MailServer, context: ssl.SSLContext, name: str) -> None:
        self._server = server
        self._tls = context
        super().__init__(local_hostname=name)
        # what smtplib keeps of a connection that it makes itself: STARTTLS checks the certificate against it
        self._host = server.host

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002 - the exchange has the deadline
        sock = dial(host, port)
        return self._tls.wrap_socket(sock, server_hostname=host) if self._server.implicit else sock


def open_session(server: MailServer, context: ssl.SSLContext, login: Login, name: str) -> Session:
    """Connect, begin TLS, prove who we are; raises LoginRefusedError, NotSentError or what smtplib raises."""
    session = Session(server, context, name)
    try:
        code, said = session.connect(server.host, server.port)
        if code < 0:
            raise NotSentError("what answers there speaks no SMTP")
        _require(code == 220, code, said)
        _require(session.ehlo()[0] == 250, *session.ehlo())
        if not server.implicit and (session.has_extn("starttls") or not server.loopback):
            if not session.has_extn("starttls"):
                raise NotSentError(
                    "it offers no TLS, and a password does not leave this machine without: write smtps://"
                )
            code, said = session.starttls(context=context)
            _require(code == 220, code, said)
            _require(session.ehlo()[0] == 250, *session.ehlo())
        _log_in(session, login)
    except BaseException:
        session.close()
        raise
    return session


def _require(holds: bool, code: int, said: bytes) -> None:  # noqa: FBT001 - a condition
    if not holds:
        raise NotSentError(f"the server says {code} {_words(said)}")


def _log_in(session: Session, login: Login) -> None:
    if not session.has_extn("auth"):
        if login.token or login.password:
            raise LoginRefusedError("it takes no login here: ask its admin for the submission port (465 or 587)")
        return
    offered = session.esmtp_features.get("auth", "").upper().split()
    if login.token:
        code, said = session.docmd("AUTH", "XOAUTH2 " + base64.b64encode(xoauth2(login)).decode())
        if code == 334:
            # it says why, and waits for an empty line before it refuses
            code, said = session.docmd("")
    elif "PLAIN" in offered:
        plain = f"\0{login.user}\0{login.password}".encode()
        code, said = session.docmd("AUTH", "PLAIN " + base64.b64encode(plain).decode())
    else:
        code, said = session.docmd("AUTH", "LOGIN " + base64.b64encode(login.user.encode()).decode())
        if code == 334:
            code, said = session.docmd(base64.b64encode(login.password.encode()).decode())
    if code == 235:
        return
    if code in _REFUSED or 500 <= code < 600:
        raise LoginRefusedError(f"the login was refused: {code} {_words(said)}")
    raise NotSentError(f"it takes nobody for now: {code} {_words(said)}")


def greet(session: Session) -> HttpResponse:
    """Say what the server offers."""
    size = session.esmtp_features.get("size", "")
    told = {"extensions": sorted(session.esmtp_features), "size": int(size) if size.isdigit() else 0}
    return HttpResponse(250, {}, msgspec.json.encode(told))


def hand_over(session: Session, mail: SendMail, open_file: Open, exchange: Exchange) -> HttpResponse:
    """Hand a mail over; `exchange.left` is set before the line that makes the server take it.

    The answer's status is the server's, of the first thing that it refuses. Raises what smtplib and sockets raise.
    """
    refusal = _begin(session, mail)
    if refusal is not None:
        return refusal
    refused: dict[str, str] = {}
    for address in (*mail.needed, *mail.others):
        code, said = session.docmd(f"RCPT TO:<{address}>")
        if code in {250, 251}:
            continue
        # one who is refused for good keeps no mail from the others; one who is refused for now is tried again, with all
        if address in mail.needed or 400 <= code < 500:
            session.docmd("RSET")
            return _answer(code, said, f"{address}: ")
        refused[address] = f"{code} {_words(said)}"
    code, said = session.docmd("DATA")
    if code != 354:
        return _answer(code, said)
    for chunk in stuffed(stream(mail.parts, open_file)):
        session.sock.sendall(chunk)  # type: ignore[union-attr]
    crashpoint.reach("mail.sending")
    exchange.left = True
    session.sock.sendall(b".\r\n")  # type: ignore[union-attr]
    code, said = session.getreply()
    crashpoint.reach("mail.answering")
    if not 200 <= code < 600:
        msg = f"the server's answer is no answer: {code} {_words(said)}"
        raise smtplib.SMTPException(msg)
    exchange.left = False
    answer = _answer(code, said)
    told = "; ".join(f"{address}: {why}" for address, why in refused.items())
    return msgspec.structs.replace(answer, headers={"refused": told[:1000]} if told else {})


def _begin(session: Session, mail: SendMail) -> HttpResponse | None:
    """Name the sender; return why the mail is refused before anything of it was said."""
    size = sum(map(_length, mail.parts))
    most = session.esmtp_features.get("size", "")
    if most.isdigit() and 0 < int(most) < size:
        return _answer(_SIZE, f"the mail has {size} bytes, the server takes {most}".encode())
    addresses = (mail.sender, *mail.needed, *mail.others)
    for address in addresses:
        if not re.fullmatch(r"[^\s<>\x00-\x1f\x7f]+@[^\s<>@\x00-\x1f\x7f]+", address) or len(address) > MAX_WORD:
            return _answer(553, f"{address!r} is no address".encode())
    wide = not all(address.isascii() for address in addresses)
    if wide and not session.has_extn("smtputf8"):
        return _answer(553, b"the server takes no addresses beyond ASCII (SMTPUTF8)")
    options = [f"SIZE={size}"] * session.has_extn("size") + ["BODY=8BITMIME"] * session.has_extn("8bitmime")
    options += ["SMTPUTF8"] * wide
    if wide:
        session.command_encoding = "utf-8"
    code, said = session.docmd(" ".join([f"MAIL FROM:<{mail.sender}>", *options]))
    return None if code == 250 else _answer(code, said)


def stream(parts: Sequence[bytes | Blob], open_file: Open) -> Iterator[bytes]:
    """Yield a mail, its files as base64; raises LookupError for a file that is not there."""
    for part in parts:
        if isinstance(part, bytes):
            yield part
        else:
            yield from _encoded(open_file(part.sha256))


def _encoded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        whole = rest + chunk
        end = len(whole) - len(whole) % _GROUP
        rest = whole[end:]
        lines = [base64.b64encode(whole[at : at + _GROUP]) + b"\r\n" for at in range(0, end, _GROUP)]
        for first in range(0, len(lines), _LINES):
            yield b"".join(lines[first : first + _LINES])
    if rest:
        yield base64.b64encode(rest) + b"\r\n"


def _length(part: bytes | Blob) -> int:
    if isinstance(part, bytes):
        return len(part)
    lines = -(-part.size // _GROUP)
    return -(-part.size // 3) * 4 + 2 * lines


def stuffed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield a mail with a dot more before each line that begins with one, and with an end of line at its end.

    RFC 5321 section 4.5.2; a chunk may end within a line.
    """
    last = b"\n"
    for chunk in chunks:
        if not chunk:
            continue
        sent = (b"." if last == b"\n" and chunk.startswith(b".") else b"") + chunk.replace(b"\n.", b"\n..")
        last = chunk[-1:]
        yield sent
    if last != b"\n":
        yield b"\r\n"


def _answer(code: int, said: bytes, before: str = "") -> HttpResponse:
    return HttpResponse(code, {}, f"{before}{_words(said)}".encode())


def _words(said: bytes) -> str:
    return " ".join(said.decode("utf-8", "replace").replace("\0", "").split())[:500]
