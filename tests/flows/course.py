"""The course of a ticket, line by line: printed of each that a storm found wrong, so that its cause is known."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from tests.flows.site import ZENDESK

#: how a judgement names a ticket by its number in Zendesk
NAMED = re.compile(r"\bticket (\d+)\b")


def courses(store: SqlStore, faults: Iterable[str], *, most: int = 5) -> str:
    """Return what the record knows of the tickets that these faults name, of the first few."""
    numbers = list(dict.fromkeys(found for fault in faults for found in NAMED.findall(fault)))[:most]
    with store.read() as tx:
        return "\n".join(line for number in numbers for line in _course(tx, number))


def _course(tx: SqlTx, number: str) -> list[str]:
    link = tx.links.by_remote([(ZENDESK, number)]).get((ZENDESK, number))
    ticket = tx.tickets.get(link.ticket_id) if link is not None else None
    if ticket is None:
        return [f"ticket {number}: not known"]
    lines = [f"---- ticket {number}: {ticket}", f"way: {tx.ways.get(ticket.id)}"]
    lines += [f"link: {each}" for each in tx.links.of_ticket(ticket.id)]
    dated = [
        (line["at"], f"audit {line['actor']} {line['action']} {msgspec.json.encode(line['detail']).decode()}")
        for line in tx.view.audit(ticket_id=ticket.id, limit=10_000)
    ]
    for each in tx.view.updates(ticket_id=ticket.id, limit=10_000):
        row = tx.outbox.get(each.id)
        fields = dict(row.intent.fields) if row is not None else {}
        words = f"{each.connection} {each.operation} {each.summary!r} {fields} {each.state} {each.reason} {each.detail}"
        dated.append((each.created_at, f"update {each.seq} {words} attempts {each.attempts} done {each.done_at}"))
    return lines + [f"{at:%H:%M:%S.%f} {words}" for at, words in sorted(dated, key=lambda pair: pair[0])]
