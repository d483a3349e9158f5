"""What answers say of the clocks of desks: bounds by the round trip, agreed upon by most of the last answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest

from connectors.testing.desk import SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from gateway.errors import GatewayError
from gateway.http import HttpTransport
from gateway.http.clocks import FEWEST, KEPT, Clocks, agreed, bounds_of
from gateway.ports import HttpRequest
from gateway.ports.timing import Skew, TellsTime
from gateway.talking import DeskTransport
from tests.http.connector import connector

NOON = datetime(2026, 3, 2, 12, 0, 0, 250_000, tzinfo=UTC)


class Plain(SimulatedDesk):
    """A desk that says nothing but the time."""

    def routes(self) -> list[tuple[str, str, object]]:  # type: ignore[override]
        """Answer one address."""
        return [("GET", "/t", self.answer)]

    def answer(self, _: SimRequest) -> SimResponse:
        """Say nothing."""
        return json_answer({})

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:
        """Sign nothing."""
        return {}


def dated(at: datetime, **more: str) -> dict[str, str]:
    """Return the headers of an answer that was written then."""
    return {"date": format_datetime(at, usegmt=True), **more}


@pytest.mark.parametrize("ahead", [0, 1, -1, 45, -45, 3600, -7 * 3600, 86400 * 40])
@pytest.mark.parametrize("trip", [0.01, 0.9, 6.0])
def test_the_bounds_hold(ahead: int, trip: float) -> None:
    """However long an answer was on its way, and wherever in its second it was written, the truth lies between them."""
    for part in range(10):
        sent = NOON + timedelta(milliseconds=97 * part)
        written = sent + timedelta(seconds=trip * part / 10 + ahead)
        found = bounds_of(dated(written), sent, sent + timedelta(seconds=trip))
        assert found is not None
        low, high = found
        assert low <= ahead <= high
        assert high - low < trip + 3


@pytest.mark.parametrize("ahead", [90, -90, 5400])
def test_answers_agree_upon_whole_seconds(ahead: int) -> None:
    """Several short answers say it to a second."""
    clocks = Clocks()
    for number in range(FEWEST):
        assert clocks.skew("acme") is None, "one or two answers say nothing"
        sent = NOON + timedelta(seconds=1.3 * number)
        clocks.hear("acme", dated(sent + timedelta(seconds=ahead)), sent, sent + timedelta(milliseconds=40))
    found = clocks.skew("acme")
    assert found is not None
    assert abs(found.ahead - ahead) <= 1
    assert clocks.skew("other") is None


def test_a_right_clock_is_right() -> None:
    """A second of either side is within what whole seconds leave open: it counts as none."""
    for ahead in (-0.9, -0.4, 0.0, 0.4, 0.9):
        sent = [NOON + timedelta(seconds=0.61 * number) for number in range(KEPT)]
        heard = [bounds_of(dated(at + timedelta(seconds=ahead)), at, at + timedelta(milliseconds=300)) for at in sent]
        assert agreed(each for each in heard if each is not None) == Skew(0, KEPT)


def test_one_that_says_otherwise_is_outvoted() -> None:
    """An answer of another machine, or a copy that bears no Age, does not move it; a half is no majority."""
    right, wrong = (-0.5, 1.5), (-7200.5, -7198.5)
    assert agreed([right, wrong, right]) == Skew(0, 2)
    assert agreed([wrong, right, wrong, right]) is None
    assert agreed([right, wrong]) is None
    found = agreed([*[right] * 4, *[wrong] * 5])
    assert found is not None
    assert found.ahead in {-7200, -7199}, "a clock that was set is believed after some answers"


@pytest.mark.parametrize(
    "headers",
    [{}, {"date": ""}, {"date": "yesterday"}, {"date": "Mon, 99 Mar 2026 12:00:00 GMT"}, dated(NOON, age="7")],
)
def test_what_says_nothing(headers: dict[str, str]) -> None:
    """No Date, none that can be read, or a copy from a cache."""
    assert bounds_of(headers, NOON, NOON) is None


def test_our_own_clock_was_set_back_meanwhile() -> None:
    """Then nothing bounds the answer."""
    assert bounds_of(dated(NOON), NOON, NOON - timedelta(seconds=30)) is None


def test_of_a_real_desk() -> None:
    """Over HTTP; the desk's clock is an hour and a half behind, and is mended."""
    transport = DeskTransport()
    assert isinstance(transport, TellsTime)
    with Plain() as desk:
        desk.clock.skew = timedelta(minutes=-90)
        asked = connector(desk.url)
        for _ in range(FEWEST):
            transport.send(asked, HttpRequest("GET", "/t"), deadline=5.0, trace_id="")
        found = transport.skew("acme-desk")
        assert found is not None
        assert abs(found.ahead + 5400) <= 1
        desk.clock.skew = timedelta()
        seen = []
        for _ in range(KEPT):
            transport.send(asked, HttpRequest("GET", "/t"), deadline=5.0, trace_id="")
            seen.append(transport.skew("acme-desk"))
    transport.close()
    assert seen[-1] == Skew(0, KEPT)
    assert sum(one != other for one, other in pairwise([None if each is None else each.ahead for each in seen])) <= 2


def test_a_desk_that_does_not_answer_says_nothing() -> None:
    """A request without an answer is none of the answers."""
    transport = HttpTransport()
    with Plain() as desk:
        asked = connector(desk.url)
    for _ in range(FEWEST):
        with pytest.raises(GatewayError):
            transport.send(asked, HttpRequest("GET", "/t"), deadline=1.0, trace_id="")
    assert transport.skew("acme-desk") is None
    transport.close()
