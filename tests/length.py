"""How long a test is that can be long: short in `make test`, at its full length in `make long`.

Such a test has the marker `long`, by which `make long` finds it.
"""

from __future__ import annotations

import os

#: whether this is `make long`
FULL = bool(os.environ.get("GATEWAY_LONG"))


def length(short: int, full: int) -> int:
    """Return how much a test is to do: so many examples, rows or days."""
    return full if FULL else short
