"""`gateway roster`: the cover of a site by hour and region, and the times ahead without any."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli.roster_page import page
from tests.cli.conftest import Run
from tests.rules.routing.making import SITE
from tests.rules.routing.test_loading import ICS


@pytest.fixture
def staffed(folder: Path) -> Path:
    """Give the site people, teams and routes, and no promises."""
    (folder / "rules" / "30-sla.yaml").unlink()
    (folder / "rules" / "60-people.yaml").write_text(SITE.replace("{zen: ", "{acme-zendesk: "), encoding="utf-8")
    return folder


def test_the_cover_is_shown_by_hour_and_region(run: Run, staffed: Path) -> None:
    """How few are there at any time of the hour: at half past four two leave, so that hour counts none."""
    code, shown, said = run("roster", "show", "--from", "2026-03-10", "--days", "1")
    assert code == 0, said
    rows = {line.rsplit(maxsplit=1)[0].strip(): line.rsplit(maxsplit=1)[1] for line in shown.splitlines() if line}
    assert rows["emea"] == "........22222222........"
    assert rows["amer"] == "............2222222222.."
    assert rows["apac"] == "111111................11"
    assert rows["on call"] == "1" * 24
    assert shown.endswith("On call then: eva.\n")
    days = json.loads(run("roster", "show", "--from", "2026-03-14", "--days", "2", "--json")[1])
    assert [row["hours"] for row in days[0]["rows"] if row["region"] == "emea"] == [[0] * 24]


def test_the_cover_is_written_as_a_page(run: Run, staffed: Path, tmp_path: Path) -> None:
    """The same numbers, and what people wrote does no harm in it."""
    file = staffed / "rules" / "60-people.yaml"
    file.write_text(file.read_text("utf-8").replace("eva", "e.v-a"), encoding="utf-8")
    written = tmp_path / "cover.html"
    code, shown, said = run("roster", "show", "--from", "2026-03-10", "--days", "2", "--html", str(written))
    assert (code, shown, said) == (0, "", f"{written} is written.\n")
    text = written.read_text("utf-8")
    assert text.count("<table>") == 2
    assert '<th scope="row">emea</th>' + '<td class="none">–</td>' * 8 + '<td class="few">2</td>' * 8 in text
    assert "On call: e.v-a." in text
    assert "http" not in text
    assert page([], ["<b>"]).count("&lt;b&gt;") == 1
    code, _, said = run("roster", "show", "--html", str(tmp_path / "no" / "cover.html"))
    assert (code, "cannot be written" in said) == (2, True)


def test_gaps_ahead_are_listed(run: Run, staffed: Path) -> None:
    """With somebody always on call there is none; of one region its nights."""
    assert run("roster", "gaps", "--from", "2026-03-10", "--exit-code") == (
        0, "", "Somebody is there at any time of the next 14d.\n",
    )  # fmt: skip
    words = ("roster", "gaps", "--from", "2026-03-10T12:00Z", "--next", "1d", "--region", "amer")
    code, shown, _ = run(*words)
    assert code == 0
    assert [line.split("  ") for line in shown.splitlines()[1:]] == [
        ["Tue 2026-03-10 22:00", "Wed 2026-03-11 12:00", "14h"]
    ]
    assert run(*words, "--exit-code")[0] == 1
    assert json.loads(run(*words, "--json")[1]) == [{"from": "2026-03-10T22:00:00Z", "until": "2026-03-11T12:00:00Z"}]


def test_nobody_on_call_leaves_hours_dark(run: Run, staffed: Path) -> None:
    """The weekend, and what lies between the regions."""
    file = staffed / "rules" / "60-people.yaml"
    text = file.read_text("utf-8").replace("on_call: {rota: [{person: eva, calendar: always}]}\n", "")
    file.write_text(text, encoding="utf-8")
    code, shown, _ = run("roster", "gaps", "--from", "2026-03-13T00:00Z", "--next", "4d", "--exit-code")
    assert code == 1
    assert "Fri 2026-03-13 22:00  Sun 2026-03-15 22:00  2d" in shown
    assert run("roster", "show", "--days", "1")[1].endswith("On call now: nobody.\n")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("gaps", "--region", "latam"), 3, "no team works in the region 'latam': there are emea, amer, apac"),
        (("gaps", "--next", "2y"), 2, "take a time of up to 366d"),
        (("gaps", "--next", "soon"), 2, "'soon' is not a duration"),
        (("show", "--from", "tomorrow"), 2, "'tomorrow' is no instant"),
    ],
)
def test_what_cannot_be_asked_says_why(run: Run, staffed: Path, words: tuple[str, ...], code: int, said: str) -> None:
    """And what would be right."""
    ended, _, complained = run("roster", *words)
    assert ended == code
    assert said in " ".join(complained.split())


def test_a_site_without_agents_has_no_roster(run: Run) -> None:
    """It is told where they are explained."""
    code, _, said = run("roster", "show")
    assert (code, "docs/routing.md" in said) == (3, True)


def test_explain_says_who_has_a_ticket_and_who_was_no_candidate(run: Run, staffed: Path, tmp_path: Path) -> None:
    """Region by region, each with the reason."""
    file = tmp_path / "ticket.yaml"
    file.write_text(
        "at: 2026-03-10T18:05+01:00\nagents: {dana: {load: 10}}\n"
        "ticket: {source: acme-zendesk, channel: email, issue: billing, language: es, region: emea}\n"
        "then: [{after: 10m, title: still there}]\n",
        encoding="utf-8",
    )
    code, shown, said = run("rules", "explain", "--given", str(file))
    assert code == 0, said
    first, second = shown.split("who has it")[1:]
    assert (
        "billing: it waits (amer); it waits in amer: it asks less in 10m; looked at again 2026-03-10 17:15 UTC" in first
    )
    assert "emea: closed: 2 there, 0 on shift" in first
    assert "dana: is full: 10 of 10 in use, and it takes 1" in first
    assert "noah: has billing 1, and 2 is asked" in first
    assert "billing: noah has it (amer, amer-support)" in second
    moments = json.loads(run("rules", "explain", "--given", str(file), "--json")[1])
    assert [moment["route"]["outcome"] for moment in moments] == ["queued", "assigned"]
    assert moments[0]["route"]["rings"][0]["left_out"][0] == {"person": "lucia", "why": "is not on shift"}


def test_a_file_of_shifts_beside_the_rules_is_read_and_released(run: Run, staffed: Path) -> None:
    """It belongs to the release: another one makes another."""
    rules = staffed / "rules" / "60-people.yaml"
    rules.write_text(
        rules.read_text("utf-8").replace("region: emea,", "region: emea, rota: emea.ics,"), encoding="utf-8"
    )
    assert "bad-rota" in run("check")[1]
    (staffed / "rules" / "emea.ics").write_text(ICS, encoding="utf-8")
    assert run("check")[0] == 0
    shown = run("roster", "show", "--from", "2026-03-10", "--days", "1")[1]
    assert "emea       ........11111111........" in shown
    assert run("rules", "release", "-m", "with a rota")[0] == 0
    (staffed / "rules" / "emea.ics").write_text(ICS.replace("090000", "100000"), encoding="utf-8")
    code, shown, _ = run("rules", "diff")
    assert (code, "changed  files of shifts: rules/emea.ics" in shown) == (1, True)
