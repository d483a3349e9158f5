"""A tree as canonical Markdown: one spelling for each thing, and escapes only where something would be misread."""

from __future__ import annotations

import re
from typing import Final

from connectors.content.addresses import packed
from connectors.content.markdown_in import read_line
from connectors.content.sure import sure
from connectors.content.tree import (
    ATTACHMENT,
    MENTION,
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
    in_cell,
    one_line,
)

_SIGNS: Final = {Mark.STRONG: "**", Mark.EM: "*", Mark.STRIKE: "~~"}
#: the outermost first
_ORDER: Final = (Mark.STRONG, Mark.EM, Mark.STRIKE)
_ANY: Final = re.compile(r"([!-/:-@\[-`{-~])")
_RISKY: Final = re.compile(
    r"\\(?=[!-/:-@\[-`{-~]|\n|$)|`|\*|_|~(?=~)|(?<=~)~|\](?=[(\[])|<(?=[A-Za-z/!?])|&(?=#?[A-Za-z0-9]{1,32};)"
)
#: the same with Python's words for what a line may begin with
_LEADING: Final = (
    (re.compile(r"(#{1,6})(?=[ \t]|$)"), r"\\\1"),
    (re.compile(r">"), r"\\>"),
    (re.compile(r"([-+*])(?=[ \t]|$)"), r"\\\1"),
    (re.compile(r"([0-9]{1,9})([.)])(?=[ \t]|$)"), r"\1\\\2"),
    (re.compile(r"(=+|-+)(?=[ \t]*$)"), r"\\\1"),
    (re.compile(r"([-*_])(?=[ \t]*\1[ \t]*\1(?:[ \t]|\1)*$)"), r"\\\1"),
    (re.compile(r"\[(?=(?:[^\]\\]|\\.)*\]:)"), r"\\["),
    (re.compile(r"([-:|])(?=[-:| \t]*$)"), r"\\\1"),
    (re.compile(r"~~~"), r"\\~~~"),
)
#: words that can be nothing else
_SIMPLE: Final = re.compile(r"(?:[^\W\d_](?:[^\W_]|[ ,;?'\"()/%.])*)?")
_HASHES: Final = re.compile(r"(^|[ \t])(#+)$")


def write(blocks: tuple[Block, ...]) -> str:
    """Return a tree as canonical Markdown."""
    return "\n".join(_blocks(blocks))


def _blocks(blocks: tuple[Block, ...], *, first_in_item: bool = False) -> list[str]:
    found: list[str] = []
    for number, block in enumerate(blocks):
        written = _block(block, inside=first_in_item and number == 0)
        if written:
            found += ["", *written] if found else written
    return found


def _block(block: Block, *, inside: bool) -> list[str]:
    match block:
        case Paragraph(runs):
            return paragraph(runs)
        case Heading(level, runs):
            return [f"{'#' * level} {line}" for line in [heading(runs)] if line]
        case Code(text, language):
            return _fenced(text, language)
        case Rule():
            # `- ---` would be a line across and no list
            return ["***" if inside else "---"]
        case Quote(held):
            return [f"> {line}" if line else ">" for line in _blocks(held)]
        case Items():
            return _items(block)
        case Table(rows):
            return _table(rows)


