"""Taking a second copy of a ticket back: solved and tagged, so that nobody works on it and it can be found.

A comment is left to a person: Zendesk can only redact its words, for good.
"""

from __future__ import annotations

from typing import Any

from connectors.sdk import Call, Done, Effect, HttpRequest, Intent, Operation, Outcome, Rejected
from connectors.zendesk import mapping
from connectors.zendesk.account import Account
from connectors.zendesk.asking import ask, get, is_ticket_id, ticket_path
from connectors.zendesk.calls import own_id
from connectors.zendesk.mapping import ident, obj, text
from connectors.zendesk.writes import refusal

COPY_TAG = "gateway_double"


def take_back(account: Account, intent: Intent) -> Call[Outcome]:
    """Solve a second copy of a ticket and tag it; done already, or gone, is as good."""
    copy = str(intent.params.get("copy") or "")
    if intent.params.get("of") != Operation.CREATE.value or not is_ticket_id(copy):
        return Rejected("Zendesk can only redact a comment, for good, which is left to a person")
    body = yield from ask(get(ticket_path(copy), "read the copy"))
    data = obj((body or {}).get("ticket"))
    if not data or text(data.get("status")) in {"solved", "closed", *mapping.DELETED}:
        return Done()
    ticket: dict[str, Any] = {"status": "solved", "tags": sorted({*mapping.tags(data.get("tags")), COPY_TAG})}
    if not ident(data.get("assignee_id")):
        # Zendesk lets nobody solve a ticket that is nobody's
        ticket["assignee_id"] = yield from own_id(account)
    headers = {"Accept": "application/json"}
    response = yield HttpRequest(
        "PUT", ticket_path(copy), Effect.WRITE, headers=headers, json={"ticket": ticket}, label="undo"
    )
    return refusal(response) or Done()
