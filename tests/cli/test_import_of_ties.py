"""A team's first day at the command line: two desks are imported, the tied become one, and doubt is a person's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.request_tracker.simulator import SimulatedRequestTracker
from connectors.zendesk.simulator import ZendeskSimulator
from gateway.bootstrap import Gateway
from tests.cli.conftest import VARIABLES, Run


@pytest.fixture
def desks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ZendeskSimulator, SimulatedRequestTracker]]:
    """Let the desks of the demo site be there before its gateway is built, which observes, as on a first day."""
    settings = folder / "gateway.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("mode: live", "mode: observe"), encoding="utf-8")
    with (
        ZendeskSimulator(email="gateway@acme.example", api_token=VARIABLES["DEMO_ZENDESK_TOKEN"]) as zendesk,
        SimulatedRequestTracker() as rt,
    ):
        monkeypatch.setenv("DEMO_ZENDESK_URL", zendesk.url)
        monkeypatch.setenv("DEMO_RT_URL", rt.url)
        yield zendesk, rt


def test_what_is_tied_is_one_and_what_is_in_doubt_is_listed(
    run: Run, desks: tuple[ZendeskSimulator, SimulatedRequestTracker], gateway: Gateway
) -> None:
    """By RT's link: one ticket afterwards; two that name one are listed with the reason and the command that says."""
    zendesk, rt = desks
    tied, asked = (str(zendesk.act("create", subject=f"Printer {number}", body="It burns")["id"]) for number in (1, 2))
    address = f"{zendesk.url}/agent/tickets/"
    twin = rt.act("create", subject="Printer 1", body="See Zendesk")
    rt.act("set", ticket=twin, RefersTo=address + tied)
    rivals = [rt.act("create", subject=f"Printer 2{name}", body="See Zendesk") for name in "ab"]
    for each in rivals:
        rt.act("set", ticket=each, RefersTo=address + asked)
    for name, count in (("engineering-rt", 3), ("acme-zendesk", 2)):
        code, shown, complaint = run("connections", "import", name, "--yes")
        assert code == 0, complaint
        assert f"{count} tickets of {name} were taken" in shown
    while gateway.applier().drain(holder="test", seconds=5):
        pass
    gateway.sweeper().sweep()
    links = json.loads(run("tickets", "show", f"acme-zendesk:{tied}", "--json")[1])["links"]
    assert {each["connection"] for each in links} == {"acme-zendesk", "engineering-rt"}
    for spelled in (f"acme-zendesk #{tied}", f"acme-zendesk#{tied}"):
        assert json.loads(run("tickets", "show", spelled, "--json")[1])["links"] == links
    code, shown, complaint = run("tickets", "cross-links", "--verdict", "ask")
    assert (code, complaint) == (0, "")
    assert shown.count(f"acme-zendesk #{asked} and 2 tickets of engineering-rt name one another") == 2
    assert "gateway tickets link TICKET OTHER makes the two one" in shown
