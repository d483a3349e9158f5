"""What a refused write means: the default table, but for what Salesforce says in other ways."""

from __future__ import annotations

from connectors.salesforce.asking import codes, complaint, is_throttled, wait_of
from connectors.sdk import HttpResponse, NotSent, Outcome, Rejected, Throttled, classify

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
