"""Slack's mrkdwn as a tree, and a tree as mrkdwn that calls nobody.

Slack escapes `&`, `<` and `>` and nothing else; what it acts on stands in angle brackets (docs.slack.dev,
"Formatting message text"). So escaped words can call nobody, and mentions are written only where a caller says how.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from connectors.content.build import Builder, clean
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
    settled,
    words,
)

_MARKS: Final = {"*": Mark.STRONG, "_": Mark.EM, "~": Mark.STRIKE}
_SIGNS: Final = {mark: sign for sign, mark in _MARKS.items()}
_INSIDE: Final = re.compile("<([^<>\n]{1,3000})>|(?<!\u200b)(`)(?!\u200b)([^`\n]+)`(?!\u200b)")
_FORM: Final = re.compile("(?<![\\w*_~\u200b])([*_~])(?![\\s\u200b])([^\n]*?(?:(?!\\1)[^\\s\u200b]))\\1(?![\\w\u200b])")
_FENCE: Final = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)
_ITEM: Final = re.compile(r"^([ \t]*)(?:([•◦▪*-])|(\d{1,9})[.)])[ \t]+(\S.*)$")
#: what begins a quote or a list's item
_LEADING: Final = re.compile(r"(?m)^(?=[ \t]*(?:>|&gt;|[•◦▪*-][ \t]|\d{1,9}[.)][ \t]))")
#: between a word and a sign that would else begin a form; Slack shows nothing there
_UNSEEN: Final = "\u200b"


def read(text: str) -> Builder:
    """Return what was built from a message's text."""
    built = Builder()
    at = 0
    text = clean(text)
    for code in _FENCE.finditer(text):
        _lines(built, text[at : code.start()])
        built.code_block(_entities(code[1]))
        at = code.end()
    _lines(built, text[at:])
    return built


def _lines(built: Builder, text: str) -> None:
    quoted = False
    depths: list[tuple[int, bool]] = []
    for line in text.split("\n"):
        inside, is_quote = (line[1:], True) if line.startswith(">") else (line, False)
        if not is_quote and line.startswith("&gt;"):
            inside, is_quote = line[4:], True
        if is_quote != quoted:
            _close(built, depths, 0)
            built.push("quote") if is_quote else built.pop("quote")
            quoted = is_quote
        item = _ITEM.match(inside)
        if item:
            _item(built, depths, item)
            _words(built, item[4])
        else:
            _close(built, depths, 0)
            _words(built, inside)
            built.line_break()
    _close(built, depths, 0)
    if quoted:
        built.pop("quote")
    built.boundary()


def _item(built: Builder, depths: list[tuple[int, bool]], item: re.Match[str]) -> None:
    room, ordered = len(item[1].expandtabs(4)), item[3] is not None
    while depths and (depths[-1][0] > room or (depths[-1][0] == room and depths[-1][1] != ordered)):
        _close(built, depths, len(depths) - 1)
    if depths and depths[-1][0] == room:
        built.pop("item")
    else:
        built.push("list", ordered=ordered, start=int(item[3] or 1))
        depths.append((room, ordered))
    built.push("item")


def _close(built: Builder, depths: list[tuple[int, bool]], keep: int) -> None:
    while len(depths) > keep:
        built.pop("item")
        built.pop("list")
        depths.pop()


def _words(built: Builder, text: str) -> None:
    at = 0
    parts: list[tuple[str, re.Match[str] | None]] = []
    for found in _INSIDE.finditer(text):
        parts += [(text[at : found.start()], None), ("", found)]
        at = found.end()
    parts.append((text[at:], None))
    # forms reach over links: what stands in brackets is one sign while they are looked for
    line = "".join("\ue000" if found else part.replace("\ue000", "") for part, found in parts)
    held = iter([found for _, found in parts if found])
    _forms(built, line, held)


def _forms(built: Builder, line: str, held: object) -> None:
    waiting: list[tuple[str, Mark | None]] = [(line, None)]
    # a line with more signs than any message has would be searched from each to each
    few = sum(line.count(sign) for sign in _MARKS) <= 500
    while waiting:
        text, ends = waiting.pop()
        if ends is not None:
            built.mark(ends, on=False)
        found = _FORM.search(text) if few else None
        if found is None:
            _plain(built, text, held)
            continue
        mark = _MARKS[found[1]]
        _plain(built, text[: found.start()], held)
        built.mark(mark, on=True)
        waiting += [(text[found.end() :], mark), (found[2], None)]


def _plain(built: Builder, text: str, held: object) -> None:
    for number, part in enumerate(text.split("\ue000")):
        if number:
            _thing(built, next(held))  # type: ignore[call-overload]
        built.text(_entities(part).replace(_UNSEEN, ""))


