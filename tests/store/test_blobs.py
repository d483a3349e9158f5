"""Bytes of files are kept once, sealed, whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from gateway.store import SqlStore
from gateway.store.blobs import CHUNK, SqlBlobs
from gateway.store.file_tables import blob_chunks, blobs

LARGE = bytes(range(256)) * (2 * CHUNK // 256) + b"and a bit"


def pieces(data: bytes, size: int = 10_000) -> Iterator[bytes]:
    """Yield data as it comes from a desk."""
    yield from (data[start : start + size] for start in range(0, len(data), size))


def rows(store: SqlStore) -> tuple[int, int]:
    """Return how many files and pieces there are."""
    with store.read() as tx:
        found = [
            tx.connection.execute(select(func.count()).select_from(each)).scalar_one() for each in (blobs, blob_chunks)
        ]
    return found[0], found[1]


@pytest.mark.parametrize("data", [b"", b"x", LARGE, bytes(CHUNK)], ids=["empty", "small", "large", "one piece"])
def test_a_file_is_read_as_it_was_written(store: SqlStore, data: bytes) -> None:
    """By its hash, in pieces; a second time it takes no room."""
    files = SqlBlobs(store)
    blob = files.keep(pieces(data))
    assert (blob.sha256, blob.size) == (hashlib.sha256(data).hexdigest(), len(data))
    assert b"".join(files.open(blob.sha256)) == data
    before = rows(store)
    assert files.keep(pieces(data, 333)) == blob
    assert rows(store) == before == (1, -(-len(data) // CHUNK))


def test_its_bytes_are_sealed(store: SqlStore) -> None:
    """Nothing of a file can be read in the database."""
    SqlBlobs(store).keep(pieces(b"a secret of the customer" * 100))
    with store.read() as tx:
        stored = tx.connection.execute(select(blob_chunks.c.data_sealed)).scalars().all()
    assert stored
    assert not any(b"secret" in bytes(each) for each in stored)


def test_what_breaks_off_is_no_file(store: SqlStore) -> None:
    """It leaves nothing behind, and can be written again."""
    files = SqlBlobs(store)

    def breaks() -> Iterator[bytes]:
        yield LARGE[:100_000]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        files.keep(breaks())
    assert rows(store) == (0, 0)
    with pytest.raises(LookupError):
        files.open(hashlib.sha256(LARGE[:100_000]).hexdigest())
    assert b"".join(files.open(files.keep(pieces(LARGE)).sha256)) == LARGE


def test_a_file_is_there_when_it_is_whole(store: SqlStore) -> None:
    """A process that died between two pieces left one that nobody can open; the next writes it to its end."""
    files = SqlBlobs(store)
    blob = files.keep(pieces(LARGE))
    store.write(lambda tx: tx.connection.execute(blobs.update().values(whole=False)))
    store.write(lambda tx: tx.connection.execute(blob_chunks.delete().where(blob_chunks.c.number == 1)))
    with pytest.raises(LookupError):
        files.open(blob.sha256)
    files.keep(pieces(LARGE))
    assert b"".join(files.open(blob.sha256)) == LARGE
