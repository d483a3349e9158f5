"""Whether the escalations fired that a case expects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rules.cases.model import Fired
from rules.problem import nearest


def differs(wanted: Sequence[str], fired: Iterable[Fired], known: Sequence[str]) -> tuple[str, list[str]] | None:
    """Return what fired instead, and why; None where just these did, each as often, in this order."""
    found = list(fired)
    if [each.name for each in found] == list(wanted):
        return None
    why = [line(each) for each in found]
    for name in dict.fromkeys(wanted):
        if name not in known:
            hint = nearest(name, known)
            why.insert(0, f"there is no escalation '{name[:60]}'" + (f"; {hint}" if hint else ""))
    return "[" + ", ".join(each.name for each in found) + "]", why


def line(fired: Fired) -> str:
    """Return an escalation that fired in a line."""
    did = ", ".join(fired.did)
    return f"{fired.name} at {fired.at:%Y-%m-%d %H:%M:%S} UTC ({fired.metric})" + (f": {did}" if did else "")
