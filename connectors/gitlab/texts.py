"""Markdown of GitLab and ours: the same language, with three things that must not happen by somebody else's words.

A line that begins with `/close` is a command (a quick action), in a note as in a new description; `@name` calls people;
and our own mark, a comment of HTML that nobody sees, must be nobody else's. Each is kept apart by a sign without width,
which is taken out again when the text is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from connectors.content import neutralise, restored, revived, sized_markdown
from connectors.content.addresses import unpacked
from connectors.content.build import clean
from connectors.content.neutral import parted_commands
from connectors.content.tags import lost_in, without_tags

NO_TEXT = "(no text)"
#: WORD JOINER, as `neutralise` puts it
APART = "\u2060"
#: what GitLab takes for code while it looks for commands (Gitlab::QuickActions::Extractor), whatever Markdown says
_CODE = re.compile(r"(?ms)(^```.+?\n```$)")
_MENTION = re.compile(r"\[@?([^\]\n]{1,200})\]\(mention:[^)\s]{0,200}\)")
_MARK = re.compile(r"<!-- gateway:([0-9a-f]{8,64}) -->")
_MARK_LIKE = re.compile(r"<!--(?=\s{0,100}gateway:)")
_FILE = re.compile(
    r"(!?)\[((?:\\.|[^\]\\\n]){0,300})\]"
    r"\((?:[^()\s]{0,300})?/uploads/([0-9a-f]{32})/([^()\s\"']{1,300})(?:\s+\"[^\"\n]*\")?\)"
    # the size of a picture
    r"(?:\{[^{}\n]{0,200}\})?"
)
_ESCAPED = re.compile(r"\\([\[\]\\])")
_SHOWN = re.compile(rf"!{APART}?\[([^\]\n]{{0,300}})\]\(attachment:([^)\s]{{1,200}})\)")


def _remote(found: re.Match[str], project: str) -> str:
    return f"{project}/{found[3]}/{found[4]}"


def marked(text: str, key: str) -> str:
    """Return a text with our mark behind it."""
    return f"{text}\n\n<!-- gateway:{key} -->"


def mark(text: str) -> str:
    """Return the effect key that a text bears; empty: none."""
    found = _MARK.findall(text)
    return str(found[-1]) if found else ""


def written(markdown: str, files: Mapping[str, str]) -> str:
    """Return a text as it is sent. `files` are uploads by hash; those that the text does not show come behind it."""
    left = dict(files)
    safe = _safe(markdown, left)
    return "\n\n".join(part for part in (safe or ("" if left else NO_TEXT), *left.values()) if part)


def _safe(markdown: str, left: dict[str, str]) -> str:
    """Return a text that calls nobody and is no command; the files that it shows are taken out of `left`."""

    def show(found: re.Match[str]) -> str:
        named = found.group(2)
        return left.pop(named, "") or left.pop(unpacked(named), "") or f"[{found.group(1)}]"

    safe = _MENTION.sub(r"@\1", clean(markdown).strip())
    safe = _MARK_LIKE.sub(f"<!--{APART}", neutralise(safe))
    safe = "".join(part if place % 2 else parted_commands(part) for place, part in enumerate(_CODE.split(safe)))
    return _SHOWN.sub(show, safe)


def link(name: str, url: str, *, picture: bool) -> str:
    """Return the Markdown that shows an upload under its own name: GitLab keeps letters and digits of it only."""
    words = re.sub(r"([\[\]\\])", r"\\\1", " ".join(name.split()))
    return f"{'!' * picture}[{neutralise(words)}]({url})"


def read(text: str, project: str) -> tuple[str, tuple[tuple[str, str, bool], ...]]:
    """Return what a text says, and the files that it names: remote id, name, whether it is shown in the text."""
    files: dict[str, tuple[str, str, bool]] = {}

    def name(found: re.Match[str]) -> str:
        picture, words, _, file = found.groups()
        shown = _ESCAPED.sub(r"\1", words)
        remote = _remote(found, project)
        # what stands there is its name where it ends like one: GitLab itself leaves the ending of a picture out
        whole = shown.rpartition(".")[2].lower() == file.rpartition(".")[2].lower() and "." in shown
        called = shown if whole else unquote(file)
        files.setdefault(remote, (remote, called, bool(picture)))
        return f"![{words or file}](attachment:{remote})" if picture else (shown or file)

    bare = without_tags(_MARK.sub("", text.replace("\r\n", "\n")).replace(APART, ""))
    return _FILE.sub(name, bare).strip(), tuple(files.values())


def rewritten(there: str, markdown: str, project: str) -> str:
    """Return a description that says what ours says now, with the files and calls of the old one where it names them.

    One with HTML is kept, and so is one of which a file would be gone: ours stands below it then.
    """
    key = mark(there)
    bare = _MARK.sub("", there.replace("\r\n", "\n"))
    files = {found[0]: _remote(found, project) for found in _FILE.finditer(bare)}
    said = restored(markdown, read(there, project)[0])
    shown = {remote: snippet for snippet, remote in files.items() if snippet.startswith("!")}
    words = sized_markdown(revived(_safe(said, shown), bare), bare) or NO_TEXT
    for found in _FILE.finditer(bare):
        words = words if found[0] in words else _linking(words, found)
    if lost_in(there) or any(snippet not in words for snippet in files):
        ours = written(markdown, {})
        return there if ours in there else f"{there.rstrip()}\n\n---\n\n{ours}"
    return marked(words, key) if key else words


def _linking(words: str, file: re.Match[str]) -> str:
    """Return a text that links a file again where it has only its name, once and as a word by itself."""
    name = _ESCAPED.sub(r"\1", file[2])
    found = list(re.finditer(rf"(?<![\w\[/.-]){re.escape(name)}(?![\w\]/-])", words)) if name else []
    if file[1] or len(found) != 1:
        return words
    return f"{words[: found[0].start()]}{file[0]}{words[found[0].end() :]}"


def alike(one: str, other: str) -> bool:
    """Compare two texts by their words."""
    return one.split() == other.split()
