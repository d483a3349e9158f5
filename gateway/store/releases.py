"""Releases of a site in SQL: immutable, numbered, hashed; one is active."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from sqlalchemy import Connection, func, insert, select, update

from gateway.errors import NotFoundError
from gateway.ports import Ids
from gateway.store.sealing import Sealer
from gateway.store.tables import releases

_FILES = "release"
_decode = msgspec.json.Decoder(dict[str, str])


class SqlReleases:
    """Implements ports.Releases."""

    def __init__(self, connection: Connection, sealer: Sealer, ids: Ids) -> None:
        self._connection = connection
        self._sealer = sealer
        self._ids = ids

    def active(self) -> str:
        """Return the id of the active release, or an empty string."""
        return self._connection.execute(select(releases.c.id).where(releases.c.active)).scalar_one_or_none() or ""

    def files(self, release_id: str) -> Mapping[str, str]:
        """Return the files of a release by relative name; raises NotFoundError."""
        sealed = self._connection.execute(
            select(releases.c.files_sealed).where(releases.c.id == release_id)
        ).scalar_one_or_none()
        if sealed is None:
            msg = f"no release {release_id}"
            raise NotFoundError(msg)
        return _decode.decode(self._sealer.open(_FILES, sealed))

    def numbers(self) -> Mapping[str, int]:
        """Return the number of every release by its id."""
        return {row.id: int(row.number) for row in self._connection.execute(select(releases.c.id, releases.c.number))}

    def activate(self, digest: str, files: Mapping[str, str], *, author: str, now: datetime) -> str:
        """Store (once per digest) and activate a release; return its id."""
        release_id = self._connection.execute(
            select(releases.c.id).where(releases.c.digest == digest)
        ).scalar_one_or_none()
        self._connection.execute(
            update(releases).where(releases.c.active, releases.c.digest != digest).values(active=False)
        )
        if release_id is not None:
            self._connection.execute(update(releases).where(releases.c.id == release_id).values(active=True))
            return str(release_id)
        number = self._connection.execute(select(func.coalesce(func.max(releases.c.number), 0))).scalar_one() + 1
        release_id = self._ids.new()
        self._connection.execute(
            insert(releases).values(
                id=release_id,
                number=number,
                digest=digest,
                files_sealed=self._sealer.seal(_FILES, msgspec.json.encode(dict(files))),
                author=author,
                created_at=now,
                active=True,
            )
        )
        return release_id
