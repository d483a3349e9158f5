"""Words of mail: charsets, headers, encoded words and addresses, decoded by hand. Pure.

The standard library's decoders raise on what hostile mail holds; nothing here does, on any bytes.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import email.utils
import re
from collections.abc import Iterator
from email.message import Message
from typing import Final
from urllib.parse import unquote_to_bytes

#: of one header
MAX_LINE: Final = 4_000
_MOST_HEADERS: Final = 500

_WORD: Final = re.compile(r"=\?([^?\s]{1,40})\?([bBqQ])\?([^?\s]*)\?=")
_BETWEEN: Final = re.compile(r"(=\?[^?\s]{1,40}\?[bBqQ]\?[^?\s]*\?=)\s+(?==\?)")
#: codecs that are no charsets of mail
_NO_CHARSET: Final = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"})
CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
_ADDRESS: Final = re.compile(r"[^\s<>@,;\"\x00-\x1f\x7f]+@[^\s<>@,;\"\x00-\x1f\x7f]+")


#: charset -> the one that its name stands for in mail; and the larger one of which a text may turn out to be
_WIDER: Final = {"iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874", "tis-620": "cp874"}
_LARGER: Final = {
    "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949", "shift_jis": "cp932", "big5": "big5hkscs",
}  # fmt: skip
#: names that the standard library does not know
_LABELS: Final = {
    "x-sjis": "cp932", "x-gbk": "gb18030", "x-euc-jp": "euc_jp", "iso-8859-8-i": "iso8859-8",
    "iso-8859-8-e": "iso8859-8", "x-mac-roman": "mac_roman", "x-mac-cyrillic": "mac_cyrillic",
    "unicode-1-1-utf-8": "utf-8", "utf8mb4": "utf-8",
}  # fmt: skip


def in_charset(data: bytes, charset: str) -> tuple[str, bool]:
    """Return text, and whether its charset is known; what is not is read as UTF-8, or else as western text.

    A charset is read as the wider one for which mail programs take its name (WHATWG Encoding, "Labels"). What is none
    of it, and is UTF-8, is that: programs on the way rewrite a text and leave its label.
    """
    label = charset.strip().strip("'\"").lower()
    try:
        name = codecs.lookup(_LABELS.get(label, label)).name if label else ""
    except (LookupError, ValueError):
        name = "undefined"
    name = _WIDER.get(name, name)
    known = name.replace("-", "_") not in _NO_CHARSET
    if name and known and name != "ascii":
        for each in (name, "utf-8", _LARGER.get(name, name)):
            try:
                return data.decode(each), True
            except LookupError:
                known = False
                break
            except ValueError:
                continue
        else:
            return data.decode(_LARGER.get(name, name), "replace"), True
    try:
        return data.decode("utf-8"), known
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), known


def headers_of(message: Message) -> tuple[tuple[str, str], ...]:
    """Return the headers of a mail as they came but for folding: (name in lower case, value), in order."""
    found = []
    for name, value in message.raw_items():
        data = str(value).encode("utf-8", "surrogateescape")
        line = re.sub(r"\r?\n[ \t]+", " ", in_charset(data[: MAX_LINE * 10], "")[0])
        found.append((clean(name).lower()[:100], clean(line)[: MAX_LINE * 10].strip()))
    return tuple(found[:_MOST_HEADERS])


def clean(text: str) -> str:
    """Return text without control characters, on one line, that every database can hold."""
    text = CONTROL.sub("", re.sub(r"[\r\n\t]+", " ", text))
    return text.encode("utf-8", "replace").decode()


def decoded(value: str) -> str:
    """Decode the encoded words of a header (RFC 2047); what is none stays as it is."""
    joined = _BETWEEN.sub(r"\1", value[:MAX_LINE])
    found: list[tuple[str, bytes] | str] = []
    end = 0
    for match in _WORD.finditer(joined):
        if joined[end : match.start()]:
            found.append(joined[end : match.start()])
        end = match.end()
        charset, data = match[1].partition("*")[0].lower(), _word(match[2], match[3])
        last = found[-1] if found else ""
        # signs of several bytes may be cut in two by words of one charset
        if isinstance(last, tuple) and last[0] == charset:
            found[-1] = (charset, last[1] + data)
        else:
            found.append((charset, data))
    found.append(joined[end:])
    text = "".join(each if isinstance(each, str) else in_charset(each[1], each[0])[0] for each in found)
    return " ".join(clean(text).split())


def _word(way: str, text: str) -> bytes:
    if way in "bB":
        try:
            return base64.b64decode(text + "=" * (-len(text) % 4))
        except (binascii.Error, ValueError):
            return text.encode("utf-8", "replace")
    return unquote_to_bytes(text.replace("_", " ").replace("%", "%25").replace("=", "%"))


def addresses(values: list[str]) -> Iterator[tuple[str, str]]:
    """Yield (address in lower case, name) of everybody that headers name; what is no address is left out."""
    for value in values:
        try:
            pairs = email.utils.getaddresses([value[: MAX_LINE * 10]])
        except Exception:  # noqa: BLE001 - as above
            pairs = [("", each) for each in _ADDRESS.findall(value[: MAX_LINE * 10])]
        for name, address in pairs:
            found = clean(address).strip().lower()
            if _ADDRESS.fullmatch(found) and len(found) <= 254:
                yield found, decoded(name)[:200]
