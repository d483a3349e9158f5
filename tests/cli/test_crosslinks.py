"""The commands about tickets of two desks that name one another, as a person meets them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from gateway.bootstrap import Gateway
from gateway.domain.crosslink import Crosslink, Evidence
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.ticket import Ticket
from gateway.store.unit import SqlTx
from tests.cli.conftest import Run

ZENDESK, RT = "acme-zendesk", "engineering-rt"


def begin(gateway: Gateway, connection: str, number: str, *, age: int = 1) -> str:
    """Store a ticket as an import leaves it."""
    at = gateway.clock.now() - timedelta(days=age)
    ticket = Ticket(id=gateway.ids.new(), source=connection, created_at=at, updated_at=at, title="Printer")

    def work(tx: SqlTx) -> None:
        tx.tickets.save(ticket)
        tx.links.add(Link(gateway.ids.new(), ticket.id, connection, LinkState.LIVE, Role.SOURCE, number), at)

    gateway.store.write(work)
    return ticket.id


def name(gateway: Gateway, one: tuple[str, str], other: tuple[str, str], evidence: Evidence) -> None:
    """Let a ticket name another one."""
    found = [Crosslink(*one, *other, evidence)]
    gateway.store.write(lambda tx: tx.crosslinks.note(one, found, gateway.clock.now(), whole=False))


@pytest.fixture
def two(gateway: Gateway) -> tuple[str, str]:
    """Store two tickets with one number, at two desks; in passing the one names the other."""
    found = begin(gateway, ZENDESK, "6", age=2), begin(gateway, RT, "6")
    name(gateway, (RT, "6"), (ZENDESK, "6"), Evidence.MENTION)
    return found


def test_they_are_listed_with_what_to_do(run: Run, gateway: Gateway, two: tuple[str, str]) -> None:
    """Who names whom, by what, what becomes of it and why; only what a person may do is said to be one's to do."""
    assert two
    code, shown, complaint = run("tickets", "cross-links")
    assert (code, complaint) == (0, "")
    line = next(line for line in shown.splitlines() if "engineering-rt" in line)
    for word in ("acme-zendesk:6", "engineering-rt:6", "a mention", "ask", "it is only mentioned, by one of the two"):
        assert word in line
    assert "gateway tickets link TICKET OTHER makes the two one, gateway tickets keep-apart" in shown
    (fact,) = json.loads(run("tickets", "cross-links", "--json")[1])
    assert (fact["stay"], fact["goes"]) == ([ZENDESK, "6"], [RT, "6"])
    assert (fact["evidence"], fact["mutual"], fact["verdict"]) == ("mention", False, "ask")
    assert run("tickets", "cross-links", "--verdict", "link") == (0, "", "No such cross-links.\n")
    assert json.loads(run("tickets", "cross-links", "--verdict", "wait", "--json")[1]) == []
    name(gateway, (ZENDESK, "6"), (RT, "6"), Evidence.MENTION)
    code, shown, _ = run("tickets", "cross-links")
    assert "a mention, each names the other" in shown
    assert "keep-apart" not in shown


def test_more_than_are_shown_is_said(run: Run, gateway: Gateway, two: tuple[str, str]) -> None:
    """And how to see them."""
    assert two
    begin(gateway, RT, "7")
    name(gateway, (RT, "7"), (ZENDESK, "6"), Evidence.MENTION)
    code, shown, complaint = run("tickets", "cross-links", "--limit", "1")
    assert (code, shown.count("engineering-rt:"), complaint) == (0, 1, "and 1 more: --limit shows them\n")
    assert run("tickets", "cross-links", "--limit", "2")[2] == ""


def test_a_person_says_that_two_are_one(run: Run, gateway: Gateway, two: tuple[str, str]) -> None:
    """Tried first, which changes nothing; then the trails say who; a second time is refused in one line."""
    words = ("tickets", "link", "acme-zendesk:6", "engineering-rt:6", "--as", "eva")
    joined = f"engineering-rt #6 %s acme-zendesk #6, ticket {two[0]}; no sync rule: nothing is carried"
    code, shown, complaint = run(*words, "--dry-run")
    assert (code, shown.startswith(joined % "would join"), complaint) == (0, True, "")
    with gateway.store.read() as tx:
        assert tx.tickets.get(two[1]) is not None
    code, shown, _ = run(*words)
    assert (code, shown.startswith(joined % "joins")) == (0, True)
    shown = run("tickets", "show", "engineering-rt:6")[1]
    assert "linked" in shown
    assert "person:eva" in shown
    code, shown, complaint = run(*words)
    assert (code, shown, complaint) == (1, "", "gateway: the two are one ticket already\n")
    assert run("tickets", "keep-apart", *words[2:])[2] == "gateway: the two are one ticket already\n"
    assert run("tickets", "cross-links")[2] == "No such cross-links.\n"


def test_the_json_of_a_link_says_the_same(run: Run, two: tuple[str, str]) -> None:
    """With the ticket that stays, and the one that it was."""
    told = json.loads(run("tickets", "link", two[1], two[0], "--dry-run", "--json")[1])
    assert (told["dry_run"], told["ticket"], told["was"]) == (True, two[0], two[1])
    assert told["stay"] == [ZENDESK, "6"]


def test_what_cannot_be_one_is_refused(run: Run, gateway: Gateway, two: tuple[str, str]) -> None:
    """Two of one desk, one that several are named by, one that nobody knows: each in a line that says what next."""
    assert two
    begin(gateway, RT, "8")
    code, _, said = run("tickets", "link", "engineering-rt:6", "8")
    told = "gateway: both are tickets of engineering-rt: `gateway tickets merge` is for those\n"
    assert (code, said) == (1, told)
    code, _, said = run("tickets", "link", "6", "8")
    assert (code, said.count("\n")) == (3, 1)
    assert "no ticket, or more than one, is named by '6'" in said
    assert "CONNECTION:NUMBER" in said
    assert run("tickets", "link", "nobody", "8")[0] == 3


def test_a_person_says_that_two_are_two(run: Run, two: tuple[str, str]) -> None:
    """They are not listed again; what was said is in both trails; where neither names the other it is refused."""
    words = ("tickets", "keep-apart", two[0], two[1], "--as", "eva")
    assert run(*words, "--dry-run") == (0, "would refuse 1 cross-link of the two\n", "")
    assert json.loads(run(*words, "--dry-run", "--json")[1]) == {"dry_run": True, "refused": 1}
    assert run(*words) == (0, "refused 1 cross-link of the two\n", "")
    assert run("tickets", "cross-links")[2] == "No such cross-links.\n"
    for each in two:
        shown = run("tickets", "show", each)[1]
        assert "kept apart" in shown
        assert "person:eva" in shown
    code, _, said = run(*words)
    assert (code, "gateway tickets cross-links lists those that do" in said) == (3, True)
