"""Which extensions of the rules there are: what comes with the gateway, and what installed packages offer.

Packages name a module under the entry-point group `gateway.rules` (`rules.extending`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from rules.extending import ENTRY_POINT_GROUP, Extensions, gather

#: name -> module; behind the same hook as those of others
BUILT_INS = (("language", "gateway.languages"),)


def installed(points: Iterable[EntryPoint] | None = None) -> Extensions:
    """Load every extension; one that is broken is left out and shown by name."""
    found = entry_points(group=ENTRY_POINT_GROUP) if points is None else points
    sources: list[tuple[str, Callable[[], Any]]] = [(name, _loader(path)) for name, path in BUILT_INS]
    return gather([*sources, *((point.name, point.load) for point in found)])


def _loader(path: str) -> Callable[[], Any]:
    return lambda: import_module(path)
