"""A connection that was taken out of gateway.yaml while updates wait for it: told wherever a person looks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.bootstrap import Gateway
from gateway.domain.update import Operation, Reason, UpdateState
from gateway.flow.desks import LiveSite
from gateway.web.console.snapshot import desks
from rules.examples import example
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
    (folder / "rules" / "demo.cases.yaml").unlink()
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


@pytest.fixture
def left_over(recorder: Recorder, without_rt: Gateway) -> tuple[str, str]:
    """Give up an update and a delivery of the connection that is gone, beside the two updates that wait for it."""
    del without_rt
    ticket, lane = recorder.ticket("u", number=6)
    dead = recorder.update(ticket, lane, UpdateState.DEAD, operation=Operation.PUBLIC_REPLY, reason=Reason.REJECTED)
    why = "the connection 'engineering-rt' is not in the active release any more: name it again, then replay"
    parked = recorder.delivery("from-rt", park=(Reason.REMOVED, why))
    with recorder.store.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE deliveries SET connection = 'engineering-rt' WHERE id = '{parked}'")
    recorder.delivery("from-zendesk", park=(Reason.UNREADABLE, "not JSON"))
    return dead, parked


def test_the_list_of_dead_letters_marks_what_is_left_of_it(run: Run, left_over: tuple[str, str]) -> None:
    """What was given up and what merely waits, in the list, in the groups, and by their own filters."""
    dead, parked = left_over
    lines = json.loads(run("dlq", "list", "--json")[1])
    assert len(lines) == 5
    gone = {each["id"] for each in lines if each.get("removed")}
    waiting = [each for each in lines if each["state"] == "waiting"]
    assert gone == {dead, parked, *(each["id"] for each in waiting)}
    assert len(waiting) == 2
    shown = run("dlq", "list")[1]
    assert shown.count("engineering-rt (removed)") == 4
    assert shown.count("it waits for a connection that gateway.yaml names no more") == 2
    groups = json.loads(run("dlq", "list", "--group", "--json")[1])
    assert (groups["total"], sum(each["number"] for each in groups["groups"] if each["removed"])) == (5, 4)
    for words, number in (
        (("--state", "waiting"), 2), (("--reason", "removed"), 3), (("--text", "a reply that waits 1"), 1),
        (("--cause", "it waits"), 2), (("--text", "names no more"), 2), (("--what", "delivery"), 2),
        (("--connection", "engineering-rt"), 4), (("--rule", "engineering"), 3), (("--error-class", "rejected"), 1),
    ):  # fmt: skip
        assert len(json.loads(run("dlq", "list", *words, "--all", "--json")[1])) == number, words


def test_what_is_left_of_it_cannot_be_replayed_and_one_line_says_what_to_do(
    run: Run, left_over: tuple[str, str]
) -> None:
    """Whatever one tries with it; a dry run of many says so, too, and many leave it as it is."""
    dead, parked = left_over
    waits = json.loads(run("dlq", "list", "--state", "waiting", "--json")[1])[0]["id"]
    for words, exit_code in (
        (("replay", dead), 1), (("replay", parked), 1), (("replay", waits), 1), (("replay", waits, "--dry-run"), 1),
        (("replay", parked, "--dry-run"), 1), (("diff", waits), 1), (("edit", waits), 1), (("confirm", waits), 1),
        (("diff", dead), 1),
    ):  # fmt: skip
        code, _, said = run("dlq", *words)
        assert (code, said.count("\n")) == (exit_code, 1), words
        assert "is not in gateway.yaml any more: name it again, gateway rules release, and" in said, words
    for letter, how in ((dead, "then replay"), (parked, "then replay"), (waits, "it goes on by itself")):
        shown = run("dlq", "show", letter)[1]
        next_step = f"gateway rules release, {'and ' * (letter == waits)}{how}"
        assert f"taken out of gateway.yaml: name it again, {next_step}" in shown
        assert shown.count("gateway dead-letters ") == shown.count("gateway dead-letters discard") == 1
    found = json.loads(run("dlq", "replay", "--all", "--dry-run", "--json")[1])
    assert (found["chosen"], found["goes"]) == (3, 1)
    code, shown, _ = run("dlq", "replay", "--all", "--yes", "--rate", "1000")
    assert (code, "1 replayed, 2 left as they are" in shown) == (1, True)
    assert run("dlq", "replay", "--state", "waiting", "--yes")[0] == 2


def test_what_is_left_of_it_is_discarded(run: Run, without_rt: Gateway, left_over: tuple[str, str]) -> None:
    """One, or all with one reason, and then nothing is told of the connection any more."""
    dead, _ = left_over
    waits = json.loads(run("dlq", "list", "--state", "waiting", "--json")[1])[1]["id"]
    code, shown, _ = run("dlq", "discard", waits, "--reason", "the desk is gone", "--dry-run")
    assert (code, "would be discarded" in shown) == (0, True)
    assert run("dlq", "discard", waits, "--reason", "the desk is gone")[0] == 0
    words = ("dlq", "discard", "--connection", "engineering-rt", "--reason", "the desk is gone", "--rate", "1000")
    code, shown, _ = run(*words, "--dry-run")
    assert (code, "3 of 3 would be discarded" in shown) == (0, True)
    code, shown, _ = run(*words, "--yes")
    assert (code, "3 discarded, 0 left" in shown) == (0, True)
    assert [each["summary"] for each in json.loads(run("dlq", "list", "--json")[1])] == ["delivery from-zendesk"]
    assert "any more" not in run("check")[1]
    with without_rt.store.read() as tx:
        entries = [each["detail"] for each in tx.view.audit() if each["action"] == "dead letter discarded"]
        row = tx.outbox.get(dead)
    assert len(entries) == 4
    assert {each["why"] for each in entries} == {"the desk is gone"}
    assert row is not None
    assert row.resolution == "discarded"


def test_a_creation_that_waits_takes_with_it_what_waits_behind_it(
    run: Run, recorder: Recorder, without_rt: Gateway
) -> None:
    """Discarded by a filter, each counts once, and none is left as it is."""
    ticket, lane = recorder.ticket("v", number=7, linked=False)
    recorder.update(ticket, lane, UpdateState.READY)
    recorder.update(ticket, lane, UpdateState.READY, operation=Operation.PUBLIC_REPLY)
    code, shown, _ = run("dlq", "discard", "--state", "waiting", "--reason", "gone", "--yes", "--rate", "1000")
    assert (code, "4 discarded, 0 left" in shown) == (0, True)
    with without_rt.store.read() as tx:
        assert tx.view.waiting() == {}


def test_a_worker_of_yesterday_writes_nothing_down_for_what_was_discarded(
    run: Run, recorder: Recorder, without_rt: Gateway
) -> None:
    """One that still holds the lane by an older release is fenced off."""
    store = without_rt.store
    (claim,) = store.write(
        lambda tx: tx.outbox.claim(holder="old", limit=5, lease=60, now=recorder.now, budgets={"engineering-rt": 5})
    )
    head = json.loads(run("dlq", "list", "--state", "waiting", "--json")[1])[0]["id"]
    with store.read() as tx:
        assert [each.id for each in tx.outbox.heads([claim]).values()] == [head]
    assert run("dlq", "discard", head, "--reason", "gone")[0] == 0
    with store.read() as tx:
        assert tx.outbox.heads([claim]) == {}, "although another one stands in the lane"


def test_what_a_connection_left_behind_heals_when_it_is_named_again(
    run: Run, folder: Path, gateway: Gateway, left_over: tuple[str, str]
) -> None:
    """One confirmation replays the deliveries that were parked because it was gone."""
    _, parked = left_over
    code, shown, _ = run("dlq", "heal", "--dry-run")
    assert code == 0
    assert "engineering-rt is not in gateway.yaml: name it again, gateway rules release, then heal" in shown
    for name, text in example("demo").items():
        (folder / name).write_text(text, encoding="utf-8")
    gateway.activate_folder(author="tests")
    assert "its connection is in gateway.yaml again: replay" in run("dlq", "show", parked)[1]
    code, shown, _ = run("dlq", "heal", "--yes", "--rate", "1000")
    assert (code, "1 replayed" in shown) == (0, True)
    with gateway.store.read() as tx:
        row = tx.inbox.get(parked)
    assert row is not None
    assert row.state == "pending"
    assert "(removed)" not in run("dlq", "list")[1]


def test_a_site_that_names_all_it_writes_to_says_nothing(run: Run, recorder: Recorder) -> None:
    """Updates that wait for a connection of the site are no complaint."""
    ticket, lane = recorder.ticket("t", number=5)
    recorder.update(ticket, lane, UpdateState.READY)
    assert "any more" not in run("check")[1]
    assert "removed_connections" not in run("status", "--json")[1]
