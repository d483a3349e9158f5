"""A look ahead: two weeks of 100,000 tickets through the rules of a site with three regions, on one core.

The rules are those of the site that follows the sun, with as many more people as that takes; the clocks are changed in
Europe and in America in these two weeks, and there are holidays. Times are those of the processor, and memory is that
of the whole process.
"""

from __future__ import annotations

import resource
import sys
import time
from datetime import UTC, datetime

from benchmarks.report import Measure, Progress
from connectors import registry
from gateway.flow.forecast.arrivals import Load, arrivals
from gateway.flow.forecast.making import Asked, forecast
from gateway.flow.forecast.mix import mix_of
from rules import RuleSet, load_site
from rules.examples import example

STAGE = "forecast"
STEPS = 2
TICKETS = 100_000
TIMES = 36
MINUTES = 5.0
BEGIN, END = datetime(2025, 10, 20, tzinfo=UTC), datetime(2025, 11, 3, tzinfo=UTC)


def run(progress: Progress) -> list[Measure]:
    """Measure."""
    progress.step(f"{TICKETS // 10:,} tickets")
    few = _taken(TICKETS // 10, TIMES // 10)
    before = _megabytes()
    progress.step(f"{TICKETS:,} tickets")
    many = _taken(TICKETS, TIMES)
    people = 11 * TIMES
    more = _megabytes() - before
    return [
        Measure(STAGE, f"{TICKETS:,} tickets, {people} people", many / 60, "min", f"{MINUTES:.0f} min or less",
                many / 60 <= MINUTES, note=f"{TICKETS / many:,.0f} tickets a second"),
        Measure(STAGE, f"{TICKETS // 10:,} tickets, {people // 10} people", few, "s"),
        Measure(STAGE, f"memory for {TICKETS:,} beside {TICKETS // 10:,}", more, "MB more"),
    ]  # fmt: skip


def crowd(times: int) -> RuleSet:
    """Return the rules of the site that follows the sun, with so many people for each of its own."""
    files = dict(example("follow-the-sun"))
    lines = []
    for line in files["rules/05-people.yaml"].splitlines():
        name = line.strip().removeprefix("- {person: ").partition(":")[0].partition(",")[0]
        if ("-" in name and "email" in line) or "{person:" in line:
            lines += [line.replace(name, f"{name}-{number}") for number in range(times)]
        else:
            lines.append(line)
    files["rules/05-people.yaml"] = "\n".join(lines) + "\n"
    specs = {name: plugin.spec for name, plugin in registry.load().plugins.items()}
    site, problems = load_site(files, specs)
    if site is None:
        raise SystemExit("\n".join(problem.text for problem in problems))
    return site.rules


def _taken(tickets: int, times: int) -> float:
    rules = crowd(times)
    load = Load(tickets=tickets, begin=BEGIN, end=END, seed=7)
    began = time.process_time()
    found = forecast(rules, Asked(begin=BEGIN, end=END, seed=7), arrivals(load, mix_of(rules, ["acme-zendesk"]), rules))
    if found.never:
        raise SystemExit(f"{found.never} tickets had nobody: the measure is of another thing")
    return time.process_time() - began


def _megabytes() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / 1e6 if sys.platform == "darwin" else used / 1e3
