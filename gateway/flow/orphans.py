"""An update whose worker is gone: nobody knows whether its write has left, and it may still be on its way.

A lease ends sooner than some desks show what was written to them (an index that lags, a write that they queue). To look
then, find nothing and write again would double it. So it is looked for when it is too late to come, as after an answer
that was lost.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.domain.update import Strategy, UpdateState
from gateway.flow.attempt import FILE_SECONDS
from gateway.ports import AttemptEnd, LaneClaim, OperationClaim, Tx, UpdateRow

_LOOKS = frozenset({Strategy.PROBE, Strategy.CONDITIONAL})


def ready(
    tx: Tx, claim: LaneClaim, update: UpdateRow, terms: OperationClaim, deadline: float, *, lease: float, now: datetime
) -> UpdateRow | None:
    """Return the head of a lane that was claimed; None: its time has not come, and that is recorded.

    `deadline` is that of a request, `lease` that of a lane, in seconds.
    """
    if update.state is UpdateState.UNKNOWN and update.not_before is not None and update.not_before > now:
        return None
    if update.state is not UpdateState.SENDING or terms.strategy is Strategy.NONE:
        return update
    # half a lease may pass between the intent and the sending, and no more
    longest = lease / 2 + deadline + FILE_SECONDS * len(update.intent.attachments) + terms.settle
    settled = (tx.looks.intended_at(update.id) or now) + timedelta(seconds=longest)
    if settled <= now:
        return update
    looks = terms.strategy in _LOOKS or (terms.strategy is Strategy.NATURAL and terms.probe)
    unknown = AttemptEnd(
        update.id,
        claim.link_id,
        claim.connection,
        claim.epoch,
        UpdateState.UNKNOWN,
        now,
        not_before=settled if looks else None,
        settle_until=settled,
        detail="its worker is gone: it may have landed",
    )
    tx.outbox.record([unknown], lease=lease, now=now)
    return None
