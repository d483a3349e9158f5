"""How a given-up update is tried again without being done twice: pure.

The effect key stays, so a desk that knows it, or a probe that finds it, recognises the earlier attempt. When one of
these may have landed, the update goes back to `unknown`, where the strategy resolves it (a probe first, or the stored
bytes under the same key); only when all are known to have had no effect does it go back to `ready`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from dead_letters.model import DeadLetterError, Letter
from gateway.domain.update import Operation, Reason, Strategy, UpdateState
from gateway.ports import OperationClaim

#: what an attempt came to when it is certain that nothing took effect
_WITHOUT_EFFECT = frozenset({"rejected", "forbidden", "notsent", "throttled", "unauthorized", "conflict"})
#: one of several writes is done and noted: the next attempt goes on behind it
_NOTED = frozenset({"progress"})


class Replay(msgspec.Struct, frozen=True):
    """How to try again."""

    state: UpdateState
    not_before: datetime | None
    #: at the end of its lane, because what was behind it has gone ahead
    tail: bool
    warnings: tuple[str, ...] = ()


def may_have_landed(letter: Letter) -> bool:
    """Say whether any attempt may have taken effect at the desk."""
    if letter.update.state is UpdateState.AMBIGUOUS:
        return True
    return any(tried.outcome not in _WITHOUT_EFFECT | _NOTED for tried in letter.tries)


def decide(letter: Letter, claim: OperationClaim, now: datetime, *, accept_duplicate: bool) -> Replay:
    """Say how to try again; `claim` is the operation's strategy as it holds for this connection now.

    Raises DeadLetterError when it would have to be sent blindly and the duplicate is not accepted, and when a part of
    what was asked never made it into the update.
    """
    update = letter.update
    if update.reason is Reason.UNMAPPED:
        msg = (
            f"{update.detail or 'a value has no mapping'}. This update holds only what did have one, so a replay would "
            f"leave the rest out: complete the map, change the value once more, and discard this one"
        )
        raise DeadLetterError(msg)
    warnings = []
    state, not_before = UpdateState.READY, None
    if may_have_landed(letter):
        if _resolvable(letter, claim, now):
            state = UpdateState.UNKNOWN
            settle = update.settle_until
            not_before = settle if settle is not None and settle > now else None
        elif not accept_duplicate:
            msg = (
                f"an earlier attempt may have landed, and nothing at {update.connection} can tell: look there first. "
                f"If it is there, discard this one; if it is not, or twice does no harm, add --accept-duplicate"
            )
            raise DeadLetterError(msg)
        else:
            warnings.append("it is sent again although an earlier attempt may have landed")
    touched = sorted(letter.later_fields & set(update.intent.fields))
    if not letter.standing and touched and update.operation is Operation.SET_FIELDS:
        warnings.append(f"{', '.join(touched)}: a newer one has been written there since, and this one goes over it")
    return Replay(state, not_before, tail=not letter.standing, warnings=tuple(warnings))


def _resolvable(letter: Letter, claim: OperationClaim, now: datetime) -> bool:
    """Say whether the strategy can find out what became of the earlier attempt, or may repeat it harmlessly."""
    if claim.strategy is Strategy.KEY:
        first = letter.update.first_sent_at
        return claim.probe or (first is not None and now - first < timedelta(seconds=claim.key_ttl))
    return claim.strategy is not Strategy.NONE
