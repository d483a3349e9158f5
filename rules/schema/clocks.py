"""Schemas of the sections about time: calendars, sla, escalations. Their phases read them when they are built."""

from __future__ import annotations

from gateway.domain.calendar_spec import Scope
from gateway.domain.open_days import DayMode
from gateway.domain.wall import Dst
from rules.schema.shapes import (
    BOOL,
    CONDITION,
    NAME,
    SOME_SPAN,
    SOME_TIME,
    SPAN,
    TEXT,
    Schema,
    by_type,
    choice,
    level_keys,
    listed,
    named,
    record,
)

METRICS = (
    "first_response",
    "next_reply",
    "periodic_update",
    "pausable_update",
    "requester_wait",
    "agent_work",
    "resolution",
    "ownership",
)

_DAY = "(mon|tue|wed|thu|fri|sat|sun)"
_HOUR = "([01]?[0-9]|2[0-3]):[0-5][0-9]"

INTERVALS = listed(
    {"type": "string", "pattern": f"^{_HOUR}-({_HOUR}|24:00)$", "description": "opening hours such as 09:00-17:30"},
    "a list of opening hours such as 09:00-17:30",
)
CLOSED: Schema = {"type": "string", "enum": ["closed"], "description": "closed, or a list of opening hours"}

SCOPE = choice(*Scope)


def _week(description: str) -> Schema:
    return {
        "type": "object",
        "propertyNames": {
            "pattern": f"^{_DAY}(-{_DAY})?$",
            "description": "a day or a range of days such as mon-fri",
        },
        "additionalProperties": INTERVALS,
        "description": description,
    }


CALENDAR = by_type(
    "a calendar, or 24x7",
    string=choice("24x7"),
    object=record(
        {
            "timezone": TEXT,
            "week": _week("a mapping from days to opening hours"),
            "breaks": _week("a mapping from days to the hours of breaks"),
            "holidays": record(
                {
                    "country": TEXT,
                    "subdivision": TEXT,
                    "observed": BOOL,
                    "categories": listed(TEXT),
                    "language": TEXT,
                    "scope": SCOPE,
                },
                required=("country",),
            ),
            "exceptions": {
                "type": "object",
                "propertyNames": {
                    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
                    "description": "a date such as 2026-12-24",
                },
                "additionalProperties": by_type("closed, or a list of opening hours", string=CLOSED, array=INTERVALS),
                "description": "a mapping from dates to opening hours",
            },
            "holiday_scope": SCOPE,
            "dst": choice(*Dst),
            "union": listed(NAME, "a list of calendars", least=2),
        },
        description="a calendar",
    ),
)

_DUE = record(
    {"warn": SPAN, "within": SOME_SPAN, "calendar": NAME, "business_days": choice(*DayMode)},
    required=("within",),
    description="a target",
)
_ONE_TARGET = by_type("a duration, or {warn, within, calendar}", string=SOME_SPAN, object={"$ref": "#/definitions/due"})
_TARGET: Schema = {
    "type": ["string", "object"],
    "description": "a duration, {warn, within, calendar}, or one of these for each priority",
    "allOf": [
        {"if": {"type": "string"}, "then": SOME_SPAN},
        {
            "if": {"type": "object"},
            "then": {
                "if": {"anyOf": [{"required": ["within"]}, {"required": ["warn"]}]},
                "then": {"$ref": "#/definitions/due"},
                "else": record(
                    level_keys({"$ref": "#/definitions/one_target"}),
                    description="a target for each priority",
                    minProperties=1,
                ),
            },
        },
    ],
}

#: said once and referred to, so that the printed schema stays small
DEFINITIONS: dict[str, Schema] = {"target": _TARGET, "due": _DUE, "one_target": _ONE_TARGET}
TARGET: Schema = {"$ref": "#/definitions/target"}

