"""The teammates of a workspace, and whether they are away."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.intercom.asking import ask, get
from connectors.intercom.mapping import Json, ident, objects, text
from connectors.sdk import AgentState, Call, DeskAgent


def agents() -> Call[Sequence[DeskAgent]]:
    """List every teammate; one without a seat in the inbox cannot have tickets."""
    body = yield from ask(get("/admins", "list teammates"), none=())
    found = {ident(each.get("id")): each for each in objects((body or {}).get("admins"))}
    return [_agent(number, found[number]) for number in sorted(found) if number]


def _agent(number: str, data: Json) -> DeskAgent:
    away = data.get("away_mode_enabled")
    state = {True: AgentState.AWAY, False: AgentState.AVAILABLE}.get(away) if isinstance(away, bool) else None
    active = data.get("has_inbox_seat") is not False
    return DeskAgent(
        number,
        text(data.get("email")),
        text(data.get("name")),
        active,
        state or AgentState.UNKNOWN if active else AgentState.UNKNOWN,
    )
