"""Connections that gateway.yaml no longer names while updates wait for them: told wherever a person looks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from gateway.cli.opening import glance
from gateway.cli.site import SiteChoice
from gateway.config import read_site
from gateway.errors import GatewayError
from gateway.flow.desks import wait_for_it
from gateway.ports import AlertState
from rules import GATEWAY_FILE, Problem, Severity
from rules.yaml12 import load

HINT = "name it again as it was, and they go on"


def removed(choice: SiteChoice, named: Collection[str]) -> Mapping[str, int]:
    """Return how many updates wait for each connection that is not `named`; nothing where no record can be read."""
    waiting: Mapping[str, int] = glance(choice, lambda tx: tx.view.waiting(), {})
    return {name: number for name, number in sorted(waiting.items()) if name not in named}


def names(choice: SiteChoice) -> frozenset[str] | None:
    """Return the connections that gateway.yaml names; None where it cannot be read."""
    try:
        return names_in(read_site(choice.folder))
    except GatewayError:
        return None


def names_in(files: Mapping[str, str]) -> frozenset[str] | None:
    """Return the connections that the gateway.yaml among these files names; None where it cannot be read."""
    try:
        document, _ = load(GATEWAY_FILE, files.get(GATEWAY_FILE, ""))
    except GatewayError:
        return None
    found = document.value.get("connections") if document is not None else None
    return frozenset(found) if isinstance(found, Mapping) else None


def problems(found: Mapping[str, int]) -> list[Problem]:
    """Return a warning for each."""
    return [
        Problem(GATEWAY_FILE, 1, 1, "removed-connection", Severity.WARNING, message(name, number), HINT)
        for name, number in found.items()
    ]


def message(name: str, number: int) -> str:
    """Say it in one line."""
    return f"the connection '{name}' is not in gateway.yaml any more, and {wait_for_it(number)}"


def lines(found: Mapping[str, int]) -> list[str]:
    """Return a line for each, with what to do."""
    return [f"{message(name, number)}: {HINT}" for name, number in found.items()]


def as_json(
    status: bytes,
    found: Mapping[str, int],
    doubles: int,
    alerts: Sequence[AlertState] = (),
    clocks: Mapping[str, int] | None = None,
) -> bytes:
    """Put what a person is to know beside a status: what waits, is doubled, which alerts stand and clocks are off."""
    more: dict[str, object] = {"doubles": doubles} if doubles else {}
    more |= {"removed_connections": found} if found else {}
    more |= {"clocks_ahead": clocks} if clocks else {}
    if alerts:
        more["alerts"] = [{"when": each.name, "since": each.raised_at, "detail": each.detail} for each in alerts]
    return msgspec.json.encode({**msgspec.json.decode(status), **more}) if more else status
