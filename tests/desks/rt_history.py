"""What a real RT itself says has happened to a ticket: its transactions, read through REST 2 as an administrator."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.desks.rt_server import RtServer

GATEWAY = "gateway"
SPOKEN = frozenset({"Comment", "Correspond"})


class Transaction(msgspec.Struct, frozen=True):
    """One transaction of a ticket; `words` are those of its message."""

    number: int
    type: str
    field: str
    value: str
    creator: str
    words: str = ""


def history(rt: RtServer, ticket: str) -> list[Transaction]:
    """Return the transactions of a ticket, oldest first."""
    wanted = "fields=Type,Field,NewValue,Creator&fields[Creator]=Name"
    words = {str(row["TransactionId"]): str(row["Content"]) for row in _rows(
        rt, f"/ticket/{ticket}/attachments?fields=TransactionId,ContentType,Content"
    ) if str(row["ContentType"]).startswith("text/")}  # fmt: skip
    found = [
        Transaction(
            number=int(row["id"]),
            type=str(row["Type"]),
            field=str(row["Field"] or ""),
            value=str(row["NewValue"] or ""),
            creator=str(row["Creator"]["Name"]),
            words=words.get(str(row["id"]), "") if row["Type"] in SPOKEN else "",
        )
        for row in _rows(rt, f"/ticket/{ticket}/history?{wanted}")
    ]
    return sorted(found, key=lambda each: each.number)


def _rows(rt: RtServer, path: str) -> list[Any]:
    """Read every page."""
    found: list[Any] = []
    page = 1
    while True:
        answer = rt.call("GET", f"{path}&per_page=100&page={page}", who="root")
        if not answer["items"]:
            return found
        found += answer["items"]
        page += 1


def tickets(rt: RtServer) -> list[str]:
    """Return the number of every ticket that there is, oldest first."""
    return sorted((str(row["id"]) for row in _rows(rt, "/tickets?query=id%3E0")), key=int)
