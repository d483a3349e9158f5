"""Schemas of the sections that say what a ticket is and where it lives: people, classify, stages, duplicates, sync."""

from __future__ import annotations

from gateway.domain.ticket import SYNCED_FIELDS, Category, Kind, Level, Visibility
from rules.due_time import STATUS_WORDS, Form, Moment, WhilePaused
from rules.duplicates import DuplicateAction, OriginalChoice
from rules.fields import LEVEL_NAMES
from rules.schema.shapes import (
    ANYTHING,
    BOOL,
    CONDITION,
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
    word_or_list,
)
from rules.sync import ConflictChoice, Owner, UnmappedChoice

KIND = choice(*Kind)
PRIORITY = choice(*LEVEL_NAMES)
OWNER = choice(*Owner)

PERSON = record(
    {
        "email": TEXT,
        "phone": TEXT,
        "name": TEXT,
        "accounts": named(WORD, "a mapping from connection to account"),
        "languages": listed(LANGUAGE, "a list of language tags"),
    },
    description="a person",
)

ROLE = by_type(
    "a list of people, a field such as ticket.assignee, or on_call",
    string={
        "type": "string",
        "pattern": r"^(on_call|ticket(\.[a-z_]+)+)$",
        "description": "a field such as ticket.assignee, or on_call",
    },
    array=listed(NAME, "a list of people", least=1),
)

#: what a classify rule may set; a queue, a team and an assignee are the business of routes, a status of the desks
SETTABLE: dict[str, Schema] = {
    "kind": KIND,
    "issue": TEXT,
    "intent": TEXT,
    "priority": PRIORITY,
    "tier": TEXT,
    "stage": TEXT,
    "language": LANGUAGE,
    "region": TEXT,
    "tags": listed(TEXT, "a list of tags"),
}
#: one word, as desks keep it
TAG: Schema = {
    "type": "string",
    "pattern": r"^[^\s,;\"A-Z]{1,80}$",
    "description": "a tag in lower case, without spaces",
}
CUSTOM: Schema = {"type": ["string", "integer", "number", "boolean"], "description": "a text, a number, true or false"}

CLASSIFY = listed(
    record(
        {
            "name": NAME,
            "when": CONDITION,
            "set": record(
                SETTABLE,
                description="what the rule sets",
                patternProperties={"^custom\\.[^\\s]+$": CUSTOM},
                minProperties=1,
            ),
        },
        required=("name", "set"),
        description="a classify rule",
    ),
    "a list of classify rules",
)

_STAGE_DESKS = {
    "type": ["object", "null"],
    "additionalProperties": word_or_list(TEXT, "a status of that desk, or a list of them"),
    "description": "a mapping from connection to that desk's status",
}

STAGES: Schema = {
    "type": "object",
    "properties": {
        kind: listed(
            by_type(
                "a stage, alone or with the status that each desk gives it",
                string=NAME,
                object=named(_STAGE_DESKS, "a stage with its statuses", minProperties=1, maxProperties=1),
            ),
            "a list of stages in order",
            least=1,
        )
        for kind in Kind
    },
    "additionalProperties": False,
    "description": "a mapping from kind to its stages",
}

DUPLICATES = listed(
    record(
        {
            "name": NAME,
            "when": CONDITION,
            "same": listed(TEXT, "a list of fields", least=1),
            "within": DURATION,
            "do": choice(*DuplicateAction),
            "original": choice(*OriginalChoice),
        },
        required=("same", "within"),
        description="a duplicates rule",
    ),
    "a list of duplicates rules",
)


def _rows(ours: Schema, what: str) -> Schema:
    return listed(
        record(
            {
                "ours": word_or_list(ours, f"{what} of ours, or a list of them"),
                "theirs": word_or_list(TEXT, f"{what} of the other desk, or a list of them"),
                "to": TEXT,
                "back": ours,
            },
            required=("ours", "theirs"),
            description="a row such as {ours: open, theirs: In Progress}",
        ),
        "a list of rows",
        least=1,
    )


