"""What no schema says of files: settings by which one would be lost, garbled, or read from nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.generic.options import COMMENTS, Shape, body_of, brings
from connectors.generic.template import PLACEHOLDER, members, placeholders

Trouble = tuple[tuple[str | int, ...], str, str]

#: what stands for bytes, and not for words
BYTES = frozenset({"file", "files"})
WRITERS = ("create", *COMMENTS.values(), "upload", "attach")


def problems(given: Shape) -> Iterator[Trouble]:
    """Go through what cannot work with files: where it stands, what is wrong, what to do."""
    calls = given.get("calls") or {}
    with_words = [name for name in ("create", *COMMENTS.values()) if brings(calls, name)]
    yield from _ways(calls, with_words)
    for name in WRITERS:
        if name in calls:
            yield from _bytes(name, calls[name])
    for name in ("upload", "attach"):
        if name in calls and "file" not in set(placeholders(body_of(calls[name]))):
            yield ("calls", name), "it sends no file", "put {file} where the file goes: in text, json or parts"
    sends = [*with_words, *(name for name in ("upload", "attach") if name in calls)]
    if sends and "outgoing" in given:
        hint = "leave out `outgoing:`, or the files"
        yield ("calls", sends[0]), "what holds a file cannot be signed: its bytes are read as they leave", hint
    yield from _reading(given, calls)


def _ways(calls: Shape, with_words: list[str]) -> Iterator[Trouble]:
    """Refuse settings by which the files of something that is said would stay behind."""
    if "attach" in calls and with_words:
        hint = "leave one of them: `attach:` for a request a file, {files} for those of what is said"
        yield ("calls", with_words[0]), "files go by `attach` and with what is said", hint
    elif with_words:
        for name in ("create", "reply"):
            if name in calls and name not in with_words:
                yield ("calls", name), "its files would be lost: others carry theirs", "put {files} into it as well"
        for name in with_words:
            lists = "files" in set(placeholders(calls[name].get("json")))
            if lists and "upload" not in calls and "each_file" not in calls[name]:
                hint = 'give `each_file:`, such as {name: "{file_name}", data: "{file}"}, or `upload:`'
                yield ("calls", name), "what stands for a file in the list?", hint
    if "upload" in calls and not with_words:
        yield ("calls", "upload"), "nothing names what was uploaded", "put {files} into `create`, `reply` and `note`"


def _bytes(name: str, request: Shape) -> Iterator[Trouble]:
    """Refuse a file amid words, and where only words can stand."""
    for part in ("path", "query", "headers", "form", "text", "json", "parts", "each_file"):
        for inner, text in members(request.get(part)):
            named = set(placeholders(text)) & BYTES
            if named and (part in {"path", "query", "headers", "form"} or not PLACEHOLDER.fullmatch(text)):
                hint = "let it stand alone: in `json` it is base64, in `text` the bytes, in `parts` a file of the form"
                yield ("calls", name, part, *inner), f"{{{min(named)}}} is bytes, and no word", hint
            if "files" in named and part in {"text", "each_file"}:
                yield ("calls", name, part, *inner), "{files} is a list", "put it into `json` or `parts`"


def _reading(given: Shape, calls: Shape) -> Iterator[Trouble]:
    places, file = [(given.get(each) or {}).get("files") for each in ("ticket", "comment")], given.get("file") or {}
    if not any(places) and "files" not in calls:
        return
    if not ({"name", "url"} & set(file)):
        yield ("file",), "a file without a name", "say where it lies: file: {name: …}"
    if "fetch" not in calls and "url" not in file:
        yield ("file",), "the bytes of a file could be read from nowhere", "give file: {url: …}, or calls: {fetch: …}"
    asked = set(placeholders(list(body_of(calls.get("fetch") or {}))))
    if "file_id" in asked and "id" not in file:
        yield ("calls", "fetch"), "{file_id} would be empty", "say where it lies: file: {id: …}"
    if "url" in asked and (calls["fetch"]["path"] != "{url}" or "url" not in file):
        hint = 'say path: "{url}" and file: {url: …}; or leave `fetch:` out, for that is what is done without it'
        yield ("calls", "fetch", "path"), "an address of a file is asked for as it is", hint
