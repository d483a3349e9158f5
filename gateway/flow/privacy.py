"""Whether a write would show a private ticket to everybody: then it is not sent, whoever asks (fails closed)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.domain.link import Link, Role
from gateway.domain.ticket import Ticket
from gateway.domain.update import Operation, Reason, Rejected
from gateway.ports import ConnectorSpec, Tx, UpdateRow
from rules.sync import SyncRule

#: the fact by which a connection proves that not everybody reads its tickets
CLOSED = "closed_to_public"


def withheld(
    tx: Tx, update: UpdateRow, link: Link, spec: ConnectorSpec, facts: Mapping[str, Any], rules: tuple[SyncRule, ...]
) -> Rejected | None:
    """Return why an update is not sent; None: nothing speaks against it.

    It is asked when the update is about to leave, for its ticket may have become private since it was planned.
    """
    if not spec.open_to_all or facts.get(CLOSED) is True or update.operation is Operation.UNDO:
        return None
    ticket = tx.tickets.get(update.ticket_id)
    if ticket is None or not _hides(ticket, link):
        return None
    rule = next((each for each in rules if each.name == link.rule), None)
    if rule is not None and spec.private_param and rule.create.get(spec.private_param) is True:
        return None
    where = " and ".join(ticket.private_at)
    way = f", or create: {{{spec.private_param}: true}} in the rule {link.rule!r}" if spec.private_param else ""
    why = (
        f"the ticket is private at {where}, and everybody may be able to read it at {link.connection}: nothing of it "
        f"is written there. Make it public at {where} and replay{way}; else discard"
    )
    return Rejected(why, Reason.PRIVATE)


def _hides(ticket: Ticket, link: Link) -> bool:
    """Say whether a ticket is private, and is not so at the very desk that is written to.

    Where it began, those who read it know of it; but not where it goes on in another one, into which it was merged.
    """
    is_its_own = link.role is Role.SOURCE and link.ticket_id == ticket.id
    return bool(ticket.private_at) and link.connection not in ticket.private_at and not is_its_own
