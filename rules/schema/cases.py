"""Schema of *.cases.yaml: tests of the rules. What can be given and expected follows the fields of conditions."""

from __future__ import annotations

from gateway.domain.ticket import SYNCED_FIELDS, Category, Visibility
from rules.duplicates import DuplicateAction
from rules.fields import Field, FieldType, Vocabulary
from rules.routed import Outcome
from rules.schema.clocks import METRICS
from rules.schema.shapes import (
    BOOL,
    DURATION,
    LANGUAGE,
    NAME,
    TEXT,
    WORD,
    Schema,
    by_type,
    choice,
    listed,
    named,
    record,
)

#: what nobody gives a ticket: it follows from the rest, from time, or from what the gateway does
DERIVED = frozenset(
    {"text", "age", "now", "links", "created_at", "updated_at", "resolved_at", "closed_at", "duplicate_of"}
)
#: a rule may ask for these, but a case that says them would say one thing twice
_INSIDE = frozenset({"priority.native", "requester.external_id", "requester.role", "assignee.role"})


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


INSTANT: Schema = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}.*)?$",
    "description": "an instant such as 2026-03-10T09:00+01:00 (without a zone: UTC)",
}
CUSTOM: Schema = {
    "type": ["string", "integer", "number", "boolean", "array", "null"],
    "description": "a text, a number, true, false or a list",
}
_CUSTOM_KEYS = r"^custom\.[^\s]+$"


def case_fields() -> tuple[Field, ...]:
    """Return the fields that a case can give and expect, but for those of `custom`."""
    known = Vocabulary().fields
    return tuple(field for name, field in known.items() if name not in DERIVED | _INSIDE)


def _value(field: Field) -> Schema:
    match field.type:
        case FieldType.CHOICE if field.words and field.name not in {"source", "stage"}:
            return choice(*field.words)
        case FieldType.LEVEL:
            return choice(*field.words)
        case FieldType.LANGUAGE:
            return LANGUAGE
        case FieldType.LIST:
            return listed(TEXT, "a list of texts")
        case FieldType.PERSON:
            return TEXT | {"description": "a name from people, or an e-mail address"}
        case FieldType.NUMBER:
            return {"type": "integer", "minimum": 0, "description": "a whole number"}
        case FieldType.TEXT:
            return WORD | {"description": "a text"}
        case _:
            return TEXT


def _or_empty(schema: Schema) -> Schema:
    """Let `null` stand for a field that holds nothing."""
    said = schema["description"]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return by_type(f"{said}, or null for empty", **dict.fromkeys(kinds, schema), null={})


_FIELDS: dict[str, Schema] = {field.name: _value(field) for field in case_fields()}
GIVEN_FIELDS: dict[str, Schema] = {**_FIELDS, "created_at": INSTANT}

#: at a desk to which a rule copies tickets, a status is that desk's own word
STEP_FIELDS: dict[str, Schema] = {
    name: schema for name, schema in _FIELDS.items() if name not in {"source", "channel"}
} | {
    "status": {
        "type": "string",
        "minLength": 1,
        "examples": [each.value for each in Category],
        "description": "a status, or at another desk its own word for one",
    }
}
EXPECT_FIELDS: dict[str, Schema] = {name: _or_empty(schema) for name, schema in _FIELDS.items()}

_TOLD: Schema = {
    "type": ["string", "integer", "number", "boolean", "array", "null"],
    "description": "a value in the words of that desk, or null: it is not told",
}
_SAID = by_type("words of the comment, or null: there is none", string=TEXT, null={})
TOLD_FIELDS: dict[str, Schema] = {
    **dict.fromkeys(SYNCED_FIELDS, _ref("case_value")),
    "public_reply": _SAID,
    "internal_note": _SAID,
}

_CONNECTIONS = listed(NAME, "a list of connections")
SYNC: Schema = record(
    {
        "created": by_type(
            "a list of connections, or a mapping from connection to what the new ticket has there",
            array=_CONNECTIONS,
            object=named(
                record(TOLD_FIELDS, description="what the new ticket has", additionalProperties=_ref("case_value")),
                "a mapping from connection to what the new ticket has there",
            ),
        ),
        "updates": named(
            record(TOLD_FIELDS, description="what the desk is told"),
            "a mapping from connection to what it is told",
        ),
        "parked": _CONNECTIONS,
    },
    description="what other desks are told",
    minProperties=1,
)

_RULES = listed(TEXT, "a list of rules")
RULES: Schema = record(
    {"matched": _RULES, "not_matched": _RULES},
    description="which rules match and which do not",
    minProperties=1,
)

