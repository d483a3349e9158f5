"""`gateway rules explain`: a stored ticket by the rules of its time or by others, and a ticket that need not exist."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from gateway.bootstrap import Gateway
from gateway.cli import main
from gateway.domain.event import RemoteTicket
from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Priority
from tests.cli.conftest import Run
from tests.cli.test_why import told


@pytest.fixture
def ticket(gateway: Gateway) -> str:
    """Store ticket 41, decided twice: a premium client's outage."""
    now = gateway.clock.now()
    remote = RemoteTicket("41", now, version=1, title="An invoice", body="Email outage", created_at=now, complete=True)
    told(gateway, "first", remote)
    told(gateway, "second", msgspec.structs.replace(remote, version=2, title="An invoice of May"))
    return "41"


def changed(folder: Path, old: str, new: str) -> None:
    """Change the rules of a folder."""
    path = folder / "rules" / "10-classify.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_last_decision_is_explained_phase_by_phase(run: Run, folder: Path, ticket: str) -> None:
    """By the release that made it, whatever the folder says now; every rule is there, with what it saw."""
    changed(folder, "name: outage", "name: breakdown")
    code, shown, _ = run("rules", "explain", ticket)
    assert code == 0
    lines = [line.strip() for line in shown.splitlines()]
    assert lines.index("classify") < lines.index("sync")
    assert any(line.startswith("yes  outage: kind = incident") for line in lines)
    assert "-    premium-customers: nothing that it reads has changed" in lines
    assert any(line.startswith("no   implementation-request: text is not with the words") for line in lines)
    assert any(
        line.startswith("no   implementations-to-rt: the ticket lives in 'engineering-rt' already") for line in lines
    )
    assert "breakdown" not in shown
    assert "gateway tickets why" in shown
    found = json.loads(run("rules", "explain", ticket, "--json")[1])
    assert found["release"] == 1
    assert {line["rule"] for line in found["rules"]} >= {"outage", "billing", "premium-customers"}
    assert len(json.loads(run("tickets", "why", ticket, "--json")[1])) == 2


def test_other_rules_show_what_would_differ(run: Run, folder: Path, ticket: str) -> None:
    """The ticket as it stood, as if it came in anew, by the files of a folder."""
    code, shown, _ = run("rules", "explain", ticket, "--rules", str(folder))
    assert (code, "Nothing differs from release 1." in shown) == (0, True)
    changed(folder, "set: {kind: incident, priority: P1}", "set: {kind: problem, priority: P1}")
    code, shown, _ = run("rules", "explain", ticket, "--rules", str(folder))
    assert code == 0
    assert shown.startswith(f"By the files in {folder}, as if it came in as it stood at ")
    assert "yes  outage: kind = problem; priority = P1" in shown
    at = shown.index("What differs from release 1:")
    assert shown[at:].splitlines()[1:] == ["  kind: incident -> problem", "  policy: incidents -> everything-else"]
    found = json.loads(run("rules", "explain", ticket, "--rules", str(folder / "rules"), "--json")[1])
    assert found["differs"] == [
        {"what": "kind", "before": "incident", "after": "problem"},
        {"what": "policy", "before": "incidents", "after": "everything-else"},
    ]


def test_another_release_can_be_asked(run: Run, folder: Path, gateway: Gateway, ticket: str) -> None:
    """By its number; one that is not there is told."""
    changed(folder, "set: {kind: question, issue: billing}", "set: {issue: money}")
    gateway.activate_folder(author="tests")
    code, shown, _ = run("rules", "explain", ticket, "--release", "2")
    assert code == 0
    assert "  issue: billing -> money" in shown
    code, _, said = run("rules", "explain", ticket, "--release", "7")
    assert (code, "there is no release 7; the last one is 2" in said) == (3, True)
    assert run("rules", "explain", "nothing")[0] == 3


def test_what_a_person_set_stays_where_it_is_decided_anew(run: Run, folder: Path, gateway: Gateway) -> None:
    """A value of a rule is taken off first, one of a person is not."""
    now = gateway.clock.now()
    remote = RemoteTicket("42", now, version=1, title="Outage", created_at=now, complete=True)
    told(gateway, "first", msgspec.structs.replace(remote, priority=Priority()))
    changed(folder, "priority: P1}", "priority: P2}")
    shown = run("rules", "explain", "42", "--rules", str(folder))[1]
    assert "  priority: P1 -> P2" in shown


