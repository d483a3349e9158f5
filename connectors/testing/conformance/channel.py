"""What a connector must hold that carries notices alone (a chat, a pager, any address that takes JSON) and no tickets.

    class TestMyPager(Channel):
        plugin = my_pager.gateway_connector()
        folder = Path(my_pager.__file__).parent
        simulator = MyPagerSimulator
        options = {"token": "t"}

Each notice arrives once under every fault, each answer is what it is, and nothing that comes breaks it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from connectors.sdk import (
    CommentIntent,
    ConnectionSettings,
    Connector,
    Done,
    IncomingRequest,
    Intent,
    NotSent,
    Operation,
    Plugin,
    Rejected,
    Strategy,
    Throttled,
    Unknown,
    Visibility,
)
from connectors.testing.conformance.hostile import BODIES, attempt
from connectors.testing.conformance.outcomes import ANSWERS
from connectors.testing.conformance.stand import context
from connectors.testing.conformance.writes import FAULTS
from connectors.testing.desk import SimulatedDesk
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind
from connectors.testing.purity import guarded
from connectors.testing.quality import (
    claim_faults,
    comparing_faults,
    io_faults,
    is_channel,
    lacks_faults,
    mechanism_faults,
    operation_faults,
    read_quality,
    spec_faults,
    tests_of,
)

_WORDS = "**P1** is late: 処理中 🔥 [the ticket](https://acme.example/5)"


class Channel:
    """Everything that can be asked of a channel. A subclass says where its receiver stands, and how it is connected."""

    plugin: ClassVar[Plugin]
    #: the folder of the connector, with its quality.yaml
    folder: ClassVar[Path]
    #: the receiver; its log calls what a notice does `message`
    simulator: ClassVar[type[SimulatedDesk]]
    #: what the receiver is started with
    started: ClassVar[Mapping[str, Any]] = {}
    #: what stands in gateway.yaml beside `connector` and `url`, secrets resolved
    options: ClassVar[Mapping[str, Any]]
    #: where the receiver takes notices, below its address
    path: ClassVar[str] = ""
    #: of a notice: to whom
    params: ClassVar[Mapping[str, Any]] = {}
    #: what an answer means where the connector is sure of more than the default table
    answers: ClassVar[Mapping[int, tuple[type[Any], ...]]] = {}

    # -- fixtures

    @pytest.fixture
    def receiver(self) -> Iterator[SimulatedDesk]:
        """Start the receiver."""
        started: AbstractContextManager[SimulatedDesk] = self.simulator(**self.started)
        with started as found:
            yield found

    @pytest.fixture
    def connector(self, receiver: SimulatedDesk) -> Connector:
        """Connect to it."""
        url = f"{receiver.url}{self.path}"
        return self.plugin.factory(ConnectionSettings("channel", self.plugin.spec.name, url, dict(self.options)))

    @pytest.fixture
    def driver(self, connector: Connector) -> Iterator[Driver]:
        """Run calls with a short deadline."""
        found = Driver(connector, deadline=2.0)
        yield found
        found.close()

    def notice(self) -> Intent:
        """Return a notice, with everything that the gateway says of one."""
        return Intent(
            Operation.NOTIFY,
            {"title": "late", "body": _WORDS},
            CommentIntent("n1", _WORDS, Visibility.INTERNAL),
            params=dict(self.params),
        )

    # -- what it says of itself

    def test_its_claims_are_those_of_a_channel(self, connector: Connector) -> None:
        """Nothing but notices; each claim is tested, each mechanism has its means or its reason."""
        content, faults = read_quality(self.folder)
        spec = self.plugin.spec
        assert faults == []
        assert is_channel(spec)
        assert isinstance(connector, Connector)
        assert connector.spec == spec
        assert spec_faults(spec) == []
        assert operation_faults(spec, content) == []
        assert claim_faults(content, tests_of(self.folder)) == []
        assert lacks_faults(spec, content) == []
        assert mechanism_faults(content) == []

    def test_it_does_no_io_and_shows_no_secret(self, connector: Connector) -> None:
        """It imports nothing that reaches outside, compares in constant time, and names its secrets for redaction."""
        assert io_faults(self.folder) == []
        assert comparing_faults(self.plugin.spec, self.folder) == []
        shown = repr(connector) + repr(connector.settings) + str(connector.spec)
        assert connector.secrets()
        assert not [secret for secret in connector.secrets() if secret in shown]

    def test_it_reaches_nothing_by_itself(self, connector: Connector) -> None:
        """No file, no socket, no clock, no chance: what it wants it asks for."""

        def work() -> None:
            connector.as_read(self.notice())
            connector.side_effects(self.notice(), {})
            call = connector.write(self.notice(), context())
            next(call)
            call.close()

        work()
        with guarded(self.folder) as seen:
            work()
        assert seen == []

    def test_it_has_no_tickets(self, driver: Driver) -> None:
        """Nothing is read, and a poll has nothing."""
        assert driver.run(driver.connector.read("1")) is None
        page = driver.run(driver.connector.changes("", datetime.now(UTC)))
        assert (page.tickets, page.events) == ((), ())
        assert driver.requests == []

    # -- notices

    @pytest.mark.faults
    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_notice_arrives_once(self, receiver: SimulatedDesk, driver: Driver, fault: str) -> None:
        """Twice in a row with each fault; what claims nothing is left to a person, and is never doubled."""
        receiver.fault(fault, method="POST", count=2, **FAULTS[fault])
        try:
            driver.settle(self.notice(), context(), receiver.accept)
        except LookupError:
            assert self.plugin.spec.operations[Operation.NOTIFY].strategy is Strategy.NONE
            assert len(receiver.effects.all(kind="message")) <= 1
            return
        assert len(receiver.effects.all(kind="message")) == 1
        assert receiver.effects.doubled() == {}

    @pytest.mark.parametrize("status", ANSWERS)
    def test_an_answer_is_classified(self, receiver: SimulatedDesk, driver: Driver, status: int) -> None:
        """What was refused will be refused again; what may have arrived is unknown."""
        receiver.fault(FaultKind.ERROR_WITHOUT_EFFECT, method="POST", status=status)
        outcome = driver.attempt(self.notice(), context())
        assert isinstance(outcome, self.answers.get(status, ANSWERS[status])), f"{status} is {outcome}"
        if isinstance(outcome, Rejected):
            assert outcome.detail
            assert not [secret for secret in driver.connector.secrets() if secret in outcome.detail]

    @pytest.mark.parametrize("as_date", [False, True])
    def test_throttling_says_how_long(self, receiver: SimulatedDesk, driver: Driver, *, as_date: bool) -> None:
        """Both forms of Retry-After (RFC 9110 section 10.2.3)."""
        receiver.fault(FaultKind.THROTTLE, method="POST", seconds=7, as_date=as_date)
        outcome = driver.attempt(self.notice(), context())
        assert isinstance(outcome, Throttled)
        assert outcome.retry_after is not None
        assert 5 <= outcome.retry_after <= 8

    def test_half_an_answer_proves_nothing(self, receiver: SimulatedDesk, driver: Driver) -> None:
        """It may have arrived."""
        receiver.fault(FaultKind.HALF_BODY, method="POST")
        assert isinstance(driver.attempt(self.notice(), context()), Unknown)

    def test_who_does_not_listen_was_told_nothing(self, receiver: SimulatedDesk, driver: Driver) -> None:
        """Refused before a byte was sent: it is said again later, and arrives."""
        given = context()
        receiver.fault(FaultKind.REFUSE, seconds=0)
        assert isinstance(driver.attempt(self.notice(), given), NotSent)
        receiver.accept()
        assert isinstance(driver.attempt(self.notice(), given), Done)
        assert len(receiver.effects.all(kind="message")) == 1

    # -- what comes

    def test_no_body_breaks_the_connector(self, connector: Connector) -> None:
        """Neither its name nor its facts."""
        if not self.plugin.spec.webhooks:
            pytest.skip("nothing is let in")
        for body in BODIES:
            for headers in (
                {},
                {"content-type": "application/json"},
                {"content-type": "application/x-www-form-urlencoded"},
            ):
                attempt(connector, IncomingRequest("POST", "/hooks/channel", {}, headers, body))


__all__ = ["Channel"]
