"""What a report counts a ticket by, as it goes into the log of its clocks: it outlives the words about people.

Of an owner only the account is kept, or a digest where no account is known; who that is say the tickets that still
name them.
"""

from __future__ import annotations

from gateway.domain.ids import digest
from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Setter, Ticket

OWNER, CLIENT, PROJECT, ISSUE, SOURCE = "owner", "client", "project", "issue", "source"
_SHORT = 16


def context_of(ticket: Ticket) -> dict[str, str]:
    """Return what a ticket is counted by now; what it has not is left out."""
    project = ticket.custom.get(PROJECT)
    found = {
        OWNER: account_of(ticket),
        CLIENT: ticket.org.name or ticket.org.id,
        PROJECT: str(project) if isinstance(project, str | int) else "",
        ISSUE: ticket.issue,
        SOURCE: ticket.source,
    }
    return {name: value for name, value in found.items() if value}


def account_of(ticket: Ticket) -> str:
    """Return by what the assignee of a ticket is known again at any desk; empty: it has none."""
    person = ticket.assignee
    if person is None:
        return ""
    if person.email:
        return digest("email", person.email.strip().casefold())[:_SHORT]
    if person.external_id:
        return f"{_desk(ticket)}:{person.external_id}"
    return digest("name", person.name.strip().casefold())[:_SHORT] if person.name else ""


def _desk(ticket: Ticket) -> str:
    stamp = ticket.stamps.get("assignee")
    return stamp.name if stamp is not None and stamp.by is not Setter.RULE else ticket.source


def names(people: dict[str, RemotePerson]) -> dict[str, str]:
    """Return how owners are called, by their account: the name, with the address where two have the same one."""
    shared: dict[str, set[str]] = {}
    for person in people.values():
        shared.setdefault(person.label, set()).add(person.email.casefold())
    return {
        account: f"{person.label} <{person.email}>" if len(shared[person.label] - {""}) > 1 else person.label
        for account, person in people.items()
    }