def _fenced(text: str, language: str) -> list[str]:
    longest = max((len(found) for found in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return [fence + language, *text.split("\n"), fence]


def _items(block: Items) -> list[str]:
    found: list[str] = []
    tight = all(_is_tight(item) for item in block.items)
    number = block.start if 0 <= block.start <= 999_999_000 else 1
    for item in block.items:
        sign = f"{number}. " if block.ordered else "- "
        number += 1
        lines = _tight_lines(item) if tight else _blocks(item, first_in_item=True)
        if not lines:
            continue
        room = " " * len(sign)
        if found and not tight:
            found.append("")
        found += [sign + lines[0], *(room + line if line else "" for line in lines[1:])]
    return found


def _is_tight(item: tuple[Block, ...]) -> bool:
    """Say whether an item needs no empty line: words, and lists below them that may follow words directly."""
    return all(
        (isinstance(block, Paragraph) and number == 0)
        or (isinstance(block, Items) and (not block.ordered or block.start == 1) and all(map(_is_tight, block.items)))
        or (len(item) == 1 and not isinstance(block, Items))
        for number, block in enumerate(item)
    )


def _tight_lines(item: tuple[Block, ...]) -> list[str]:
    found: list[str] = []
    for number, block in enumerate(item):
        found += _block(block, inside=number == 0)
    return found


def _table(rows: tuple[tuple[Runs, ...], ...]) -> list[str]:
    found = []
    for row in rows:
        cells = [cell(runs) for runs in row]
        found.append(f"| {' | '.join(cells)} |")
        if len(found) == 1:
            found.append(f"| {' | '.join('---' for _ in row)} |")
    return found


def paragraph(runs: Runs) -> list[str]:
    """Return a paragraph's lines."""
    return _sure(runs).split("\n") if runs else []


def heading(runs: Runs) -> str:
    """Return a heading's line."""
    line = _sure(one_line(runs))
    return _HASHES.sub(lambda found: f"{found[1]}\\{found[2]}", line)


def cell(runs: Runs) -> str:
    """Return the words of a table's cell."""
    return "<br>".join(_sure(tuple(line)) for line in _lines(in_cell(runs))).replace("|", "\\|")


def _lines(runs: Runs) -> list[list[Run]]:
    found: list[list[Run]] = [[]]
    for run in runs:
        if run.what is What.BREAK:
            found.append([])
        else:
            found[-1].append(run)
    return found


def _sure(runs: Runs) -> str:
    if len(runs) == 1 and runs[0] == Run(runs[0].text) and _SIMPLE.fullmatch(runs[0].text):
        return runs[0].text
    form, careful = sure(runs, _write, read_line)
    return _write(form(runs), careful)


def _write(runs: Runs, careful: bool) -> str:  # noqa: FBT001 - as every writer that is made sure of
    return _led(_line(runs, careful=careful))


def _led(text: str) -> str:
    return "\n".join(_lead(line) for line in text.split("\n"))


def _lead(line: str) -> str:
    """Return a line whose beginning is no block's."""
    for sign, replaced in _LEADING:
        led, count = sign.subn(replaced, line, count=1) if sign.match(line) else (line, 0)
        if count:
            return led
    return line


def _line(runs: Runs, *, careful: bool) -> str:
    """Return runs as Markdown; links are outermost, then the marks in their order."""
    found: list[str] = []
    open_marks: list[Mark] = []
    link = ""
    for number, run in enumerate(runs):
        wanted = run.marks
        if run.what is What.BREAK:
            before, after = runs[number - 1], runs[number + 1]
            wanted = before.marks & after.marks
            run = Run(what=What.BREAK, link=link if after.link == link else "")  # noqa: PLW2901 - as seen from here
        keep = 0
        if run.link == link:
            while keep < len(open_marks) and open_marks[keep] in wanted:
                keep += 1
        found += [_SIGNS[mark] for mark in reversed(open_marks[keep:])]
        del open_marks[keep:]
        if run.link != link:
            found += [f"]({destination(link)})"] if link else []
            found += ["["] if run.link else []
            link = run.link
        for mark in sorted(wanted - set(open_marks), key=lambda one: (-_reach(runs, number, one), _ORDER.index(one))):
            found.append(_SIGNS[mark])
            open_marks.append(mark)
        found.append(_run(runs, number, careful=careful))
    found += [_SIGNS[mark] for mark in reversed(open_marks)]
    found += [f"]({destination(link)})"] if link else []
    return "".join(found)


def _reach(runs: Runs, number: int, mark: Mark) -> int:
    """Return how many runs from here on have a mark (a few suffice to say which is the outer one)."""
    reach = 0
    for run in runs[number : number + 20]:
        if run.what is not What.BREAK and (mark not in run.marks or run.link != runs[number].link):
            break
        reach += 1
    return reach


def _run(runs: Runs, number: int, *, careful: bool) -> str:
    run = runs[number]
    match run.what:
        case What.BREAK:
            return "\n"
        case What.CODE:
            return _code(run.text)
        case What.MENTION:
            return f"[@{escaped(run.text, inside=True, careful=careful)}]({MENTION}{packed(run.target)})"
        case What.IMAGE:
            own = run.target.startswith(ATTACHMENT)
            target = ATTACHMENT + packed(run.target.removeprefix(ATTACHMENT)) if own else destination(run.target)
            return f"![{escaped(run.text, inside=True, careful=careful)}]({target})"
        case What.TEXT:
            after = runs[number + 1] if number + 1 < len(runs) else Run()
            opens = (after.link and after.link != run.link) or after.what is What.MENTION
            text = escaped(run.text, inside=bool(run.link), careful=careful)
            return f"{text[:-1]}\\!" if opens and text.endswith("!") and not text.endswith("\\!") else text


def _code(text: str) -> str:
    runs = {len(found) for found in re.findall(r"`+", text)}
    size = next(size for size in range(1, len(runs) + 2) if size not in runs)
    fence = "`" * size
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def destination(address: str) -> str:
    """Return an address as it stands behind a link's words."""
    return re.sub(r"&(?=#?[A-Za-z0-9]{1,32};)", r"\\&", address)


def escaped(text: str, *, inside: bool = False, careful: bool = False) -> str:
    """Return words that mean nothing but themselves; inside of a link no bracket may end it."""
    if careful:
        return _ANY.sub(r"\\\1", text)
    written = _RISKY.sub(lambda found: _escape(text, found), text)
    return re.sub(r"(?<!\\)([\[\]])", r"\\\1", written) if inside else written


def _escape(text: str, found: re.Match[str]) -> str:
    sign = found[0]
    if sign in {"*", "_"}:
        before = text[found.start() - 1] if found.start() else "("
        after = text[found.end()] if found.end() < len(text) else "("
        if before.isspace() and after.isspace():
            return sign
        if sign == "_" and before.isalnum() and after.isalnum():
            return sign
    return f"\\{sign}"
