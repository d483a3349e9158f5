"""Turns of a ticket's life told with one defect each, of some desks: test_conformance.py expects each to be noticed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from connectors.freshdesk.connector import FreshdeskConnector
from connectors.gitlab.connector import GitLabConnector
from connectors.hubspot.connector import HubSpotConnector
from connectors.planfix.connector import PlanfixConnector
from connectors.redmine.connector import RedmineConnector
from connectors.sdk import (
    Call,
    Category,
    ChangePage,
    Connector,
    Copy,
    Done,
    Event,
    EventKind,
    Finding,
    Found,
    Intent,
    Level,
    Operation,
    Outcome,
    Priority,
    RawDelivery,
    Rejected,
    RemoteTicket,
    Sighting,
    Status,
    WriteContext,
)
from connectors.zammad.asking import ask, condition, get
from connectors.zammad.connector import ZammadConnector
from connectors.zammad.mapping import moment, objects
from connectors.zendesk.connector import ZendeskConnector
from tests.connectors.freshdesk.test_conformance import TestFreshdesk as WholeFreshdesk
from tests.connectors.gitlab.test_conformance import TestGitLab as WholeGitLab
from tests.connectors.hubspot.test_conformance import TestHubSpot as WholeHubSpot
from tests.connectors.planfix.test_conformance import TestPlanfix as WholePlanfix
from tests.connectors.redmine.test_conformance import TestRedmine as WholeRedmine
from tests.connectors.testing.broken_polls import Broken, broken_classes
from tests.connectors.zammad.test_conformance import TestZammad as WholeZammad
from tests.connectors.zendesk.test_conformance import TestZendesk as WholeZendesk

OLD = timedelta(minutes=10)


class Reading(Broken):
    """Reads by another connector, and not as that does."""

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Spoil what was read."""
        found: RemoteTicket | None = yield from self.inner.read(remote_id)
        return None if found is None else self.spoilt(found)

    def spoilt(self, ticket: RemoteTicket) -> RemoteTicket:
        """Return a ticket as it is not."""
        return ticket


class Staying(Reading):
    """Keeps the queue in which it saw a ticket first."""

    def __init__(self, inner: Connector) -> None:
        super().__init__(inner)
        self.queues: dict[str, Any] = {}

    def spoilt(self, ticket: RemoteTicket) -> RemoteTicket:
        """Put it there."""
        return msgspec.structs.replace(ticket, queue=self.queues.setdefault(ticket.remote_id, ticket.queue))


class Unled(Reading):
    """Does not see where a ticket went on."""

    def spoilt(self, ticket: RemoteTicket) -> RemoteTicket:
        """Forget it."""
        return msgspec.structs.replace(ticket, merged_into="")


class Lagging(Broken):
    """Takes what a webhook says of the queue for that which it was in before."""

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Say that it is elsewhere."""
        found = []
        for event in self.inner.parse(delivery):
            shown = event.snapshot or RemoteTicket(event.remote_id, event.at)
            found.append(msgspec.structs.replace(event, snapshot=msgspec.structs.replace(shown, queue="elsewhere")))
        return tuple(found)


class Guessing(Reading):
    """Takes a status that it does not know for an open one, and a priority for a high one."""

    def spoilt(self, ticket: RemoteTicket) -> RemoteTicket:
        """Give it a meaning."""
        status, priority = ticket.status, ticket.priority
        if isinstance(status, Status) and status.category is Category.UNKNOWN:
            status = Status(Category.OPEN, status.native)
        if isinstance(priority, Priority) and priority.level is Level.UNSET:
            priority = Priority(Level.P2, priority.native)
        return msgspec.structs.replace(ticket, status=status, priority=priority)


class Resetting(Broken):
    """Writes all that it knows of a ticket with each field."""

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Set a status that nobody asked for, and a priority."""
        if intent.operation is Operation.SET_FIELDS:
            more = {"status": {"category": "open"}, "priority": {"level": "P3"}}
            intent = msgspec.structs.replace(intent, fields={**more, **intent.fields})
        outcome: Outcome = yield from self.inner.write(intent, context)
        return outcome


class Open(Reading):
    """Takes every ticket for one that all may read."""

    def spoilt(self, ticket: RemoteTicket) -> RemoteTicket:
        """Say so."""
        return msgspec.structs.replace(ticket, private=False)


class Airing(Broken):
    """Takes every ticket of which a webhook tells for one that all may read."""

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Say so."""
        found = []
        for event in self.inner.parse(delivery):
            shown = event.snapshot or RemoteTicket(event.remote_id, event.at)
            found.append(msgspec.structs.replace(event, snapshot=msgspec.structs.replace(shown, private=False)))
        return tuple(found)


class Trusting(Reading):
    """Takes spam for a ticket like any other."""

    def spoilt(self, ticket: RemoteTicket) -> RemoteTicket:
        """Show it."""
        return msgspec.structs.replace(ticket, deleted=False, status=Status(Category.OPEN, "open"))


class Overlooking(Broken):
    """Hears of no end."""

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Leave it out."""
        return tuple(each for each in self.inner.parse(delivery) if each.kind is not EventKind.DELETED)


