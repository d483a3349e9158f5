"""Drives a connector's calls over the real transport, as deliver does, and refuses a second write in one attempt."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from connectors.testing.files import MemoryFiles
from gateway.domain.update import (
    Absent,
    Done,
    Found,
    Intent,
    NotSent,
    Outcome,
    Progress,
    Receipt,
    Strategy,
    Throttled,
    Unknown,
    Unsure,
)
from gateway.errors import NotSentError, OutcomeUnknownError, SecondWriteError, TransportError
from gateway.ports import Call, Connector, Effect, HttpRequest, WriteContext
from gateway.talking import DeskTransport

T = TypeVar("T")

#: attempts and looks after which an update ought to have come to its end
MOST_STEPS = 12


class Driver:
    """Runs calls of one connector; `requests` are those of the last run, in order."""

    def __init__(self, connector: Connector, deadline: float = 10.0) -> None:
        self.connector = connector
        self.deadline = deadline
        self.files = MemoryFiles()
        self.transport = DeskTransport(files=self.files)
        self.requests: list[HttpRequest] = []

    def run(self, call: Call[T]) -> T:
        """Run one call to its end; a request that brings no answer is thrown in as the transport's error."""
        self.requests = []
        try:
            request = next(call)
            while True:
                if request.effect is Effect.WRITE and self.writes:
                    msg = f"a second write in one attempt: {request.method} {request.url}"
                    raise SecondWriteError(msg)
                self.requests.append(request)
                try:
                    response = self.transport.send(self.connector, request, deadline=self.deadline, trace_id="")
                except TransportError as error:
                    request = call.throw(error)
                else:
                    request = call.send(response)
        except StopIteration as stop:
            value: T = stop.value
            return value

    def attempt(self, intent: Intent, context: WriteContext) -> Outcome:
        """Send one attempt, and classify a missing answer as deliver does."""
        try:
            return self.run(self.connector.write(intent, context))
        except NotSentError as error:
            return NotSent(str(error))
        except OutcomeUnknownError as error:
            return Unknown(str(error))

    def settle(self, intent: Intent, context: WriteContext, between: Callable[[], object] = lambda: None) -> Receipt:
        """Bring one update to its end by the strategy that its operation claims; `between` runs before each next step.

        Raises AssertionError when it is refused, and when it comes to no end; LookupError where the claim is `none` and
        only a person could tell what became of it.
        """
        outcome: Outcome | None = None
        for _ in range(MOST_STEPS):
            outcome = self.attempt(intent, context)
            match outcome:
                case Done(receipt):
                    return receipt
                case Progress(steps, receipt):
                    remote = context.remote_id or receipt.remote_id
                    context = msgspec.structs.replace(context, steps={**context.steps, **steps}, remote_id=remote)
                case Unknown(detail):
                    between()
                    found = self._look(intent, context, detail)
                    if found is not None:
                        return found.receipt
                case NotSent() | Throttled():
                    between()
                case _:
                    raise AssertionError(outcome)
        msg = f"never settled: {outcome}"
        raise AssertionError(msg)

    def _look(self, intent: Intent, context: WriteContext, detail: str) -> Found | None:
        """Look for an effect whose outcome is unknown; None: it may be sent again."""
        claim = self.connector.spec.operations[intent.operation]
        if claim.strategy is Strategy.NONE:
            msg = f"{intent.operation} claims nothing, a person decides: {detail}"
            raise LookupError(msg)
        if claim.strategy is Strategy.KEY or (claim.strategy is Strategy.NATURAL and not claim.probe):
            return None
        finding = None
        for _ in range(MOST_STEPS):
            finding = self.run(self.connector.probe(intent, context))
            if not isinstance(finding, Unsure):
                return finding if isinstance(finding, Found) else None
        assert isinstance(finding, Absent), finding
        return None

    @property
    def writes(self) -> list[HttpRequest]:
        """The writes of the last run: none or one."""
        return [request for request in self.requests if request.effect is Effect.WRITE]

    def close(self) -> None:
        """Close the idle connections."""
        self.transport.close()