GIVEN = """\
at: 2026-03-10T09:00+01:00
ticket: {source: acme-zendesk, title: Please set up SSO, priority: P2, language: en}
then:
  - {after: 1h, status: open}
  - {after: 2h, connection: engineering-rt, title: Mine}
  - {after: 3h, connection: engineering-rt, status: odd}
"""


def test_a_ticket_that_need_not_exist(run: Run, tmp_path: Path) -> None:
    """Moment by moment: what rules made of it, what desks are told, what is not taken; no record is needed."""
    file = tmp_path / "ticket.yaml"
    file.write_text(GIVEN, encoding="utf-8")
    code, shown, said = run("rules", "explain", "--given", str(file))
    assert code == 0, said
    assert "2026-03-10 08:00:00  at acme-zendesk  set kind = implementation, stage = pending_approval" in shown
    assert "engineering-rt  create {title: Please set up SSO, " in shown
    assert "engineering-rt  set_fields {status: open}" in shown
    assert "title of engineering-rt is not taken: rule 'implementations-to-rt' does not let" in shown
    assert "status 'odd' of engineering-rt is not in the map" in shown
    assert "the rules were not asked: nothing changed" in shown
    moments = json.loads(run("rules", "explain", "--given", str(file), "--json")[1])
    assert len(moments) == 4
    assert moments[0]["sets"] == {"kind": "implementation", "stage": "pending_approval"}
    assert {line["phase"] for line in moments[0]["trace"]} == {"classify", "sla", "sync"}
    assert moments[0]["clocks"]["resolution"]["now"]["status"] == "in progress"


def test_a_ticket_from_standard_input(folder: Path) -> None:
    """A single ticket is enough."""
    words = ["--site", str(folder), "rules", "explain", "--given", "-"]
    result = CliRunner().invoke(main, words, input="{source: acme-zendesk, title: outage}")
    assert (result.exit_code, "yes  outage: kind = incident" in result.output) == (0, True)


def test_what_cannot_be_asked_says_why(run: Run, tmp_path: Path, folder: Path) -> None:
    """A field that does not exist, a step that cannot happen, neither ticket nor file, a folder without rules."""
    file = tmp_path / "ticket.yaml"
    file.write_text("{source: acme-zendesk, titel: x}", encoding="utf-8")
    code, _, said = run("rules", "explain", "--given", str(file))
    assert (code, f"{file}:1:24: error[unknown-key]" in said) == (2, True)
    file.write_text(GIVEN.replace("set up", "see"), encoding="utf-8")
    code, _, said = run("rules", "explain", "--given", str(file))
    assert code == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run("rules", "explain", "--given", str(file), "--rules", str(empty))[0] == 2
    for words in ((), ("41", "--given", str(file)), ("41", "--rules", str(folder), "--release", "1")):
        assert run("rules", "explain", *words)[0] == 2


def test_what_other_systems_knew_is_told_with_where_it_is_from_and_its_age(
    run: Run, folder: Path, gateway: Gateway
) -> None:
    """As it was when the rules ran; a decision without any says nothing of it."""
    text = (folder / "gateway.yaml").read_text(encoding="utf-8")
    asks = "enrich:\n  from: [{directory: customers.csv, columns: {email: E-Mail, tier: Tier}}]\n"
    (folder / "gateway.yaml").write_text(text + asks, encoding="utf-8")
    (folder / "customers.csv").write_text("E-Mail,Tier\nkim@customer.example,gold\n", encoding="utf-8")
    gateway.activate_folder(author="tests")
    gateway._looked_at = 0.0
    now = gateway.clock.now()
    kim, lee = (RemotePerson(email=f"{name}@customer.example") for name in ("kim", "lee"))
    remote = RemoteTicket("41", now, version=1, title="An invoice", created_at=now, complete=True, requester=kim)
    told(gateway, "first", remote)
    told(gateway, "other", msgspec.structs.replace(remote, remote_id="42", requester=lee))
    shown = [line.strip() for line in run("rules", "explain", "41")[1].splitlines()]
    place = shown.index("what other systems knew")
    assert shown[place + 1].startswith("tier = gold: from customers.csv, ")
    (known,) = json.loads(run("rules", "explain", "41", "--json")[1])["enriched"]
    assert (known["field"], known["value"], known["source"]) == ("tier", "gold", "customers.csv")
    assert 0 <= known["age"] < 60
    assert "what other systems knew" not in run("rules", "explain", "42")[1]
