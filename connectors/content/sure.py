"""Makes sure that a line means what it is to mean: each is read back before it is written.

Markdown, wiki markup and mrkdwn have no words for some neighbours (`a**"b"**c`). There the form gives way, step by
step, and never the words. What has been read back once is read back the same ever after, so a text that went to a desk
and came back goes and comes unchanged from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from connectors.content.tree import Mark, Run, Runs, What, joined, settled

Form = Callable[[Runs], Runs]


def sure(runs: Runs, write: Callable[[Runs, bool], str], read: Callable[[str], list[Runs]]) -> tuple[Form, bool]:
    """Return the form in which runs are read back as they are, and whether every sign must be escaped for that."""
    for form in FORMS:
        tried = form(runs)
        for careful in (False, True):
            if read(write(tried, careful)) == ([tried] if tried else []):
                return form, careful
    return _unlinked, True


def _same(runs: Runs) -> Runs:
    return runs


def _narrowed(runs: Runs) -> Runs:
    """Return runs whose marks begin and end at letters and digits."""
    found: list[Run] = []
    for run in runs:
        if run.what is not What.TEXT or not run.marks:
            found.append(run)
            continue
        text = run.text
        first, last = 0, len(text)
        while first < last and not text[first].isalnum():
            first += 1
        while last > first and not text[last - 1].isalnum():
            last -= 1
        parts = (text[:first], text[first:last], text[last:])
        for number, part in enumerate(parts):
            marks = run.marks if number == 1 else frozenset[Mark]()
            found.append(msgspec.structs.replace(run, text=part, marks=marks))
    return _first(settled(joined(found)))


def _strong_only(runs: Runs) -> Runs:
    return _with_marks(runs, frozenset({Mark.STRONG}))


def _unmarked(runs: Runs) -> Runs:
    return _with_marks(runs, frozenset())


def _with_marks(runs: Runs, kept: frozenset[Mark]) -> Runs:
    return _first(settled([msgspec.structs.replace(run, marks=run.marks & kept) for run in runs]))


def _unlinked(runs: Runs) -> Runs:
    bare = [msgspec.structs.replace(run, link="", marks=frozenset()) for run in runs]
    return _first(settled([Run(run.text) if run.what in {What.IMAGE, What.CODE} else run for run in bare]))


def _first(parts: list[Runs]) -> Runs:
    return parts[0] if parts else ()


FORMS: Final[tuple[Form, ...]] = (_same, _narrowed, _strong_only, _unmarked, _unlinked)
