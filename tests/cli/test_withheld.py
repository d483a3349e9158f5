"""`gateway reports withheld` as a person and a program meet it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from gateway.bootstrap import Gateway
from gateway.ports import AuditEntry
from tests.cli.conftest import Run
from tests.records import Recorder

#: days ago, and what was decided and not written
SAID: tuple[tuple[int, dict[str, Any]], ...] = (
    (40, {"at": "engineering-rt", "what": "create"}),
    (2, {"at": "engineering-rt", "what": "create", "why": "#7001 there names it"}),
    (1, {"at": "acme-zendesk", "what": "set priority"}),
)


@pytest.fixture
def ticket(gateway: Gateway, recorder: Recorder) -> str:
    """Store a ticket about which things were decided and not written."""
    found, _ = recorder.ticket("Printer", number=35)
    now = gateway.clock.now()
    lines = [AuditEntry(now - timedelta(days=days), "rules", "withheld", found, said) for days, said in SAID]
    gateway.store.write(lambda tx: tx.audit.add(lines))
    return found


def test_what_was_not_written_is_listed(run: Run, ticket: str) -> None:
    """Of the last thirty days unless asked for others, the oldest first, by the number at the desk, with the reason."""
    code, shown, complaint = run("reports", "withheld")
    assert (code, complaint) == (0, "")
    lines = shown.splitlines()[1:]
    assert ["create" in lines[0], "set priority" in lines[1], len(lines)] == [True, True, 2]
    assert "acme-zendesk #35" in lines[0]
    assert "#7001 there names it" in lines[0]
    facts = json.loads(run("reports", "withheld", "--from", "2020-01", "--json")[1])
    assert [(each["at"], each["what"]) for each in facts] == [(said["at"], said["what"]) for _, said in SAID]
    assert {each["ticket_id"] for each in facts} == {ticket}


def test_it_is_narrowed(run: Run, ticket: str) -> None:
    """To a connection, to one thing, to so many; what is more is said; nothing is said on stderr."""
    assert ticket
    assert run("reports", "withheld", "--at", "acme-zendesk")[1].count("\n") == 2
    assert run("reports", "withheld", "--what", "create")[1].count("\n") == 2
    code, shown, complaint = run("reports", "withheld", "--limit", "1")
    assert (code, shown.count("\n"), complaint) == (0, 2, "and more: --limit shows them\n")
    assert len(json.loads(run("reports", "withheld", "--limit", "1", "--json")[1])) == 1
    assert run("reports", "withheld", "--what", "nothing") == (0, "", "Nothing was withheld.\n")
    assert run("reports", "withheld", "--what", "nothing", "--json") == (0, "[]\n", "")


def test_what_makes_no_sense_is_said_in_a_line(run: Run, ticket: str) -> None:
    """A period that ends before it begins; a connection that is not there."""
    assert ticket
    code, shown, complaint = run("reports", "withheld", "--from", "2026-05-02", "--to", "2026-05-01")
    assert (code, shown, "--from is not before --to" in complaint) == (2, "", True)
    code, shown, complaint = run("reports", "withheld", "--at", "acme-zendesc")
    assert (code, shown, complaint.count("\n")) == (3, "", 1)
    assert "no connection 'acme-zendesc'" in complaint
