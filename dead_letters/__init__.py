"""Dead letters: what was given up, why, and what a person can do about it. A state of the outbox and the inbox."""

from dead_letters.bulk import Bulk, Runner, Taken, freeze
from dead_letters.filters import Filter
from dead_letters.model import (
    DeadLetter,
    DeadLetterError,
    Group,
    Letter,
    LetterTx,
    Reopening,
    Share,
    Shelf,
    Terms,
    Tried,
)
from dead_letters.replay import Replay, decide, may_have_landed
from dead_letters.resolve import (
    Person,
    Resolved,
    There,
    confirm_update,
    discard_delivery,
    discard_update,
    edit_update,
    plan_replay,
    replay_delivery,
    replay_update,
)

__all__ = [
    "Bulk",
    "DeadLetter",
    "DeadLetterError",
    "Filter",
    "Group",
    "Letter",
    "LetterTx",
    "Person",
    "Reopening",
    "Replay",
    "Resolved",
    "Runner",
    "Share",
    "Shelf",
    "Taken",
    "Terms",
    "There",
    "Tried",
    "confirm_update",
    "decide",
    "discard_delivery",
    "discard_update",
    "edit_update",
    "freeze",
    "may_have_landed",
    "plan_replay",
    "replay_delivery",
    "replay_update",
]
