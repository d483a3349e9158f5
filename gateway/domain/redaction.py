"""What stays of a ticket when its people are no longer anybody's business, and what comes back when it lives again.

Pure. Reports keep what they count by: state, priority, queue, organisation, times, and which account did the work.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.domain.event import Event
from gateway.domain.link import CORRESPONDENCE, Link, Role
from gateway.domain.person import RemotePerson
from gateway.domain.recent import Recent
from gateway.domain.ticket import Ticket

#: fields whose values are prose of people
PROSE = ("title", "body")


def without_people(ticket: Ticket, now: datetime) -> Ticket:
    """Return a ticket without prose and without who asked; of who worked on it the account stays."""
    return msgspec.structs.replace(
        ticket,
        title="",
        body="",
        requester=None,
        participants=(),
        assignee=only_account(ticket.assignee),
        org=msgspec.structs.replace(ticket.org, account_manager=""),
        # what admins of a desk put there nobody knows here
        custom={},
        recent=Recent(),
        unmapped=tuple(each for each in ticket.unmapped if each.field in {"status", "priority", "kind", "queue"}),
        redacted_at=now,
    )


def only_account(person: RemotePerson | None) -> RemotePerson | None:
    """Return a person without name and addresses: what the desk counts them by, and their part."""
    return None if person is None else RemotePerson(external_id=person.external_id, role=person.role)


def without_prose(link: Link) -> Link:
    """Return a link that has forgotten the prose that it saw: what its desk shows next is noted, as at first."""
    kept = {field: seen for field, seen in link.observed.items() if field not in {*PROSE, CORRESPONDENCE}}
    return msgspec.structs.replace(link, observed=kept)


def recalled(ticket: Ticket, link: Link, event: Event) -> Ticket:
    """Return a ticket about which its desks say something again: it has its prose back once its source shows it.

    It counts as changed then, so that its time begins anew.
    """
    changes = {"updated_at": max(ticket.updated_at, event.at)}
    snapshot = event.snapshot
    if snapshot is None or link.role is not Role.SOURCE or not snapshot.complete:
        return msgspec.structs.replace(ticket, **changes)
    prose = {name: value for name in PROSE if (value := getattr(snapshot, name)) and not getattr(ticket, name)}
    return msgspec.structs.replace(ticket, redacted_at=None, **prose, **changes)
