"""The site as the flow uses it: one release of the rules, and a connector for each connection."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gateway.domain.filing import FileRules
from gateway.ports import Connector
from rules.alerts import Alert
from rules.decide import RuleSet


class LiveSite(msgspec.Struct, frozen=True):
    """What one release means at run time."""

    release: str
    rules: RuleSet
    connectors: Mapping[str, Connector]
    #: live or observe (reads, decides and explains, never writes)
    mode: str = "live"
    #: connections whose dead letters do not hold their lane
    skipping: frozenset[str] = frozenset()
    alerts: tuple[Alert, ...] = ()
    #: names the copies of feeds that the roster is made of; empty without feeds
    fetched: str = ""
    #: which files are let through
    files: FileRules = FileRules()


def gone(waiting: int) -> str:
    """Say of a connection that takes no part (any more) what waits for it, and what to do."""
    why = "not in the active release, or its connector is not installed"
    if not waiting:
        return why
    return f"{why}: {wait_for_it(waiting)}, to go on when it is back in gateway.yaml under this name"


def wait_for_it(waiting: int) -> str:
    """Say how many updates wait."""
    return "1 update waits for it" if waiting == 1 else f"{waiting} updates wait for it"
