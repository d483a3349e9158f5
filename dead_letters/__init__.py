"""Dead letters: what was given up, why, and what a person can do about it. A state of the outbox and the inbox."""

from dead_letters.model import DeadLetterError, Letter, LetterTx, Shelf, Tried
from dead_letters.replay import Replay, decide
from dead_letters.resolve import Person, Resolved, discard_delivery, discard_update, replay_delivery, replay_update

__all__ = [
    "DeadLetterError",
    "Letter",
    "LetterTx",
    "Person",
    "Replay",
    "Resolved",
    "Shelf",
    "Tried",
    "decide",
    "discard_delivery",
    "discard_update",
    "replay_delivery",
    "replay_update",
]
