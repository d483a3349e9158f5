"""One visit to the head of a lane, in a thread that only does HTTP.

Resolves an unknown outcome by the operation's strategy, or renders and sends the update: any number of reads, then the
intent is committed by the main thread, then at most one write leaves. The thread holds no database connection.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import msgspec

from gateway import crashpoint
from gateway.domain.echo import EchoEntry, value_hash
from gateway.domain.link import COMMENT, Link
from gateway.domain.update import (
    Absent,
    Finding,
    Forbidden,
    Intent,
    NotSent,
    Operation,
    Outcome,
    Reason,
    Rejected,
    Strategy,
    Throttled,
    Unauthorized,
    Unknown,
    Unsure,
    UpdateState,
)
from gateway.errors import (
    AuthenticationError,
    GatewayError,
    LoginRefusedError,
    NotSentError,
    SecondWriteError,
    ThrottledError,
    TransportError,
)
from gateway.flow import limits
from gateway.flow.calls import run_reads, whoami
from gateway.flow.comments import comment_hash
from gateway.flow.files.hearing import FILE, file_hash
from gateway.flow.sight import APART, REFUSED, is_out_of_sight, words
from gateway.flow.skew import there
from gateway.flow.unwritable import unwritable
from gateway.ports import (
    Call,
    Clock,
    Connector,
    Effect,
    HttpRequest,
    HttpResponse,
    LaneClaim,
    OperationClaim,
    Transport,
    UpdateRow,
    WriteContext,
)
from gateway.ports.http import unpacked
from gateway.telemetry import Redactor, tell_defect

log = logging.getLogger(__name__)

MAX_ANSWER = 2000
#: a thread that is not back this long after its requests' deadlines is left behind
GRACE_SECONDS = 3.0
#: and so much more for each file that goes with it
FILE_SECONDS = 60.0


class Task(msgspec.Struct, frozen=True):
    """What a thread needs for one visit."""

    claim: LaneClaim
    update: UpdateRow
    link: Link
    connector: Connector
    strategy: OperationClaim
    known_comments: frozenset[str]
    #: the rendered request of the last attempt (key strategy)
    stored: bytes | None
    attempt_id: str
    started: float
    #: the one that tries whether a desk is back whose breaker was open
    trial: bool = False
    #: why it must not be sent
    withheld: Rejected | None = None
    #: remote ids of the files that are known there, of one that puts a file there
    known_files: frozenset[str] = frozenset()
    #: seconds by which the desk's clock is ahead of ours
    ahead: int = 0


T = TypeVar("T")


class Ended(msgspec.Struct, frozen=True):
    """What a visit came to. `outcome` None: nothing to record (the lane was lost, or the payload had changed)."""

    task: Task
    outcome: Outcome | Finding | None
    #: the write left (or may have left)
    sent: bool = False
    status: int = 0
    answer: str = ""
    #: strategy none: nobody but a person can tell
    ambiguous: bool = False
    #: the connector itself broke before anything was sent
    broken: str = ""
    #: this one was refused and an earlier one may have landed: what a look at the desk said about that
    looked_back: Finding | None = None


#: asks the main thread to commit the intent; True: send it now
Ask = Callable[[Task, HttpRequest], bool]


def degrade(claim: OperationClaim, facts: dict[str, object]) -> OperationClaim:
    """Return the claim as it holds for this connection: unless the fact that it needs is proved, it is none."""
    if claim.needs_fact and facts.get(claim.needs_fact) is not True:
        return msgspec.structs.replace(claim, strategy=Strategy.NONE, probe=False)
    return claim


def visit(task: Task, ask: Ask, transport: Transport, clock: Clock, lease: float) -> Ended:
    """Work on one update; never raises, whatever the connector or the desk do. What a desk repeats of us is masked."""
    ended = _visit(task, ask, transport, clock, lease)
    hide = Redactor(task.connector.secrets()).text
    return msgspec.structs.replace(
        ended,
        outcome=_hidden(ended.outcome, hide),
        looked_back=_hidden(ended.looked_back, hide),
        answer=hide(ended.answer),
        broken=hide(ended.broken),
    )


def _hidden(told: T, hide: Callable[[str], str]) -> T:
    """Return an outcome or a finding whose words hold no secret."""
    if isinstance(told, msgspec.Struct) and (detail := getattr(told, "detail", "")):
        return msgspec.structs.replace(told, detail=hide(detail))
    return told


def _visit(task: Task, ask: Ask, transport: Transport, clock: Clock, lease: float) -> Ended:
    try:
        stored: HttpRequest | None = None
        if task.update.state in {UpdateState.UNKNOWN, UpdateState.SENDING}:
            ended, stored = _resolve(task, transport, clock.now())
            if ended is not None:
                return ended
        refused = task.withheld or unwritable(task.update, task.connector.spec)
        if refused is not None:
            return Ended(task, refused)
        return _Sending(task, ask, transport, clock, lease).run(stored)
    except Exception as error:  # noqa: BLE001 - a connector may raise anything, and the worker goes on
        tell_defect(log, "a connector broke before it sent anything", error, update=task.update.id)
        return Ended(task, NotSent(f"{type(error).__name__}: {error}"), broken=f"{type(error).__name__}: {error}"[:300])


def patience_with(connector: Connector, intent: Intent) -> float:
    """Return after how many seconds a visit's requests cannot still be running; a file has longer to go."""
    return 4 * connector.settings.deadline + GRACE_SECONDS + FILE_SECONDS * len(intent.attachments)