DUPLICATES: Schema = by_type(
    "a list such as [{of: first, do: propose}]; [] for none",
    array=listed(
        record(
            {"of": TEXT, "do": choice(*DuplicateAction), "rule": TEXT},
            required=("of",),
            description="a ticket that this one repeats",
        ),
    ),
)

_ROUTED = by_type("a name, or null for none", string=NAME, null={})
ROUTE: Schema = record(
    {
        "rule": _ROUTED,
        "region": _ROUTED,
        "team": _ROUTED,
        "agent": _ROUTED,
        "queue": by_type("a text, or null for none", string=TEXT, null={}),
        "flags": listed(NAME),
        "outcome": choice(*Outcome),
        "until": INSTANT,
    },
    description="where it goes",
    minProperties=1,
)

PHASES = ("not_started", "running", "paused", "stopped", "canceled")
OUTCOMES = ("pending", "met", "breached", "canceled")
CLOCK: Schema = record(
    {
        "phase": choice(*PHASES),
        "outcome": choice(*OUTCOMES),
        "elapsed": DURATION,
        "remaining": DURATION,
        "due": INSTANT,
        "breached_at": INSTANT,
        "cycle": {"type": "integer", "minimum": 1, "description": "the number of the cycle, from 1"},
    },
    description="a clock",
    minProperties=1,
)
CLOCKS: Schema = record(
    dict.fromkeys(METRICS, _ref("clock")),
    description="a mapping from metric to its clock",
    patternProperties={"^stage:[A-Za-z0-9_.-]+$": _ref("clock")},
    minProperties=1,
)

EXPECT: Schema = record(
    {
        **EXPECT_FIELDS,
        "policy": by_type("a policy, or null for none", string=NAME, null={}),
        "duplicates": DUPLICATES,
        "sync": SYNC,
        "rules": RULES,
        "route": ROUTE,
        "clocks": CLOCKS,
        "escalations": listed(NAME, "the escalations that fire, in order; [] for none"),
    },
    description="what is expected",
    patternProperties={_CUSTOM_KEYS: CUSTOM},
    minProperties=1,
)

TICKET: Schema = record(
    GIVEN_FIELDS,
    required=("source",),
    description="a ticket",
    patternProperties={_CUSTOM_KEYS: CUSTOM},
)

REPLY: Schema = record(
    {"by": choice("customer", "agent"), "text": TEXT, "visibility": choice(*Visibility)},
    required=("by", "text"),
    description="a comment",
)

#: what a step is made of, beside the fields that it sets
STEP_KEYS: dict[str, Schema] = {
    "after": DURATION,
    "connection": NAME,
    "reply": REPLY,
    "set": record(STEP_FIELDS, description="fields", patternProperties={_CUSTOM_KEYS: CUSTOM}, minProperties=1),
    "expect": _ref("expect"),
}
STEP: Schema = record(
    {**STEP_KEYS, **STEP_FIELDS},
    required=("after",),
    description="a step",
    patternProperties={_CUSTOM_KEYS: CUSTOM},
)

EARLIER: Schema = record(
    {"name": NAME, "ago": DURATION, "ticket": _ref("ticket")},
    required=("name", "ago", "ticket"),
    description="a ticket that was there before",
)

_UNITS: Schema = {"type": "integer", "minimum": 0, "maximum": 1000, "description": "a whole number of units"}
AGENT: Schema = record(
    {
        "load": by_type(
            "units in use, or a mapping from channel to units", integer=_UNITS, object=named(_UNITS, "units by channel")
        ),
        "accepting": BOOL,
        "assigned_at": INSTANT,
        "released_at": INSTANT,
    },
    description="what somebody has in hand",
    minProperties=1,
)

GIVEN: Schema = record(
    {
        "at": INSTANT,
        "agents": named(AGENT, "a mapping from people to what they have in hand"),
        "ticket": _ref("ticket"),
        "earlier": listed(EARLIER, "a list of tickets that were there before"),
        "then": listed(STEP, "a list of steps"),
    },
    required=("ticket",),
    description="the ticket and what happens to it",
)

#: said once and referred to, so that the printed schema stays small
DEFINITIONS: dict[str, Schema] = {"case_value": _TOLD, "clock": CLOCK, "expect": EXPECT, "ticket": TICKET}

CASES: Schema = record(
    {
        "cases": listed(
            record(
                {"name": TEXT, "given": GIVEN, "expect": _ref("expect")},
                required=("name", "given"),
                description="a case",
            ),
            "a list of cases",
        ),
    },
    required=("cases",),
    description="a file of cases",
)