def _thing(built: Builder, found: re.Match[str]) -> None:
    if found[2]:
        built.code(_entities(found[3]))
        return
    what, _, label = found[1].partition("|")
    label = _entities(label)
    if what.startswith("@"):
        built.mention(what[1:], label.removeprefix("@") or what[1:])
    elif what.startswith("#"):
        built.text(f"#{label or what[1:]}")
    elif what.startswith("!"):
        built.text(_special(what[1:], label))
    else:
        built.link(_entities(what))
        built.text(label or _entities(what).removeprefix("mailto:"))
        built.end_link()


def _special(what: str, label: str) -> str:
    name, _, rest = what.partition("^")
    if name == "date":
        try:
            return label or datetime.fromtimestamp(int(rest.partition("^")[0]), UTC).isoformat()
        except (ValueError, OverflowError, OSError):
            return label
    if name == "subteam":
        return label or f"@{rest}"
    return f"@{(label or name).removeprefix('@')}"


def _entities(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


class Writer:
    """Writes mrkdwn; people are called only by `mention`."""

    def __init__(self, images: Mapping[str, str], mention: Callable[[str, str], str] | None) -> None:
        self._images = images
        self._mention = mention

    def blocks(self, blocks: tuple[Block, ...]) -> str:
        """Return blocks as mrkdwn."""
        return "\n\n".join(filter(None, (self._block(block) for block in blocks)))

    def _block(self, block: Block) -> str:
        match block:
            case Paragraph(runs):
                return _LEADING.sub(_UNSEEN, self.runs(runs))
            case Heading(_, runs):
                return self.runs(emboldened(runs)) if leads(runs) else f"*{escaped(words(runs))}*"
            case Code(text, _):
                return f"```\n{_entity(text).replace('```', '``' + _UNSEEN + '`')}\n```"
            case Rule():
                return "──────────"
            case Quote(held):
                return "\n".join(f"> {line}" for line in self.blocks(_unquoted(held)).split("\n"))
            case Items():
                return self._items(block)
            case Table(rows):
                return "\n".join(" | ".join(" ".join(self.runs(cell).split()) for cell in row) for row in rows)

    def _items(self, block: Items) -> str:
        found: list[str] = []
        number = block.start
        for item in block.items:
            sign = f"{number}. " if block.ordered else "• "
            number += 1
            lines = "\n".join(self._block(inner) for inner in _unquoted(item)).split("\n")
            found += [sign + lines[0], *(f"    {line}" for line in lines[1:])]
        return "\n".join(found)

    def runs(self, runs: Runs) -> str:
        """Return words as mrkdwn, without the sign that holds forms apart where it is somebody else's."""
        bare = (msgspec.structs.replace(run, text=run.text.replace(_UNSEEN, "")) for run in runs)
        runs = tuple(joined(run for run in bare if run.text or run.what is not What.TEXT))
        said = tuple(joined(_spoken(run) for run in runs))
        form, careful = sure(said, lambda tried, every: _written(tried, careful=every), read_line)
        kept = form(runs) if said != runs else form(said)
        return "".join(self._run(run, careful=careful) for run in kept)

    def _run(self, run: Run, *, careful: bool) -> str:
        if run.what is What.MENTION and self._mention:
            return self._mention(run.target, run.text)
        if run.what is What.IMAGE:
            own = run.target.startswith(ATTACHMENT)
            address = self._images.get(run.target.removeprefix(ATTACHMENT), "") if own else run.target
            if address:
                return _link(address, run.text or "image")
        return _written((_spoken(run),), careful=careful)


def _unquoted(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """Return blocks without quotes: a message has them at its edge only."""
    found: list[Block] = []
    for block in blocks:
        found += _unquoted(block.blocks) if isinstance(block, Quote) else (block,)
    return tuple(found)


def read_line(text: str) -> list[Runs]:
    """Return the runs of one paragraph."""
    built = Builder()
    for number, line in enumerate(text.split("\n")):
        if number:
            built.line_break()
        _words(built, line)
    return settled(built.collected())


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
    for run in runs:
        match run.what:
            case What.BREAK:
                inside = "\n"
            case What.CODE:
                inside = f"`{_entity(run.text).replace('`', 'ˋ')}`"
            case _:
                inside = _link(run.link, run.text) if run.link else escaped(run.text, careful=careful)
        for mark in sorted(run.marks):
            inside = f"{_SIGNS[mark]}{inside}{_SIGNS[mark]}"
        found.append(inside)
    return "".join(found)


def _link(address: str, label: str) -> str:
    return f"<{_entity(address).replace('|', '%7C')}|{_entity(label).replace('|', '¦')}>"


def _entity(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def escaped(text: str, *, careful: bool = False) -> str:
    """Return words that call nobody and have no form: `@here` is words only in brackets, and signs are held apart."""
    text = _entity(text)
    if careful:
        return re.sub(r"([*_~`])", rf"{_UNSEEN}\1{_UNSEEN}", text)
    return re.sub(r"(?<!\w)([*_~`])(?=\S)", rf"\1{_UNSEEN}", text)
