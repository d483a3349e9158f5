"""`gateway rules simulate --generate` and `--arrivals`: how rules and people would cope with tickets to come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click
import msgspec

from connectors import registry
from gateway.cli.moments import MomentType, Named, PercentType, first_of, last_of
from gateway.cli.pages import replace, require_folder
from gateway.cli.rules.forecast_text import write_forecast
from gateway.cli.rules.progress import bar
from gateway.cli.tables import write_json
from gateway.domain.report.figures import GOAL
from gateway.domain.ticket import Level
from gateway.errors import ConfigError
from gateway.flow.forecast.arrivals import Arrival, Load, arrivals
from gateway.flow.forecast.behaviour import HANDLING, Behaviour
from gateway.flow.forecast.given import read_arrivals
from gateway.flow.forecast.making import Asked, forecast
from gateway.flow.forecast.mix import mix_of
from gateway.flow.forecast.result import Forecast
from gateway.web.forecast import page
from rules import RuleSet, Site, duration
from rules.cases.words import Words
from rules.fields import LEVEL_NAMES
from rules.yaml12 import MAX_BYTES

WEEK = timedelta(days=7)
#: a longer time would need calendars that nobody has written yet
LONGEST = timedelta(days=366)
_ZONE = ZoneInfo("UTC")
#: options that only a forecast knows, by their parameter
OWN = ("begin", "end", "seed", "handling", "asks", "reopens", "accepts", "goal", "html")

F = TypeVar("F", bound=Callable[..., Any])


class HandlingType(click.ParamType):  # type: ignore[type-arg]
    """`90m` for all, or `P1=30m` for one priority. Older versions of click have no generic ParamType."""

    name = "[PRIORITY=]duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[tuple[Level, ...], int]:
        """Return the priorities, and seconds."""
        if isinstance(value, tuple):
            return value
        named, _, length = str(value).rpartition("=")
        level = LEVEL_NAMES.get(named)
        if named and level is None:
            self.fail(f"there is no priority '{named}': write P1=30m, P2, P3, P4 or unset", param, ctx)
        try:
            seconds = duration.seconds(length)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not seconds:
            self.fail("nothing is done in no time: write a duration above 0s", param, ctx)
        return (level,) if level is not None else tuple(Level), seconds


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a forecast."""

    generate: int | None = None
    arrivals: Path | None = None
    begin: Named | None = None
    end: Named | None = None
    seed: int = 1
    handling: tuple[tuple[tuple[Level, ...], int], ...] = ()
    asks: int = 30
    reopens: int = 5
    accepts: int = 80
    goal: Fraction = GOAL
    html: Path | None = None

    @property
    def is_wanted(self) -> bool:
        """Say whether it is a forecast that is asked for."""
        return self.generate is not None or self.arrivals is not None


