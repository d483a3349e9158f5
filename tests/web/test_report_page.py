"""The page of a report: whole in itself, true to the figures, and safe whatever a client is called."""

from __future__ import annotations

import re
from datetime import UTC, date, timedelta
from fractions import Fraction
from html.parser import HTMLParser

import msgspec
import pytest

from gateway.domain.report.counted import Period
from gateway.domain.report.course import Slice
from gateway.domain.report.result import DayLine, Report
from gateway.flow.sla.reporting import Asked, sla_report
from gateway.store import SqlStore
from gateway.web.charts import HEIGHT, shares, targets, trend
from gateway.web.report import page
from rules import load_site
from tests.flows.test_reports import UNTIL
from tests.store.lives import RULES, fill


class Reading(HTMLParser):
    """What a browser would take the page for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag, and what it would load."""
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "data", "xlink:href", "srcset"}]
        self.links += [name for name, _ in attrs if name.startswith("on")]
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """See that what ends had begun."""
        assert self.open.pop() == tag


@pytest.fixture
def report(store: SqlStore) -> Report:
    """Give a report on a spring."""
    site, problems = load_site({"gateway.yaml": "connections: {}\n", "rules/sla.yaml": RULES}, {})
    assert site is not None, problems
    fill(store, site.rules, 60, until=UNTIL, now=UNTIL)
    period = Period(UNTIL - timedelta(days=91), UNTIL - timedelta(days=10))
    asked = Asked(period=period, by=Slice.CLIENT, zone=UTC, zone_name="Europe/Prague", known_at=UNTIL)
    return sla_report(store, asked, now=UNTIL, mode="live")


def test_the_page_needs_nothing_else(report: Report) -> None:
    """No script, no link, no image; all that is drawn is in it, and every tag that begins ends."""
    text = page(report, UNTIL)
    seen = Reading(text)
    assert seen.links == []
    assert not {"script", "link", "img", "iframe", "object"} & set(seen.tags)
    assert seen.tags.count("svg") >= 4
    assert seen.open == []
    assert not re.search(r"url\(|@import|https?:", text)
    assert "prefers-color-scheme: dark" in text


def test_the_page_says_what_the_report_says(report: Report) -> None:
    """The share, the goal and the alarm line, the period in its zone, the revision, what was attained."""
    text = page(report, UNTIL)
    assert str(report.total.compliance) in text
    assert "goal 90 %" in text
    assert "alarm 85 %" in text
    assert "2026-03-02 13:00" in text
    assert f"revision {report.revision}" in text
    assert report.targets[0].says.partition(": ")[2] in text
    assert all(each.name in text for each in report.slices)


def test_a_client_is_no_markup(report: Report) -> None:
    """Whatever it is called."""
    named = msgspec.structs.replace(report.slices[0], name="<img src=x onerror=alert(1)>")
    text = page(msgspec.structs.replace(report, slices=[named], look_first=["<b>"]), UNTIL)
    assert "<img" not in text
    assert "&lt;img src=x" in text
    assert "<b>&" not in text
    assert "&lt;b&gt;" in text


def test_an_empty_report_is_a_page_as_well(store: SqlStore) -> None:
    """It says that there is nothing."""
    asked = Asked(
        period=Period(UNTIL - timedelta(days=1), UNTIL), by=Slice.TEAM, zone=UTC, zone_name="UTC", known_at=UNTIL
    )
    text = page(sla_report(store, asked, now=UNTIL, mode="observe"), UNTIL)
    assert "there is nothing to report" in text
    assert "only observes" in text
    assert "<svg" not in text


def days(*counts: tuple[int, int], step: int = 1) -> list[DayLine]:
    """Return some days in a row."""
    return [DayLine(date(2026, 1, 1) + timedelta(days=step * n), *each) for n, each in enumerate(counts)]


def test_a_point_stands_where_its_share_is(report: Report) -> None:
    """Above the lines or below them, marked by exact comparison; fewer than two points are no line."""
    found = trend(msgspec.structs.replace(report, days=days((9, 1), (87, 13), (8, 2))))
    assert found is not None
    assert [each.mark for each in found.points] == ["good", "below", "alarm"]
    assert found.points[0].y == found.goal.y
    assert found.points[1].y > found.goal.y
    assert found.goal.y < found.points[1].y < found.alarm.y < found.points[2].y <= HEIGHT
    assert found.points[2].says == "2026-01-03: 80.00 % kept (8 of 10)"
    assert trend(msgspec.structs.replace(report, days=days((9, 1)))) is None


@pytest.mark.parametrize(("step", "unit"), [(1, "days"), (10, "weeks"), (60, "months")])
def test_a_long_time_is_told_in_weeks_and_months(report: Report, step: int, unit: str) -> None:
    """No promise is lost between them."""
    found = trend(msgspec.structs.replace(report, days=days(*[(3, 1)] * 20, step=step)))
    assert found is not None
    assert found.unit == unit
    told = [re.findall(r"\((\d+) of (\d+)\)", each.says)[0] for each in found.points]
    assert (sum(int(a) for a, _ in told), sum(int(b) for _, b in told)) == (60, 80)


def test_bars_are_as_long_as_what_they_stand_for(report: Report) -> None:
    """A share in percent; an attained time against its target, the middle; what is longer is cut."""
    bars = shares(report)
    assert bars.rows[0].width == round((report.total.compliance_rate or 0) * 100, 2)
    line = msgspec.structs.replace(report.targets[0], most_target_s=100, least_target_s=100, attained_s=100)
    (bar,) = targets(msgspec.structs.replace(report, targets=[line])).rows
    assert (bar.width, bar.is_cut) == (50, False)
    (bar,) = targets(msgspec.structs.replace(report, targets=[msgspec.structs.replace(line, attained_s=201)])).rows
    assert (bar.width, bar.is_cut) == (100, True)
    assert Fraction(report.goal_percent) == 90