SLA = listed(
    record(
        {
            "name": NAME,
            "when": CONDITION,
            "extends": NAME,
            "calendar": NAME,
            "targets": record(
                dict.fromkeys(METRICS, TARGET),
                description="a mapping from metric to target",
                patternProperties={"^stage:[A-Za-z0-9_.-]+$": TARGET},
                minProperties=1,
            ),
            "pause_when": CONDITION,
            "on_customer_reply": choice("resume", "restart"),
            "on_retarget": choice("carry", "restart", "retro_no_pause", "carry_percent", "tighten_only", "freeze"),
            "on_reopen": choice("continue_exclude", "new_cycle", "continue_include", "ignore"),
            "reopen_within": SOME_TIME,
            "on_calendar_change": choice("segmented", "recompute", "next_cycle_only"),
            "on_merge": choice("adopt_oldest", "keep_own"),
            "stage_reentry": choice("accumulate", "new_cycle"),
            "update_starts": choice("created", "first_reply"),
            "business_days": choice(*DayMode),
            "max_pause": SOME_SPAN,
            "authority": record(
                dict.fromkeys(METRICS, NAME),
                description="a mapping from metric to the connection that counts it, or gateway",
                minProperties=1,
            ),
        },
        required=("name",),
        description="a policy",
    ),
    "a list of policies",
)

_LENGTH = "(([0-9]{1,9}[smhdwy])+|[0-9]{1,4}bd)"
AT: Schema = {
    "type": "string",
    "pattern": f"^([0-9]{{1,3}}%|{_LENGTH} left|breach( [+] {_LENGTH})?)$",
    "description": "a threshold such as 75%, 30m left, breach or breach + 2h",
}

NOTIFY = record(
    {
        "role": NAME,
        "roles": listed(NAME, "a list of roles", least=1),
        "person": NAME,
        "connection": NAME,
        "channel": TEXT,
        "template": NAME,
        "runbook": TEXT,
    },
    description="whom to tell and how",
    minProperties=1,
)

ACTION = record(
    {
        "notify": NOTIFY,
        "queue": TEXT,
        "add_participant": record({"role": NAME, "person": NAME}, minProperties=1, maxProperties=1),
        "comment": TEXT,
        "reassign": record({"role": NAME, "person": NAME}, minProperties=1, maxProperties=1),
        "raise_priority": {"type": "integer", "minimum": 1, "maximum": 3, "description": "1, 2 or 3 levels"},
        "hook": record({"connection": NAME, "runbook": TEXT}, required=("connection",), description="whom to call"),
        "open_incident": {
            "type": "object",
            "properties": {"connection": NAME},
            "required": ["connection"],
            "additionalProperties": True,
            "description": "a mapping with a connection",
        },
    },
    description="an action",
    minProperties=1,
    maxProperties=1,
)

ESCALATIONS = listed(
    record(
        {
            "name": NAME,
            "at": AT,
            "on": record(
                {
                    "time_in_status": TEXT,
                    "time_in_stage": NAME,
                    "customer_wait": {"type": "boolean", "enum": [True], "description": "true"},
                    "over": SOME_SPAN,
                    "calendar": NAME,
                },
                required=("over",),
            ),
            "metrics": listed(
                {
                    "type": "string",
                    "pattern": f"^({'|'.join(METRICS)}|stage:[A-Za-z0-9_.-]+)$",
                    "description": f"a metric: {', '.join(METRICS)} or stage:NAME",
                    "examples": list(METRICS),
                },
                "a list of metrics",
                least=1,
            ),
            "policies": listed(NAME, "a list of policies", least=1),
            "when": CONDITION,
            "repeat": SOME_TIME,
            "until": choice("acknowledged", "stopped"),
            "do": listed(ACTION, "a list of actions", least=1),
        },
        required=("name", "do"),
        description="an escalation",
    ),
    "a list of escalations",
)

SECTIONS: dict[str, Schema] = {
    "calendars": named(CALENDAR, "a mapping from names to calendars"),
    "sla": SLA,
    "escalations": ESCALATIONS,
}
