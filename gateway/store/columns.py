"""What reads the same on SQLite and PostgreSQL: instants as microseconds, values as JSON text, long lists in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Dialect, Executable, Text, and_, bindparam, or_
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.types import TypeDecorator

T = TypeVar("T")

#: a statement takes only so many parameters (SQLite, as it may be built, 32,766; PostgreSQL 65,535)
MOST_NAMED = 1000

#: each database's own `insert`, which knows ON CONFLICT
INSERTS: Mapping[str, Any] = {"postgresql": pg_insert, "sqlite": sqlite_insert}


def per_dialect(make: Callable[[Any], Executable]) -> Mapping[str, Executable]:
    """Make a statement for each database from its own `insert`.

    Hot statements are made once, at import, with bind parameters: building one for each use took more than half of
    the time of a transaction.
    """
    return {name: make(dialect_insert) for name, dialect_insert in INSERTS.items()}


def in_pieces(values: Iterable[T]) -> Iterator[list[T]]:
    """Return values in lists that a statement can name, in their order; nothing where there are none."""
    left = iter(values)
    while some := list(islice(left, MOST_NAMED)):
        yield some


def in_pairs(first: ColumnElement[str], second: ColumnElement[str], firsts: int) -> ColumnElement[bool]:
    """Return the condition that two columns are one of the pairs that `by_first` names, of so many different firsts.

    A list for each of them: of a list of pairs SQLite would look at every row.
    """
    return or_(
        *(
            and_(first == bindparam(f"first_{number}"), second.in_(bindparam(f"seconds_{number}", expanding=True)))
            for number in range(firsts)
        )
    )


def by_first(pairs: Iterable[tuple[str, str]]) -> tuple[int, dict[str, Any]]:
    """Return how many different firsts pairs have, and the parameters of `in_pairs`."""
    named: dict[str, list[str]] = {}
    for first, second in pairs:
        named.setdefault(first, []).append(second)
    given: dict[str, Any] = {}
    for number, (first, seconds) in enumerate(named.items()):
        given |= {f"first_{number}": first, f"seconds_{number}": seconds}
    return len(named), given


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Return microseconds since 1970 of an aware datetime; a naive one is refused."""
    return (at - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the aware UTC datetime of microseconds since 1970."""
    return _EPOCH + micros * _MICROSECOND


def day_of(at: datetime) -> int:
    """Return the UTC day as yyyymmdd: the part of a large table's key by which it is pruned."""
    utc = at.astimezone(UTC)
    return utc.year * 10000 + utc.month * 100 + utc.day


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant stored as integer microseconds, which both databases compare alike."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Refuse naive values and encode."""
        del dialect
        return None if value is None else to_micros(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Decode."""
        del dialect
        return None if value is None else from_micros(int(value))


class Json(TypeDecorator[Any]):
    """A JSON value as canonical text (msgspec: ten times quicker than the json module)."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:
        """Encode."""
        del dialect
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any:
        """Decode."""
        del dialect
        return None if value is None else msgspec.json.decode(value)
