"""Files in memory: what a test gives to a desk, and what it brings from one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from gateway.ports import Blob

_CHUNK = 50_000


class MemoryFiles:
    """`ports.Files` without a database."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    def open(self, sha256: str) -> Iterator[bytes]:
        """Yield a file in chunks; raises LookupError when it is not there."""
        data = self.held[sha256]
        return (data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK))

    def keep(self, chunks: Iterable[bytes]) -> Blob:
        """Hold a file."""
        return self.put(b"".join(chunks))

    def put(self, data: bytes) -> Blob:
        """Hold a file whose bytes are there."""
        sha256 = hashlib.sha256(data).hexdigest()
        self.held[sha256] = data
        return Blob(sha256, len(data))
