"""The commands about tickets that are offered before a shift ends, and what is told of where a ticket is."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from gateway.bootstrap import Gateway
from gateway.ports import AuditEntry
from gateway.ports.ways import Offered, Way
from gateway.store.unit import SqlTx
from rules.routed import Outcome, Ring, RingState, Routed
from tests.cli.conftest import Run
from tests.records import Recorder

RULES = """
calendars:
  always: 24x7
people:
  lucia: {email: lucia@acme.example}
  dana: {email: dana@acme.example}
  noah: {email: noah@acme.example}
teams:
  support: {calendar: always}
agents:
  - {person: lucia, team: support}
  - {person: dana, team: support}
  - {person: noah, team: support}
routes:
  - {name: everything, needs: {team: support}}
"""


@pytest.fixture
def folder(folder: Path) -> Path:
    """Give the site people who work."""
    (folder / "rules" / "90-routing.yaml").write_text(RULES, encoding="utf-8")
    return folder


@pytest.fixture
def ticket(gateway: Gateway, recorder: Recorder) -> str:
    """Store a ticket that Lucia has, and that Dana and Noah were asked to take over."""
    made, _ = recorder.ticket("Where is my parcel?", number=5)
    now = gateway.clock.now()
    until = now + timedelta(minutes=15)
    offers = tuple(Offered(name, now, until, "candidate") for name in ("dana", "noah"))
    way = Way(
        ticket_id=made, outcome="assigned", since=now, rule="everything", person="lucia", holds=True, seen="R. Ops",
        reason="longest idle", due=now + timedelta(hours=2), asked="everything\nen\n", offers=offers, wake_at=until,
    )  # fmt: skip
    ring = Ring("", RingState.TAKES, 3, 3, 3, 3, 3, ("lucia", "dana", "noah"))
    routed = Routed(Outcome.ASSIGNED, "longest idle", "everything", agent="lucia", rings=(ring,))

    def work(tx: SqlTx) -> None:
        tx.ways.save(way, now)
        tx.ways.reserve(made, "noah", "", until)
        tx.audit.add([AuditEntry(now, "gateway", "routed", made, {"route": routed, "release": ""})])

    gateway.store.write(work)
    return made


def test_offers_are_listed_and_accepted(run: Run, gateway: Gateway, ticket: str) -> None:
    """A dry run changes nothing; who accepts has it, and is offered nothing any more."""
    code, shown, _ = run("handoffs", "list")
    assert (code, shown.split("\n")[1].split()[1:4]) == (0, ["lucia", "noah", "candidate"])
    (line,) = json.loads(run("handoffs", "list", "--json")[1])
    assert (line["ticket"], [each["to"] for each in line["offers"]]) == (ticket, ["dana", "noah"])
    for words in (("--dry-run",), ()):
        code, shown, said = run("handoffs", "accept", "5", "--for", "dana", "--as", "dana", *words)
        assert (code, said) == (0, said)
        assert shown == f"dana {'would take' if words else 'takes'} {ticket} over from lucia\n"
    with gateway.store.read() as tx:
        way, found = tx.ways.get(ticket), tx.tickets.get(ticket)
        lines = [each for each in tx.view.audit(ticket_id=ticket) if each["action"] == "handoff accepted"]
    assert way is not None
    assert found is not None
    assert found.assignee is not None
    assert (way.person, way.holds, way.offers, found.assignee.name) == ("dana", True, (), "dana")
    assert [each["detail"]["to"] for each in lines] == ["dana"]
    code, _, said = run("handoffs", "accept", "5")
    assert (code, "is offered to nobody" in said) == (3, True)
    assert run("handoffs", "list")[2] == "Nothing is offered to anybody.\n"


def test_who_declines_is_asked_no_more(run: Run, gateway: Gateway, ticket: str) -> None:
    """The last one who was asked says no; a stranger has nothing to say."""
    code, shown, _ = run("handoffs", "decline", "5")
    assert (code, shown) == (0, f"lucia keeps {ticket}: noah does not take it; the next is asked\n")
    with gateway.store.read() as tx:
        way = tx.ways.get(ticket)
        assert [each.person for each in tx.ways.use(gateway.clock.now())] == ["lucia"]
    assert way is not None
    assert [each.declined for each in way.offers] == [False, True]
    code, _, said = run("handoffs", "accept", "5", "--for", "eva")
    assert (code, said.strip().endswith("is not offered to eva, but to dana")) == (3, True)


def test_a_ticket_says_where_it_is_and_why(run: Run, ticket: str) -> None:
    """Its page in the terminal, and as JSON."""
    shown = run("tickets", "show", "5")[1]
    assert "  assigned  lucia has it  longest idle" in shown
    assert "  offered to dana until " in shown
    assert "routed: everything: lucia has it; longest idle" in shown
    found = json.loads(run("tickets", "show", ticket, "--json")[1])
    assert found["routing"]["last"]["lines"][-1] == "  candidates: lucia, dana, noah"


def test_a_ticket_says_which_desk_does_not_show_who_has_it(run: Run, gateway: Gateway, ticket: str) -> None:
    """And lists find it by what routing said last; the check says who and what a desk cannot be told of."""

    def work(tx: SqlTx) -> None:
        way = tx.ways.get(ticket)
        assert way is not None
        left = (("engineering-rt", "lucia has no account there under `people:`"),)
        tx.ways.save(msgspec.structs.replace(way, left=left), gateway.clock.now())

    gateway.store.write(work)
    assert "  not shown at engineering-rt: lucia has no account there" in run("tickets", "show", ticket)[1]
    assert ticket[-12:] in run("tickets", "list", "--routed", "assigned")[1]
    assert ticket[-12:] not in run("tickets", "list", "--routed", "frozen")[1]
    code, shown, _ = run("check")
    assert code == 0
    assert "note: engineering-rt: no account is named for dana, lucia, noah: " in shown
    assert "note: engineering-rt: no group is named for support: " in shown
