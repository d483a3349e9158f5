"""A look ahead as one page that needs nothing else: its style is in it, its charts are drawn, and it runs no script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache

import jinja2

from gateway.domain.report.advice import metric_words
from gateway.domain.report.figures import Share, length
from gateway.flow.forecast.result import Busy, Forecast, PromiseLine, Waits
from gateway.web.charts import Bar, Bars

#: rows of a chart; the tables have all
MOST = 40
FULL = 85
_HUNDRED = 100.0


def page(found: Forecast, made_at: datetime) -> str:
    """Return a look ahead as HTML."""
    return _template().render(
        found=found,
        made_at=made_at,
        teams=busy(found.teams),
        people=busy(each for each in found.people if each.team),
        placed=_placed(found),
        routes=_waits(found.waits_by_route, [each.name or "(no route)" for each in found.waits_by_route]),
        hours=_waits([each.waits for each in found.hours], [f"{each.hour:02}:00" for each in found.hours]),
        promises=_promises(found.promises),
    )


@cache
def _template() -> jinja2.Template:
    loader = jinja2.PackageLoader("gateway.web.console", "templates")
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.undefined = jinja2.StrictUndefined
    environment.filters |= {"metric": metric_words, "waited": waited}
    return environment.get_template("forecast.html")


def waited(seconds: int | None) -> str:
    """Write how long something waited; None: not by the end."""
    return "never" if seconds is None else "at once" if not seconds else length(seconds, days=True)


def busy(lines: Iterable[Busy]) -> Bars:
    """Return how much was in use of what there was, the busiest at the top."""
    able = sorted((each for each in lines if not each.is_unlimited), key=lambda one: -(one.share.rate or 0))
    rows = [
        Bar(
            label=each.name,
            width=round(min(each.share.rate or 0.0, 1.0) * _HUNDRED, 2),
            says=f"{each.share}, {each.tickets} tickets",
            mark="alarm" if (each.share.rate or 0.0) * _HUNDRED >= FULL else "plain",
            is_cut=(each.share.rate or 0.0) > 1.0,
        )
        for each in able[:MOST]
    ]
    return Bars(rows, max(0, len(able) - MOST))


def _placed(found: Forecast) -> Bars:
    rows = [
        Bar(
            label=each.how.value,
            width=round((each.share or 0.0) * _HUNDRED, 2),
            says=f"{Share(each.count, found.placements)} ({each.count})",
            mark="plain",
        )
        for each in found.placed
    ]
    return Bars(rows, 0)


def _waits(lines: Sequence[Waits], names: Sequence[str]) -> Bars:
    """Return how long tickets waited: the median, and on to the 90th percentile."""
    longest = max((each.p90_s or each.median_s or 0 for each in lines), default=0) or 1
    rows = []
    for name, each in zip(names[:MOST], lines, strict=False):
        median = min(each.median_s if each.median_s is not None else longest, longest)
        p90 = min(each.p90_s if each.p90_s is not None else longest, longest)
        says = f"{waited(each.median_s)}, 90 % within {waited(each.p90_s)} ({each.tickets})" if each.tickets else "–"
        rows.append(
            Bar(
                label=name,
                width=round(median / longest * _HUNDRED, 2) if each.tickets else 0.0,
                more=round((p90 - median) / longest * _HUNDRED, 2) if each.tickets else 0.0,
                says=says,
                mark="plain",
            )
        )
    return Bars(rows, max(0, len(lines) - MOST))


def _promises(lines: Sequence[PromiseLine]) -> Bars:
    rows = [
        Bar(
            label=f"{each.policy or 'no policy'}, {metric_words(each.metric)}",
            width=round((each.share.rate or 0.0) * _HUNDRED, 2),
            says=f"{each.share} ({each.met} of {each.met + each.breached})",
            mark="good" if each.reaches_goal else "below",
        )
        for each in lines[:MOST]
    ]
    return Bars(rows, max(0, len(lines) - MOST))
