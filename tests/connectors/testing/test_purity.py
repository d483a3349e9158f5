"""What reaches outside is found under whatever name, and what hides from that is seen while it works."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from connectors.testing.purity import guarded, reaching


@pytest.mark.parametrize(
    "line",
    [
        "import os.path, json", "from http import client", "import socket as s", "import random", "import importlib",
        "import gateway.http.transport", "from gateway import config", "from connectors.testing import loopback",
        "x = datetime.now(UTC)", "import datetime as d\nx = d.datetime.now(d.UTC)", "import time as t\nX = t.time()",
        "from time import time\ntime()", "from time import sleep as wait\nwait(1)",
        "import time\nx = Field(time.monotonic)",
        "from datetime import datetime as dt\nx = dt.utcnow()", "from datetime import date\nx = date.today()",
        "__import__('socket')", "import io\nio.open('/etc/hostname')", "from io import open\nopen('a')", "open('a')",
        "eval('1')", "import uuid\nx = uuid.uuid4()", "from uuid import uuid4 as name\nx = name()",
    ],
)  # fmt: skip
def test_what_reaches_outside_is_found(line: str) -> None:
    """Imports in every form, and clocks, chance and files under every name."""
    assert {where for where, _ in reaching(line)} == {len(line.splitlines())}


@pytest.mark.parametrize(
    "line",
    [
        "from urllib.parse import quote", "import io\nx = io.BytesIO(b'')", "from datetime import datetime, timedelta",
        "x = datetime.fromisoformat('2026-03-01')", "import time\nx = time.strptime('1', '%d')", "x = body.open()",
        "from gateway.domain.ticket import Category\nfrom gateway.errors import ThrottledError",
        "import uuid\nx = uuid.uuid5(a, b)",
        "def date(at):\n    return at.date()",
    ],
)  # fmt: skip
def test_what_does_not_is_let_be(line: str) -> None:
    """Names that only look like it."""
    assert reaching(line) == []


HIDDEN = """
import datetime, io, random, time

def clock(): return getattr(time, "ti" + "me")()
def today(): return getattr(datetime.datetime, "n" + "ow")()
def chance(): return getattr(random, "rand" + "om")()
def file(): return getattr(io, "op" + "en")(__file__).close()
def nothing(): return datetime.datetime.fromisoformat("2026-03-01")
"""


@pytest.fixture
def hidden(tmp_path: Path) -> ModuleType:
    """Bring in code whose names say nothing."""
    path = tmp_path / "hidden.py"
    path.write_text(HIDDEN, encoding="utf-8")
    module = ModuleType("hidden")
    module.__file__ = str(path)
    exec(compile(HIDDEN, str(path), "exec"), vars(module))
    return module


@pytest.mark.parametrize("name", ["clock", "today", "chance", "file"])
def test_what_hides_is_seen_while_it_works(hidden: ModuleType, tmp_path: Path, name: str) -> None:
    """In the watched folder, and only while it is watched."""
    doing: Callable[[], object] = getattr(hidden, name)
    with guarded(tmp_path) as seen:
        doing()
    assert len(seen) == 1, seen
    doing()
    assert len(seen) == 1


def test_others_are_not_watched(hidden: ModuleType, tmp_path: Path) -> None:
    """Neither what asks for nothing, nor the clock of somebody else's code; a socket is seen wherever it is opened."""
    with guarded(tmp_path / "elsewhere") as seen:
        hidden.clock()
        hidden.nothing()
    assert seen == []
    with guarded(tmp_path) as seen:
        hidden.nothing()
        socket.socket().close()
    assert [each.partition(" ")[0] for each in seen] == ["socket.__new__"]
