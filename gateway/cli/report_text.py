"""A report in words and tables for a terminal, and as comma-separated values for a sheet."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import click

from gateway.cli.tables import tame, write_table
from gateway.cli.unseen_text import write_unseen
from gateway.domain.report.advice import metric_words
from gateway.domain.report.figures import Share, length
from gateway.domain.report.result import Figures, Lengths, MetricLine, PlaceLine, Report, TargetLine

#: what a sheet would take for a formula
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
NOBODY = "(none)"
ALL = "all"


def state(line: Figures | MetricLine | TargetLine) -> str:
    """Say in a word how a share stands to the goal and the alarm line."""
    if line.compliance_rate is None:
        return "-"
    return "goal reached" if line.reaches_goal else "ALARM" if line.below_alarm else "below goal"


def typical(lengths: Lengths) -> str:
    """Write a median and a 90th percentile."""
    if not lengths.known and not lengths.going:
        return "-"
    return f"{_or_more(lengths.median_s)} / {_or_more(lengths.p90_s)}"


def _or_more(seconds: int | None) -> str:
    return "goes on" if seconds is None else length(seconds)


def when(at: datetime, where: tzinfo) -> str:
    """Write an instant in the zone of a report."""
    return f"{at.astimezone(where):%Y-%m-%d %H:%M}"


def write_report(report: Report, where: tzinfo) -> None:
    """Write a report for a person."""
    _head(report, where)
    if report.is_empty:
        click.echo("No clock counts in this period, and nothing is open: there is nothing to report.")
        return
    share = report.total.compliance
    if share.whole:
        click.echo(
            f"Kept {share} ({share.part} of {share.whole} promises), broken {share.rest}: {state(report.total)} "
            f"(goal {report.goal_percent:g} %, alarm below {report.alarm_percent:g} %)."
        )
    else:
        click.echo("No promise came to its end in this period.")
    _list("Look at first", report.look_first)
    _slices(report)
    _metrics(report)
    _targets(report)
    _places("Time in a status", report.statuses, report.slowest_status)
    _places("Time in a stage", report.stages, report.slowest_stage)
    _overdue(report, where)
    write_unseen(report, where)
    _corrections(report, where)


def _head(report: Report, where: tzinfo) -> None:
    click.echo(
        click.style(f"SLA report, {when(report.begin, where)} to {when(report.end, where)} {report.zone}", bold=True)
        + f", revision {report.revision}"
    )
    if report.policy:
        click.echo(f"Only promises of the policy {tame(report.policy)}, and tickets that had one.")
    click.echo(f"As heard of by {report.known_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC.", nl=False)
    click.echo("" if report.is_over else " The period is not over: its figures will change.")
    if report.mode == "observe":
        click.echo(
            "The gateway only observes: nothing was written to a desk, and due times are what it would have kept."
        )
    click.echo("Lengths are open time of each promise's calendar, median / 90 %; the age of the backlog is real time.")
    if report.left_out:
        click.echo(
            f"{report.left_out} tickets are left out, for their clocks cannot be told: the log says why.", err=True
        )


def _title(words: str) -> None:
    click.echo(f"\n{click.style(words, bold=True)}")


def _list(words: str, lines: Sequence[str]) -> None:
    if lines:
        _title(words)
    for place, line in enumerate(lines, 1):
        click.echo(f"  {place}. {tame(line)}")


def _slices(report: Report) -> None:
    name = report.by.upper()
    rows = [(ALL, report.total), *((each.name or NOBODY, each) for each in report.slices)]
    _title("Promises")
    write_table(
        (name, "KEPT", "OF", "SHARE", "GOAL", "FIRST RESPONSE", "REPLY", "RESOLUTION", "OVERRUN"),
        [
            (
                called, str(each.met), str(each.met + each.breached), str(each.compliance), state(each),
                typical(each.first_response), typical(each.reply), typical(each.resolution), typical(each.overrun),
            )
            for called, each in rows
        ],
        grows=name,
        empty="",
    )  # fmt: skip
    _title("Work")
    write_table(
        (name, "HANDLING", "PAUSED", "SOLVED", "REOPENED", "ESCALATED", "BY HAND", "AT RISK", "OVERDUE", "OPEN", "AGE"),
        [
            (
                called, typical(each.handling), str(Share(each.paused_s, each.paused_s + each.running_s)),
                str(each.solved), str(each.reopened), str(Share(each.escalated, each.met + each.breached)),
                str(each.overrides), str(each.at_risk), str(each.overdue), str(each.backlog), _ages(each.backlog_age),
            )
            for called, each in rows
        ],
        grows=name,
        empty="",
    )  # fmt: skip
    if report.more_slices:
        click.echo(f"and {report.more_slices} more: --limit shows them", err=True)


def _ages(lengths: Lengths) -> str:
    if not lengths.known:
        return "-"
    return f"{length(lengths.median_s, days=True)}, oldest {length(lengths.longest_s, days=True)}"


def _metrics(report: Report) -> None:
    _title("Metrics")
    write_table(
        ("METRIC", "KEPT", "OF", "SHARE", "GOAL", "TOOK", "OVERRUN"),
        [
            (
                metric_words(each.metric), str(each.met), str(each.met + each.breached), str(each.compliance),
                state(each), typical(each.took), typical(each.overrun),
            )
            for each in report.metrics
        ],
        grows="METRIC",
        empty="No promise came to its end.",
    )  # fmt: skip


def _targets(report: Report) -> None:
    if not report.targets:
        return
    _title("What was attained")
    write_table(
        ("POLICY", "PROMISE", "TARGET", "KEPT", "OF", "SHARE", "GOAL", "ATTAINED"),
        [
            (
                each.policy or NOBODY, f"{each.priority} {metric_words(each.metric)}", target(each), str(each.met),
                str(each.met + each.breached), str(each.compliance), state(each), each.says.partition(": ")[2],
            )
            for each in report.targets
        ],
        grows="POLICY",
        empty="",
    )  # fmt: skip


def target(line: TargetLine) -> str:
    """Write what was promised: business days have another length from week to week."""
    least, most = length(line.least_target_s), length(line.most_target_s)
    return least if least == most else f"{least} to {most}"


def _places(words: str, lines: Sequence[PlaceLine], slowest: str | None) -> None:
    if not lines:
        return
    _title(words)
    name = words.rpartition(" ")[2].upper()
    write_table(
        (name, "TIMES", "MEDIAN", "90 %", "LONGEST", "IN ALL", "SHARE", ""),
        [
            (
                each.name, str(each.took.known), length(each.took.median_s), length(each.took.p90_s),
                length(each.took.longest_s), length(each.took.total_s), f"{int((each.share or 0) * 100)} %",
                "slowest" if each.name == slowest else "",
            )
            for each in lines
        ],
        grows=name,
        empty="",
    )  # fmt: skip


def _overdue(report: Report, where: tzinfo) -> None:
    if not report.overdue_first:
        return
    _title("Overdue for longest")
    write_table(
        ("TICKET", "PROMISE", "POLICY", "OWNER", f"SINCE ({report.zone})"),
        [
            (
                each.ticket_id[-12:], f"{each.priority} {metric_words(each.metric)}", each.policy, each.owner or NOBODY,
                when(each.breached_at, where),
            )
            for each in report.overdue_first
        ],
        grows="POLICY",
        empty="",
    )  # fmt: skip


def _corrections(report: Report, where: tzinfo) -> None:
    if report.retracted:
        click.echo(f"\n{report.retracted} breaches were noted and taken back, for something was heard of late.")
    if report.added:
        click.echo(f"\n{report.added} were heard of only after the period ended.")
    if report.moved:
        click.echo(
            f"\n{report.moved} more counted here when the period ended; they went on, and count where they ended."
        )
    if not report.corrections:
        return
    _title(f"Corrected since the period ended: {report.corrected}")
    write_table(
        ("TICKET", "PROMISE", "POLICY", "SAID", "NOW", f"HEARD OF ({report.zone})"),
        [
            (
                each.ticket_id[-12:], f"{each.level} {metric_words(each.metric)}", each.policy, each.said, each.now,
                when(each.heard, where),
            )
            for each in report.corrections
        ],
        grows="POLICY",
        empty="",
    )  # fmt: skip
    if report.corrected > len(report.corrections):
        click.echo(f"and {report.corrected - len(report.corrections)} more", err=True)


# ---------------------------------------------------------------- comma-separated values

_LENGTHS = ("first_response", "reply", "resolution", "handling", "overrun", "backlog_age")
_NUMBERS = (
    "met", "breached", "canceled", "compliance_rate", "breach_rate", "reaches_goal", "below_alarm", "paused_share",
    "solved", "reopened", "reopened_rate", "escalated", "escalation_rate", "overrides", "acknowledged", "at_risk",
    "overdue", "paused", "backlog",
)  # fmt: skip
_PARTS = ("known", "going", "median_s", "p90_s", "longest_s", "total_s")
COLUMNS = (
    "section", "from", "to", "zone", "known_at", "revision", "goal_percent", "alarm_percent", "by", "name", "policy",
    "metric", "priority", *_NUMBERS, *(f"{name}_{part}" for name in _LENGTHS for part in _PARTS),
    *(f"took_{part}" for part in _PARTS), "least_target_s", "most_target_s", "attained_s", "says", "share",
)  # fmt: skip


def write_csv(report: Report) -> None:
    """Write all parts of a report as lines of one sheet; `section` says which part a line is of."""
    out = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    out.writeheader()
    same = {
        "from": report.begin.isoformat(),
        "to": report.end.isoformat(),
        "zone": report.zone,
        "known_at": report.known_at.isoformat(),
        "revision": report.revision,
        "goal_percent": report.goal_percent,
        "alarm_percent": report.alarm_percent,
    }
    for line in _lines(report):
        out.writerow({name: _cell(value) for name, value in (same | line).items()})


def _lines(report: Report) -> list[dict[str, Any]]:
    lines = [{"section": "total", "name": ALL, **_figures(report.total)}]
    lines += [{"section": "slice", "by": report.by, "name": each.name, **_figures(each)} for each in report.slices]
    for each in report.metrics:
        lines.append({"section": "metric", **_plain(each, ("metric", *_COUNTS)), **_told("took", each.took)})
        lines[-1] |= _told("overrun", each.overrun)
    lines += [
        {"section": "target", **_plain(each, (*_TARGET, *_COUNTS)), **_told("took", each.took)}
        for each in report.targets
    ]
    for section, places in (("status", report.statuses), ("stage", report.stages)):
        lines += [
            {"section": section, "name": each.name, "share": each.share, **_told("took", each.took)} for each in places
        ]
    lines += [
        {"section": "day", "name": each.day.isoformat(), "met": each.met, "breached": each.breached}
        for each in report.days
    ]
    return lines


_COUNTS = ("met", "breached", "compliance_rate", "reaches_goal", "below_alarm")
_TARGET = ("policy", "metric", "priority", "least_target_s", "most_target_s", "attained_s", "says")


def _figures(figures: Figures) -> dict[str, Any]:
    found = _plain(figures, _NUMBERS)
    for name in _LENGTHS:
        found |= _told(name, getattr(figures, name))
    return found


def _plain(value: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}


def _told(name: str, lengths: Lengths) -> Mapping[str, Any]:
    return {f"{name}_{part}": getattr(lengths, part) for part in _PARTS}


def _cell(value: Any) -> Any:
    """Return a cell; what strangers wrote is no formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return f"'{tame(value)}" if value.startswith(_FORMULA) else tame(value)
    return value
