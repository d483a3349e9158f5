"""Makes words of other people harmless for desks that act on them: nobody is called, nothing is linked or done.

GitHub, GitLab, Redmine and their kin call people at `@name` and whole teams at `@here`, link `#123` and `!12`, close
what a sentence says is fixed, and GitLab obeys lines that begin with `/`. A character without width between the sign
and the word reads the same and means nothing to them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

#: WORD JOINER: nothing to see, and no line may break at it
UNSEEN: Final = "\u2060"

_SIGN: Final = re.compile(
    r"(?<!\w)@(?=[\w\"])|(?<=\w)@(?=\w)"  # people and teams
    r"|(?<![\w&#])#{1,2}(?=[\w\"])|(?<=[\w/.-])[#!&%@](?=\d)"  # tickets, also of another project
    r"|(?<!\w)[!&%$](?=\d)|(?<!\w)%(?=[\w\"])|(?<![\w~])~(?=[\w\"])"  # merge requests, epics, milestones, labels
    r"|\b(?:commit|version|source|export|document|forum|message|project|news|user|wiki):(?=[\w\"])"  # Redmine's names
    r"|\br(?=\d+\b)|\[(?=\[)|\{(?=\{)"  # its revisions, pages and macros
)
#: what is called or linked by a word of its own, beginning with its sign
_ALIVE: Final = re.compile(r"[@#!&%~$]\w|\[\[\w|(?:GH|GL|JIRA)-\d|r\d|[a-z]+:[\w\"]|\w[\w/.-]*[#!]\d")
_WORD: Final = re.compile(rf"[^\s{UNSEEN}]*{UNSEEN}\S*")
#: also behind what cannot be seen, which is no space to us and may be one to others
_COMMAND: Final = re.compile(r"(?m)^((?:[^\S\n]|[>\u200b-\u200f\ufeff])*(?:[-+*][ \t]+|\d+[.)][ \t]+)?)/(?=[A-Za-z_])")
_SHORT: Final = re.compile(r"(?i)\b(GH|GL|JIRA)-(?=\d)")
#: a link's address (but not a mention of ours), a bare address
_ADDRESS: Final = re.compile(
    r"(\]\((?:[^()\s]|\([^()\s]*\))*\)|<?\bhttps?://[^\s<>)\]]+>?|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
)
#: what some reader may take for the beginning or the end of code
_FENCE: Final = re.compile(r"^(?:[ \t>]|[-+*][ \t]|\d{1,9}[.)][ \t])*(?:`{3,}|~{3,})")
#: what every reader takes for it: at the very beginning of a line
_PLAIN: Final = re.compile(r"(`{3,})([^`]*)|(~{3,})(.*)")
#: whatever may hold a fence as words: HTML, formulas, the head of a page
_DOUBTFUL: Final = re.compile(r"(?m)^[ \t>]*<[A-Za-z/!?]|\$\$|\A---|^ {0,3}\[\^")
#: on one line; what is in a tag or in a cell of a table is not what it seems
_CODE: Final = re.compile(r"(?<![\\`])(`+)(?!`)([^\n|<]+?)(?<!`)\1(?!`)")


def neutralise(markdown: str) -> str:
    """Return Markdown that reads the same and calls nobody; code is left as it is."""
    return outside_code(markdown, _outside)


def revived(written: str, there: str) -> str:
    """Return a neutralised text in which the calls and links that stand in `there` already are what they were.

    `there` is the desk's own text, as it has it. What is code in it calls nobody, and lines are never made orders.
    """
    if UNSEEN not in written:
        return written
    known: set[str] = set()

    def learn(text: str) -> str:
        known.update(_bare(word) for word in text.split() if UNSEEN not in word)
        return text

    outside_code(there, learn)

    def awake(found: re.Match[str]) -> str:
        word = found[0].replace(UNSEEN, "")
        return word if _ALIVE.match(bare := _bare(word)) and bare in known else found[0]

    return _WORD.sub(awake, written)


def _bare(word: str) -> str:
    return word.strip("()*_.,;:?'\"")


def outside_code(markdown: str, change: Callable[[str], str]) -> str:
    """Return Markdown with everything changed that some reader may not take for code."""
    lines = markdown.split("\n")
    fenced = _fenced(lines)
    found: list[str] = []
    held: list[str] = []
    for number, line in enumerate(lines):
        if number in fenced:
            found += [_words("\n".join(held), change)] if held else []
            held = []
            found.append(line)
        else:
            held.append(line)
    found += [_words("\n".join(held), change)] if held else []
    return "\n".join(found)


def _fenced(lines: list[str]) -> set[int]:
    """Return the lines that are code to everybody; none of them as soon as one is in doubt."""
    found: set[int] = set()
    fence = ""
    for number, line in enumerate(lines):
        begins = _PLAIN.fullmatch(line)
        if fence:
            found.add(number)
            if begins and line.rstrip() == fence:
                fence = ""
            elif _FENCE.match(line):
                return set()
        elif begins:
            fence = begins[1] or begins[3]
            found.add(number)
        elif _FENCE.match(line):
            return set()
    return set() if fence or _DOUBTFUL.search("\n".join(lines)) else found


def _words(text: str, change: Callable[[str], str]) -> str:
    found: list[str] = []
    at = 0
    for code in _CODE.finditer(text):
        line = text[text.rfind("\n", 0, code.start()) + 1 : code.start()]
        if "<" in line or "|" in line:
            continue
        found += [change(text[at : code.start()]), code[0]]
        at = code.end()
    found.append(change(text[at:]))
    return "".join(found)


def _outside(text: str) -> str:
    text = parted_commands(text)
    parts = _ADDRESS.split(text)
    made = [part if number % 2 else _signs(part) for number, part in enumerate(parts)]
    for number in range(0, len(made) - 1, 2):
        # to whom an address begins with a name: somebody may be called `https`
        if made[number].endswith("@") and made[number + 1][:1].isalnum():
            made[number] += UNSEEN
    return "".join(made)


def parted_commands(text: str) -> str:
    """Return a text in which no line begins with `/` and a word: to GitLab, and to robots, that is an order."""
    return _COMMAND.sub(rf"\1{UNSEEN}/", text)


def _signs(text: str) -> str:
    text = _SHORT.sub(rf"\1{UNSEEN}-", text)
    return _SIGN.sub(lambda found: found[0] + UNSEEN, text)
