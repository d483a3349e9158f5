"""A site with a mailbox, as its admin meets it: check, test, and import."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.email.simulator import ADDRESS, SimulatedMail
from gateway.bootstrap import Gateway
from tests.cli.conftest import Run

SITE = f"""mode: observe

connections:
  acme-zendesk:
    connector: zendesk
    url: ${{DEMO_ZENDESK_URL}}
    auth: {{email: gateway@acme.example, api_token: "${{DEMO_ZENDESK_TOKEN}}"}}
    webhook_secret: ${{DEMO_ZENDESK_SECRET}}
  support-mail:
    connector: email
    url: ${{MAIL_URL}}
    smtp: ${{MAIL_SMTP}}
    address: {ADDRESS}
    auth: {{user: support, password: "${{MAIL_PASSWORD}}"}}
    authority: "${{MAIL_AUTHORITY}}"
"""
RULE = """sync:
  - name: to-the-mailbox
    from: acme-zendesk
    to: support-mail
    fields:
      title: from
      body: from
"""


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedMail]:
    """Run a mail server, to which the variables of the site lead."""
    with SimulatedMail() as found:
        monkeypatch.setenv("MAIL_URL", found.url)
        monkeypatch.setenv("MAIL_SMTP", found.smtp_url)
        monkeypatch.setenv("MAIL_PASSWORD", found.password)
        monkeypatch.setenv("MAIL_AUTHORITY", found.authority)
        yield found


@pytest.fixture
def folder(folder: Path) -> Path:
    """Write the site in place of the demo's."""
    for each in (folder / "rules").iterdir():
        each.unlink()
    (folder / "gateway.yaml").write_text(SITE, encoding="utf-8")
    return folder


def problems(run: Run) -> list[tuple[str, str, int, int]]:
    """Return the errors that check finds: message, file, line, column."""
    code, shown, _ = run("check", "--json")
    found = json.loads(shown)
    assert code == (1 if found["errors"] else 0)
    return [
        (each["message"], each["file"], each["line"], each["column"])
        for each in found["problems"]
        if each["severity"] == "error"
    ]


@pytest.mark.usefixtures("mailbox")
def test_what_a_mailbox_cannot_do_is_refused_where_it_stands(run: Run, folder: Path) -> None:
    """A rule that would set a status or a priority there, or write internal notes to nobody: file, line, column."""
    rules = folder / "rules" / "10-sync.yaml"
    rules.write_text(RULE)
    assert problems(run) == []
    for field in ("status", "priority"):
        rules.write_text(f"{RULE}      {field}: from\n")
        ((message, file, line, column),) = problems(run)
        assert (field in message, "support-mail" in message) == (True, True)
        assert (file, line, column) == ("rules/10-sync.yaml", 8, 7)
    rules.write_text(f"{RULE}      comments: {{internal: from}}\n")
    ((message, file, line, _),) = problems(run)
    assert ("support-mail" in message, file, line) == (True, "rules/10-sync.yaml", 8)
    with_colleagues = SITE + "    internal_to: [duty@desk.example]\n"
    (folder / "gateway.yaml").write_text(with_colleagues)
    assert problems(run) == []


@pytest.mark.usefixtures("mailbox")
def test_wrong_settings_are_told_where_they_stand(run: Run, folder: Path) -> None:
    """An address that is no mail server's, notes that would come back into the mailbox: with what to write."""
    path = folder / "gateway.yaml"
    path.write_text(SITE.replace("url: ${MAIL_URL}", "url: https://mail.acme.example"))
    ((message, file, line, column),) = problems(run)
    assert (file, line, column) == ("gateway.yaml", 11, 10)
    assert "imaps" in message + run("check")[1]
    path.write_text(f"{SITE}    internal_to: [duty@desk.example, {ADDRESS}]\n")
    ((message, file, line, column),) = problems(run)
    assert message.endswith("internal notes would come back into this mailbox")
    assert (file, line, column) == ("gateway.yaml", 16, 38)
    assert "name colleagues" in run("check")[1]


def test_the_mails_that_are_there_are_brought_in(run: Run, mailbox: SimulatedMail, gateway: Gateway) -> None:
    """First what would come, then that it came, and what was set aside; a second time nothing new."""
    first = mailbox.act("write", text="It burns")
    mailbox.act("write", text="Still burning", answers=first)
    mailbox.act("write", text="I am away", headers={"Auto-Submitted": "auto-replied"})
    code, shown, complaint = run("connections", "import", "support-mail", "--dry-run")
    assert code == 0, complaint
    assert "2 messages of support-mail in 1 conversations would be taken, 1 that open no ticket be set aside" in shown
    with gateway.store.read() as tx:
        assert tx.inbox.pending() == 0
    code, shown, complaint = run("connections", "import", "support-mail", "--yes")
    assert code == 0, complaint
    with gateway.store.read() as tx:
        assert tx.inbox.pending() == 3
    assert "2 messages of support-mail were taken; 1 that open no ticket are set aside" in shown
    assert "gateway connections set-aside support-mail" in shown
    code, shown, _ = run("connections", "import", "support-mail", "--json")
    found = json.loads(shown)
    assert (code, found["messages"], found["aside"], found["taken"]) == (0, 0, 0, 0)


def test_both_logins_are_tried(run: Run, mailbox: SimulatedMail, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line each; a wrong password fails with exit code 1 and is not shown; a server that is not there is told."""
    code, shown, complaint = run("connections", "test", "support-mail")
    assert code == 0, shown + complaint
    assert "mails in INBOX" in shown
    assert "internal_to" in shown
    monkeypatch.setenv("MAIL_PASSWORD", "a-wrong-password-of-tests")
    code, shown, _ = run("connections", "test", "support-mail")
    assert (code, "the login was refused" in shown) == (1, True)
    assert "a-wrong-password-of-tests" not in shown
    mailbox.stop()
    code, shown, _ = run("connections", "test", "support-mail", "--json")
    (told,) = json.loads(shown)
    assert (code, told["checks"][0]["name"], told["checks"][0]["ok"]) == (1, "reachable", False)
