from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gateway.cli import COMMANDS, HIDDEN, main
from gateway.cli.lazy import LazyGroup
from gateway.cli.site import SiteChoice
from gateway.errors import ConfigError, NotFoundError
from gateway.supervisor import ProcessStatus, SiteLock, SiteStatus
from gateway.supervisor.state import write_status

SECRET = "s3cret-in-a-traceback"


@click.command()
@click.argument("how")
@click.pass_obj
def fail(site: SiteChoice, how: str) -> None:
    """Fail in this way."""
    site.redactor.add(SECRET)
    match how:
        case "config":
            raise ConfigError("gateway.yaml:2:7: no such key")
        case "missing":
            raise NotFoundError("no ticket 12")
        case "defect":
            raise ZeroDivisionError(f"with {SECRET}")
        case "interrupt":
            raise KeyboardInterrupt
        case "exit":
            sys.exit(4)


@click.group(cls=LazyGroup, commands_at={"fail": (f"{__name__}:fail", "Fail in this way.")})
@click.pass_context
def tool(context: click.Context) -> None:
    """Be a tool under test."""
    context.obj = SiteChoice(None)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a site and go into a folder of it."""
    (tmp_path / "gateway.yaml").write_text("mode: observe\n")
    (tmp_path / "rules").mkdir()
    monkeypatch.chdir(tmp_path / "rules")
    return tmp_path


def run(*words: str, command: click.Command = main) -> tuple[int, str, str]:
    """Run a command; return its exit code, what it wrote, and what it complained."""
    result = CliRunner().invoke(command, list(words))
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("how", "code", "line"),
    [
        ("config", 2, "gateway: gateway.yaml:2:7: no such key\n"),
        ("missing", 3, "gateway: no ticket 12\n"),
        ("interrupt", 130, "\ngateway: interrupted\n"),
        ("exit", 4, ""),
        ("none", 0, ""),
    ],
)
def test_every_end_has_its_line_and_its_code(site: Path, how: str, code: int, line: str) -> None:
    """Errors of ours bring their own code; no traceback reaches a person."""
    assert run("fail", how, command=tool) == (code, "", line)


def test_a_defect_is_one_line_that_tells_where_the_rest_is(site: Path) -> None:
    """With the trace id; the traceback is in a private file of the site, without secrets."""
    code, _, line = run("fail", "defect", command=tool)
    assert code == 1
    path = site / ".gateway" / "errors.log"
    assert line.count("\n") == 1
    assert str(path) in line
    entry = json.loads(path.read_text())
    assert entry["trace_id"] in line
    assert "ZeroDivisionError" in entry["exception"]
    assert SECRET not in path.read_text() + line
    assert path.stat().st_mode & 0o777 == 0o600


def test_usage_errors_are_clicks_own() -> None:
    """Exit code 2."""
    assert run("no-such-command")[0] == 2
    assert run("--no-such-option")[0] == 2


def test_the_help_lists_every_command_in_its_own_words() -> None:
    """The list is written without importing a command, so it must agree with what the commands say."""
    code, text, _ = run("--help")
    assert code == 0
    context = click.Context(main)
    for name, (_, line) in COMMANDS.items():
        command = main.get_command(context, name)
        assert command is not None
        assert (command.help or "").splitlines()[0] == line
        assert f"  {name} " in text
    for name in HIDDEN:
        assert main.get_command(context, name) is not None
        assert f"  {name} " not in text


def test_the_help_is_quick() -> None:
    """Nothing heavy is imported for it."""
    script = (
        "import sys; from gateway.cli import main\n"
        "try: main(['--help'])\n"
        "finally: print([name for name in ('rq', 'sqlalchemy', 'alembic', 'flask', 'requests') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_record_is_opened_without_what_migrates_one() -> None:
    """It takes a quarter of the time in which a command starts."""
    script = "import sys, gateway.bootstrap, gateway.cli.opening; sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_site_is_found_like_a_git_repository(site: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Here, above, or as given; without one the error says what to do."""
    assert SiteChoice(None).folder == site
    assert SiteChoice(site / "rules" / "..").folder == site
    assert (site / ".gateway" / ".gitignore").exists() is False
    assert SiteChoice(site).state.stat().st_mode & 0o777 == 0o700
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with pytest.raises(ConfigError, match="is not a site"):
        SiteChoice(elsewhere).folder  # noqa: B018 - it is a property
    os.chdir(elsewhere)
    assert run("status")[2].startswith("gateway: no gateway.yaml in ")
    assert run("--site", str(site), "status")[0] == 1


def test_status_of_a_gateway(site: Path) -> None:
    """Not running is exit code 1, and so is killed; running shows each process."""
    state = SiteChoice(None).state
    assert "start it with: gateway up" in run("status")[1]
    assert json.loads(run("status", "--json")[1]) == {"phase": "stopped", "processes": []}
    since = datetime(2026, 3, 1, 8, tzinfo=UTC)
    web = ProcessStatus("web", "web", "running", 4242, 3, since, "exit status 1")
    write_status(state, SiteStatus(4200, "running", since, (web,), {"address": "http://127.0.0.1:8080/"}))
    code, text, _ = run("status")
    assert (code, "was killed" in text) == (1, True)
    lock = SiteLock(state)
    lock.acquire()
    code, text, _ = run("status")
    assert code == 0
    assert "address: http://127.0.0.1:8080/" in text
    assert ["web", "running", "4242", "3", "03-01", "08:00:00", "exit", "status", "1"] in [
        line.split() for line in text.splitlines()
    ]
    assert json.loads(run("status", "--json")[1])["processes"][0]["pid"] == 4242
    lock.release()


def test_a_closed_pipe_is_quiet(site: Path) -> None:
    """`gateway … | head` shows no traceback."""
    shell = f"'{sys.executable}' -m gateway.cli --help | true"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)
    assert done.stderr == ""
