"""What a refused write means: the default table, but for what Salesforce says in other ways."""

from __future__ import annotations

import re

from connectors.salesforce.account import Account
from connectors.salesforce.asking import codes, complaint, errors, is_throttled, wait_of
from connectors.salesforce.mapping import text
from connectors.sdk import HttpResponse, Intent, NotSent, Outcome, Rejected, Throttled, classify, refused_of
from gateway.domain.shown import CUSTOM

#: fields as Salesforce names them
OURS = {"Subject": "title", "Description": "body", "Status": "status", "Priority": "priority", "Type": "kind"}
#: a field that the org has not, or that we may not write: "No such column 'X__c' on sobject of type Case"
_NO_COLUMN = re.compile(r"No such column '(\w+)'")

#: another transaction holds the record: nothing took effect, and it is worth another try
LOCKED = frozenset({"UNABLE_TO_LOCK_ROW", "TXN_SECURITY_METERING_ERROR"})


def refusal(response: HttpResponse) -> Outcome | None:
    """Classify what is not 2xx by the default table, but for throttling (403 here) and locked rows (400)."""
    if is_throttled(response):
        return Throttled(complaint(response), wait_of(response))
    if codes(response) & LOCKED:
        return NotSent(complaint(response))
    outcome = classify(response)
    return Rejected(complaint(response)) if isinstance(outcome, Rejected) else outcome


def refused_fields(account: Account, intent: Intent, response: HttpResponse) -> tuple[str, ...]:
    """Return the fields of an intent that Salesforce names: in `fields` of an error, or as a column that it has not."""
    named: list[str] = []
    for error in errors(response):
        told = error.get("fields")
        named += [text(each) for each in told] if isinstance(told, list) else []
        named += _NO_COLUMN.findall(text(error.get("message")))
    shown = (name.removeprefix(CUSTOM) for name in intent.fields if name.startswith(CUSTOM))
    custom = {account.custom_field(name): CUSTOM + name for name in shown}
    owner = "assignee" if intent.fields.get("assignee") or "queue" not in intent.fields else "queue"
    return refused_of(intent, named, {**OURS, "OwnerId": owner, **custom})
