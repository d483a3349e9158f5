"""How long a test is that can be long: short in `make test`, at its full length in `make long`.

Such a test has the marker `long`, by which `make long` finds it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pytest

#: whether this is `make long`
FULL = bool(os.environ.get("GATEWAY_LONG"))


def length(short: int, full: int) -> int:
    """Return how much a test is to do: so many examples, rows or days."""
    return full if FULL else short


def on_databases(values: Iterable[Any]) -> list[Any]:
    """Pair values with the names of databases, as parameters: each value with both, or in turn with one of them.

    Nothing is left to chance here: the processes of one run must all collect the same tests.
    """
    return [
        pytest.param(kind, value, marks=[pytest.mark.postgres] if kind == "postgresql" else [])
        for place, value in enumerate(values)
        for number, kind in enumerate(("sqlite", "postgresql"))
        if FULL or (place + number) % 2 == 0
    ]
