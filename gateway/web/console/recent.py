"""The last snapshots, kept for a second: ten people who look cost the database what one does."""

from __future__ import annotations

import threading

import msgspec

from gateway.web.console.snapshot import Snapshot, take
from gateway.web.parts import Parts
from gateway.web.tagged import tag_of

_KEEP_SECONDS = 0.9
#: A snapshot that took long is kept for a multiple of that, so that looking never takes a whole processor.
_KEEP_TIMES = 5.0
_KEPT = 8

Filters = tuple[str, str, str]


class Recent:
    """Takes snapshots, at most one at a time for each choice of filters, and remembers them with their tags."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._taking = threading.Lock()
        self._kept: dict[Filters, tuple[float, Snapshot, str]] = {}

    def get(self, filters: Filters) -> tuple[Snapshot, str]:
        """Return a snapshot that is about a second old at most, and its tag."""
        clock = self._parts.clock
        with self._taking:
            kept = self._kept.get(filters)
            if kept is not None and clock.monotonic() < kept[0]:
                return kept[1], kept[2]
            began = clock.monotonic()
            text, category, connection = filters
            snapshot = take(self._parts, text=text, category=category, connection=connection)
            ended = clock.monotonic()
            tag = tag_of(msgspec.json.encode(snapshot))
            self._kept.pop(filters, None)
            while len(self._kept) >= _KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[filters] = (ended + max(_KEEP_SECONDS, _KEEP_TIMES * (ended - began)), snapshot, tag)
            return snapshot, tag
