"""`gateway people` as a person meets it."""

from __future__ import annotations

import json

import msgspec
import pytest

from gateway.domain.people import Terms
from gateway.domain.person import RemotePerson
from gateway.flow.people.stitching import stitch
from gateway.store.unit import SqlTx
from tests.cli.conftest import Run
from tests.records import Recorder

KIM = "kim@customer.example"


@pytest.fixture
def asked(recorder: Recorder) -> dict[int, str]:
    """Store tickets of two accounts of the portal with one address, and of one at another desk; return who asked."""
    found: dict[int, str] = {}
    people = {
        5: ("portal", RemotePerson("1", KIM, "", "Kim Berg")),
        6: ("portal", RemotePerson("2", KIM, "", "K. Berg")),
        7: ("zen", RemotePerson("9", "lee@customer.example", "", "Lee")),
    }
    for number, (connection, who) in people.items():
        ticket_id, _ = recorder.ticket(f"Ticket {number}", number=number)

        def work(tx: SqlTx, connection: str = connection, who: RemotePerson = who, ticket_id: str = ticket_id) -> str:
            ticket = tx.tickets.get(ticket_id)
            assert ticket is not None
            ids = recorder.store.ids
            made = stitch(tx, connection, who, terms=Terms(), now=recorder.now, ids=ids)
            tx.tickets.save(
                msgspec.structs.replace(ticket, requester=who, requester_id=made.person, asked_as=made.asked_as)
            )
            return made.person

        found[number] = recorder.store.write(work)
    return found


def test_people_are_listed_and_shown(run: Run, asked: dict[int, str]) -> None:
    """With where they are known, how many tickets, and what is left to a person."""
    code, shown, _ = run("people", "list")
    assert code == 0
    assert all(each[-12:] in shown for each in asked.values())
    assert "portal:1" in shown
    doubted = json.loads(run("people", "list", "--doubts", "--json")[1])
    assert {each["id"] for each in doubted} == {asked[5], asked[6]}
    assert len(json.loads(run("people", "list", "--text", "LEE", "--json")[1])) == 1
    assert len(json.loads(run("people", "list", "--connection", "portal", "--limit", "1", "--json")[1])) == 1
    assert run("people", "list", "--merged")[2] == "Nobody matches.\n"
    code, shown, _ = run("people", "show", KIM)
    assert code == 0
    assert "two accounts of one connection" in shown
    assert f"gateway people merge {asked[5][-12:]} {asked[6][-12:]}" in shown
    assert "Ticket 5" in shown
    assert "Ticket 6" not in shown
    assert json.loads(run("people", "show", "portal:2", "--json")[1])["person"]["id"] == asked[6]
    code, _, said = run("people", "show", "nobody@customer.example")
    assert (code, "nobody is known as" in said) == (3, True)


def test_a_merge_is_tried_made_shown_and_taken_back(run: Run, asked: dict[int, str]) -> None:
    """With who and why; the tickets follow, and are each one's own again."""
    words = ("people", "merge", asked[5][-12:], "portal:2", "--as", "eva", "--reason", "she says so")
    code, shown, _ = run(*words, "--dry-run")
    assert (code, "would be one person (merged)" in shown) == (0, True)
    assert run("people", "list", "--merged")[1] == ""
    assert run(*words)[0] == 0
    shown = run("people", "show", asked[6])[1]
    assert "Ticket 5" in shown
    assert "Ticket 6" in shown
    assert "a person said so  by person:eva" in shown
    assert "people merged" in shown
    assert "why she says so" in shown
    shown = run("tickets", "show", "6")[1]
    assert "Other tickets of the same person" in shown
    assert "Ticket 5" in shown
    assert "Other tickets" not in run("tickets", "show", "7")[1]
    assert [each["id"] for each in json.loads(run("people", "list", "--merged", "--json")[1])] == [asked[5]]
    assert run("people", "merge", "portal:1", "portal:2")[0] == 1
    code, shown, _ = run("people", "split", KIM, "--as", "eva")
    assert (code, "are two people (split)" in shown) == (0, True)
    assert "Ticket 6" not in run("people", "show", asked[5])[1]
    code, _, said = run("people", "split", KIM)
    assert (code, "name with --take" in said) == (1, True)
    assert run("people", "list", "--doubts")[2] == "Nobody matches.\n"


def test_what_is_somebody_elses_is_taken_out(run: Run, asked: dict[int, str]) -> None:
    """Named as show has it; two who are not one are said to be so."""
    parted = json.loads(run("people", "split", asked[5], "--take", KIM, "--json")[1])
    assert parted["people"][asked[5]] == ["portal:1"]
    assert run("people", "split", asked[5], "--take", "zen:9")[0] == 1
    assert run("people", "split", asked[5], "--take", "nothing")[0] == 3
    assert run("people", "split", asked[5], asked[6], "--take", KIM)[0] == 2
    said = json.loads(run("people", "split", "portal:2", KIM, "--json")[1])
    assert said["action"] == "told apart"
