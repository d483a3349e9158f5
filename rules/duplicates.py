"""Phase duplicates: the customer who asks twice, or in two desks."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class DuplicateAction(StrEnum):
    """What becomes of a ticket that repeats another."""

    #: a person is asked
    PROPOSE = "propose"
    MERGE = "merge"


class Duplicate(msgspec.Struct, frozen=True):
    """What a rule says: this ticket repeats that one."""

    rule: str
    #: id of the ticket that it repeats
    of: str
    action: DuplicateAction
