"""What routing did with a ticket, as the trail kept it: each answer with who was looked at, and where the ticket is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from gateway.ports.ways import Way
from gateway.store.unit import SqlTx
from rules.route_words import lines
from rules.routed import Routed

MOST = 200


class RoutedLine(msgspec.Struct, frozen=True):
    """One answer of the router, and in lines for a person."""

    at: datetime
    route: Routed
    lines: tuple[str, ...]


class Whereabouts(msgspec.Struct, frozen=True):
    """Where a ticket is on its way, and the answer that put it there."""

    way: Way
    last: RoutedLine | None


def answers_of(tx: SqlTx, ticket_id: str, *, most: int = MOST) -> tuple[RoutedLine, ...]:
    """Return what the router said of a ticket, oldest first."""
    return tuple(_line(row["at"], row["detail"]) for row in tx.view.routed(ticket_id, most))


def whereabouts(tx: SqlTx, ticket_id: str) -> Whereabouts | None:
    """Return where a ticket is; None for one that was never routed."""
    way = tx.ways.get(ticket_id)
    found: Sequence[RoutedLine] = answers_of(tx, ticket_id, most=1) if way is not None else ()
    return Whereabouts(way, found[-1] if found else None) if way is not None else None


def _line(at: datetime, detail: dict[str, Any]) -> RoutedLine:
    route = msgspec.convert(detail["route"], Routed)
    return RoutedLine(at, route, tuple(lines(route)))
