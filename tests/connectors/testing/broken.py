"""Connectors with one defect each, under the conformance suite: test_conformance.py expects each of them to fail."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from connectors.sdk import (
    Call,
    Category,
    ChangePage,
    ConnectionSettings,
    Envelope,
    Event,
    HttpRequest,
    IncomingRequest,
    Intent,
    Level,
    Outcome,
    Plugin,
    Priority,
    RawDelivery,
    RemoteTicket,
    Status,
    TransportError,
    Visibility,
    WriteContext,
)
from connectors.zendesk import gateway_connector
from connectors.zendesk.connector import ZendeskConnector
from gateway.errors import ThrottledError
from tests.connectors.zendesk.test_conformance import TestZendesk as Whole

SPEC = gateway_connector().spec


class Trusting(ZendeskConnector):
    """Believes everybody."""

    def verify(self, request: IncomingRequest, now: datetime) -> None:
        """Do not look."""


class Renamed(ZendeskConnector):
    """Names a delivery by a header that nobody signs."""

    def envelope(self, request: IncomingRequest) -> Envelope:
        """Take what the sender says."""
        return Envelope(request.headers.get("user-agent", "none") + super().envelope(request).source_event_id)


class Open(ZendeskConnector):
    """Shows every note to customers."""

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Call each comment public."""
        found = yield from super().read(remote_id)
        if found is None:
            return None
        said = tuple(msgspec.structs.replace(each, visibility=Visibility.PUBLIC) for each in found.comments)
        return msgspec.structs.replace(found, comments=said)


class Short(ZendeskConnector):
    """Reads the first page only, of tickets and of comments."""

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Forget the later comments."""
        found = yield from super().read(remote_id)
        return None if found is None else msgspec.structs.replace(found, comments=found.comments[:100])

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """End too early."""
        page = yield from super().changes(cursor, now)
        return msgspec.structs.replace(page, end=True)


class Forgetful(ZendeskConnector):
    """Writes without a key, and never finds what it wrote."""

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Take another key each time."""
        self.count = getattr(self, "count", 0) + 1
        return super().write(intent, msgspec.structs.replace(context, effect_key=f"{self.count:032x}"))


class Crashing(ZendeskConnector):
    """Expects that a body is what it should be."""

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Look before it is known that there is something."""
        body: Any = msgspec.json.decode(delivery.body)
        body["type"].lower()
        return super().parse(delivery)


class Local(ZendeskConnector):
    """Takes the desk's clock for another zone's."""

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Be an hour late."""
        found = yield from super().read(remote_id)
        if found is None:
            return None
        return msgspec.structs.replace(
            found, updated_at=found.updated_at.replace(hour=(found.updated_at.hour + 1) % 24)
        )


class Boasting(ZendeskConnector):
    """Foretells what is not read back."""

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Promise the title in capitals."""
        return {name: value.upper() if name == "title" else value for name, value in super().as_read(intent).items()}


class Stranger(ZendeskConnector):
    """Does not know its own words again."""

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Leave out who said what."""
        found = yield from super().read(remote_id)
        if found is None:
            return None
        said = tuple(msgspec.structs.replace(each, author=None) for each in found.comments)
        return msgspec.structs.replace(found, comments=said)


class Deaf(ZendeskConnector):
    """Takes a desk that is busy or broken for one that has no such ticket."""

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Find nothing where nothing was answered."""
        try:
            return (yield from super().read(remote_id))
        except TransportError:
            return None


class Hasty(ZendeskConnector):
    """Does not say how long the desk wants to be left alone."""

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Forget the seconds."""
        try:
            return (yield from super().read(remote_id))
        except ThrottledError as error:
            raise ThrottledError(str(error)) from error


class Keyless(ZendeskConnector):
    """Claims that the desk keeps a creation single by our key, and sends none: only its looks keep it so."""

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Take the key away from each request."""
        call = super().write(intent, context)
        request = next(call)
        try:
            while True:
                headers = {name: value for name, value in request.headers.items() if "dempotency" not in name}
                request = call.send((yield msgspec.structs.replace(request, headers=headers)))
        except StopIteration as stop:
            outcome: Outcome = stop.value
            return outcome


class Reaching(ZendeskConnector):
    """Looks into a file to read a webhook."""

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """By a name that says nothing."""
        vars(io)["open"](__file__).close()
        return super().parse(delivery)


class Straying(ZendeskConnector):
    """Puts the name of a ticket into a path as it is."""

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Let it lead elsewhere."""
        yield HttpRequest("GET", f"/api/v2/tickets/{remote_id}.json")
        return (yield from super().read(remote_id))


