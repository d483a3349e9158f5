"""Makes words of other people harmless for desks that act on them: nobody is called, nothing is linked or done.

GitHub, GitLab, Redmine and their kin call people at `@name` and whole teams at `@here`, link `#123` and `!12`, close
what a sentence says is fixed, and GitLab obeys lines that begin with `/`. A character without width between the sign
and the word reads the same and means nothing to them.
"""

from __future__ import annotations

import re
from typing import Final

#: WORD JOINER: nothing to see, and no line may break at it
UNSEEN: Final = "\u2060"

_SIGN: Final = re.compile(
    r"(?<![\w`])@(?=[\w\"])|(?<=\w)@(?=\w)"  # people and teams
    r"|(?<![\w`&#])#{1,2}(?=[\w\"])|(?<=[\w/.-])[#!&%@](?=\d)"  # tickets, also of another project
    r"|(?<![\w`])[!&%$](?=\d)|(?<![\w`])%(?=[\w\"])|(?<![\w`~])~(?=[\w\"])"  # merge requests, epics, milestones, labels
    r"|\b(?:commit|version|source|export|document|forum|message|project|news|user|wiki):(?=[\w\"])"  # Redmine's names
    r"|\br(?=\d+\b)|\[(?=\[)|\{(?=\{)"  # its revisions, pages and macros
)
_COMMAND: Final = re.compile(r"(?m)^([ \t>]*(?:[-+*][ \t]+|\d+[.)][ \t]+)?)/(?=[A-Za-z_])")
_SHORT: Final = re.compile(r"(?i)\b(GH|GL|JIRA)-(?=\d)")
#: a link's address (but not a mention of ours), a bare address
_ADDRESS: Final = re.compile(
    r"(\]\((?:[^()\s]|\([^()\s]*\))*\)|<?\bhttps?://[^\s<>)\]]+>?|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
)
_FENCE: Final = re.compile(r"^(?:[ \t>]|[-+*][ \t]|\d{1,9}[.)][ \t])*(`{3,}|~{3,})")
_CODE: Final = re.compile(r"(?<![\\`])(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)


def neutralise(markdown: str) -> str:
    """Return Markdown that reads the same and calls nobody; code is left as it is."""
    found: list[str] = []
    held: list[str] = []
    fence = ""
    for line in markdown.split("\n"):
        begins = _FENCE.match(line)
        if not fence and begins and "`" not in line[begins.end() :]:
            found += [_words("\n".join(held))] if held else []
            held = []
            fence = begins[1]
            found.append(line)
        elif fence:
            found.append(line)
            if begins and begins[1].startswith(fence) and not line[begins.end() :].strip():
                fence = ""
        else:
            held.append(line)
    found += [_words("\n".join(held))] if held else []
    return "\n".join(found)


def _words(text: str) -> str:
    found: list[str] = []
    at = 0
    for code in _CODE.finditer(text):
        found += [_outside(text[at : code.start()]), code[0]]
        at = code.end()
    found.append(_outside(text[at:]))
    return "".join(found)


def _outside(text: str) -> str:
    text = _COMMAND.sub(rf"\1{UNSEEN}/", text)
    parts = _ADDRESS.split(text)
    return "".join(part if number % 2 else _signs(part) for number, part in enumerate(parts))


def _signs(text: str) -> str:
    text = _SHORT.sub(rf"\1{UNSEEN}-", text)
    return _SIGN.sub(lambda found: found[0] + UNSEEN, text)
