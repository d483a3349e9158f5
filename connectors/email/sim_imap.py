"""The IMAP half of the simulated mail server: the commands that the gateway gives, as RFC 3501 answers them."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from connectors.email.sim_lines import Lines
from connectors.email.sim_store import MailStore

_FETCH = re.compile(r"UID FETCH (\d+|\*) \((.*)\)", re.IGNORECASE)
_PARTIAL = re.compile(r"BODY\.PEEK\[\]<0\.(\d+)>", re.IGNORECASE)


class ImapSession:
    """One client's session."""

    def __init__(
        self,
        lines: Lines,
        store: MailStore,
        *,
        prove: Callable[[str, str, str], bool],
        starttls: bool,
        seen: list[str],
        byes: Mapping[str, str],
    ) -> None:
        self._lines = lines
        self._store = store
        self._prove = prove
        self._starttls = starttls
        self._seen = seen
        self._byes = byes
        self._folder = ""
        self._user = ""

    def run(self) -> None:
        """Serve until the client goes."""
        if "" in self._byes:
            self._lines.send(f"* BYE {self._byes['']}")
            return
        self._lines.send("* OK [CAPABILITY IMAP4rev1" + self._offers() + "] ready")
        while (line := self._lines.read()) is not None:
            tag, _, words = line.partition(" ")
            if not words:
                self._lines.send(f"{tag or '*'} BAD what?")
                continue
            self._seen.append(words.split(" ")[0].upper() + (" " + words.split(" ")[1] if " " in words else ""))
            if not self._answer(tag, words):
                return

    def _offers(self) -> str:
        if self._starttls and not self._lines.secure:
            return " STARTTLS LOGINDISABLED"
        return " AUTH=PLAIN AUTH=XOAUTH2"

    def _answer(self, tag: str, words: str) -> bool:
        name = words.split(" ", 1)[0].upper()
        if name in self._byes:
            self._lines.send(f"* BYE {self._byes[name]}")
            return False
        if name == "LOGOUT":
            self._lines.send("* BYE", f"{tag} OK done")
            return False
        if name == "STARTTLS":
            self._lines.send(f"{tag} OK begin")
            self._lines.begin_tls()
            return True
        if name in {"EXAMINE", "SELECT", "LIST", "UID"} and not self._user:
            self._lines.send(f"{tag} NO log in first")
            return True
        handlers: Mapping[str, Callable[[str, str], Any]] = {
            "CAPABILITY": self._capability, "NOOP": self._noop, "AUTHENTICATE": self._authenticate,
            "LOGIN": self._login, "EXAMINE": self._examine, "SELECT": self._examine, "LIST": self._list,
            "UID": self._uid,
        }  # fmt: skip
        handler = handlers.get(name)
        if handler is None:
            self._lines.send(f"{tag} BAD unknown command")
        else:
            handler(tag, words)
        return True

    def _capability(self, tag: str, _: str) -> None:
        self._lines.send("* CAPABILITY IMAP4rev1" + self._offers(), f"{tag} OK done")

    def _noop(self, tag: str, _: str) -> None:
        self._lines.send(f"{tag} OK done")

    def _authenticate(self, tag: str, words: str) -> None:
        way = words.split(" ")[1].upper()
        self._lines.send("+ ")
        said = base64.b64decode(self._lines.read() or "").decode()
        user, password, token = credentials(way, said)
        if not self._prove(user, password, token):
            if token:
                self._lines.send("+ eyJzdGF0dXMiOiI0MDAifQ==")
                self._lines.read()
            self._lines.send(f"{tag} NO [AUTHENTICATIONFAILED] wrong credentials")
            return
        self._user = user
        self._lines.send(f"{tag} OK done")

    def _login(self, tag: str, words: str) -> None:
        _, user, password = shlex.split(words)
        self._user = user if self._prove(user, password, "") else ""
        self._lines.send(f"{tag} OK done" if self._user else f"{tag} NO [AUTHENTICATIONFAILED] wrong credentials")

    def _examine(self, tag: str, words: str) -> None:
        command, name = shlex.split(words)[:2]
        reads = command.upper() == "EXAMINE"
        with self._store.lock:
            folder = self._store.folders.get(name)
            if folder is None:
                self._lines.send(f"{tag} NO [NONEXISTENT] no such folder")
                return
            self._folder = name
            if not reads:
                folder.kept = folder.next
            named = [] if self._store.courier else [f"* OK [UIDNEXT {folder.next}]"]
            self._lines.send(
                f"* {len(folder.mails)} EXISTS",
                f"* OK [UIDVALIDITY {folder.validity}]",
                *named,
                f"{tag} OK [READ-{'ONLY' if reads else 'WRITE'}] done",
            )

    def _list(self, tag: str, _: str) -> None:
        names = [f'* LIST (\\HasNoChildren) "/" "{name}"' for name in self._store.folders]
        self._lines.send(*names, f"{tag} OK done")

    def _uid(self, tag: str, words: str) -> None:
        if words[:11].upper() == "UID SEARCH ":
            try:
                found = self._store.search(self._folder, words[11:])
            except (ValueError, KeyError):
                self._lines.send(f"{tag} BAD cannot search for that")
                return
            self._lines.send(" ".join(["* SEARCH", *map(str, found)]), f"{tag} OK done")
            return
        match = _FETCH.fullmatch(words)
        if match is None:
            self._lines.send(f"{tag} BAD cannot do that")
            return
        with self._store.lock:
            mails = self._store.folders[self._folder].mails
            mail = mails.get(max(mails, default=0) if match[1] == "*" else int(match[1]))
        if mail is not None:
            partial = _PARTIAL.search(match[2])
            if match[2].upper() == "UID":
                self._lines.send(f"* {mail.uid} FETCH (UID {mail.uid})")
            elif partial is None:
                about = f'UID {mail.uid} RFC822.SIZE {len(mail.raw)} INTERNALDATE "{_internal(mail.arrived)}"'
                self._lines.send(f"* {mail.uid} FETCH ({about})")
            else:
                body = mail.raw[: int(partial[1])]
                head = f"* {mail.uid} FETCH (UID {mail.uid} BODY[]<0> {{{len(body)}}}\r\n"
                self._lines.send_bytes(head.encode() + body + b")\r\n")
        self._lines.send(f"{tag} OK done")


def credentials(way: str, said: str) -> tuple[str, str, str]:
    """Read what PLAIN or XOAUTH2 says: user, password, token."""
    if way == "XOAUTH2":
        user = said.partition("user=")[2].partition("\x01")[0]
        return user, "", said.partition("Bearer ")[2].partition("\x01")[0]
    _, user, password = [*said.split("\0"), "", "", ""][:3]
    return user, password, ""


def _internal(at: datetime) -> str:
    return at.strftime("%d-%b-%Y %H:%M:%S +0000")
