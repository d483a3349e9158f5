"""Whether a connector's code reaches outside: as it is written, under whatever name, and as it works.

A connector asks for what it wants and is given the time: I/O, clocks and chance are the gateway's. What is written is
found in the syntax tree, aliases resolved; what is hidden from that (`getattr`, a library that opens a file) is seen
while the connector works under `guarded`.
"""

from __future__ import annotations

import ast
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

#: modules by which code reaches outside the process; a connector asks for what it wants, and does not take it
REACHING = frozenset({
    "aiohttp", "asyncio", "concurrent", "connectors.testing", "ctypes", "fileinput", "flask", "ftplib", "glob",
    "http.client", "http.server", "httpx", "imaplib", "importlib", "mmap", "multiprocessing", "os", "pathlib", "poplib",
    "random", "redis", "requests", "rq", "runpy", "secrets", "select", "shutil", "signal", "smtplib", "socket",
    "socketserver", "sqlalchemy", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "urllib.request", "urllib3",
})  # fmt: skip
#: what of the gateway a connector may use: words and shapes; the rest talks, stores or reads the clock
OURS = ("gateway.domain", "gateway.ports", "gateway.errors")
#: what reads a clock, makes chance, opens a file or brings in code by another way, by its full name
UNSURE = frozenset({
    "codecs.open", "datetime.date.today", "datetime.datetime.now", "datetime.datetime.today",
    "datetime.datetime.utcnow", "io.FileIO", "io.open", "io.open_code", "time.clock_gettime", "time.gmtime",
    "time.localtime", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns",
    "time.process_time", "time.sleep", "time.time", "time.time_ns", "uuid.uuid1", "uuid.uuid4",
})  # fmt: skip
#: and by names that need no import
BUILT_IN = frozenset({"__import__", "breakpoint", "compile", "eval", "exec", "input", "open", "print"})
#: as text says them without an import: `datetime` is more often the class than its module
BARE = {"datetime": "datetime.datetime", "date": "datetime.date"}

#: what compares a signature or a secret as it is to be compared
CONSTANT_TIME = frozenset({"compare_digest", "require_equal"})

#: events of the interpreter by which code reaches outside (docs.python.org, audit events table)
EVENTS = ("open", "socket.", "subprocess.", "os.", "shutil.", "tempfile.", "sqlite3.", "urllib.", "http.", "smtplib.",
          "ftplib.", "imaplib.", "poplib.", "ctypes.", "webbrowser.")  # fmt: skip
_WATCHED = threading.local()
_INSTALLED: list[bool] = []


# ---------------------------------------------------------------- as it is written


def reaching(source: str) -> list[tuple[int, str]]:
    """Return what a module does that reaches outside the process: line and what."""
    nodes = list(ast.walk(ast.parse(source)))
    known = dict(BARE)
    found: list[tuple[int, str]] = []
    for node in nodes:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            known |= {alias.asname or alias.name.partition(".")[0]: _meant(alias) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        found += [(node.lineno, f"imports {name}") for name in names if isinstance(node, ast.stmt) and _outside(name)]
    return found + [line for node in nodes for line in _used(node, known)]


def compares_in_constant_time(source: str) -> bool:
    """Say whether a module calls what compares secrets without telling by its time how much of them is right."""
    if not any(name in source for name in CONSTANT_TIME):
        return False
    called = (node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return any(ast.unparse(each).rpartition(".")[2] in CONSTANT_TIME for each in called)


def _meant(alias: ast.alias) -> str:
    """Return what a name means after `import a.b` or `import a.b as c`."""
    return alias.name if alias.asname else alias.name.partition(".")[0]


def _used(node: ast.AST, known: dict[str, str]) -> Iterator[tuple[int, str]]:
    """Yield a use of what is unsure: called, or handed on to be called."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        name = node.func.id
        if name in BUILT_IN and name not in known:
            yield node.lineno, f"{name}()"
    if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
        written = ast.unparse(node)
        first, dot, rest = written.partition(".")
        meant = f"{known.get(first, first)}{dot}{rest}"
        if meant in UNSURE:
            aware = meant == "datetime.datetime.now"
            yield node.lineno, f"{written}(): time is an argument" if aware else f"{written}()"


def _outside(name: str) -> bool:
    parts = name.split(".")
    if parts[0] == "gateway" and len(parts) > 1:
        return not any(name == each or name.startswith(f"{each}.") for each in OURS)
    return any(".".join(parts[:end]) in REACHING for end in range(1, len(parts) + 1))


# ---------------------------------------------------------------- as it works


@contextmanager
def guarded(folder: Path) -> Iterator[list[str]]:
    """Watch this thread: what reaches outside, and each clock or chance that the code of a folder asks for, is listed.

    Nothing is kept from happening. Code that is brought in late (an import in a function) opens files: let it work
    once before.
    """
    if not _INSTALLED:
        # it can never be taken away again, so there is one, which sleeps
        sys.addaudithook(_heard)
        _INSTALLED.append(True)
    seen: list[str] = []
    inside = str(folder)

    def called(frame: FrameType, event: str, given: Any) -> None:
        if event == "c_call" and frame.f_code.co_filename.startswith(inside) and _unsure(given):
            seen.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}: {given.__qualname__}()")

    before = sys.getprofile()
    _WATCHED.seen = seen
    sys.setprofile(called)
    try:
        yield seen
    finally:
        sys.setprofile(before)
        _WATCHED.seen = None


def _heard(event: str, given: tuple[Any, ...]) -> None:
    """Note an event of the interpreter, where this thread is watched."""
    seen: list[str] | None = getattr(_WATCHED, "seen", None)
    if seen is not None and event.startswith(EVENTS):
        seen.append(f"{event} {str(given[:1])[:80]}")


def _unsure(function: Any) -> bool:
    """Say whether a function of the interpreter reads a clock or makes chance."""
    owner = getattr(function, "__self__", None)
    module, name = getattr(function, "__module__", None), function.__name__
    if module == "time" or getattr(owner, "__name__", "") == "time":
        return f"time.{name}" in UNSURE
    if isinstance(owner, type):
        return f"{owner.__module__}.{owner.__name__}.{name}" in UNSURE
    return type(owner).__module__ in {"random", "_random"}


__all__ = ["compares_in_constant_time", "guarded", "reaching"]
