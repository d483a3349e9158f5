"""What nobody means, typed all the same: one line each, and never a defect."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main

SITE = "mode: observe\nconnections:\n  a: {connector: webhook, url: 'https://a.example'}\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a site of one connection and go there."""
    (tmp_path / "gateway.yaml").write_text(SITE)
    (tmp_path / "rules").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> tuple[int, str]:
    """Run a command; return its exit code and the last line that it complained."""
    result = CliRunner().invoke(main, list(words))
    return result.exit_code, result.stderr.strip().rpartition("\n")[2]


@pytest.mark.parametrize(
    "words",
    [
        ("reports", "sla", "--from", "0001-01-01", "--zone", "Asia/Tokyo"),
        ("reports", "sla", "--to", "9999-12-31"),
        ("reports", "withheld", "--to", "0001-01"),
        ("reconcile", "a", "--since", "0001-01-01"),
        ("roster", "show", "--from", "0001-01-01T00:00+14:00"),
        ("roster", "gaps", "--from", "9999-12-31"),
    ],
)
@pytest.mark.usefixtures("site")
def test_a_time_beyond_the_calendar_is_refused(words: tuple[str, ...]) -> None:
    """A zone or an overlap would leave the years that there are."""
    code, line = run(*words)
    assert (code, "is out of reach: years from 1970 to 8999 are understood" in line) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        ("rules", "simulate", "--against", "last-999999999y"),
        ("dlq", "list", "--older", "99999999d"),
        ("tickets", "list", "--in-stage-for", "999999999y"),
    ],
)
@pytest.mark.usefixtures("site")
def test_a_duration_beyond_the_calendar_is_refused(words: tuple[str, ...]) -> None:
    """It is no duration."""
    code, line = run(*words)
    assert (code, "is not a duration such as 30s" in line) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        ("rules", "diff", "99999999999999999999", "1"),
        ("rules", "activate", "99999999999999999999", "-m", "x"),
        ("rules", "explain", "x", "--release", "99999999999999999999"),
    ],
)
@pytest.mark.usefixtures("site")
def test_a_number_that_no_release_can_have_is_refused(words: tuple[str, ...]) -> None:
    """The database has no such integers."""
    code, line = run(*words)
    assert (code, "is not in the range 1<=x<=2147483647" in line) == (2, True)


@pytest.mark.parametrize("words", [("tickets", "show", "{}"), ("people", "list", "--text", "{}"), ("{}",)])
@pytest.mark.usefixtures("site")
def test_a_word_that_is_no_utf8_is_refused(words: tuple[str, ...]) -> None:
    """No database takes it, and no terminal shows it."""
    code, line = run(*(word.format(os.fsdecode(b"caf\xe9")) for word in words))
    assert (code, line) == (2, f"Error: word {len(words)} of the command is not UTF-8: 'caf?'; write it in UTF-8")


def test_a_duration_in_the_site_that_is_beyond_the_calendar_is_told_with_its_place(site: Path) -> None:
    """It was a defect of the check."""
    (site / "gateway.yaml").write_text(SITE.replace("}", ", reconcile_every: 999999999y}"))
    result = CliRunner().invoke(main, ["check", "--offline"])
    assert result.exit_code == 1
    assert "gateway.yaml:3:" in result.output
    assert "'999999999y' is not a duration such as" in result.output


@pytest.mark.parametrize("text", ["connections: {}\nconnections: {}\n", "conections: {}\n", "- a\n", "a:\n\tc: d\n"])
def test_where_gateway_yaml_cannot_be_read_nothing_is_said_of_connections(site: Path, text: str) -> None:
    """That the rules name desks that are not there is no second mistake."""
    (site / "gateway.yaml").write_text(text)
    (site / "rules" / "50-sync.yaml").write_text("sync:\n  - {name: s, from: a, to: b}\n")
    result = CliRunner().invoke(main, ["rules", "check"])
    assert result.exit_code == 1
    assert "there is no connection" not in result.output


@pytest.mark.parametrize(
    ("url", "code", "line"),
    [
        ("postgresql://u:s3cret@127.0.0.1:1/x", 1, "GATEWAY_DATABASE_URL says where it is"),
        ("postgresql://u:s3cret@[::1/x", 2, "gateway: GATEWAY_DATABASE_URL is not a database URL"),
        ("garbage s3cret", 2, "gateway: GATEWAY_DATABASE_URL is not a database URL"),
        ("sqlite:///{site}/gateway.yaml", 1, "the database refused: file is not a database; it is the file"),
    ],
)
@pytest.mark.parametrize(
    "words", [("tickets", "list"), ("dlq", "list"), ("rules", "list"), ("reconcile", "a"), ("reports", "sla")]
)
def test_a_database_that_is_away_or_none_is_told(
    site: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], url: str, code: int, line: str
) -> None:
    """One line without the password, and where to look."""
    monkeypatch.setenv("GATEWAY_DATABASE_URL", url.format(site=site))
    ended, said = run(*words)
    assert (ended, line in said, "s3cret" in said) == (code, True, False), said


@pytest.mark.parametrize(
    "url", ["http://:s3cret@x", "sentinel://", "redis://:s3cret@127.0.0.1:99999/0", "redis://[::1", "x"]
)
@pytest.mark.parametrize("words", [("up",), ("process", "worker", "apply"), ("tickets", "list")])
@pytest.mark.usefixtures("site")
def test_an_address_that_no_redis_has_is_told(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], url: str
) -> None:
    """One line without the password."""
    monkeypatch.setenv("REDIS_URL", url)
    said = "gateway: REDIS_URL is not the address of a Redis: expected redis://host:6379/0, rediss://… or unix://…"
    assert run(*words) == (2, said)
