"""Healing from the command line: each value that no map has comes with its own cure and its own count."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.bootstrap import Gateway
from gateway.domain.update import Reason
from tests.cli.conftest import Run
from tests.records import Recorder
from tests.terminal import at_terminal

RULE = "incidents-and-billing-to-rt"


def lacking(value: str) -> str:
    """Return what is said of a status that no map has."""
    return f"status '{value}' of engineering-rt is not in the map of rule '{RULE}': add a line for it, then replay"


def widen(folder: Path, value: str) -> None:
    """Give the word its place in the map of the folder."""
    file = folder / "rules" / "50-sync.yaml"
    text = file.read_text(encoding="utf-8")
    changed = text.replace("theirs: stalled,", f"theirs: [stalled, {value}], to: stalled,")
    assert changed != text
    file.write_text(changed, encoding="utf-8")


def test_values_that_differ_by_a_number_are_two_causes(
    run: Run, gateway: Gateway, recorder: Recorder, folder: Path
) -> None:
    """The cure of one releases its own letters and none of the other's; both stand there with their counts."""
    for number in range(5):
        recorder.delivery(f"d{number}", park=(Reason.UNMAPPED, lacking("Level 1" if number < 2 else "Level 2")))
    shown = run("dlq", "heal", "--dry-run")[1]
    assert ("status 'Level 1' x2" in shown, "status 'Level 2' x3" in shown) == (True, True), shown
    widen(folder, "Level 1")
    assert "then heal releases 2" in run("dlq", "heal", "--dry-run")[1]
    gateway.activate_folder(author="tests")
    told = json.loads(run("dlq", "heal", "--dry-run", "--json")[1])
    assert told["would_release"] == 2
    assert [(each["cured"], each["group"]["number"]) for each in told["causes"]] == [(False, 3), (True, 2)]
    assert run("dlq", "heal", "--yes", "--rate", "1000")[0] == 0
    left = json.loads(run("dlq", "list", "--json")[1])
    assert ["Level 2" in each["detail"] for each in left] == [True] * 3


@pytest.mark.parametrize(("answer", "left"), [("y", 0), ("n", 3)])
def test_one_question_for_all_that_is_healed(
    run: Run, gateway: Gateway, recorder: Recorder, folder: Path, answer: str, left: int
) -> None:
    """Two causes that are over, one confirmation, one line for each in what it says."""
    for number, value in enumerate(("Level 1", "Level 1", "Level 2")):
        recorder.delivery(f"d{number}", park=(Reason.UNMAPPED, lacking(value)))
    widen(folder, "Level 1, Level 2")
    gateway.activate_folder(author="tests")
    ended = at_terminal(folder, ("dlq", "heal", "--rate", "1000"), typed=[("replay 3 dead letters?", f"{answer}\n")])
    assert ended.code == (0 if answer == "y" else 1), ended.screen
    assert len(json.loads(run("dlq", "list", "--json")[1])) == left


def test_a_release_says_what_it_can_heal(run: Run, gateway: Gateway, recorder: Recorder, folder: Path) -> None:
    """Whoever deploys the line hears how many wait for it, and the command; a rollback says nothing of the kind."""
    del gateway
    for number, value in enumerate(("Level 1", "Level 1", "Level 2")):
        recorder.delivery(f"d{number}", park=(Reason.UNMAPPED, lacking(value)))
    widen(folder, "Level 1")
    code, shown, _ = run("rules", "release", "-m", "level 1")
    assert (code, "2 dead letters lacked a word that it has: gateway dead-letters heal" in shown) == (0, True), shown
    code, shown, _ = run("rules", "rollback", "-m", "not yet")
    assert (code, "heal" in shown) == (0, False), shown
    assert json.loads(run("rules", "activate", "2", "-m", "now", "--json")[1])["can_heal"] == 2
