"""A tree as Jira's wiki markup (the renderer's documented notation; its escapes are backslashes)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from connectors.content.sure import sure
from connectors.content.tree import (
    ATTACHMENT,
    Block,
    Code,
    Heading,
    Items,
    Mark,
    Paragraph,
    Quote,
    Rule,
    Run,
    Runs,
    Table,
    What,
    emboldened,
    joined,
    leads,
    words,
)
from connectors.content.wiki_in import read_line

_SIGNS: Final = {Mark.STRONG: "*", Mark.EM: "_", Mark.STRIKE: "-"}
#: signs that mean something in their place
_INSIDE: Final = re.compile(
    r"[{\[]|(?<!\w)[*_+^~-](?=\S)|(?<=\S)[*_+^~-](?!\w)|\?(?=\?)|(?<=\?)\?|!(?=\S[^!\n]*!)|(?<=\S)!(?!\w)"
)
_NUMBERED: Final = re.compile(r"\\|&(?=#[0-9]{1,7};)")
_ANY: Final = re.compile(r"[!\"%'(),./:-@\[\]^_`{|}~*+-]")
_LEADING: Final = re.compile(r"([*#-]+(?=\s|$)|-{4,}|\|+)|(h[1-6]|bq)\.(?=\s|$)")


class Writer:
    """Writes wiki markup; `images` are the file names of attachments, `mention` writes who is called."""

    def __init__(self, images: Mapping[str, str], mention: Callable[[str, str], str] | None) -> None:
        self._images = images
        self._mention = mention

    def blocks(self, blocks: tuple[Block, ...]) -> str:
        """Return blocks as wiki markup."""
        return "\n\n".join(filter(None, (self._block(block) for block in blocks)))

    def _block(self, block: Block) -> str:
        match block:
            case Paragraph(runs):
                return self._lines(runs)
            case Heading(level, runs):
                return f"h{level}. {self.runs(runs)}"
            case Code(text, language):
                return _code(text, language)
            case Rule():
                return "----"
            case Quote(held):
                return f"{{quote}}\n{self.blocks(_unquoted(held))}\n{{quote}}"
            case Items():
                return "\n".join(self._items(block, ""))
            case Table(rows):
                return self._table(rows)

    def _items(self, block: Items, above: str) -> list[str]:
        """Return a list's lines; an item's lines beyond the first hang on breaks, for an item is one paragraph."""
        signs = above + ("#" if block.ordered else "*")
        found: list[str] = []
        for item in block.items:
            said: list[str] = []
            below: list[str] = []
            for inner in item:
                if isinstance(inner, Items):
                    below += self._items(inner, signs)
                elif below:
                    below.append(f"{signs} {self._in_item(inner)}")
                else:
                    said.append(self._in_item(inner))
            if said:
                found.append(f"{signs} " + "\n".join(said))
            found += below
        return found

    def _in_item(self, block: Block) -> str:
        match block:
            case Quote(held):
                return "\n".join(self._in_item(inner) for inner in held if not isinstance(inner, Items)) + "".join(
                    "\n" + "\n".join(self._items(inner, "*")) for inner in held if isinstance(inner, Items)
                )
            case Heading(_, runs):
                return self.runs(emboldened(runs)) if leads(runs) else f"*{escaped(words(runs))}*"
            case Rule():
                return "———"
            case Table(rows):
                return "\n".join(" / ".join(" ".join(self.runs(cell).split()) for cell in row) for row in rows)
            case _:
                return self._block(block)

    def _table(self, rows: tuple[tuple[Runs, ...], ...]) -> str:
        found = []
        for number, row in enumerate(rows):
            sign = "||" if number == 0 else "|"
            found.append(sign + sign.join(f" {self._cell(cell)} " if cell else " " for cell in row) + sign)
        return "\n".join(found)

    def _cell(self, runs: Runs) -> str:
        return " \\\\ ".join(line for line in self.runs(runs).split("\n") if line.strip())

    def _lines(self, runs: Runs) -> str:
        return "\n".join(_led(line) for line in self.runs(runs).split("\n"))

    def runs(self, runs: Runs) -> str:
        """Return words as wiki markup."""
        said = tuple(joined(_spoken(run) for run in runs))
        form, careful = sure(said, lambda tried, every: _written(tried, careful=every), read_line)
        if said == runs:
            return _written(form(said), careful=careful)
        return "".join(self._run(run, careful=careful) for run in form(runs))

    def _run(self, run: Run, *, careful: bool) -> str:
        if run.what is What.MENTION and self._mention:
            return self._mention(run.target, run.text)
        if run.what is What.IMAGE:
            own = run.target.startswith(ATTACHMENT)
            target = run.target.removeprefix(ATTACHMENT)
            name, _, size = self._images.get(target, "" if own else target).partition("|")
            if name and not re.search(r"[!\s{}\\]", name.replace(" ", "")):
                return f"!{name}|{size}!" if size else f"!{name}!"
        return _written((_spoken(run),), careful=careful)


def _spoken(run: Run) -> Run:
    """Return a run as it is where nobody is called and nothing is shown."""
    match run.what:
        case What.MENTION:
            return Run(f"@{run.text}", marks=run.marks)
        case What.IMAGE:
            return Run(f"[{run.text or 'image'}]", marks=run.marks)
        case What.CODE if run.link:
            # words that lead somewhere have no form of code here, and where they lead is more
            return Run(run.text, marks=run.marks, link=run.link)
        case _:
            return run


def _written(runs: Runs, *, careful: bool) -> str:
    found: list[str] = []
    for number, run in enumerate(runs):
        match run.what:
            case What.BREAK:
                inside = "\n"
            case What.CODE:
                inside = f"{{{{{escaped(run.text, careful=careful)}}}}}"
            case _:
                inside = _link(run, careful=careful) if run.link else escaped(run.text, careful=careful)
        before = runs[number - 1] if number else Run()
        after = runs[number + 1] if number + 1 < len(runs) else Run()
        # a sign that touches a letter on its outer side means nothing unless it stands in braces
        glued = len(run.marks) > 1 or before.text[-1:].isalnum() or after.text[:1].isalnum()
        for mark in sorted(run.marks):
            sign = f"{{{_SIGNS[mark]}}}" if glued else _SIGNS[mark]
            inside = f"{sign}{inside}{sign}"
        found.append(inside)
    return "".join(found)


def _led(line: str) -> str:
    """Return a line whose beginning is no block's: the signs that would begin one are written as numbers."""
    found = _LEADING.match(line)
    if found is None:
        return line
    led = f"{found[2]}&#46;" if found[2] else "".join(f"&#{ord(sign)};" for sign in found[1])
    return led + line[found.end() :]


