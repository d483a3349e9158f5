"""Markdown as a tree: CommonMark with tables and strikethrough; a line's end is a break, raw HTML is words."""

from __future__ import annotations

import re
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from connectors.content.build import Builder, clean
from connectors.content.tree import Block, Mark, Runs, settled

_NESTING: Final = 100
_BEGINS: Final = re.compile(r">|[-+*](?:[ \t]|$)|[0-9]{1,9}[.)](?:[ \t]|$)")
_QUOTED: Final = re.compile(r" {0,3}>(?: ?>)*")
_INDENTED: Final = re.compile(r"(?: {4}|\t)[ \t]*\S")
_BREAK_WORD: Final = re.compile(r"(<br ?/?>)", re.IGNORECASE)
_MARKS: Final = {"strong": Mark.STRONG, "em": Mark.EM, "s": Mark.STRIKE}
#: more signs in one paragraph, or more beginnings in one line, than any text has
_MANY: Final = 1000
_ESCAPED: Final = re.compile(r"\\([!-/:-@\[-`{-~])")
_CROWDED: Final = re.compile(r"(?m)^(?:[ \t]*(?:>|[-+*]|[0-9]{1,9}[.)])){40}")


def _parser(preset: str, rules: list[str], without: str) -> MarkdownIt:
    parser = MarkdownIt(preset, {"html": False, "maxNesting": _NESTING}).enable(rules)
    parser.core.ruler.disable(without)
    # addresses are judged and tidied by the builder
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # noqa: ARG005 - its own name for it
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    return parser


#: blocks; the words of each are read apart
#: so many columns a row may add to its table
_MOST_MORE: Final = 20
#: what parts the cells of a table's row
_BAR: Final = re.compile(r"(?<!\\)\|")
_MARKDOWN: Final = _parser("commonmark", ["table", "strikethrough"], "inline")
#: words, unjoined, so that `\<br>` can be told from `<br>`
_WORDS: Final = _parser("commonmark", ["strikethrough"], "text_join")
#: plain text: quotes, lists and indented lines look the same in it; nothing inside a line means anything
_PLAIN: Final = _parser("zero", ["blockquote", "list", "code", "hr"], "inline")


def read(text: str, *, ours: bool = True) -> tuple[tuple[Block, ...], tuple[str, ...]]:
    """Return the tree of a Markdown text, and what it could not hold; only `ours` calls people by address."""
    return _read(_MARKDOWN, clean(text), ours=ours)


def read_plain(text: str) -> tuple[tuple[Block, ...], tuple[str, ...]]:
    """Return the tree of a plain text."""
    return _read(_PLAIN, _apart(clean(text)), ours=False)


def _apart(text: str) -> str:
    """Return a plain text whose indented lines (a stack trace below its error) stand apart from what is above them.

    So does an answer right below a quote: it is no more of the quote, as it would be in Markdown.
    """
    found: list[str] = []
    listed = False
    for line in text.split("\n"):
        deep = _depth(line)
        if found and deep < _depth(found[-1]):
            found.append(">" * deep)
        if line.strip() and not line[0].isspace():
            listed = _BEGINS.match(line) is not None
        elif found and _INDENTED.match(line) and found[-1].strip() and not found[-1][0].isspace() and not listed:
            found.append("")
        found.append(line)
    return "\n".join(found)


def _depth(line: str) -> int:
    """Return how deep a line is quoted."""
    found = _QUOTED.match(line)
    return found.group().count(">") if found else 0


def read_line(text: str) -> list[Runs]:
    """Return the runs of one paragraph's words, without looking for blocks."""
    builder = Builder(ours=True)
    _words(builder, text, {}, cell=False)
    return settled(builder.collected())


def _read(parser: MarkdownIt, text: str, *, ours: bool) -> tuple[tuple[Block, ...], tuple[str, ...]]:
    builder = Builder(ours=ours)
    crowded = _CROWDED.search(text) is not None
    # where the links lead that are defined apart
    known: dict[str, Any] = {}
    tokens = [] if crowded else parser.parse(text, known)
    if crowded or any(token.level >= _NESTING - 2 for token in tokens):
        for part in re.split(r"\n[ \t]*\n", text):
            builder.text(part)
            builder.boundary()
        return builder.finish(), builder.lost
    cell = False
    lines, row, columns, is_head = text.split("\n"), "", 0, False
    for token in tokens:
        kind = token.type
        if kind == "inline":
            if parser is _PLAIN:
                builder.text(token.content)
            else:
                _words(builder, token.content, known, cell=cell)
        elif kind in {"fence", "code_block"}:
            builder.code_block(token.content, token.info.split(maxsplit=1)[0] if token.info.strip() else "")
        elif kind == "hr":
            builder.rule()
        else:
            is_head = is_head or kind == "thead_open"
            if kind == "tr_open":
                row, columns = lines[token.map[0]] if token.map else "", 0
            columns += kind in {"th_open", "td_open"}
            if kind == "tr_close" and is_head:
                is_head = False
            elif kind == "tr_close":
                _more_cells(builder, row, columns, known)
            cell = _block(builder, token, cell=cell)
    _notes(builder, known)
    return builder.finish(), builder.lost


