"""How large a record is, table by table: rows and bytes, on either database, and whether it stays so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from gateway.store import SqlStore
from gateway.store.retention import KEPT, PRUNED
from gateway.store.tables import metadata

#: kept, and a row for each name that the site gives: as flat as what is pruned
NAMED = frozenset({"releases", "facts", "desks", "leases", "alerts"})
#: kept, as many rows as there are tickets, comments and people
GROWING = tuple(name for name in KEPT if name not in NAMED)
FLAT = (*PRUNED, *sorted(NAMED))
#: of the mean of the third before: by how updates happen to be merged one day differs a little from another, while a
#: table that nobody prunes has two thirds more
ROWS_SHARE, ROWS = 1.05, 3
#: of all tables that are flat: pages are filled and emptied by chance
BYTES_SHARE, BYTES = 1.10, 64 * 1024


class Size(msgspec.Struct, frozen=True):
    """One look at a record."""

    rows: Mapping[str, int]
    #: of the tables with their indexes; empty where the look was a quick one
    bytes: Mapping[str, int] = {}
    #: of the file, or of the database
    whole: int = 0


def counted(store: SqlStore) -> Size:
    """Count the rows."""
    with store.read() as tx:
        rows = {
            name: int(tx.connection.execute(select(func.count()).select_from(table)).scalar_one())
            for name, table in metadata.tables.items()
        }
    return Size(rows)


def measured(store: SqlStore) -> Size:
    """Count the rows and measure the tables, after what the databases clear up by themselves."""
    measure = _sqlite if store.engine.dialect.name == "sqlite" else _postgresql
    sizes, whole = measure(store)
    return Size(counted(store).rows, {name: sizes.get(name, 0) for name in metadata.tables}, whole)


def _sqlite(store: SqlStore) -> tuple[dict[str, int], int]:
    with store.engine.connect().execution_options(read_only=True) as connection:
        try:
            found = connection.exec_driver_sql(
                "SELECT m.tbl_name, sum(d.pgsize) FROM dbstat d JOIN sqlite_master m ON m.name = d.name GROUP BY 1"
            ).all()
        except OperationalError:
            # a SQLite that was built without the table of its pages
            found = []
        pages = int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())
        size = int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())
    return {str(name): int(number) for name, number in found}, pages * size


def _postgresql(store: SqlStore) -> tuple[dict[str, int], int]:
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM")
        found = connection.exec_driver_sql(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r'"
        ).all()
        whole = int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
    return {str(name): int(number) for name, number in found}, whole


class Year(msgspec.Struct):
    """The looks of a run: the rows of each day, and the bytes at a third, at two thirds and at the end."""

    days: Sequence[Size]
    thirds: Sequence[Size]

    def findings(self) -> list[str]:
        """Return every table that grew in the last third though it should not have."""
        third = len(self.days) // 3
        middle, last = self.days[third : 2 * third], self.days[2 * third :]
        found = []
        for name in FLAT:
            before, after = (mean([day.rows[name] for day in days]) for days in (middle, last))
            if after > before * ROWS_SHARE + ROWS:
                found.append(f"{name}: {before:.0f} rows in the middle third, {after:.0f} in the last")
        old, new = (sum(look.bytes[name] for name in FLAT) for look in self.thirds[1:])
        if new > old * BYTES_SHARE + BYTES:
            found.append(f"what should be flat: {old:,} bytes after two thirds, {new:,} at the end")
        for name in GROWING:
            old, new = (look.rows[name] * 1000 // max(1, look.rows["tickets"]) for look in self.thirds[1:])
            if new > old * ROWS_SHARE + ROWS * 10:
                found.append(f"{name}: {old / 1000:.2f} rows a ticket after two thirds, {new / 1000:.2f} at the end")
        return found

    def lines(self) -> list[tuple[str, ...]]:
        """Return a line a table: rows at a third, two thirds and the end, bytes at two thirds and the end."""
        told = []
        for name in (*PRUNED, *KEPT):
            rows = [f"{look.rows[name]:,}" for look in self.thirds]
            size = [f"{look.bytes[name] / 1024:,.0f}" for look in self.thirds[1:]]
            told.append((f"`{name}`", *rows, *size))
        kept = [sum(look.bytes[name] for name in GROWING) for look in self.thirds[1:]]
        flat = [sum(look.bytes[name] for name in FLAT) for look in self.thirds[1:]]
        told.append(("all that is pruned or flat", "", "", "", *(f"{size / 1024:,.0f}" for size in flat)))
        told.append(("all that is kept", "", "", "", *(f"{size / 1024:,.0f}" for size in kept)))
        told.append(("the database", "", "", "", *(f"{look.whole / 1024:,.0f}" for look in self.thirds[1:])))
        return told


def mean(numbers: Sequence[int]) -> float:
    """Return the mean."""
    return sum(numbers) / max(1, len(numbers))
