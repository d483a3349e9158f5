"""Redmine's Textile as canonical Markdown, and back (lib/redmine/wiki_formatting/textile; Help > Text formatting).

It is read into plain HTML first, which has a reader of its own, and written from the tree that Markdown is read into.
What Redmine adds (macros, wiki links) keeps its words; a macro is said to be lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape
from typing import Final
from urllib.parse import quote

from connectors.content import Content, from_html
from connectors.content.markdown_in import read
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
)

Hold = Callable[[str], str]

#: one without width: beside a sign it makes the sign mean itself
UNSEEN: Final = "\u2060"
_QUIET: Final = re.compile(f"{UNSEEN}(.){UNSEEN}")
_PRE: Final = re.compile(r"<pre>\s*(?:<code(?:\s+class=\"([\w+-]+)\")?>)?(.*?)(?:</code>)?\s*</pre>", re.DOTALL)
_HELD: Final = re.compile("\x01(\\d+)\x02")
_HEAD: Final = re.compile(r"h([1-6])(?:\([^)]*\))?\.\s+(.*)", re.DOTALL)
_QUOTE: Final = re.compile(r"bq\.\s+(.*)", re.DOTALL)
_ITEM: Final = re.compile(r"([*#]+)\s+(.*)")
_MACRO: Final = re.compile(r"(?<!!)\{\{[\w>]")
#: where a file of the issue seems to be while its text is HTML: no host can have that name
_OWN: Final = "https://issue.invalid/"
#: in the order in which they are looked for; each inside is one line
_PAIRS: Final = (
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])"), "strong"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])"), "em"),
    (re.compile(r"(?<![\w-])-(?=[^\s-])([^\n]+?)(?<=[^\s-])-(?![\w-])"), "del"),
    (re.compile(r"(?<![\w+])\+(?=\S)([^+\n]+?)(?<=\S)\+(?![\w+])"), "ins"),
    (re.compile(r"(?<!\w)\^(?=\S)([^^\n]+?)(?<=\S)\^(?!\w)"), "sup"),
    (re.compile(r"(?<!\w)~(?=\S)([^~\n]+?)(?<=\S)~(?!\w)"), "sub"),
)
_CODE: Final = re.compile(r"(?<![\w@])@(?=\S)([^@\n]+?)(?<=\S)@(?![\w@])")
_LINK: Final = re.compile(r"&quot;([^\n]+?)&quot;:((?:https?://|mailto:)[^\s<>]*[^\s<>.,;:!?)])")
_IMAGE: Final = re.compile(r"(?<![\w!])!(?:[<>=])?([^\s!()]+\.[A-Za-z]{2,5})(?:\(([^)\n]*)\))?!(?!\w)")


def from_textile(text: str, images: Mapping[str, str] | None = None) -> Content:
    """Read Textile; `images` are the files of the issue (REF) by their names."""
    held: list[str] = []

    def hold(html: str) -> str:
        held.append(html)
        return f"\x01{len(held) - 1}\x02"

    def code(found: re.Match[str]) -> str:
        language = f' class="language-{found[1]}"' if found[1] else ""
        inside = found[2].strip("\n")
        return "\n\n" + hold(f"<pre><code{language}>{escape(inside)}</code></pre>") + "\n\n"

    plain = text.replace("\r\n", "\n").replace("\x01", "").replace("\x02", "")
    plain = _PRE.sub(code, plain)
    plain = _QUIET.sub(lambda found: hold(escape(found[1])), plain)
    html = "".join(_block(block, hold, images or {}) for block in re.split(r"\n{2,}", plain) if block.strip())
    for _ in range(3):
        html = _HELD.sub(lambda found: held[int(found[1])], html)
    html = html.replace(UNSEEN, "")
    read_back = from_html(html, images={f"{_OWN}{quote(name)}": ref for name, ref in (images or {}).items()})
    lost = (*read_back.lost, "a macro") if _MACRO.search(plain) else read_back.lost
    return Content(read_back.markdown.replace("!{{", "{{"), lost)


def _block(block: str, hold: Hold, images: Mapping[str, str]) -> str:
    text = block.strip("\n")
    if _HELD.fullmatch(text.strip()):
        return text.strip()
    if re.fullmatch(r"-{3,}", text.strip()):
        return "<hr>"
    head = _HEAD.fullmatch(text)
    if head:
        return f"<h{head[1]}>{_inline(head[2], hold, images)}</h{head[1]}>"
    said_before = _QUOTE.fullmatch(text)
    if said_before or all(line.startswith(">") for line in text.split("\n")):
        inside = (
            said_before[1] if said_before else "\n".join(line.removeprefix(">").strip() for line in text.split("\n"))
        )
        said = "<br>".join(_inline(line, hold, images) for line in inside.split("\n"))
        return f"<blockquote><p>{said}</p></blockquote>"
    lines = text.split("\n")
    if all(line.startswith("|") and line.rstrip().endswith("|") for line in lines):
        return _table(lines, hold, images)
    return _paragraph(lines, hold, images)


def _table(lines: list[str], hold: Hold, images: Mapping[str, str]) -> str:
    rows = []
    for line in lines:
        cells = []
        for cell in line.strip().strip("|").split("|"):
            header = re.match(r"_[<>=]*\.\s*", cell)
            inside = re.sub(r"^[_<>=^~\\/\d]+\.\s", "", cell).strip()
            name = "th" if header else "td"
            cells.append(f"<{name}>{_inline(inside, hold, images)}</{name}>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table>{''.join(rows)}</table>"


def _paragraph(lines: list[str], hold: Hold, images: Mapping[str, str]) -> str:
    """Return lines that are words, lists, or words with a list after them."""
    found: list[str] = []
    words: list[str] = []
    open_lists: list[str] = []

    def end_words() -> None:
        if words:
            found.append(f"<p>{'<br>'.join(words)}</p>")
            words.clear()

    for line in lines:
        item = _ITEM.fullmatch(line)
        if item is None:
            while open_lists:
                found.append(f"</li></{open_lists.pop()}>")
            words.append(_inline(line.removeprefix("p. "), hold, images))
            continue
        end_words()
        signs = ["ul" if sign == "*" else "ol" for sign in item[1]]
        while len(open_lists) > len(signs):
            found.append(f"</li></{open_lists.pop()}>")
        if len(open_lists) == len(signs):
            found.append("</li>")
        while len(open_lists) < len(signs):
            found.append(f"<{signs[len(open_lists)]}>")
            open_lists.append(signs[len(open_lists)])
        found.append(f"<li>{_inline(item[2], hold, images)}")
    while open_lists:
        found.append(f"</li></{open_lists.pop()}>")
    end_words()
    return "".join(found)


def _inline(text: str, hold: Hold, images: Mapping[str, str]) -> str:
    said = escape(text)
    said = _CODE.sub(lambda found: hold(f"<code>{found[1]}</code>"), said)

    def image(found: re.Match[str]) -> str:
        name = found[1]
        address = f"{_OWN}{quote(name)}" if name in images else name
        return hold(f'<img src="{address}" alt="{found[2] or name.rpartition("/")[2]}">')

    said = _IMAGE.sub(image, said)
    said = _LINK.sub(lambda found: f'{hold(f"""<a href="{found[2]}">""")}{found[1]}</a>', said)
    # an address that stands by itself keeps its signs
    said = re.sub(r"https?://[^\s<>\x01]+", lambda found: hold(found[0]), said)
    for pattern, name in _PAIRS:
        said = pattern.sub(rf"<{name}>\1</{name}>", said)
    return said


# ---------------------------------------------------------------- out

_SIGNS: Final = {Mark.STRONG: "*", Mark.EM: "_", Mark.STRIKE: "-"}
#: signs that would begin or end something
_LOUD: Final = re.compile(r"(?<![\w])([*_@#+^~!-])(?=\S)|(?<=\S)([*_@#+^~!-])(?![\w])")
#: what Redmine would make a link of: a wiki page, a revision, `project:support` and its like (Help, "Redmine links")
_NAMING: Final = re.compile(
    r"\[(?=\[)|\br(?=\d)|"
    r"\b(?:attachment|commit|document|export|forum|message|news|project|source|user|version)[:#](?=\S)"
)
_LEADING: Final = re.compile(r"^([*#]+(?=\s)|h[1-6]\.(?=\s)|bq\.(?=\s)|p\.(?=\s)|\||>|-{3,}$)")


def to_textile(markdown: str, images: Mapping[str, str] | None = None) -> str:
    """Write Textile; `images` are the names of files of the issue (by REF)."""
    return _blocks(read(markdown)[0], images or {})


def _blocks(blocks: tuple[Block, ...], images: Mapping[str, str]) -> str:
    return "\n\n".join(filter(None, (_written(block, images) for block in blocks)))


def _written(block: Block, images: Mapping[str, str]) -> str:
    match block:
        case Paragraph(runs):
            lines = _runs(runs, images).split("\n")
            return "\n".join(_LEADING.sub(rf"{UNSEEN}\1", line) for line in lines)
        case Heading(level, runs):
            return f"h{level}. {_runs(runs, images)}"
        case Code(text, language):
            named = f'<code class="{language}">\n' if language else ""
            held = text.replace("</pre", f"</{UNSEEN}pre")
            return f"<pre>{named or chr(10)}{held}\n{'</code>' if language else ''}</pre>"
        case Rule():
            return "---"
        case Quote(held_blocks):
            return "\n".join(f"> {line}".rstrip() for line in _blocks(held_blocks, images).split("\n"))
        case Items():
            return "\n".join(_items(block, "", images))
        case Table(rows):
            return _rows(rows, images)


def _rows(rows: tuple[tuple[Runs, ...], ...], images: Mapping[str, str]) -> str:
    found = []
    for number, row in enumerate(rows):
        sign = "_. " if number == 0 else ""
        found.append("|" + "|".join(f"{sign}{' '.join(_runs(cell, images).split())}" for cell in row) + "|")
    return "\n".join(found)


def _items(block: Items, above: str, images: Mapping[str, str]) -> list[str]:
    signs = above + ("#" if block.ordered else "*")
    found: list[str] = []
    for item in block.items:
        words = [" ".join(_written(inner, images).split("\n")) for inner in item if not isinstance(inner, Items)]
        found.append(f"{signs} {' '.join(words)}".rstrip())
        for inner in item:
            if isinstance(inner, Items):
                found += _items(inner, signs, images)
    return found


def _runs(runs: Runs, images: Mapping[str, str]) -> str:
    return "".join(_run(run, images) for run in runs)


def _run(run: Run, images: Mapping[str, str]) -> str:
    match run.what:
        case What.BREAK:
            return "\n"
        case What.CODE:
            inside = f"@{run.text}@" if "@" not in run.text else quiet(run.text)
        case What.MENTION:
            inside = quiet(f"@{run.text}")
        case What.IMAGE:
            own = run.target.startswith(ATTACHMENT)
            name = images.get(run.target.removeprefix(ATTACHMENT), "") if own else run.target
            inside = f"!{name}!" if name and " " not in name else quiet(f"[{run.text or name or 'image'}]")
        case What.TEXT if run.link and run.link != run.text:
            inside = f'"{quiet(run.text)}":{run.link}'
        case _:
            inside = run.text if run.link else quiet(run.text)
    for mark in sorted(run.marks):
        inside = f"{_SIGNS[mark]}{inside}{_SIGNS[mark]}"
    return inside


def quiet(text: str) -> str:
    """Return words that mean nothing but themselves; addresses are left whole, for Redmine links them."""
    parts = re.split(r"(https?://\S+)", text)
    return "".join(part if number % 2 else _quiet(part) for number, part in enumerate(parts))


def _quiet(text: str) -> str:
    plain = _LOUD.sub(lambda found: f"{UNSEEN}{found[0]}{UNSEEN}", text)
    return _NAMING.sub(lambda found: f"{found[0]}{UNSEEN}", plain)
