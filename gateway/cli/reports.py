"""`gateway reports`: how promises were kept in a period, as a table, as data, or as a page."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import msgspec

from gateway.cli.opening import opened
from gateway.cli.report_text import write_csv, write_report
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, LIMIT, write_json
from gateway.domain.report.counted import Period
from gateway.domain.report.course import Slice
from gateway.domain.report.figures import ALARM, GOAL, percent
from gateway.domain.wall import Wall, day_number, zone
from gateway.errors import ConfigError
from gateway.flow.sla.reporting import Asked, sla_report
from gateway.web.report import page

#: how far a report looks back when nobody says
USUAL = timedelta(days=30)
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_WRITE = "write a day (2026-03-31), a month (2026-03), or a time with its zone (2026-03-31T18:00+02:00)"

Named = date | tuple[date, date] | datetime


class MomentType(click.ParamType):  # type: ignore[type-arg]
    """A day, a month, or an instant. Older versions of click have no generic ParamType."""

    name = "day|month|time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Named:
        """Return the day, the first days of the month and of the next one, or the instant."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        word = value.strip()
        month = _MONTH.fullmatch(word)
        try:
            if month is not None:
                first = date(int(month[1]), int(month[2]), 1)
                return first, (first + timedelta(days=31)).replace(day=1)
            if len(word) <= len("2026-03-31"):
                return date.fromisoformat(word)
            found = datetime.fromisoformat(word)
        except (ValueError, OverflowError):
            self.fail(f"'{value}' is no time: {_WRITE}", param, ctx)
        if found.tzinfo is None:
            self.fail(f"'{value}' does not say its zone: {_WRITE}", param, ctx)
        return found.astimezone(UTC)


class ZoneType(click.ParamType):  # type: ignore[type-arg]
    """A time zone by its name."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ZoneInfo:
        """Return the zone."""
        found = value if isinstance(value, ZoneInfo) else zone(str(value))
        if found is None:
            self.fail(f"'{value}' is no time zone: write a name such as Europe/Prague or UTC", param, ctx)
        return found


class PercentType(click.ParamType):  # type: ignore[type-arg]
    """A share in percent, exact."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        """Return it as a fraction."""
        if isinstance(value, Fraction):
            return value
        try:
            return percent(str(value))
        except (ValueError, ZeroDivisionError):
            self.fail(f"'{value}' is no share: write a number above 0 and up to 100, such as 90 or 99.5", param, ctx)


@click.group()
def reports() -> None:
    """Say how the promises of a period were kept."""


@reports.command("sla")
@click.option(
    "--from", "begin", type=MomentType(), help="The first day, a month, or an instant.  [default: 30 days back]"
)
@click.option(
    "--to", "end", type=MomentType(), help="The last day (it counts), a month, or an instant.  [default: now]"
)
@click.option(
    "--by", type=click.Choice([each.value for each in Slice]), default=Slice.PRIORITY.value, show_default=True,
    help="Take the figures apart by this.",
)  # fmt: skip
@click.option("--zone", "where", type=ZoneType(), default="UTC", show_default=True, help="The time zone of the days.")
@click.option(
    "--as-known-at", "known", type=MomentType(), help="Only what was heard of by then: what was said at that time."
)
@click.option("--goal", type=PercentType(), default=str(GOAL), show_default=True, help="Percent to be kept.")
@click.option("--alarm", type=PercentType(), default=str(ALARM), show_default=True, help="Percent below which to act.")
@click.option("--html", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with charts, too.")
@click.option("--csv", "as_csv", is_flag=True, help="Write comma-separated values.")
@LIMIT
@JSON
@pass_site
def sla(
    site: SiteChoice,
    begin: Named | None,
    end: Named | None,
    by: str,
    where: ZoneInfo,
    known: Named | None,
    goal: Fraction,
    alarm: Fraction,
    file: Path | None,
    limit: int,
    *,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Say how the promises of a period were kept, how long things took, and what to look at first.

    A clock counts when its cycle ends, or at its breach while it goes on; what was canceled does not count. Lengths are
    open time of each promise's calendar. What was heard of after the end of the period restates it: the report says its
    revision.
    """
    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other")
    if alarm > goal:
        raise click.UsageError("--alarm is above --goal: below the alarm line the goal is missed, too")
    if file is not None:
        _require_folder(file)
    with opened(site) as gateway:
        now = gateway.clock.now()
        period = _period(begin, end, where, now)
        known_at = now if known is None else _last(known, where)
        if known is not None and not isinstance(known, datetime) and _first(known, where) <= now:
            # the day that is not over yet, as far as it is
            known_at = min(known_at, now)
        if known_at > now:
            raise click.UsageError("--as-known-at lies ahead: nobody knows yet")
        if known_at <= period.begin:
            raise click.UsageError("--as-known-at is not after --from: nothing of the period was known")
        live = gateway.site()
        asked = Asked(
            period=period, by=Slice(by), zone=where, zone_name=str(where), known_at=known_at,
            goal=goal, alarm=alarm, limit=limit,
        )  # fmt: skip
        with _bar(quiet=as_json or as_csv) as progress:
            found = sla_report(gateway.store, asked, now=now, mode=live.mode, progress=progress)
    if file is not None:
        _replace(file, page(found, now))
    if as_json:
        write_json(msgspec.to_builtins(found))
    elif as_csv:
        write_csv(found)
    else:
        write_report(found, where)
    if file is not None:
        click.echo(f"The page is {file}", err=True)


def _period(begin: Named | None, end: Named | None, where: ZoneInfo, now: datetime) -> Period:
    """Return the period; raises UsageError where it is none."""
    until = now if end is None else _last(end, where)
    since = until - USUAL if begin is None else _first(begin, where)
    if since >= until:
        words = f"{since.astimezone(where):%Y-%m-%d %H:%M} and {until.astimezone(where):%Y-%m-%d %H:%M} {where}"
        raise click.UsageError(f"--from is not before --to: {words}")
    return Period(since, until)


def _first(named: Named, where: ZoneInfo) -> datetime:
    if isinstance(named, datetime):
        return named
    return _midnight(named[0] if isinstance(named, tuple) else named, where)


def _last(named: Named, where: ZoneInfo) -> datetime:
    """Return the end of a day or a month: they count whole."""
    if isinstance(named, datetime):
        return named
    return _midnight(named[1] if isinstance(named, tuple) else named + timedelta(days=1), where)


def _midnight(day: date, where: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(Wall(where).midnight(day_number(day)), UTC)


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Show how far it is, on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    with click.progressbar(length=0, label="reading", file=sys.stderr, show_eta=True) as bar:

        def to(done: int, whole: int) -> None:
            bar.length = whole
            bar.update(done - bar.pos)

        yield to


def _require_folder(file: Path) -> None:
    """Refuse at once what cannot be written in the end."""
    folder = file.parent
    if not folder.is_dir():
        raise ConfigError(f"{file} cannot be written: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise ConfigError(f"{file} cannot be written: {folder} is not yours to write")


def _replace(file: Path, text: str) -> None:
    """Put a file in its place, whole or not at all."""
    made = ""
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=file.parent, prefix=f".{file.name}.", delete=False
        ) as draft:
            made = draft.name
            draft.write(text)
        Path(made).chmod(0o644)
        Path(made).replace(file)
    except OSError as error:
        with suppress(OSError):
            Path(made).unlink(missing_ok=True)
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from None
