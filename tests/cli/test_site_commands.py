from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from connectors.request_tracker.simulator import SimulatedRequestTracker
from connectors.zendesk.simulator import ZendeskSimulator
from gateway.bootstrap import Gateway
from gateway.cli import main
from tests.cli.conftest import VARIABLES, Run


def test_init_makes_a_site_that_checks(tmp_path: Path) -> None:
    """Only the secrets are missing, which is a warning; git ignores what a running gateway keeps."""
    made = tmp_path / "a" / "site"
    result = CliRunner().invoke(main, ["init", str(made)])
    assert result.exit_code == 0, result.output
    assert "gateway check" in result.stdout
    assert ".gateway/" in (made / ".gitignore").read_text()
    assert "ZENDESK_API_TOKEN=" in (made / ".env.example").read_text()
    checked = CliRunner().invoke(main, ["--site", str(made), "check"])
    assert checked.exit_code == 0, checked.output
    assert "0 errors" in checked.stdout
    assert "gateway.yaml:" in checked.stdout
    assert "ZENDESK_API_TOKEN is not set" in checked.stdout
    assert CliRunner().invoke(main, ["--site", str(made), "check", "--strict"]).exit_code == 1


def test_init_never_overwrites(tmp_path: Path) -> None:
    """Not one file is written when one is there."""
    (tmp_path / "gateway.yaml").write_text("mine")
    result = CliRunner().invoke(main, ["init", str(tmp_path), "--demo"])
    assert result.exit_code == 2
    assert result.stderr == f"gateway: {tmp_path} has gateway.yaml already, and nothing is overwritten\n"
    assert [path.name for path in tmp_path.iterdir()] == ["gateway.yaml"]


def test_check_says_where(run: Run, folder: Path) -> None:
    """File, line, column and a caret; exit code 1; the same as JSON."""
    assert run("check") == (0, "Nothing is wrong in 5 files.\n", "")
    text = (folder / "gateway.yaml").read_text()
    (folder / "gateway.yaml").write_text(text.replace("mode: live", "mode: alive"))
    code, shown, _ = run("check")
    assert code == 1
    assert "gateway.yaml:2:7: error[" in shown
    assert "\n    |       ^" in shown
    code, shown, _ = run("check", "--json")
    found = json.loads(shown)
    assert (code, found["ok"], found["errors"]) == (1, False, 1)
    assert (found["problems"][0]["line"], found["problems"][0]["column"]) == (2, 7)
    (folder / "gateway.yaml").write_bytes(b"mode: \xff\n")
    code, shown, _ = run("check")
    assert (code, "gateway.yaml:1:7" in shown) == (1, True)


def test_a_lost_key_is_told_before_anything_starts(gateway: Gateway, run: Run, folder: Path) -> None:
    """`check` and `up` name the file and what to do, and make no other key; with the backup both are content."""
    gateway.close()
    keys = folder / ".gateway" / "keys"
    keys.rename(folder / "backup")
    code, shown, _ = run("check")
    assert (code, f"error: {keys}: the key " in shown, "1 error and" in shown) == (1, True, True)
    found = json.loads(run("check", "--json")[1])
    assert (found["ok"], found["errors"], str(keys) in found["record"]) == (False, 1, True)
    for words in (("up",), ("tickets", "list")):
        code, _, line = run(*words)
        assert (code, line.startswith(f"gateway: {keys}: the key "), line.count("\n")) == (2, True, 1)
    assert not keys.exists()
    (folder / "backup").rename(keys)
    assert run("check") == (0, "Nothing is wrong in 5 files.\n", "")


def test_check_without_a_site(tmp_path: Path) -> None:
    """Exit code 2."""
    result = CliRunner().invoke(main, ["--site", str(tmp_path), "check"])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def test_a_record_is_not_made_by_looking(run: Run, folder: Path) -> None:
    """A command that needs one says how it begins."""
    for words in (("tickets", "list"), ("dlq", "list")):
        code, _, line = run(*words)
        assert (code, "gateway up" in line, line.count("\n")) == (2, True, 1)
    assert not (folder / ".gateway" / "gateway.db").exists()
    assert run("connections", "list")[0] == 0


