from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from pathlib import Path

import msgspec
import pytest

from gateway import jobs
from gateway.bootstrap import Gateway, build
from gateway.cli.running import prepare
from gateway.config import Settings, environment
from gateway.domain.event import RemoteTicket
from gateway.errors import ConfigError, OtherReleaseError
from gateway.ports import NewDelivery
from rules.release import HOLIDAYS_FILE
from tests.cli.conftest import Run

ZENDESK = "acme-zendesk"
MARK = "classify:\n  - name: mark\n    set: {{custom.release: {}}}\n"


def mark(folder: Path, word: str) -> None:
    """Let each decision of the folder's rules leave a word on the ticket."""
    (folder / "rules" / "90-mark.yaml").write_text(MARK.format(word), encoding="utf-8")


def told(gateway: Gateway, *numbers: int) -> None:
    """Let tickets be polled."""
    now = gateway.clock.now()
    rows = []
    for number in numbers:
        remote = RemoteTicket(str(number), now, version=1, title="Our email is down", created_at=now, complete=True)
        body = msgspec.json.encode(remote)
        rows.append(NewDelivery(gateway.ids.new(), ZENDESK, f"n{number}", str(number), now, {}, body, "t" * 32, "poll"))
    gateway.store.write(lambda tx: tx.inbox.add(rows))


@pytest.fixture
def host(folder: Path, gateway: Gateway) -> Iterator[Gateway]:
    """Open the site once more, as another process would."""
    del gateway
    environ = {**environment(), "GATEWAY_SITE": str(folder)}
    made = build(Settings.from_env(environ), environ)
    yield made
    made.close()


def test_a_release_is_made_listed_compared_and_taken_back(run: Run, folder: Path, gateway: Gateway) -> None:
    """The way of an admin: change, look, release, regret; and the audit trail says who and why."""
    mark(folder, "two")
    code, shown, _ = run("rules", "diff")
    assert code == 1
    assert "added    classify: mark" in shown
    assert "+    set: {custom.release: two}" in shown
    code, shown, _ = run("rules", "release", "-m", "tickets are marked", "--author", "eva", "--dry-run")
    assert (code, "added    classify: mark" in shown) == (0, True)
    code, shown, _ = run("rules", "release", "-m", "tickets are marked", "--author", "eva")
    assert (code, shown) == (0, "Release 2 is active; before it was release 1.\n")
    assert run("rules", "diff")[:2] == (0, "Nothing differs between release 2 and the folder.\n")
    assert run("rules", "release", "-m", "again")[1] == "Release 2 is the active one already: nothing has changed.\n"
    code, shown, _ = run("rules", "list", "--json")
    assert [(each["number"], each["active"], each["author"], each["message"]) for each in json.loads(shown)] == [
        (2, True, "eva", "tickets are marked"),
        (1, False, "tests", ""),
    ]
    code, shown, _ = run("rules", "diff", "1", "2", "--summary", "--json")
    assert code == 1
    assert json.loads(shown)["differences"] == [{"section": "classify", "name": "mark", "change": "added", "keys": []}]
    assert run("rules", "rollback", "-m", "too much", "--as", "eva")[1] == (
        "Release 1 is active; before it was release 2.\n"
    )
    assert run("rules", "rollback", "-m", "further")[0] == 3
    assert run("rules", "activate", "2", "-m", "after all", "--json")[0] == 0
    assert run("rules", "activate", "7", "-m", "what")[0] == 3
    assert run("rules", "activate", "1")[0] == 2
    assert "differ from the active release" not in run("rules", "list")[2]
    with gateway.store.read() as tx:
        lines = [(each["actor"], each["action"], each["detail"]) for each in tx.view.audit(limit=10)]
    assert ("eva", "release activated", {"release": 2, "before": 1, "why": "tickets are marked"}) in lines
    assert ("eva", "rolled back", {"release": 1, "before": 2, "why": "too much"}) in lines


