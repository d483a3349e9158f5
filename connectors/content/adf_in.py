"""An Atlassian document as a tree.

The nodes and marks are those of the document's published schema (developer.atlassian.com, "Atlassian Document Format";
`@atlaskit/adf-schema`, json-schema/v1/full.json), those of the editor's newer releases included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from connectors.content.build import Builder, clean
from connectors.content.tree import Mark

Json = Mapping[str, Any]

_MARKS: Final = {"strong": Mark.STRONG, "em": Mark.EM, "strike": Mark.STRIKE}
_LOST_MARKS: Final = {
    "underline": "underlined words",
    "textColor": "coloured words",
    "backgroundColor": "coloured words",
    "subsup": "raised or lowered words",
    "annotation": "comments on single words",
    "alignment": "the alignment of paragraphs",
    "indentation": "the indentation of paragraphs",
    "border": "the border of an image",
}
_HOLDERS: Final = {
    "bulletList": "list",
    "listItem": "item",
    "taskList": "list",
    "decisionList": "list",
    "blockquote": "quote",
    "table": "table",
    "tableRow": "row",
}
_PARAGRAPHS: Final = frozenset({"doc", "paragraph", "mediaSingle", "mediaGroup", "caption", "layoutColumn"})
_LOST: Final = {
    "expand": "a part that can be folded",
    "nestedExpand": "a part that can be folded",
    "layoutSection": "columns side by side",
    "embedCard": "an embedded page",
    "syncBlock": "a part that is kept elsewhere",
    "bodiedSyncBlock": "a part that is kept elsewhere",
}
_EXTENSIONS: Final = frozenset({"extension", "inlineExtension", "bodiedExtension", "multiBodiedExtension"})
_TASKS: Final = frozenset({"taskItem", "blockTaskItem", "decisionItem"})


def read(document: Any, *, images: Mapping[str, str]) -> Builder:
    """Return what was built from a document; what is no document is read as the words it has."""
    built = Builder()
    # nodes to read and things to do after them, the next one last: a document may be deeper than Python's stack
    waiting: list[Any] = [document]
    reader = _Reader(built, images)
    while waiting:
        task = waiting.pop()
        if callable(task):
            task()
        elif isinstance(task, Mapping):
            waiting += reversed(reader.node(task))
        elif isinstance(task, str):
            built.text(clean(task))
        elif isinstance(task, list | tuple):
            waiting += reversed(task)
    return built


class _Reader:
    def __init__(self, built: Builder, images: Mapping[str, str]) -> None:
        self._built = built
        self._images = images

    def node(self, node: Json) -> list[Any]:
        """Begin a node; return what is inside of it and what is to be done after that."""
        kind = _text(node.get("type"))
        attrs = _map(node.get("attrs"))
        inside = node.get("content")
        content: list[Any] = list(inside) if isinstance(inside, list | tuple) else []
        for mark in _list(node.get("marks")):
            if _text(mark.get("type")) in _LOST_MARKS:
                self._built.say(_LOST_MARKS[_text(mark.get("type"))])
        if kind in _LOST:
            self._built.say(_LOST[kind])
        if self._inline(kind, node, attrs):
            return []
        return self._block(kind, attrs, content)

    def _inline(self, kind: str, node: Json, attrs: Json) -> bool:
        built = self._built
        match kind:
            case "text":
                self._words(_text(node.get("text")), _list(node.get("marks")))
            case "hardBreak":
                built.line_break()
            case "mention":
                built.mention(clean(_text(attrs.get("id"))), clean(_text(attrs.get("text"))))
            case "emoji":
                if not _text(attrs.get("text")):
                    built.say("a sign of the site's own")
                built.text(clean(_text(attrs.get("text")) or _text(attrs.get("shortName"))))
            case "date":
                built.say("the form of a date")
                built.text(_date(attrs.get("timestamp")))
            case "status":
                built.say("a coloured label")
                self._marked([Mark.STRONG], lambda: built.text(clean(_text(attrs.get("text")))))
            case "placeholder":
                built.text(clean(_text(attrs.get("text"))))
            case "inlineCard" | "blockCard" | "embedCard":
                self._card(attrs, inline=kind == "inlineCard")
            case "media" | "mediaInline":
                self._media(attrs, _list(node.get("marks")))
            case "rule":
                built.rule()
            case _:
                return False
        return True

    def _words(self, text: str, marks: list[Json]) -> None:
        built = self._built
        link = next((_text(_map(mark.get("attrs")).get("href")) for mark in marks if mark.get("type") == "link"), None)
        names = [_MARKS[kind] for mark in marks if (kind := _text(mark.get("type"))) in _MARKS]
        code = any(mark.get("type") == "code" for mark in marks)
        if link is not None:
            built.link(clean(link))
        self._marked(names, lambda: built.code(clean(text)) if code else built.text(clean(text)))
        if link is not None:
            built.end_link()

    def _marked(self, marks: list[Mark], say: Callable[[], None]) -> None:
        for mark in marks:
            self._built.mark(mark, on=True)
        say()
        for mark in marks:
            self._built.mark(mark, on=False)

    def _card(self, attrs: Json, *, inline: bool) -> None:
        built = self._built
        data = _map(attrs.get("data"))
        address = clean(_text(attrs.get("url")) or _text(data.get("url")))
        if not inline:
            built.boundary()
        if address:
            built.link(address)
            built.text(clean(_text(data.get("name"))) or address)
            built.end_link()
        elif _text(data.get("name")):
            built.text(clean(_text(data.get("name"))))
        else:
            built.say("a card without an address")
        if not inline:
            built.boundary()

    def _media(self, attrs: Json, marks: list[Json]) -> None:
        built = self._built
        address, number = clean(_text(attrs.get("url"))), clean(_text(attrs.get("id")))
        alt = clean(_text(attrs.get("alt")) or _text(attrs.get("__fileName")))
        link = next((_text(_map(mark.get("attrs")).get("href")) for mark in marks if mark.get("type") == "link"), "")
        if link:
            built.link(clean(link))
        if number.strip():
            reference = self._images.get(number, number)
            built.attachment(alt or reference, reference)
        elif address:
            built.image(alt, address)
        else:
            built.say("a file that is not named")
        if link:
            built.end_link()

    def _block(self, kind: str, attrs: Json, content: list[Any]) -> list[Any]:  # noqa: PLR0911 - one case a node
        built = self._built
        match kind:
            case "heading":
                built.heading(_number(attrs.get("level")))
                return [*content, built.boundary]
            case "codeBlock":
                built.code_block(clean(plain_text(content)), _text(attrs.get("language")))
                return []
            case "orderedList":
                order = attrs.get("order")
                built.push("list", ordered=True, start=_number(order) if order is not None else 1)
                return [*content, lambda: built.pop("list")]
            case "tableCell" | "tableHeader":
                built.push("cell", columns=_number(attrs.get("colspan")), rows=_number(attrs.get("rowspan")))
                return [*content, lambda: built.pop("cell")]
            case "panel":
                built.say("the frame of a panel")
                built.push("quote")
                return [*content, lambda: built.pop("quote")]
            case "expand" | "nestedExpand":
                return [built.boundary, *self._title(attrs), *content, built.boundary]
            case _ if kind in _TASKS:
                built.push("item")
                return [self._task_sign(kind, attrs), *content, lambda: built.pop("item")]
            case _ if kind in _HOLDERS:
                holder = _HOLDERS[kind]
                built.push(holder)
                return [*content, lambda: built.pop(holder)]
            case _ if kind in _EXTENSIONS:
                return self._extension(kind, attrs, content)
        if kind in _PARAGRAPHS or kind in _LOST:
            return [built.boundary, *content, built.boundary]
        if kind and kind != "extensionFrame":
            built.say(f"a part of a kind that is not known ({clean(kind)[:40]})")
        return [built.boundary, *content, built.boundary]

    def _title(self, attrs: Json) -> list[Any]:
        title = clean(_text(attrs.get("title")))
        built = self._built
        return [lambda: self._marked([Mark.STRONG], lambda: built.text(title)), built.boundary] if title else []

    def _task_sign(self, kind: str, attrs: Json) -> str:
        if kind == "decisionItem":
            self._built.say("the sign of a decision")
            return ""
        return "[x] " if attrs.get("state") == "DONE" else "[ ] "

    def _extension(self, kind: str, attrs: Json, content: list[Any]) -> list[Any]:
        built = self._built
        built.say(f"an extension ({clean(_text(attrs.get('extensionKey')))[:60] or 'unnamed'})")
        said = clean(_text(attrs.get("text")))
        if kind == "inlineExtension":
            return [said]
        return [built.boundary, said, built.boundary, *content, built.boundary]


def plain_text(content: list[Any]) -> str:
    """Return the words of nodes, without their form."""
    said: list[str] = []
    waiting: list[Any] = list(reversed(content))
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            said.append("\n" if node.get("type") == "hardBreak" else _text(node.get("text")))
            inside = node.get("content")
            waiting += reversed(inside) if isinstance(inside, list) else []
    return "".join(said)


def _date(value: Any) -> str:
    """Read a day, which is a text of milliseconds since 1970 in UTC."""
    try:
        return datetime.fromtimestamp(int(_text(value) or value) / 1000, UTC).date().isoformat()
    except (ValueError, TypeError, OverflowError, OSError):
        return clean(_text(value))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _map(value: Any) -> Json:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Json]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list | tuple) else []


def _number(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and 0 <= value < 10**9 else 1
