"""A thousand rules on a ticket: by the index, one by one, and by other engines that do the same work.

The conditions are a mix of what admins write: a client, a plan and a priority, tags, numbers, words and regular
expressions; few hold for any one ticket. Every engine must give the same answers before it is timed. A hundred tickets
come by before one is seen again, so that nothing kept from its last evaluation helps.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import click
import msgspec

from benchmarks.report import Measure, Progress
from benchmarks.rivals import RIVALS, Evaluate, Missing
from benchmarks.rulebook import Book, book
from gateway.domain.ticket import Category, Status, Ticket
from rules import Site, decide, load_site
from rules.fields import Facts

STAGE = "rules"
RULES = 1000
TICKETS = 100
ROUNDS = 3
#: seconds: in a shorter round the state of the processor's caches would be measured
SHORTEST = 0.05
STEPS = 2 * (4 + len(RIVALS))

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
LINKS = frozenset({"zen"})
GATEWAY = "connections:\n  zen: {connector: zendesk, url: https://zen.example}\n"

Answers = list[list[int]]


def run(progress: Progress) -> list[Measure]:
    """Measure."""
    return [*_measured(progress, ""), *_measured(progress, ", no texts")]


def _measured(progress: Progress, mix: str) -> list[Measure]:
    made = book(RULES, TICKETS, texts=not mix)
    progress.step("loading")
    site, loading = _load(made)
    facts = [Facts(each, None, LINKS, NOW) for each in made.tickets]
    conditions = [rule.when for rule in site.rules.classify_rules]
    index = site.rules.classify_index

    def one_by_one() -> Answers:
        return [[place for place, each in enumerate(conditions) if each.holds(seen)] for seen in facts]

    def by_index() -> Answers:
        return [[place for place in index.possible(seen) if conditions[place].holds(seen)] for seen in facts]

    expected = one_by_one()
    if by_index() != expected:
        msg = "the index gives other answers than the rules"
        raise RuntimeError(msg)
    progress.step("by the index")
    quick = _best(by_index) / TICKETS
    progress.step("one by one")
    slow = _best(one_by_one) / TICKETS
    progress.step("whole decisions")
    new, again = _decisions(site, made.tickets)
    hold = sum(map(len, expected)) / TICKETS
    could = sum(len(list(index.possible(seen))) for seen in facts) / TICKETS
    found = [
        Measure(STAGE, f"{RULES:,} rules read and compiled{mix}", loading, "s", "under 1 s", loading < 1.0,
                note=f"{len(made.yaml) // 1024} KiB of YAML"),
        Measure(STAGE, f"{RULES:,} rules on a ticket, by the index{mix}", quick * 1e6, "µs",
                note=f"{hold:.1f} of them hold, {could:.0f} are asked"),
        Measure(STAGE, f"… asked one by one{mix}", slow * 1e6, "µs"),
        Measure(STAGE, f"a decision on a new ticket{mix}", new * 1e6, "µs", note="with what the rules set"),
        Measure(STAGE, f"a decision on a change of status{mix}", again * 1e6, "µs", note="which no rule reads"),
    ]  # fmt: skip
    return found + _compared(made, expected, (quick, slow), progress, mix)


def _compared(made: Book, expected: Answers, ours: tuple[float, float], progress: Progress, mix: str) -> list[Measure]:
    quick, slow = ours
    found = []
    for rival in RIVALS:
        progress.step(rival.name)
        try:
            evaluate = rival.prepare(made.tests[: rival.rules])
        except Missing as missing:
            click.echo(f"\n{rival.name} is left out: {missing}", err=True)
            continue
        tickets = made.plain[: rival.tickets]
        told = [[place for place, holds in enumerate(evaluate(ticket)) if holds] for ticket in tickets]
        if told != [[place for place in places if place < rival.rules] for places in expected[: rival.tickets]]:
            msg = f"{rival.name} gives other answers"
            raise RuntimeError(msg)

        each = _best(partial(_ask, evaluate, tickets)) / len(tickets) * RULES / rival.rules
        scaled = f"; {rival.rules} rules, times {RULES // rival.rules}" if rival.rules < RULES else ""
        note = f"{each / quick:,.0f} times the index, {each / slow:,.1f} times one by one{scaled}"
        found.append(Measure(STAGE, f"{rival.name} {rival.version()}{mix}", each * 1e6, "µs", note=note))
    if found:
        fastest = min(each.value for each in found) / 1e6
        found += [
            Measure(STAGE, f"the fastest of them to the index{mix}", fastest / quick, "times", "10 times",
                    fastest / quick >= 10),
            Measure(STAGE, f"… to one by one{mix}", fastest / slow, "times", "2 times", fastest / slow >= 2),
        ]  # fmt: skip
    return found


def _ask(evaluate: Evaluate, tickets: Sequence[dict[str, Any]]) -> None:
    for ticket in tickets:
        evaluate(ticket)


def _best(work: Callable[[], object]) -> float:
    """Return the seconds that it takes, in the quickest round; what is short is done several times in each."""
    times: list[float] = []
    many = 1
    while len(times) < ROUNDS:
        gc.collect()
        began = time.process_time()
        for _ in range(many):
            work()
        spent = time.process_time() - began
        if spent < SHORTEST:
            many *= 2
        else:
            times.append(spent / many)
    return min(times)


def _load(made: Book) -> tuple[Site, float]:
    """Read the rules from their text, in the best of three times."""
    files = {"gateway.yaml": GATEWAY, "rules/10-classify.yaml": made.yaml}
    times: list[float] = []
    site = None
    for number in range(3):
        # another text each time, so that nothing is kept from the last one
        files["rules/10-classify.yaml"] = made.yaml.replace("r0", f"q{number}-0")
        began = time.process_time()
        site, problems = load_site(files, {})
        times.append(time.process_time() - began)
        if site is None:
            raise RuntimeError("\n".join(str(problem) for problem in problems[:5]))
    assert site is not None
    return site, min(times)


def _decisions(site: Site, tickets: Sequence[Ticket]) -> tuple[float, float]:
    stored: list[Ticket] = []

    def new() -> None:
        stored[:] = [
            decide(site.rules, each, previous=None, links=LINKS, now=NOW, explain=False).ticket for each in tickets
        ]

    first = _best(new)
    changed = [msgspec.structs.replace(each, status=Status(Category.RESOLVED)) for each in stored]

    def again() -> None:
        for before, after in zip(stored, changed, strict=True):
            decide(site.rules, after, previous=before, links=LINKS, now=NOW, explain=False)

    return first / len(tickets), _best(again) / len(tickets)