def _unquoted(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """Return blocks without quotes: a quote in a quote would end the outer one."""
    found: list[Block] = []
    for block in blocks:
        found += _unquoted(block.blocks) if isinstance(block, Quote) else (block,)
    return tuple(found)


def _code(text: str, language: str) -> str:
    """Return a block of code; its own end mark cannot stand in it, so it is told apart by a space without width."""
    named = f":{language}" if language else ""
    held = text.replace("{code", "{\u200bcode")
    return f"{{code{named}}}\n{held}\n{{code}}"


def _link(run: Run, *, careful: bool) -> str:
    address = run.link.replace("|", "%7C").replace("]", "%5D").replace("[", "%5B")
    words = escaped(run.text, careful=careful)
    if not careful:
        words = re.sub(r"(?<!\\)[\]|]", r"\\\g<0>", words)
    return f"[{words}|{address}]"


def escaped(text: str, *, careful: bool = False) -> str:
    """Return words that mean nothing but themselves; addresses are left whole, for Jira links them.

    A backslash is written as a number: two of them are a break, and one may escape what follows.
    """
    if careful:
        return _ANY.sub(r"\\\g<0>", _NUMBERED.sub(_number, text))
    parts = re.split(r"(https?://[^\s<>\"\\^`{|}\[\]!]+)", text)
    return "".join(
        part if number % 2 else _INSIDE.sub(r"\\\g<0>", _NUMBERED.sub(_number, part))
        for number, part in enumerate(parts)
    )


def _number(found: re.Match[str]) -> str:
    return f"&#{ord(found[0])};"
