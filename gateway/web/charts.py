"""Where the marks of a report's charts stand: numbers only, which a template draws."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec

from gateway.domain.report.advice import metric_words
from gateway.domain.report.figures import Share, length
from gateway.domain.report.result import DayLine, Figures, MetricLine, PlaceLine, Report, TargetLine
from gateway.domain.report.unseen import Unseen, Would

#: of the chart over time: the drawing, without its labels
WIDTH, HEIGHT = 940.0, 180.0
#: more points than these cannot be told apart: then weeks are taken together, then months
_MOST_DAYS, _MOST_WEEKS = 45, 53
#: rows of a chart of bars
MOST_BARS = 16
_FEW_LABELS = 8
_HUNDRED = 100.0
#: twice the target is as far as a bar goes
_FARTHEST = 2.0


class Point(msgspec.Struct, frozen=True):
    """One point of the chart over time."""

    x: float
    y: float
    label: str
    says: str
    mark: str
    #: whether there is room for its label
    labelled: bool


class Line(msgspec.Struct, frozen=True):
    """A line across a chart."""

    y: float
    says: str


class Trend(msgspec.Struct, frozen=True):
    """What was kept over time."""

    points: list[Point]
    path: str
    goal: Line
    alarm: Line
    ticks: list[Line]
    #: days, weeks or months
    unit: str


class Bar(msgspec.Struct, frozen=True):
    """A row of a chart of bars; lengths are in percent of its width."""

    label: str
    width: float
    says: str
    mark: str
    #: a second, fainter part that goes on from the first
    more: float = 0.0
    #: it is longer than the chart
    is_cut: bool = False


class Bars(msgspec.Struct, frozen=True):
    """A chart of bars."""

    rows: list[Bar]
    #: rows that were left out
    more: int


def reasons(found: Unseen) -> Bars:
    """Return of how many broken promises nobody was told, by the reason, and of how many somebody was."""
    whole = max(1, found.broken)
    rows = [Bar(why, round(_HUNDRED * count / whole, 1), str(count), "alarm") for why, count in found.why.items()]
    rows.append(Bar("somebody was told", round(_HUNDRED * found.seen / whole, 1), str(found.seen), "good"))
    return Bars(rows, 0)


def would(found: Would) -> Bars:
    """Return what was withheld, the most frequent first."""
    most = max((each.count for each in found.lines), default=1)
    rows = [
        Bar(
            f"{each.at}: {each.what}",
            round(_HUNDRED * each.count / most, 1),
            f"{each.count}, {each.tickets} tickets",
            "none",
        )
        for each in found.lines[:MOST_BARS]
    ]
    return Bars(rows, 0)


def mark(line: Figures | MetricLine | TargetLine) -> str:
    """Return how a share stands to the goal and the alarm line, in a word."""
    if line.compliance_rate is None:
        return "none"
    return "good" if line.reaches_goal else "alarm" if line.below_alarm else "below"


def trend(report: Report) -> Trend | None:
    """Return what was kept over time; None where fewer than two days tell of it."""
    buckets, unit = _buckets(report.days)
    if len(buckets) < 2:
        return None
    shares = [(begin, Share(met, met + broken)) for begin, met, broken in buckets]
    least = min([report.alarm_percent, *((each.rate or 0.0) * _HUNDRED for _, each in shares)])
    bottom = max(0.0, (least - 5) // 10 * 10)

    def height(percent: float) -> float:
        return round(HEIGHT - (percent - bottom) / (_HUNDRED - bottom) * HEIGHT, 1)

    first, last = shares[0][0], shares[-1][0]
    span = max(1, (last - first).days)
    every = -(-len(shares) // _FEW_LABELS)
    points = [
        Point(
            x=round((begin - first).days / span * WIDTH, 1),
            y=height((share.rate or 0.0) * _HUNDRED),
            label=f"{begin:%b %Y}" if unit == "months" else f"{begin:%d %b}",
            says=f"{_named(begin, unit)}: {share} kept ({share.part} of {share.whole})",
            mark=_mark(share, report),
            labelled=place % every == 0,
        )
        for place, (begin, share) in enumerate(shares)
    ]
    step = 10 if bottom >= 50 else 20
    return Trend(
        points=points,
        path=" ".join(f"{each.x},{each.y}" for each in points),
        goal=Line(height(report.goal_percent), f"goal {report.goal_percent:g} %"),
        alarm=Line(height(report.alarm_percent), f"alarm {report.alarm_percent:g} %"),
        ticks=[Line(height(each), f"{each} %") for each in range(int(bottom), 101, step)],
        unit=unit,
    )


def _buckets(days: Sequence[DayLine]) -> tuple[list[tuple[date, int, int]], str]:
    if not days:
        return [], "days"
    span = (days[-1].day - days[0].day).days + 1
    unit = "days" if span <= _MOST_DAYS else "weeks" if span <= _MOST_WEEKS * 7 else "months"
    found: dict[date, list[int]] = {}
    for each in days:
        begin = each.day
        if unit == "weeks":
            begin -= timedelta(days=begin.weekday())
        elif unit == "months":
            begin = begin.replace(day=1)
        counts = found.setdefault(begin, [0, 0])
        counts[0] += each.met
        counts[1] += each.breached
    return [(begin, met, broken) for begin, (met, broken) in sorted(found.items())], unit


def _named(begin: date, unit: str) -> str:
    words = {"days": f"{begin:%Y-%m-%d}", "weeks": f"week from {begin:%Y-%m-%d}", "months": f"{begin:%Y-%m}"}
    return words[unit]


def _mark(share: Share, report: Report) -> str:
    percent = share.part * _HUNDRED
    if percent >= report.goal_percent * share.whole:
        return "good"
    return "alarm" if percent < report.alarm_percent * share.whole else "below"


def shares(report: Report) -> Bars:
    """Return what was kept in all and in each slice."""
    told = [each for each in report.slices if each.compliance.whole]
    lines = [("all", report.total), *((each.name or "(none)", each) for each in told[:MOST_BARS])]
    rows = [
        Bar(
            label=name,
            width=round((each.compliance_rate or 0.0) * _HUNDRED, 2),
            says=f"{each.compliance} ({each.met} of {each.met + each.breached})",
            mark=mark(each),
        )
        for name, each in lines
        if each.compliance.whole
    ]
    return Bars(rows, max(0, len(told) - MOST_BARS))


def targets(report: Report) -> Bars:
    """Return how far each promise was from its target: the target is the middle, twice the target the end."""
    worst = sorted(report.targets, key=lambda each: (each.reaches_goal, -each.breached, -each.met))
    return Bars([_against(each) for each in worst[:MOST_BARS]], max(0, len(worst) - MOST_BARS))


def _against(line: TargetLine) -> Bar:
    label = f"{line.priority} {metric_words(line.metric)}, {line.policy or 'no policy'}"
    promised = f"promised {length(line.most_target_s)}"
    if line.attained_s is None:
        return Bar(label, _HUNDRED, f"not reached, some still go on; {promised}", mark(line), is_cut=True)
    part = line.attained_s / max(1, line.most_target_s)
    return Bar(
        label,
        round(min(part, _FARTHEST) / _FARTHEST * _HUNDRED, 2),
        f"{line.says.partition(': ')[2]}; {promised}",
        mark(line),
        is_cut=part > _FARTHEST,
    )


def places(lines: Sequence[PlaceLine]) -> Bars:
    """Return how long the times in places take: the median, and on to the 90th percentile."""
    longest = max((each.took.p90_s or 0 for each in lines), default=0) or 1
    rows = [
        Bar(
            label=each.name,
            width=round((each.took.median_s or 0) / longest * _HUNDRED, 2),
            more=round(((each.took.p90_s or 0) - (each.took.median_s or 0)) / longest * _HUNDRED, 2),
            says=f"median {length(each.took.median_s)}, 90 % within {length(each.took.p90_s)}",
            mark="plain",
        )
        for each in lines[:MOST_BARS]
    ]
    return Bars(rows, max(0, len(lines) - MOST_BARS))