def test_connections_are_tested(gateway: Gateway, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each result is a line; what is proved is remembered; a pause ends; a failure is exit code 1."""
    zendesk = ZendeskSimulator(
        email="gateway@acme.example",
        api_token=VARIABLES["DEMO_ZENDESK_TOKEN"],
        webhook_secret=VARIABLES["DEMO_ZENDESK_SECRET"],
    )
    rt = SimulatedRequestTracker(webhook_secret=VARIABLES["DEMO_RT_SECRET"])
    with zendesk, rt:
        monkeypatch.setenv("DEMO_ZENDESK_URL", zendesk.url)
        monkeypatch.setenv("DEMO_RT_URL", rt.url)
        gateway.store.write(lambda tx: tx.desks.change("acme-zendesk", paused="401: no such token", cursor="kept"))
        listed = json.loads(run("connections", "list", "--json")[1])
        assert {each["name"]: each["state"] for each in listed} == {"acme-zendesk": "paused", "engineering-rt": "ok"}
        code, shown, complaint = run("connections", "test")
        assert code == 0, shown + complaint
        assert "It was paused and goes on now." in shown
        for secret in VARIABLES.values():
            assert secret.startswith("http") or secret not in shown
        with gateway.store.read() as tx:
            states = tx.desks.all()
        assert (states["acme-zendesk"].paused, states["acme-zendesk"].cursor) == ("", "kept")
        assert states["engineering-rt"].facts["account_id"]
        monkeypatch.setenv("DEMO_RT_TOKEN", "a-wrong-token-of-tests")
        code, shown, _ = run("connections", "test", "engineering-rt", "--json")
        assert code == 1
        assert json.loads(shown)[0]["checks"][0]["ok"] is False
        assert "a-wrong-token-of-tests" not in shown
    code, shown, _ = run("connections", "test", "acme-zendesk")
    assert (code, "FAIL  reachable" in shown) == (1, True)
    assert run("connections", "test", "nobody")[0] == 3


def test_a_wrong_clock_is_told(gateway: Gateway, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the test that finds it, and from then on by list and status; a warning is no failure."""
    zendesk = ZendeskSimulator(email="gateway@acme.example", api_token=VARIABLES["DEMO_ZENDESK_TOKEN"])
    rt = SimulatedRequestTracker(webhook_secret=VARIABLES["DEMO_RT_SECRET"])
    zendesk.clock.skew = timedelta(minutes=-90)
    with zendesk, rt:
        monkeypatch.setenv("DEMO_ZENDESK_URL", zendesk.url)
        monkeypatch.setenv("DEMO_RT_URL", rt.url)
        assert "warning" not in run("status")[1]
        code, shown, _ = run("connections", "test")
        assert code == 0
        assert "warn  clock: its clock is 1 h 30 m behind ours; its times are put right" in shown
        assert "ok    clock: its clock agrees with ours" in shown
        listed = {each["name"]: each for each in json.loads(run("connections", "list", "--json")[1])}
        assert abs(listed["acme-zendesk"]["clock_ahead"] + 5400) <= 1
        assert listed["engineering-rt"]["clock_ahead"] == 0
        assert "1 h 30 m behind ours" in listed["acme-zendesk"]["detail"]
        assert "warning: acme-zendesk: its clock is 1 h 30 m behind ours; its times" in run("status")[1]
        assert json.loads(run("status", "--json")[1])["clocks_ahead"].keys() == {"acme-zendesk"}


def test_reconcile_says_what_is_apart(run: Run, monkeypatch: pytest.MonkeyPatch, gateway: Gateway) -> None:
    """Nothing at first; then a ticket that nobody has heard of, which a repair brings in as a delivery."""
    with ZendeskSimulator(email="gateway@acme.example", api_token=VARIABLES["DEMO_ZENDESK_TOKEN"]) as zendesk:
        monkeypatch.setenv("DEMO_ZENDESK_URL", zendesk.url)
        assert run("reconcile", "acme-zendesk") == (0, "", "acme-zendesk and the gateway say the same.\n")
        ticket = str(zendesk.act("create", subject="Nobody heard", body="of this")["id"])
        day = "2020-01-01"
        code, shown, _ = run("reconcile", "acme-zendesk", "--since", day, "--repair", "--dry-run")
        assert code == 1
        assert "Nobody heard" in shown
        assert "nothing was changed" in shown.lower()
        code, shown, _ = run("reconcile", "acme-zendesk", "--since", day, "--json")
        assert (code, json.loads(shown)[0]["remote_id"], json.loads(shown)[0]["kind"]) == (1, ticket, "unknown")
        with gateway.store.read() as tx:
            assert tx.inbox.pending() == 0
        assert run("reconcile", "acme-zendesk", "--since", day, "--repair")[0] == 0
        with gateway.store.read() as tx:
            assert tx.inbox.pending() == 1
    assert run("reconcile", "nobody")[0] == 3


def test_import_brings_in_what_is_there(run: Run, monkeypatch: pytest.MonkeyPatch, gateway: Gateway) -> None:
    """It asks first at a site that is live, says what came, and a second time finds nothing new."""
    with ZendeskSimulator(email="gateway@acme.example", api_token=VARIABLES["DEMO_ZENDESK_TOKEN"]) as zendesk:
        monkeypatch.setenv("DEMO_ZENDESK_URL", zendesk.url)
        for number in range(3):
            zendesk.act("create", subject=f"Ticket {number}", body="From before")
        code, question, _ = run("connections", "import", "acme-zendesk")
        assert code != 0
        assert "open tickets that match would be created there" in question
        code, shown, complaint = run("connections", "import", "acme-zendesk", "--yes")
        assert code == 0, complaint
        assert "3 tickets of acme-zendesk were taken" in shown
        with gateway.store.read() as tx:
            assert tx.inbox.pending() == 3
        code, shown, _ = run("connections", "import", "acme-zendesk", "--json")
        assert (code, json.loads(shown)["taken"]) == (0, 0)
    assert run("connections", "import", "nobody", "--yes")[0] == 3


def test_a_connection_without_its_secret(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Says which variable."""
    monkeypatch.delenv("DEMO_RT_TOKEN")
    code, shown, _ = run("connections", "test", "engineering-rt")
    assert (code, "DEMO_RT_TOKEN is not set" in shown) == (1, True)
    assert "DEMO_RT_TOKEN is not set" in run("connections", "list")[1]
