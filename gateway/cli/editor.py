"""A person's editor, whatever it is: opened on a file, and whatever becomes of it told apart in one line."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from gateway.errors import GatewayError

#: what is tried where neither VISUAL nor EDITOR says
_USUAL = ("sensible-editor", "nano", "vim", "vi")
_TO_STDERR = 2
#: so that a quick editor's saving shows where a disk counts whole seconds
_BACK = 2_000_000_000


class EditorError(GatewayError):
    """The editor did not do its work; the text says why."""


def edit_file(path: Path, environ: Mapping[str, str]) -> bool:
    """Open an editor on a file; return whether it was saved.

    Raises EditorError where there is no editor or it fails, and click.Abort where a person ends it by Ctrl-C.
    """
    command = _command(environ)
    before = path.stat()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns - _BACK))
    begun = _mark(path)
    # what it writes beside the file must not stand in the answer that a program reads
    out = None if sys.stdout.isatty() else _TO_STDERR
    with _left_to_it():
        try:
            ended = subprocess.run([*command, os.fspath(path)], stdout=out, check=False).returncode
        except OSError as error:
            raise EditorError(f"the editor {command[0]} cannot be started: {error.strerror or error}") from None
    if ended in {-signal.SIGINT, 128 + signal.SIGINT}:
        raise click.Abort
    if ended < 0:
        raise EditorError(f"the editor {command[0]} was ended by signal {-ended}")
    if ended:
        raise EditorError(f"the editor {command[0]} ended with {ended}")
    return _mark(path) not in {None, begun}


def _command(environ: Mapping[str, str]) -> list[str]:
    for name in ("VISUAL", "EDITOR"):
        try:
            words = shlex.split(environ.get(name, ""))
        except ValueError as error:
            raise EditorError(f"{name} cannot be read: {error}") from None
        if words:
            return words
    found = next((each for each in _USUAL if shutil.which(each)), None)
    if found is None or not sys.stdin.isatty():
        lacking = "is no editor" if found is None else "is no terminal for an editor"
        raise EditorError(f"there {lacking}: set EDITOR, or give the text with --file")
    return [found]


def _mark(path: Path) -> tuple[int, int, int] | None:
    """Return by what one tells that a file was saved; None where it is gone."""
    try:
        now = path.stat()
    except OSError:
        return None
    return now.st_ino, now.st_mtime_ns, now.st_size


@contextmanager
def _left_to_it() -> Iterator[None]:
    """Leave Ctrl-C to the editor, which may mean something else by it; it hears the same keys."""
    before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
