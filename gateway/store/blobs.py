"""The bytes of files in SQL, in sealed pieces: written and read in short transactions, however large a file is.

A file is there once its row says that it is whole: what broke off is written again, or cleared away.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator

from sqlalchemy import select, update

from gateway.ports import Blob
from gateway.store.columns import per_dialect
from gateway.store.file_tables import blob_chunks, blobs
from gateway.store.unit import SqlStore, SqlTx

_PLACE = "blob_chunks.data"
CHUNK = 256 * 1024
#: so much is held in memory before a file that comes is put on disk, under no name
_IN_MEMORY = 1024 * 1024
_CHUNK = per_dialect(lambda into: into(blob_chunks).on_conflict_do_nothing())
_BLOB = per_dialect(lambda into: into(blobs).on_conflict_do_nothing())


class SqlBlobs:
    """Implements ports.Files."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def open(self, sha256: str) -> Iterator[bytes]:
        """Yield a file in chunks; raises LookupError when it is not there."""
        asked = select(blobs.c.size).where(blobs.c.sha256 == sha256, blobs.c.whole)
        with self._store.read() as tx:
            size = tx.connection.execute(asked).scalar_one_or_none()
        if size is None:
            msg = f"the file {sha256[:12]} is not here any more"
            raise LookupError(msg)
        return self._chunks(sha256, -(-int(size) // CHUNK))

    def _chunks(self, sha256: str, number: int) -> Iterator[bytes]:
        for each in range(number):
            asked = select(blob_chunks.c.data_sealed).where(
                blob_chunks.c.sha256 == sha256, blob_chunks.c.number == each
            )
            with self._store.read() as tx:
                sealed = tx.connection.execute(asked).scalar_one_or_none()
                if sealed is None:
                    msg = f"the file {sha256[:12]} is not here any more"
                    raise LookupError(msg)
                yield tx.sealer.open(_PLACE, sealed)

    def keep(self, chunks: Iterable[bytes]) -> Blob:
        """Store a file, unless its bytes are there already; whatever raises while it is read leaves nothing behind."""
        digest = hashlib.sha256()
        size = 0
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                spool.write(chunk)
            blob = Blob(digest.hexdigest(), size)
            with self._store.read() as tx:
                if tx.files.has_bytes(blob.sha256):
                    return blob
            self._store.write(lambda tx: _begin(tx, blob, self._store))
            spool.seek(0)
            for number, chunk in enumerate(iter(lambda: spool.read(CHUNK), b"")):
                self._store.write(lambda tx, number=number, chunk=chunk: _put(tx, blob.sha256, number, chunk))  # type: ignore[misc]
        self._store.write(lambda tx: _finish(tx, blob))
        return blob


def _put(tx: SqlTx, sha256: str, number: int, chunk: bytes) -> None:
    values = {"sha256": sha256, "number": number, "data_sealed": tx.sealer.seal(_PLACE, chunk)}
    tx.connection.execute(_CHUNK[tx.connection.dialect.name], values)


def _begin(tx: SqlTx, blob: Blob, store: SqlStore) -> None:
    values = {"sha256": blob.sha256, "size": blob.size, "whole": False, "created_at": store.clock.now()}
    tx.connection.execute(_BLOB[tx.connection.dialect.name], values)


def _finish(tx: SqlTx, blob: Blob) -> None:
    tx.connection.execute(update(blobs).where(blobs.c.sha256 == blob.sha256).values(whole=True))
