"""Releases of a site in SQL: immutable, numbered, hashed; one is active, and which one was when is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, func, insert, select, text, update

from gateway.errors import NotFoundError
from gateway.ports import Ids, ReleaseRow
from gateway.store.release_tables import activations, releases
from gateway.store.sealing import Sealer

_FILES = "release"
_ACTIVE = select(releases.c.id).where(releases.c.active)
_decode = msgspec.json.Decoder(dict[str, str])


class SqlReleases:
    """Implements ports.Releases."""

    def __init__(self, connection: Connection, sealer: Sealer, ids: Ids) -> None:
        self._connection = connection
        self._sealer = sealer
        self._ids = ids

    def active(self) -> str:
        """Return the id of the active release, or an empty string."""
        return self._connection.execute(_ACTIVE).scalar_one_or_none() or ""

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

    def listed(self, *, limit: int, below: int | None = None) -> Sequence[ReleaseRow]:
        """Return releases, the newest first, those with a number below `below`."""
        statement = _rows().order_by(releases.c.number.desc()).limit(limit)
        if below is not None:
            statement = statement.where(releases.c.number < below)
        return [_row(row) for row in self._connection.execute(statement)]

    def get(self, release_id: str) -> ReleaseRow | None:
        """Return one release."""
        row = self._connection.execute(_rows().where(releases.c.id == release_id)).first()
        return _row(row) if row is not None else None

    def numbered(self, number: int) -> ReleaseRow | None:
        """Return the release of that number."""
        row = self._connection.execute(_rows().where(releases.c.number == number)).first()
        return _row(row) if row is not None else None

    def before(self) -> str:
        """Return what a rollback goes back to: the release that the active one took over from; empty without one."""
        return self._took_over_from(self.active()) or ""

    def keep(self, digest: str, files: Mapping[str, str], *, author: str, message: str, now: datetime) -> str:
        """Store a release, once per digest; return its id. What is stored already keeps its author and message."""
        self._lock()
        known = self._connection.execute(select(releases.c.id).where(releases.c.digest == digest)).scalar_one_or_none()
        if known is not None:
            return str(known)
        number = self._connection.execute(select(func.coalesce(func.max(releases.c.number), 0))).scalar_one() + 1
        release_id = self._ids.new()
        self._connection.execute(
            insert(releases).values(
                id=release_id,
                number=number,
                digest=digest,
                files_sealed=self._sealer.seal(_FILES, msgspec.json.encode(dict(files))),
                author=author[:200],
                message=message,
                created_at=now,
                active=False,
            )
        )
        return release_id

    def activate(self, release_id: str, *, actor: str, why: str, now: datetime, back: bool = False) -> bool:
        """Make a release the active one; False when it is already.

        `back`: this is a rollback, so that the next one goes further back instead of forth again.
        """
        self._lock()
        active = self.active()
        if active == release_id:
            return False
        before = self._took_over_from(release_id) if back else active or None
        # the old one first: the database refuses two
        self._connection.execute(update(releases).where(releases.c.active).values(active=False))
        self._connection.execute(update(releases).where(releases.c.id == release_id).values(active=True))
        self._connection.execute(
            insert(activations).values(
                id=self._ids.new(), release_id=release_id, before_id=before, at=now, actor=actor[:200], why=why
            )
        )
        return True

    def _took_over_from(self, release_id: str) -> str | None:
        """Return which release was active before this one, the last time that it became so."""
        return self._connection.execute(
            select(activations.c.before_id)
            .where(activations.c.release_id == release_id)
            .order_by(activations.c.at.desc(), activations.c.id.desc())
            .limit(1)
        ).scalar_one_or_none()

    def _lock(self) -> None:
        """Let one transaction at a time number and switch; SQLite has one writer anyway."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text("LOCK TABLE releases IN SHARE ROW EXCLUSIVE MODE"))


def _rows() -> Select[Any]:
    latest = (
        select(activations.c.release_id, func.max(activations.c.at).label("activated_at"))
        .group_by(activations.c.release_id)
        .subquery()
    )
    return select(
        releases.c.id,
        releases.c.number,
        releases.c.digest,
        releases.c.author,
        releases.c.message,
        releases.c.created_at,
        releases.c.active,
        latest.c.activated_at,
    ).outerjoin(latest, latest.c.release_id == releases.c.id)


def _row(row: Row[Any]) -> ReleaseRow:
    return ReleaseRow(
        id=row.id,
        number=int(row.number),
        digest=row.digest,
        author=row.author,
        message=row.message,
        created_at=row.created_at,
        active=bool(row.active),
        activated_at=row.activated_at,
    )
