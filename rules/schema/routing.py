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

COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": 1000, "description": "a whole number"}
SKILLS = named(
    {"type": "integer", "minimum": 1, "maximum": 5, "description": "a level from 1 to 5"},
    "a mapping from skills to levels",
)
FROM_TICKET: Schema = {
    "type": "string",
    "pattern": r"^(ticket(\.[a-z_]+)+|[A-Za-z0-9][A-Za-z0-9_.-]*)$",
    "description": "a name, or a field such as ticket.region",
}

TEAM = record(
    {
        "calendar": NAME,
        "region": NAME,
        "manager": NAME,
        "accounts": named(WORD, "a mapping from connection to that desk's group"),
        "languages": listed(LANGUAGE),
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

NEEDS = record({"skills": SKILLS, "language": FROM_TICKET, "team": NAME}, description="what the work needs")

ROUTE = record(
    {
        "name": NAME,
        "when": CONDITION,
        "start_in": FROM_TICKET,
        "needs": NEEDS,
        "hard": listed(TEXT, "a list of needs that are never relaxed"),
        "relax": listed(
            record(
                {"after": DURATION, "skills": SKILLS, "drop": TEXT, "flag": NAME, "raise_priority": COUNT},
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
        "sticky_owner": DURATION,
        "handoff_before_shift_end": DURATION,
        "handoff_accept_within": DURATION,
        "max_hops": COUNT,
        "no_return_within": DURATION,
        "fallback_queue": TEXT,
        "neighbours": named(listed(LANGUAGE), "a mapping from language to its neighbours"),
        "cross_scripts": BOOL,
    },
)

SECTIONS: dict[str, Schema] = {
    "teams": named(TEAM, "a mapping from names to teams"),
    "agents": listed(AGENT, "a list of agents"),
    "follow_the_sun": listed(NAME, "a list of regions"),
    "on_call": record(
        {
            "rota": listed(
                record(
                    {"person": NAME, "calendar": NAME, "from": TEXT, "until": TEXT},
                    required=("person",),
                    description="a shift",
                ),
            ),
        },
    ),
    "routes": listed(ROUTE, "a list of routes"),
    "routing": ROUTING,
}
