"""Runs a connector's call over the transport where only reads are allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gateway.errors import AuthenticationError, GatewayError, SecondWriteError, ThrottledError, TransportError
from gateway.ports import Call, Connector, Effect, Transport

T = TypeVar("T")

#: a desk that says to wait is waited for, at most so many seconds each time and so often
LONGEST_WAIT = 60.0
PATIENCE = 20


def run_reads(
    call: Call[T],
    connector: Connector,
    transport: Transport,
    *,
    deadline: float,
    trace_id: str,
    left: Callable[[], float] | None = None,
) -> T:
    """Drive a call to its end; a request that brings no answer is thrown into it.

    A request may take `deadline` seconds, and all of them together as long as seconds are `left`.

    Raises TransportError when the call does not handle it, SecondWriteError when it tries to write.
    """
    try:
        request = next(call)
        while True:
            if request.effect is Effect.WRITE:
                call.close()
                msg = f"{connector.settings.name}: a call that must only read tried {request.method} {request.url}"
                raise SecondWriteError(msg)
            try:
                wait = deadline if left is None else min(deadline, left())
                if wait <= 0:
                    raise TransportError(f"{connector.settings.name}: no time is left for {request.label}")
                response = transport.send(connector, request, deadline=wait, trace_id=trace_id)
            except TransportError as error:
                request = call.throw(error)
            else:
                request = call.send(response)
    except StopIteration as end:
        value: T = end.value
        return value


def run_patiently(call: Callable[[], Call[T]], run: Callable[[Call[T]], T], wait: Callable[[float], None]) -> T:
    """Make a call and run it; a desk that says to wait is waited for, and asked again."""
    for number in range(PATIENCE):
        try:
            return run(call())
        except ThrottledError as error:
            if number == PATIENCE - 1:
                raise
            wait(min(float(error.seconds or number + 1), LONGEST_WAIT))
    raise AssertionError  # pragma: no cover - the last round raises


def whoami(connector: Connector, transport: Transport, trace_id: str) -> bool | None:
    """Say whether the credentials of a connection hold; None when the desk does not answer."""
    try:
        run_reads(connector.whoami(), connector, transport, deadline=connector.settings.deadline, trace_id=trace_id)
    except AuthenticationError:
        return False
    except GatewayError:
        return None
    return True
