"""Commands in processes of their own that need not import everything first: one process has, and forks for each.

To start Python and to import a command with what it needs takes most of a second of processor, and hundreds of tests
want such a process for what it is: a terminal of its own, a signal, a death. What a start brings about is seen where
tests start commands from a shell.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import termios
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: what commands at a record import sooner or later
_WANTED = (
    "connectors.registry",
    "connectors.request_tracker",
    "connectors.zendesk",
    "dead_letters",
    "gateway.bootstrap",
    "gateway.config",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite",
)


class Forked:
    """A process that has begun as if by `python WORDS`; it leads a session, and a terminal as its stdin is its own."""

    def __init__(
        self, words: Sequence[str], streams: tuple[int, int, int], env: Mapping[str, str], folder: Path | None = None
    ) -> None:
        asked = json.dumps({"words": list(words), "env": dict(env), "folder": str(folder or Path.cwd())}).encode()
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(_server())
        socket.send_fds(self._line, [f"{len(asked):8d}".encode()], streams)
        self._line.sendall(asked)
        self._told = self._line.makefile("r", encoding="ascii")
        self.pid = int(self._told.readline())
        self.code: int | None = None

    def wait(self, seconds: float = 60) -> int:
        """Return its exit code, or minus the signal that ended it; raises TimeoutError when it goes on."""
        if self.code is None:
            if not select.select([self._line], [], [], seconds)[0]:
                msg = f"process {self.pid} goes on after {seconds:g} s"
                raise TimeoutError(msg)
            self.code = int(self._told.readline())
        return self.code

    def send_signal(self, number: int) -> None:
        """Signal it, if it has not ended."""
        if self.code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def close(self) -> None:
        """End it if it has not ended."""
        self.send_signal(signal.SIGKILL)
        self.wait()
        self._told.close()
        self._line.close()


def run(words: Sequence[str], env: Mapping[str, str], folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `python WORDS` in a folder to its end, without input; return how it ended and what it wrote."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, Path(os.devnull).open("rb") as nothing:
        forked = Forked(words, (nothing.fileno(), out.fileno(), err.fileno()), env, folder)
        try:
            code = forked.wait()
        finally:
            forked.close()
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess(list(words), code, *texts)


@functools.cache
def _server() -> str:
    """Start the process that forks, once for this one; return its address. It ends with us, whatever ends us."""
    folder = tempfile.mkdtemp(prefix="warm")
    address = str(Path(folder) / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(16)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm", str(listener.fileno())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, start_new_session=True,
            pass_fds=[listener.fileno()],
        )  # fmt: skip

    def end() -> None:
        process.communicate(timeout=20)
        Path(address).unlink()
        Path(folder).rmdir()

    atexit.register(end)
    assert process.stdout is not None
    assert process.stdout.readline(), "what forks for tests did not start"
    return address


def _serve(listener: socket.socket) -> list[str]:
    """Fork for whoever asks; return in each fork what it is to run."""
    # nobody waits for the keepers
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if listener not in ready:
            sys.exit(0)
        line, _ = listener.accept()
        if os.fork():
            line.close()
            continue
        listener.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        begun = _begin(line)
        if begun is not None:
            return begun
        os._exit(0)


def _begin(line: socket.socket) -> list[str] | None:
    """Fork what was asked for, and keep it: tell its number and its end. None: this is the keeper, at the end."""
    head, streams, _, _ = socket.recv_fds(line, 8, 3)
    with line.makefile("rb") as file:
        asked = json.loads(file.read(int(head)))
    child = os.fork()
    if child:
        for each in streams:
            os.close(each)
        line.sendall(f"{child}\n".encode())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with contextlib.suppress(OSError):
            line.sendall(f"{code}\n".encode())
        return None
    line.close()
    os.setsid()
    for number, each in enumerate(streams):
        os.dup2(each, number)
        os.close(each)
    if os.isatty(0):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["folder"])
    words: list[str] = asked["words"]
    return words


def _become(words: list[str]) -> None:
    """Do what `python WORDS` does, `-m module …` or `-c code …`."""
    kind, what, *rest = words
    if kind == "-m":
        sys.argv = [what, *rest]
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.argv = ["-c", *rest]
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})


def _main() -> None:
    listener = socket.socket(fileno=int(sys.argv[1]))
    from gateway.cli import COMMANDS  # noqa: PLC0415 - for the process that forks only

    for name in (*_WANTED, *(place.partition(":")[0] for place, _ in COMMANDS.values())):
        import_module(name)
    # what is here stays: no fork looks through it, and none copies it
    gc.freeze()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    _become(_serve(listener))


if __name__ == "__main__":
    _main()
