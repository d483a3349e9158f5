from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from gateway.bootstrap import Gateway
from gateway.domain.event import RemoteTicket
from gateway.domain.ticket import Category, Status
from gateway.ports import NewDelivery
from tests.cli.conftest import Run

ZENDESK = "acme-zendesk"


@pytest.fixture
def past(gateway: Gateway) -> Gateway:
    """Let three tickets come in and change, decided by the rules of the site."""
    now = gateway.clock.now()
    titles = ("Our email is down", "An invoice", "A question")
    for number, title in enumerate(titles, 1):
        first = RemoteTicket(str(number), now, version=1, title=title, created_at=now, complete=True)
        told(gateway, first)
        told(gateway, msgspec.structs.replace(first, version=2, title=f"{title}, again", status=Status(Category.OPEN)))
    return gateway


def told(gateway: Gateway, remote: RemoteTicket) -> None:
    """Let a ticket be polled and applied."""
    row = NewDelivery(
        gateway.ids.new(), ZENDESK, f"{remote.remote_id}:{remote.version}", remote.remote_id, gateway.clock.now(), {},
        msgspec.json.encode(remote), "t" * 32, "poll",
    )  # fmt: skip
    gateway.store.write(lambda tx: tx.inbox.add([row]))
    assert gateway.applier().drain(holder="test", seconds=5) == 1


def test_the_rules_that_decided_would_change_nothing(run: Run, past: Gateway) -> None:
    """Identity, through the database: the folder is what is active."""
    del past
    code, shown, said = run("rules", "simulate", "--against", "last-1d", "--exit-code")
    assert (code, shown, said) == (0, "0 of 3 tickets would differ (6 decisions).\n", "")
    assert json.loads(run("rules", "simulate", "--release", "1", "--json")[1])["differing"] == 0


