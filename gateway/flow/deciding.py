"""Letting the rules decide on a ticket with everything that they may look at, and keeping what that was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gateway.domain.link import Link
from gateway.domain.ticket import Ticket
from gateway.flow.duplicates import Lookup
from gateway.flow.listening import Listener
from gateway.flow.people.counting import counted
from gateway.flow.people.enriching import enriched
from gateway.flow.stages import desk_statuses
from gateway.ports import Tx
from rules.classify import value_text
from rules.decide import Decision, RuleSet, decide
from rules.inputs import Inputs
from rules.stages import DeskStatus


def for_the_trail(decision: Decision, release: str) -> dict[str, Any]:
    """Return what the audit trail says of a decision: by which release, what was set, what matched, which policy."""
    return {
        "release": release,
        "sets": {each.field: value_text(each.value) for each in decision.sets},
        "matched": [f"{line.phase}: {line.rule}: {line.reason}" for line in decision.trace],
        "policy": decision.policy,
    }


def decide_on(
    ticket: Ticket,
    before: Ticket | None,
    links: Sequence[Link],
    moved: DeskStatus | None,
    *,
    tx: Tx,
    rules: RuleSet,
    listener: Listener,
    now: datetime,
) -> tuple[Decision, Inputs]:
    """Return what the rules make of a ticket, and what they saw. `moved` is the status that an event brought."""
    ticket = counted(tx, enriched(tx, ticket, rules.enrichment, now), rules.counting, now)
    # a ticket that was deleted or given up there counts as well: nothing is created a second time
    here = frozenset(link.connection for link in links)
    desks = desk_statuses(links, moved)
    earlier = Lookup(tx, ticket.id)
    said = listener.about(rules, ticket, before)
    decision = decide(
        rules, ticket, previous=before, links=here, now=now, explain=False, desks=desks, earlier=earlier, said=said
    )
    return decision, Inputs.of(ticket, before, here, now, desks=desks, others=earlier.found, said=said)
