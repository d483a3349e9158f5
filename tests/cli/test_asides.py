"""`gateway connections set-aside` as a person meets it."""

from __future__ import annotations

import json

import pytest

from gateway.bootstrap import Gateway
from gateway.store.unit import SqlTx
from tests.cli.conftest import Run
from tests.records import ZENDESK, Recorder

NEWS = "it was sent to a mailing list (List-Id)"


@pytest.fixture
def mails(gateway: Gateway, recorder: Recorder) -> list[str]:
    """Store three deliveries that were set aside, the oldest first."""
    found = [recorder.delivery(f"m{number}") for number in range(3)]

    def work(tx: SqlTx) -> None:
        for each in found:
            tx.inbox.set_aside(each, NEWS, gateway.clock.now())

    gateway.store.write(work)
    return found


def test_they_are_listed_with_their_reasons(run: Run, mails: list[str]) -> None:
    """Not more than asked for; a connection without any says so on stderr; one that is not there is not found."""
    code, shown, complaint = run("connections", "set-aside", ZENDESK)
    assert (code, complaint) == (0, "")
    assert all(each[-12:] in shown for each in mails)
    assert NEWS in shown
    told = json.loads(run("connections", "set-aside", ZENDESK, "--json")[1])
    assert {each["id"] for each in told} == set(mails)
    assert {each["why"] for each in told} == {NEWS}
    assert len(json.loads(run("connections", "set-aside", ZENDESK, "--limit", "1", "--json")[1])) == 1
    assert run("connections", "set-aside", "engineering-rt") == (0, "", "engineering-rt set nothing aside.\n")
    assert run("connections", "set-aside", "engineering-rt", "--json") == (0, "[]\n", "")
    code, shown, complaint = run("connections", "set-aside", "nobody")
    assert (code, shown, complaint.count("\n")) == (3, "", 1)
    assert "no connection 'nobody'" in complaint
    assert "acme-zendesk" in complaint


def test_one_is_taken_after_all(run: Run, gateway: Gateway, mails: list[str]) -> None:
    """By its id or the end of it, once; the trail says who."""
    code, shown, _ = run("connections", "set-aside", ZENDESK, "--take", mails[0][-12:])
    assert (code, shown) == (0, f"Taken: {mails[0][-12:]} is entered as soon as `gateway up` runs.\n")
    with gateway.store.read() as tx:
        assert [row.id for row in tx.inbox.due(10, gateway.clock.now())] == [mails[0]]
        (entry,) = (each for each in tx.view.audit(limit=10) if each["action"] == "taken after all")
    assert entry["actor"].startswith("person:")
    assert entry["detail"] == {"delivery": mails[0], "at": ZENDESK}
    code, _, complaint = run("connections", "set-aside", ZENDESK, "--take", mails[0])
    assert (code, complaint.count("\n")) == (3, 1)
    assert f"see gateway connections set-aside {ZENDESK}" in complaint
    told = json.loads(run("connections", "set-aside", ZENDESK, "--take", mails[1], "--json")[1])
    assert told == {"id": mails[1], "taken": True}
    assert run("connections", "set-aside", "engineering-rt", "--take", mails[2])[0] == 3
    assert run("connections", "set-aside", ZENDESK, "--take", mails[2][-3:])[0] == 3
