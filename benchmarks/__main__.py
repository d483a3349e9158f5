"""`python -m benchmarks`: measures this machine in one run, with a bar for each stage and a table at the end."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import msgspec

from benchmarks import (
    accept,
    apply,
    calendars,
    clocks,
    deliver,
    forecast,
    journey,
    lanes,
    letters,
    reports,
    routing,
    rules,
    simulate,
)
from benchmarks.report import Measure, Progress, table, this_machine

MADE = (accept, apply, deliver, lanes, letters, journey, rules, calendars, clocks, routing, reports, simulate, forecast)
STAGES = tuple(each.STAGE for each in MADE)


@click.command()
@click.option("--only", type=click.Choice(STAGES), multiple=True, help="This stage; may be given several times.")
@click.option("--rate", type=click.FloatRange(0.5, 500), help="Webhooks a second of the journey.  [default: half of "
              "the slowest stage measured before, else of what the whole carries in a burst]")  # fmt: skip
@click.option("--postgres", is_flag=True, help="Also measure apply, lanes, dead letters, simulations, reports and the "
              "journey on a PostgreSQL of its own.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the table.")
def main(only: tuple[str, ...], rate: float | None, postgres: bool, as_json: bool) -> None:  # noqa: FBT001 - click
    """Measure what this machine accepts, applies and delivers a second, and how long a whole journey takes."""
    machine = this_machine()
    chosen = only or STAGES
    found: list[Measure] = []
    with contextlib.ExitStack() as stack:
        new_database = stack.enter_context(_databases()) if postgres else None
        for stage, steps, run in (
            (accept.STAGE, accept.STEPS, accept.run),
            (apply.STAGE, apply.STEPS, apply.run),
            (deliver.STAGE, deliver.STEPS, deliver.run),
            (letters.STAGE, letters.STEPS, letters.run),
        ):
            if stage in chosen:
                with Progress(stage, steps, quiet=as_json) as progress:
                    found += run(progress)
        for both, short in (
            (apply, "apply"),
            (lanes, "lanes"),
            (simulate, "sim"),
            (reports, "reports"),
            (letters, "letters"),
        ):
            if new_database is not None and both.STAGE in chosen:
                with Progress(f"{short}/pg", both.STEPS, quiet=as_json) as progress:
                    found += both.run(progress, new_database, "PostgreSQL")
        if journey.STAGE in chosen:
            rate = rate or min((each.value for each in found if each.bounds), default=0.0) / 2
            with Progress(journey.STAGE, journey.STEPS, quiet=as_json) as progress:
                found += journey.run(progress, rate)
            if new_database is not None:
                with Progress("jrny/pg", journey.STEPS, quiet=as_json) as progress:
                    found += journey.run(progress, rate, new_database, "PostgreSQL")
        for part in (lanes, calendars, clocks, routing, rules, reports, simulate, forecast):
            if part.STAGE in chosen:
                with Progress(part.STAGE, part.STEPS, quiet=as_json) as progress:
                    found += part.run(progress)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode({"machine": machine, "measures": found})).decode())
        return
    click.echo(f"\n{machine.processors} processors, Python {machine.python}, {machine.system}; "
               f"load {machine.load:.1f} before it began\n")  # fmt: skip
    click.echo(table(found))


@contextlib.contextmanager
def _databases() -> Iterator[Callable[[], str]]:
    """Start a PostgreSQL of the tests' own kind; give what makes a new database and returns its address."""
    from tests.databases import PostgresProcess  # noqa: PLC0415 - a measuring of SQLite alone needs no wheel of it

    server = PostgresProcess(Path(tempfile.mkdtemp(prefix="gateway-bench-pg-"))).start()
    try:
        yield server.new_database
    finally:
        server.remove()


if __name__ == "__main__":
    main()
