"""Desks whose clocks are off: told wherever a person looks how the gateway is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.cli.opening import glance
from gateway.cli.site import SiteChoice
from gateway.flow.skew import is_told, what_to_do, words
from gateway.ports import DeskState


def off(choice: SiteChoice) -> Sequence[DeskState]:
    """Return what is known of the connections, where one has a clock that is off; nothing otherwise."""
    nothing: Mapping[str, DeskState] = {}
    known = list(glance(choice, lambda tx: tx.desks.all(), nothing).values())
    return known if any(is_told(each) for each in known) else ()


def lines(known: Sequence[DeskState]) -> list[str]:
    """Return a line for each clock that is off, and what to do."""
    told = [f"{each.connection}: {words(each.ahead)}" for each in known if is_told(each)]
    return [*told[:-1], f"{told[-1]}; {what_to_do(known)}"] if told else []


def as_json(known: Sequence[DeskState]) -> dict[str, int]:
    """Return by how many seconds the clocks that are off are ahead."""
    return {each.connection: each.ahead for each in known if is_told(each)}
