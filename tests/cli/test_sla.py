"""The commands about clocks, as a person meets them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gateway.bootstrap import Gateway
from gateway.domain.ticket import Ticket
from gateway.flow.sla.entries import Happened
from gateway.flow.sla.timekeeping import keep
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
"""


@pytest.fixture
def folder(folder: Path) -> Path:
    """Give the site a policy."""
    (folder / "rules" / "90-sla.yaml").write_text(RULES, encoding="utf-8")
    return folder


@pytest.fixture
def ticket(gateway: Gateway, recorder: Recorder) -> str:
    """Store a ticket that was opened six hours ago, so that nobody answered in time."""
    made, _ = recorder.ticket("Where is my parcel?", number=5)
    at = gateway.clock.now() - timedelta(hours=6)

    def work(found: Ticket, when: datetime) -> None:
        happened = Happened(
            before=None, ticket=found, policy="standard", links=frozenset(), at=when, now=gateway.clock.now()
        )
        gateway.store.write(lambda tx: keep(tx, happened, gateway.site().rules, gateway.ids))

    with gateway.store.read() as tx:
        found = tx.tickets.get(made)
    assert found is not None
    work(Ticket(found.id, found.source, at, at, title=found.title), at)
    return made


def test_clocks_are_listed_with_those_that_are_due_first(run: Run, ticket: str) -> None:
    """What is over stands at the top; a status and a metric narrow it."""
    code, shown, _ = run("sla", "list")
    assert code == 0
    lines = shown.splitlines()
    assert [line.split()[1] for line in lines[1:3]] == ["first_response", "resolution"]
    assert "breached" in lines[1]
    assert " ago" in lines[1]
    assert "Where is my parcel?" in shown
    found = json.loads(run("sla", "list", "--json", "--status", "breached")[1])
    assert [(each["ticket_id"], each["instance"]["metric"]) for each in found] == [(ticket, "first_response")]
    assert run("sla", "list", "--metric", "nothing")[2] == "No clock goes on.\n"


def test_a_clock_is_explained_as_a_story(run: Run, ticket: str) -> None:
    """How it stands, then what it went through."""
    code, shown, _ = run("sla", "explain", "5")
    assert code == 0
    assert "first_response (standard, unset, calendar always): breached, 6h" in shown
    assert "broke its promise" in shown
    shown = run("tickets", "show", "5")[1]
    assert "  first_response  breached  6h" in shown
    assert "  resolution  nearing  6h" in shown
    found = json.loads(run("sla", "explain", ticket, "--json")[1])
    assert [each["change"] for each in found["first_response"]["transitions"]] == ["started", "breached"]
    code, _, said = run("sla", "explain", "nothing")
    assert (code, "gateway tickets list shows them" in said) == (3, True)


def test_a_breach_is_acknowledged_by_somebody(run: Run, gateway: Gateway, ticket: str) -> None:
    """Who and why stay; what is not broken, or not there, cannot be acknowledged; a dry run changes nothing."""
    for words in (("--dry-run",), ()):
        code, shown, _ = run("sla", "acknowledge", "5", "first_response", "--as", "eva", "--why", "I am on it", *words)
        assert (code, ("would be" if words else "is") + " acknowledged" in shown) == (0, True)
    with gateway.store.read() as tx:
        entries = [entry for entry in tx.clocks.log(ticket) if entry.metric]
        (line,) = [each for each in tx.view.audit(limit=50) if each["action"] == "clock acknowledged"]
    assert [(entry.by, entry.reason) for entry in entries] == [("eva", "I am on it")]
    assert (line["actor"], line["detail"]["why"]) == ("person:eva", "I am on it")
    code, _, said = run("sla", "acknowledge", "5", "resolution")
    assert (code, "has not broken its promise" in said) == (1, True)
    code, _, said = run("sla", "acknowledge", "5", "next_reply")
    assert (code, "those that do: first_response, resolution" in said) == (3, True)


def test_a_due_time_is_set_by_hand_and_taken_back(run: Run, gateway: Gateway, ticket: str) -> None:
    """It has to lie ahead and to say its zone."""
    later = (gateway.clock.now() + timedelta(hours=10)).replace(microsecond=0)
    code, shown, _ = run("sla", "due", "5", "resolution", later.isoformat(), "--as", "eva")
    assert (code, later.strftime("due %Y-%m-%d %H:%M UTC") in shown) == (0, True)
    code, shown, _ = run("sla", "due", "5", "resolution", "--clear", "--json")
    due = datetime.fromisoformat(json.loads(shown)["clock"]["due"])
    assert due - gateway.clock.now() < timedelta(hours=2, minutes=1)
    code, _, said = run("sla", "due", "5", "resolution", "2020-01-01T00:00+00:00")
    assert (code, "a due time lies ahead" in said) == (1, True)
    for wrong in ("tomorrow", "2026-01-01T10:00"):
        code, _, said = run("sla", "due", "5", "resolution", wrong)
        assert (code, "write a time with its zone" in said) == (2, True)
    assert ticket
