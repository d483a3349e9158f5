"""The agents of a HubSpot account: its owners. HubSpot does not tell who is there."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.hubspot.asking import pages
from connectors.hubspot.mapping import Json, ident, text
from connectors.sdk import Call, DeskAgent


def agents() -> Call[Sequence[DeskAgent]]:
    """List every owner; those whose user is deactivated are archived, and cannot be assigned."""
    found: dict[str, DeskAgent] = {}
    for archived in ("false", "true"):
        listed = yield from pages("/crm/v3/owners", "list owners", none=(), limit="500", archived=archived)
        for data in listed or []:
            number = ident(data.get("id"))
            if number and number not in found:
                found[number] = _agent(number, data, active=archived == "false")
    return [found[number] for number in sorted(found)]


def _agent(number: str, data: Json, *, active: bool) -> DeskAgent:
    name = f"{text(data.get('firstName'))} {text(data.get('lastName'))}".strip()
    return DeskAgent(number, name=name, email=text(data.get("email")), active=active)
