"""A forecast in words and tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

import click

from gateway.cli.tables import tame, write_table
from gateway.domain.report.advice import metric_words
from gateway.domain.report.figures import Share, length
from gateway.flow.forecast.result import Busy, Forecast, PromiseLine, Waits
from gateway.flow.forecast.tally import How

#: what each way to somebody means
MEANS = {
    How.DIRECT: "at once, in the region where it started",
    How.STICKY: "back to whoever had it, or to their team",
    How.QUEUE: "waited for room or a shift, then taken as it was",
    How.RELAXED: "waited until less was asked",
    How.OVERFLOW: "the next open region took it",
    How.ON_CALL: "nobody else in time",
    How.KEPT: "a person had chosen",
    How.FALLBACK: "nobody by the end: in the fallback queue",
    How.WAITING: "nobody by the end: still waits",
    How.LEFT: "its route names a queue only",
    How.FROZEN: "passed on too often",
}
#: so many people are listed: the busiest of each team stand in front
MOST_PEOPLE = 60


def write_forecast(found: Forecast) -> None:
    """Write a forecast for a person."""
    head = f"Look ahead, {found.begin:%Y-%m-%d %H:%M} to {found.end:%Y-%m-%d %H:%M} UTC"
    click.echo(f"{click.style(head, bold=True)}, seed {found.seed}")
    click.echo(
        f"{found.tickets} tickets, {found.reopened} of them opened again; {found.solved} solutions by "
        f"{found.looked_until:%Y-%m-%d %H:%M}. At most {found.most_waiting} waited at a time."
    )
    click.echo(
        f"Kept {found.share} of the promises ({found.kept} of {found.kept + found.broken}). Waiting until somebody "
        f"had it: half {waited(found.waits.median_s)}, 90 % {waited(found.waits.p90_s)}, in real time."
    )
    if found.look_first:
        _title("Look at first")
        for place, line in enumerate(found.look_first, 1):
            click.echo(f"  {place}. {tame(line)}")
    _placed(found)
    _waits("Waiting until somebody had it, by route (real time)", "ROUTE", [found.waits, *found.waits_by_route])
    _hours(found)
    _busy(found)
    _handoffs(found)
    _promises("Promises", found.promises, with_level=False)
    _promises("Promises below the goal, by priority", [each for each in found.by_priority if not each.reaches_goal],
              with_level=True)  # fmt: skip


def waited(seconds: int | None) -> str:
    """Write how long something waited; None: not by the end."""
    return "never" if seconds is None else "at once" if not seconds else length(seconds, days=True)


def _title(words: str) -> None:
    click.echo(f"\n{click.style(words, bold=True)}")


def _placed(found: Forecast) -> None:
    _title("How tickets came to somebody")
    rows = [(each.how.value, str(each.count), str(Share(each.count, found.placements)), MEANS[each.how])
            for each in found.placed]  # fmt: skip
    write_table(("HOW", "TICKETS", "SHARE", "MEANS"), rows, grows="MEANS", empty="")
    if found.unroutable:
        click.echo(f"  In the fallback queue for a while: {found.unroutable} (the alert ticket_unroutable).")


def _wait(each: Waits) -> tuple[str, ...]:
    if not each.tickets:
        return ("0", "-", "-", "-", "-")
    longest = waited(each.longest_s) if each.longest_s is not None else "-"
    return (str(each.tickets), waited(each.median_s), waited(each.p90_s), longest, str(each.never or "-"))


def _waits(words: str, name: str, lines: Sequence[Waits]) -> None:
    _title(words)
    rows = [(each.name or "(no route)", *_wait(each)) for each in lines]
    write_table((name, "TICKETS", "MEDIAN", "90 %", "LONGEST", "NEVER"), rows, grows=name, empty="")


def _hours(found: Forecast) -> None:
    _title("By the hour in which they came (UTC)")
    rows = [(f"{each.hour:02}:00", str(each.came), *_wait(each.waits)[1:4]) for each in found.hours]
    write_table(("HOUR", "TICKETS", "MEDIAN", "90 %", "LONGEST"), rows, grows="HOUR", empty="")


def _busy(found: Forecast) -> None:
    _title("How busy they were: units in use, of those that they can carry, while they worked")
    regions = [(each.name or "(no region)", str(each.people), str(each.tickets), *_use(each)) for each in found.regions]
    write_table(("REGION", "PEOPLE", "TICKETS", "ON SHIFT", "IN USE"), regions, grows="REGION", empty="")
    click.echo()
    teams = [(each.name, each.region, str(each.people), str(each.tickets), *_use(each)) for each in found.teams]
    write_table(("TEAM", "REGION", "PEOPLE", "TICKETS", "ON SHIFT", "IN USE"), teams, grows="TEAM", empty="")
    click.echo()
    shown = found.people[:MOST_PEOPLE]
    people = [(each.name, each.team or "(on call, manager)", str(each.tickets), *_use(each), str(each.most))
            for each in shown]  # fmt: skip
    write_table(("PERSON", "TEAM", "TICKETS", "ON SHIFT", "IN USE", "AT MOST"), people, grows="TEAM", empty="")
    if len(found.people) > len(shown):
        click.echo(f"and {len(found.people) - len(shown)} more: --json and --html have all", err=True)


def _use(each: Busy) -> tuple[str, str]:
    on_shift = f"{each.on_shift_s // 3600} h" if each.on_shift_s else "-"
    return on_shift, "never full" if each.is_unlimited and each.team else str(each.share)


def _handoffs(found: Forecast) -> None:
    each = found.handoffs
    _title("Handing over before a shift ends")
    if not each.offered + each.to_managers:
        click.echo("  Nothing had to be offered.")
        return
    click.echo(
        f"  Offered {each.offered} times, and {each.to_managers} times to a manager; accepted {each.accepted}. One "
        f"ticket was passed on {each.most_hops} times at most (allowed: {each.max_hops})."
    )


def _promises(words: str, lines: Sequence[PromiseLine], *, with_level: bool) -> None:
    if not lines:
        if not with_level:
            _title(words)
            click.echo("  Nothing is promised (sla:).")
        return
    _title(words)
    names = ("POLICY", "PRIORITY", "METRIC", "KEPT", "BROKEN", "SHARE", "GOAL")
    rows = [
        (each.policy or "(none)", each.level, metric_words(each.metric), str(each.met), str(each.breached),
         str(each.share), "reached" if each.reaches_goal else "MISSED")
        for each in lines
    ]  # fmt: skip
    if not with_level:
        names, rows = (*names[:1], *names[2:]), [(*row[:1], *row[2:]) for row in rows]  # type: ignore[assignment,misc]
    write_table(names, rows, grows="POLICY", empty="")
