"""Lives through so many days on one database, and looks at it every night."""

from __future__ import annotations

from collections.abc import Callable

from gateway.store import SqlStore
from gateway.store.retention import Lifetimes
from tests.soak.days import Days
from tests.soak.sizes import Year, counted, measured


def soak(
    store: SqlStore,
    lives: Lifetimes,
    *,
    days: int,
    tickets: int,
    every: int = 1,
    tell: Callable[[int], object] = lambda _: None,
) -> tuple[Year, int, int]:
    """Return the sizes, and how many dead letters were left alone on the first day and are still there.

    Every so many days one is busy.
    """
    looks, thirds = [], []
    rounds = days // every
    with Days(store, lives, tickets=tickets) as site:
        for number in range(1, rounds + 1):
            site.live(every)
            looks.append(counted(store))
            if number in {rounds // 3, 2 * rounds // 3, rounds}:
                thirds.append(measured(store))
            tell(number)
        return Year(looks, thirds), site.left, site.letters()