def context_of(task: Task) -> WriteContext:
    """Return what the connector may need beside the intent."""
    return context_for(task.update, task.link, task.known_comments, task.known_files, ahead=task.ahead)


def context_for(
    update: UpdateRow,
    link: Link,
    known_comments: frozenset[str],
    known_files: frozenset[str] = frozenset(),
    *,
    ahead: int = 0,
) -> WriteContext:
    """Return what a connector may need beside the intent of an update; `ahead` is the desk's clock, in seconds."""
    return WriteContext(
        effect_key=update.effect_key,
        remote_id=link.remote_id,
        version_token=link.version_token,
        known_comments=known_comments,
        known_files=known_files,
        first_sent_at=there(update.first_sent_at, ahead) if update.first_sent_at is not None else None,
        steps=update.steps,
        observed={field: seen.value for field, seen in link.observed.items()},
    )


def has_earlier(task: Task) -> bool:
    """Say whether an earlier attempt may have landed."""
    return task.update.state in {UpdateState.UNKNOWN, UpdateState.SENDING}


def _look_back(task: Task, outcome: Outcome, transport: Transport) -> Finding | None:
    """Look for an earlier attempt where this one was refused: the refusal says nothing about that one.

    Strategies that probe have looked before they sent; the others send again without looking.
    """
    refused = isinstance(outcome, Rejected | Forbidden)
    if not refused or not has_earlier(task) or task.strategy.strategy not in {Strategy.NATURAL, Strategy.KEY}:
        return None
    if not task.strategy.probe:
        return Unsure("nothing tells whether it landed")
    try:
        return _probe(task, transport)
    except GatewayError as error:
        return Unsure(str(error))


def _probe(task: Task, transport: Transport) -> Finding:
    return run_reads(
        task.connector.probe(task.update.intent, context_of(task)),
        task.connector,
        transport,
        deadline=task.connector.settings.deadline,
        trace_id=task.update.trace_id,
    )


def _resolve(task: Task, transport: Transport, now: datetime) -> tuple[Ended | None, HttpRequest | None]:
    """Find out what became of an earlier attempt; (None, request to send again) when it is to be sent."""
    claim = task.strategy
    if claim.strategy is Strategy.NATURAL and not claim.probe:
        return None, None
    if claim.strategy is Strategy.KEY:
        if claim.remembers(task.update.first_sent_at, now) and task.stored is not None:
            return None, unpacked(task.stored)
        if not claim.probe:
            return Ended(task, Unknown("the idempotency key has expired"), ambiguous=True), None
    if claim.strategy is Strategy.NONE:
        return Ended(task, Unknown("nothing tells whether it landed"), ambiguous=True), None
    crashpoint.reach("deliver.probing")
    try:
        finding = _probe(task, transport)
    except GatewayError as error:
        return Ended(task, _kept_from(error)), None
    crashpoint.reach("deliver.probed")
    # a natural write is repeated at last without a look; sooner, it could undo what a person did since it landed
    looked_long = claim.strategy is Strategy.NATURAL and task.update.probes + 1 >= limits.MAX_PROBES
    if isinstance(finding, Absent) or (isinstance(finding, Unsure) and looked_long):
        return None, None
    return Ended(task, finding), None


def _kept_from(error: GatewayError) -> Outcome:
    """Say what it means that a read had no answer, before anything was sent (again)."""
    if isinstance(error, AuthenticationError | LoginRefusedError):
        return Unauthorized(str(error))
    if isinstance(error, ThrottledError):
        return Throttled(str(error), error.seconds)
    return NotSent(str(error))


class _StopError(Exception):
    """The visit ends before anything was sent."""

    def __init__(self, ended: Ended) -> None:
        super().__init__()
        self.ended = ended


