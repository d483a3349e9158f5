"""The SMTP half of the simulated mail server: the commands that the gateway gives, as RFC 5321 answers them."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

from connectors.email.sim_imap import credentials
from connectors.email.sim_lines import Lines
from connectors.email.sim_store import Sent

#: takes a mail; returns what is answered, or None where the connection ends without an answer
Take = Callable[[Sent], str | None]


class SmtpSession:
    """One client's session."""

    def __init__(
        self,
        lines: Lines,
        *,
        prove: Callable[[str, str, str], bool],
        take: Take,
        refuses: Callable[[str], str],
        starttls: bool,
        size: int,
    ) -> None:
        self._lines = lines
        self._prove = prove
        self._take = take
        self._refuses = refuses
        self._starttls = starttls
        self._size = size
        self._user = ""
        self._sender = ""
        self._recipients: list[str] = []

    def run(self) -> None:
        """Serve until the client goes."""
        self._lines.send("220 mail.example ESMTP")
        while (line := self._lines.read()) is not None:
            if not self._answer(line):
                return

    def _answer(self, line: str) -> bool:
        name = line.split(" ", 1)[0].upper()
        if name == "EHLO":
            self._lines.send("250-mail.example", *self._offers(), f"250 SIZE {self._size}")
        elif name == "STARTTLS":
            self._lines.send("220 begin")
            self._lines.begin_tls()
        elif name == "AUTH":
            self._authenticate(line)
        elif name == "QUIT":
            self._lines.send("221 bye")
            return False
        elif name == "RSET":
            self._sender, self._recipients = "", []
            self._lines.send("250 forgotten")
        elif not self._user:
            self._lines.send("530 5.7.0 log in first")
        elif name == "MAIL":
            self._sender = _address(line)
            self._recipients = []
            self._lines.send("250 2.1.0 go on")
        elif name == "RCPT":
            refusal = self._refuses(_address(line))
            if not refusal:
                self._recipients.append(_address(line))
            self._lines.send(refusal or "250 2.1.5 go on")
        elif name == "DATA":
            return self._data()
        else:
            self._lines.send("502 5.5.2 what?")
        return True

    def _offers(self) -> list[str]:
        offers = ["250-8BITMIME", "250-SMTPUTF8"]
        if self._starttls and not self._lines.secure:
            return [*offers, "250-STARTTLS"]
        return [*offers, "250-AUTH PLAIN XOAUTH2"]

    def _authenticate(self, line: str) -> None:
        _, way, said = [*line.split(" "), ""][:3]
        user, password, token = credentials(way.upper(), base64.b64decode(said).decode())
        if self._prove(user, password, token):
            self._user = user
            self._lines.send("235 2.7.0 welcome")
            return
        if token:
            self._lines.send("334 eyJzdGF0dXMiOiI0MDAifQ==")
            self._lines.read()
        self._lines.send("535 5.7.8 wrong credentials")

    def _data(self) -> bool:
        self._lines.send("354 go on")
        lines = []
        while (line := self._lines.read_bytes()) != b".\r\n":
            if not line:
                return False
            lines.append(line[1:] if line.startswith(b".") else line)
        answer = self._take(Sent(self._sender, tuple(self._recipients), b"".join(lines)))
        if answer is None:
            return False
        if len(answer) < 4:
            # one that breaks off has no end of its line
            self._lines.send_bytes(answer.encode())
            return False
        self._lines.send(answer)
        return True


def _address(line: str) -> str:
    found = re.search(r"<([^<>]*)>", line)
    return found[1] if found else ""
