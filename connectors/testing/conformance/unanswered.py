"""Reads that are not answered: what a desk does not say is never taken for "not there", or for "nothing more"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeAlias

import pytest

from connectors.sdk import AuthenticationError, ChangePage, RemoteTicket, TransportError
from connectors.testing.bench import Bench
from connectors.testing.conformance.reads import Reads
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind
from gateway.errors import GatewayError, ThrottledError

#: what befalls a read -> the fault, and the error by which the flow knows what to do
UNANSWERED: Mapping[str, tuple[FaultKind, dict[str, Any], type[GatewayError]]] = {
    "401": (FaultKind.ERROR_WITHOUT_EFFECT, {"status": 401}, AuthenticationError),
    "429": (FaultKind.THROTTLE, {"seconds": 7}, ThrottledError),
    "429 with a date": (FaultKind.THROTTLE, {"seconds": 7, "as_date": True}, ThrottledError),
    "500": (FaultKind.ERROR_WITHOUT_EFFECT, {"status": 500}, TransportError),
    "503": (FaultKind.ERROR_WITHOUT_EFFECT, {"status": 503}, TransportError),
    "a page of a proxy": (FaultKind.GARBAGE, {}, TransportError),
    "half of an answer": (FaultKind.HALF_BODY, {}, TransportError),
}

Answered: TypeAlias = RemoteTicket | ChangePage | None


class Unanswered(Reads):
    """Each request of a read and of a poll in turn, and all that follow it."""

    def test_a_read_without_an_answer_is_no_read(self, there: Bench, driver: Driver, subtests: pytest.Subtests) -> None:
        """A ticket is not "not there" and its comments are not fewer because the desk was busy, broken or closed to us.

        Of a 429 the connection learns how long it is to wait.
        """
        ticket = there.open_ticket("Printer", "It is on fire")
        there.say(ticket, "We are at it", public=not self.lacks("public"))
        for kind in UNANSWERED:
            with subtests.test(kind):
                self.unanswered(there, driver, kind, lambda: driver.run(driver.connector.read(ticket)))

    def test_a_poll_without_an_answer_is_no_poll(self, there: Bench, driver: Driver, subtests: pytest.Subtests) -> None:
        """Its cursor stays where it was, for nothing else is told."""
        self.need("polling")
        _, _, cursor = self.poll(there, driver, "")
        there.open_ticket("Printer", "It is on fire")
        now = there.desk.now() + timedelta(minutes=5)
        for kind in UNANSWERED:
            with subtests.test(kind):
                self.unanswered(there, driver, kind, lambda: driver.run(driver.connector.changes(cursor, now)))

    def unanswered(self, there: Bench, driver: Driver, kind: str, asked: Callable[[], Answered]) -> None:
        """Let one kind befall each request of a call."""
        fault, how, wanted = UNANSWERED[kind]
        whole = asked()
        assert whole is not None
        for place in range(len(driver.requests)):
            there.desk.fault(fault, after=place, count=None, **how)
            found, error = attempted(asked)
            there.desk.faults.clear()
            if error is None:
                assert place, f"{kind} is taken for an answer: {found!r}"
                assert told(found) == told(whole), f"request {place + 1}: {kind} takes something away, unsaid"
                continue
            assert isinstance(error, wanted), f"request {place + 1}: {kind} is {error!r}"
            if isinstance(error, ThrottledError) and "seconds" in how:
                assert error.seconds is not None, f"request {place + 1}: how long to wait is not told"
                assert 5 <= error.seconds <= 8


def attempted(asked: Callable[[], Answered]) -> tuple[Answered, GatewayError | None]:
    """Ask, and return what was answered, or the error by which it was told that nothing was."""
    try:
        return asked(), None
    except GatewayError as error:
        return None, error


def told(found: Answered) -> Any:
    """Return what must be told in full, or not at all; names of people may be looked up as far as it goes."""
    if isinstance(found, RemoteTicket):
        said = [(each.remote_id, each.body, each.visibility) for each in found.comments]
        return found.remote_id, found.title, found.body, found.status, found.complete, said
    if isinstance(found, ChangePage):
        return [each.remote_id for each in found.tickets], [each.key for each in found.events], found.cursor, found.end
    return found


__all__ = ["Unanswered"]
