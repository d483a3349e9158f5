"""One thing that is wrong in a site's files, said so that an admin can mend it.

Every check of the rules ends in a `Problem`, never in an exception: an admin wants all of them at once, each with its
place. The text form is `file:line:column: error[code]: what is wrong; what next`, then the line with a caret.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec

from rules.codes import page

#: so many problems are shown at once
MOST = 100
#: at most so many names are compared with one that is not known
COMPARED = 500
#: an excerpt shows at most this many characters of a line
WIDTH = 160

#: what follows a key that names a secret, in any quoting
_SECRET = re.compile(r"""(?ix)
    (\b[\w.-]*(?:token|secret|password|passwd|private_key|api_key)\b["']?\s*:\s*)   # the key
    ( \[[^\]]*\]? | "(?:[^"\\]|\\.)*"? | '(?:[^']|'')*'? | [^\s,}\]]+ )                           # the value
""")
_SPACE = re.compile(r"[\t\n\r]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff]")
#: a password inside an address
_ADDRESS = re.compile(r"(?i)(\b[a-z][a-z0-9+.-]*://[^\s/:@'\"]*:)([^\s/@'\"]+)(@)")


class Severity(StrEnum):
    """An error makes a site unusable; a warning is shown and lived with."""

    ERROR = "error"
    WARNING = "warning"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong, where (lines and columns count from 1), and what to do next."""

    file: str
    line: int
    column: int
    code: str
    severity: Severity
    message: str
    hint: str = ""
    #: the offending line as written, secrets masked; the caret of the text form stands below `column`
    excerpt: str = ""

    @property
    def head(self) -> str:
        """The one-line form."""
        tail = f"; {self.hint}" if self.hint else ""
        return tamed(f"{self.file}:{self.line}:{self.column}: {self.severity}[{self.code}]: {self.message}{tail}")

    @property
    def text(self) -> str:
        """The form for a terminal: the one-line form, the offending line and a caret."""
        if not self.excerpt:
            return self.head
        start = max(0, self.column - 1 - WIDTH // 2)
        shown = tamed(self.excerpt[start : start + WIDTH])
        number = str(self.line)
        margin = " " * len(number)
        caret = " " * (self.column - 1 - start) + "^"
        return f"{self.head}\n  {number} | {shown}\n  {margin} | {caret}"

    @property
    def is_error(self) -> bool:
        """True when the site cannot be used because of this."""
        return self.severity is Severity.ERROR

    def as_json(self) -> dict[str, Any]:
        """Return the members as plain JSON, and the page that explains the code."""
        members: dict[str, Any] = msgspec.to_builtins(self)
        where = page(self.code)
        return members | ({"docs": where} if where else {})

    def __str__(self) -> str:
        return self.text


def tamed(text: str) -> str:
    """Return `text` as it may be shown: one line, in which nothing moves the cursor or turns the order of letters."""
    return _CONTROL.sub("\ufffd", _SPACE.sub(" ", text))


def masked(line: str) -> str:
    """Return `line` with the values of secret keys covered, character by character; references stay readable."""

    def cover(found: re.Match[str]) -> str:
        key, value = found.groups()
        parts = value.split(",") if value.startswith("[") else [value]
        return key + ",".join(part if "${" in part else "*" * len(part) for part in parts)

    line = _ADDRESS.sub(lambda found: found[1] + "*" * len(found[2]) + found[3], line)
    return _SECRET.sub(cover, line)


class TooManyError(Exception):
    """There is more wrong than anybody reads."""


class Problems(list[Problem]):
    """What is wrong so far; it ends the reading when that is more than anybody reads."""

    def append(self, problem: Problem) -> None:
        """Add one; raises TooManyError instead when there are enough."""
        if len(self) >= MOST:
            raise TooManyError
        super().append(problem)

    def extend(self, problems: Iterable[Problem]) -> None:
        """Add several, one by one."""
        for problem in problems:
            self.append(problem)

    def forget(self, code: str) -> None:
        """Take back those of one kind: what they were judged by could not be read, which is said already."""
        self[:] = [problem for problem in self if problem.code != code]


def beyond(last: Problem) -> Problem:
    """Return what says that there is more wrong than is shown, behind the last that is."""
    message = f"more than {MOST} problems: the rest is not shown"
    hint = "mend these first, or is this another kind of file?"
    return Problem(last.file, last.line, last.column, "too-many-problems", Severity.ERROR, message, hint)


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems by place, each once."""
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda p: (p.file, p.line, p.column, p.code, p.message)))


def _alike(name: str, names: set[str]) -> list[str]:
    """Return a few of very many names, those that begin alike first: comparing each would take seconds."""
    start = name[:2].casefold()
    size = len(name)
    close = [each for each in names if abs(len(each) - size) <= 2 and each[:2].casefold() == start]
    return sorted(close)[:COMPARED]


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the hint that names what was probably meant, or the valid names when few, or nothing."""
    every = set(names)
    known = sorted(every if len(every) <= COMPARED else _alike(name, every))
    by_case = {known_name.casefold(): known_name for known_name in known}
    close = difflib.get_close_matches(name.casefold()[:80], by_case, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{by_case[close[0]]}'?"
    if 0 < len(every) <= 12:
        return "valid: " + ", ".join(known)
    return ""
