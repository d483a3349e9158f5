"""`gateway roster now`, `away` and `back`, and what `gateway check` says of accounts that desks do not know."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.bootstrap import Gateway
from gateway.domain.availability import AgentState, KnownAgent
from gateway.ports import AgentsRead
from gateway.store.unit import SqlTx
from tests.cli.conftest import Run

RULES = """
calendars:
  always: 24x7
people:
  lucia: {email: lucia@acme.example, accounts: {acme-zendesk: "9001"}}
  dana: {email: dana@acme.example, accounts: {acme-zendesk: "9003", engineering-rt: agent2}}
  noah: {email: noah@acme.example, accounts: {acme-zendesk: "9004"}}
  eva: {email: eva@acme.example, accounts: {acme-zendesk: "9005"}}
teams:
  support: {calendar: always}
  nights: {}
agents:
  - {person: lucia, team: support, capacity: 8}
  - {person: dana, team: support}
  - {person: noah, team: nights}
on_call: {rota: [{person: eva, calendar: always}]}
routes:
  - {name: everything, needs: {team: support}}
"""


@pytest.fixture
def folder(folder: Path) -> Path:
    """Give the site people who work."""
    (folder / "rules" / "90-routing.yaml").write_text(RULES, encoding="utf-8")
    return folder


@pytest.fixture
def heard(gateway: Gateway) -> None:
    """Let Zendesk have told of Lucia, who is away, and of Dana, who is suspended; of Noah it knows nothing."""
    now = gateway.clock.now()

    def work(tx: SqlTx) -> None:
        since = now - timedelta(hours=1)
        tx.staff.keep(
            "acme-zendesk",
            [
                KnownAgent("acme-zendesk", "9001", "lucia", True, AgentState.AWAY, since, now),
                KnownAgent("acme-zendesk", "9003", "dana", False, AgentState.UNKNOWN, since, now),
            ],
        )
        tx.staff.save_read(AgentsRead("acme-zendesk", now, now, now + timedelta(minutes=3)))

    gateway.store.write(work)


def test_everybody_is_listed_with_why_not(run: Run, heard: None) -> None:
    """By shift, by desk and by hand; as a table and as JSON."""
    code, shown, said = run("roster", "now")
    assert code == 0, said
    rows = {line.split()[0]: line for line in shown.splitlines()[1:]}
    assert [line.split()[:6] for line in (rows["lucia"], rows["noah"])] == [
        ["lucia", "support", "on", "no", "0", "of"],
        ["noah", "nights", "off", "no", "0"],
    ]
    assert "away at acme-zendesk since 20" in rows["lucia"]
    assert "account 9003 is deactivated at acme-zendesk since 20" in rows["dana"]
    assert said.startswith("acme-zendesk: read ")
    found = json.loads(run("roster", "now", "--away", "--json")[1])
    assert [(each["person"], each["on_shift"], each["accepts"]) for each in found["people"]] == [
        ("dana", True, False), ("lucia", True, False),
    ]  # fmt: skip
    assert found["people"][1]["desks"][0]["state"] == "away"
    assert found["desks"][0]["connection"] == "acme-zendesk"


def test_the_picture_says_who_is_away_now(run: Run, heard: None) -> None:
    """Below the hours; not for another day, and not where there is no record."""
    shown = run("roster", "show", "--days", "1")[1]
    first, *names = shown.split("On call now: eva.\n\n")[1].splitlines()
    assert first == "Now 2 of 3 are on shift, and 0 of them accept."
    assert [name.partition(" at ")[0].strip() for name in names] == [
        "dana: account 9003 is deactivated", "lucia: away",
    ]  # fmt: skip
    assert run("roster", "show", "--from", "2026-03-10", "--days", "1")[1].endswith("On call then: eva.\n")


def test_a_person_is_sent_away_and_comes_back(run: Run, gateway: Gateway) -> None:
    """For a time or until further notice, with who said so; a dry run changes nothing."""
    assert run("roster", "away", "dana", "--for", "2h", "--dry-run")[0] == 0
    assert run("roster", "now", "--away") == (0, "", "Nobody is away.\n")
    code, shown, said = run("roster", "away", "dana", "--for", "2h", "--as", "eva")
    assert (code, said) == (0, "")
    assert shown.startswith("dana is given nothing more until 20")
    assert run("roster", "away", "eva", "--as", "eva")[1] == "eva is given nothing more until gateway roster back eva\n"
    (dana,) = json.loads(run("roster", "now", "--away", "--json")[1])["people"]
    assert dana["why"].startswith("away until 20")
    assert dana["why"].endswith(", by eva")
    assert run("roster", "back", "dana", "--dry-run")[:2] == (0, "dana would be back\n")
    assert run("roster", "back", "dana", "--as", "eva")[:2] == (0, "dana is back\n")
    assert run("roster", "back", "eva")[0] == 0
    with gateway.store.read() as tx:
        assert tx.staff.is_news(gateway.clock.now())
        assert tx.staff.absences() == []
        lines = [line for line in tx.view.audit(limit=50) if line["action"].startswith("roster ")][::-1]
    assert [(line["action"], line["actor"], line["detail"]["person"]) for line in lines][:3] == [
        ("roster away", "person:eva", "dana"),
        ("roster away", "person:eva", "eva"),
        ("roster back", "person:eva", "dana"),
    ]
    assert lines[0]["detail"]["until"] > lines[1]["detail"]["until"] == ""


def test_who_is_back_may_still_be_away_at_a_desk(run: Run, heard: None) -> None:
    """It is said at once, so that nobody wonders."""
    run("roster", "away", "lucia")
    assert run("roster", "back", "lucia")[1].startswith("lucia is back, but is away at acme-zendesk since 20")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("away", "dan"), 3, "nobody under people: is named 'dan'; did you mean 'dana'?"),
        (("away", "dana", "--until", "2020-01-01"), 2, "this is over already"),
        (("away", "dana", "--until", "2120-01-01", "--for", "2h"), 2, "say --until or --for, not both"),
        (("back", "dana"), 3, "dana is not away by hand: gateway roster now --away lists who is"),
    ],
)
def test_what_cannot_be_done_says_why(run: Run, gateway: Gateway, words: tuple[str, ...], code: int, said: str) -> None:
    """One line each."""
    ended, _, complained = run("roster", *words)
    assert (ended, said in complained) == (code, True), complained


def test_check_names_accounts_that_cannot_be_assigned(run: Run, heard: None) -> None:
    """Of those who work on tickets; where a desk was not read, nothing is said."""
    code, shown, _ = run("check")
    notes = [line for line in shown.splitlines() if line.startswith("note: ") and "the account" in line]
    assert code == 0
    assert len(notes) == 2
    assert notes[0].startswith("note: dana is given nothing: the account 9003 is deactivated at acme-zendesk since 20")
    assert notes[1].startswith("note: noah has the account 9004 at acme-zendesk, which does not list it (asked ")
    assert notes[1].endswith("correct people.noah.accounts.acme-zendesk, or let the gateway's own account there see it")
    assert len(json.loads(run("check", "--json")[1])["remarks"]) >= 2


def test_check_says_nothing_without_a_record(run: Run) -> None:
    """A site that never ran has asked nobody."""
    assert "acme-zendesk, which" not in run("check")[1]


def test_a_site_without_agents_says_so(run: Run, gateway: Gateway, folder: Path) -> None:
    """Instead of calling everybody present."""
    (folder / "rules" / "90-routing.yaml").unlink()
    assert "This site has no agents: see docs/routing.md." in run("roster", "now")[2]
