"""The keys of one database: it remembers by their ids with which ones it was sealed, and is never used without them.

A key file that is lost would otherwise be made anew without a word, and what is stored be unreadable from then on.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, select, update

from gateway.errors import ConfigError
from gateway.store.columns import per_dialect
from gateway.store.sealing import Sealer, load_keys
from gateway.store.tables import facts

_FACT = "keys"
_KNOWN = select(facts.c.value).where(facts.c.name == _FACT)
_BEGIN = per_dialect(lambda into: into(facts).values(name=_FACT, value="").on_conflict_do_nothing())


class Keys:
    """Loads the keys at the first use of the database, which has a say in whether they are the right ones."""

    def __init__(self, path: Path, given: str | None) -> None:
        self._path = path
        self._given = given
        self._sealer: Sealer | None = None
        self._noted = False

    def checked(self, connection: Connection) -> Sealer:
        """Return the sealer; raises ConfigError when the database was sealed with a key that is not there."""
        if self._sealer is None:
            self._sealer = self._load(connection.execute(_KNOWN).scalar_one_or_none() or "")
        return self._sealer

    def noted(self, connection: Connection) -> Sealer:
        """Return the sealer, its newest key written down in the transaction in which it may seal first.

        Two hosts that begin with keys of their own meet at the row of the fact: the second one is refused.
        """
        if self._noted:
            return self.checked(connection)
        connection.execute(_BEGIN[connection.dialect.name])
        statement = _KNOWN.with_for_update() if connection.dialect.name == "postgresql" else _KNOWN
        known = str(connection.execute(statement).scalar_one())
        self._sealer = self._load(known)
        mine = self._sealer.current
        if mine not in known.split():
            both = f"{known} {mine}".strip()
            connection.execute(update(facts).where(facts.c.name == _FACT).values(value=both))
        return self._sealer

    def committed(self) -> None:
        """Take note that what `noted` wrote is durable."""
        self._noted = self._sealer is not None

    def _load(self, known: str) -> Sealer:
        ids = known.split()
        if ids and not self._given and not self._path.exists():
            raise ConfigError(self._lost(ids))
        sealer = load_keys(self._path, self._given)
        missing = [each for each in ids if each not in sealer.ids]
        if missing:
            raise ConfigError(self._lost(missing))
        return sealer

    def _lost(self, missing: list[str]) -> str:
        where = "GATEWAY_ENCRYPTION_KEYS" if self._given else str(self._path)
        return (
            f"{where}: the key {', '.join(missing)}, with which this database was encrypted, is not there; restore it "
            "from the backup of the keys (an older key stands behind the newer ones), or begin with a new database"
        )
