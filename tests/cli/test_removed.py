"""A connection that was taken out of gateway.yaml while updates wait for it: told wherever a person looks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.bootstrap import Gateway
from gateway.domain.update import Operation, UpdateState
from gateway.flow.desks import LiveSite
from gateway.web.console.snapshot import desks
from tests.cli.conftest import Run
from tests.records import Recorder


@pytest.fixture
def without_rt(folder: Path, gateway: Gateway, recorder: Recorder) -> Gateway:
    """Let two updates wait for RT, then take the connection out of the site."""
    ticket, lane = recorder.ticket("t", number=5)
    for number in range(2):
        recorder.update(
            ticket, lane, UpdateState.READY, operation=Operation.PUBLIC_REPLY, summary=f"a reply that waits {number}"
        )
    yaml = folder / "gateway.yaml"
    text = yaml.read_text(encoding="utf-8")
    head, _, rest = text.partition("  engineering-rt:\n")
    kept = [line for line in rest.splitlines(keepends=True) if not line.startswith("    ")]
    yaml.write_text(head + "".join(kept), encoding="utf-8")
    (folder / "rules" / "50-sync.yaml").unlink()
    gateway.activate_folder(author="tests")
    gateway._looked_at = 0.0
    return gateway


def test_every_look_at_the_site_says_what_waits_and_what_to_do(run: Run, without_rt: Gateway) -> None:
    """check, status and connections list name the connection, how many updates wait, and what comes next."""
    assert without_rt.site().connectors.keys() == {"acme-zendesk"}
    said = "the connection 'engineering-rt' is not in gateway.yaml any more, and 2 updates wait for it"
    code, shown, _ = run("check")
    assert code == 0
    assert said in shown
    assert "name it again as it was, and they go on" in shown
    assert run("check", "--strict")[0] == 1
    _, shown, _ = run("status")
    assert said in shown
    assert json.loads(run("status", "--json")[1])["removed_connections"] == {"engineering-rt": 2}
    code, shown, _ = run("connections", "list", "--json")
    assert code == 0
    assert [(each["name"], each["state"]) for each in json.loads(shown)] == [
        ("acme-zendesk", "ok"),
        ("engineering-rt", "removed"),
    ]


def test_the_page_says_it_too(without_rt: Gateway) -> None:
    """The connection stands among the desks as gone, with what waits for it."""
    site: LiveSite = without_rt.site()
    with without_rt.store.read() as tx:
        found = desks(site, tx.desks.all(), without_rt.clock.now(), tx.view.waiting())
    assert [(each.name, each.state) for each in found] == [("acme-zendesk", "ok"), ("engineering-rt", "gone")]
    assert "2 updates wait for it, to go on when it is back in gateway.yaml under this name" in found[1].detail


def test_a_site_that_names_all_it_writes_to_says_nothing(run: Run, recorder: Recorder) -> None:
    """Updates that wait for a connection of the site are no complaint."""
    ticket, lane = recorder.ticket("t", number=5)
    recorder.update(ticket, lane, UpdateState.READY)
    assert "any more" not in run("check")[1]
    assert "removed_connections" not in run("status", "--json")[1]
