"""Effects that are at a desk more than once: told wherever a person looks how the gateway is."""

from __future__ import annotations

from gateway.cli.opening import glance
from gateway.cli.site import SiteChoice

NEXT = "gateway dead-letters list --reason doubled"


def doubles(choice: SiteChoice) -> int:
    """Return how many doubles wait for a person; 0 where no record can be read."""
    return glance(choice, lambda tx: tx.looks.doubles(), 0)


def line(number: int) -> str:
    """Say it in one line, with what to do."""
    if number == 1:
        return f"1 effect is at its desk more than once: {NEXT}"
    return f"{number} effects are at their desks more than once: {NEXT}"
