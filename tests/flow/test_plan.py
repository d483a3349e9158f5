"""What is written to a desk whose edit does not stand."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from gateway.domain.link import Link, LinkState, Role
from gateway.domain.ticket import Setter, Stamp, Ticket, with_field
from gateway.flow.plan import Planner

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICKET = Ticket("t", "acme-zendesk", AT, AT, title="Title")
SOURCE = Link("s", "t", "acme-zendesk", LinkState.LIVE, Role.SOURCE, "1")


@pytest.mark.parametrize(
    ("stamp", "team", "written"),
    [
        (None, "", []),
        (None, "support", []),
        (Stamp(Setter.RULE, "routing", AT), "", []),
        (Stamp(Setter.RULE, "route:billing", AT), "support", []),
        (Stamp(Setter.DESK, "acme-zendesk", AT), "support", []),
        (Stamp(Setter.DESK, "acme-zendesk", AT), "", ["set queue"]),
        (Stamp(Setter.RULE, "escalation:late", AT), "support", ["set queue"]),
        (Stamp(Setter.PERSON, "engineering-rt", AT), "support", ["set queue"]),
    ],
)
def test_the_group_of_a_team_is_written_by_routing_alone(stamp: Stamp | None, team: str, written: list[str]) -> None:
    """The queue of the record is not where the team works: written back, it would take the ticket out of its group."""
    planner = Planner(links=[SOURCE], rules=(), connectors={}, people={}, pending=lambda _: {}, event_key="z")
    ticket = msgspec.structs.replace(TICKET, team=team)
    if stamp is not None:
        ticket = with_field(ticket, "queue", "triage", stamp)
    assert [each.summary for each in planner.overruled(ticket, ["queue"], SOURCE)] == written
