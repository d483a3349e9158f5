"""What the task tables of a ServiceNow instance mean: their states, their kinds, and who asked.

States are numbers kept as text; each table has numbers of its own [S9]. An instance may have others: `states:` of the
connection names them. All of it is data, so that a table more is a line more.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from connectors.sdk import Category, HoldReason, Kind

Meaning = tuple[Category, HoldReason | None]

#: the reasons of an incident on hold: awaiting caller, evidence, problem, vendor, change
HOLD_REASONS: Mapping[str, Meaning] = {
    "1": (Category.PENDING_CUSTOMER, None),
    "2": (Category.ON_HOLD, HoldReason.OTHER),
    "3": (Category.ON_HOLD, HoldReason.OTHER),
    "4": (Category.ON_HOLD, HoldReason.THIRD_PARTY),
    "5": (Category.ON_HOLD, HoldReason.OTHER),
}
ON_HOLD = "3"
AWAITING_CALLER, AWAITING_PROBLEM, AWAITING_VENDOR = "1", "3", "4"

#: the labels of an incident's states in English, which a script sends that asked for display values
INCIDENT_LABELS: Mapping[str, str] = {
    "new": "1", "in progress": "2", "on hold": "3", "resolved": "6", "closed": "7", "canceled": "8", "cancelled": "8"
}  # fmt: skip


class Table(msgspec.Struct, frozen=True):
    """One task table: what its states mean, which one we write, its kind and the column of the requester."""

    kind: Kind
    states: Mapping[str, Category]
    words: Mapping[Category, str]
    requester: str
    #: columns beside `state` that a closed record needs, and to which states that applies
    closing: frozenset[str] = frozenset()
    holds: bool = False


_TASK_STATES: Mapping[str, Category] = {
    "-5": Category.ON_HOLD,
    "1": Category.OPEN,
    "2": Category.OPEN,
    "3": Category.RESOLVED,
    "4": Category.CLOSED,
    "7": Category.CANCELLED,
}
_TASK_WORDS: Mapping[Category, str] = {
    Category.NEW: "1",
    Category.OPEN: "2",
    Category.PENDING_CUSTOMER: "-5",
    Category.ON_HOLD: "-5",
    Category.RESOLVED: "3",
    Category.CLOSED: "3",
    Category.CANCELLED: "7",
}


def _task(kind: Kind, requester: str = "opened_by") -> Table:
    return Table(kind, {**_TASK_STATES, "1": Category.NEW}, _TASK_WORDS, requester)


TABLES: Mapping[str, Table] = {
    "incident": Table(
        Kind.INCIDENT,
        {
            "1": Category.NEW,
            "2": Category.OPEN,
            "3": Category.ON_HOLD,
            "6": Category.RESOLVED,
            "7": Category.CLOSED,
            "8": Category.CANCELLED,
        },
        {
            Category.NEW: "1",
            Category.OPEN: "2",
            Category.PENDING_CUSTOMER: "3",
            Category.ON_HOLD: "3",
            Category.RESOLVED: "6",
            Category.CLOSED: "7",
            Category.CANCELLED: "8",
        },
        "caller_id",
        frozenset({"6", "7"}),
        holds=True,
    ),
    "problem": Table(
        Kind.PROBLEM,
        {
            # the older model counts from 1, the present one from 101
            "1": Category.NEW,
            "2": Category.OPEN,
            "3": Category.ON_HOLD,
            "4": Category.CLOSED,
            "101": Category.NEW,
            "102": Category.OPEN,
            "103": Category.OPEN,
            "104": Category.OPEN,
            "106": Category.RESOLVED,
            "107": Category.CLOSED,
        },
        {
            Category.NEW: "101",
            Category.OPEN: "102",
            Category.RESOLVED: "106",
            Category.CLOSED: "107",
            Category.CANCELLED: "107",
        },
        "opened_by",
    ),
    "change_request": Table(
        Kind.CHANGE,
        {
            "-5": Category.NEW,
            "-4": Category.OPEN,
            "-3": Category.OPEN,
            "-2": Category.OPEN,
            "-1": Category.OPEN,
            "0": Category.OPEN,
            "3": Category.CLOSED,
            "4": Category.CANCELLED,
        },
        {
            Category.NEW: "-5",
            Category.OPEN: "-4",
            Category.RESOLVED: "3",
            Category.CLOSED: "3",
            Category.CANCELLED: "4",
        },
        "requested_by",
    ),
    "sc_request": _task(Kind.REQUEST, "requested_for"),
    "sc_req_item": _task(Kind.REQUEST),
    "sc_task": _task(Kind.TASK),
    "task": _task(Kind.TASK),
}


def table_of(name: str) -> Table:
    """Return what is known of a table; any other is one of tasks (`u_…`, `sn_…`)."""
    return TABLES.get(name) or _task(Kind.OTHER)
