"""Drives a connector's calls over the real transport, as deliver does, and refuses a second write in one attempt."""

from __future__ import annotations

from typing import TypeVar

from gateway.errors import SecondWriteError, TransportError
from gateway.http import HttpTransport
from gateway.ports import Call, Connector, Effect, HttpRequest

T = TypeVar("T")


class Driver:
    """Runs calls of one connector; `requests` are those of the last run, in order."""

    def __init__(self, connector: Connector, deadline: float = 10.0) -> None:
        self.connector = connector
        self.deadline = deadline
        self.transport = HttpTransport()
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

    @property
    def writes(self) -> list[HttpRequest]:
        """The writes of the last run: none or one."""
        return [request for request in self.requests if request.effect is Effect.WRITE]

    def close(self) -> None:
        """Close the idle connections."""
        self.transport.close()
