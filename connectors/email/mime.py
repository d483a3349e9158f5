"""Mail as it comes, read by the standard library's parser with every limit that hostile mail needs. Pure.

Nothing here raises on any bytes but `Mail.of` with UnreadableError: what cannot be read is said, and the rest is kept.
Names of headers and files are decoded by hand (RFC 2047, RFC 2231), because the library's own decoders raise.
"""

from __future__ import annotations

import email.utils
import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from typing import Final

import msgspec

from connectors.email.words import CONTROL, MAX_LINE, addresses, clean, decoded, headers_of, in_charset
from gateway.errors import UnreadableError

#: headers beyond this are not looked at; parts beyond these are not either
MAX_HEAD: Final = 200_000
MAX_PARTS: Final = 200
MAX_DEPTH: Final = 20
#: of one text part, and of one header
MAX_TEXT: Final = 1_000_000
MAX_NAME: Final = 120

_ID: Final = re.compile(r"<([^<>\s]{1,900})>")
#: what turns the order of a name's letters around: report\u202egnp.exe
_BIDI: Final = re.compile(r"[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Person(msgspec.Struct, frozen=True):
    """Somebody named in a header; the address is in lower case."""

    address: str
    name: str = ""


class File(msgspec.Struct, frozen=True):
    """A part that is a file; `number` is its place among the parts of the mail."""

    number: int
    name: str
    mime: str
    size: int
    #: its Content-ID, by which HTML shows it
    cid: str = ""
    sha256: str = ""


class Mail(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a mail: its headers as they came, its texts, and the names of its files."""

    #: (name in lower case, value as it came but for folding), in order
    headers: tuple[tuple[str, str], ...]
    plain: str = ""
    html: str = ""
    files: tuple[File, ...] = ()
    #: of a report about another mail: its machine-readable part, and the headers of that mail
    report: str = ""
    about: tuple[tuple[str, str], ...] = ()
    #: what could not be read or is not kept, in words for people
    lost: tuple[str, ...] = ()
    #: bytes of the whole mail
    size: int = 0
    #: when the server got it, seconds since 1970; 0: unknown
    arrived: int = 0
    #: "<UIDVALIDITY>:<UID>" under which it was read
    place: str = ""
    version: int = 1

    # ------------------------------------------------------------ headers

    def header(self, name: str) -> str:
        """Return the first header of a name, decoded and on one line; empty where there is none."""
        return next((decoded(value) for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        """Return every header of a name, as it came."""
        return [value for key, value in self.headers if key == name]

    def people(self, *names: str) -> tuple[Person, ...]:
        """Return everybody named in some headers, each once."""
        found: dict[str, Person] = {}
        for address, name in addresses([value for each in names for value in self.all(each)]):
            found.setdefault(address, Person(address, name))
        return tuple(found.values())

    def ids(self, name: str) -> tuple[str, ...]:
        """Return the message ids in a header, without their brackets."""
        return tuple(dict.fromkeys(found for value in self.all(name) for found in _ID.findall(value)))

    @property
    def message_id(self) -> str:
        """The Message-ID without brackets; empty where there is none."""
        found = self.ids("message-id")
        if found:
            return found[0]
        # some programs write it without brackets
        bare = self.header("message-id")
        return bare if re.fullmatch(r"[^<>\s]{3,900}", bare) and "@" in bare else ""

    @property
    def identity(self) -> str:
        """Names this mail, also where programs give many mails one Message-ID, or none."""
        sender = self.people("from")
        known = [self.message_id, sender[0].address if sender else "", self.header("date")]
        if not self.message_id:
            known += [self.header("subject"), self.header("to"), self.plain, self.html]
        return hashlib.sha256("\n".join(known).encode("utf-8", "replace")).hexdigest()[:24]

    def at(self, received: datetime) -> datetime:
        """Return when it was written (aware UTC): as it says, where the server's own time of arrival bears that out."""
        arrived = datetime.fromtimestamp(self.arrived, UTC) if 0 < self.arrived < 2**33 else received
        try:
            said = email.utils.parsedate_to_datetime(self.header("date"))
            said = said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
        except (TypeError, ValueError, IndexError, OverflowError):
            return arrived
        return said if arrived - timedelta(days=7) <= said <= arrived + timedelta(minutes=5) else arrived

    # ------------------------------------------------------------ from bytes

    @classmethod
    def of(cls, raw: bytes, *, size: int = 0, arrived: int = 0, place: str = "") -> Mail:
        """Read a mail; raises UnreadableError where it has no headers at all."""
        try:
            message = message_from_bytes(_bounded(raw))
            headers = headers_of(message)
        except Exception as error:  # noqa: BLE001 - the parser of the library raises many things
            msg = f"it is no mail: {type(error).__name__}"
            raise UnreadableError(msg) from None
        if not headers:
            msg = "it is no mail: it has no headers"
            raise UnreadableError(msg)
        lost = [f"the mail has {size} bytes and was read in part"] if size > len(raw) else []
        reading = _Reading()
        try:
            reading.take(message)
        except Exception as error:  # noqa: BLE001 - the parser of the library raises many things; what was read is kept
            lost.append(f"parts that cannot be read ({type(error).__name__})")
        return cls(
            headers,
            "\n\n".join(reading.plain)[:MAX_TEXT],
            "\n".join(reading.html)[:MAX_TEXT],
            tuple(reading.files),
            reading.report,
            reading.about,
            (*lost, *reading.lost),
            max(size, len(raw)),
            arrived,
            place,
        )


def file_of(raw: bytes, number: int) -> bytes | None:
    """Return the bytes of a file of a mail, by its number; None where there is none."""
    try:
        for place, part in enumerate(_leaves(message_from_bytes(_bounded(raw)))):
            if place == number:
                return _content(part)
    except Exception:  # noqa: BLE001 - as above
        return None
    return None


class _Reading:
    """Takes the parts of one mail, one after the other."""

    def __init__(self) -> None:
        self.plain: list[str] = []
        self.html: list[str] = []
        self.files: list[File] = []
        self.lost: list[str] = []
        self.report = ""
        self.about: tuple[tuple[str, str], ...] = ()

    def take(self, message: Message) -> None:
        """Take every part."""
        shown = _shown(message)
        for number, part in enumerate(_leaves(message)):
            if number >= MAX_PARTS:
                self.lost.append(f"what comes after {MAX_PARTS} parts")
                return
            self._part(number, part, shown)

    def _part(self, number: int, part: Message, shown: frozenset[int]) -> None:
        kind = part.get_content_type()
        if kind == "message/delivery-status":
            self.report = "\n".join(_flat(each) for each in _inner(part))[:MAX_TEXT]
        elif kind in {"text/rfc822-headers", "message/rfc822", "message/rfc822-headers"} and self.report:
            inner = _inner(part)
            self.about = headers_of(inner[0] if inner else message_from_bytes(_content(part)[:MAX_HEAD]))
        elif kind in {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}:
            self.lost.append("a signature")
        elif kind in {"text/plain", "text/html"} and not _is_file(part):
            text = _text(part, self.lost)
            if kind == "text/html" and id(part) in shown:
                self.html.append(text)
            elif kind == "text/plain" and (id(part) in shown or not text.strip()):
                self.plain.append(text)
            elif kind == "text/plain":
                # the other form of what is shown as HTML: kept, and read where that says nothing
                self.plain.append(text)
        else:
            self._file(number, part, kind)

    def _file(self, number: int, part: Message, kind: str) -> None:
        data = _content(part)
        named = (part.get("content-id") or "") if isinstance(part.get("content-id"), str) else ""
        cid = named.strip().strip("<>")[:200]
        if kind in {"application/pgp-encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"}:
            self.lost.append("the mail is encrypted: open its file with the key that it was written for")
        name = file_name(part, number)
        self.files.append(
            File(number, name, kind if _is_kind(kind) else "application/octet-stream", len(data), cid, _sha(data))
        )


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _bounded(raw: bytes) -> bytes:
    """Cut a head that is longer than any real one: a line of it is then no header any more."""
    end = re.search(rb"\r?\n\r?\n", raw)
    head = end.start() if end else len(raw)
    return raw if head <= MAX_HEAD else raw[: raw.rfind(b"\n", 0, MAX_HEAD) + 1] + b"\n" + raw[head:]


def _leaves(message: Message, depth: int = 0) -> Iterator[Message]:
    """Yield the parts of a mail that hold no others, in order; a mail within the mail is one."""
    inner = message.get_payload()
    if not isinstance(inner, list) or message.get_content_maintype() == "message":
        yield message
    elif depth < MAX_DEPTH:
        for each in inner:
            if isinstance(each, Message):
                yield from _leaves(each, depth + 1)


def _shown(message: Message, depth: int = 0) -> frozenset[int]:
    """Return the text parts that a reader sees: of alternatives the last that is text, of all else each."""
    inner = message.get_payload()
    if not isinstance(inner, list) or message.get_content_maintype() == "message" or depth >= MAX_DEPTH:
        return frozenset({id(message)})
    found = [(_shown(each, depth + 1), each) for each in inner if isinstance(each, Message)]
    if message.get_content_type() == "multipart/alternative":
        texts = [parts for parts, each in found if _has_text(each)]
        return texts[-1] if texts else frozenset()
    return frozenset().union(*(parts for parts, _ in found))


def _has_text(message: Message) -> bool:
    return any(
        part.get_content_type() in {"text/plain", "text/html"} and not _is_file(part) for part in _leaves(message)
    )


def _is_file(part: Message) -> bool:
    said = part.get("content-disposition")
    return isinstance(said, str) and said.strip().lower().startswith("attachment")


def _is_kind(kind: str) -> bool:
    return re.fullmatch(r"[a-z0-9.+-]+/[a-z0-9.+-]+", kind) is not None


def _inner(part: Message) -> list[Message]:
    inner = part.get_payload()
    return [each for each in inner if isinstance(each, Message)] if isinstance(inner, list) else []


def _flat(message: Message) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers_of(message)) + "\n"


def _content(part: Message) -> bytes:
    """Return the bytes of a part; a mail within the mail as it is written."""
    inner = _inner(part)
    if inner:
        return b"\n".join(each.as_bytes() for each in inner)
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def _text(part: Message, lost: list[str]) -> str:
    data = _content(part)
    if len(data) > MAX_TEXT:
        lost.append(f"the end of a text of {len(data)} bytes")
        data = data[:MAX_TEXT]
    charset = str(part.get_param("charset") or "")
    text, known = in_charset(data, charset)
    if not known:
        lost.append(f"signs in the unknown charset {clean(charset)[:40]!r}")
    text = CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    if part.get_content_type() == "text/plain" and str(part.get_param("format") or "").lower() == "flowed":
        text = _unflowed(text, str(part.get_param("delsp") or "").lower() == "yes")
    return text


def _unflowed(text: str, delsp: bool) -> str:  # noqa: FBT001 - a parameter of the format
    """Join lines that were broken for width only (RFC 3676 section 4)."""
    found: list[str] = []
    goes_on = False
    for line in text.split("\n"):
        said = line.removeprefix(" ")
        quoted = said.startswith(">")
        if goes_on and found and not quoted and line != "-- ":
            found[-1] += said
        else:
            found.append(said)
        goes_on = said.endswith(" ") and said != "-- " and not quoted
        if goes_on and delsp:
            found[-1] = found[-1][:-1]
    return "\n".join(found)


# ---------------------------------------------------------------- files


def file_name(part: Message, number: int) -> str:
    """Return a name that is safe to show and to store under: no path, no control, no turned letters, not too long."""
    said = _named(part, "content-disposition", "filename") or _named(part, "content-type", "name")
    name = _BIDI.sub("", clean(said)).replace("\\", "/").rpartition("/")[2].strip().lstrip(".").strip()
    if not name:
        kind = part.get_content_type()
        ending = re.sub(r"[^a-z0-9]", "", kind.rpartition("/")[2])[:8] or "bin"
        return "mail.eml" if kind == "message/rfc822" else f"part-{number}.{ending}"
    stem, dot, ending = name.rpartition(".")
    if len(name) <= MAX_NAME:
        return name
    return f"{stem[: MAX_NAME - 12]}.{ending[:10]}" if dot and len(ending) <= 10 else name[:MAX_NAME]


def _named(part: Message, header: str, parameter: str) -> str:
    """Return a parameter of a header, in any of the forms of RFC 2231 and in the wrong ones that are common."""
    raw = next((str(value) for name, value in part.raw_items() if name.lower() == header), "")
    bare = Message()
    bare[header] = in_charset(raw[:MAX_LINE].encode("utf-8", "surrogateescape"), "")[0]
    try:
        said = bare.get_param(parameter, header=header)
    except Exception:  # noqa: BLE001 - as above
        return ""
    if isinstance(said, tuple):
        charset, _, value = said
        return in_charset(value.encode("latin-1", "replace"), charset or "utf-8")[0]
    return decoded(said) if isinstance(said, str) else ""
