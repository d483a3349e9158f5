"""A real RT whose queue has a lifecycle of its own: none of its words are those of RT's default one."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.sdk import Category, CommentIntent, Done, Intent, Operation, Rejected, Status, Visibility
from gateway.ports import WriteContext
from tests.connectors.request_tracker.stand import Sink, Stand
from tests.desks.rt_server import RtServer

pytestmark = [pytest.mark.desk, pytest.mark.timeout(300)]

QUEUE = "Field work"
STATUSES = {"received": "new", "in progress": "open", "waiting": "on_hold", "done": "resolved", "dropped": "cancelled"}


@pytest.fixture(scope="module")
def field_work(rt_server: RtServer) -> str:
    """Make a queue with the other lifecycle."""
    made = rt_server.call("POST", "/queue", {"Name": QUEUE, "Lifecycle": "field"}, who="root")
    assert made["id"]
    return QUEUE


def standing(rt_server: RtServer, sink: Sink, **options: Any) -> Stand:
    """Return a connector with these settings."""
    return Stand(rt_server.url, rt_server.tokens, rt_server.webhook_secret, sink, rt_server.call, **options)


def test_only_its_own_words_are_written(rt_server: RtServer, field_work: str) -> None:
    """From the first status to the last, and a reply leaves the status as it is."""
    sink = Sink()
    stand = standing(rt_server, sink, statuses=STATUSES, initial_statuses=["received", "in progress"])
    create = {"queue": field_work}
    made = stand.write(
        Intent(Operation.CREATE, {"title": "Mast", "status": {"category": "open"}}, params=create),
        WriteContext("field-1"),
    )
    assert isinstance(made, Done), made
    number = made.receipt.remote_id
    for category, word in (("on_hold", "waiting"), ("closed", "done"), ("new", "received"), ("cancelled", "dropped")):
        if category == "new":
            # a lifecycle says itself where its statuses lead to
            rt_server.call("PUT", f"/ticket/{number}", {"Status": "in progress"})
        outcome = stand.write(
            Intent(Operation.SET_FIELDS, {"status": {"category": category}}), WriteContext(f"field-{word}", number)
        )
        assert isinstance(outcome, Done), outcome
        assert stand.shown(number)["Status"] == word
    rt_server.call("PUT", f"/ticket/{number}", {"Status": "in progress"})
    words = CommentIntent("c1", "We are on the way.", Visibility.PUBLIC)
    stand.write(Intent(Operation.PUBLIC_REPLY, comment=words), WriteContext("field-say", number))
    read = stand.read(number)
    assert read is not None
    assert read.status == Status(Category.OPEN, "in progress", None)
    stand.driver.close()
    sink.server.refuse()


def test_without_settings_the_refusal_says_what_is_wrong(rt_server: RtServer, field_work: str) -> None:
    """In RT's own words: nothing is written that is not meant."""
    sink = Sink()
    stand = standing(rt_server, sink)
    number = stand.ticket(Queue=field_work)
    outcome = stand.write(
        Intent(Operation.SET_FIELDS, {"status": {"category": "resolved"}}), WriteContext("field-bare", number)
    )
    assert isinstance(outcome, Rejected)
    assert "resolved" in outcome.detail
    assert stand.shown(number)["Status"] == "received"
    stand.driver.close()
    sink.server.refuse()
