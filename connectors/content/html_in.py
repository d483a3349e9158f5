"""HTML as a tree: repaired and cleaned by nh3 first, then read element by element."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from html import unescape
from html.parser import HTMLParser
from typing import Final

import nh3

from connectors.content.addresses import SCHEMES
from connectors.content.build import TOO_DEEP, Builder, clean
from connectors.content.tree import Mark

_MARKS: Final = {
    "b": Mark.STRONG, "strong": Mark.STRONG, "i": Mark.EM, "em": Mark.EM, "cite": Mark.EM, "dfn": Mark.EM,
    "var": Mark.EM, "s": Mark.STRIKE, "strike": Mark.STRIKE, "del": Mark.STRIKE,
}  # fmt: skip
_CODE: Final = frozenset({"code", "kbd", "samp", "tt"})
_BOUNDARIES: Final = frozenset(
    {
        "address", "article", "aside", "caption", "center", "dd", "details", "div", "dl", "dt", "fieldset",
        "figcaption", "figure", "footer", "form", "header", "hgroup", "legend", "main", "nav", "p", "section",
        "summary",
    }
)  # fmt: skip
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_PAIRS: Final = {
    "blockquote": "quote", "q": "", "ul": "list", "ol": "list", "menu": "list", "li": "item", "table": "table",
    "tr": "row", "td": "cell", "th": "cell",
}  # fmt: skip
#: what has no words in Markdown, in words for people
_LOST: Final = {
    "video": "a video", "audio": "a sound", "iframe": "an embedded page", "object": "an embedded object",
    "embed": "an embedded object", "svg": "a drawing", "math": "a formula", "canvas": "a drawing",
    "select": "a form's field", "textarea": "a form's field", "button": "a button", "u": "underlined words",
    "ins": "underlined words", "sup": "raised words", "sub": "lowered words", "mark": "highlighted words",
    "details": "a part that can be folded", "ruby": "reading aids",
}  # fmt: skip
_TAGS: Final = frozenset(
    {*_MARKS, *_CODE, *_BOUNDARIES, *_HEADINGS, *_PAIRS, *_LOST, "a", "br", "hr", "img", "pre", "span", "font", "input"}
    | {"tbody", "thead", "tfoot", "source"}
)
_SILENT: Final = frozenset({"script", "style", "title", "template", "noscript", "noembed", "noframes"})
_ATTRIBUTES: Final = {
    "a": {"href"},
    "img": {"src", "alt", "width", "height", "data-src"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "code": {"class"},
    "pre": {"class"},
    "input": {"type", "checked"},
    "font": {"color"},
}
_COLOUR: Final = re.compile(r"(?:^|[;\s])(?:background-)?color\s*:", re.IGNORECASE)
_LANGUAGE: Final = re.compile(r"(?:^|\s)(?:language|lang|brush:|highlight-source)-?\s*([A-Za-z0-9_+#.-]+)")
_TAG: Final = re.compile(r"<(/?)([A-Za-z][^\s/>]*)[^>]*>?")
#: elements that end by themselves, so that many of them are not deep
_FLAT: Final = frozenset({"br", "hr", "img", "p", "li", "td", "th", "tr", "input", "source", "meta", "link", "wbr"})
_DEEPEST: Final = 250


_REFUSED: Final = frozenset(
    {"about", "attachment", "callto", "cid", "data", "file", "javascript", "mention", "msteams", "notes", "skype"}
    | {"slack", "sms", "vbscript", "webcal", "whatsapp", "zoommtg"}
)
#: made once: to make it takes ten times as long as to clean a short text
_CLEANER: Final = nh3.Cleaner(
    tags=set(_TAGS),
    clean_content_tags=set(_SILENT),
    attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()} | {"*": {"style"}},
    # all that are met: which of them a link may have is the builder's to say, and then what was lost is said
    url_schemes=set(SCHEMES | _REFUSED),
    link_rel=None,
    strip_comments=True,
)


class _Reader(HTMLParser):
    def __init__(self, images: Mapping[str, str]) -> None:
        super().__init__(convert_charrefs=True)
        self.built = Builder()
        self._images = images
        self._pre: list[str] = []
        self._language = ""
        self._in_pre = 0
        self._code: list[str] = []
        self._in_code = 0

    def handle_data(self, data: str) -> None:
        if self._in_pre:
            self._pre.append(data)
        elif self._in_code:
            self._code.append(data)
        else:
            self.built.text(data, flow=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if _COLOUR.search(given.get("style", "")) or given.get("color"):
            self.built.say("coloured words")
        if tag in _LOST:
            self.built.say(_LOST[tag])
        if tag == "br":
            self.handle_data("\n") if self._in_pre else self.built.line_break()
        elif self._in_pre and tag != "pre":
            self._language = self._language or language(given)
        elif not self._inside(tag, given):
            self._block(tag, given)

    def _inside(self, tag: str, given: Mapping[str, str]) -> bool:
        built = self.built
        if tag in _MARKS:
            built.mark(_MARKS[tag], on=True)
        elif tag in _CODE:
            self._in_code += 1
        elif tag == "a":
            built.link(given.get("href", ""))
        elif tag == "img":
            self._image(given)
        elif tag == "input" and given.get("type", "").lower() == "checkbox":
            built.text("[x] " if "checked" in given else "[ ] ", flow=True)
        elif tag == "q":
            built.text("“")
        else:
            return False
        return True

    def _block(self, tag: str, given: Mapping[str, str]) -> None:
        built = self.built
        if tag in _HEADINGS:
            built.heading(_HEADINGS[tag])
        elif tag == "pre":
            built.boundary()
            self._in_pre += 1
            self._language = language(given)
        elif tag == "hr":
            built.rule()
        elif tag in {"td", "th"}:
            built.push("cell", columns=number(given.get("colspan")), rows=number(given.get("rowspan")))
        elif tag == "ol":
            built.push("list", ordered=True, start=number(given.get("start")))
        elif tag in _PAIRS:
            built.push(_PAIRS[tag])
        elif tag in _BOUNDARIES:
            built.boundary()

    def handle_endtag(self, tag: str) -> None:
        built = self.built
        if tag == "pre":
            self._in_pre = max(0, self._in_pre - 1)
            if not self._in_pre:
                built.code_block("".join(self._pre), self._language)
                self._pre = []
        elif self._in_pre:
            return
        elif tag in _MARKS:
            built.mark(_MARKS[tag], on=False)
        elif tag in _CODE:
            self._in_code = max(0, self._in_code - 1)
            if not self._in_code:
                built.code("".join(self._code))
                self._code = []
        elif tag == "a":
            built.end_link()
        elif tag == "q":
            built.text("”")
        elif tag in _PAIRS:
            built.pop(_PAIRS[tag])
        elif tag in _BOUNDARIES or tag in _HEADINGS:
            built.boundary()

    def _image(self, given: Mapping[str, str]) -> None:
        if given.get("width") in {"0", "1"} and given.get("height") in {"0", "1"}:
            return  # counts readers and shows nothing
        source = given.get("src") or given.get("data-src") or ""
        alt = given.get("alt", "")
        if source in self._images:
            self.built.attachment(alt or self._images[source], self._images[source])
            return
        if not alt and source.startswith("cid:"):
            alt = "image"
        self.built.image(alt, source)


def language(given: Mapping[str, str]) -> str:
    """Return the language that the class of a code block names."""
    found = _LANGUAGE.search(given.get("class", ""))
    return found[1] if found else ""


def number(value: str | None) -> int:
    """Read a small number; 1 where it is none."""
    text = (value or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1


def _is_too_deep(text: str) -> bool:
    """Say whether elements lie too deep in each other: repairing those takes time by the square."""
    held: Counter[str] = Counter()
    deep = 0
    for found in _TAG.finditer(text):
        name = found[2].lower()
        if name in _FLAT:
            continue
        if not found[1]:
            held[name] += 1
            deep += 1
        elif held[name]:
            held[name] -= 1
            deep -= 1
        if deep > _DEEPEST:
            return True
    return False


def read(text: str, *, images: Mapping[str, str]) -> Builder:
    """Return what was built from an HTML text; `images` name the attachments behind addresses."""
    text = clean(text)
    reader = _Reader(images)
    if _is_too_deep(text):
        reader.built.say(TOO_DEEP)
        for part in re.split(r"(?i)<(?:br|p|div|li|tr)\b[^>]*>", text):
            reader.built.text(unescape(_TAG.sub("", part)), flow=True)
            reader.built.boundary()
        return reader.built
    reader.feed(_CLEANER.clean(text))
    reader.close()
    return reader.built