class _Sending:
    """Drives a connector's generator; the intent is committed at the moment it yields its write."""

    def __init__(self, task: Task, ask: Ask, transport: Transport, clock: Clock, lease: float) -> None:
        self._task = task
        self._ask = ask
        self._transport = transport
        self._clock = clock
        self._lease = lease
        self._sent = False
        self._last: HttpResponse | None = None

    def run(self, stored: HttpRequest | None) -> Ended:
        """Run the call to its end; `stored` replaces the write that it renders (key strategy)."""
        task = self._task
        context = msgspec.structs.replace(context_of(task), now=self._clock.now())
        call = task.connector.write(task.update.intent, context)
        try:
            request = next(call)
            while True:
                if request.effect is Effect.WRITE:
                    request = stored or request
                    self._before_write(request)
                request = self._exchange(call, request)
        except StopIteration as end:
            outcome: Outcome = end.value
            if isinstance(outcome, Forbidden):
                outcome = _forbidden(outcome, task, self._transport)
            if isinstance(outcome, Forbidden | Rejected):
                outcome = _told_apart(outcome, self._last, task, self._transport)
            return msgspec.structs.replace(self._ended(outcome), looked_back=_look_back(task, outcome, self._transport))
        except _StopError as stop:
            return stop.ended
        except TransportError as error:
            return self._ended(Unknown(str(error)) if self._sent else _kept_from(error))
        except Exception as error:
            if not self._sent and isinstance(error, AuthenticationError):
                return self._ended(_kept_from(error))
            if not self._sent:
                raise
            tell_defect(log, "a connector broke after it had sent", error, update=task.update.id)
            return self._ended(Unknown(f"{type(error).__name__}: {error}"))
        finally:
            call.close()

    def _before_write(self, request: HttpRequest) -> None:
        """Let the main thread commit the intent, then look once more whether the lane can still be ours."""
        task = self._task
        if self._sent:
            msg = f"{task.connector.spec.name} tried a second write in one attempt"
            raise SecondWriteError(msg)
        crashpoint.reach("deliver.intending")
        asked = self._clock.monotonic()
        if not self._ask(task, request):
            raise _StopError(Ended(task, None))
        if self._clock.monotonic() - asked > self._lease:
            raise _StopError(Ended(task, NotSent("paused too long between the intent and the sending")))
        self._sent = True
        crashpoint.reach("deliver.guarded")

    def _exchange(self, call: Call[Outcome], request: HttpRequest) -> HttpRequest:
        """Send one request and hand the answer (or the failure) to the connector; return its next request."""
        task = self._task
        is_write = request.effect is Effect.WRITE
        try:
            response = self._transport.send(
                task.connector, request, deadline=task.connector.settings.deadline, trace_id=task.update.trace_id
            )
        except NotSentError as error:
            if is_write:
                self._sent = False
                raise _StopError(Ended(task, _kept_from(error))) from None
            return call.throw(error)
        except TransportError as error:
            return call.throw(error)
        if is_write:
            self._last = response
            crashpoint.reach("deliver.answered")
        return call.send(response)

    def _ended(self, outcome: Outcome) -> Ended:
        last = self._last
        answer = "" if last is None else last.body[:MAX_ANSWER].decode("utf-8", "replace")
        return Ended(self._task, outcome, self._sent, last.status if last else 0, answer)


def _forbidden(outcome: Forbidden, task: Task, transport: Transport) -> Outcome:
    """Tell a refusal of this update from lost credentials: 403 pauses the connection only if whoami fails too."""
    if whoami(task.connector, transport, task.update.trace_id) is False:
        return Unauthorized(outcome.detail)
    return outcome


def _told_apart(outcome: Forbidden | Rejected, last: HttpResponse | None, task: Task, transport: Transport) -> Outcome:
    """Tell a ticket that is out of our sight from an update that is refused: the one cannot be read either."""
    update, remote_id = task.update, task.link.remote_id
    if isinstance(outcome, Rejected) and outcome.reason is not Reason.REJECTED:
        return outcome
    if (last is not None and last.status not in REFUSED) or update.operation in APART or not remote_id:
        return outcome
    if not is_out_of_sight(task.connector, remote_id, transport, update.trace_id):
        return outcome
    return Rejected(f"{words(task.claim.connection, remote_id)} ({outcome.detail})", Reason.HIDDEN)


def expected_echoes(task: Task, new_id: Callable[[], str], now: datetime) -> tuple[EchoEntry, ...]:
    """Return what the desk will tell us of this very write, for the ledger."""
    update = task.update
    intent = update.intent
    entries = []

    def entry(subject: str, hashed: str, *, side_effect: bool = False) -> EchoEntry:
        return EchoEntry(new_id(), update.id, subject, hashed, now, side_effect=side_effect)

    if intent.operation is Operation.SET_FIELDS:
        for field, value in task.connector.as_read(intent).items():
            entries.append(entry(field, value_hash(value)))
    if intent.comment is not None:
        words = task.connector.as_read(intent).get(COMMENT, intent.comment.body)
        entries.append(entry(COMMENT, comment_hash(words, intent.comment.visibility)))
        entries.append(entry("marker", value_hash(update.effect_key)))
    if intent.operation is Operation.ATTACH:
        entries += [entry(FILE, file_hash(each)) for each in intent.attachments]
    observed = {field: seen.value for field, seen in task.link.observed.items()}
    for field, told in task.connector.side_effects(intent, observed).items():
        values = told if isinstance(told, tuple) else (told,)
        entries += [entry(field, value_hash(value), side_effect=True) for value in values]
    return tuple(entries)