def test_other_rules_are_told_with_the_tickets_behind_each_number(
    run: Run, folder: Path, past: Gateway, tmp_path: Path
) -> None:
    """From the folder, from a folder of rules beside it, and from an exported file, all the same."""
    del past
    rules = folder / "rules" / "10-classify.yaml"
    rules.write_text(rules.read_text(encoding="utf-8").replace("priority: P1", "priority: P2"), encoding="utf-8")
    details = tmp_path / "details.jsonl"
    code, shown, _ = run("rules", "simulate", "--exit-code", "--details", str(details))
    assert code == 1
    assert "1 of 3 tickets would differ (6 decisions)." in shown
    assert "       1  priority: P1 → P2" in shown
    assert "Our email is down" in shown
    assert [json.loads(line)["title"] for line in details.read_text(encoding="utf-8").splitlines()] == [
        "Our email is down, again"
    ]
    told_once = json.loads(run("rules", "simulate", "--json")[1])
    other = tmp_path / "other"
    (folder / "rules").rename(other)
    assert json.loads(run("rules", "simulate", "--rules", str(other), "--json")[1]) == told_once
    other.rename(folder / "rules")
    file = tmp_path / "history.jsonl"
    code, shown, _ = run("rules", "export-history", str(file))
    assert (code, shown) == (0, f"3 tickets written to {file}\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert run("rules", "export-history", str(file))[0] == 1
    assert json.loads(run("rules", "simulate", "--against", str(file), "--json")[1]) == told_once
    with file.open("a", encoding="utf-8") as more:
        more.write("no json\n")
    code, _, said = run("rules", "simulate", "--against", str(file))
    assert code == 2
    assert f"{file}:4: this is no line of an exported history" in said
    assert run("rules", "simulate", "--against", "yesterday")[0] == 2


def test_what_was_redacted_is_counted_and_left_out(run: Run, past: Gateway) -> None:
    """The numbers say what they do not cover."""
    with past.store.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE audit SET inputs_sealed = NULL WHERE ticket_id = (SELECT min(ticket_id) FROM audit"
            " WHERE action = 'decided')"
        )
    code, shown, said = run("rules", "simulate")
    assert code == 0
    assert shown == "0 of 2 tickets would differ (4 decisions).\n"
    assert "1 left out: what its decisions were made from has been redacted" in said


def test_nothing_is_sent_and_nothing_is_stored(run: Run, folder: Path, past: Gateway) -> None:
    """The record is the same before and after."""
    (folder / "rules" / "90-all.yaml").write_text("classify:\n  - {name: all, set: {kind: incident}}\n")

    def record() -> list[object]:
        with past.store.engine.connect() as connection:
            return [
                connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
                for table in ("tickets", "updates", "links", "audit", "events")
            ]

    before = record()
    assert "1 of 3 tickets would differ" in run("rules", "simulate")[1]
    assert record() == before


MEMORY = """
import resource, sys
from rules.simulate import Report, simulate
from gateway.cli.rules.past import exported
from pathlib import Path
from rules.decide import RuleSet
report = Report()
for _, history in exported(Path(sys.argv[1])):
    report.add(simulate(history, RuleSet()))
print(report.decisions, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_history(run: Run, past: Gateway, tmp_path: Path) -> None:
    """Twenty times as many tickets take hardly more: it goes ticket by ticket."""
    del past
    small, large = tmp_path / "small.jsonl", tmp_path / "large.jsonl"
    assert run("rules", "export-history", str(small))[0] == 0
    text = small.read_bytes()
    small.write_bytes(text * 20)
    large.write_bytes(text * 1000)
    peaks = []
    for file, decisions in ((small, 120), (large, 6000)):
        done = subprocess.run([sys.executable, "-c", MEMORY, str(file)], capture_output=True, text=True, check=True)
        number, peak = map(int, done.stdout.split())
        assert number == decisions
        peaks.append(peak)
    assert peaks[1] < peaks[0] * 1.2


ROUTES = """
people: {lena: {email: lena@acme.example}, otto: {email: otto@acme.example}}
teams: {desk: {calendar: desk, region: emea}}
agents: [{person: lena, team: desk, skills: {mail: 2}}]
follow_the_sun: [emea]
on_call: {rota: [{person: otto, calendar: desk}]}
routes:
  - {name: mail, when: {kind: incident}, start_in: emea, needs: {skills: {mail: 2}}}
  - {name: rest, needs: {team: desk}}
"""


def test_where_tickets_would_go_is_told(run: Run, folder: Path, gateway: Gateway, tmp_path: Path) -> None:
    """What needs more than anybody knows, and is due in minutes, goes to whoever is on call: that one ticket."""
    routes = folder / "rules" / "60-routes.yaml"
    routes.write_text(ROUTES, encoding="utf-8")
    gateway.activate_folder(author="tests")
    now = gateway.clock.now()
    for number, title in enumerate(("Our email is down", "An invoice"), 1):
        first = RemoteTicket(str(number), now, version=1, title=title, created_at=now, complete=True)
        told(gateway, first)
        told(gateway, msgspec.structs.replace(first, version=2, title=f"{title}, again", status=Status(Category.OPEN)))
    assert run("rules", "simulate", "--exit-code")[1] == "0 of 2 tickets would differ (4 decisions).\n"
    routes.write_text(ROUTES.replace("needs: {skills: {mail: 2}}", "needs: {skills: {mail: 3}}"), encoding="utf-8")
    _, shown, _ = run("rules", "simulate")
    assert "1 of 2 tickets would differ" in shown
    assert "Routes: who has a ticket in the end, where nobody has anything else in hand\n" in shown
    for line in ("outcome: assigned → on call", "team: desk → none", "person: lena → otto"):
        assert f"       1  {line}\n" in shown
    assert "Our email is down, again" in shown
    told_once = json.loads(run("rules", "simulate", "--json")[1])
    file = tmp_path / "history.jsonl"
    assert run("rules", "export-history", str(file))[0] == 0
    assert json.loads(run("rules", "simulate", "--against", str(file), "--json")[1]) == told_once
