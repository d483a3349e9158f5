"""Routing as part of what follows from a decision: the ticket is stored as it is given, and its clocks hear of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from gateway.domain.link import Link
from gateway.flow.desks import LiveSite
from gateway.flow.plan import Cause
from gateway.flow.routing.placing import Placed, placed
from gateway.flow.sla.entries import Happened
from gateway.ports import Ids, Tx
from rules.decide import RuleSet


def give(
    tx: Tx,
    happened: Happened,
    links: Sequence[Link],
    *,
    site: LiveSite,
    cause: Cause,
    ids: Ids,
    keep: Callable[[Tx, Happened, RuleSet, Ids], object],
) -> Placed:
    """Let routing say who is to work on a ticket, after its clocks have said when it is due."""
    decided = happened.ticket
    if not site.rules.routing or happened.gone:
        return Placed(decided)
    given = placed(tx, decided, links, site=site, cause=cause, ids=ids)
    if given.ticket != decided:
        tx.tickets.save(given.ticket)
        later = msgspec.structs.replace(
            happened, before=decided, ticket=given.ticket, comments=(), lost=(), at=cause.now, automatic=True
        )
        keep(tx, later, site.rules, ids)
    return given
