"""`gateway rules simulate` that looks ahead: text, JSON and page; what cannot be is one clear line."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from rules.examples import example
from tests.cli.conftest import Run
from tests.rules.test_examples import SHARED
from tests.web.test_report_page import Reading

AHEAD = ("rules", "simulate", "--from", "2025-10-24", "--to", "2025-11-02", "--seed", "7")
TICKETS = """\
at,title,region,language,priority,org.plan,tags,handling
2025-10-27T09:15+01:00,Rechnung falsch,emea,de,P3,premium,vip;late,45m
2025-10-27T08:00Z,The portal is down,apac,en,,,,
"""


@pytest.fixture
def sun(folder: Path) -> Path:
    """Let the site follow the sun."""
    shutil.rmtree(folder)
    for name, text in example("follow-the-sun").items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_a_week_ahead_is_told_in_tables(run: Run, sun: Path) -> None:
    """Who is how busy, how long tickets wait, what is kept: the same words for the same seed."""
    code, shown, said = run(*AHEAD, "--generate", "80")
    assert (code, said) == (0, "")
    assert shown.startswith("Look ahead, 2025-10-24 00:00 to 2025-11-03 00:00 UTC, seed 7\n80 tickets, ")
    for words in ("How tickets came to somebody", "by route", "By the hour", "How busy they were", "Handing over",
                  "\nPromises\n", "emea-support", "prague-1", "first response"):  # fmt: skip
        assert words in shown
    assert run(*AHEAD, "--generate", "80")[1] == shown
    assert run(*AHEAD[:-1], "8", "--generate", "80")[1] != shown


def test_a_program_reads_the_same_numbers(run: Run, sun: Path) -> None:
    """What was placed is what came, and each person's hours are those of their calendars."""
    found = json.loads(run(*AHEAD, "--generate", "80", "--json")[1])
    assert found["tickets"] == 80
    assert sum(each["count"] for each in found["placed"]) == found["placements"] == 80 + found["reopened"]
    assert sum(each["came"] for each in found["hours"]) == 80
    # Friday, four days without the holiday of the 28th, Friday; America has no holiday; ten hours and eleven a day
    hours = {each["name"]: each["on_shift_s"] // 3600 for each in found["people"]}
    assert (hours["prague-1"], hours["boston-1"]) == (5 * 10, 6 * 11)
    assert found["kept"] == sum(each["met"] for each in found["promises"])


def test_a_page_is_written_beside_it(run: Run, sun: Path, tmp_path: Path) -> None:
    """Whole in itself; where it cannot be, that is said before anything is worked out."""
    file = tmp_path / "ahead.html"
    code, _, said = run(*AHEAD, "--generate", "60", "--html", str(file))
    assert (code, said) == (0, f"The page is {file}\n")
    text = file.read_text(encoding="utf-8")
    page = Reading(text)
    assert (page.open, page.links, "script" in page.tags) == ([], [], False)
    assert text.count("<svg") == 6
    assert "prague-1" in text
    code, _, said = run(*AHEAD, "--generate", "60", "--html", str(tmp_path / "no" / "ahead.html"))
    assert code == 2
    assert said == f"gateway: {tmp_path}/no/ahead.html cannot be written: there is no folder {tmp_path}/no\n"


def test_tickets_of_ones_own_are_taken_as_they_came(run: Run, sun: Path, tmp_path: Path) -> None:
    """The rules decide on them; the period is theirs, where none is given."""
    file = tmp_path / "history.csv"
    file.write_text(TICKETS, encoding="utf-8")
    words = ("rules", "simulate", "--arrivals", str(file), "--asks", "0", "--reopens", "0")
    found = json.loads(run(*words, "--json")[1])
    assert (found["tickets"], found["begin"]) == (2, "2025-10-27T08:00:00Z")
    assert {each["name"]: each["tickets"] for each in found["waits_by_route"]} == {"billing": 1, "outages": 1}
    assert {each["policy"] for each in found["promises"]} == {"premium", "standard"}
    assert json.loads(run(*words, "--from", "2025-10-27T08:10Z", "--json")[1])["tickets"] == 1


def test_it_can_end_with_one(run: Run, sun: Path) -> None:
    """Where a promise misses the goal, and that was asked for."""
    words = (*AHEAD, "--generate", "60", "--exit-code")
    assert run(*words, "--goal", "1")[0] == 0
    assert run(*words, "--handling", "40h")[0] == 1
    assert run(*words[:-1], "--handling", "40h")[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--generate", "0"), "0 is not in the range"),
        (("--generate", "10", "--from", "2025-10-24", "--to", "2025-10-23"), "--from is not before --to"),
        (("--generate", "10", "--from", "2025-01-01", "--to", "2027-01-01"), "more than a year apart"),
        (("--generate", "10", "--arrivals", "FILE"), "--generate and --arrivals exclude each other"),
        (("--generate", "10", "--against", "last-3d"), "--against looks back"),
        (("--seed", "3"), "--seed belongs to a look ahead: add --generate TICKETS or --arrivals FILE"),
        (("--from", "2025-10-24"), "--from belongs to a look ahead"),
        (("--generate", "10", "--handling", "P9=3h"), "there is no priority 'P9'"),
        (("--generate", "10", "--handling", "0s"), "nothing is done in no time"),
        (("--generate", "10", "--handling", "long"), "'long' is not a duration"),
        (("--arrivals", "FILE", "--from", "2026-01-01"), "no ticket came in this time"),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_line(
    run: Run, sun: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    """And the command ends with 2."""
    file = tmp_path / "history.csv"
    file.write_text(TICKETS, encoding="utf-8")
    code, shown, complained = run("rules", "simulate", *(str(file) if each == "FILE" else each for each in words))
    assert (code, shown) == (2, "")
    assert said in complained.splitlines()[-1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1: there is no column 'at'"),
        ("at\n", "there is no ticket in it"),
        ("at,regoin\n2025-10-27,emea\n", "1: there is no field 'regoin'; did you mean 'region'?"),
        ("at,status\n2025-10-27,closed\n", "1: the column 'status' says what became of a ticket"),
        ("at,region,region\n", "1: the column 'region' is there twice"),
        ("at,region\n2025-10-27,emea\nsoon,emea\n", "3: 'soon' is not an instant"),
        ("at,region\n,emea\n", "2: '' is not an instant"),
        ("at,priority\n2025-10-27,P9\n", "2: "),
        ("at,source\n2025-10-27,zen\n", "2: there is no connection 'zen'"),
        ("at,handling\n2025-10-27,long\n", "2: 'long' is not a duration"),
        ("at,title\n2025-10-27,a,b\n", "2: there are 3 cells, and 2 columns"),
        ('at,title\n2025-10-27,"a\n', "this is no line of comma-separated values"),
        ("at,kind\n2025-10-27,bug\n", "2: "),
    ],
)
def test_a_line_that_cannot_be_read_is_named(run: Run, sun: Path, tmp_path: Path, text: str, said: str) -> None:
    """With the file and the line."""
    file = tmp_path / "history.csv"
    file.write_text(text, encoding="utf-8")
    code, shown, complained = run("rules", "simulate", "--arrivals", str(file))
    assert (code, shown) == (2, "")
    assert complained.startswith(f"gateway: {file}:")
    assert said in complained
    assert len(complained.splitlines()) == 1


def test_a_site_without_routes_says_what_it_lacks(run: Run) -> None:
    """The demo gives nobody a ticket."""
    code, shown, said = run(*AHEAD, "--generate", "10")
    assert (code, shown) == (2, "")
    assert "this site has no routes" in said


def test_the_shared_site_runs_as_it_stands(run: Run, folder: Path) -> None:
    """Three regions, holidays, both changes of the clocks."""
    if not SHARED.is_dir():
        pytest.skip("not in this checkout")
    shutil.rmtree(folder)
    shutil.copytree(SHARED, folder)
    code, shown, said = run(*AHEAD, "--generate", "60")
    assert code == 0, said
    assert re.search(r"^emea +2 ", shown, re.MULTILINE)


def test_without_anybody_on_call_the_fallback_queue_has_them(run: Run, sun: Path) -> None:
    """An outage on a Saturday: it is told, and taken on Monday by whoever comes to work first."""
    rules = sun / "rules" / "40-routing.yaml"
    text = rules.read_text("utf-8")
    rules.write_text(text.replace("on_call: {rota: [{person: duty, calendar: always}]}\n", ""), encoding="utf-8")
    file = sun / "history.csv"
    file.write_text("at,title,region,language\n2025-10-25T12:00Z,The portal is down,emea,en\n", encoding="utf-8")
    code, shown, said = run("rules", "simulate", "--arrivals", str(file), "--reopens", "0")
    assert (code, said) == (0, "")
    assert "In the fallback queue for a while: 1 (the alert" in shown
    # Sydney opens at eight on Monday: at nine in the evening of Sunday by UTC
    found = json.loads(run("rules", "simulate", "--arrivals", str(file), "--reopens", "0", "--json")[1])
    assert (found["unroutable"], found["waits"]["longest_s"]) == (1, 33 * 3600)
    assert [each["how"] for each in found["placed"]] == ["relaxed"]


def test_a_site_to_look_at_is_made_by_init(run: Run, tmp_path: Path) -> None:
    """And it says so where two are asked for."""
    assert run("init", str(tmp_path / "sun"), "--example", "follow-the-sun")[0] == 0
    assert (tmp_path / "sun" / "rules" / "40-routing.yaml").is_file()
    assert run("init", str(tmp_path / "two"), "--demo", "--example", "demo")[0] == 2
