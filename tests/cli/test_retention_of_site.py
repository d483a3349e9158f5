"""From the line in gateway.yaml to what a person sees: what closed tickets say of people goes with the sweep."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.bootstrap import Gateway
from gateway.domain.ticket import Category
from tests.cli.conftest import Run
from tests.records import Recorder


@pytest.mark.parametrize(("days", "title"), [(2, "(redacted)"), (4, "Printer of Ida")])
def test_the_sweep_of_a_site_redacts_after_its_time(
    run: Run, gateway: Gateway, recorder: Recorder, folder: Path, days: int, title: str
) -> None:
    """As long as `retention.personal_data` says; list and page name it by what was taken away, and explain no more."""
    file = folder / "gateway.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(f"{text}\nretention: {{personal_data: {days}d}}\n", encoding="utf-8")
    assert gateway.activate_folder(author="tests") == ()
    ticket_id, _ = recorder.ticket("Printer of Ida", number=7, category=Category.CLOSED, age=timedelta(days=3))
    gateway.sweeper().sweep()
    (line,) = json.loads(run("tickets", "list", "--json")[1])
    assert (line["id"], line["title"]) == (ticket_id, title)
    code, shown, _ = run("tickets", "show", ticket_id)
    assert (code, shown.splitlines()[0]) == (0, title)
    assert ("Ida Berg" in shown) == (title != "(redacted)")
    assert run("tickets", "why", ticket_id)[0] == 0
