"""What comes in: signatures, names of deliveries, and the facts that the desk's own webhooks carry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from connectors.sdk import (
    AuthenticationError,
    Connector,
    Envelope,
    EventKind,
    IncomingRequest,
    RemotePerson,
    Status,
    Visibility,
)
from connectors.testing.bench import Bench, Sink
from connectors.testing.conformance.stand import Stand
from connectors.testing.driver import Driver


def changed(request: IncomingRequest, **what: Any) -> IncomingRequest:
    """Return a request with something else in it."""
    return msgspec.structs.replace(request, **what)


def refused(connector: Connector, request: IncomingRequest, at: datetime) -> bool:
    """Say whether a request is refused as not authentic."""
    try:
        connector.verify(request, at)
    except AuthenticationError:
        return True
    return False


class Incoming(Stand):
    """Webhooks, from the simulated desk over real HTTP."""

    @pytest.fixture
    def webhook(self, there: Bench, sink: Sink) -> IncomingRequest:
        """Return a real webhook of the desk, about a ticket that a customer opened."""
        self.need("webhooks")
        there.open_ticket("Printer", "It is on fire")
        return self.arrived(there, sink)[0]

    def test_a_known_answer_verifies(self, there: Bench) -> None:
        """What the vendor's documentation signs, we accept; one byte more, we do not."""
        self.need("webhooks", "known_answer")
        if self.payloads is not None and not self.payloads.exists():
            pytest.skip(f"the vendor's payloads ({self.payloads.name}) are not here")
        assert self.known_answers, "give `known_answers`, or say in quality.yaml why there is none"
        for answer in self.known_answers:
            connector = self.plugin.factory(there.settings(**answer.options))
            connector.verify(answer.request, answer.at)
            longer = changed(answer.request, body=answer.request.body + b" ")
            assert refused(connector, longer, answer.at), answer.source

    def test_a_webhook_of_the_desk_verifies(self, connector: Connector, webhook: IncomingRequest) -> None:
        """And takes no other secret."""
        connector.verify(webhook, datetime.now(UTC))

    def test_tampering_is_noticed(self, connector: Connector, webhook: IncomingRequest) -> None:
        """Not one byte of the body may be another."""
        self.need("signature")
        now = datetime.now(UTC)
        body = webhook.body
        places = sorted({0, 1, len(body) // 3, len(body) // 2, len(body) - 2, len(body) - 1})
        for place in places:
            other = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
            assert refused(connector, changed(webhook, body=other), now), f"byte {place} may be another"
        for other in (b"", body + b"\n", body[:-1], b" " + body):
            assert refused(connector, changed(webhook, body=other), now)

    def test_nothing_verifies_without_the_secret(
        self, there: Bench, connector: Connector, webhook: IncomingRequest
    ) -> None:
        """Neither without its headers, nor with another secret, nor where none is configured."""
        now = datetime.now(UTC)
        bare = changed(webhook, headers={}, query={})
        assert refused(connector, bare, now)
        needed = [name for name in webhook.headers if refused(connector, _without(webhook, name), now)]
        assert needed or webhook.query, "no header is needed: what proves where it comes from?"
        for name in needed:
            for value in ("", "x", "sha256=", "sha256=" + "0" * 64, webhook.headers[name][:-1], "ä" * 64, "\x00"):
                headers = {**webhook.headers, name: value}
                assert refused(connector, changed(webhook, headers=headers), now), f"{name}: {value!r} is taken"
        secret = there.options()["webhook_secret"]
        for other in ("another-secret", ""):
            stranger = self.plugin.factory(there.settings(webhook_secret=other))
            assert refused(stranger, webhook, now), f"{other!r} is taken for {secret!r}"

    def test_two_secrets_hold_while_they_are_rotated(self, there: Bench, webhook: IncomingRequest) -> None:
        """An older secret beside the new one, in either order."""
        secret = there.options()["webhook_secret"]
        assert isinstance(secret, str)
        for pair in ([secret, "a-newer-secret-0123456789"], ["an-older-secret-0123456789", secret]):
            self.plugin.factory(there.settings(webhook_secret=pair)).verify(webhook, datetime.now(UTC))

    def test_what_is_too_old_is_not_taken(self, connector: Connector, webhook: IncomingRequest) -> None:
        """Where the signature covers its time, a delivery that somebody kept is refused, also one of the future."""
        self.need("replay_window")
        assert self.replay_seconds is not None, "give `replay_seconds`, or name replay_window under lacks"
        now = datetime.now(UTC)
        inside, outside = (timedelta(seconds=self.replay_seconds + more) for more in (-10, 10))
        connector.verify(webhook, now + inside)
        for moment, word in ((now + outside, "behind"), (now - outside, "ahead of")):
            with pytest.raises(AuthenticationError) as refusal:
                connector.verify(webhook, moment)
            # a person is to see that it is about the clocks, and how far they are apart
            assert word in str(refusal.value), f"it says {refusal.value}: call sdk.require_recent"

    def test_a_delivery_keeps_its_name(
        self, there: Bench, sink: Sink, connector: Connector, webhook: IncomingRequest
    ) -> None:
        """Sent again it has the same name, another has another, and nothing unsigned can rename it."""
        named = connector.envelope(webhook)
        assert isinstance(named, Envelope)
        assert named.source_event_id
        assert len(named.source_event_id) <= 255
        again = connector.envelope(webhook)
        assert isinstance(again, Envelope)
        assert again.source_event_id == named.source_event_id
        there.open_ticket("Another", "Printer")
        others = {
            other.source_event_id
            for request in self.arrived(there, sink)
            if isinstance(other := connector.envelope(request), Envelope)
        }
        assert others
        assert named.source_event_id not in others
        self.need("delivery_name")
        now = datetime.now(UTC)
        for name in webhook.headers:
            for forged in (
                changed(webhook, headers={**webhook.headers, name: f"{webhook.headers[name]}x"}),
                _without(webhook, name),
            ):
                if refused(connector, forged, now):
                    continue
                found = connector.envelope(forged)
                assert isinstance(found, Envelope)
                assert found.source_event_id == named.source_event_id, f"{name} is not signed, and names the delivery"

    def test_only_headers_that_are_needed_are_kept(self, connector: Connector, webhook: IncomingRequest) -> None:
        """No credential is stored with a delivery."""
        named = connector.envelope(webhook)
        assert isinstance(named, Envelope)
        kept = " ".join(named.headers.values())
        assert not [secret for secret in connector.secrets() if secret in kept]
        assert not {name for name in named.headers if name in {"authorization", "cookie", "proxy-authorization"}}

    # ------------------------------------------------------------ the facts

    def test_a_new_ticket_is_heard_of(self, there: Bench, sink: Sink, connector: Connector, driver: Driver) -> None:
        """Its webhook says which ticket; what it says of it is what a read says."""
        self.need("webhooks")
        ticket = there.open_ticket("Drucker brennt – 処理中 🔥", "Bitte helfen.\n\nSofort.")
        events = self.events(connector, self.arrived(there, sink))
        about = [event for event in events if event.remote_id == ticket]
        assert about, f"no event is about ticket {ticket}"
        read = self.whole(driver, ticket)
        for event in about:
            _aware(event.at)
            shot = event.snapshot
            if shot is None:
                continue
            assert shot.remote_id == ticket
            for name in ("title", "body", "status", "priority", "queue"):
                value = getattr(shot, name)
                if value is not msgspec.UNSET and event.kind is EventKind.CREATED:
                    assert value == getattr(read, name), f"{name} by webhook and by read"
        assert any(event.needs_read or event.snapshot is not None for event in about)

    def test_a_comment_is_heard_of_once(self, there: Bench, sink: Sink, connector: Connector, driver: Driver) -> None:
        """By webhook with its text, or as a ticket to read; webhook and read name it alike; visibility holds."""
        self.need("webhooks")
        ticket = there.open_ticket("Printer", "On fire")
        self.arrived(there, sink)
        for public in (True, False):
            if self.lacks("public" if public else "internal"):
                continue
            there.say(ticket, f"Said {public}", public=public)
            events = [one for one in self.events(connector, self.arrived(there, sink)) if one.remote_id == ticket]
            assert events, "the comment is not heard of"
            spoken = [event.comment for event in events if event.comment is not None]
            read = {each.body: each for each in self.whole(driver, ticket).comments}
            held = read[f"Said {public}"]
            assert (held.visibility is Visibility.PUBLIC) is public
            for comment in spoken:
                assert comment.body == f"Said {public}"
                assert comment.remote_id == held.remote_id, "the webhook and the read name one comment differently"
                # a webhook that does not say may call a public one internal, never the reverse
                assert public or comment.visibility is Visibility.INTERNAL
            assert spoken or any(event.needs_read or event.kind is EventKind.OBSERVED for event in events)

    def test_what_a_comment_begins_is_whole(
        self, there: Bench, sink: Sink, connector: Connector, driver: Driver
    ) -> None:
        """Of a ticket that nobody has heard of, what its comment's webhook names can be read: all of it is there.

        The gateway reads such a ticket before it begins; only what is said in a conversation has nothing to be read.
        """
        self.need("webhooks")
        public = not self.lacks("public")
        ticket = there.open_ticket("Printer", "On fire")
        there.say(ticket, "An earlier word", public=public)
        self.arrived(there, sink)
        there.say(ticket, "A later word", public=public)
        for event in self.events(connector, self.arrived(there, sink)):
            if event.thread:
                continue
            assert connector.spec.reads, "it begins tickets that cannot be read"
            read = self.whole(driver, event.remote_id)
            assert read.complete
            assert (read.title, read.body) == ("Printer", "On fire")
            assert isinstance(read.status, Status)
            assert isinstance(read.requester, RemotePerson)
            assert [each.body for each in read.comments] == ["An earlier word", "A later word"]
            if event.comment is not None:
                assert event.comment.remote_id == read.comments[-1].remote_id

    def test_one_change_has_one_key(self, there: Bench, sink: Sink, connector: Connector) -> None:
        """The keys of events are unique, and the same when a webhook is sent again."""
        self.need("webhooks")
        ticket = there.open_ticket("Printer", "On fire")
        there.say(ticket, "One")
        there.say(ticket, "Two")
        requests = self.arrived(there, sink, 2)
        first = [event.key for event in self.events(connector, requests)]
        assert len(first) == len(set(first)), "two events with one key"
        assert [event.key for event in self.events(connector, requests)] == first


def _without(request: IncomingRequest, name: str) -> IncomingRequest:
    return changed(request, headers={key: value for key, value in request.headers.items() if key != name})


def _aware(at: datetime) -> None:
    assert at.utcoffset() == timedelta(), f"{at!r} is not aware UTC"
    age = abs((datetime.now(UTC) - at).total_seconds())
    assert age < 300, f"{at} was said of something that happened just now: a wrong time zone?"
