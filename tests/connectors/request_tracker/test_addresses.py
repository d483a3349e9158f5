"""What is said where no REST 2 of RT answers: an admin learns what is wrong with the address, in one line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.registry import load
from connectors.testing.driver import Driver
from connectors.testing.loopback import LoopbackServer, SimRequest, SimResponse, json_answer
from gateway.domain.ticket import Visibility
from gateway.domain.update import CommentIntent, Intent, Operation, Unauthorized
from gateway.errors import AuthenticationError, TransportError
from gateway.ports import ConnectionSettings, WriteContext


class Somewhere:
    """An address that answers everything with one answer, and a connection to it."""

    def __init__(self) -> None:
        self.answer = SimResponse(404)
        self.server = LoopbackServer(self._answer)
        self.server.listen()
        given = {"auth": {"token": "1-27-" + "a" * 32}, "webhook_secret": "a-secret-of-the-webhooks"}
        settings = ConnectionSettings("rt", "request_tracker", self.server.url, given)
        self.driver = Driver(load(("request_tracker",), ()).connect(settings))

    def _answer(self, request: SimRequest) -> SimResponse:
        del request
        return self.answer


@pytest.fixture
def place() -> Iterator[Somewhere]:
    """Give an address."""
    made = Somewhere()
    yield made
    made.driver.close()
    made.server.refuse()


def test_an_rt_without_rest_2_says_which_rt_has_it(place: Somewhere) -> None:
    """RT 4.4.6 sends every unknown address to its login page, with what was asked for in the query."""
    page = f"{place.server.url}/NoAuth/Login.html"
    place.answer = SimResponse(302, {"Location": f"{page}?next=297c01a70a88fc2c"})
    with pytest.raises(AuthenticationError) as told:
        place.driver.run(place.driver.connector.whoami())
    assert str(told.value) == f"redirected to {page}: this RT has no REST 2, as RT 5 and 6 have it and RT 4 has not"
    intent = Intent(Operation.INTERNAL_NOTE, comment=CommentIntent("c1", "hello", Visibility.INTERNAL))
    outcome = place.driver.run(place.driver.connector.write(intent, WriteContext("a" * 32, "1")))
    assert isinstance(outcome, Unauthorized)
    assert "this RT has no REST 2" in outcome.detail
    assert "297c01a70a88fc2c" not in outcome.detail


def test_another_redirect_names_where_it_leads(place: Somewhere) -> None:
    """So that the address of the connection can be corrected."""
    place.answer = SimResponse(301, {"Location": "https://rt.acme.example/REST/2.0/user/27"})
    with pytest.raises(AuthenticationError, match=r"^redirected to https://rt\.acme\.example/.*: check the url$"):
        place.driver.run(place.driver.connector.whoami())


def test_a_page_for_people_is_no_user_that_is_not_shown(place: Somewhere) -> None:
    """It tells of the address, not of the account; RT's own 404 does."""
    place.answer = SimResponse(404, {"Content-Type": "text/html; charset=utf-8"}, b"<html>Page not found</html>")
    with pytest.raises(TransportError, match="a page with HTTP 404: check the url"):
        place.driver.run(place.driver.connector.whoami())
    place.answer = json_answer({"message": "Not Found"}, 404)
    with pytest.raises(AuthenticationError, match="shows no user 27"):
        place.driver.run(place.driver.connector.whoami())
