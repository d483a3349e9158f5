"""A brake on messages to people: two programs that answer each other must not fill anybody's mailbox.

What no person wrote is told by its marks, as far as programs set them. One that sets none answers each of our messages,
and where a desk answers that by itself the two go on for ever. So the people of one ticket are sent so many messages
an hour and no more: the next one is a dead letter that holds its lane, for a person.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.domain.update import Operation, Reason, Rejected
from gateway.ports import Braking, Connector, Tx, UpdateRow

WINDOW = timedelta(hours=1)
_MESSAGES = frozenset({Operation.CREATE, Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE})


def braked(tx: Tx, update: UpdateRow, connector: Connector, now: datetime) -> Rejected | None:
    """Return why a message is not sent; None: it may be.

    It is asked when the update is about to leave. Those to customers and those to colleagues are counted apart.
    """
    if not isinstance(connector, Braking) or update.operation not in _MESSAGES:
        return None
    most = connector.most_an_hour()
    sent = tx.outbox.sent_since(update, now - WINDOW, most)
    if len(sent) < most:
        return None
    free = min(sent) + WINDOW
    why = (
        f"{most} messages went to the people of this ticket within an hour, and no more are sent: two programs may "
        f"answer each other. Look at what was said; replay it after {free:%H:%M} UTC, or discard it (a higher "
        f"mails_per_hour of the connection lets more through)"
    )
    return Rejected(why, Reason.BOUNCE)