def test_what_is_not_usable_never_becomes_active(
    run: Run, folder: Path, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a rule that is wrong, nor a release of before whose secret has gone since."""
    mark(folder, "[no, text]")
    code, _, said = run("rules", "release", "-m", "broken")
    assert code == 2
    assert "rules/90-mark.yaml:3:27: error" in said
    mark(folder, "two")
    assert run("rules", "release", "-m", "mended")[0] == 0
    monkeypatch.delenv("DEMO_RT_SECRET")
    for words in (("activate", "1"), ("rollback",)):
        code, _, said = run("rules", *words, "-m", "back")
        assert code == 2
        assert "release 1 cannot be used now, and was not activated" in said
        assert "DEMO_RT_SECRET" in said
    assert run("rules", "release", "-m", "again")[0] == 2
    assert gateway.releasing.active().number == 2  # type: ignore[union-attr]


def test_a_start_runs_the_active_release_and_says_when_the_folder_differs(
    run: Run, folder: Path, gateway: Gateway
) -> None:
    """A rollback outlives a restart, and a folder that is broken does not keep the gateway down."""
    mark(folder, "two")
    environ = {**environment(), "GATEWAY_SITE": str(folder)}
    settings = Settings.from_env(environ)
    assert "release 1 runs, and the files of" in prepare(settings, environ)[0]
    (folder / "rules" / "90-mark.yaml").write_text("classify: [", encoding="utf-8")
    assert "release 1 runs, and the files of" in prepare(settings, environ)[0]
    with pytest.raises(ConfigError):
        prepare(settings, environ, release=True)
    mark(folder, "two")
    assert prepare(settings, environ, release=True) == []
    assert gateway.releasing.active().number == 2  # type: ignore[union-attr]
    assert prepare(settings, environ) == []
    assert run("rules", "rollback", "-m", "regret")[0] == 0
    assert "release 1 runs" in prepare(settings, environ)[0]


OFFICE = """calendars:
  office: {timezone: Europe/Prague, week: {mon-sun: ["09:00-17:00"]}, holidays: {country: CZ}}
  lab: {timezone: Australia/Sydney, week: {mon-sun: ["09:00-17:00"]}, holidays: {country: AU, subdivision: NSW}}
"""


def test_a_release_keeps_the_holidays_of_its_day(run: Run, folder: Path, gateway: Gateway) -> None:
    """What a newer library says changes no release: the difference shows it, and a person releases it."""
    (folder / "rules" / "05-calendars.yaml").write_text(OFFICE, encoding="utf-8")
    assert run("rules", "release", "-m", "calendars")[0] == 0
    first = gateway.releasing.active()
    assert first is not None
    files = gateway.releasing.files(first)
    year = gateway.clock.now().year
    new_year, third = f"{year}-01-01", f"{year}-01-03"
    assert f'"{new_year}"' in files[HOLIDAYS_FILE]
    # as a library of before would have had it
    older = {**files, HOLIDAYS_FILE: files[HOLIDAYS_FILE].replace(f'"{new_year}"', f'"{third}"')}
    gateway.store.write(
        lambda tx: tx.releases.keep("older", older, author="tests", message="", now=gateway.clock.now())
    )
    with gateway.store.read() as tx:
        kept = tx.releases.numbered(first.number + 1)
    assert kept is not None
    for release, closed, opened in ((first, new_year, third), (kept, third, new_year)):
        office = gateway.rules_of(release.id).calendars["office"]
        assert not office.is_open(datetime.fromisoformat(f"{closed}T12:00:00+01:00"))
        assert office.is_open(datetime.fromisoformat(f"{opened}T12:00:00+01:00"))
    code, shown, _ = run("rules", "diff", str(kept.number))
    assert code == 1
    assert f"changed  public holidays: AU NSW, {year} ({third}, {new_year})" in shown
    assert f"changed  public holidays: CZ, {year} ({third}, {new_year})" in shown
    assert f"changed  public holidays: CZ, {year + 1}" not in shown
    assert run("rules", "activate", str(kept.number), "-m", "back")[0] == 0
    environ = {**environment(), "GATEWAY_SITE": str(folder)}
    assert prepare(Settings.from_env(environ), environ) == []
    assert "differ" not in run("rules", "list")[2]
    assert run("rules", "release", "-m", "the days of today")[1].startswith(f"Release {first.number} is active")


def waiting(gateway: Gateway) -> bool:
    """Say whether deliveries wait."""
    with gateway.store.read() as tx:
        return bool(tx.inbox.due(1, gateway.clock.now()))


def test_a_worker_switches_between_two_transactions(folder: Path, gateway: Gateway, host: Gateway) -> None:
    """While releases change under a drain, each event is decided by one of them, the one that its record names."""
    for word in ("one", "two"):
        mark(folder, word)
        gateway.activate_folder(author="tests", message=word)
    told(gateway, *range(1, 241))
    ended = threading.Event()

    def switch() -> None:
        for turn in count():
            if ended.wait(0.2):
                return
            host.releasing.activate(2 + turn % 2, actor="tests", why="to and fro")

    switching = threading.Thread(target=switch)
    switching.start()
    try:
        while waiting(gateway):
            jobs._drain(gateway, lambda seconds: gateway.applier().drain(holder="test", seconds=seconds))
    finally:
        ended.set()
        switching.join(30)
    decided: Counter[str] = Counter()
    with gateway.store.read() as tx:
        numbers = tx.releases.numbers()
        for line in tx.view.audit(limit=10_000):
            if line["action"] == "decided":
                ticket = tx.tickets.get(line["ticket_id"])
                assert ticket is not None
                number = numbers[line["detail"]["release"]]
                assert ticket.custom["release"] == {2: "one", 3: "two"}[number]
                decided[ticket.custom["release"]] += 1
    assert decided.total() == 240
    assert set(decided) == {"one", "two"}


def test_a_drain_of_the_old_release_ends(folder: Path, gateway: Gateway, host: Gateway) -> None:
    """Neither applies nor claims anything more once another release is active."""
    applier, deliverer = gateway.applier(), gateway.deliverer()
    told(gateway, 1)
    assert applier.drain(holder="test", seconds=5) == 1
    mark(folder, "two")
    host.activate_folder(author="tests")
    told(gateway, 2)
    with pytest.raises(OtherReleaseError):
        applier.drain(holder="test", seconds=5)
    with pytest.raises(OtherReleaseError):
        deliverer.drain(holder="test", seconds=5)
    gateway.renewed()
    assert gateway.applier().drain(holder="test", seconds=5) == 1


def test_a_site_that_has_never_run_is_released(run: Run, folder: Path) -> None:
    """Its record begins with the release, as it begins with the first start."""
    assert run("rules", "list") == (
        0,
        "There is no release yet: the first gateway up makes one, or gateway rules release.\n",
        "",
    )
    assert run("rules", "list", "--json")[:2] == (0, "[]\n")
    assert "has no record yet" in run("rules", "diff")[2]
    assert not (folder / ".gateway").exists()
    code, shown, said = run("rules", "release", "-m", "before the first start")
    assert (code, shown, said) == (0, "Release 1 is active.\n", "")
    (made,) = json.loads(run("rules", "list", "--json")[1])
    assert (made["number"], made["active"], made["message"]) == (1, True, "before the first start")
    environ = {**environment(), "GATEWAY_SITE": str(folder)}
    assert prepare(Settings.from_env(environ), environ) == []
    assert len(json.loads(run("rules", "list", "--json")[1])) == 1
