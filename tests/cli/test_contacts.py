"""`gateway connections test` tries whether people can be looked up where `enrich:` asks a connection."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.hubspot.bench import SECRET, TOKEN, HubSpotBench
from tests.cli.conftest import Run


def asks(folder: Path, bench: HubSpotBench, *, field: str) -> None:
    """Let the site ask a CRM about people, by a name of a field there; empty: not at all."""
    crm = {
        **bench.options(),
        "connector": "hubspot",
        "url": bench.desk.url,
        "auth": {"token": "${CRM_TOKEN}"},
        "webhook_secret": "${CRM_SECRET}",
    }
    text = (folder / "gateway.yaml").read_text(encoding="utf-8").partition("  acme-crm:")[0]
    asked = {"from": [{"connection": "acme-crm", "fields": {"tier": field}}]}
    more = f"enrich: {json.dumps(asked)}\n" if field else ""
    (folder / "gateway.yaml").write_text(f"{text}  acme-crm: {json.dumps(crm)}\n{more}", encoding="utf-8")


def test_the_lookup_of_people_is_tried_where_a_site_enriches(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads only, and a name of a field that is none there fails the test in words for who wrote it."""
    monkeypatch.setenv("CRM_TOKEN", TOKEN)
    monkeypatch.setenv("CRM_SECRET", SECRET)
    bench = HubSpotBench()
    with bench.desk:
        asks(folder, bench, field="company.support_tier")
        code, shown, complaint = run("connections", "test", "acme-crm")
        assert code == 0, shown + complaint
        assert "ok    enrich: people can be looked up there" in shown
        asks(folder, bench, field="support_tier")
        code, shown, _ = run("connections", "test", "acme-crm")
        assert code == 1
        assert "FAIL  enrich: nobody can be looked up there: " in shown
        assert "no property" in shown
        asks(folder, bench, field="")
        code, shown, _ = run("connections", "test", "acme-crm")
        assert (code, "enrich:" in shown) == (0, False)
