"""Which addresses a text may lead to, and how they are written."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote

#: what a link may lead to; everything else is words
SCHEMES: Final = frozenset({"http", "https", "mailto", "tel", "ftp", "ftps", "sftp", "ssh", "sip", "xmpp"})
#: what an image may be fetched from
PICTURES: Final = frozenset({"http", "https"})

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
#: browsers drop these inside an address, so `java\tscript:` would be a scheme to them
_UNSEEN: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]")
_ODD: Final = re.compile(r"[\s<>\"\\^`{|}\x00-\x20\x7f]")

#: an address that stands in a text by itself
BARE: Final = re.compile(r"https?://[^\s<>\"\\^`{|}\[\]]{1,2000}", re.IGNORECASE)


def scheme(address: str) -> str:
    """Return the scheme of an address in lower case, or an empty string where it has none."""
    found = _SCHEME.match(_UNSEEN.sub("", address))
    return found[1].lower() if found else ""


def safe_link(address: str) -> str:
    """Return an address that a link may lead to, or an empty string."""
    address = address.strip()
    if address.startswith("//"):
        address = f"https:{address}"
    if scheme(address) not in SCHEMES or not _SCHEME.match(address):
        return ""
    return tidy(address)


def safe_image(address: str) -> str:
    """Return an address that an image may have, or an empty string."""
    found = safe_link(address)
    return found if scheme(found) in PICTURES else ""


def tidy(address: str) -> str:
    """Return an address without the characters that no address has, percent-encoded."""
    address = _ODD.sub(lambda found: quote(found[0], safe="", errors="replace"), address)
    level = 0
    for char in address:
        level += (char == "(") - (char == ")")
        if level < 0:
            break
    return address if level == 0 else address.replace("(", "%28").replace(")", "%29")


def bare_part(found: str) -> str:
    """Return an address found in a text without the punctuation that ends the sentence around it."""
    while found and (found[-1] in ".,;:!?'*_~" or (found[-1] == ")" and found.count(")") > found.count("("))):
        found = found[:-1]
    return found


def is_bare(text: str, link: str) -> bool:
    """Say whether a link shows its own address, which then needs no form of its own."""
    if link.startswith("mailto:"):
        return text == link.removeprefix("mailto:") and " " not in text and "@" in text
    # an odd bracket is written otherwise in a link
    if link.rstrip("/") not in {text.rstrip("/"), tidy(text).rstrip("/")}:
        return False
    found = BARE.fullmatch(text)
    return found is not None and bare_part(text) == text


def packed(name: str) -> str:
    """Return an account or a reference as it stands in an address of ours."""
    return quote(name, safe="@:/=+,;~!$'&.-_", errors="replace")


def unpacked(address: str) -> str:
    """Return the account or the reference that an address of ours holds."""
    return unquote(address, errors="replace")
