"""A process that dies in the middle of many dead letters: what is resumed does each of them once, on each database."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from dead_letters import Bulk, Filter
from gateway.bootstrap import Gateway
from gateway.domain.update import Operation, Reason, UpdateState
from tests import warm
from tests.cli.conftest import Run
from tests.records import Recorder

UPDATES = DELIVERIES = 6
#: what kills itself (point, nth time) and then does what a person typed
PROGRAM = """
import sys
from gateway import crashpoint
from gateway.cli import main
left = [int(sys.argv[2])]
def act(point):
    left[0] -= point == sys.argv[1]
    if left[0] == 0:
        crashpoint.die()
crashpoint.arm(act)
main(sys.argv[3:])
"""


@pytest.fixture
def folder(folder: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the site its record in each of the two databases."""
    monkeypatch.setenv("GATEWAY_DATABASE_URL", database_url)
    return folder


@pytest.fixture
def letters(recorder: Recorder) -> set[str]:
    """Give up updates and deliveries, in turn."""
    found = set()
    for number in range(UPDATES):
        ticket, lane = recorder.ticket(f"t{number}", number=number + 1)
        found.add(
            recorder.update(ticket, lane, UpdateState.DEAD, reason=Reason.REJECTED, operation=Operation.PUBLIC_REPLY)
        )
        found.add(recorder.delivery(f"d{number}", park=(Reason.UNREADABLE, "not JSON")))
    return found


def die(folder: Path, point: str, nth: int, *words: str) -> None:
    """Run a command that is killed where it is told to be."""
    ended = warm.run(("-c", PROGRAM, point, str(nth), "--site", str(folder), "dead-letters", *words), os.environ)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def unfinished(gateway: Gateway) -> tuple[Bulk, Counter[str]]:
    """Return the one bulk that is not at its end, and how far it is."""
    with gateway.store.read() as tx:
        (bulk,) = tx.bulks.unfinished()
        return bulk, Counter(tx.bulks.counts(bulk.id))


def trail(gateway: Gateway, action: str) -> Counter[str]:
    """Return how often each letter stands in the audit trail with an action."""
    with gateway.store.read() as tx:
        lines = [each["detail"] for each in tx.view.audit(limit=500) if each["action"] == action]
    return Counter(each.get("update") or each.get("delivery") or each["bulk"] for each in lines)


ALL = ("--all", "--yes", "--rate", "1000")


@pytest.mark.parametrize(
    ("point", "nth", "done"),
    [("replay.reopening", 1, 0), ("bulk.dealing", 3, 0), ("bulk.dealt", 1, 5), ("bulk.dealing", 12, 10)],
)
def test_a_killed_replay_is_resumed_and_does_each_once(
    run: Run, gateway: Gateway, letters: set[str], folder: Path, point: str, nth: int, done: int
) -> None:
    """In the middle of one, of a transaction, between two: what was committed stays, what was not is done once."""
    die(folder, point, nth, "replay", *ALL, "--why", "mended")
    bulk, counts = unfinished(gateway)
    assert counts == {"pending": len(letters) - done, "done": done, "skipped": 0}
    assert trail(gateway, "dead letter replayed").total() == done
    code, shown, _ = run("dlq", "replay", "--resume", bulk.id[-12:], "--rate", "1000")
    assert (code, f"{len(letters)} replayed, 0 left" in shown) == (0, True)
    assert trail(gateway, "dead letter replayed") == dict.fromkeys(letters, 1)
    assert trail(gateway, "bulk replay ended") == {bulk.id: 1}
    with gateway.store.read() as tx:
        counted = tx.view.counts()
        assert tx.letters.count(Filter()) == 0
    assert (counted["updates_ready"], counted["deliveries_pending"]) == (UPDATES, DELIVERIES)


@pytest.mark.parametrize(("point", "nth", "done"), [("bulk.dealing", 7, 5), ("bulk.dealt", 2, 10)])
def test_a_killed_discard_is_resumed_and_does_each_once(
    run: Run, gateway: Gateway, letters: set[str], folder: Path, point: str, nth: int, done: int
) -> None:
    """The same where they are given up for good, with the reason of whoever began it."""
    die(folder, point, nth, "discard", *ALL, "--reason", "a test of the desk", "--as", "olle")
    bulk, counts = unfinished(gateway)
    assert counts["done"] == done
    assert run("dlq", "discard", "--resume", bulk.id, "--rate", "1000", "--as", "kim")[0] == 0
    assert trail(gateway, "dead letter discarded") == dict.fromkeys(letters, 1)
    with gateway.store.read() as tx:
        lines = [each for each in tx.view.audit(limit=500) if each["action"] == "dead letter discarded"]
        assert tx.letters.count(Filter()) == 0
    assert {(each["actor"], each["detail"]["why"]) for each in lines} == {("person:olle", "a test of the desk")}


def test_a_bulk_killed_before_its_set_was_whole_has_done_nothing(
    run: Run, gateway: Gateway, letters: set[str], folder: Path
) -> None:
    """It says so, and is begun again."""
    die(folder, "bulk.freezing", 1, "replay", *ALL)
    bulk, _ = unfinished(gateway)
    code, _, said = run("dlq", "replay", "--resume", bulk.id)
    assert (code, "nothing was done, begin again" in said) == (1, True)
    assert len(json.loads(run("dlq", "list", "--json")[1])) == len(letters)
    assert run("dlq", "replay", *ALL)[0] == 0
    assert trail(gateway, "dead letter replayed") == dict.fromkeys(letters, 1)
