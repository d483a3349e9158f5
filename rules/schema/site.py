"""Schema of gateway.yaml: the connections and what the gateway may do with them."""

from __future__ import annotations

from rules.schema.clocks import NOTIFY
from rules.schema.people import ENRICH
from rules.schema.shapes import (
    BOOL,
    DURATION,
    EVERY,
    NAME,
    RATE,
    SOME_TIME,
    TEXT,
    Schema,
    by_type,
    choice,
    listed,
    named,
    record,
)
from rules.schema.tickets import SHOWN_THERE

#: an instant with its zone
MOMENT: Schema = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})$",
    "description": 'a time with its zone, quoted, such as "2026-04-01T09:00+02:00"',
}

#: keys that every connection knows, whatever its connector
CONNECTION_KEYS: dict[str, Schema] = {
    "connector": NAME,
    "url": TEXT,
    "auth": {"type": "object", "description": "a mapping of credentials"},
    "webhook_secret": by_type(
        "a reference, or a list of them while it is being changed", string=TEXT, array=listed(TEXT)
    ),
    "rate_limit": RATE,
    "reconcile_every": EVERY,
    "agents_every": DURATION,
    "deadline": SOME_TIME,
    "write_back": BOOL,
    "on_dead": choice("block", "skip"),
    "undo_doubles": BOOL,
    "due_time": SHOWN_THERE,
    "mode": choice("live", "observe"),
    "live_from": MOMENT,
    "cross_links": {
        "type": "object",
        "additionalProperties": by_type("a connection, or a list of them", string=NAME, array=listed(NAME)),
        "description": "a mapping from fields (external_id, mentions, custom fields) to the connections whose tickets "
        "they name",
    },
}

CONNECTION: Schema = {
    "type": "object",
    "properties": CONNECTION_KEYS,
    "required": ["connector"],
    # The connector says which other keys there are.
    "additionalProperties": True,
    "description": "a connection",
}

ALERT = record(
    {
        "when": {
            "type": "string",
            "pattern": r"^[a-z_]+ *(>|>=|<|<=) *([0-9]{1,9}(bd|%)?|([0-9]{1,9}[smhdwy])+)$",
            "description": "a threshold such as dead_letter_age > 30m",
        },
        "notify": NOTIFY,
    },
    required=("when", "notify"),
    description="an alert",
)

GATEWAY: Schema = record(
    {
        "mode": choice("live", "observe"),
        "live_from": MOMENT,
        "connections": named(CONNECTION, "a mapping from names to connections"),
        "retention": record(
            {"deliveries": DURATION, "personal_data": DURATION, "audit": DURATION}, description="retention"
        ),
        "attachments": record(
            {
                "largest": {
                    "type": "string",
                    "pattern": r"^[1-9][0-9]{0,4}(KB|MB)$",
                    "description": "the largest file that is carried, such as 25MB (the default; at most 50MB)",
                },
                "refuse": listed(
                    {"type": "string", "pattern": r"^\.[A-Za-z0-9_-]{1,20}$", "description": "an ending such as .exe"},
                    "endings of names whose files are not carried (default: those of programs)",
                ),
            },
            description="files",
        ),
        "stitch": record(
            {
                "shared": listed(
                    {"type": "string", "minLength": 1, "description": "an address or a number, with * and ?"},
                    "addresses and numbers of nobody in particular",
                ),
                "accounts_only": listed(NAME, "connections whose addresses tie nobody"),
            },
            description="who is taken for one person",
        ),
        "enrich": ENRICH,
        "recent": record({"within": SOME_TIME}, description="what counts as recent"),
        "classifiers": named(BOOL, "a mapping from classifiers to true or false"),
        "alerts": listed(ALERT, "a list of alerts"),
    },
    required=("connections",),
    description="the site",
)
