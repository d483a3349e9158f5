"""Two desks without a network: what they know is one append-only file, so that it outlives every killed process.

The target's state is the fold of its file: each line is a request as it was heard, and when it takes effect, if at
all. How a repeated request is understood depends on the strategy that the desk supports.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from email.utils import format_datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from gateway import crashpoint
from gateway.domain.event import RemoteTicket
from gateway.domain.update import Operation, Strategy
from gateway.errors import NotSentError, OutcomeUnknownError
from gateway.ports import Connector, Effect, HttpRequest, HttpResponse
from tests.faults.clock import EPOCH, SharedClock

#: seconds after our deadline at which a late effect appears, by which an index lags, and which a desk asks us to wait
LATE, LAG, WAIT = 4.5, 4.0, 3
#: by which a slow index lags: longer than a lease lasts
SLOW = 40.0
#: far beyond every settle time, between two looks
VERY_LATE = 700.0
#: what PARTED and LEFT_OUT are about
REFUSED_FIELD = "body"


class Fault(StrEnum):
    """What befalls a write."""

    NOTHING = "nothing"
    REFUSE = "refuse"
    RESET_BEFORE = "reset before"
    RESET_AFTER = "reset after"
    HALF_BODY = "half body"
    GARBAGE = "garbage 200"
    GARBAGE_WITHOUT = "garbage 200 without effect"
    ERROR_WITH = "500 with effect"
    ERROR_WITHOUT = "500 without effect"
    THROTTLE = "429 seconds"
    THROTTLE_DATE = "429 date"
    HANG = "hang"
    LATE = "late effect"
    VERY_LATE = "very late effect"
    STALE = "stale index"
    SLOW_INDEX = "an index slower than a lease"
    PROBE_BROKEN = "reset after, then the probe fails"
    TWICE = "reset after, twice"
    REJECTED = "rejected"
    PARTED = "one field of two refused"
    LEFT_OUT = "one field of two refused, the other set"
    REPLAYED = "rejected, then replayed by a person"


#: faults after which the request has had its effect
_LANDS = frozenset(
    {
        Fault.RESET_AFTER, Fault.HALF_BODY, Fault.GARBAGE, Fault.ERROR_WITH, Fault.STALE, Fault.PROBE_BROKEN,
        Fault.TWICE, Fault.SLOW_INDEX,
    }
)  # fmt: skip
_CUT = frozenset(
    {
        Fault.RESET_BEFORE, Fault.RESET_AFTER, Fault.HALF_BODY, Fault.STALE, Fault.PROBE_BROKEN, Fault.TWICE,
        Fault.SLOW_INDEX,
    }
)  # fmt: skip


#: a field is refused whenever others are set with it: the whole request for it, or it alone
PARTING = frozenset({Fault.PARTED, Fault.LEFT_OUT})
#: nobody answers until the deadline has passed
_SILENT = frozenset({Fault.HANG, Fault.LATE, Fault.VERY_LATE})


class Ask(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a request asks for. `key` names the effect; what the desk does with it depends on `mode`."""

    mode: Strategy
    op: Operation
    key: str
    ticket: str = ""
    fields: dict[str, Any] = {}
    comment: str = ""
    #: conditional writes: the version that they were rendered for
    version: int = 0
    #: the value of REFUSED_FIELD that the desk did not set
    left_out: str = ""


