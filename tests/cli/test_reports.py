"""`gateway reports sla`, as a person and a program meet it."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.bootstrap import Gateway
from gateway.cli.report_text import COLUMNS
from gateway.domain.clock_log import EntryKind
from gateway.store.unit import SqlTx
from tests.cli.conftest import Run
from tests.store.lives import RULES, fill
from tests.terminal import at_terminal

UNTIL = datetime(2026, 6, 1, 12, tzinfo=UTC)
SPRING = ("--from", "2026-03", "--to", "2026-05-31")


@pytest.fixture
def folder(folder: Path) -> Path:
    """Give the site policies."""
    (folder / "rules" / "90-sla.yaml").write_text(RULES, encoding="utf-8")
    return folder


@pytest.fixture
def lived(gateway: Gateway) -> Gateway:
    """Let some tickets live that spring."""
    fill(gateway.store, gateway.site().rules, 60, until=UNTIL, now=UNTIL)
    return gateway


def called(gateway: Gateway, client: str) -> None:
    """Let the clients of all tickets have another name."""

    def work(tx: SqlTx) -> None:
        for name in list(tx.reporting.tickets(UNTIL - timedelta(days=91), UNTIL, UNTIL)):
            for entry in tx.clocks.log(name):
                if entry.kind is EntryKind.CONTEXT:
                    known = entry.context | {"client": client}
                    tx.clocks.add(name, [msgspec.structs.replace(entry, id=gateway.ids.new(), context=known)])

    gateway.store.write(work)


@pytest.mark.usefixtures("lived")
def test_a_report_is_written_for_a_person(run: Run) -> None:
    """The period in full, what was kept beside the goal and the alarm line, and what to look at first."""
    code, shown, said = run("reports", "sla", *SPRING, "--by", "owner", "--zone", "Europe/Prague")
    assert (code, said) == (0, "")
    lines = shown.splitlines()
    assert lines[0] == "SLA report, 2026-03-01 00:00 to 2026-06-01 00:00 Europe/Prague, revision 1"
    assert lines[1].startswith("As heard of by ")
    assert any(line.startswith("Kept ") and "(goal 90 %, alarm below 85 %)" in line for line in lines)
    for title in ("Look at first", "Promises", "Work", "Metrics", "What was attained", "Time in a status"):
        assert title in lines
    (head,) = [line for line in lines if line.startswith("OWNER") and "FIRST RESPONSE" in line]
    assert head.split()[:5] == ["OWNER", "KEPT", "OF", "SHARE", "GOAL"]
    assert any("Ada Rask" in line for line in lines)
    assert any(word in shown for word in ("goal reached", "below goal", "ALARM"))
    (slow,) = [line for line in lines if line.startswith("testing") and line.endswith("slowest")]
    assert " 100 %" in slow


@pytest.mark.usefixtures("lived")
def test_a_report_is_data_for_a_program(run: Run) -> None:
    """The same figures, exact: counts, whole seconds, a rate that is null where there is none."""
    code, shown, _ = run("reports", "sla", *SPRING, "--json")
    assert code == 0
    found = json.loads(shown)
    assert (found["from"], found["to"], found["zone"]) == ("2026-03-01T00:00:00Z", "2026-06-01T00:00:00Z", "UTC")
    assert (found["goal_percent"], found["alarm_percent"], found["revision"], found["by"]) == (90, 85, 1, "priority")
    total = found["total"]
    assert total["compliance_rate"] == total["met"] / (total["met"] + total["breached"])
    assert sum(each["met"] for each in found["slices"]) == total["met"]
    assert sum(each["breached"] for each in found["targets"]) == total["breached"]
    assert [each["name"] for each in found["slices"]] == ["P1", "P2", "P3", "P4"]
    assert all(each["says"].startswith(f"{each['priority']} ") for each in found["targets"])
    assert total["escalation_rate"] == 0


@pytest.mark.usefixtures("lived")
def test_a_report_of_one_policy(run: Run) -> None:
    """Its promises alone: those of all policies add up to the whole; the head says so; a wrong name gets others."""

    def asked(*words: str) -> dict[str, Any]:
        code, shown, _ = run("reports", "sla", *SPRING, "--json", *words)
        assert code == 0
        found: dict[str, Any] = json.loads(shown)
        return found

    whole = asked("--by", "policy")
    names = {each["policy"] for each in whole["targets"]}
    assert len(names) > 1
    parts = {name: asked("--policy", name) for name in names}
    for figure in ("met", "breached", "canceled", "escalated"):
        assert sum(each["total"][figure] for each in parts.values()) == whole["total"][figure], figure
    for name, part in parts.items():
        assert part["policy"] == name
        assert {each["policy"] for each in part["targets"]} == {name}
        assert {each["policy"] for each in part["overdue_first"]} <= {name}
        assert 0 < part["tickets"] < whole["tickets"]
    name = min(names)
    assert (
        f"Only promises of the policy {name}, and tickets that had one."
        in run("reports", "sla", *SPRING, "--policy", name)[1]
    )
    code, shown, said = run("reports", "sla", *SPRING, "--policy", "gold")
    assert (code, shown, "no policy is named 'gold'; there are: " in said) == (3, "", True)
    assert all(each in said for each in names)


def test_a_report_is_a_sheet(run: Run, lived: Gateway) -> None:
    """Each part has its lines; every line has every column; what a stranger wrote is no formula."""
    called(lived, '=HYPERLINK("x")\x1b[31m')
    code, shown, _ = run("reports", "sla", *SPRING, "--by", "client", "--csv")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(shown)))
    assert tuple(rows[0]) == COLUMNS
    sections = [row["section"] for row in rows]
    assert {"total", "slice", "metric", "target", "status", "stage", "day"} == set(sections)
    (total,) = [row for row in rows if row["section"] == "total"]
    assert int(total["met"]) == sum(int(row["met"]) for row in rows if row["section"] == "slice")
    assert '\'=HYPERLINK("x")\ufffd[31m' in {row["name"] for row in rows}
    assert "\x1b" not in shown


@pytest.mark.usefixtures("lived")
def test_the_page_is_written_whole_or_not_at_all(run: Run, tmp_path: Path) -> None:
    """Beside the table; again over the one of before; where it cannot be, that is said before anything is read."""
    file = tmp_path / "june.html"
    for _ in range(2):
        code, shown, said = run("reports", "sla", *SPRING, "--html", str(file))
        assert (code, said) == (0, f"The page is {file}\n")
        assert "Kept " in shown
    assert file.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [each.name for each in tmp_path.iterdir() if "june" in each.name] == ["june.html"]
    code, shown, said = run("reports", "sla", *SPRING, "--html", str(tmp_path / "nowhere" / "june.html"))
    assert (code, shown) == (2, "")
    assert "cannot be written: there is no folder" in said


@pytest.mark.usefixtures("lived")
def test_an_empty_period_says_so(run: Run) -> None:
    """No failure, no number that is made up, and a page that says the same."""
    old = ("--from", "2020-01-01", "--to", "2020-01-31")
    code, shown, _ = run("reports", "sla", *old)
    assert code == 0
    assert "there is nothing to report" in shown
    found = json.loads(run("reports", "sla", *old, "--json")[1])
    assert (found["total"]["compliance_rate"], found["total"]["met"], found["slices"]) == (None, 0, [])
    code, shown, _ = run("reports", "sla", *old, "--csv")
    assert (code, len(shown.splitlines())) == (0, 2)


def test_without_options_it_tells_of_the_last_thirty_days(run: Run, gateway: Gateway) -> None:
    """Until now, so that the period is not over."""
    fill(gateway.store, gateway.site().rules, 20, until=gateway.clock.now(), now=gateway.clock.now())
    code, shown, _ = run("reports", "sla", "--json")
    found = json.loads(shown)
    begin, end = datetime.fromisoformat(found["from"]), datetime.fromisoformat(found["to"])
    assert (code, end - begin) == (0, timedelta(days=30))
    assert gateway.clock.now() - end < timedelta(minutes=1)
    assert found["total"]["met"]
    today = f"{gateway.clock.now():%Y-%m-%d}"
    assert run("reports", "sla", "--as-known-at", today)[0] == 0
    later = f"{gateway.clock.now() + timedelta(days=3):%Y-%m-%d}"
    code, shown, _ = run("reports", "sla", "--to", later)
    assert (code, "The period is not over" in shown) == (0, True)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--from", "2026-05-02", "--to", "2026-05-01"), "--from is not before --to: 2026-05-02 00:00 and 2026-05-02"),
        (("--from", "2026-13-01"), "'2026-13-01' is no time: write a day"),
        (("--from", "yesterday"), "write a day (2026-03-31), a month (2026-03), or a time with its zone"),
        (("--from", "2026-05-01T10:00"), "does not say its zone"),
        (("--by", "mood"), "'mood' is not one of 'policy', 'priority', 'team'"),
        (("--zone", "Mars/Olympus"), "'Mars/Olympus' is no time zone"),
        (("--goal", "120"), "'120' is no share"),
        (("--goal", "80"), "--alarm is above --goal"),
        (("--json", "--csv"), "--csv and --json exclude each other"),
        (("--as-known-at", "2999-01-01"), "--as-known-at lies ahead"),
        (("--from", "2026-05-01", "--as-known-at", "2026-04-01"), "--as-known-at is not after --from"),
    ],
)
@pytest.mark.usefixtures("gateway")
def test_what_cannot_be_asked_is_refused_in_one_line(run: Run, words: tuple[str, ...], why: str) -> None:
    """Wrong usage ends with 2, and says what to write."""
    code, shown, said = run("reports", "sla", *words)
    assert (code, shown) == (2, "")
    assert why in said


@pytest.mark.usefixtures("gateway")
def test_days_are_those_of_the_zone(run: Run) -> None:
    """The last day counts whole, also where it has 23 hours, and where a day begins late."""
    given = ("--from", "2026-03-29", "--to", "2026-03-29", "--json")
    found = json.loads(run("reports", "sla", *given, "--zone", "Europe/Prague")[1])
    assert (found["from"], found["to"]) == ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")
    found = json.loads(run("reports", "sla", "--from", "2026-03", "--to", "2026-03", "--json")[1])
    assert (found["from"], found["to"]) == ("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z")
    found = json.loads(run("reports", "sla", *given[:1], "2026-03-29T10:00+02:00", "--to", "2026-03-30", "--json")[1])
    assert found["from"] == "2026-03-29T08:00:00Z"


@pytest.mark.usefixtures("lived")
def test_few_slices_are_listed_where_few_are_asked_for(run: Run) -> None:
    """What is left out is counted, and is in the total all the same."""
    code, shown, said = run("reports", "sla", *SPRING, "--by", "client", "--limit", "2")
    assert (code, said) == (0, "and 6 more: --limit shows them\n")
    assert len(json.loads(run("reports", "sla", *SPRING, "--by", "client", "--limit", "2", "--json")[1])["slices"]) == 2
    assert shown.count("Acme") + shown.count("Globex") <= 8


def test_an_observing_gateway_says_so(run: Run, folder: Path, gateway: Gateway) -> None:
    """In a report, too: nothing was written."""
    file = folder / "gateway.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("mode: live", "mode: observe"), encoding="utf-8")
    gateway.activate_folder(author="tests")
    code, shown, _ = run("reports", "sla")
    assert (code, "The gateway only observes" in shown) == (0, True)


@pytest.mark.usefixtures("lived")
def test_a_terminal_shows_how_far_it_is(folder: Path) -> None:
    """A bar while tickets are read, then the report; lines that are too long are stacked."""
    seen = at_terminal(folder, ("reports", "sla", *SPRING), columns=70)
    assert seen.code == 0
    assert "reading" in seen.screen
    assert "100%" in seen.screen
    assert "FIRST RESPONSE" in seen.screen
