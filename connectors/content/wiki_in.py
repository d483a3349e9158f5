"""Jira's wiki markup as a tree (the renderer's documented notation)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from connectors.content.build import Builder, clean
from connectors.content.tree import Mark, Runs, settled

_MARKS: Final = {"*": Mark.STRONG, "_": Mark.EM, "-": Mark.STRIKE, "??": Mark.EM}
_LOST: Final = {"+": "underlined words", "^": "raised words", "~": "lowered words"}
_MACRO: Final = re.compile(r"(?<![\\{])\{(code|noformat)(?::([^}\n]*))?\}")
_BLOCK: Final = re.compile(r"(?<![\\{])\{(quote|panel|color)(?::([^}\n]*))?\}")
_HEADING: Final = re.compile(r"[ \t]*h([1-6])\.(?:[ \t]+|$)(.*)")
_ITEM: Final = re.compile(r"[ \t]*([*#-]+)[ \t]+(\S.*)")
#: an item that begins with a block of code
_BARE_ITEM: Final = re.compile(r"[ \t]*([*#-]{1,3})[ \t]*")
_ENTITY: Final = re.compile(r"&#([0-9]{1,7});")
#: an image as a table's row holds it
_SHOWN: Final = re.compile(r"(?<!\w)![^!\n|\s\\][^!\n|\\]*\|[^!\n|]*!")
_LEADS: Final = re.compile(r"(?i)(?:https?|ftp)://|(?:mailto|tel):")
_RULE: Final = re.compile(r"[ \t]*-{4,}[ \t]*")
_QUOTE: Final = re.compile(r"[ \t]*bq\.(?:[ \t]+|$)(.*)")
_OTHER: Final = re.compile(
    r"(?<![\\{])\{(anchor|toc|section|column|html|jira|info|note|tip|warning|gallery)(:[^}\n]*)?\}"
)
_TOKEN: Final = re.compile(
    r"\\\\|\\([!-/:-@\[\]-`{-~])"
    r"|\{\{(?P<mono>(?:[^{}\n\\]|\\.)+)\}\}"
    r"|(?P<address>\bhttps?://[^\s<>\"\\^`{|}\[\]]+)"
    r"|\[(?P<link>(?:[^\[\]\n\\]|\\.)+)\]"
    r"|(?<!\w)!(?P<image>[^!\n|\s\\][^!\n|\\]*)(?:\|[^!\n]*)?!"
    r"|\{(?P<braced>[*_+^~-]|\?\?)\}"
    r"|(?P<dash>-{2,})"
    r"|(?P<sign>\?\?|[*_+^~-])"
)


def read(text: str, *, images: Mapping[str, str]) -> Builder:
    """Return what was built from a text."""
    reader = _Reader(images)
    reader.text(clean(text))
    return reader.built


class _Reader:
    def __init__(self, images: Mapping[str, str]) -> None:
        self.built = Builder()
        self._images = images
        #: the signs of the lists that are open, and whether an item of each is
        self._lists = ""
        self._quotes = 0
        self._rows = False

    def text(self, text: str) -> None:
        """Read a whole text."""
        at = 0
        while found := _MACRO.search(text, at):
            ends = re.compile(r"\{" + found[1] + r"\}").search(text, found.end())
            self._parts(text[at : found.start()], before_code=True)
            self._end_table()
            inside = text[found.end() : ends.start() if ends else len(text)]
            self.built.code_block(inside, language(found[2] or "") if found[1] == "code" else "")
            at = ends.end() if ends else len(text)
            at += text.startswith("\n", at)
        self._parts(text[at:])
        self._end_lists("")
        self._end_table()
        while self._quotes:
            self._quote()

    def _parts(self, text: str, *, before_code: bool = False) -> None:
        text = _OTHER.sub(self._unknown, text)
        at = 0
        for found in _BLOCK.finditer(text):
            self._lines(text[at : found.start()])
            self._macro(found[1], found[2] or "")
            at = found.end()
        rest, _, last = text[at:].rpartition("\n")
        item = _BARE_ITEM.fullmatch(last) if before_code else None
        if item is None:
            # a line's end before a block is the block's
            self._lines(text[at:].removesuffix("\n") if before_code else text[at:])
        else:
            self._lines(rest)
            self._item(item[1], "")

    def _unknown(self, found: re.Match[str]) -> str:
        self.built.say(f"a macro ({found[1]})")
        return ""

    def _macro(self, name: str, options: str) -> None:
        if name == "color":
            self.built.say("coloured words")
            return
        self._end_lists("")
        self._end_table()
        if name == "panel":
            self.built.say("the frame of a panel")
            title = re.search(r"(?:^|\|)title=([^|]*)", options)
            self._quote()
            if title:
                self.built.mark(Mark.STRONG, on=True)
                self.built.text(title[1])
                self.built.mark(Mark.STRONG, on=False)
                self.built.boundary()
            return
        self._quote()

    def _quote(self) -> None:
        """Begin a quote, or end the one that is open: both signs are the same."""
        if self._quotes:
            self.built.pop("quote")
            self._quotes = 0
        else:
            self.built.push("quote")
            self._quotes = 1

    def _lines(self, text: str) -> None:
        for number, line in enumerate(text.split("\n")):
            if number:
                self.built.line_break()
            self._line(line)

    def _line(self, line: str) -> None:
        built = self.built
        if line.strip().startswith("|") and len(line.strip()) > 1:
            self._end_lists("")
            self._row(line.strip())
            return
        if item := _ITEM.fullmatch(line):
            self._end_table()
            self._item(item[1], item[2])
            return
        if not line.strip():
            self._end_lists("")
            self._end_table()
            built.boundary()
        elif heading := _HEADING.fullmatch(line):
            self._end_lists("")
            self._end_table()
            built.heading(int(heading[1]))
            self.words(heading[2])
            built.boundary()
        elif _RULE.fullmatch(line):
            self._end_lists("")
            self._end_table()
            built.rule()
        elif quote := _QUOTE.fullmatch(line):
            self._end_lists("")
            self._end_table()
            built.push("quote")
            self.words(quote[1])
            built.pop("quote")
        else:
            self._end_table()
            self.words(line)

    def _item(self, signs: str, words: str) -> None:
        same = 0
        while same < min(len(signs), len(self._lists)) and _kind(signs[same]) == _kind(self._lists[same]):
            same += 1
        self._end_lists(signs[:same])
        if same == len(signs):
            self.built.pop("item")
            self.built.push("item")
        for sign in signs[same:]:
            self.built.push("list", ordered=sign == "#")
            self.built.push("item")
        self._lists = signs
        self.words(words)

    def _end_lists(self, keep: str) -> None:
        for _ in range(len(self._lists) - len(keep)):
            self.built.pop("item")
            self.built.pop("list")
        self._lists = self._lists[: len(keep)]

    def _row(self, line: str) -> None:
        built = self.built
        if not self._rows:
            built.push("table")
            self._rows = True
        built.push("row")
        for words in cells(line):
            built.push("cell")
            self.words(words)
            built.pop("cell")
        built.pop("row")

    def _end_table(self) -> None:
        if self._rows:
            self.built.pop("table")
            self._rows = False

    def words(self, line: str) -> None:
        """Read a line's words."""
        built = self.built
        at = 0
        on: list[str] = []
        # a line with more signs than any text has would be searched from each to each
        few = sum(line.count(sign) for sign in "*_+^~-?") <= 500
        for found in _TOKEN.finditer(line):
            self._text(line[at : found.start()])
            at = found.end()
            if few and (found["sign"] or found["braced"]):
                self._sign(line, found, on)
            else:
                self._token(found)
        self._text(line[at:])
        for sign in on:
            if sign in _MARKS:
                built.mark(_MARKS[sign], on=False)

    def _text(self, text: str) -> None:
        self.built.text(entities(text))

    def _sign(self, line: str, found: re.Match[str], on: list[str]) -> None:
        sign = found["sign"] or found["braced"]
        before = line[found.start() - 1] if found.start() else " "
        after = line[found.end()] if found.end() < len(line) else " "
        braced = found["braced"] is not None
        if sign in on and (braced or (not before.isspace() and not after.isalnum())):
            on.remove(sign)
            if sign in _MARKS:
                self.built.mark(_MARKS[sign], on=False)
        elif (
            sign not in on
            and (braced or (not before.isalnum() and not after.isspace()))
            and _ends(line, found, sign, braced=braced)
        ):
            on.append(sign)
            if sign in _MARKS:
                self.built.mark(_MARKS[sign], on=True)
            else:
                self.built.say(_LOST[sign])
        else:
            self.built.text(found[0])

    def _token(self, found: re.Match[str]) -> None:
        built = self.built
        if found[1] or found["sign"] or found["braced"] or found["dash"]:
            built.text(found[1] or found[0])
        elif found["mono"]:
            built.code(_unescaped(found["mono"]))
        elif found["address"]:
            built.text(found["address"])
        elif found["image"]:
            self._image(found["image"])
        elif found["link"]:
            self._link(found["link"])
        else:
            built.line_break()

    def _image(self, name: str) -> None:
        if re.match(r"(?i)https?:", name):
            self.built.image("", name)
        elif re.search(r"\.\w{1,8}$", name):
            self.built.attachment(name, self._images.get(name, name))
        else:
            self.built.text(f"!{name}!")

    def _link(self, inside: str) -> None:
        built = self.built
        words, _, address = inside.rpartition("|")
        named, _, before = words.rpartition("|")
        if named and _LEADS.match(before.strip()):
            # what shows when the pointer is over it comes last
            words, address = named, before
            built.say("the tip of a link")
        address = address.strip()
        if address.startswith("~"):
            account = address[1:].removeprefix("accountid:")
            built.mention(account, _unescaped(words) or account)
        elif address.startswith("^"):
            built.say("a link to a file")
            built.text(_unescaped(words) or f"[{address[1:]}]")
        elif words or re.match(r"(?i)(?:https?|mailto|ftp|tel):", address):
            built.link(address)
            built.text(_unescaped(words) or address.removeprefix("mailto:"))
            built.end_link()
        else:
            built.text(f"[{_unescaped(inside)}]")


