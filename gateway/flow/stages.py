"""What the desks say of a ticket's status, for its stage; and the move that came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gateway.domain.link import Link, LinkState
from gateway.domain.stage import StageMove
from gateway.domain.ticket import Setter, Ticket
from rules.stages import DeskStatus


def desk_statuses(links: Sequence[Link], moved: DeskStatus | None) -> tuple[DeskStatus, ...]:
    """Return how each desk words the status that somebody there gave the ticket; `moved` is what an event brought.

    A status that we wrote ourselves repeats what another desk or a rule has said, and says nothing of the stage.
    """
    found = []
    for link in links:
        seen = link.observed.get("status")
        if moved is not None and moved.connection == link.connection and link.state is LinkState.LIVE:
            found.append(moved)
        elif seen is not None and not seen.ours and link.state is LinkState.LIVE:
            native = str(seen.value.get("native") or seen.value.get("category", ""))
            found.append(DeskStatus(link.connection, native, seen.at))
    return tuple(found)


def move_of(before: Ticket | None, decided: Ticket, event_at: datetime, now: datetime) -> StageMove | None:
    """Return the move from one stage to another, with the time at which it happened; None where there is none.

    A desk's status counts from its edit, a rule from the event on which it decided, on a new ticket from its opening.
    """
    if decided.stage == (before.stage if before is not None else ""):
        return None
    stamp = decided.stamps.get("stage")
    if stamp is not None and stamp.by is not Setter.RULE:
        at = stamp.at
    else:
        at = event_at if before is not None else decided.created_at
        last = before.stamps.get("stage") if before is not None else None
        at = min(max(at, last.at) if last is not None else at, now)
    return StageMove(
        ticket=decided.id,
        stage=decided.stage,
        kind=decided.kind,
        at=at,
        recorded_at=now,
        by=stamp.by if stamp is not None else Setter.RULE,
        name=stamp.name if stamp is not None else "",
    )
