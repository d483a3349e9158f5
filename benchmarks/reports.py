"""Reports: how long the clocks of very many tickets take to be counted, and whether memory grows with them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from benchmarks.commands import Taken
from benchmarks.commands import run as run_command
from benchmarks.lab import Lab
from benchmarks.report import Measure, Progress

STAGE = "reports"
STEPS = 8
#: tickets
FEW, MANY = 10_000, 100_000
#: megabytes more for ten times the tickets: what remains of each is its lengths, and its id
AIM_MORE = 60.0
#: tickets for each second of a processor
AIM_RATE = 1_000.0
#: a report on all of it, one on a part that is over, and that part as it was known soon after it
WHOLE, PART, THEN = "a report on everything", "on a month that is over", "on that month as it was known a day after"


def run(progress: Progress, new_database: Callable[[], str] = str, name: str = "SQLite") -> list[Measure]:
    """Measure; `new_database` gives the address of an empty one for each size (empty: SQLite in the site)."""
    few, many = (_with(number, progress, new_database()) for number in (FEW, MANY))
    found = []
    for what, taken in many.items():
        more = taken.megabytes - few[what].megabytes
        note = f"{FEW:,} tickets: {few[what]}; {MANY:,}: {taken}"
        met = more <= AIM_MORE and (what != WHOLE or MANY / taken.processor >= AIM_RATE)
        aim = f"at most {AIM_MORE:g} MB more" + (
            f", {AIM_RATE:,.0f} tickets for each second of a processor" if what == WHOLE else ""
        )
        found.append(Measure(STAGE, f"{what}, {name}", taken.seconds, "s", aim, met, note))
    return found


def _with(number: int, progress: Progress, database: str) -> dict[str, Taken]:
    from tests.store.lives import DAYS, RULES, fill  # noqa: PLC0415 - a measuring of other stages needs nothing of it

    progress.step(f"{number:,} tickets live")
    with Lab(database) as lab:
        (lab.folder / "rules" / "90-sla.yaml").write_text(RULES, encoding="utf-8")
        gateway = lab.prepared()
        now = gateway.clock.now()
        fill(gateway.store, gateway.site().rules, number, until=now, now=now)
        gateway.close()
        begin, end = (f"{now - timedelta(days=days):%Y-%m-%d}" for days in (DAYS - 10, DAYS - 40))
        part = ("--from", begin, "--to", end)
        then = f"{now - timedelta(days=DAYS - 42):%Y-%m-%dT00:00+00:00}"
        found = {}
        for what, words in (
            (WHOLE, ("--from", f"{now - timedelta(days=DAYS + 1):%Y-%m-%d}")),
            (PART, part),
            (THEN, (*part, "--as-known-at", then)),
        ):
            progress.step(f"{what}, {number:,}")
            found[what] = run_command(lab, ("reports", "sla", "--json", "--by", "client", *words))
        return found
