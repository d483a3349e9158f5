"""What the documents tell a person to type is what the gateway command understands."""

import re
import shlex
from itertools import takewhile
from pathlib import Path

import click
import pytest

from gateway.cli import main
from tests.house.test_docs import DOCUMENTS, tokens
from tests.house.tree import files, relative

#: also read by people: the files that `gateway init` writes
EXAMPLES = list(files(".md", under="rules/examples"))
#: what stands between two commands of one line
_BETWEEN = re.compile(r"&&|\|\||[;|]|\s>\s.*|\s#\s.*")
_COMMAND = re.compile(r"(?:\S*/)?gateway(?:\s|$)(.*)")


def commands(path: Path) -> list[str]:
    """Return what follows the word `gateway` wherever a document shows a command: in code, at the beginning of it."""
    found = []
    for token in tokens(path):
        shown = [child.content for child in token.children or [] if child.type == "code_inline"]
        if token.type == "fence":
            shown += token.content.splitlines()
        for line in shown:
            parts = [part.strip().removeprefix("ExecStart=") for part in _BETWEEN.split(line)]
            found += [match[1] for part in parts if (match := _COMMAND.fullmatch(part))]
    return found


def trouble(words: list[str]) -> str:
    """Walk from group to command by its words; return what the gateway command would not understand."""
    command: click.Command = main
    context = click.Context(main, info_name="gateway")
    takes = 0
    while words:
        word = words.pop(0)
        if word.startswith("-"):
            option, _, given = word.partition("=")
            known = [one for one in command.params if isinstance(one, click.Option) and option in one.opts]
            if option != "--help" and not known:
                return f"{command.name} has no option {option}"
            if known and not known[0].is_flag and not given and words:
                words.pop(0)
        elif isinstance(command, click.Group):
            if word.isupper():
                return ""  # `gateway COMMAND --help`: any of them
            # `dead-letters list|show` names several
            below = {name: command.get_command(context, name) for name in word.split("|")}
            if unknown := [name for name, found in below.items() if found is None]:
                return f"{command.name} has no command {unknown[0]!r}"
            command = next(found for found in below.values() if found is not None)
        elif takes := takes + 1:
            places = [one for one in command.params if isinstance(one, click.Argument)]
            if not any(one.nargs == -1 for one in places) and takes > len(places):
                return f"{command.name} takes no argument {word!r}"
    return ""


@pytest.mark.parametrize("document", [*DOCUMENTS, *EXAMPLES], ids=relative)
def test_every_command_that_is_shown_exists(document: Path) -> None:
    """A command that a document shows, with its options and the number of its arguments, is one."""
    wrong = {}
    for shown in commands(document):
        words = list(takewhile(lambda word: word not in {"…", "..."}, shlex.split(shown)))
        if why := trouble(words):
            wrong[f"gateway {shown}"] = why
    assert wrong == {}


def test_the_documents_show_commands() -> None:
    """The test above has looked at something, and finds what is wrong."""
    shown = {command.split()[0] for path in DOCUMENTS for command in commands(path) if command}
    assert {"init", "check", "up", "status", "connections", "dead-letters", "tickets", "process"} <= shown
    assert trouble(["frobnicate"])
    assert trouble(["up", "--frobnicate"])
    assert trouble(["status", "word"])