def _more_cells(builder: Builder, line: str, columns: int, known: dict[str, Any]) -> None:
    """Add the cells that a row has and its table's head has not: CommonMark's tables drop them with their words."""
    found = [part.strip() for part in _BAR.split(line.lstrip("> \t"))]
    found = found[1:] if found and not found[0] else found
    while found and not found[-1]:
        found.pop()
    more = found[columns:]
    if len(more) > _MOST_MORE:
        # one crowded row would make every other one as wide
        more = [*more[: _MOST_MORE - 1], " ".join(more[_MOST_MORE - 1 :])]
    for words in more:
        builder.push("cell")
        _words(builder, words.replace("\\|", "|"), known, cell=True)
        builder.pop("cell")


def _notes(builder: Builder, known: dict[str, Any]) -> None:
    """Add the footnotes of one word, which CommonMark takes for where a link leads."""
    for name, led in (known.get("references") or {}).items():
        if name.startswith("^"):
            builder.boundary()
            builder.text(f"[{name.lower()}]: {led.get('href', '')} {led.get('title') or ''}".rstrip())
            builder.boundary()


def _block(builder: Builder, token: Token, *, cell: bool) -> bool:
    """Open or close a block; return whether a table's cell is open now."""
    name = token.type.removesuffix("_open").removesuffix("_close")
    on = token.nesting == 1
    match name:
        case "heading" if on:
            builder.heading(int(token.tag[1:]))
        case "paragraph" | "heading":
            builder.boundary()
        case "blockquote":
            builder.push("quote") if on else builder.pop("quote")
        case "bullet_list":
            builder.push("list") if on else builder.pop("list")
        case "ordered_list":
            builder.push("list", ordered=True, start=int(token.attrGet("start") or 1)) if on else builder.pop("list")
        case "list_item":
            builder.push("item") if on else builder.pop("item")
        case "table":
            builder.push("table") if on else builder.pop("table")
        case "tr":
            builder.push("row") if on else builder.pop("row")
        case "th" | "td":
            builder.push("cell") if on else builder.pop("cell")
            return on
    return cell


def _words(builder: Builder, text: str, known: dict[str, Any], *, cell: bool) -> None:
    """Read the words of a paragraph; one with more signs than any text has is taken as it stands."""
    bare = _ESCAPED.sub("", text)
    if bare.count("[") > _MANY or sum(bare.count(sign) for sign in "*_~") > _MANY:
        builder.text(_ESCAPED.sub(r"\1", text))
        return
    for token in _WORDS.parseInline(text, known):
        _inline(builder, token.children or [], cell=cell)


def _inline(builder: Builder, tokens: list[Token], *, cell: bool) -> None:
    for token in tokens:
        match token.type:
            case "text" if cell:
                for number, part in enumerate(_BREAK_WORD.split(token.content)):
                    builder.line_break() if number % 2 else builder.text(part)
            case "text" | "text_special":
                builder.text(token.content)
            case "softbreak" | "hardbreak":
                builder.line_break()
            case "code_inline":
                builder.code(token.content)
            case "image":
                builder.image(_alt(token), str(token.attrGet("src") or ""))
            case "link_open":
                builder.link(str(token.attrGet("href") or ""))
            case "link_close":
                builder.end_link()
            case _:
                _mark(builder, token)


def _mark(builder: Builder, token: Token) -> None:
    name, _, way = token.type.rpartition("_")
    if name in _MARKS:
        builder.mark(_MARKS[name], on=way == "open")


def _alt(token: Token) -> str:
    """Return the words of an image's description, without its form."""
    said: list[str] = []
    waiting = list(reversed(token.children or []))
    while waiting:
        child = waiting.pop()
        said.append(" " if child.type.endswith("break") else child.content if child.type != "image" else "")
        if child.type == "image":
            waiting += reversed(child.children or [])
    return "".join(said)
