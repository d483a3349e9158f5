"""Polls with one defect each, of several desks, under the suite: test_conformance.py expects each of them to fail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.gitlab.connector import GitLabConnector
from connectors.hubspot.connector import HubSpotConnector
from connectors.redmine.connector import RedmineConnector
from connectors.sdk import Call, ChangePage, ConnectionSettings, Connector, Plugin, RemoteTicket
from connectors.zendesk.connector import ZendeskConnector
from tests.connectors.gitlab.test_conformance import TestGitLab as WholeGitLab
from tests.connectors.hubspot.test_conformance import TestHubSpot as WholeHubSpot
from tests.connectors.redmine.test_conformance import TestRedmine as WholeRedmine
from tests.connectors.zendesk.test_conformance import TestZendesk as WholeZendesk

NOBODY_YET = datetime.min.replace(tzinfo=UTC)
SLICE = 50


def backlog(connector: Connector, cursor: str, now: datetime) -> Call[tuple[list[RemoteTicket], str]]:
    """Read everything at once, and the cursor behind it."""
    found: list[RemoteTicket] = []
    while True:
        page = yield from connector.changes(cursor, now)
        found += page.tickets
        cursor = page.cursor
        if page.end:
            return found, cursor


class Broken:
    """Polls by another connector, and not as that does."""

    def __init__(self, inner: Connector) -> None:
        self.inner: Any = inner

    def __getattr__(self, name: str) -> Any:
        """Be as the other in everything else."""
        return getattr(self.inner, name)


class Hoarding(Broken):
    """Gives a whole backlog as one page."""

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """Read it to the end."""
        found, cursor = yield from backlog(self.inner, cursor, now)
        return ChangePage(tuple(found), cursor, end=True)


class Remembering(Broken):
    """Keeps a backlog in mind, and gives it out in pages whose cursor says nothing of what is still to come."""

    def __init__(self, inner: Connector) -> None:
        super().__init__(inner)
        self.left: list[RemoteTicket] = []

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """Ask the desk only where nothing is left."""
        if not self.left:
            self.left, cursor = yield from backlog(self.inner, cursor, now)
        page, self.left = self.left[:SLICE], self.left[SLICE:]
        return ChangePage(tuple(page), cursor, end=not self.left)


class Rereading(Broken):
    """Reads the whole backlog for each page of it."""

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """Give a part of it."""
        begun, _, place = cursor.rpartition("@")
        begin = int(place or 0)
        found, behind = yield from backlog(self.inner, begun, now)
        end = begin + SLICE >= len(found)
        following = f"{behind}@0" if end else f"{begun}@{begin + SLICE}"
        return ChangePage(tuple(found[begin : begin + SLICE]), following, end=end)


class Exact(Broken):
    """Tells of nothing that is older than the newest change that it has seen."""

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """Keep the newest time beside the cursor."""
        newest, top, inner = msgspec.json.decode(cursor, type=tuple[datetime, datetime, str]) if cursor else (
            NOBODY_YET, NOBODY_YET, "")  # fmt: skip
        page = yield from self.inner.changes(inner, now)
        top = max([top, *(each.updated_at for each in page.tickets)])
        fresh = tuple(each for each in page.tickets if each.updated_at > newest)
        following = msgspec.json.encode((top if page.end else newest, top, page.cursor)).decode()
        return ChangePage(fresh, following, page.end, page.events)


def broken(whole: Plugin, kind: type[Broken], connector: Any) -> Plugin:
    """Return a plug-in whose connectors poll so."""

    def make(settings: ConnectionSettings) -> Any:
        return kind(connector(settings))

    return Plugin(whole.spec, make)


#: the tests that must notice each defect
BACKLOG, LATE = "test_nothing_is_missed_over_many_pages", "test_what_is_committed_late_is_told"
DEFECTS = {Hoarding: BACKLOG, Remembering: BACKLOG, Rereading: BACKLOG, Exact: LATE}
WHOLE = {
    WholeGitLab: GitLabConnector,
    WholeHubSpot: HubSpotConnector,
    WholeRedmine: RedmineConnector,
    WholeZendesk: ZendeskConnector,
}


def broken_classes(
    defects: Mapping[type[Broken], str], module: str, desks: Mapping[Any, Any] | None = None
) -> dict[str, type]:
    """Return one class of tests for each defect of each desk."""
    found: dict[str, type] = {}
    for kind in defects:
        for whole, connector in (desks or WHOLE).items():
            name, plugin = f"{whole.__name__}{kind.__name__}", broken(whole.plugin, kind, connector)
            found[name] = type(name, (whole,), {"plugin": plugin, "__module__": module, "__doc__": kind.__doc__})
    return found


globals().update(broken_classes(DEFECTS, __name__))
NOTICED = {f"{whole.__name__}{kind.__name__}": (test,) for kind, test in DEFECTS.items() for whole in WHOLE}
# pytest takes whatever class is named here for one to run
del WholeGitLab, WholeHubSpot, WholeRedmine, WholeZendesk
