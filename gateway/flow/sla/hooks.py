"""What a hook is told: the ticket and the clock as plain values. Names of these are for ever: programs read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.link import Link
from gateway.domain.ticket import Ticket
from gateway.flow.sla.levels import Level

TYPE = "sla.escalation"


def known_of(ticket: Ticket, links: Sequence[Link], level: Level, now: datetime, runbook: str) -> dict[str, Any]:
    """Return it: with the title, but neither the text nor who the customer is; those who may know look at the desk."""
    clock = level.instance
    found = {
        "type": TYPE,
        "timestamp": now,
        "escalation": level.escalation.name,
        "due": level.at,
        "runbook": runbook,
        "ticket": {
            "id": ticket.id,
            "title": ticket.title,
            "kind": ticket.kind.value,
            "status": ticket.status.category.value,
            "priority": ticket.priority.level.value,
            "tier": ticket.tier,
            "stage": ticket.stage,
            "queue": ticket.queue,
            "team": ticket.team,
            "assignee": ticket.assignee.label if ticket.assignee is not None else "",
            "org": ticket.org.name or ticket.org.id,
            "tags": list(ticket.tags),
            "links": [
                {"connection": link.connection, "remote_id": link.remote_id, "key": link.key, "url": link.url}
                for link in links
            ],
        },
        "clock": {
            "metric": clock.metric,
            "cycle": clock.cycle,
            "policy": clock.policy,
            "status": clock.status.value,
            "started": clock.started,
            "due": clock.due,
            "breached_at": clock.breached_at,
            "target_s": clock.target_s,
            "elapsed_s": clock.elapsed_s,
            "remaining_s": clock.remaining_s,
        },
    }
    plain: dict[str, Any] = msgspec.to_builtins(found, builtin_types=())
    return plain
