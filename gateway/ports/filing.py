"""Files at desks: how a connector brings them and how it writes them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

import msgspec

from gateway.domain.event import Attachment
from gateway.ports.http import Blob, Call

#: before the remote id of a file, where those of comments are known
MARK = "file:"


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


class FileState(StrEnum):
    """What became of a file of a desk."""

    #: its bytes are still to be brought
    PENDING = "pending"
    KEPT = "kept"
    #: too large, or of a kind that the site does not let through
    REFUSED = "refused"
    #: the desk does not have it any more, or does not show it to us
    GONE = "gone"


class FileRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file of the one ticket."""

    id: str
    ticket_id: str
    #: empty: of the ticket itself
    comment_id: str
    link_id: str
    connection: str
    at: datetime
    #: as its desk names it
    attachment: Attachment
    state: FileState = FileState.PENDING
    sha256: str = ""
    size: int = 0
    #: why it was not brought
    reason: str = ""
    tries: int = 0
    not_before: datetime | None = None


class FileRecords(Protocol):
    """What is known of the files of tickets."""

    def add(self, row: FileRow) -> bool:
        """Note a file seen at a link; False when that remote file is known there."""
        ...

    def bind(self, link_id: str, remote_id: str, file_id: str) -> bool:
        """Say that a remote file is one of ours; False when it is known already."""
        ...

    def save(self, row: FileRow) -> None:
        """Store what became of one."""
        ...

    def many(self, file_ids: Collection[str]) -> Mapping[str, FileRow]:
        """Return files by id."""
        ...

    def of_ticket(self, ticket_id: str) -> Sequence[FileRow]:
        """Return the files of a ticket in the order in which they came."""
        ...

    def wanted(self, connection: str, now: datetime, limit: int) -> Sequence[FileRow]:
        """Return files of a connection that are to be brought now, the oldest first."""
        ...

    def waiting(self) -> frozenset[str]:
        """Return the connections of which files are to be brought."""
        ...

    def has_bytes(self, sha256: str) -> bool:
        """Say whether the bytes of a file are there."""
        ...
