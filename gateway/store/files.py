"""The files of tickets in SQL. Their names may be about people and are sealed; so are their bytes (blobs.py).

That a file of a desk is known stands beside the comments that are known there, under a name that no comment has: where
two links become one, what is known of files goes with what is known of comments.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, insert, or_, select, text, update

from gateway.domain.event import Attachment
from gateway.domain.ticket import Visibility
from gateway.ports.filing import MARK, FileRow, FileState
from gateway.store.columns import per_dialect
from gateway.store.file_tables import WANTED, blobs, files
from gateway.store.sealing import Sealer
from gateway.store.tables import comment_links

_PLACE = "files.content"
_BIND = per_dialect(lambda into: into(comment_links).on_conflict_do_nothing().returning(comment_links.c.remote_id))
_OF_TICKET = select(files).where(files.c.ticket_id == bindparam("the_ticket")).order_by(files.c.at, files.c.id)
_WAITING = select(files.c.connection).where(text(WANTED)).distinct()


class _Content(msgspec.Struct, frozen=True, omit_defaults=True):
    attachment: Attachment
    reason: str = ""


_decode = msgspec.json.Decoder(_Content)
_FORGOTTEN = _Content(Attachment("file"))


class SqlFiles:
    """Implements ports.FileRecords."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    def add(self, row: FileRow) -> bool:
        """Note a file seen at a link; False when that remote file is known there."""
        if not self.bind(row.link_id, row.attachment.remote_id, row.id):
            return False
        self._connection.execute(insert(files).values(id=row.id, **self._values(row)))
        return True

    def bind(self, link_id: str, remote_id: str, file_id: str) -> bool:
        """Say that a remote file is one of ours; False when it is known already."""
        values = {"link_id": link_id, "remote_id": MARK + remote_id, "comment_id": file_id}
        return self._connection.execute(_BIND[self._connection.dialect.name], values).first() is not None

    def save(self, row: FileRow) -> None:
        """Store what became of one."""
        self._connection.execute(update(files).where(files.c.id == row.id).values(**self._values(row)))

    def many(self, file_ids: Collection[str]) -> Mapping[str, FileRow]:
        """Return files by id."""
        if not file_ids:
            return {}
        rows = self._connection.execute(select(files).where(files.c.id.in_(list(file_ids)))).mappings()
        return {row["id"]: self._row(row) for row in rows}

    def of_ticket(self, ticket_id: str) -> Sequence[FileRow]:
        """Return the files of a ticket in the order in which they came."""
        return [self._row(row) for row in self._connection.execute(_OF_TICKET, {"the_ticket": ticket_id}).mappings()]

    def wanted(self, connection: str, now: datetime, limit: int) -> Sequence[FileRow]:
        """Return files of a connection that are to be brought now, the oldest first."""
        due = or_(files.c.not_before.is_(None), files.c.not_before <= now)
        mine = select(files).where(text(WANTED), files.c.connection == connection, due)
        rows = self._connection.execute(mine.order_by(files.c.at, files.c.id).limit(limit)).mappings()
        return [self._row(row) for row in rows]

    def waiting(self) -> frozenset[str]:
        """Return the connections of which files are to be brought."""
        return frozenset(self._connection.execute(_WAITING).scalars())

    def has_bytes(self, sha256: str) -> bool:
        """Say whether the bytes of a file are there."""
        there = select(blobs.c.size).where(blobs.c.sha256 == sha256, blobs.c.whole)
        return self._connection.execute(there).first() is not None

    def _values(self, row: FileRow) -> dict[str, Any]:
        content = msgspec.json.encode(_Content(row.attachment, row.reason))
        return {
            "ticket_id": row.ticket_id,
            "comment_id": row.comment_id,
            "link_id": row.link_id,
            "connection": row.connection,
            "at": row.at,
            "visibility": row.attachment.visibility.value,
            "inline": row.attachment.inline,
            "state": row.state.value,
            "sha256": row.sha256,
            "size": row.size,
            "content_sealed": self._sealer.seal(_PLACE, content),
            "tries": row.tries,
            "not_before": row.not_before,
        }

    def _row(self, row: Any) -> FileRow:
        sealed = row["content_sealed"]
        content = _FORGOTTEN if sealed is None else _decode.decode(self._sealer.open(_PLACE, sealed))
        return FileRow(
            id=row["id"],
            ticket_id=row["ticket_id"],
            comment_id=row["comment_id"],
            link_id=row["link_id"],
            connection=row["connection"],
            at=row["at"],
            attachment=msgspec.structs.replace(content.attachment, visibility=Visibility(row["visibility"])),
            state=FileState(row["state"]),
            sha256=row["sha256"],
            size=row["size"],
            reason=content.reason,
            tries=row["tries"],
            not_before=row["not_before"],
        )
