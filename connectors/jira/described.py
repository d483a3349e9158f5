"""A new description over the one that stands there, of which nothing may be gone that Jira alone can show."""

from __future__ import annotations

import re
from typing import Any

from connectors.content import destroyed, restored, to_adf, to_wiki, wiki_sizes
from connectors.content.wiki_out import escaped
from connectors.jira import mapping, rendering
from connectors.jira.mapping import Json, obj, objects, text
from connectors.jira.options import Options

#: somebody who is called in wiki markup: `[~bob]`, `[~accountid:5b1]`, `[words|~bob]`
_CALLED = re.compile(r"\[(?:[^\[\]|\n]*\|)?~(?:accountid:)?([^\[\]|\n]+)\]")


def description(options: Options, data: Json, markdown: str) -> Any:
    """Return the description to write: pictures that stand in the old one, and those it calls, as they were there.

    Where anything would be gone all the same, the old one stays and ours stands below it.
    """
    given = obj(data.get("fields"))
    there, files = given.get("description"), mapping.files_of(given)
    stands = mapping.content(there, files)
    said = restored(markdown, stands.markdown)
    written = _document(said, there, files) if options.cloud else _wiki(said, text(there), files)
    if destroyed(stands, mapping.content(written, files)):
        return added(there, rendering.body_of(options, markdown))
    return written


def _document(markdown: str, there: Any, files: dict[str, str]) -> Json:
    """Return a document with the nodes of the one that stands there where it shows or calls the same."""
    people: dict[str, Json] = {}
    images: dict[str, Json] = {}
    names = mapping.media(there, files)
    for node in mapping.nodes(there):
        inside = objects(node.get("content"))
        if node.get("type") == "mention":
            people.setdefault(text(obj(node.get("attrs")).get("id")).strip(), node)
        elif node.get("type") == "mediaSingle" and [each.get("type") for each in inside] == ["media"]:
            number = text(obj(inside[0].get("attrs")).get("id"))
            images.setdefault(names.get(number, number), node)

    def mention(account: str, name: str) -> Json:
        return people.get(account) or {"type": "text", "text": f"@{name}"}

    return to_adf(markdown, images=images, mention=mention)


def _wiki(markdown: str, there: str, files: dict[str, str]) -> str:
    people = {found[1].strip(): found[0] for found in _CALLED.finditer(there)}
    sizes = wiki_sizes(there)
    names = rendering.pictures(markdown) | {number: name for name, number in files.items()}
    sized = {number: name + sizes.get(name, "") for number, name in names.items()}
    images = {name: name + size for name, size in sizes.items()} | sized

    def mention(account: str, name: str) -> str:
        return people.get(account) or escaped(f"@{name}")

    return to_wiki(markdown, images=images, mention=mention)


def added(there: Any, written: Any) -> Any:
    """Return a text with ours after it, a line between; unchanged where ours stands there already."""
    if isinstance(there, dict) and isinstance(written, dict):
        blocks, ours = list(there.get("content") or ()), list(written.get("content") or ())
        if ours and blocks[-len(ours) :] == ours:
            return there
        return {**there, "content": [*blocks, {"type": "rule"}, *ours]}
    old, new = text(there), text(written)
    return old if old.rstrip().endswith(new.strip()) else f"{old.rstrip()}\n\n----\n\n{new}"
