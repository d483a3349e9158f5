"""Texts of desks as they have them, in SQL. They are as private as the comments and bodies that they belong to."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec
from sqlalchemy import Connection, delete, insert, select

from gateway.ports.originals import Original
from gateway.store.original_tables import originals
from gateway.store.sealing import Sealer

_PLACE = "originals.content"


class _Content(msgspec.Struct, frozen=True, omit_defaults=True):
    source_format: str = ""
    lost: tuple[str, ...] = ()
    raw: str = ""
    is_cut: bool = False


_decode = msgspec.json.Decoder(_Content)


class SqlOriginals:
    """Implements ports.originals.Originals."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    def keep_original(self, original: Original) -> None:
        """Store a text in place of what is known under its id."""
        self.drop_original(original.id)
        content = _Content(original.source_format, original.lost, original.raw, original.is_cut)
        values = {
            "id": original.id,
            "ticket_id": original.ticket_id,
            "connection": original.connection,
            "at": original.at,
            "content_sealed": self._sealer.seal(_PLACE, msgspec.json.encode(content)),
        }
        self._connection.execute(insert(originals).values(**values))

    def drop_original(self, of: str) -> None:
        """Forget the text of a comment or a link."""
        self._connection.execute(delete(originals).where(originals.c.id == of))

    def originals(self, ids: Collection[str]) -> Mapping[str, Original]:
        """Return the texts that are known of comments and links, by their ids."""
        if not ids:
            return {}
        found: dict[str, Original] = {}
        for row in self._connection.execute(select(originals).where(originals.c.id.in_(list(ids)))):
            content = _decode.decode(self._sealer.open(_PLACE, row.content_sealed))
            known = {"id": row.id, "ticket_id": row.ticket_id, "connection": row.connection, "at": row.at}
            found[row.id] = Original(**known, **msgspec.structs.asdict(content))
        return found
