"""Texts of Redmine in either of its formattings: Textile, or Markdown (the older `markdown` and `common_mark`).

People are called by `@login` (Redmine 5 and newer), issues are linked by `#12`, and `{{…}}` runs a macro: what comes
from elsewhere does none of that. A sign without width keeps them apart, and is taken out again where it is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from connectors.content import Content, canonical, destroyed, neutralise, restored, revived
from connectors.redmine.textile import UNSEEN, from_textile, to_textile

_OWN = re.compile(r"!\[([^\]]*)\]\(attachment:([^)\s]+)\)")
_FILE = re.compile(r"!\[([^\]]*)\]\(([^)\s:/]+)\)")
_HELD = re.compile("\x01(\\d+)\x02")
_MACRO = re.compile(r"(?<!!)\{\{")
_RUN = re.compile(r"(?<!!)\{\{[\w>]")


def read_text(text: str, formatting: str, files: Mapping[str, str]) -> Content:
    """Return a text as canonical Markdown; `files` are the attachments of the issue (REF) by their names."""
    plain = text.replace("\r\n", "\n").strip()
    if formatting == "textile":
        return from_textile(plain, files)
    # a macro that was kept from running is none
    lost = ("a macro",) if _RUN.search(plain) else ()
    plain = plain.replace(UNSEEN, "")

    def named(found: re.Match[str]) -> str:
        ref = files.get(found[2])
        return f"![{found[1] or found[2]}](attachment:{ref})" if ref else found[0]

    return Content(canonical(_FILE.sub(named, plain.replace("!{{", "{{"))), lost)


def write_text(markdown: str, formatting: str, files: Mapping[str, str]) -> str:
    """Return canonical Markdown in Redmine's formatting; `files` are the names of attachments by REF."""
    if formatting == "textile":
        return _MACRO.sub("!{{", to_textile(markdown, files)).strip()
    shown: list[str] = []

    def named(found: re.Match[str]) -> str:
        name = files.get(found[2], "")
        if not name or " " in name:
            return f"[{found[1] or name or 'image'}]"
        shown.append(f"![{found[1]}]({name})")
        return f"\x01{len(shown) - 1}\x02"

    # the sign of an image is no word of other people
    quiet = neutralise(_OWN.sub(named, markdown.replace("\x01", "").replace("\x02", "")))
    return _MACRO.sub("!{{", _HELD.sub(lambda found: shown[int(found[1])], quiet)).strip()


def rewritten(before: str, markdown: str, formatting: str, files: Mapping[str, str]) -> str:
    """Return the description to write over another; `files` are the attachments of the issue (REF) by their names.

    One of which something would be gone is kept, and ours stands below.
    """
    stands = read_text(before, formatting, files)
    names = {ref: name for name, ref in files.items()}
    words = revived(write_text(restored(markdown, stands.markdown), formatting, names), before)
    if not destroyed(stands, read_text(words, formatting, files)):
        return words
    ours = write_text(markdown, formatting, {})
    return before if ours in before else f"{before}\n\n{ours}"


def as_kept(markdown: str, formatting: str) -> str:
    """Return a text without files as it will be read back."""
    return read_text(write_text(markdown, formatting, {}), formatting, {}).markdown
