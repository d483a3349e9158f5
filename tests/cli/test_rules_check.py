"""`gateway rules check`: for a person, for a program, and for the page of a pull request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.cli.rules.check import annotation
from rules import Problem, Severity
from tests.cli.conftest import Run

POLICIES = """\
sla:
  - name: incidents
    when: {kind: incident}
    targets: {first_response: {P1: 15m, default: 1h}, resolution: {P1: 4h, default: 1d}}
    pause_when: {status: pending_customer}
  - name: rest
    targets: {first_response: 4h}
"""


def test_nothing_is_wrong_and_the_policies_are_shown(run: Run, folder: Path) -> None:
    """Which clocks start, stop and pause when; without them when asked."""
    (folder / "rules" / "30-sla.yaml").write_text(POLICIES)
    code, shown, _ = run("rules", "check")
    assert code == 0
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert lines[0] == "Nothing is wrong in 5 files."
    assert "policy incidents (rules/30-sla.yaml:2) for kind: incident" in lines
    assert "METRIC TARGET STARTS STOPS PAUSES WHILE" in lines
    assert "first_response P1 15m, else 1h the ticket is created first public reply of a person never" in lines
    assert "resolution P1 4h, else 1d the ticket is created solved status: pending_customer" in lines
    assert "policy rest (rules/30-sla.yaml:6) for every ticket that is left" in lines
    assert run("rules", "check", "--no-policies") == (0, "Nothing is wrong in 5 files.\n", "")


def test_a_warning_fails_only_when_that_is_asked_for(run: Run, folder: Path) -> None:
    """And both commands say the same of the files."""
    (folder / "rules" / "30-sla.yaml").write_text(POLICIES.replace("P1: 15m, default: 1h", "P1: 2h, default: 1h"))
    code, shown, _ = run("rules", "check", "--no-policies")
    assert code == 0
    assert "rules/30-sla.yaml:4:36: warning[target-not-rising]: " in shown
    assert run("check") == (0, shown, "")
    assert run("rules", "check", "--strict")[0] == 1
    assert run("check", "--strict")[0] == 1
    (folder / "rules" / "30-sla.yaml").write_text(POLICIES + "    calendar: office\n")
    code, shown, _ = run("rules", "check")
    assert (code, "error[unknown-calendar]" in shown, "policy rest" in shown) == (1, True, False)


def test_a_program_reads_problems_policies_and_pages(run: Run, folder: Path) -> None:
    """The same with --json and with --format json."""
    (folder / "rules" / "30-sla.yaml").write_text(POLICIES.replace("P1: 15m, default: 1h", "P1: 2h, default: 1h"))
    code, shown, _ = run("rules", "check", "--json")
    assert run("rules", "check", "--format", "json") == (code, shown, "")
    found = json.loads(shown)
    assert (code, found["ok"], found["errors"], found["warnings"]) == (0, True, 0, 1)
    (problem,) = found["problems"]
    assert (problem["code"], problem["docs"]) == ("target-not-rising", "docs/rules/lint.md#target-not-rising")
    assert [policy["name"] for policy in found["policies"]] == ["incidents", "rest"]
    assert found["policies"][0]["clocks"][1]["pauses"] == "status: pending_customer"
    assert json.loads(run("rules", "check", "--strict", "--json")[1])["ok"] is False


def test_a_pull_request_shows_each_problem_beside_its_line(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is named from where the workflow runs, wherever in the repository the site is."""
    (folder / "rules" / "30-sla.yaml").write_text(POLICIES.replace("P1: 15m, default: 1h", "P1: 2h, default: 1h"))
    monkeypatch.chdir(folder.parent)
    code, shown, _ = run("rules", "check", "--format", "github")
    assert code == 0
    assert shown.startswith(
        f"::warning file={folder.name}/rules/30-sla.yaml,line=4,col=36,title=target-not-rising::first_response of a P1 "
    )
    assert shown.count("\n") == 1
    (folder / "rules" / "30-sla.yaml").write_bytes(b"sla: \xff")
    code, shown, _ = run("rules", "check", "--format", "github")
    place = f"file={folder.name}/rules/30-sla.yaml,line=1,col=6,title=yaml-syntax"
    assert (code, shown) == (1, f"::error {place}::this is not UTF-8; save the file as UTF-8\n")
    assert json.loads(run("rules", "check", "--json")[1])["ok"] is False


def test_what_means_something_to_a_workflow_is_escaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new line would end the command and begin another."""
    monkeypatch.chdir(tmp_path)
    odd = Problem("a,b:c%.yaml", 3, 4, "some-code", Severity.ERROR, "50%\r\n::error::x", "a, b: c")
    assert annotation(odd, tmp_path) == (
        "::error file=a%2Cb%3Ac%25.yaml,line=3,col=4,title=some-code::50%25%0D%0A::error::x; a, b: c"
    )


def test_without_a_site_it_ends_with_two(tmp_path: Path) -> None:
    """As every command does."""
    result = CliRunner().invoke(main, ["--site", str(tmp_path), "rules", "check"])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def test_a_file_that_cannot_be_read_is_a_problem_with_its_place(run: Run, folder: Path) -> None:
    """For a person, a program and a pull request, as any other; nothing else is said, for it would follow."""
    (folder / "rules" / "big.yaml").write_text("# " + "x" * 1024 * 1024)
    told = "rules/big.yaml:1:1: error[yaml-size]: the file has more than 1,048,576 bytes; split it into several files"
    code, shown, _ = run("rules", "check")
    assert (code, shown.splitlines()[0]) == (1, told)
    assert [line.strip() for line in shown.splitlines()[1:]] == [f"1 | # {'x' * 158}", "| ^"]
    for words in (("rules", "check", "--json"), ("check", "--json")):
        document = json.loads(run(*words)[1])
        (problem,) = document["problems"]
        assert (document["ok"], problem["code"], problem["line"], problem["file"]) == (
            False, "yaml-size", 1, "rules/big.yaml",
        )  # fmt: skip
    assert "title=yaml-size::the file has more" in run("rules", "check", "--format", "github")[1]


def test_of_very_many_wrong_cases_the_first_hundred_are_shown(run: Run, folder: Path) -> None:
    """Nobody reads more."""
    case = "  - {name: a, given: {ticket: {source: acme-zendesk}}, expect: {kind: incident}}\n"
    (folder / "rules" / "many.cases.yaml").write_text("cases:\n" + case * 300)
    problems = json.loads(run("rules", "check", "--json")[1])["problems"]
    assert len(problems) == 101
    assert problems[-1]["code"] == "too-many-problems"
    assert run("rules", "test")[0] == 2
