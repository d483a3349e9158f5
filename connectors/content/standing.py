"""What stands in a desk's text and would be gone once another text replaced it: images, and people who are called.

A text comes back from desks that show neither, with words in their place. What those words name is put back as itself;
what cannot be is told, so that a connector adds to the text in place of replacing it.
"""

from __future__ import annotations

import re

from connectors.content import markdown_in, markdown_out
from connectors.content.tree import Block, Run, Runs, What, changed, every_run

_Key = tuple[What, str]


def restored(markdown: str, there: str) -> str:
    """Return a text in which images and people of `there` are themselves again where it has only their names."""
    left = {key: run for key, run in _things(there).items() if key not in _things(markdown)}
    if not left:
        return markdown
    blocks = markdown_in.read(markdown)[0]
    found: list[Block] = list(blocks)
    for run in left.values():
        found = [changed(block, _Putting(run)) for block in found]
    return markdown if tuple(found) == blocks else markdown_out.write(tuple(found))


def gone(there: str, written: str) -> tuple[str, ...]:
    """Return the images and people of `there` that `written` has not, in words for people."""
    left = _things(written)
    return tuple(
        f"the image {run.text or 'without a name'}" if run.what is What.IMAGE else f"the call of {run.text}"
        for key, run in _things(there).items()
        if key not in left
    )


def _things(markdown: str) -> dict[_Key, Run]:
    """Return the images and mentions of a text, each once."""
    if "](" not in markdown:
        return {}
    found: dict[_Key, Run] = {}
    for run in every_run(markdown_in.read(markdown)[0]):
        if run.what in {What.IMAGE, What.MENTION}:
            found.setdefault((run.what, run.target), run)
    return found


class _Putting:
    """Puts one image, or one who is called, back: an image once, a name wherever it stands."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._is_put = False
        name = re.escape(run.text or "image")
        self._name = re.compile(rf"\[{name}\]" if run.what is What.IMAGE else rf"(?<![\w@])@{name}(?!\w)")

    def __call__(self, runs: Runs) -> Runs:
        found: list[Run] = []
        for run in runs:
            found += self._parted(run) if run.what is What.TEXT and not run.link else [run]
        return tuple(found)

    def _parted(self, run: Run) -> list[Run]:
        found: list[Run] = []
        at = 0
        for hit in self._name.finditer(run.text):
            if self._is_put and self._run.what is What.IMAGE:
                break
            self._is_put = True
            found += [Run(run.text[at : hit.start()], marks=run.marks)] if hit.start() > at else []
            found.append(Run(self._run.text, self._run.what, run.marks, self._run.link, self._run.target))
            at = hit.end()
        return [*found, Run(run.text[at:], marks=run.marks)] if at < len(run.text) or not found else found
