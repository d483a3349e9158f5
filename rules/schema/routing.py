"""Schemas of the sections about who works: teams, agents, routes and how they share. Their phase reads them later."""

from __future__ import annotations

from rules.schema.shapes import (
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
)

COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": 1000, "description": "a whole number from 0 to 1000"}
SKILLS = named(
    {"type": "integer", "minimum": 1, "maximum": 5, "description": "a level from 1 to 5"},
    "a mapping from skills to levels",
)
FROM_TICKET: Schema = {
    "type": "string",
    "pattern": r"^(ticket(\.[a-z_]+)+|[A-Za-z0-9][A-Za-z0-9_.-]*)$",
    "description": "a name, or a field such as ticket.region",
}

MOMENT: Schema = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?$",
    "description": "a date such as 2026-08-03, or an instant such as 2026-08-03T18:00 or 2026-08-03T18:00+02:00",
}
LAYER: Schema = {
    "type": "integer",
    "minimum": 0,
    "maximum": 100,
    "description": "a whole number from 0 to 100: a higher layer stands above a lower one",
}
ROTA: Schema = {
    "type": "string",
    "pattern": r"^[A-Za-z0-9][A-Za-z0-9_./-]*\.ics$",
    "description": "the name of a file in rules/ such as rota.ics",
}
FEED: Schema = {
    "type": "string",
    "pattern": r"^((https?|webcal)://\S+|\$\{.+\}.*)$",
    "description": "an address such as https://calendar.example/rota.ics, or a reference such as ${EMEA_ROTA}",
}
ROTA_WORD: Schema = {
    "type": "string",
    "pattern": f"({ROTA['pattern']})|({FEED['pattern']})",
    "description": "the name of a file in rules/ such as rota.ics, or the address of a feed",
}
ROTA_FILE = record(
    {"file": ROTA, "feed": FEED, "every": DURATION, "layer": LAYER, "override": BOOL},
    description="a rota: a file, a feed, or both",
)

TEAM = record(
    {
        "calendar": NAME,
        "region": NAME,
        "manager": NAME,
        "accounts": named(WORD, "a mapping from connection to that desk's group"),
        "languages": listed(LANGUAGE),
        "rota": by_type(
            "a file of shifts such as rota.ics, the address of a feed, or a list of these",
            string=ROTA_WORD,
            object=ROTA_FILE,
            array=listed(
                by_type("a file such as rota.ics, or a feed", string=ROTA_WORD, object=ROTA_FILE),
                "a list of files and feeds",
                least=1,
            ),
        ),
    },
    description="a team",
)

AGENT = record(
    {
        "person": NAME,
        "team": NAME,
        "skills": SKILLS,
        "capacity": by_type(
            "a number of tickets, or units for each channel",
            integer=COUNT,
            object=named(COUNT, "units, and how many a channel takes", required=["units"]),
        ),
        "calendar": NAME,
    },
    required=("person", "team"),
    description="an agent",
)

_SHIFT = {"person": NAME, "calendar": NAME, "from": MOMENT, "until": MOMENT, "layer": LAYER, "override": BOOL}

HARD = by_type(
    "a list of needs that are never relaxed, or a mapping such as {skills.billing: 2, language: true}",
    array=listed(TEXT, "a list of needs that are never relaxed"),
    object=named(
        by_type(
            "true, or of a skill the level below which it never falls",
            boolean={"enum": [True], "description": "true"},
            integer={"minimum": 1, "maximum": 5, "description": "a level from 1 to 5"},
        ),
        "a mapping such as {skills.billing: 2, language: true}",
    ),
)

NEEDS = record({"skills": SKILLS, "language": FROM_TICKET, "team": NAME}, description="what the work needs")

ROUTE = record(
    {
        "name": NAME,
        "when": CONDITION,
        "start_in": FROM_TICKET,
        "needs": NEEDS,
        "hard": HARD,
        "relax": listed(
            record(
                {
                    "after": DURATION,
                    "skills": SKILLS,
                    "drop": TEXT,
                    "flag": NAME,
                    "raise_priority": COUNT,
                    "widen": BOOL,
                },
                required=("after",),
                description="a relaxation",
            ),
        ),
        "queue": TEXT,
    },
    required=("name",),
    description="a route",
)

ROUTING = record(
    {
        "balance": choice("least_loaded", "round_robin", "longest_idle", "most_spare"),
        "fit": choice("closest", "highest", "any"),
        "sticky_owner": DURATION,
        "sticky_back_within": DURATION,
        "handoff_before_shift_end": DURATION,
        "handoff_accept_within": DURATION,
        "max_hops": COUNT,
        "no_return_within": DURATION,
        "max_wait": DURATION,
        "full_for": DURATION,
        "triage_lead": NAME,
        "fallback_queue": TEXT,
        "neighbours": named(listed(LANGUAGE), "a mapping from language to its neighbours"),
        "cross_scripts": BOOL,
    },
    description="how tickets are routed",
)

SECTIONS: dict[str, Schema] = {
    "teams": named(TEAM, "a mapping from names to teams"),
    "agents": listed(AGENT, "a list of agents"),
    "follow_the_sun": listed(NAME, "a list of regions"),
    "on_call": record(
        {"rota": listed(record(_SHIFT, required=("person",), description="a shift"))},
        description="who is on call",
    ),
    "shifts": listed(
        record({"team": NAME, **_SHIFT}, required=("team", "person"), description="a shift"),
        "a list of shifts",
    ),
    "absences": listed(
        record(
            {"person": NAME, "from": MOMENT, "until": MOMENT, "why": TEXT},
            required=("person", "from", "until"),
            description="an absence",
        ),
        "a list of absences",
    ),
    "routes": listed(ROUTE, "a list of routes"),
    "routing": ROUTING,
}
