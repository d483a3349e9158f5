"""Calendars that rotas are fetched from: how a site names them, and what may stand there. Nothing is fetched here.

An address that only those may know who read the calendar (all "private" addresses are of that kind) is a secret, and
comes from the environment like any other: `feed: ${EMEA_ROTA}`.
"""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from gateway.domain.ids import digest
from rules.rotas import Rota, RotaError

#: how often a feed is asked where its rota does not say
EVERY = 900
LEAST_EVERY = 60
#: more than that is no rota
MAX_BYTES = 2 * 1024 * 1024
_LOOPBACK = frozenset({"localhost", "::1"})
#: says nothing of shifts, and is another with every export
_STAMP = re.compile(r"^DTSTAMP[;:].*(?:\r?\n[ \t].*)*\r?\n?", re.MULTILINE | re.IGNORECASE)
#: a part of an address that nobody would make up by hand
_LONG = re.compile(r"[A-Za-z0-9_-]{20,}")


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """One calendar that rotas are fetched from."""

    #: as the site says it: an address, or a reference to one
    written: str
    #: whose rota it is
    teams: tuple[str, ...]
    #: seconds between two looks
    every: int = EVERY
    #: where it stands
    file: str = ""
    line: int = 1
    column: int = 1

    @property
    def key(self) -> str:
        """Name it in the record, where its address must not stand."""
        return key_of(self.written)

    @property
    def label(self) -> str:
        """Name it for people: whose it is, never its address."""
        return f"the feed of {', '.join(self.teams)}"


def key_of(written: str) -> str:
    """Return the name of a feed by what the site says."""
    return digest("feed", written)[:32]


def is_feed(written: str) -> bool:
    """Say whether the word of a rota is a feed, and no file."""
    return "${" in written or "://" in written


def address_of(url: str) -> str:
    """Return an address as it is asked: what calendar programs call webcal is https."""
    url = url.strip()
    return f"https://{url[len('webcal://') :]}" if url.lower().startswith("webcal://") else url


def wrong_with(url: str) -> str:
    """Say why an address cannot be a feed, without repeating it; empty where it can."""
    try:
        parts = urlsplit(address_of(url))
        host, port = parts.hostname, parts.port
    except ValueError:
        return "it is no address"
    if parts.scheme not in {"http", "https"} or not host or port == 0 or any(each.isspace() for each in url.strip()):
        return "it is no address such as https://calendar.example/rota.ics"
    if parts.username is not None or parts.fragment:
        return "an address holds no user, no password and no #"
    if parts.scheme == "http" and host not in _LOOPBACK and not host.startswith("127."):
        return "it is http, which anybody on the way can read and change"
    return ""


def is_secret(url: str) -> bool:
    """Say whether an address looks like one that only its readers may know."""
    parts = urlsplit(address_of(url))
    words = _LONG.findall(f"{parts.path}/{parts.query}")
    return "private-" in parts.path or any(any(map(str.isdigit, each)) for each in words)


def essence(text: str) -> str:
    """Name what a calendar says, whenever it was written out."""
    return digest("rota", _STAMP.sub("", text))


def read_copy(body: bytes, now: datetime) -> str:
    """Return the text of a calendar that was fetched; raises RotaError where it can be no rota.

    What is repeated without sense shows only when its shifts are looked for, so they are, for this month and the next.
    """
    if len(body) > MAX_BYTES:
        raise RotaError(f"it has more than {MAX_BYTES // 1024 // 1024} MiB")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RotaError("it is not UTF-8") from None
    if not text.strip():
        raise RotaError("it is empty")
    if "BEGIN:VCALENDAR" not in text.upper():
        raise RotaError("it is no calendar in the form of RFC 5545, but something else (a page to sign in?)")
    try:
        rota = Rota(text.encode(), {})
        rota.shifts(now.year, now.month)
        rota.shifts(now.year + now.month // 12, now.month % 12 + 1)
    except RotaError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever the libraries stumble over in it, it comes from outside
        raise RotaError(f"its shifts cannot be told: {str(error)[:120] or type(error).__name__}") from None
    if not rota.size:
        raise RotaError("there is no shift in it")
    return text


__all__ = [
    "EVERY", "LEAST_EVERY", "MAX_BYTES", "Feed", "address_of", "essence", "is_feed", "is_secret", "key_of",
    "read_copy", "wrong_with",
]  # fmt: skip
