"""Answers that a write may get: each is what it is, and nothing that could be an effect is called a refusal."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.sdk import (
    Conflict,
    Done,
    Forbidden,
    NotSent,
    Operation,
    Outcome,
    Progress,
    Rejected,
    Throttled,
    Unauthorized,
    Unknown,
)
from connectors.testing.bench import Bench
from connectors.testing.conformance.stand import context
from connectors.testing.conformance.writes import Writes, writing
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind

#: status -> what it may mean by the default table; a desk that means something else names it in `answers`
ANSWERS: dict[int, tuple[type[Any], ...]] = {
    400: (Rejected,),
    401: (Unauthorized,),
    403: (Forbidden, Rejected, Throttled),
    404: (Rejected,),
    # of an idempotency key it may say that the first attempt is still at work
    409: (Conflict, Rejected, NotSent, Unknown),
    413: (Rejected,),
    422: (Rejected, Conflict),
    500: (Unknown,),
    502: (Unknown,),
    503: (Unknown, NotSent, Throttled),
    504: (Unknown,),
}


class Outcomes(Writes):
    """By fault injection, for every operation."""

    @pytest.mark.parametrize("status", ANSWERS)
    def test_an_answer_is_classified(self, there: Bench, driver: Driver, status: int) -> None:
        """What was refused will be refused again; what may have happened is unknown."""
        ticket = there.open_ticket("Printer", "It is on fire")
        for operation in self.operations():
            outcome = self.answered(there, driver, operation, ticket, status=status)
            assert isinstance(outcome, ANSWERS[status]), f"{operation}: {status} is {outcome}"
            if isinstance(outcome, Rejected | Forbidden | Unauthorized):
                assert outcome.detail
                assert not [secret for secret in driver.connector.secrets() if secret in outcome.detail]

    @pytest.mark.parametrize("as_date", [False, True])
    def test_throttling_says_how_long(self, there: Bench, driver: Driver, *, as_date: bool) -> None:
        """Both forms of Retry-After (RFC 9110 section 10.2.3)."""
        ticket = there.open_ticket("Printer", "It is on fire")
        for operation in self.operations():
            there.desk.fault(
                FaultKind.THROTTLE, method="POST|PUT|PATCH", path=writing(there), seconds=7, as_date=as_date
            )
            given = context("" if operation is Operation.CREATE else ticket)
            outcome = driver.attempt(self.intent(there, operation), given)
            assert isinstance(outcome, Throttled), f"{operation}: {outcome}"
            assert outcome.retry_after is not None
            assert 5 <= outcome.retry_after <= 8

    def test_a_200_that_proves_nothing_is_unknown(self, there: Bench, driver: Driver) -> None:
        """A page of some proxy is not the desk's word; nor is half of an answer."""
        ticket = there.open_ticket("Printer", "It is on fire")
        for operation in self.operations():
            for kind in (FaultKind.GARBAGE, FaultKind.HALF_BODY):
                there.desk.fault(kind, method="POST|PUT|PATCH", path=writing(there))
                given = context("" if operation is Operation.CREATE else ticket)
                outcome = driver.attempt(self.intent(there, operation), given)
                there.desk.faults.clear()
                if isinstance(outcome, Done | Progress):
                    # a desk whose writes have no body to break: proved by what it reads afterwards
                    assert driver.requests[-1].effect.value == "read", f"{operation}: {outcome}"
                else:
                    assert isinstance(outcome, Unknown), f"{operation} with {kind}: {outcome}"

    def test_a_ticket_that_is_gone_is_refused(self, there: Bench, driver: Driver) -> None:
        """A comment on what is not there is nobody's."""
        there.open_ticket("Printer", "It is on fire")
        for operation in self.operations():
            if operation is Operation.CREATE:
                continue
            outcome = driver.attempt(self.intent(there, operation), context("987654321"))
            assert isinstance(outcome, Rejected | Forbidden), f"{operation}: {outcome}"

    def answered(self, there: Bench, driver: Driver, operation: Operation, ticket: str, *, status: int) -> Outcome:
        """Return what one answer to a write is taken for; the write has no effect."""
        there.desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, method="POST|PUT|PATCH", path=writing(there), status=status)
        given = context("" if operation is Operation.CREATE else ticket)
        outcome = driver.attempt(self.intent(there, operation), given)
        there.desk.faults.clear()
        return outcome
