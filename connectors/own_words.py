"""Which word of a desk's own is written for a status of ours, where people there have statuses of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.domain.ticket import Category

#: a category without a word of its own is written as the nearest that has one
NEAREST: Mapping[Category, tuple[Category, ...]] = {
    Category.NEW: (Category.OPEN,),
    Category.OPEN: (Category.NEW,),
    Category.PENDING_CUSTOMER: (Category.ON_HOLD, Category.OPEN),
    Category.ON_HOLD: (Category.PENDING_CUSTOMER, Category.OPEN),
    Category.RESOLVED: (Category.CLOSED,),
    Category.CLOSED: (Category.RESOLVED,),
    Category.CANCELLED: (Category.CLOSED, Category.RESOLVED),
}
_OPEN = frozenset({Category.NEW, Category.OPEN})
_DONE = frozenset({Category.RESOLVED, Category.CLOSED})


def word_for(category: Category, own: Sequence[tuple[str, Category]], usual: Mapping[Category, str]) -> str:
    """Return the word that is written for a category; empty: there is none.

    Settings that name a word for what is open and one for what is done describe a whole lifecycle: then only its words
    are written. Settings that add some words to the usual ones leave the usual ones to be written.
    """
    first: dict[Category, str] = {}
    for word, meaning in own:
        first.setdefault(meaning, word)
    if not (first.keys() & _OPEN and first.keys() & _DONE):
        return usual.get(category, "")
    return next((first[each] for each in (category, *NEAREST.get(category, ())) if each in first), "")
