"""The site as the flow uses it: one release of the rules, and a connector for each connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.filing import FileRules
from gateway.domain.observing import silence
from gateway.domain.people import Terms
from gateway.errors import NotFoundError
from gateway.ports import Connector
from rules.alerts import Alert
from rules.decide import RuleSet
from rules.directory import Directory
from rules.enriching import Source

#: of the facts of a connection: since when the gateway answers for its tickets
LIVE_SINCE = "live_since"


#: of the facts of a connection: how far its import is
IMPORT = "import"


def with_learned(before: Mapping[str, Any], learned: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a connection after a look at it: what nobody learns there stays."""
    kept = {name: before[name] for name in (IMPORT, LIVE_SINCE) if name in before}
    return {**kept, **learned}


def live_since(facts: Mapping[str, Any]) -> datetime | None:
    """Return since when the gateway answers for the tickets of a connection, as an import has noted it."""
    noted = facts.get(LIVE_SINCE)
    return datetime.fromisoformat(noted) if isinstance(noted, str) else None


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
    #: by what people are known to be one
    stitch: Terms = Terms()
    #: reads a directory of people; None where there is no folder
    directories: Callable[[Source], Directory | None] | None = None
    #: until then nothing is written anywhere
    live_from: datetime | None = None
    #: connection -> since when the gateway answers for its tickets: what was promised before is nobody's alarm
    live_since: Mapping[str, datetime] = {}

    def connector(self, name: str) -> Connector:
        """Return the connector of a connection that a person named; raises NotFoundError, which says what there is."""
        found = self.connectors.get(name)
        if found is None:
            known = ", ".join(sorted(self.connectors))
            raise NotFoundError(f"the active release has no connection {name!r}; it has {known or 'none'}")
        return found

    def observes(self, connection: str, now: datetime) -> bool:
        """Say whether nothing is written to a connection: it is only read, and what would be done is explained."""
        return bool(self.silence(connection, now))

    def silence(self, connection: str, now: datetime) -> str:
        """Say in words why nothing is written to a connection (empty: to any); empty where it is."""
        whole = silence(now, observes=self.mode == "observe", live_from=self.live_from)
        connector = self.connectors.get(connection)
        if whole or connector is None:
            return whole
        settings = connector.settings
        return silence(now, observes=settings.observe, live_from=settings.live_from)

    def answers_since(self, connection: str) -> datetime | None:
        """Return since when the gateway answers for the tickets of a connection; None: for all of them."""
        connector = self.connectors.get(connection)
        begun = connector.settings.live_from if connector is not None else None
        known = [each for each in (self.live_from, begun, self.live_since.get(connection)) if each is not None]
        return max(known, default=None)


def gone(waiting: int) -> str:
    """Say of a connection that takes no part (any more) what waits for it, and what to do."""
    why = "not in the active release, or its connector is not installed"
    if not waiting:
        return why
    return f"{why}: {wait_for_it(waiting)}, to go on when it is back in gateway.yaml under this name"


def wait_for_it(waiting: int) -> str:
    """Say how many updates wait."""
    return "1 update waits for it" if waiting == 1 else f"{waiting} updates wait for it"
