"""The behaviour suite against the simulated RT, and what only a simulator can do: break."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.request_tracker.simulator import SimulatedRequestTracker
from connectors.testing.faults import FaultKind
from gateway.domain.update import Absent, Found, Intent, NotSent, Operation, Outcome, Progress, Unknown, Unsure
from gateway.errors import OutcomeUnknownError
from gateway.ports import Call, WriteContext
from tests.connectors.request_tracker import behaviour
from tests.connectors.request_tracker.stand import Sink, Stand, fields, note, reply


@pytest.fixture
def desk() -> Iterator[SimulatedRequestTracker]:
    """Start a simulated RT."""
    with SimulatedRequestTracker(webhook_secret="a-secret") as simulated:
        yield simulated


@pytest.fixture
def stand(desk: SimulatedRequestTracker) -> Iterator[Stand]:
    """Give the simulated RT with its people and a place for its webhooks."""
    sink = Sink()
    desk.webhooks.url = sink.url

    def person(method: str, path: str, payload: Any = None, *, who: str = "agent1") -> Any:
        request = urllib.request.Request(
            f"{desk.base}{path}",
            data=None if payload is None else json.dumps(payload).encode(),
            method=method,
            headers={"Authorization": f"token {desk.tokens[who]}", "User-Agent": "desk-test"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    made = Stand(desk.url, desk.tokens, "a-secret", sink, person)
    yield made
    made.driver.close()
    sink.server.refuse()


class TestCreation(behaviour.Creation):
    """Against the simulator."""


class TestDueTimes(behaviour.DueTimes):
    """Against the simulated RT."""


class TestFields(behaviour.Fields):
    """Against the simulator."""


class TestMessages(behaviour.Messages):
    """Against the simulator."""


class TestAgents(behaviour.Agents):
    """Against the simulator."""

    def test_many_accounts_are_asked_for_in_parts(self, desk: SimulatedRequestTracker, stand: Stand) -> None:
        """A search for the enabled costs one request for forty; who is left out is asked for alone."""
        found = stand.driver.run(stand.connector.agents([*(f"user{number:02}" for number in range(41)), "agent1"]))
        assert [each.account_id for each in found] == ["agent1"]
        assert [heard.path.rpartition("/")[2] for heard in desk.journal].count("users") == 2


class TestCounting(behaviour.Counting):
    """Against the simulator."""

    def test_a_clone_that_a_person_made_is_not_counted(self, desk: SimulatedRequestTracker, stand: Stand) -> None:
        """It carries our mark, and is theirs."""
        mark = WriteContext(effect_key="f" * 32)
        first = stand.create(mark.effect_key)
        desk.act("create", subject="Made by us", body="b", CustomFields={"ExternalRef": mark.effect_key})
        intent = Intent(Operation.CREATE, fields={"title": "Made by us"}, params={"queue": "Support"})
        assert [each.remote_id for each in stand.count(intent, mark).copies] == [first]


class TestChanges(behaviour.Changes):
    """Against the simulator."""


class TestAccount(behaviour.Account):
    """Against the simulator."""


WITH_EFFECT = [FaultKind.RESET_AFTER, FaultKind.HALF_BODY, FaultKind.ERROR_WITH_EFFECT]


class TestFaults:
    """An answer that is lost after the effect is found again by the probe, and the effect happened once."""

    @pytest.mark.parametrize("kind", WITH_EFFECT)
    @pytest.mark.parametrize("operation", ["reply", "note", "create"])
    def test_a_lost_answer_is_probed(
        self, stand: Stand, desk: SimulatedRequestTracker, kind: FaultKind, operation: str
    ) -> None:
        """Whatever broke, the outcome is unknown and the marker is there."""
        number = stand.ticket()
        intent = {"reply": reply("hello"), "note": note("hello"), "create": creation()}[operation]
        where = WriteContext(effect_key=f"key-{operation}", remote_id=number)
        desk.fault(kind, method="POST")
        try:
            outcome = stand.write(intent, where)
        except OutcomeUnknownError:
            outcome = Unknown("")
        assert isinstance(outcome, Unknown)
        assert isinstance(stand.probe(intent, where), Found)
        assert len(desk.effects.all(key=f"key-{operation}")) == 1

    def test_a_created_ticket_whose_reading_fails_is_created_all_the_same(
        self, stand: Stand, desk: SimulatedRequestTracker
    ) -> None:
        """A verification read never reclassifies a write that landed."""
        for fault in (FaultKind.RESET_BEFORE, FaultKind.ERROR_WITHOUT_EFFECT, FaultKind.GARBAGE):
            desk.fault(fault, method="GET")
            receipt = stand.done(stand.write(creation(), WriteContext(effect_key=f"k-{fault}")))
            assert receipt.remote_id
            assert receipt.observed is None

    def test_a_put_that_cannot_be_read_back_is_unknown(self, stand: Stand, desk: SimulatedRequestTracker) -> None:
        """Its 200 proves nothing; where it could not be read before, nothing was sent."""
        number = stand.ticket()
        desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, method="GET")
        assert isinstance(stand.write(fields(title="x"), WriteContext("k", number)), NotSent)
        call = stand.connector.write(fields(title="x"), WriteContext("k", number))

        def broken() -> Call[Outcome]:
            written = yield call.send((yield next(call)))
            desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, method="GET")
            try:
                call.send((yield call.send(written)))
            except StopIteration as stop:
                outcome: Outcome = stop.value
                return outcome
            pytest.fail("it goes on")

        assert isinstance(stand.driver.run(broken()), Unknown)

    def test_a_reply_whose_first_read_fails_was_not_sent(self, stand: Stand, desk: SimulatedRequestTracker) -> None:
        """Nothing was written yet."""
        number = stand.ticket()
        desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, method="GET")
        assert isinstance(stand.write(reply("x"), WriteContext("k", number)), NotSent)

    @pytest.mark.parametrize("kind", [FaultKind.ERROR_WITHOUT_EFFECT, FaultKind.GARBAGE, FaultKind.RESET_BEFORE])
    def test_a_probe_that_cannot_look_is_unsure(
        self, stand: Stand, desk: SimulatedRequestTracker, kind: FaultKind
    ) -> None:
        """No answer is never taken for "not there"."""
        for intent in (creation(), note("x"), fields(title="x")):
            desk.fault(kind, method="GET")
            assert isinstance(stand.probe(intent, WriteContext("k", "1")), Unsure)

    def test_a_ticket_that_is_not_shown_lets_its_fields_be_written_again(
        self, stand: Stand, desk: SimulatedRequestTracker
    ) -> None:
        """Looking again would not help: what RT thinks of it is heard by writing."""
        desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, method="GET", status=403)
        assert stand.probe(fields(title="x"), WriteContext("k", "1")) == Absent()
        assert stand.probe(fields(title="x"), WriteContext("k", "4711")) == Absent()

    def test_a_desk_without_the_marker_field_still_finds_its_comment(
        self, stand: Stand, desk: SimulatedRequestTracker
    ) -> None:
        """By words, author and time."""
        desk.records.comment_fields = ()
        number = stand.ticket()
        stand.done(stand.write(note("no marker"), WriteContext("k", number)))
        assert isinstance(stand.probe(note("no marker"), WriteContext("k", number)), Found)

    def test_an_unborn_status_survives_a_lost_answer(self, stand: Stand, desk: SimulatedRequestTracker) -> None:
        """The second attempt only sets the status."""
        intent = creation(status={"category": "on_hold"})
        first = stand.write(intent, WriteContext("k"))
        assert isinstance(first, Progress)
        desk.fault(FaultKind.RESET_AFTER, method="PUT")
        again = WriteContext("k", steps=first.steps)
        with pytest.raises(OutcomeUnknownError):
            stand.write(intent, again)
        assert isinstance(stand.probe(intent, again), Found)
        assert len(desk.effects.all(kind="create", key="k")) == 1

    def test_a_browser_is_sent_to_the_login_page(self, stand: Stand) -> None:
        """RT's 302 for anything with Mozilla in its name; ours has not."""
        stand.driver.run(stand.connector.whoami())
        assert all("Mozilla" not in request.headers["User-Agent"] for request in stand.driver.requests)


def creation(**more: Any) -> Intent:
    """Return the creation of a ticket."""
    return Intent(Operation.CREATE, fields={"title": "Created", **more}, params={"queue": "Support"})


class TestLinks(behaviour.Links):
    """Against the simulator."""
