"""Files at desks: how a connector brings them and how it writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Protocol, runtime_checkable

from gateway.domain.event import Attachment
from gateway.ports.http import Blob, Call


class Attaching(StrEnum):
    """How a desk takes files."""

    #: they go with a comment or with a new ticket: `Intent.attachments` of those operations
    WITH_COMMENT = "with_comment"
    #: each is a write of its own: the operation `attach`, with one file in `Intent.attachments`
    ALONE = "alone"


@runtime_checkable
class Filing(Protocol):
    """A connector whose desk's files can be read."""

    def fetch(self, attachment: Attachment) -> Call[Blob | bytes | None]:
        """Read one file; None when it is not there or out of our sight.

        A request with `keep` is answered by the stored file; a desk that wraps its files into JSON gives their bytes.
        """
        ...


class Files(Protocol):
    """Where the bytes of files are kept, each once, by its hash."""

    def open(self, sha256: str) -> Iterator[bytes]:
        """Yield a file in chunks; raises LookupError when it is not there."""
        ...

    def keep(self, chunks: Iterable[bytes]) -> Blob:
        """Store a file; whatever raises while it is read leaves nothing behind."""
        ...
