"""What every simulated desk shares: routes, one lock around its state, faults, the effect log and its webhooks.

A simulator subclasses `SimulatedDesk`, names its routes, changes its state under the lock that is held while a route
runs, and calls `effect()` for every change. People's doings are methods `act_<name>`, reachable in process by `act()`
and from elsewhere by POST /_sim/act.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from email.utils import format_datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from connectors.testing.clock import DeskClock
from connectors.testing.effects import EffectLog, RecordedEffect
from connectors.testing.faults import Fault, FaultKind, Faults
from connectors.testing.loopback import LoopbackServer, SimRequest, SimResponse, Wire, json_answer
from connectors.testing.outgoing import Weather, WebhookSender

T = TypeVar("T")

#: a route's function: the request and the parts of the path that its pattern names
Handler = Callable[..., SimResponse]


WITHOUT_EFFECT_NOW = frozenset(
    {
        FaultKind.RESET_BEFORE,
        FaultKind.ERROR_WITHOUT_EFFECT,
        FaultKind.THROTTLE,
        FaultKind.HANG,
        FaultKind.LATE_EFFECT,
    }
)


class Heard(msgspec.Struct, frozen=True):
    """One line of the request journal."""

    at: datetime
    method: str
    path: str
    query: dict[str, str]
    body: bytes
    #: what the client was told; 0: nothing
    status: int
    fault: str = ""


class SimulatedDesk:
    """A desk in memory behind real HTTP. `with` starts and stops it."""

    def __init__(self, *, port: int = 0, seed: int = 0, webhook_url: str = "", webhook_secret: str = "") -> None:
        self.clock = DeskClock()
        self.effects = EffectLog()
        self.faults = Faults(seed)
        self.journal: deque[Heard] = deque(maxlen=20_000)
        self.webhook_secret = webhook_secret
        self.webhooks = WebhookSender(self.sign, self.clock, url=webhook_url, seed=seed)
        self.lock = threading.RLock()
        self.server = LoopbackServer(self._handle, port)
        self._routes = [(method, re.compile(pattern), handler) for method, pattern, handler in self.routes()]
        self._current = threading.local()
        self._stopping = threading.Event()
        #: what happens by itself later: late effects, the end of a refusal, slow answers
        self._pending = 0

    # -- what a simulator gives

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return (method, regular expression of the whole path, function); named groups become arguments."""
        raise NotImplementedError

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:
        """Return the headers of one sending of a webhook, signature included."""
        raise NotImplementedError

    def authorized(self, request: SimRequest) -> SimResponse | None:  # noqa: ARG002 - for the simulators that ask
        """Return the refusal of a request without the right credentials, or None."""
        return None

    # -- life

    @property
    def url(self) -> str:
        """The address of the desk, without a slash at its end."""
        return self.server.url

    def start(self) -> Self:
        """Listen, and start to send webhooks."""
        self._stopping.clear()
        self.server.listen()
        self.webhooks.start()
        return self

    def stop(self) -> None:
        """Stop both; the state stays."""
        self._stopping.set()
        self.webhooks.stop()
        self.server.refuse()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- for simulators

    def now(self) -> datetime:
        """Return the desk's clock."""
        return self.clock.now()

    def effect(
        self, kind: str, remote_id: str, *, key: str = "", change_id: str = "", detail: dict[str, Any] | None = None
    ) -> RecordedEffect:
        """Log one effect of the request that is being answered (or of a person's doing)."""
        request: SimRequest | None = getattr(self._current, "request", None)
        return self.effects.record(
            at=self.now(),
            kind=kind,
            remote_id=remote_id,
            key=key,
            method=request.method if request else "",
            path=request.path if request else "",
            detail=detail,
            change_id=change_id,
        )

    def announce(self, payload: Any) -> None:
        """Send a webhook once the lock is free; `payload` is the body, or a value that becomes JSON."""
        body = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
        waiting: list[bytes] | None = getattr(self._current, "waiting", None)
        if waiting is None:
            self.webhooks.send(body)
        else:
            waiting.append(body)

    # -- faults and people

    def fault(self, kind: FaultKind | str, **how: Any) -> None:
        """Arm a fault (see `Fault`); `refuse` takes effect at once."""
        fault = msgspec.convert({"kind": str(kind), **how}, Fault)
        if fault.kind is not FaultKind.REFUSE:
            self.faults.add(fault)
            return
        self.server.refuse()
        if fault.seconds:
            self._later(fault.seconds, self.server.listen)

    def accept(self) -> None:
        """Listen again after `refuse`."""
        self.server.listen()

    def act(self, name: str, /, **arguments: Any) -> Any:
        """Do what a person does in the desk: calls `act_<name>` under the lock."""
        doing = getattr(self, f"act_{name}", None)
        if doing is None:
            known = sorted(word[4:] for word in dir(self) if word.startswith("act_"))
            msg = f"nobody can {name!r} here; there are: {', '.join(known)}"
            raise LookupError(msg)
        return self._with_announcements(lambda: doing(**arguments))

    # -- inside

    def _with_announcements(self, work: Callable[[], T]) -> T:
        """Run `work` under the lock; its webhooks leave in order as soon as the lock is free."""
        waiting: list[bytes] = []
        self._current.waiting = waiting
        try:
            with self.lock:
                result = work()
        finally:
            self._current.waiting = None
        for body in waiting:
            self.webhooks.send(body)
        return result

    def at_rest(self, timeout: float = 0.2) -> bool:
        """Wait a little until every webhook has left; say whether nothing is left that would happen by itself."""
        return self.webhooks.flush(timeout) and not self._pending

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        """Let nobody take the desk to be at rest meanwhile."""
        with self.lock:
            self._pending += 1
        try:
            yield
        finally:
            with self.lock:
                self._pending -= 1

    def _later(self, seconds: float, work: Callable[[], Any]) -> None:
        def wait() -> None:
            try:
                if not self._stopping.wait(seconds):
                    work()
            finally:
                with self.lock:
                    self._pending -= 1

        # counted before the thread has begun
        with self.lock:
            self._pending += 1

        threading.Thread(target=wait, name="sim-later", daemon=True).start()

    def _handle(self, request: SimRequest) -> SimResponse:
        if request.path.startswith("/_sim/"):
            return self._control(request)
        fault, latency = self.faults.strike(request.method, request.path)
        if latency:
            # whoever asked may have given up by then, and it takes effect all the same
            with self._under_way():
                self._stopping.wait(latency)
                response = self._answer(request) if fault is None else self._befall(request, fault)
        else:
            response = self._answer(request) if fault is None else self._befall(request, fault)
        if "Date" not in response.headers:
            said = format_datetime(self.now(), usegmt=True)
            response = msgspec.structs.replace(response, headers={**response.headers, "Date": said})
        told = response.status if response.wire in {Wire.NORMAL, Wire.DROP_AFTER} else 0
        self.journal.append(
            Heard(
                self.now(), request.method, request.path, request.query, request.body, told,
                fault.kind.value if fault else "",
            )
        )  # fmt: skip
        return response

    def _befall(self, request: SimRequest, fault: Fault) -> SimResponse:
        """Let one fault happen to one request."""
        error = SimResponse(fault.status, {"Content-Type": "text/html"}, b"<h1>Something went wrong</h1>")
        if fault.kind in WITHOUT_EFFECT_NOW:
            return self._prevent(request, fault, error)
        response = self._answer(request)
        match fault.kind:
            case FaultKind.RESET_AFTER:
                return SimResponse(wire=Wire.RESET)
            case FaultKind.HALF_BODY:
                return msgspec.structs.replace(response, wire=Wire.HALF)
            case FaultKind.GARBAGE:
                return SimResponse(200, {"Content-Type": "text/html"}, b"<html><body>proxy says hello</body></html>")
            case FaultKind.ERROR_WITH_EFFECT:
                return error
            case _:
                return msgspec.structs.replace(response, wire=Wire.DROP_AFTER)

    def _prevent(self, request: SimRequest, fault: Fault, error: SimResponse) -> SimResponse:
        """Let a fault happen that keeps the request from taking effect now."""
        match fault.kind:
            case FaultKind.ERROR_WITHOUT_EFFECT:
                return error
            case FaultKind.THROTTLE:
                return self._throttled(fault)
            case FaultKind.HANG:
                self._stopping.wait(fault.seconds)
                return SimResponse(wire=Wire.CLOSE)
            case FaultKind.LATE_EFFECT:
                self._later(fault.seconds, lambda: self._answer(request))
                self._stopping.wait(fault.hold)
                return SimResponse(wire=Wire.CLOSE)
            case _:
                return SimResponse(wire=Wire.RESET)

    def _throttled(self, fault: Fault) -> SimResponse:
        now = self.now()
        wait = str(int(fault.seconds))
        if fault.as_date:
            at = datetime.fromtimestamp(now.timestamp() + fault.seconds, tz=now.tzinfo)
            wait = format_datetime(at, usegmt=True)
        return json_answer(
            {"error": "TooManyRequests", "description": "Rate limit reached"},
            429,
            {"Retry-After": wait, "Date": format_datetime(now, usegmt=True)},
        )

    def _answer(self, request: SimRequest) -> SimResponse:
        refusal = self.authorized(request)
        if refusal is not None:
            return refusal
        for method, pattern, handler in self._routes:
            found = pattern.fullmatch(request.path) if method == request.method else None
            if found is None:
                continue
            self._current.request = request
            try:
                return self._with_announcements(lambda: handler(request, **found.groupdict()))  # noqa: B023 - called now
            finally:
                self._current.request = None
        return json_answer({"error": "InvalidEndpoint", "description": "Not found"}, 404)

    def _control(self, request: SimRequest) -> SimResponse:
        """Answer what tests and demos in other processes ask of the simulator itself."""
        match request.method, request.path:
            case "GET", "/_sim/effects":
                return json_answer({"effects": self.effects.all(after=int(request.query.get("after", "0")))})
            case "GET", "/_sim/journal":
                lines = [{**msgspec.structs.asdict(line), "body": line.body.decode("utf-8", "replace")}
                         for line in list(self.journal)]  # fmt: skip
                return json_answer({"journal": lines})
            case "GET", "/_sim/faults":
                return json_answer({"faults": self.faults.armed()})
            case "DELETE", "/_sim/faults":
                self.faults.clear()
                return json_answer({})
        try:
            return self._order(request.path, request.json())
        except (LookupError, TypeError, ValueError, msgspec.MsgspecError) as error:
            return json_answer({"error": str(error)}, 400)

    def _order(self, path: str, given: Any) -> SimResponse:
        """Carry out one POST /_sim/…; raises what `_control` turns into 400."""
        match path:
            case "/_sim/faults":
                self.fault(**given)
                return json_answer({})
            case "/_sim/act":
                return json_answer({"result": self.act(given["act"], **given.get("args", {}))})
            case "/_sim/webhooks":
                self._order_webhooks(given)
                return json_answer({"url": self.webhooks.url, "weather": self.webhooks.weather})
        return json_answer({"error": f"no {path}"}, 404)

    def _order_webhooks(self, given: dict[str, Any]) -> None:
        if "url" in given:
            self.webhooks.url = str(given["url"])
        if "weather" in given:
            self.webhooks.weather = msgspec.convert(given["weather"], Weather)
        if "paused" in given:
            (self.webhooks.pause if given["paused"] else self.webhooks.resume)()
