"""One visit to a head: what keeps us from looking or from writing is told as what it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from gateway.domain.event import Event, EventKind, FieldChange, RemoteTicket
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.ticket import SYNCED_FIELDS
from gateway.domain.update import (
    Absent,
    Done,
    Finding,
    Found,
    Intent,
    NotSent,
    Operation,
    Outcome,
    Progress,
    Reason,
    Receipt,
    Rejected,
    Strategy,
    Throttled,
    Unauthorized,
    Unsure,
    UpdateState,
)
from gateway.errors import AuthenticationError, GatewayError, NotSentError, ThrottledError, TransportError
from gateway.flow.attempt import Ended, Task, visit
from gateway.flow.limits import MAX_ATTEMPTS, MAX_PROBES
from gateway.flow.outcome import judge
from gateway.ports import (
    AttemptEnd,
    Call,
    Clock,
    ConnectionSettings,
    DeskState,
    Effect,
    HttpRequest,
    LaneClaim,
    OperationClaim,
    UpdateRow,
)
from gateway.ports.http import packed

NOW = datetime(2026, 3, 1, tzinfo=UTC)
READ = HttpRequest("GET", "/look", Effect.READ)
WRITE = HttpRequest("POST", "/do", Effect.WRITE)


def task(
    connector: Any,
    state: UpdateState,
    strategy: Strategy = Strategy.PROBE,
    settle_until: datetime | None = None,
    *,
    probe: bool = False,
    probes: int = 0,
) -> Task:
    """Return a visit to a comment in some state."""
    update = UpdateRow(
        id="u1",
        link_id="l1",
        seq=1,
        ticket_id="t1",
        connection="desk",
        operation=Operation.INTERNAL_NOTE,
        effect_key="e1",
        intent=Intent(Operation.INTERNAL_NOTE),
        payload_version=1,
        state=state,
        summary="internal note",
        attempts=3,
        probes=probes,
        created_at=NOW,
        trace_id="t" * 32,
        settle_until=settle_until,
        first_sent_at=NOW,
    )
    connector.settings = ConnectionSettings("desk", "fake", "http://desk.example", {})
    connector.spec = SimpleNamespace(name="fake", title="Fake", writable_fields=frozenset(SYNCED_FIELDS))
    connector.secrets = lambda: [SECRET]
    return Task(
        claim=LaneClaim("l1", "desk", 1),
        update=update,
        link=Link("l1", "t1", "desk", LinkState.LIVE, Role.TARGET, "7"),
        connector=connector,
        strategy=OperationClaim(strategy, key_ttl=60, probe=probe),
        known_comments=frozenset(),
        stored=packed(WRITE) if strategy is Strategy.KEY else None,
        attempt_id="a1",
        started=0.0,
    )


#: of our account at the desk
SECRET = "a-token-of-ours"


class Desk:
    """A transport that answers everything with the same answer."""

    def __init__(self, status: int = 200, body: bytes = b"") -> None:
        self.status = status
        self.body = body
        self.sent: list[HttpRequest] = []

    def send(self, connector: Any, request: HttpRequest, *, deadline: float, trace_id: str) -> Any:
        """Note and answer."""
        self.sent.append(request)
        return SimpleNamespace(status=self.status, ok=self.status < 300, body=self.body, headers={})


def go(connector: Any, state: UpdateState, **more: Any) -> Ended:
    """Visit."""
    clock = SimpleNamespace(now=lambda: NOW, monotonic=lambda: 0.0)
    desk: Any = Desk()
    return visit(task(connector, state, **more), lambda *_: True, desk, cast("Clock", clock), 15.0)


def failing(error: GatewayError) -> Callable[..., Call[Any]]:
    """Return a call that reads, then raises."""

    def call(*_: Any) -> Call[Any]:
        yield READ
        raise error

    return call


def test_what_a_desk_repeats_of_our_secrets_is_stored_nowhere() -> None:
    """Neither in its answer nor in the words that the connector takes from it, nor in those of a defect."""

    def refused(*_: Any) -> Call[Any]:
        response = yield WRITE
        return Rejected(response.body.decode())

    def breaks(*_: Any) -> Call[Any]:
        raise RuntimeError(SECRET)

    for call in (refused, breaks):
        desk: Any = Desk(422, f"{SECRET} is not known here".encode())
        clock = cast("Clock", SimpleNamespace(now=lambda: NOW, monotonic=lambda: 0.0))
        connector = SimpleNamespace(write=call)
        ended = visit(task(connector, UpdateState.READY), lambda *_: True, desk, clock, 15.0)
        assert SECRET not in repr(msgspec.structs.asdict(ended) | {"task": None})
        assert "***" in repr(ended.outcome)


TROUBLES = [
    (AuthenticationError("no"), Unauthorized),
    (ThrottledError("wait", seconds=30), Throttled),
    (TransportError("half an answer"), NotSent),
]


@pytest.mark.parametrize(("error", "kind"), TROUBLES)
def test_a_probe_that_is_refused_tells_why(error: GatewayError, kind: type[Outcome]) -> None:
    """401 pauses the connection, 429 lets it wait, and neither costs an attempt; anything else does."""
    ended = go(SimpleNamespace(probe=failing(error)), UpdateState.UNKNOWN)
    assert isinstance(ended.outcome, kind)
    verdict = judge(ended, DeskState("desk"), NOW, blocks=True)
    assert verdict.end.state is UpdateState.UNKNOWN
    assert verdict.end.counts is (kind is NotSent)
    assert not verdict.end.drop_echoes
    assert bool(verdict.desk.paused) is (kind is Unauthorized)
    assert (verdict.desk.not_before is not None) is (kind is Throttled)


@pytest.mark.parametrize(("error", "kind"), TROUBLES)
def test_a_read_before_the_write_that_is_refused_tells_why(error: GatewayError, kind: type[Outcome]) -> None:
    """A connector that raises what its reads raise is not broken: the update is ready for the next visit."""
    ended = go(SimpleNamespace(write=failing(error)), UpdateState.READY)
    assert isinstance(ended.outcome, kind)
    assert not ended.broken
    verdict = judge(ended, DeskState("desk"), NOW, blocks=True)
    assert verdict.end.state is UpdateState.READY


@pytest.mark.parametrize("outcome", [Throttled("wait"), Unauthorized("no"), Rejected("no")])
def test_the_echo_of_an_earlier_attempt_that_may_have_landed_is_still_expected(outcome: Outcome) -> None:
    """Only what certainly never took effect takes its expected echoes back."""

    def write(*_: Any) -> Call[Outcome]:
        yield WRITE
        return outcome

    again = go(SimpleNamespace(write=write), UpdateState.UNKNOWN, strategy=Strategy.NATURAL)
    assert not judge(again, DeskState("desk"), NOW, blocks=True).end.drop_echoes
    first = go(SimpleNamespace(write=write), UpdateState.READY, strategy=Strategy.NATURAL)
    assert judge(first, DeskState("desk"), NOW, blocks=True).end.drop_echoes


def refusing(finding: Finding | GatewayError) -> Any:
    """Return a connector whose write is refused, and which finds something when it looks for an earlier one."""

    def write(*_: Any) -> Call[Outcome]:
        yield WRITE
        return Rejected("no such status")

    def probe(*_: Any) -> Call[Finding]:
        yield READ
        if isinstance(finding, GatewayError):
            raise finding
        return finding

    return SimpleNamespace(write=write, probe=probe, as_read=lambda _: {})


@pytest.mark.parametrize("strategy", [Strategy.NATURAL, Strategy.KEY])
@pytest.mark.parametrize(
    ("finding", "state"),
    [
        (Found(Receipt(comment_id="c7")), UpdateState.OBSERVED),
        (Absent(), UpdateState.DEAD),
        (Unsure("busy"), UpdateState.UNKNOWN),
        (TransportError("no answer"), UpdateState.UNKNOWN),
    ],
)
def test_a_refusal_says_nothing_of_an_earlier_attempt(
    strategy: Strategy, finding: Finding | GatewayError, state: UpdateState
) -> None:
    """What was sent again without a look is looked for before the refusal counts: dead means that nothing landed."""
    ended = go(refusing(finding), UpdateState.UNKNOWN, strategy=strategy, probe=True)
    end = judge(ended, DeskState("desk"), NOW, blocks=True).end
    assert end.state is state
    assert end.not_before is None or end.not_before > NOW
    assert (end.not_before is not None) is (state is UpdateState.UNKNOWN)


def test_a_refusal_is_no_end_while_an_earlier_attempt_can_still_land() -> None:
    """It is asked for again when its settle time is over."""
    later = NOW + timedelta(seconds=9)
    ended = go(refusing(Absent()), UpdateState.UNKNOWN, strategy=Strategy.NATURAL, settle_until=later, probe=True)
    end = judge(ended, DeskState("desk"), NOW, blocks=True).end
    assert (end.state, end.not_before) == (UpdateState.UNKNOWN, later)


@pytest.mark.parametrize("strategy", [Strategy.NATURAL, Strategy.KEY])
def test_a_refusal_where_nobody_can_look_is_a_letter_like_any_other(strategy: Strategy) -> None:
    """The same again does no harm: whatever became of the first, no person has to find out before a replay."""
    ended = go(refusing(Absent()), UpdateState.SENDING, strategy=strategy, probe=False)
    end = judge(ended, DeskState("desk"), NOW, blocks=True).end
    assert (end.state, end.reason) == (UpdateState.DEAD, Reason.REJECTED)
    assert "may have landed, which does no harm" in end.detail
    assert not end.drop_echoes, "what may have landed can still echo"


def test_a_refusal_where_nobody_can_look_waits_for_what_can_still_come() -> None:
    """It is no letter before the earlier attempt is too late to land; nor is it sent a third time after that."""
    later = NOW + timedelta(seconds=9)
    ended = go(refusing(Absent()), UpdateState.UNKNOWN, strategy=Strategy.NATURAL, settle_until=later)
    end = judge(ended, DeskState("desk"), NOW, blocks=True).end
    assert (end.state, end.not_before) == (UpdateState.UNKNOWN, later)
    assert judge(ended, DeskState("desk"), later, blocks=True).end.state is UpdateState.DEAD


def test_a_key_that_the_desk_has_forgotten_proves_nothing() -> None:
    """Sent again under it a second copy could come to be: a person has to look."""
    ended = go(refusing(Absent()), UpdateState.UNKNOWN, strategy=Strategy.KEY)
    end = judge(ended, DeskState("desk"), NOW + timedelta(seconds=61), blocks=True).end
    assert (end.state, end.reason) == (UpdateState.AMBIGUOUS, Reason.REJECTED)


@pytest.mark.parametrize(
    ("before", "strategy", "after"),
    [
        (UpdateState.READY, Strategy.PROBE, UpdateState.DEAD),
        (UpdateState.UNKNOWN, Strategy.NATURAL, UpdateState.DEAD),
        (UpdateState.UNKNOWN, Strategy.PROBE, UpdateState.AMBIGUOUS),
    ],
)
def test_a_connector_that_breaks_says_nothing_of_an_earlier_attempt(
    before: UpdateState, strategy: Strategy, after: UpdateState
) -> None:
    """Poison is dead only where nothing can have landed, or the same again does no harm."""

    def write(*_: Any) -> Call[Outcome]:
        prepared: dict[str, HttpRequest] = {}
        yield prepared["nothing"]
        return Rejected("never said")

    def probe(*_: Any) -> Call[Finding]:
        yield READ
        return Absent()

    ended = go(SimpleNamespace(write=write, probe=probe), before, strategy=strategy)
    end = judge(ended, DeskState("desk"), NOW, blocks=True).end
    assert (end.state, end.reason) == (after, Reason.POISON)


@pytest.mark.parametrize("lost", [True, False])
@pytest.mark.parametrize(
    ("strategy", "after"), [(Strategy.NATURAL, UpdateState.DEAD), (Strategy.KEY, UpdateState.AMBIGUOUS)]
)
def test_what_is_given_up_after_all_its_attempts_is_ambiguous_only_where_twice_does_harm(
    strategy: Strategy, after: UpdateState, *, lost: bool
) -> None:
    """A desk that is away for days leaves natural writes that a bulk may replay; a key is forgotten by then."""

    def write(*_: Any) -> Call[Outcome]:
        yield WRITE
        raise TransportError("no answer")

    def unsent(*_: Any) -> Call[Outcome]:
        yield READ
        raise NotSentError("no connection")

    ended = go(SimpleNamespace(write=write if lost else unsent), UpdateState.UNKNOWN, strategy=strategy)
    ended = msgspec.structs.replace(
        ended,
        task=msgspec.structs.replace(
            ended.task, update=msgspec.structs.replace(ended.task.update, attempts=MAX_ATTEMPTS - 1)
        ),
    )
    end = judge(ended, DeskState("desk"), NOW + timedelta(days=3), blocks=True).end
    assert (end.state, end.reason, end.not_before) == (after, Reason.EXHAUSTED, None)


@pytest.mark.parametrize(
    ("finding", "probes", "after"),
    [
        (Found(Receipt(change_ids=("7",))), 0, UpdateState.OBSERVED),
        (Absent(), 0, UpdateState.DONE),
        (Unsure("no answer"), 0, UpdateState.UNKNOWN),
        (Unsure("no answer"), MAX_PROBES - 1, UpdateState.DONE),
    ],
)
def test_a_natural_write_that_can_be_looked_for_is_looked_for_first(
    finding: Finding, probes: int, after: UpdateState
) -> None:
    """What landed is not written again over what a person did since; where no look helps it is sent again at last."""

    def probe(*_: Any) -> Call[Finding]:
        yield READ
        return finding

    def write(*_: Any) -> Call[Outcome]:
        yield WRITE
        return Done()

    desk = SimpleNamespace(write=write, probe=probe)
    ended = go(desk, UpdateState.UNKNOWN, strategy=Strategy.NATURAL, probe=True, probes=probes)
    assert ended.sent is (after is UpdateState.DONE)
    verdict = judge(ended, DeskState("desk"), NOW, blocks=True)
    assert verdict.end.state is after
    blind = go(SimpleNamespace(write=write), UpdateState.UNKNOWN, strategy=Strategy.NATURAL)
    assert blind.sent


def test_what_is_looked_for_first_waits_until_it_can_have_appeared() -> None:
    """A look before the settle time would miss a late effect."""

    def write(*_: Any) -> Call[Outcome]:
        yield WRITE
        raise TransportError("the answer was lost")

    ended = go(SimpleNamespace(write=write), UpdateState.READY, strategy=Strategy.NATURAL, probe=True)
    end = judge(ended, DeskState("desk"), NOW, blocks=True).end
    assert end.state is UpdateState.UNKNOWN
    assert end.not_before == end.settle_until is not None


def half_way(steps: dict[str, Any], outcome: Outcome) -> AttemptEnd:
    """Return the end of a visit to an update of two fields, of which some steps had landed before."""

    def write(*_: Any) -> Call[Outcome]:
        yield WRITE
        return outcome

    connector = SimpleNamespace(write=write, as_read=lambda intent: intent.fields)
    mine = task(connector, UpdateState.READY, Strategy.NATURAL)
    intent = Intent(Operation.SET_FIELDS, fields={"title": "New", "queue": "Second"})
    update = msgspec.structs.replace(mine.update, operation=intent.operation, intent=intent, steps=steps)
    clock = cast("Clock", SimpleNamespace(now=lambda: NOW, monotonic=lambda: 0.0))
    ended = visit(
        msgspec.structs.replace(mine, update=update, ahead=3600), lambda *_: True, cast("Any", Desk()), clock, 15.0
    )
    return judge(ended, DeskState("desk"), NOW, blocks=True).end


def test_of_a_step_only_what_the_desk_shows_is_known() -> None:
    """It still shows the old value of what the next step is to write: that is no edit, and nothing of ours yet."""
    shown = RemoteTicket("7", NOW, version=5, title="New", queue="First")
    end = half_way({}, Progress({"title": True}, Receipt(remote_id="7", version=5, observed=shown)))
    assert end.link is not None
    assert {field: seen.value for field, seen in end.link.observed.items()} == {"title": "New"}
    bare = half_way({}, Progress({"title": True}, Receipt(remote_id="7")))
    assert bare.link is not None
    assert bare.link.observed == {}
    done = half_way({"title": True}, Done(Receipt(remote_id="7")))
    assert done.link is not None
    assert set(done.link.observed) == {"title", "queue"}


@pytest.mark.parametrize("outcome", [Throttled("wait"), Rejected("no"), NotSent("no")])
def test_a_step_that_landed_is_still_expected_to_come_back(outcome: Outcome) -> None:
    """Whatever becomes of the next one."""
    assert half_way({}, outcome).drop_echoes
    assert not half_way({"title": True}, outcome).drop_echoes


def test_an_edit_that_a_write_undid_is_of_our_time() -> None:
    """The desk's clock is an hour ahead."""
    hour = timedelta(hours=1)
    edit = Event(EventKind.CHANGED, "7", "undone:1", NOW + hour, changes=(FieldChange("title", "Theirs"),))
    (undone,) = half_way({}, Done(Receipt(remote_id="7", undone=(edit,)))).undone
    assert undone.at == NOW
