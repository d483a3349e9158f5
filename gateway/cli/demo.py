"""`gateway demo`: a whole gateway with two simulated desks and people who use them, until Ctrl-C, and then no trace."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import click

from connectors.request_tracker.simulated.reading import TOKENS
from gateway.cli.plan import Order, answers, free_port
from gateway.cli.running import Asked, Watcher, run_site
from gateway.cli.site import CONFIG, STATE, SiteChoice
from gateway.config import Settings, environment
from gateway.errors import ConfigError, GatewayError
from gateway.supervisor import Process, SiteLock
from gateway.telemetry import configure
from rules.examples import example

HOST = "127.0.0.1"
PAGE_PORT = 8080
ZENDESK, RT = "acme-zendesk", "engineering-rt"
_LOG = "demo.log"
_ENVIRONMENT = "demo.env"
_LOG_TAIL = 20
#: The demo is the same on every machine: what is set for a real site does not reach it.
_OTHERS = ("GATEWAY_", "REDIS_URL")
_DESK_GRACE = 5.0
#: role of a process -> what a person calls its stage
_STAGES = {"redis": "doorbell", "worker": "workers", "web": "page", "guest": "people", "breaking": "mischief"}


class _Screen(Watcher):
    """One line a stage, then the address."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds

    def say(self, stage: str, what: str) -> None:
        """Write one line of progress."""
        click.echo(f"  {stage:<11}{what}")

    def prepared(self, warnings: Sequence[str]) -> None:
        self.say("database", "migrated; the rules of the site are active")
        for warning in warnings:
            self.say("", warning)

    def stage(self, started: Sequence[Process]) -> None:
        for role in dict.fromkeys(one.role for one in started):
            names = [one.name for one in started if one.role == role]
            self.say(_STAGES.get(role, role), ", ".join(names))

    def up(self, page: str) -> None:
        line = f"  Open {page}  "
        rule = "─" * len(line)
        click.secho(f"\n┌{rule}┐\n│{line}│\n└{rule}┘", bold=True)
        click.echo("\nCtrl-C stops everything.")
        if self._seconds is not None:
            signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGTERM))
            signal.setitimer(signal.ITIMER_REAL, self._seconds)


@click.command()
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Use this folder and leave it there: change its rules, and start again.",
)
@click.option(
    "--port", type=click.IntRange(1, 65535), help=f"Port of the page.  [default: {PAGE_PORT}, or the next free]"
)
@click.option("--rate", type=click.FloatRange(0.05, 50), default=1.0, show_default=True, help="Actions a second.")
@click.option("--seconds", type=click.FloatRange(1), help="End by itself after this long.")
@click.option("--seed", type=int, default=None, help="Repeat the same traffic.  [default: another one each time]")
def demo(keep: Path | None, port: int | None, rate: float, seconds: float | None, seed: int | None) -> None:
    """Run a gateway with two simulated desks and live traffic.

    Nothing outside of its own folder is read or written, and no other machine is spoken to. The desks begin empty each
    time, and so does the gateway's record.
    """
    screen = _Screen(seconds)
    with _folder(keep) as folder:
        kept = "which is kept" if keep is not None else "which goes away at the end"
        click.echo(f"Desk Gateway, between two simulated desks. Everything is in {folder}, {kept}.\n")
        state = folder / STATE
        page, zendesk, rt, mischief = port or free_port(PAGE_PORT), free_port(), free_port(), free_port()
        given = _made_up(folder, zendesk, rt, mischief)
        mine = {name: value for name, value in environment().items() if not name.startswith(_OTHERS)} | given
        _write_private(state / _ENVIRONMENT, "".join(f"export {name}='{value}'\n" for name, value in given.items()))
        log = state / _LOG
        settings = Settings.from_env(mine)
        configure("WARNING", [value for name, value in given.items() if name.endswith(("_TOKEN", "_SECRET"))])
        chosen = secrets.randbelow(1_000_000) if seed is None else seed
        asked = Asked(
            host=HOST,
            port=page,
            extra=(
                *_desks(given, mine, page, chosen),
                _traffic(given, mine, rate, chosen),
                _breaking(given, mine, page),
            ),
            output=log,
            facts={ZENDESK: given["DEMO_ZENDESK_URL"], RT: given["DEMO_RT_URL"], "seed": str(chosen)},
        )
        try:
            run_site(settings, mine, asked, screen)
        except GatewayError:
            _show_tail(log)
            raise
    click.echo("Stopped." if keep is None else f"Stopped. What it left is in {folder}.")


