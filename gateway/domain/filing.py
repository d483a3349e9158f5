"""Which files are let through from desk to desk, and under which name: pure."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath
from typing import Final

import msgspec

from gateway.domain.event import Attachment

#: larger files are not carried, whatever a site says
MOST_BYTES = 50_000_000

#: the longest name, in signs; file systems take 255 bytes
MAX_NAME: Final = 120
_MAX_ENDING: Final = 12
#: what no name of a file may hold on one system or another; a colon begins a second stream there
_FORBIDDEN: Final = re.compile(r'[<>:"|?*]')
#: control, format (zero width, turned order of letters), half a pair, line and paragraph separators
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

#: what is run where it is opened, by its media type, whatever its name says
_RUN: Final = frozenset({
    "application/hta", "application/java-archive", "application/vnd.microsoft.portable-executable", "application/x-bat",
    "application/x-dosexec", "application/x-executable", "application/x-java-archive", "application/x-ms-installer",
    "application/x-ms-shortcut", "application/x-msdos-program", "application/x-msdownload", "application/x-msi",
})  # fmt: skip


def safe_name(name: str) -> str:
    """Return the name of a file as it is shown and carried: no path, nothing unseen, no turned letters, not too long.

    What no file system takes becomes `_`; a name of which nothing is left is `file`.
    """
    shown = "".join(" " if sign in "\t\r\n" else sign for sign in name if sign in "\t\r\n" or _is_seen(sign))
    last = shown.replace("\\", "/").rstrip("/ .").rpartition("/")[2]
    found = " ".join(_FORBIDDEN.sub("_", last).split()).lstrip(".").strip()
    if len(found) > MAX_NAME:
        stem, dot, ending = found.rpartition(".")
        cut = f".{ending}" if dot and len(ending) <= _MAX_ENDING else ""
        found = (stem if cut else found)[: MAX_NAME - len(cut)].rstrip() + cut
    return found or "file"


def _is_seen(sign: str) -> bool:
    return unicodedata.category(sign) not in _UNSEEN


class FileRules(msgspec.Struct, frozen=True):
    """Which files are let through."""

    largest: int = 25_000_000
    #: endings of names, lower case, with the dot: what a desk's people would run by opening it
    refused: frozenset[str] = frozenset(
        {".appref-ms", ".appx", ".bat", ".chm", ".cmd", ".com", ".cpl", ".dll", ".exe", ".hta", ".img", ".iso", ".jar",
         ".jnlp", ".js", ".jse", ".lnk", ".msc", ".msi", ".msix", ".msp", ".pif", ".ps1", ".reg", ".scf", ".scr",
         ".sct", ".url", ".vb", ".vbe", ".vbs", ".vhd", ".vhdx", ".ws", ".wsc", ".wsf", ".wsh", ".xll"}
    )  # fmt: skip

    def refusal(self, attachment: Attachment) -> str:
        """Say why a file is not let through; empty: it is. What its media type says is run, is run by any name."""
        ending = PurePosixPath(safe_name(attachment.name).lower()).suffix
        if ending in self.refused:
            return f"files that end in {ending} are not let through"
        mime = attachment.mime.partition(";")[0].strip().lower()
        if mime in _RUN and self.refused:
            return f"files of the type {mime} are not let through"
        if attachment.size > self.largest:
            return f"it is larger than {self.largest / 1_000_000:g} MB"
        return ""