def _ends(line: str, found: re.Match[str], sign: str, *, braced: bool) -> bool:
    """Say whether a form that begins here also ends on this line."""
    wanted = "{" + sign + "}" if braced else sign
    at = line.find(wanted, found.end() + 1)
    while at >= 0:
        end = at + len(wanted)
        if braced or (
            line[at - 1] != "\\" and not line[at - 1].isspace() and not (end < len(line) and line[end].isalnum())
        ):
            return True
        at = line.find(wanted, at + 1)
    return False


def _kind(sign: str) -> str:
    return "#" if sign == "#" else "*"


def _unescaped(text: str) -> str:
    return entities(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text))


def entities(text: str) -> str:
    """Return words with the characters that were written as numbers."""
    return _ENTITY.sub(lambda found: clean(chr(int(found[1]))) if int(found[1]) < 0x110000 else found[0], text)


def read_line(text: str) -> list[Runs]:
    """Return the runs of one paragraph."""
    reader = _Reader({})
    for number, line in enumerate(text.split("\n")):
        if number:
            reader.built.line_break()
        reader.words(line)
    return settled(reader.built.collected())


def cells(line: str) -> list[str]:
    """Return the cells of a table's row; a bar in a link or behind a backslash parts nothing."""
    found: list[str] = []
    held: list[str] = []
    depth = 0
    at = 0
    line = line.strip()
    while at < len(line):
        char = line[at]
        image = _SHOWN.match(line, at) if char == "!" and not depth else None
        if image is not None:
            held.append(image[0])
            at = image.end()
            continue
        if char == "\\" and at + 1 < len(line):
            held.append(line[at : at + 2])
            at += 2
            continue
        depth = max(0, depth + (char == "[") - (char == "]"))
        if char == "|" and not depth:
            found.append("".join(held))
            held = []
            at += 2 if line.startswith("||", at) else 1
            continue
        held.append(char)
        at += 1
    found.append("".join(held))
    first = found[1:] if found and not found[0].strip() else found
    return first[:-1] if len(first) > 1 and not first[-1].strip() else first


def language(options: str) -> str:
    """Return the language that a code macro names: its first option without a name."""
    return next((part for part in options.split("|") if part and "=" not in part), "")
