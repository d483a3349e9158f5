"""The effect log: what really happened at a simulated desk, whatever the client was told.

It is append-only and is the oracle of fault tests: joined on the marker that a write carried, it shows effects that
were lost and effects that happened twice.
"""

from __future__ import annotations

import threading
from collections import Counter
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.ids import digest


class RecordedEffect(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change of state that took effect at the desk."""

    #: position in the log, from 1
    id: int
    #: the desk's clock, aware UTC
    at: datetime
    #: what changed, in the desk's own word: create, comment, fields, message …
    kind: str
    #: the remote ticket (or channel) that changed
    remote_id: str
    #: idempotency key or marker that the request carried; empty when a person at the desk did it
    key: str = ""
    method: str = ""
    path: str = ""
    #: digest of what was written, to compare effects without their text
    digest: str = ""
    #: what was written, for people who read a failed test
    detail: dict[str, Any] = {}
    #: the desk's id of what the change made (comment, transaction)
    change_id: str = ""


class EffectLog:
    """All effects since the start, safe to read while requests run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[RecordedEffect] = []

    def record(
        self,
        *,
        at: datetime,
        kind: str,
        remote_id: str,
        key: str = "",
        method: str = "",
        path: str = "",
        detail: dict[str, Any] | None = None,
        change_id: str = "",
    ) -> RecordedEffect:
        """Append one effect and return it."""
        content = detail or {}
        with self._lock:
            entry = RecordedEffect(
                len(self._entries) + 1, at, kind, remote_id, key, method, path, digest(content), content, change_id
            )
            self._entries.append(entry)
        return entry

    def all(self, *, after: int = 0, kind: str = "", key: str = "", by_api: bool | None = None) -> list[RecordedEffect]:
        """Return the effects after position `after`; `by_api` chooses those made through HTTP (or by people)."""
        with self._lock:
            entries = self._entries[after:]
        return [
            entry
            for entry in entries
            if (not kind or entry.kind == kind)
            and (not key or entry.key == key)
            and (by_api is None or bool(entry.method) is by_api)
        ]

    def doubled(self) -> dict[tuple[str, str], int]:
        """Return (key, kind) of every keyed effect that happened more than once, with its count."""
        counts = Counter((entry.key, entry.kind) for entry in self.all() if entry.key)
        return {name: count for name, count in counts.items() if count > 1}
