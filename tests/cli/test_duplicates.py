"""The commands about tickets that repeat one another, as a person meets them."""

from __future__ import annotations

import json
from datetime import timedelta

import msgspec
import pytest

from gateway.bootstrap import Gateway
from gateway.domain.duplicate import Pair, PairState
from gateway.domain.stage import StageMove
from gateway.domain.ticket import Kind
from gateway.store.unit import SqlTx
from tests.cli.conftest import Run
from tests.records import Recorder


@pytest.fixture
def two(recorder: Recorder) -> tuple[str, str]:
    """Store two tickets of one customer, of which a rule says that the first repeats the second."""
    repeats, _ = recorder.ticket("Invoice, again", number=6)
    original, _ = recorder.ticket("Invoice", number=5)

    def work(tx: SqlTx) -> None:
        for ticket_id in (repeats, original):
            ticket = tx.tickets.get(ticket_id)
            assert ticket is not None
            tx.tickets.save(msgspec.structs.replace(ticket, requester_id="ida"))
        tx.duplicates.add(Pair(repeats, original, PairState.PROPOSED, "again", "", recorder.now))

    recorder.store.write(work)
    return repeats, original


def test_proposals_are_listed_with_what_to_do(run: Run, two: tuple[str, str]) -> None:
    """The ids are those that the other commands take; other states only when asked for."""
    code, shown, _ = run("tickets", "duplicates")
    assert code == 0
    assert two[0][-12:] in shown
    assert two[1][-12:] in shown
    assert "acme-zendesk #6" in shown
    assert "gateway tickets merge TICKET REPEATS accepts one" in shown
    (line,) = json.loads(run("tickets", "duplicates", "--json")[1])
    assert (line["pair"]["ticket"], line["pair"]["state"], line["ticket"][0]) == (two[0], "proposed", "Invoice, again")
    assert run("tickets", "duplicates", "--state", "merged")[2] == "No such duplicates.\n"
    assert len(json.loads(run("tickets", "duplicates", "--state", "all", "--json")[1])) == 1


def test_a_proposal_is_accepted_and_taken_back(run: Run, two: tuple[str, str]) -> None:
    """A dry run says the same and changes nothing; show tells who it was and why."""
    for words in (("--dry-run",), ()):
        code, shown, _ = run("tickets", "merge", "6", "5", "--as", "eva", "--why", "one invoice", *words)
        verb = "would be" if words else "is"
        assert (code, shown) == (0, f"{two[0]} {verb} a duplicate of {two[1]}, 4 notes at the desks\n")
    shown = run("tickets", "show", two[0])[1]
    assert f"merged  a duplicate of {two[1]}  by person:eva  one invoice" in shown
    assert f"merged  {two[0]} is a duplicate of it" in run("tickets", "show", two[1])[1]
    assert shown.count("note: duplicate merged") == 2
    code, _, said = run("tickets", "merge", "6", "5")
    assert code == 1
    assert "is a duplicate of" in said
    assert json.loads(run("tickets", "split", "6", "--as", "eva", "--json")[1])["pair"]["state"] == "split"
    assert run("tickets", "split", "6")[0] == 1


def test_a_proposal_is_refused(run: Run, two: tuple[str, str]) -> None:
    """Once; what names no ticket is told as everywhere."""
    assert "gateway tickets merge" in run("tickets", "show", two[0])[1]
    code, shown, _ = run("tickets", "reject", "6", "5")
    assert (code, shown) == (0, f"{two[0]} is no duplicate of {two[1]}\n")
    assert run("tickets", "reject", "6", "5")[0] == 1
    assert run("tickets", "merge", "6", "nothing")[0] == 3


def test_the_stages_of_a_ticket_are_shown(run: Run, gateway: Gateway, two: tuple[str, str]) -> None:
    """With the times at which it entered them."""
    now = gateway.clock.now()

    def work(tx: SqlTx) -> None:
        for hours, stage in ((2, "testing"), (3, "provisioning"), (1, "")):
            at = now - timedelta(hours=hours)
            tx.stages.add(StageMove(two[0], stage, Kind.IMPLEMENTATION, at, now, name="acme-zendesk"))

    gateway.store.write(work)
    lines = [line.split("  ") for line in run("tickets", "show", two[0])[1].splitlines() if "by desk" in line]
    assert [line[2] for line in lines] == ["provisioning", "testing", "(none)"]