def _field(rows: Schema | None) -> Schema:
    properties = {"owner": OWNER, "conflict": choice(*ConflictChoice)} | ({"map": rows} if rows else {})
    return by_type(
        "from, to or both, alone or as `owner` of a mapping",
        string=OWNER,
        object=record(properties, required=("owner",), description="an owner and more"),
    )


CATEGORIES = tuple(category for category in Category if category is not Category.UNKNOWN)
#: fields whose words differ from desk to desk
MAPPED = {
    "status": _rows(choice(*CATEGORIES), "a status"),
    "priority": _rows(choice(*Level), "a priority"),
    "kind": _rows(KIND, "a kind"),
}

_STATUSES = tuple(STATUS_WORDS)

_SHOWN: dict[str, Schema] = {
    "field": TEXT,
    "as": choice(*Form),
    "zone": TEXT,
    "while_paused": choice(*WhilePaused),
    "status": TEXT,
    "words": record(dict.fromkeys(_STATUSES, TEXT), description="a mapping from statuses to words"),
    "tags": by_type(
        "true, or a mapping from statuses to tags",
        boolean={"const": True, "description": "true, or the tags"},
        object=record(dict.fromkeys(_STATUSES, TAG), description="a mapping from statuses to tags"),
    ),
    "note": by_type(
        "true, or a list of moments",
        boolean={"const": True, "description": "true, or the moments"},
        array=listed(choice(*Moment), "a list of moments", least=1),
    ),
}
_PLACE = by_type(
    "a field such as due or custom.NAME, false, or a mapping",
    string=TEXT,
    boolean={"const": False, "description": "false, or what is shown there"},
    object=record(_SHOWN, description="what a desk shows", minProperties=1),
)
_AT_HOME = record({"metric": TEXT, **_SHOWN}, description="what a desk shows of a metric", minProperties=1)
#: of a connection: what it shows of every ticket that lives there
SHOWN_THERE = by_type(
    "a field such as due or custom.NAME, false, a mapping, or a list of mappings",
    string=TEXT,
    boolean={"const": False, "description": "false, or what is shown there"},
    object=_AT_HOME,
    array=listed(_AT_HOME, "a list of mappings", least=1),
)
DUE_TIME = record(
    {"metric": TEXT, "write": named({"$ref": "#/definitions/place"}, "a mapping from connection to what it shows")},
    description="a due time",
    minProperties=1,
)

#: said once and referred to, so that the printed schema stays small
DEFINITIONS: dict[str, Schema] = {"place": _PLACE, "due_time": DUE_TIME}
_ONE_DUE_TIME: Schema = {"$ref": "#/definitions/due_time"}

SYNC = listed(
    record(
        {
            "name": NAME,
            "from": NAME,
            "to": NAME,
            "when": CONDITION,
            "create": {"type": "object", "additionalProperties": ANYTHING, "description": "what the new ticket gets"},
            "fields": record(
                {
                    **{field: _field(MAPPED.get(field)) for field in SYNCED_FIELDS},
                    "comments": by_type(
                        "from, to or both, or one of these for `public` and for `internal`",
                        string=OWNER,
                        object=record(dict.fromkeys(Visibility, OWNER), minProperties=1),
                    ),
                    "attachments": OWNER,
                    "due_time": by_type(
                        "a mapping, or a list of them",
                        object=_ONE_DUE_TIME,
                        array=listed(_ONE_DUE_TIME, "a list of due times"),
                    ),
                },
                description="which fields go where",
            ),
            "write_back": BOOL,
            "unmapped": choice(*UnmappedChoice),
            "conflict": choice(*ConflictChoice),
        },
        required=("name", "from", "to"),
        description="a sync rule",
    ),
    "a list of sync rules",
)

SECTIONS: dict[str, Schema] = {
    "languages": listed(LANGUAGE, "a list of language tags"),
    "people": named(PERSON, "a mapping from names to people"),
    "roles": named(ROLE, "a mapping from roles to people"),
    "templates": named(TEXT, "a mapping from names to texts"),
    "classify": CLASSIFY,
    "stages": STAGES,
    "duplicates": DUPLICATES,
    "sync": SYNC,
}