class Vague(Broken):
    """Says that something was refused, and not that the ticket is closed for good."""

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Leave the reason out."""
        outcome: Outcome = yield from self.inner.write(intent, context)
        return Rejected(outcome.detail) if isinstance(outcome, Rejected) else outcome


class Unfollowed(Broken):
    """Begins a follow-up, and does not say that the link goes on there."""

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Leave it out."""
        outcome: Outcome = yield from self.inner.write(intent, context)
        return Done(msgspec.structs.replace(outcome.receipt, followed=False)) if isinstance(outcome, Done) else outcome

    def probe(self, intent: Intent, context: WriteContext) -> Call[Finding]:
        """Leave it out here, too."""
        found: Finding = yield from self.inner.probe(intent, context)
        return Found(msgspec.structs.replace(found.receipt, followed=False)) if isinstance(found, Found) else found


class Lumping(Broken):
    """Counts by the mark alone, which a part that a person split off has as well."""

    def effects(self, intent: Intent, context: WriteContext) -> Call[Sighting]:
        """Count whatever bears it."""
        if intent.operation is not Operation.CREATE:
            seen: Sighting = yield from self.inner.effects(intent, context)
            return seen
        where = condition(f"ticket.{self.inner.account.marker}", "is", context.effect_key)
        rows = objects((yield from ask(get("/tickets/search", "count", expand="true", **where))))
        return Sighting(copies=tuple(Copy(str(row["id"]), moment(row["created_at"])) for row in rows))


class Deaf(Broken):
    """Polls for nothing but new tickets."""

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """Leave the old ones out."""
        page: ChangePage = yield from self.inner.changes(cursor, now)
        fresh = [each for each in page.tickets if each.created_at is None or each.updated_at - each.created_at < OLD]
        return msgspec.structs.replace(page, tickets=tuple(fresh))


MOVED = "test_a_ticket_that_is_moved_goes_on"
STATUS, PRIORITY = "test_a_new_status_is_none_that_we_know", "test_a_new_priority_is_none_that_we_know"
PRIVATE, SPAM = "test_a_ticket_that_is_private_is_told", "test_spam_is_told_and_taken_back"
CLOSED, SPLIT = "test_what_is_closed_for_good_is_followed", "test_what_is_split_off_is_a_ticket_of_its_own"
MOST: Mapping[Any, Any] = {
    WholeHubSpot: HubSpotConnector,
    WholePlanfix: PlanfixConnector,
    WholeZendesk: ZendeskConnector,
}
#: each defect, the test that must notice it, and at which desks
DEFECTS: tuple[tuple[type[Broken], str, Mapping[Any, Any]], ...] = (
    (Staying, MOVED, MOST),
    (Lagging, MOVED, MOST),
    (Deaf, MOVED, MOST),
    (Guessing, STATUS, {WholeHubSpot: HubSpotConnector, WholePlanfix: PlanfixConnector}),
    (Guessing, PRIORITY, {WholeHubSpot: HubSpotConnector}),
    (Resetting, STATUS, MOST),
    (Resetting, PRIORITY, {WholeHubSpot: HubSpotConnector}),
    (Open, PRIVATE, {WholeGitLab: GitLabConnector, WholeRedmine: RedmineConnector}),
    (Airing, PRIVATE, {WholeGitLab: GitLabConnector}),
    (Trusting, SPAM, {WholeFreshdesk: FreshdeskConnector}),
    (Overlooking, SPAM, {WholeZendesk: ZendeskConnector}),
    (Vague, CLOSED, {WholeZendesk: ZendeskConnector}),
    (Unfollowed, CLOSED, {WholeZendesk: ZendeskConnector}),
    (Lumping, SPLIT, {WholeZammad: ZammadConnector}),
    (Unled, MOVED, {WholeGitLab: GitLabConnector}),
)
NOTICED: dict[str, tuple[str, ...]] = {}
for _kind, _test, _desks in DEFECTS:
    globals().update(broken_classes({_kind: _test}, __name__, _desks))
    for _each in _desks:
        _name = f"{_each.__name__}{_kind.__name__}"
        NOTICED[_name] = (*NOTICED.get(_name, ()), _test)
# pytest takes whatever class is named here for one to run
del WholeFreshdesk, WholeGitLab, WholeHubSpot, WholePlanfix, WholeRedmine, WholeZammad, WholeZendesk