# ---------------------------------------------------------------- the folder


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Give a folder with the demo's site and an empty state."""
    if keep is not None:
        yield _kept(keep.resolve())
        return
    with _ending():
        folder = Path(tempfile.mkdtemp(prefix="gateway-demo-")).resolve()
        try:
            _write_site(folder)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _ending() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the command in order also while no supervisor listens to them yet."""

    def end(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _kept(folder: Path) -> Path:
    """Make the folder a demo site, or take one that is: with its files as they are, and without its record."""
    state = folder / STATE
    if (state / _ENVIRONMENT).is_file():
        lock = SiteLock(state)
        lock.acquire()
        lock.release()
        shutil.rmtree(state)
    elif folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder} holds something else: --keep takes a new folder, or one of an earlier demo")
    if not (folder / CONFIG).is_file():
        _write_site(folder)
    _ = SiteChoice(folder).state
    return folder


def _write_site(folder: Path) -> None:
    for name, text in example("demo").items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    _ = SiteChoice(folder).state


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _show_tail(log: Path) -> None:
    """Show the last lines of the processes: the folder that holds them may be about to go."""
    with contextlib.suppress(OSError):
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_TAIL:]:
            click.echo(line, err=True)


# ---------------------------------------------------------------- desks and traffic


def _made_up(folder: Path, zendesk: int, rt: int, mischief: int) -> dict[str, str]:
    """Return the environment of the site: addresses, and secrets that nobody has used before."""
    return {
        "GATEWAY_SITE": str(folder),
        "GATEWAY_TOKEN": secrets.token_urlsafe(18),
        "GATEWAY_BREAK_PAGE": f"http://{HOST}:{mischief}/",
        "DEMO_ZENDESK_URL": f"http://{HOST}:{zendesk}",
        "DEMO_ZENDESK_TOKEN": secrets.token_hex(20),
        "DEMO_ZENDESK_SECRET": secrets.token_hex(20),
        "DEMO_RT_URL": f"http://{HOST}:{rt}",
        "DEMO_RT_TOKEN": TOKENS["gateway"],
        "DEMO_RT_SECRET": secrets.token_hex(20),
    }


def _desks(given: Mapping[str, str], environ: Mapping[str, str], page: int, seed: int) -> list[Process]:
    """Return the two simulated desks."""
    found = []
    for name, module, word in (
        (ZENDESK, "connectors.zendesk.simulator", "ZENDESK"),
        (RT, "connectors.request_tracker.simulator", "RT"),
    ):
        port = given[f"DEMO_{word}_URL"].rpartition(":")[2]
        argv = _python(
            module, "--port", port, "--seed", str(seed),
            "--webhook-url", f"http://{HOST}:{page}/hooks/{name}", "--webhook-secret", given[f"DEMO_{word}_SECRET"],
        )  # fmt: skip
        ready = answers(HOST, int(port), "/_sim/faults")
        found.append(
            Process(name, argv, env=environ, role="desks", order=Order.DESKS, ready=ready, grace_seconds=_DESK_GRACE)
        )
    return found


def _traffic(given: Mapping[str, str], environ: Mapping[str, str], rate: float, seed: int) -> Process:
    """Return the people who use the desks."""
    argv = _python(
        "connectors.testing.traffic", "--zendesk", given["DEMO_ZENDESK_URL"], "--rt", given["DEMO_RT_URL"],
        "--rate", str(rate), "--seed", str(seed),
    )  # fmt: skip
    return Process("traffic", argv, env=environ, role="guest", order=Order.GUESTS, grace_seconds=_DESK_GRACE)


def _breaking(given: Mapping[str, str], environ: Mapping[str, str], page: int) -> Process:
    """Return the process that breaks what a visitor asks it to, and counts at the desks what came of it."""
    port = urlsplit(given["GATEWAY_BREAK_PAGE"]).port or 0
    argv = _python(
        "gateway.cli.breaking", "--port", str(port), "--live-page", f"http://{HOST}:{page}/",
        "--front", f"{ZENDESK}={given['DEMO_ZENDESK_URL']}", "--back", f"{RT}={given['DEMO_RT_URL']}",
    )  # fmt: skip
    ready = answers(HOST, port, "/")
    return Process(
        "mischief", argv, env=environ, role="breaking", order=Order.GUESTS, ready=ready, grace_seconds=_DESK_GRACE
    )


def _python(module: str, *words: str) -> tuple[str, ...]:
    # -P: the current folder may hold a folder named rules or connectors
    return (sys.executable, "-P", "-m", module, *words)
