"""Which updates, as they were just appended, are held behind a dead letter of their lane."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.domain.update import UpdateState
from gateway.flow.plan import Planned
from gateway.ports import Tx


def is_to_go(planned: Planned) -> bool:
    """Say whether an update is to be sent as soon as its lane lets it."""
    return planned.state is UpdateState.READY


def held(tx: Tx, planned: Sequence[Planned]) -> list[tuple[str, str, str, list[str]]]:
    """Return what is held: connection, id and reason of the letter before it, and the updates in words."""
    found = []
    for link in {each.link.id: each.link for each in planned}.values():
        blocker = tx.outbox.blocker(link.id)
        mine = [each.summary for each in planned if each.link.id == link.id and is_to_go(each)]
        if blocker is not None and mine:
            found.append((link.connection, *blocker, mine))
    return found
