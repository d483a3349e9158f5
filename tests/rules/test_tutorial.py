"""The tutorial is what it says: its files are written, its commands are run, and they answer what stands there."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gateway.cli.plan import answers, free_port
from tests import warm
from tests.processes import wait_until

PAGE = (Path(__file__).parents[2] / "docs" / "rules" / "tutorial.md").read_text("utf-8")
BLOCK = re.compile(r"^```(yaml|console) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECRETS = "ZENDESK_API_TOKEN=a ZENDESK_WEBHOOK_SECRET=b RT_TOKEN=c RT_WEBHOOK_SECRET=d"


def steps() -> Iterator[tuple[str, str, str]]:
    """Go through the page: ("file", name, text) or ("command", what is typed, what is answered)."""
    for language, name, text in BLOCK.findall(PAGE):
        if language == "yaml":
            yield "file", name, text
            continue
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, answer = part.partition("\n")
            yield "command", command, answer.strip("\n")


def fits(wanted: str, got: str) -> bool:
    """Compare line by line; `…` stands for anything, alone in a line for any lines."""
    return _fit(
        [line.rstrip() for line in wanted.splitlines()], [line.rstrip() for line in got.strip("\n").splitlines()]
    )


def _fit(wanted: list[str], got: list[str]) -> bool:
    if not wanted:
        return not got
    if wanted[0] == "…":
        return any(_fit(wanted[1:], got[start:]) for start in range(len(got) + 1))
    pattern = re.escape(wanted[0]).replace("…", ".*")
    return bool(got) and re.fullmatch(pattern, got[0]) is not None and _fit(wanted[1:], got[1:])


class Terminal:
    """A person at a shell, whose desks do not answer."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "REDIS_"))}
        self.environ = {**keep, "PATH": path, "GATEWAY_PORT": str(free_port())}

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        (self.folder / name).write_text(text, encoding="utf-8")

    def type(self, command: str) -> str:
        """Run a command and return what it answers."""
        if command.startswith("cd "):
            self.folder = self.folder / command.removeprefix("cd ")
            self.unreachable()
            return ""
        if command.startswith("export "):
            names = [pair.partition("=")[0] for pair in command.split()[1:]]
            known = dict(pair.split("=") for pair in SECRETS.split())
            self.environ |= {name: known[name] for name in names}
            return ""
        if command == "gateway up":
            return self.up()
        name, *words = shlex.split(command)
        if name == "gateway" and not set(command) & set("|&;<>$*?`\\"):
            done = warm.run(("-m", "gateway.cli", *words), self.environ, self.folder)
            return done.stdout + done.stderr
        words = ["bash", "-c", command]
        run = subprocess.run(words, cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False)
        return run.stdout + run.stderr

    def unreachable(self) -> None:
        """Put addresses into gateway.yaml, as the reader is asked to: here nobody listens."""
        path = self.folder / "gateway.yaml"
        path.write_text(re.sub(r"https://\S+\.(com|example)\b", "https://127.0.0.1:9", path.read_text("utf-8")))

    def up(self) -> str:
        """Start the gateway and wait until its first release is there."""
        child = subprocess.Popen(
            ["gateway", "up"],
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.stack.callback(child.wait, 30)
        self.stack.callback(child.send_signal, signal.SIGINT)
        assert wait_until(answers("127.0.0.1", int(self.environ["GATEWAY_PORT"])), 60, every=0.2)
        until = time.monotonic() + 30
        while time.monotonic() < until and "the first start" not in self.type("gateway rules list"):
            assert child.poll() is None
            time.sleep(0.3)
        return "started"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_command_answers_what_the_tutorial_says(tmp_path: Path) -> None:
    """From top to bottom, as a reader would."""
    seen = 0
    with ExitStack() as stack:
        terminal = Terminal(tmp_path, stack)
        for kind, name, text in steps():
            if kind == "file":
                terminal.write(name, text)
                continue
            got = terminal.type(name)
            assert fits(text, got), f"$ {name}\n{got}"
            seen += 1
    assert seen >= 15


def test_the_comparison_finds_a_difference() -> None:
    """`…` stands for something, and nothing else does."""
    assert fits("a\n…\nb", "a\nx\ny\nb")
    assert fits("* 2 … why", "* 2  now  why")
    assert fits("…", "")
    assert not fits("a\nb", "a\nc")
    assert not fits("a", "a\nb")
