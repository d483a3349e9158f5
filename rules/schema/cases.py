"""Schema of *.cases.yaml: tests of the rules. What runs them comes later; their outline is fixed here."""

from __future__ import annotations

from rules.schema.shapes import ANYTHING, TEXT, Schema, listed, record

_FREE: Schema = {"type": "object", "additionalProperties": ANYTHING, "description": "a mapping"}

CASES: Schema = record(
    {
        "cases": listed(
            record(
                {
                    "name": TEXT,
                    "given": record(
                        {"at": TEXT, "ticket": _FREE, "then": listed(_FREE)},
                        required=("ticket",),
                        description="the ticket and what happens to it",
                    ),
                    "expect": _FREE | {"minProperties": 1},
                },
                required=("name", "given", "expect"),
                description="a case",
            ),
            "a list of cases",
        ),
    },
    required=("cases",),
    description="a file of cases",
)
