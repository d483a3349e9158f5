"""A report as one page that needs nothing else: its style is in it, its charts are drawn, and it runs no script."""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import cache
from typing import Any

import jinja2

from gateway.domain.report.advice import metric_words
from gateway.domain.report.figures import Share, length
from gateway.domain.report.result import Figures, Lengths, MetricLine, Report, TargetLine
from gateway.domain.wall import zone
from gateway.web import charts


def page(report: Report, made_at: datetime) -> str:
    """Return a report as HTML."""
    where = zone(report.zone)
    return _template().render(
        report=report,
        made_at=made_at,
        trend=charts.trend(report),
        slices=charts.shares(report),
        targets=charts.targets(report),
        statuses=charts.places(report.statuses),
        stages=charts.places(report.stages),
        reasons=charts.reasons(report.unseen),
        would=charts.would(report.would),
        when=lambda at: _when(at, where),
    )


@cache
def _template() -> jinja2.Template:
    loader = jinja2.PackageLoader("gateway.web.console", "templates")
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.undefined = jinja2.StrictUndefined
    environment.filters |= {
        "length": length,
        "age": lambda seconds: length(seconds, days=True),
        "metric": metric_words,
        "typical": _typical,
        "mark": mark,
        "target": _target,
    }
    environment.globals["share"] = lambda part, whole: str(Share(part, whole))
    return environment.get_template("report.html")


def mark(line: Figures | MetricLine | TargetLine) -> str:
    """Return how a share stands to the goal and the alarm line, as a class and a word."""
    return charts.mark(line)


def _when(at: datetime, where: tzinfo | None) -> str:
    return f"{at.astimezone(where):%Y-%m-%d %H:%M}"


def _typical(lengths: Lengths) -> dict[str, Any]:
    """Return a median and a 90th percentile in words."""
    if not lengths.known and not lengths.going:
        return {"median": "–", "p90": "–"}
    return {"median": _or_goes_on(lengths.median_s), "p90": _or_goes_on(lengths.p90_s)}


def _or_goes_on(seconds: int | None) -> str:
    return "goes on" if seconds is None else length(seconds)


def _target(line: TargetLine) -> str:
    least, most = length(line.least_target_s), length(line.most_target_s)
    return least if least == most else f"{least} to {most}"
