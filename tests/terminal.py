"""A command at a terminal of its own: what it writes there, and what a person types when it asks."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from tests.warm import Forked

CTRL_C, CTRL_D = "\x03", "\x04"
#: an answer is typed after the question has been written, and the terminal is ready for it
_AFTER = 0.3


class Session(msgspec.Struct, frozen=True):
    """How a command ended, and all that stood on its terminal."""

    code: int
    screen: str


def at_terminal(
    folder: Path,
    words: Sequence[str],
    *,
    typed: Sequence[tuple[str, str]] = (),
    columns: int = 80,
    env: Mapping[str, str] | None = None,
    seconds: float = 60,
) -> Session:
    """Run `gateway` on a site; `typed` says after which words on the screen which keys are hit, in order."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    # a size in the environment would win over that of the terminal
    environ = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
    process = Forked(
        ("-m", "gateway.cli", "--site", str(folder), *words),
        (theirs, theirs, theirs),
        {**environ, "TERM": "xterm", **(env or {})},
    )
    os.close(theirs)
    try:
        screen = _talk(ours, list(typed), time.monotonic() + seconds)
        return Session(process.wait(max(1.0, seconds / 4)), screen)
    finally:
        process.close()
        os.close(ours)


def _talk(terminal: int, typed: list[tuple[str, str]], until: float) -> str:
    screen, seen = "", 0
    while time.monotonic() < until:
        ready, _, _ = select.select([terminal], [], [], 0.1)
        if ready:
            try:
                data = os.read(terminal, 65536)
            except OSError:
                break
            if not data:
                break
            screen += data.decode("utf-8", "replace")
        if typed and (place := screen.find(typed[0][0], seen)) >= 0:
            seen = place + len(typed[0][0])
            time.sleep(_AFTER)
            os.write(terminal, typed.pop(0)[1].encode())
    assert not typed, f"it never wrote {typed[0][0]!r}: {screen[-2000:]}"
    return screen
