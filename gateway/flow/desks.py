"""The site as the flow uses it: one release of the rules, and a connector for each connection."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

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
