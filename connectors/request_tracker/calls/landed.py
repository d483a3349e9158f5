"""Did a field land and somebody change it again before we looked? Only asked when a read-back differs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from connectors.request_tracker.calls.changes import rt_clock
from connectors.request_tracker.calls.desk import PERSON, Desk, ask, rows, ticket_path
from connectors.request_tracker.calls.reads import author
from connectors.request_tracker.mapping import instant, text
from connectors.sdk import Call, HttpResponse

#: transactions that say their value; owner and queue say numbers of RT's own and count as refused
TELLING = frozenset({"Subject", "Status", "Priority", "Due"})

#: RT's times have a resolution of a second, and the answer is dated after the change
BEFORE = timedelta(seconds=10)


def landed_before(
    desk: Desk, remote_id: str, fields: Mapping[str, Any], wrong: set[str], response: HttpResponse
) -> Call[set[str]]:
    """Return those of `wrong` for which the newest history shows no change of ours to the value that we wrote."""
    answer = yield from ask(
        desk.request(
            "GET",
            f"{ticket_path(remote_id)}/history",
            params={
                "fields": "Type,Creator,Created,Field,NewValue",
                "fields[Creator]": PERSON,
                "orderby": "id",
                "order": "DESC",
                "per_page": "50",
            },
            label="look for our change",
        )
    )
    missing = set(wrong)
    for row in rows(answer):
        field, at = text(row.get("Field")), instant(row.get("Created"))
        if at is None or at < rt_clock(response, at) - BEFORE:
            continue
        if field in TELLING and field in missing and text(row.get("NewValue")) == str(fields[field]):
            person = author(desk, row)
            if desk.account.is_us(person):
                missing.discard(field)
    return missing
