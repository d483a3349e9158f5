"""The set-up that the project ships for RT: the same however often it runs, and it can be taken back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.domain.event import EventKind
from tests.connectors.request_tracker.behaviour import context
from tests.connectors.request_tracker.stand import Stand, note
from tests.desks.rt_server import RtServer

pytestmark = pytest.mark.desk


@pytest.fixture
def restored(rt_server: RtServer) -> Iterator[RtServer]:
    """Give the server and set it up again afterwards."""
    yield rt_server
    rt_server.setup("--account", "gateway")


def test_a_second_run_changes_nothing(rt_server: RtServer) -> None:
    """Nothing but "done"."""
    assert rt_server.setup("--account", "gateway").split() == ["done"]


def test_a_dry_run_says_what_it_would_do_and_does_not(rt_server: RtServer) -> None:
    """The same twice."""
    said = rt_server.setup("--dry-run", "--uninstall")
    assert said == rt_server.setup("--dry-run", "--uninstall")
    assert 'would remove scrip "Desk Gateway webhook"' in said
    assert "would disable custom field GatewayKey" in said


def test_it_is_taken_back_and_put_up_again(restored: RtServer, stand: Stand) -> None:
    """Without the scrip no webhook comes, without the fields no marker is set; afterwards both work again."""
    restored.setup("--uninstall")
    number = stand.ticket()
    assert stand.events() == []
    results = stand.driver.run(stand.connector.check())
    assert {result.name for result in results if not result.ok} == {"marker_ticket", "marker_txn"}
    assert all(result.warning for result in results if not result.ok)

    restored.setup("--account", "gateway")
    stand.done(stand.write(note("marked again"), context(number)))
    (event,) = stand.events()
    assert event.kind is EventKind.COMMENTED
    assert event.comment is not None
    assert event.comment.marker


def test_a_token_is_made_and_shown_once(rt_server: RtServer, stand: Stand) -> None:
    """It works, and it tells whose it is."""
    said = rt_server.setup("--account", "gateway", "--token")
    token = next(line.partition(": ")[2] for line in said.splitlines() if line.startswith("token: "))
    connector = stand.connect(token=token)
    assert stand.driver.run(connector.whoami()).person.external_id == "gateway"


def test_wrong_words_end_with_2_and_an_unknown_account_with_its_name(rt_server: RtServer) -> None:
    """The exit code is part of the contract."""
    with pytest.raises(RuntimeError, match="ended with 2"):
        rt_server.setup("--nonsense")
    with pytest.raises(RuntimeError, match="no user nobody-here"):
        rt_server.setup("--account", "nobody-here")
