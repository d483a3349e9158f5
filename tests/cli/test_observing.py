"""A site that writes nothing (yet) says so wherever somebody looks for the reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

OBSERVED = "only observed (mode: observe): nothing is written there"
LATER = "only observed until 2999-12-01 07:00 UTC (live_from): nothing is written there"
BEGINS = 'live_from: "2999-12-01T09:00+02:00"'


def details(run: Run) -> dict[str, str]:
    """Return what the list of connections says of each."""
    return {each["name"]: each["detail"] for each in json.loads(run("connections", "list", "--json")[1])}


@pytest.mark.parametrize(("line", "said"), [(BEGINS, LATER), ('live_from: "2020-12-01T09:00+02:00"', ""), ("", "")])
def test_a_site_that_is_not_live_yet(run: Run, folder: Path, line: str, said: str) -> None:
    """Each of its connections says until when; afterwards none does."""
    file = folder / "gateway.yaml"
    file.write_text(f"{file.read_text()}\n{line}\n")
    assert details(run) == {"acme-zendesk": said, "engineering-rt": said}


def test_a_site_that_observes(run: Run, folder: Path) -> None:
    """Every connection, for as long as it does."""
    file = folder / "gateway.yaml"
    file.write_text(file.read_text().replace("mode: live", "mode: observe"))
    assert details(run) == {"acme-zendesk": OBSERVED, "engineering-rt": OBSERVED}


def test_one_connection_that_observes(run: Run, folder: Path) -> None:
    """The others are written to."""
    file = folder / "gateway.yaml"
    file.write_text(file.read_text().replace("  engineering-rt:\n", f"  engineering-rt:\n    {BEGINS}\n"))
    assert details(run) == {"acme-zendesk": "", "engineering-rt": LATER}


def test_who_looks_for_unmerge_finds_split(run: Run) -> None:
    """The word that people try first."""
    code, _, said = run("people", "unmerge", "Kim", "--reason", "not the same")
    assert (code, "gateway people split PERSON" in said) == (2, True)
