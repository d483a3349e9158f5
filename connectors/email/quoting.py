"""What somebody wrote, without the mails below it that their program has copied. Pure.

Only what ends a reply is cut, so that answers between quoted lines stay with their questions; and only where something
is left. Programs write in the language of their user: what they share is form, not words.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

#: "On Monday Kim wrote:" stands above the quote, on up to three lines
_ATTRIBUTION: Final = 3
_LONGEST: Final = 400
#: -----Original Message-----, in any language, or the line of underscores that Outlook draws
_LINE: Final = re.compile(r"\s*(?:\\?-{3,}\s*\S[^\n]{0,60}?\s*\\?-{3,}|(?:\\?_){10,}|\*{3}|-{3,}|- - -)\s*")
#: ---- On Monday Kim <kim@x.example> wrote ----, as Zoho introduces what it copies without a sign before each line
_DRAWN: Final = re.compile(r"\s*\\?-{3,} (?=[^\n]*\d)(?=[^\n]*@[\w-]+\.)[^\n]{10,300} -{3,}\s*")
#: From: Sent: To: Subject:, in any language, bold or not
_LABEL: Final = re.compile(
    r"\s*(?:\\?>\s*)?[*_]{0,2}[^\W\d_][\w .'\u2019-]{0,24}[*_]{0,2}[ \u00a0]?[:\uff1a][*_]{0,2}\s*\S.*"
)
_HAS_ADDRESS: Final = re.compile(r"@[\w-]+(?:\.[\w-]+)+|mailto:")
_LABELS: Final = 3
#: labels that may stand above that of who wrote it
_ABOVE: Final = 4
_FROM: Final = re.compile(
    r"(?i)\s*(?:\\?>\s*)?[*_]{0,2}(?:from|von|de|da|van|från|fra|od|lähettäjä|feladó|kimden"
    # Russian, Ukrainian, Greek, Japanese, Chinese, Korean
    r"|\u043e\u0442|\u0432\u0456\u0434|\u03b1\u03c0\u03cc|\u5dee\u51fa\u4eba|\u53d1\u4ef6\u4eba|\u5bc4\u4ef6\u8005"
    r"|\ubcf4\ub0b8 \uc0ac\ub78c)[*_]{0,2}\s*[:\uff1a]"
)


class Cut(msgspec.Struct, frozen=True):
    """A text, and how many lines of history were cut from its end."""

    text: str
    lines: int = 0


def without_history(text: str) -> Cut:
    """Cut the history from the end of a reply."""
    lines = text.split("\n")
    ends = [end for end in (_header_block(lines), _trailing_quote(lines), _drawn(lines)) if end is not None]
    for end in sorted(ends):
        kept = "\n".join(lines[:end]).rstrip()
        if kept.strip("> \n*_-\\"):
            return Cut(kept, len(lines) - end)
    return Cut(text)


def _drawn(lines: list[str]) -> int | None:
    """Return where a line names who wrote what follows, and when."""
    return next((place for place, line in enumerate(lines) if _DRAWN.fullmatch(line)), None)


def _trailing_quote(lines: list[str]) -> int | None:
    """Return where a quote begins that reaches to the end, with the words that introduce it."""
    at = len(lines)
    while at and (_is_quoted(lines[at - 1]) or not lines[at - 1].strip()):
        at -= 1
    if not any(map(_is_quoted, lines[at:])):
        return None
    above = at
    while above and not lines[above - 1].strip():
        above -= 1
    begins: dict[bool, int] = {}
    for size in range(1, min(_ATTRIBUTION, above) + 1):
        said = " ".join(lines[above - size : above]).strip()
        if len(said) > _LONGEST or not said.rstrip("*_ ").endswith((":", "\uff1a")):
            break
        # a date is surer than an address, which may stand on a line of its own
        if re.search(r"\d", said) or _HAS_ADDRESS.search(said):
            begins.setdefault(bool(re.search(r"\d", _HAS_ADDRESS.sub("", said))), above - size)
    begin = begins.get(True, begins.get(False, at))
    return begin - 1 if begin and begin < at and _LINE.fullmatch(lines[begin - 1]) else begin


def _is_quoted(line: str) -> bool:
    """Say whether a line is quoted, also by a sign that the program of the sender wrote as one."""
    return line.lstrip().startswith((">", "\\>"))


def _header_block(lines: list[str]) -> int | None:
    """Return where the head of the mail that was answered is copied, with the line above it."""
    for place, line in enumerate(lines):
        if not _FROM.match(line):
            continue
        first = place
        # some begin with the date
        while first and place - first < _ABOVE and _LABEL.fullmatch(lines[first - 1]):
            first -= 1
        for at in (place, first):
            if not _is_head(lines, at):
                continue
            begin = at
            while begin and (not lines[begin - 1].strip() or _LINE.fullmatch(lines[begin - 1])):
                begin -= 1
            return begin
    return None


def _is_head(lines: list[str], at: int) -> bool:
    block = [each for each in lines[at : at + 8] if each.strip()][:5]
    labels = [each for each in block if _LABEL.fullmatch(each)]
    drawn = any(_LINE.fullmatch(each) for each in lines[max(0, at - 2) : at])
    return len(labels) >= _LABELS and (drawn or any(_HAS_ADDRESS.search(each) for each in labels))
