"""`gateway tickets why` explains a past decision by the rules of that time."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from gateway.bootstrap import Gateway
from gateway.domain.event import RemoteTicket
from gateway.domain.ticket import Status
from gateway.ports import NewDelivery
from tests.cli.conftest import Run

ZENDESK = "acme-zendesk"


def told(gateway: Gateway, name: str, remote: RemoteTicket) -> None:
    """Let a ticket be polled, read whole, and applied."""
    now = gateway.clock.now()
    body = msgspec.json.encode(remote)
    row = NewDelivery(gateway.ids.new(), ZENDESK, name, remote.remote_id, now, {}, body, "t" * 32, "poll")
    gateway.store.write(lambda tx: tx.inbox.add([row]))
    assert gateway.applier().drain(holder="test", seconds=5) == 1


def test_a_past_decision_is_explained_by_the_rules_of_that_time(run: Run, folder: Path, gateway: Gateway) -> None:
    """The first decision names the rule that there was; the second, by newer files, the one that replaced it."""
    now = gateway.clock.now()
    ticket = RemoteTicket(
        "41", now, version=1, title="An invoice", body="The email is down", created_at=now, complete=True
    )
    told(gateway, "first", ticket)
    rules = folder / "rules" / "10-classify.yaml"
    rules.write_text(rules.read_text(encoding="utf-8").replace("name: outage", "name: breakdown"), encoding="utf-8")
    gateway.activate_folder(author="tests")
    gateway._looked_at = 0.0
    told(gateway, "second", msgspec.structs.replace(ticket, version=2, title="An invoice, again", status=Status()))
    code, shown, _ = run("tickets", "why", "41", "--json")
    assert code == 0
    first, second = json.loads(shown)
    assert (first["release"], second["release"]) == (1, 2)
    assert first["sets"]["kind"] == "incident"
    by_name = {line["rule"]: line for line in first["rules"]}
    assert by_name["outage"]["matched"]
    assert not by_name["implementation-request"]["matched"]
    assert by_name["implementation-request"]["reason"].startswith("text is not with the words")
    assert "breakdown" not in by_name
    # the body, which was not stored a second time, is what the rule still matches
    assert {line["rule"]: line for line in second["rules"]}["breakdown"]["matched"]
    code, shown, _ = run("tickets", "why", "41")
    assert code == 0
    assert "outage" in shown
    assert "release 1" in shown
    assert "gateway tickets why" in run("tickets", "show", "41")[1]
    assert run("tickets", "why", "nothing")[0] == 3


def test_what_a_decision_was_made_from_is_encrypted(gateway: Gateway) -> None:
    """Neither title nor body stand readable in the audit trail, which is kept longer than they are."""
    now = gateway.clock.now()
    ticket = RemoteTicket("42", now, version=1, title="Zebra crossing", body="Stripes", created_at=now, complete=True)
    told(gateway, "first", ticket)
    path = gateway.store.engine.url.database
    assert path is not None
    gateway.store.close()
    with gateway.store.engine.connect() as connection:
        row = connection.exec_driver_sql("SELECT detail, inputs_sealed FROM audit WHERE action = 'decided'").one()
    assert row.inputs_sealed
    assert b"Stripes" not in row.inputs_sealed
    assert "Zebra" not in row.detail
