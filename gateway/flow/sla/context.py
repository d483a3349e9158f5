"""What a notice shows beside its words: the facts of the ticket and of its clock, and where to look. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

from gateway.domain.clock_instance import Instance
from gateway.domain.link import Link, Role
from gateway.domain.ticket import Ticket
from rules.duration import words


def context_of(
    ticket: Ticket, links: Sequence[Link], clock: Instance, *, zone: tzinfo, runbook: str = ""
) -> dict[str, Any]:
    """Return facts (label, value) and links (label, address) for a channel that can show them apart; none is empty.

    The due time is in `zone`. The text of the ticket is not among them: those who may know look at the desk.
    """
    facts = [
        ("Ticket", ticket.title),
        ("Priority", ticket.priority.level.value if ticket.priority.level.value != "unset" else ticket.priority.native),
        ("Promise", f"{clock.metric} ({clock.policy})" if clock.policy else clock.metric),
        ("Due", _due(clock, zone)),
        ("Status", ticket.status.category.value.replace("_", " ")),
        ("With", _with(ticket)),
        ("Customer", _customer(ticket)),
    ]
    ordered = sorted(links, key=lambda link: link.role is not Role.SOURCE)
    there = [(f"{link.connection} {link.key or link.remote_id}".strip(), link.url) for link in ordered if link.url]
    found: dict[str, Any] = {
        "facts": [[label, value] for label, value in facts if value],
        "links": [list(each) for each in there],
    }
    return found | ({"runbook": runbook} if runbook else {})


def _due(clock: Instance, zone: tzinfo) -> str:
    left = clock.remaining_s
    told = f"{words(-left)} over" if left < 0 else f"{words(left)} left"
    return f"{clock.due.astimezone(zone):%Y-%m-%d %H:%M %Z} ({told})" if clock.due is not None else told


def _with(ticket: Ticket) -> str:
    parts = (ticket.assignee.label if ticket.assignee is not None else "", ticket.team or ticket.queue)
    return ", ".join(part for part in parts if part) or "nobody"


def _customer(ticket: Ticket) -> str:
    requester = ticket.requester.label if ticket.requester is not None else ""
    org = ticket.org.name or ticket.org.id
    return ", ".join(part for part in (requester, org, ticket.tier) if part)