class Heard(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the file."""

    ask: Ask
    #: seconds at which it takes effect; None: never
    lands: float | None = None
    fault: Fault = Fault.NOTHING


class Landed(msgspec.Struct, frozen=True):
    """One effect, in the order in which they happened."""

    key: str
    op: Operation
    ticket: str


class DeskTicket(msgspec.Struct):
    """A ticket as the target has it."""

    id: str
    fields: dict[str, Any] = {}
    comments: dict[str, str] = {}
    #: effect keys that were written to it: the markers that a probe reads
    keys: list[str] = []
    version: int = 0

    def comment_of(self, key: str) -> str:
        """Return the newest comment of an effect; empty when it made none."""
        return next((name for name in reversed(self.comments) if name.startswith(f"{key}+")), "")


class State:
    """The fold of the lines."""

    def __init__(self) -> None:
        self.tickets: dict[str, DeskTicket] = {}
        self.effects: list[Landed] = []
        self._by_key: dict[str, str] = {}

    def apply(self, ask: Ask) -> tuple[int, str]:
        """Let one request take effect; return the status and the ticket."""
        if ask.op is Operation.UNDO:
            return self._undo(ask)
        repeats = ask.mode in {Strategy.NATURAL, Strategy.KEY, Strategy.CONDITIONAL}
        known = self._by_key.get(ask.key) if repeats else None
        if known is not None and ask.mode is Strategy.CONDITIONAL:
            return 412, known
        if known is not None and (ask.mode is Strategy.KEY or ask.op is not Operation.SET_FIELDS):
            return 200, known
        ticket = self._ticket(ask)
        if ask.mode is Strategy.CONDITIONAL and ask.op is not Operation.CREATE and ask.version != ticket.version:
            return 412, ticket.id
        if ask.op is Operation.SET_FIELDS and all(ticket.fields.get(name) == told for name, told in ask.fields.items()):
            return 200, ticket.id
        ticket.fields |= ask.fields
        if ask.comment:
            # a second copy of a comment is a comment of its own
            ticket.comments[f"{ask.key}+{ticket.version}"] = ask.comment
        ticket.keys.append(ask.key)
        ticket.version += 1
        self._by_key[ask.key] = ticket.id
        self.effects.append(Landed(ask.key, ask.op, ticket.id))
        return 200, ticket.id

    def _undo(self, ask: Ask) -> tuple[int, str]:
        """Take a comment back, or close a ticket; what is gone stays gone."""
        copy = str(ask.fields["copy"])
        if ask.fields["of"] == Operation.CREATE:
            self.tickets[copy].fields["closed"] = True
            return 200, copy
        self.tickets[ask.ticket].comments.pop(copy, None)
        return 200, ask.ticket

    def _ticket(self, ask: Ask) -> DeskTicket:
        if ask.op is not Operation.CREATE:
            return self.tickets[ask.ticket]
        made = DeskTicket(str(len(self.tickets) + 1))
        self.tickets[made.id] = made
        return made


class Desks:
    """`ports.Transport` to a source, which is only read, and to the target. `deadline` passes where nobody answers."""

    def __init__(self, path: Path, clock: SharedClock, source: Callable[[], Sequence[RemoteTicket]]) -> None:
        self._path = path
        self._clock = clock
        self._source = source
        self._fault, self._op, self._times = Fault.NOTHING, Operation.CREATE, 0

    def befall(self, fault: Fault, op: Operation) -> None:
        """Let a fault befall the first writes of a kind: one, two, or every one that is rejected for good."""
        self._fault, self._op = fault, op
        lasting = dict.fromkeys((Fault.REJECTED, *PARTING), 1000)
        self._times = {Fault.TWICE: 2, Fault.NOTHING: 0, **lasting}.get(fault, 1)

    def lines(self) -> list[Heard]:
        """Return what was heard."""
        if not self._path.exists():
            return []
        return [msgspec.json.decode(line, type=Heard) for line in self._path.read_bytes().splitlines()]

    def state(self, at: float | None = None) -> State:
        """Return how the target stands (or stood)."""
        until = self._clock.monotonic() if at is None else at
        state = State()
        for line in self._due(until):
            state.apply(line.ask)
        return state

    def _due(self, until: float) -> list[Heard]:
        landed = [(line.lands, number, line) for number, line in enumerate(self.lines()) if line.lands is not None]
        return [line for lands, _, line in sorted(landed, key=lambda each: each[:2]) if lands <= until]

    def send(self, connector: Connector, request: HttpRequest, *, deadline: float, trace_id: str) -> HttpResponse:
        """Answer one request, or do not."""
        crashpoint.reach("http.sending")
        if request.effect is not Effect.WRITE:
            answer = self._read(connector.settings.name, request)
        else:
            answer = self._write(msgspec.convert(request.json, Ask), deadline)
        crashpoint.reach("http.answering")
        return answer

    # ------------------------------------------------------------ reads

    def _read(self, desk: str, request: HttpRequest) -> HttpResponse:
        if desk == "source":
            wanted = request.params.get("ticket", "")
            return _json([each for each in self._source() if not wanted or each.remote_id == wanted])
        asked = {line.ask.key for line in self.lines() if line.fault is Fault.PROBE_BROKEN}
        if request.label == "probe" and asked and not self._probed_in_vain():
            with self._path.with_suffix(".vain").open("ab") as file:
                file.write(b".")
            return HttpResponse(500, {}, b"try later")
        lag = LAG if self._fault is Fault.STALE else 0.0
        if self._fault is Fault.SLOW_INDEX and request.label in {"probe", "count"}:
            # a search goes by it, and the ticket itself is read as it is
            lag = SLOW
        return _json([msgspec.to_builtins(each) for each in self.state(self._clock.monotonic() - lag).tickets.values()])

    def _probed_in_vain(self) -> bool:
        return self._path.with_suffix(".vain").exists()

    # ------------------------------------------------------------ writes

    def _write(self, ask: Ask, deadline: float) -> HttpResponse:
        lines = self.lines()
        struck = [line for line in lines if line.fault is not Fault.NOTHING]
        strikes = ask.op is self._op and len(struck) < self._times
        if self._fault in PARTING:
            strikes = strikes and set(ask.fields) > {REFUSED_FIELD}
        if self._fault is Fault.REJECTED and struck:
            # the same one for ever, and no other
            strikes = ask.key == struck[0].ask.key
        fault = self._fault if strikes else Fault.NOTHING
        now = self._clock.monotonic()
        if fault is Fault.LEFT_OUT:
            # only what it has set is asked of it, as far as its file knows; what it refused stands beside
            rest = {name: told for name, told in ask.fields.items() if name != REFUSED_FIELD}
            ask = msgspec.structs.replace(ask, fields=rest, left_out=ask.fields[REFUSED_FIELD])
        lands = now if fault in {Fault.NOTHING, Fault.LEFT_OUT} or fault in _LANDS else None
        if fault in {Fault.LATE, Fault.VERY_LATE}:
            lands = now + deadline + (LATE if fault is Fault.LATE else VERY_LATE)
        self._append(Heard(ask, lands, fault))
        if fault is Fault.REFUSE:
            raise NotSentError("target: connection refused; nothing was sent")
        if fault in _SILENT:
            self._clock.advance(deadline)
        if fault in _CUT | _SILENT:
            raise OutcomeUnknownError(f"target: {fault}; it may have taken effect")
        return self._answer(ask, fault, now)

    def _answer(self, ask: Ask, fault: Fault, now: float) -> HttpResponse:
        date = {"date": format_datetime(EPOCH, usegmt=True)}
        match fault:
            case Fault.GARBAGE | Fault.GARBAGE_WITHOUT:
                return HttpResponse(200, {"content-type": "text/html"}, b"<html>a proxy says hello</html>")
            case Fault.ERROR_WITH | Fault.ERROR_WITHOUT:
                return HttpResponse(500, {}, b"<h1>Something went wrong</h1>")
            case Fault.THROTTLE:
                return HttpResponse(429, {"retry-after": str(WAIT)}, b"{}")
            case Fault.THROTTLE_DATE:
                until = EPOCH.replace(second=EPOCH.second + WAIT)
                return HttpResponse(429, {"retry-after": format_datetime(until, usegmt=True), **date}, b"{}")
            case Fault.PARTED:
                return HttpResponse(422, {}, msgspec.json.encode({"refused": [REFUSED_FIELD]}))
            case Fault.REJECTED | Fault.REPLAYED:
                return HttpResponse(422, {}, b'{"error": "a field is missing"}')
        state = State()
        due = self._due(now)
        for line in due[:-1]:
            state.apply(line.ask)
        status, ticket = state.apply(due[-1].ask)
        made = state.tickets[ticket]
        body = {"ticket": ticket, "version": made.version, "comment": made.comment_of(ask.key)}
        if fault is Fault.LEFT_OUT:
            body["refused"] = [REFUSED_FIELD]
        return HttpResponse(status, {}, msgspec.json.encode(body))

    def _append(self, line: Heard) -> None:
        """Add a line by one write: a process killed at this moment has written all of it or nothing."""
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(fd, msgspec.json.encode(line) + b"\n")
        finally:
            os.close(fd)


def _json(value: Any) -> HttpResponse:
    return HttpResponse(200, {"content-type": "application/json"}, msgspec.json.encode(value))
