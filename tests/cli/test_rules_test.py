"""`gateway rules test`: what it prints, what it writes, and what it ends with."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree.ElementTree import parse

import pytest

from tests.cli.conftest import Run

CASES = """\
cases:
  - name: an outage is an incident
    given: {ticket: {source: acme-zendesk, title: Outage}}
    expect: {kind: incident}
  - name: an invoice "<&>" goes nowhere
    given: {ticket: {source: acme-zendesk, title: invoice}}
    expect: {issue: access, sync: {created: []}}
"""
ONE = """\
cases:
  - name: one
    given: {ticket: {source: acme-zendesk}}
    expect: {kind: other}
"""


@pytest.fixture
def cases(folder: Path) -> Path:
    """Return the file of cases of the site, the one that is delivered taken away."""
    (folder / "rules" / "demo.cases.yaml").unlink()
    return folder / "rules" / "a.cases.yaml"


def test_what_is_delivered_passes(run: Run) -> None:
    """Without a record, a secret or a desk; every rule is touched."""
    code, shown, _ = run("rules", "test", "--coverage")
    assert code == 0
    assert "4 cases: 4 passed, 0 failed" in shown
    assert "12 of 12 rules match in a case" in shown


def test_a_failure_says_what_was_expected_and_why_not(run: Run, cases: Path) -> None:
    """With the places of the expectations, and the lines of the trace that matter."""
    cases.write_text(CASES, encoding="utf-8")
    code, shown, _ = run("rules", "test")
    assert code == 1
    lines = [line.strip() for line in shown.splitlines()]
    assert "ok    rules/a.cases.yaml:2:11  an outage is an incident" in lines
    assert 'FAIL  rules/a.cases.yaml:5:11  an invoice "<&>" goes nowhere' in lines
    at = lines.index("issue  (rules/a.cases.yaml:7:21)")
    assert lines[at + 1 : at + 4] == [
        "expected  access",
        "got       billing",
        "why       classify: billing: matched: kind = question; issue = billing",
    ]
    assert "expected  null" in lines
    assert "got       [engineering-rt]" in lines
    assert lines[-1] == "2 cases: 1 passed, 1 failed"


def test_some_can_be_chosen(run: Run, cases: Path, tmp_path: Path) -> None:
    """By words of their names, by their file, also by one outside the site."""
    cases.write_text(CASES, encoding="utf-8")
    assert run("rules", "test", "-k", "OUTAGE is")[0] == 0
    code, _, said = run("rules", "test", "-k", "nothing like it")
    assert (code, "no case has" in said) == (2, True)
    elsewhere = tmp_path / "mine.cases.yaml"
    elsewhere.write_text(ONE, encoding="utf-8")
    code, shown, _ = run("rules", "test", str(elsewhere))
    assert (code, "1 case: 1 passed, 0 failed" in shown) == (0, True)
    assert "2 cases" in run("rules", "test", str(cases))[1]


def test_files_that_cannot_be_used_end_with_2(run: Run, cases: Path, folder: Path) -> None:
    """A case with an error, a step that cannot happen, no case at all, rules with an error."""
    cases.write_text(CASES.replace("title: Outage", "titel: Outage"), encoding="utf-8")
    code, _, said = run("rules", "test")
    assert (code, "rules/a.cases.yaml:3:44: error[unknown-key]" in said) == (2, True), said
    cases.write_text(CASES.replace("title: Outage", "source: zen").replace("source: acme-zendesk, source", "source"))
    code, _, said = run("rules", "test")
    assert (code, "error[unknown-value]: there is no connection 'zen'" in said) == (2, True), said
    code, shown, _ = run("check")
    assert (code, "error[unknown-value]: there is no connection 'zen'" in shown) == (1, True)
    step = "then: [{after: 1h, connection: engineering-rt, status: open}]"
    cases.write_text(CASES.replace("title: invoice}", f"title: hello}}, {step}"), encoding="utf-8")
    code, shown, _ = run("rules", "test")
    assert (code, "the ticket does not live in 'engineering-rt' at this step" in shown) == (2, True)
    assert "1 passed" in shown
    cases.unlink()
    code, _, said = run("rules", "test")
    assert (code, "there is no case in rules/" in said) == (2, True)
    (folder / "rules" / "b.yaml").write_text("classify: [{name: a, when: {knd: incident}, set: {kind: task}}]")
    code, _, said = run("rules", "test", "--json")
    assert code == 2


def test_junit(run: Run, cases: Path, tmp_path: Path) -> None:
    """A suite a file, a failure with its lines; nothing breaks the XML."""
    cases.write_text(CASES, encoding="utf-8")
    (cases.parent / "b.cases.yaml").write_text(ONE.replace("name: one", 'name: "w\\ax"'), encoding="utf-8")
    written = tmp_path / "junit.xml"
    assert run("rules", "test", "--junit", str(written))[0] == 1
    root = parse(written).getroot()
    assert root is not None
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "3", "failures": "1", "errors": "0", "skipped": "0",
    }  # fmt: skip
    assert [suite.get("name") for suite in root] == ["rules/a.cases.yaml", "rules/b.cases.yaml"]
    failure = root.find(".//failure")
    assert failure is not None
    assert failure.get("message") == "issue: expected access, got billing"
    assert "created: " not in (failure.text or "").splitlines()[0]
    code, _, said = run("rules", "test", "--junit", str(tmp_path / "no" / "junit.xml"))
    assert (code, "cannot be written" in said) == (2, True)


def test_json(run: Run, cases: Path) -> None:
    """Everything that the text says, and the coverage where it is asked for."""
    cases.write_text(CASES, encoding="utf-8")
    code, shown, _ = run("rules", "test", "--json", "--coverage")
    assert code == 1
    found = json.loads(shown)
    assert (found["passed"], found["failed"], found["pending"], found["broken"]) == (1, 1, 0, 0)
    assert [case["outcome"] for case in found["cases"]] == ["passed", "failed"]
    assert found["cases"][1]["differences"][0]["at"] == "rules/a.cases.yaml:7:21"
    classify = found["coverage"][0]
    assert (classify["phase"], classify["rules"], classify["touched"]) == ("classify", 4, 2)
    assert classify["untouched"][0] == {"name": "implementation-request", "at": "rules/10-classify.yaml:11:11"}
