"""Whether a ticket goes where a case expects it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rules.problem import nearest
from rules.route_words import lines
from rules.routed import Routed
from rules.routes import Routing

#: parts of an expectation that name something of the site
_KNOWN = {
    "rule": lambda routing: [each.name for each in routing.routes],
    "team": lambda routing: list(routing.roster.teams),
    "agent": lambda routing: list(routing.roster.tongues),
}


def differs(part: str, expected: Any, routed: Routed | None, routing: Routing) -> tuple[str, list[str]] | None:
    """Return what came instead of what is expected, and why; None when it holds."""
    if routed is None:
        return "it is not routed", ["the site has no routes"]
    got = value_of(part, routed)
    if part == "flags":
        holds = sorted(expected) == sorted(got)
    elif part == "until":
        holds = bool(got) and datetime.fromisoformat(expected) == datetime.fromisoformat(got)
    else:
        holds = got == (expected or "")
    if holds:
        return None
    why = list(lines(routed))
    names = _KNOWN[part](routing) if part in _KNOWN else []
    if expected and names and expected not in names:
        hint = nearest(str(expected), names)
        why.insert(0, f"there is no {part} '{str(expected)[:60]}'" + (f"; {hint}" if hint else ""))
    return ("[" + ", ".join(got) + "]" if part == "flags" else str(got or "null")), why


def value_of(part: str, routed: Routed) -> Any:
    """Return one part of a decision as a case writes it."""
    if part == "until":
        return routed.until.isoformat() if routed.until is not None else ""
    if part == "outcome":
        return routed.outcome.value
    return getattr(routed, part)
