"""Which files are let through from desk to desk: pure."""

from __future__ import annotations

from pathlib import PurePosixPath

import msgspec

from gateway.domain.event import Attachment

#: larger files are not carried, whatever a site says
MOST_BYTES = 50_000_000


class FileRules(msgspec.Struct, frozen=True):
    """Which files are let through."""

    largest: int = 25_000_000
    #: endings of names, lower case, with the dot: what a desk's people would run by opening it
    refused: frozenset[str] = frozenset(
        {".bat", ".cmd", ".com", ".cpl", ".exe", ".hta", ".jar", ".js", ".jse", ".lnk", ".msi", ".pif", ".ps1", ".reg",
         ".scr", ".vb", ".vbe", ".vbs", ".wsf", ".wsh"}
    )  # fmt: skip

    def refusal(self, attachment: Attachment) -> str:
        """Say why a file is not let through; empty: it is."""
        ending = PurePosixPath(attachment.name.lower().rstrip(". ")).suffix
        if ending in self.refused:
            return f"files that end in {ending} are not let through"
        if attachment.size > self.largest:
            return f"it is larger than {self.largest / 1_000_000:g} MB"
        return ""
