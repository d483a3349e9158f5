"""What gateway.yaml says of people: which addresses and accounts are taken for one person (`stitch:`)."""

from __future__ import annotations

from collections.abc import Collection

from gateway.domain.people import Terms
from rules.problem import Problem, nearest
from rules.source import Document


def terms(gateway: Document | None, connections: Collection[str], problems: list[Problem]) -> Terms:
    """Read `stitch:`; a connection that is not there, and a pattern that shares everything, are problems."""
    if gateway is None or not isinstance(gateway.root.get("stitch"), dict):
        return Terms()
    section = gateway.root["stitch"]
    shared = []
    for pattern in section["shared"].each() if isinstance(section.get("shared"), list) else ():
        text = str(pattern.value).strip().lower()
        if not text.strip("*?"):
            message = "this is every address: nobody would be one person in two desks"
            problems.append(pattern.error("wrong-value", message, 'write addresses such as "support@acme.example"'))
        shared.append(text)
    only = []
    for spot in section["accounts_only"].each() if isinstance(section.get("accounts_only"), list) else ():
        if spot.value not in connections:
            message = f"there is no connection '{str(spot.value)[:60]}'"
            problems.append(spot.error("unknown-connection", message, nearest(str(spot.value), connections)))
        only.append(str(spot.value))
    return Terms(tuple(shared), frozenset(only))
