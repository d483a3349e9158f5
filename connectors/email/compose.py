"""Our words as a mail: the same bytes each time that it is made, but for its date. Pure.

The Message-ID is made of the effect key, so that a mail can be looked for by it; a text and its HTML stand side by
side; files are named by their hashes, and take their place when it is sent.
"""

from __future__ import annotations

import base64
import email.utils
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from email.header import Header
from urllib.parse import quote

from connectors.content import to_html, to_plain
from connectors.email.account import Account
from connectors.email.sorting import LOOP
from connectors.email.words import clean
from connectors.sdk import Attachment, Blob

_MAX_REFERENCES = 20
_LINE = 57


def message_id(account: Account, key: str, *, internal: bool = False) -> str:
    """Return the Message-ID of the mail of an effect key, without brackets."""
    return f"{key}{'.i' * internal}.{account.mark}@{account.domain}"


class Draft:
    """One mail to be sent."""

    def __init__(self, account: Account, key: str, *, at: datetime | None, internal: bool = False) -> None:
        self._account = account
        self._key = key
        self._at = at
        self._internal = internal
        self.to: tuple[str, ...] = ()
        self.cc: tuple[str, ...] = ()
        self.subject = ""
        self.answers = ""
        self.references: Sequence[str] = ()
        self.body = ""
        self.files: Sequence[Attachment] = ()

    def parts(self) -> tuple[bytes | Blob, ...]:
        """Return the mail, its files in their places."""
        shown = [each for each in self.files if f"](attachment:{each.sha256})" in self.body]
        hung = [each for each in self.files if each not in shown]
        pieces: list[bytes | Blob] = [self._head()]
        pieces += self._mixed(shown, hung) if hung else self._related(shown)
        return tuple(_joined(pieces))

    def _head(self) -> bytes:
        account = self._account
        own = message_id(account, self._key, internal=self._internal)
        lines = [
            # without one (nobody sends it yet) the server would add it
            *([("Date", email.utils.format_datetime(self._at))] if self._at is not None else []),
            ("From", _named(account.address, account.from_name)),
            ("To", ", ".join(self.to)),
            *([("Cc", ", ".join(self.cc))] if self.cc else []),
            ("Subject", _words(self.subject)),
            ("Message-ID", f"<{own}>"),
            *([("In-Reply-To", f"<{self.answers}>")] if _is_id(self.answers) else []),
        ]
        known = [f"<{each}>" for each in self.references if _is_id(each)]
        known = known if len(known) <= _MAX_REFERENCES else [known[0], *known[1 - _MAX_REFERENCES :]]
        if known:
            lines.append(("References", "\r\n ".join(known)))
        lines += [
            (LOOP.title(), account.mark),
            # nobody's absence is to answer us (Exchange); answers that come all the same are set aside
            ("X-Auto-Response-Suppress", "OOF, AutoReply"),
            ("MIME-Version", "1.0"),
        ]
        return "".join(f"{name}: {_folded(value)}\r\n" for name, value in lines).encode()

    def _mixed(self, shown: Sequence[Attachment], hung: Sequence[Attachment]) -> Iterator[bytes | Blob]:
        edge = f"mixed-{self._key}"
        yield f'Content-Type: multipart/mixed; boundary="{edge}"\r\n\r\n--{edge}\r\n'.encode()
        yield from self._related(shown)
        for each in hung:
            yield f"\r\n--{edge}\r\n".encode()
            yield from self._file(each, "attachment")
        yield f"\r\n--{edge}--\r\n".encode()

    def _related(self, shown: Sequence[Attachment]) -> Iterator[bytes | Blob]:
        if not shown:
            yield from self._alternative(shown)
            return
        edge = f"related-{self._key}"
        kind = f'multipart/related; type="multipart/alternative"; boundary="{edge}"'
        yield f"Content-Type: {kind}\r\n\r\n--{edge}\r\n".encode()
        yield from self._alternative(shown)
        for each in shown:
            yield f"\r\n--{edge}\r\n".encode()
            yield from self._file(each, "inline")
        yield f"\r\n--{edge}--\r\n".encode()

    def _alternative(self, shown: Sequence[Attachment]) -> Iterator[bytes]:
        edge = f"both-{self._key}"
        images = {each.sha256: f"cid:{self._cid(each)}" for each in shown}
        html = f"<!DOCTYPE html>\n<html><body>\n{to_html(self.body, images=images)}\n</body></html>\n"
        yield f'Content-Type: multipart/alternative; boundary="{edge}"\r\n\r\n'.encode()
        for kind, text in (("plain", to_plain(self.body) + "\n"), ("html", html)):
            head = f"--{edge}\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            yield head.encode() + _base64(text.replace("\n", "\r\n").encode("utf-8", "replace")) + b"\r\n"
        yield f"--{edge}--\r\n".encode()

    def _file(self, each: Attachment, place: str) -> Iterator[bytes | Blob]:
        kind = each.mime if re.fullmatch(r"[\w.+-]+/[\w.+-]+", each.mime, re.ASCII) else "application/octet-stream"
        head = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n"
        head += f"Content-Disposition: {place};{_file_name(each.name)}\r\n"
        head += f"Content-ID: <{self._cid(each)}>\r\n" if place == "inline" else ""
        yield f"{head}\r\n".encode()
        yield Blob(each.sha256, each.size)

    def _cid(self, each: Attachment) -> str:
        return f"{each.sha256[:32]}@{self._account.domain}"


def _joined(pieces: Sequence[bytes | Blob]) -> Iterator[bytes | Blob]:
    held = b""
    for piece in pieces:
        if isinstance(piece, bytes):
            held += piece
            continue
        yield held
        held = b""
        yield piece
    yield held


def _base64(data: bytes) -> bytes:
    return b"\r\n".join(base64.b64encode(data[at : at + _LINE]) for at in range(0, len(data), _LINE))


def _is_id(text: str) -> bool:
    """Say whether a Message-ID of somebody can stand in a header of ours."""
    return bool(re.fullmatch(r"[!-;=?-~]{3,900}", text))


def _named(address: str, name: str) -> str:
    return email.utils.formataddr((" ".join(clean(name).split()), address), "utf-8") if name else address


def _words(text: str) -> str:
    words = " ".join(clean(text).split())
    if words.isascii() and len(words) < 900:
        return words
    return Header(words, "utf-8", maxlinelen=75).encode(linesep="\r\n")


def _folded(value: str) -> str:
    """Break a long list of addresses after its commas."""
    return value if len(value) < 900 else value.replace(", ", ",\r\n ")


def _file_name(name: str) -> str:
    """Write a file's name for every program: RFC 2231, and plain signs for those that do not know it."""
    words = " ".join(clean(name).split()) or "file"
    if words.isascii() and len(words) < 60 and not set(words) & set('"\\%'):
        return f' filename="{words}"'
    return f"\r\n filename*=UTF-8''{quote(words, safe='')[:600]}"
