"""What a replay of many would come to, told from what they have in common."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from dead_letters.model import DeadLetterError, Share, Terms
from gateway.domain.update import Strategy, UpdateState


class Fate(msgspec.Struct, frozen=True):
    """So many, and what would become of them."""

    what: str
    connection: str
    operation: str
    number: int
    would: str
    #: False: they are left as they are
    goes: bool


AGAIN = "sent again"
STORED = "sent again, the same bytes under their key"
LOOKED_FOR = "looked for at the desk, then sent again if it is not there"
READ_AGAIN = "read again"


def fate(
    share: Share,
    require: Callable[[str], object],
    terms: Callable[[str, str], Terms],
    renders: Callable[[str], object],
) -> Fate:
    """Say what a replay of a share comes to.

    `require(connection)`, `terms(connection, operation)` and `renders(update id)` raise DeadLetterError where a
    replay would be refused: one that lacks a mapping stands for all that lack the same.
    """
    would, goes = READ_AGAIN, True
    try:
        require(share.connection)
        if share.what == "update":
            would, goes = _of_updates(share, terms(share.connection, share.operation))
        if share.lacking:
            renders(share.example)
    except DeadLetterError as error:
        would, goes = f"left: {error}", False
    return Fate(share.what, share.connection, share.operation, share.number, would, goes)


def _of_updates(share: Share, terms: Terms) -> tuple[str, bool]:
    claim = terms.claim
    if share.state == UpdateState.DOUBLED.value:
        return "left: they have landed, and more than once", False
    if share.made:
        return "left: their tickets are known, so they have landed: confirm them", False
    if not share.maybe:
        return AGAIN, True
    if claim.strategy is Strategy.KEY and share.remembered:
        return STORED, True
    if claim.strategy is Strategy.NONE or (claim.strategy is Strategy.KEY and not claim.probe):
        return "left: may have landed, and nothing can tell: one at a time, with confirm or --accept-duplicate", False
    return LOOKED_FOR, True
