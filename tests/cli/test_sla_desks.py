"""The commands about clocks where desks show them, or count them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.bootstrap import Gateway
from gateway.domain.clock_desk import entry_of
from gateway.domain.desk_promise import DeskPromise, DeskSays
from gateway.domain.ticket import Ticket
from gateway.flow.sla.entries import Happened
from gateway.flow.sla.timekeeping import keep, told
from tests.cli.conftest import Run
from tests.records import Recorder

RULES = """
calendars:
  always: 24x7
sla:
  - name: standard
    calendar: always
    targets: {first_response: 4h, resolution: 8h}
    pause_when: {status: pending_customer}
    authority: {first_response: acme-zendesk, next_reply: acme-zendesk}
"""


@pytest.fixture
def folder(folder: Path) -> Path:
    """Give the site a policy in which a desk counts."""
    (folder / "rules" / "90-sla.yaml").write_text(RULES, encoding="utf-8")
    return folder


@pytest.fixture
def ticket(gateway: Gateway, recorder: Recorder) -> str:
    """Store a ticket that was opened an hour ago; the desk's clock of the first response began then."""
    made, _ = recorder.ticket("Where is my parcel?", number=5)
    now = gateway.clock.now()
    at = now - timedelta(hours=1)
    with gateway.store.read() as tx:
        found = tx.tickets.get(made)
    assert found is not None
    opened = Ticket(found.id, found.source, at, at, title=found.title)
    happened = Happened(before=None, ticket=opened, policy="standard", links=frozenset(), at=at, now=now)
    words = [
        DeskPromise(id="1", says=DeskSays.STARTED, metric="first_response", cycle=1, at=at),
        DeskPromise(id="2", says=DeskSays.TARGET, metric="first_response", cycle=1, at=at, target_s=7200),
        DeskPromise(id="3", says=DeskSays.STARTED, metric="resolution", cycle=1, at=at),
        DeskPromise(id="4", says=DeskSays.TARGET, metric="resolution", cycle=1, at=at, target_s=600),
        DeskPromise(id="5", says=DeskSays.BREACHED, metric="resolution", cycle=1, at=at + timedelta(minutes=10)),
    ]
    rules = gateway.site().rules
    gateway.store.write(lambda tx: keep(tx, happened, rules, gateway.ids))
    entries = [entry_of(each, gateway.ids.new(), "acme-zendesk", now) for each in words]
    gateway.store.write(lambda tx: tx.clocks.add(made, entries))
    gateway.store.write(lambda tx: told(tx, made, now, rules))
    return made


def test_explain_says_who_counts_and_what_differs(run: Run, ticket: str) -> None:
    """The desk's clock with its name; a desk's idea of ours beside it; and what it has not spoken of."""
    code, shown, _ = run("sla", "explain", "5")
    assert code == 0
    assert "first_response (standard, unset, calendar 24x7, counted by acme-zendesk): in progress" in shown
    assert "resolution: acme-zendesk says breached, due " in shown
    assert "which differs: gateway counts it, and says in progress, due " in shown
    assert "next_reply: acme-zendesk counts it, and has said nothing of it yet." in shown
    found = json.loads(run("sla", "explain", ticket, "--json")[1])
    assert {name: each["authority"] for name, each in found.items()} == {
        "resolution": "gateway",
        "first_response": "acme-zendesk",
    }
    assert [each["status"] for each in found["resolution"]["beside"]["acme-zendesk"]] == ["breached"]


def test_a_due_time_by_hand_goes_to_the_desks(run: Run, gateway: Gateway, ticket: str) -> None:
    """An update for each desk that shows it, named by the person's word."""
    later = (gateway.clock.now() + timedelta(hours=10)).replace(microsecond=0)
    assert run("sla", "due", "5", "resolution", later.isoformat(), "--as", "eva")[0] == 0
    with gateway.store.read() as tx:
        found = {(each.connection, each.summary) for each in tx.view.updates(limit=50)}
    assert ("engineering-rt", "set due") in found
