"""A proxy on loopback between the gateway and a real desk, which loses, delays and breaks what passes.

Its faults are those of the simulated desks: a request may reach the desk and its answer be lost, or never reach it.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable

from connectors.testing.desk import SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, Wire

#: what belongs to one connection and is not passed on
HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host", "te", "upgrade"})
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Proxy(SimulatedDesk):
    """Passes requests on to 127.0.0.1:`desk_port`; where nothing answers there, its client is reset."""

    def __init__(self, desk_port: int, *, seed: int) -> None:
        super().__init__(seed=seed)
        self._desk_port = desk_port
        self._ambush: Callable[[], None] | None = None
        self._guard = threading.Lock()
        #: writes that reached the desk, which died before it had answered
        self.cut: list[SimRequest] = []

    def routes(self) -> list[tuple[str, str, Callable[..., SimResponse]]]:
        """Return none: everything is passed on."""
        return []

    def lie_in_wait(self, ambush: Callable[[], None]) -> threading.Event:
        """Call `ambush` when the next write has been handed to the desk, before its answer; the event tells of it."""
        sprung = threading.Event()

        def spring() -> None:
            ambush()
            sprung.set()

        with self._guard:
            self._ambush = spring
        return sprung

    def stand_down(self) -> None:
        """Call the ambush off."""
        with self._guard:
            self._ambush = None

    def _answer(self, request: SimRequest) -> SimResponse:
        """Pass one request on, and its answer back."""
        desk = http.client.HTTPConnection("127.0.0.1", self._desk_port, timeout=30)
        try:
            headers = {name: value for name, value in request.headers.items() if name not in HOP_BY_HOP}
            desk.request(request.method, request.target, request.body or None, {**headers, "Connection": "close"})
            if request.method in WRITES:
                self._spring()
            answer = desk.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP}
            return SimResponse(answer.status, kept, answer.read())
        except (OSError, http.client.HTTPException):
            if request.method in WRITES:
                self.cut.append(request)
            return SimResponse(wire=Wire.RESET)
        finally:
            desk.close()

    def _spring(self) -> None:
        with self._guard:
            ambush, self._ambush = self._ambush, None
        if ambush is not None:
            ambush()
