"""Lives of tickets read with one defect each, of several desks: test_conformance.py expects each to be noticed."""

from __future__ import annotations

import msgspec

from connectors.freshdesk.connector import FreshdeskConnector
from connectors.hubspot.connector import HubSpotConnector
from connectors.planfix.connector import PlanfixConnector
from connectors.sdk import Call, Connector, RemoteTicket
from connectors.zendesk.connector import ZendeskConnector
from tests.connectors.freshdesk.test_conformance import TestFreshdesk as WholeFreshdesk
from tests.connectors.hubspot.test_conformance import TestHubSpot as WholeHubSpot
from tests.connectors.planfix.test_conformance import TestPlanfix as WholePlanfix
from tests.connectors.testing.broken_polls import Broken, broken_classes
from tests.connectors.zendesk.test_conformance import TestZendesk as WholeZendesk


class Done(Broken):
    """Takes what was resolved once for resolved since then, whatever became of it."""

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Keep the time."""
        found = yield from self.inner.read(remote_id)
        return None if found is None else msgspec.structs.replace(found, resolved_at=found.updated_at)


class Gone(Broken):
    """Takes what was deleted once for deleted for good."""

    def __init__(self, inner: Connector) -> None:
        super().__init__(inner)
        self.gone: set[str] = set()

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Look at it no more."""
        if remote_id in self.gone:
            return None
        found: RemoteTicket | None = yield from self.inner.read(remote_id)
        if found is None or found.deleted:
            self.gone.add(remote_id)
        return found


DEFECTS = {Done: "test_a_ticket_that_is_reopened_is_told", Gone: "test_a_ticket_that_is_restored_is_there_again"}
DESKS = {
    WholeFreshdesk: FreshdeskConnector,
    WholeHubSpot: HubSpotConnector,
    WholePlanfix: PlanfixConnector,
    WholeZendesk: ZendeskConnector,
}
globals().update(broken_classes(DEFECTS, __name__, DESKS))
NOTICED = {f"{whole.__name__}{kind.__name__}": (test,) for kind, test in DEFECTS.items() for whole in DESKS}
# pytest takes whatever class is named here for one to run
del WholeFreshdesk, WholeHubSpot, WholePlanfix, WholeZendesk