def options(command: F) -> F:
    """Add the options of a forecast to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option(
        "--generate", type=click.IntRange(1, 1_000_000), metavar="TICKETS",
        help="Look ahead instead: make up so many tickets, and take them through the rules in virtual time.",
    ),
    click.option(
        "--arrivals", type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Look ahead with the tickets of a file of comma-separated values: at, and fields.",
    ),
    click.option("--from", "begin", type=MomentType(), help="Of a look ahead: the first day.  [default: next Monday]"),
    click.option("--to", "end", type=MomentType(), help="Its last day (it counts).  [default: a week]"),
    click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="The same gives the same again."),
    click.option(
        "--handling", type=HandlingType(), multiple=True,
        help="How long half of the tickets are in somebody's hands, in hours of work: 90m, or P1=30m. Several times.",
    ),
    click.option("--asks", type=click.IntRange(0, 100), default=30, show_default=True, metavar="PERCENT",
                 help="In so many the customer is asked something."),
    click.option("--reopens", type=click.IntRange(0, 90), default=5, show_default=True, metavar="PERCENT",
                 help="So many are opened again."),
    click.option("--accepts", type=click.IntRange(0, 100), default=80, show_default=True, metavar="PERCENT",
                 help="So many of those who are asked take a ticket over."),
    click.option("--goal", type=PercentType(), default=str(GOAL), show_default=True, help="Percent of promises kept."),
    click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with charts, too."),
)  # fmt: skip


def refuse_others(wanted: Wanted) -> None:
    """Refuse options of a look back beside a look ahead, and the other way round."""
    ctx = click.get_current_context()
    given = {name for name in ctx.params if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE}
    if wanted.is_wanted:
        if wanted.generate is not None and wanted.arrivals is not None:
            raise click.UsageError("--generate and --arrivals exclude each other")
        back = sorted(given & {"against", "details", "limit"})
        if back:
            raise click.UsageError(f"--{back[0]} looks back, and --generate and --arrivals look ahead: leave one out")
    else:
        own = [name for name in OWN if name in given]
        if own:
            option = {"begin": "from", "end": "to"}.get(own[0], own[0])
            raise click.UsageError(f"--{option} belongs to a look ahead: add --generate TICKETS or --arrivals FILE")


def run_forecast(site: Site, rules: RuleSet, wanted: Wanted, now: datetime, *, as_json: bool) -> Forecast:
    """Make the forecast and write it."""
    if not rules.routing:
        raise ConfigError(
            "this site has no routes, so nobody would be given a ticket: write routes, teams and agents first "
            "(gateway init --example follow-the-sun shows some)"
        )
    if wanted.html is not None:
        require_folder(wanted.html)
    sources = sources_of(site)
    coming: Iterable[Arrival]
    if wanted.arrivals is not None:
        known = read_arrivals(str(wanted.arrivals), _lines(wanted.arrivals), Words.of(site), sources)
        begin, end = _period(wanted, known[0].at, known[-1].at + timedelta(seconds=1))
        coming = known = [each for each in known if begin <= each.at < end]
        count = len(known)
        if not known:
            raise ConfigError(f"{wanted.arrivals}: no ticket came in this time: see --from and --to")
    else:
        begin, end = _period(wanted, _next_monday(now), None)
        count = wanted.generate or 0
        coming = arrivals(Load(tickets=count, begin=begin, end=end, seed=wanted.seed), mix_of(rules, sources), rules)
    asked = Asked(begin=begin, end=end, seed=wanted.seed, behaviour=_behaviour(wanted), goal=wanted.goal)
    with bar(count, quiet=as_json) as to:
        found = forecast(rules, asked, coming, to)
    if wanted.html is not None:
        replace(wanted.html, page(found, now))
    if as_json:
        write_json(msgspec.to_builtins(found))
    else:
        write_forecast(found)
    if wanted.html is not None:
        click.echo(f"The page is {wanted.html}", err=True)
    return found


def sources_of(site: Site) -> tuple[str, ...]:
    """Return the connections that tickets come from: those that a sync rule names first, else all that are read."""
    named = dict.fromkeys(rule.source for rule in site.rules.sync_rules if rule.source in site.connections)
    specs = registry.load().specs
    read = [
        name
        for name, each in site.connections.items()
        if each.connector in specs and specs[each.connector].readable_fields
    ]
    return tuple(named) or tuple(read) or tuple(site.connections)


def _period(wanted: Wanted, begin: datetime, end: datetime | None) -> tuple[datetime, datetime]:
    first = first_of(wanted.begin, _ZONE) if wanted.begin is not None else begin
    last = last_of(wanted.end, _ZONE) if wanted.end is not None else end
    if last is None or (wanted.end is None and last <= first):
        last = first + WEEK
    if first >= last:
        raise click.UsageError(f"--from is not before --to: {first:%Y-%m-%d %H:%M} and {last:%Y-%m-%d %H:%M} UTC")
    if last - first > LONGEST:
        raise click.UsageError("--from and --to are more than a year apart: take a shorter time")
    return first, last


def _next_monday(now: datetime) -> datetime:
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=7 - today.weekday())


def _behaviour(wanted: Wanted) -> Behaviour:
    handling: Mapping[Level, int] = dict(HANDLING)
    for levels, seconds in sorted(wanted.handling, key=lambda each: -len(each[0])):
        handling = {**handling, **dict.fromkeys(levels, seconds)}
    return Behaviour(handling=handling, asks=wanted.asks, reopens=wanted.reopens, accepts=wanted.accepts)


def _lines(file: Path) -> Sequence[str]:
    try:
        with file.open(encoding="utf-8", newline="") as read:
            return read.read(200 * MAX_BYTES).splitlines(keepends=True)
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is not UTF-8: save it as such") from None
