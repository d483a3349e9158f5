"""How many other tickets somebody and their organisation have of late: read from our own record, for the rules.

Nothing is read where no rule looks at it. The counts go on the ticket, so they are kept with the decision, and rules
that look at them run again where they differ from those that they saw last.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.domain.recent import Recent
from gateway.domain.ticket import Ticket
from gateway.ports import Tx
from rules.recent import Counting


def counted(tx: Tx, ticket: Ticket, counting: Counting, now: datetime) -> Ticket:
    """Return a ticket with the counts that rules look at; without whom it is of, or redacted, it has none.

    The ticket itself is not counted, nor what repeats it; several that repeat one another are one.
    """
    since = now - counting.within
    recent = Recent()
    if ticket.redacted_at is None:
        if counting.needs("requester") and ticket.requester_id:
            recent = msgspec.structs.replace(recent, requester=tx.people.recent(ticket, since))
        if counting.needs("org") and ticket.org_key:
            recent = msgspec.structs.replace(recent, org=tx.people.recent_of_org(ticket, since))
    return ticket if recent == ticket.recent else msgspec.structs.replace(ticket, recent=recent)