class Lenient(ZendeskConnector):
    """Takes what is not said to be internal for public, in webhooks and in reads."""

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Ask whether it is not public, and not whether it is."""
        events = super().parse(delivery)
        hidden = b'"is_public":false' in delivery.body.replace(b" ", b"")
        return tuple(
            each
            if hidden or each.comment is None
            else msgspec.structs.replace(
                each, comment=msgspec.structs.replace(each.comment, visibility=Visibility.PUBLIC)
            )
            for each in events
        )

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """As in webhooks."""
        call = super().read(remote_id)
        request, heard = next(call), b""
        found: RemoteTicket | None = None
        try:
            while True:
                response = yield request
                heard += response.body.replace(b" ", b"")
                request = call.send(response)
        except StopIteration as stop:
            found = stop.value
        if found is None or b'"public":false' in heard:
            return found
        said = tuple(msgspec.structs.replace(each, visibility=Visibility.PUBLIC) for each in found.comments)
        return msgspec.structs.replace(found, comments=said)


class Guessing(ZendeskConnector):
    """Takes a word that it does not know for an open ticket of the highest priority."""

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Know everything."""
        return tuple(
            each if each.snapshot is None else msgspec.structs.replace(each, snapshot=guessed(each.snapshot))
            for each in super().parse(delivery)
        )

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """As in webhooks."""
        found = yield from super().read(remote_id)
        return None if found is None else guessed(found)


def guessed(ticket: RemoteTicket) -> RemoteTicket:
    """Return a ticket of which nothing is unknown."""
    if isinstance(ticket.status, Status) and ticket.status.category is Category.UNKNOWN:
        ticket = msgspec.structs.replace(ticket, status=Status(Category.ON_HOLD, ticket.status.native))
    if isinstance(ticket.priority, Priority) and ticket.priority.level is Level.UNSET and ticket.priority.native:
        ticket = msgspec.structs.replace(ticket, priority=Priority(Level.P1, ticket.priority.native))
    return ticket


def broken(kind: Callable[[ConnectionSettings], ZendeskConnector]) -> Plugin:
    """Return a plug-in of a connector with a defect."""
    return Plugin(SPEC, kind)


class TestTrusting(Whole):
    """One defect."""

    plugin = broken(Trusting)


class TestRenamed(Whole):
    """One defect."""

    plugin = broken(Renamed)


class TestOpen(Whole):
    """One defect."""

    plugin = broken(Open)


class TestShort(Whole):
    """One defect."""

    plugin = broken(Short)


class TestForgetful(Whole):
    """One defect."""

    plugin = broken(Forgetful)


class TestCrashing(Whole):
    """One defect."""

    plugin = broken(Crashing)


class TestLocal(Whole):
    """One defect."""

    plugin = broken(Local)


class TestBoasting(Whole):
    """One defect."""

    plugin = broken(Boasting)


class TestStranger(Whole):
    """One defect."""

    plugin = broken(Stranger)


class TestDeaf(Whole):
    """One defect."""

    plugin = broken(Deaf)


class TestHasty(Whole):
    """One defect."""

    plugin = broken(Hasty)


class TestKeyless(Whole):
    """One defect."""

    plugin = broken(Keyless)


class TestReaching(Whole):
    """One defect."""

    plugin = broken(Reaching)


class TestStraying(Whole):
    """One defect."""

    plugin = broken(Straying)


class TestLenient(Whole):
    """One defect."""

    plugin = broken(Lenient)


class TestGuessing(Whole):
    """One defect."""

    plugin = broken(Guessing)


#: the tests that must notice each defect
NOTICED = {
    "TestTrusting": ("test_tampering_is_noticed", "test_nothing_verifies_without_the_secret"),
    "TestRenamed": ("test_a_delivery_keeps_its_name",),
    "TestOpen": ("test_comments_are_read_to_the_end", "test_a_comment_is_heard_of_once"),
    "TestShort": ("test_comments_are_read_to_the_end", "test_nothing_is_missed_over_many_pages"),
    "TestForgetful": (
        "test_it_takes_effect_once[create-reset_after]",
        "test_it_takes_effect_once[public_reply-half_body]",
        "test_a_creation_reads_back_as_foretold",
    ),
    "TestCrashing": (
        "test_no_body_breaks_the_connector",
        "test_no_changed_webhook_breaks_the_connector",
        "test_no_changed_sample_breaks_the_connector",
    ),
    "TestLocal": ("test_a_ticket_is_read_whole",),
    "TestDeaf": ("test_a_read_without_an_answer_is_no_read",),
    "TestHasty": ("test_a_read_without_an_answer_is_no_read",),
    "TestReaching": ("test_it_reaches_nothing_by_itself",),
    "TestStraying": ("test_an_id_stays_in_its_place",),
    "TestLenient": (
        "test_an_unclear_visibility_is_internal_in_webhooks",
        "test_an_unclear_visibility_is_internal_in_reads",
        "test_a_sample_says_no_more_than_it_says",
    ),
    "TestGuessing": (
        "test_unknown_words_stay_unknown_in_webhooks",
        "test_unknown_words_stay_unknown_in_reads",
        "test_a_sample_says_no_more_than_it_says",
    ),
    "TestKeyless": ("test_a_key_alone_keeps_a_write_single",),
    "TestStranger": ("test_we_know_who_we_are", "test_comments_are_read_to_the_end"),
    "TestBoasting": ("test_fields_read_back_as_foretold",),
}
