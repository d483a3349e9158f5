"""Reports on the clocks of tickets that really lived: through the desks, and very many of them, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.slack.simulator import SlackSimulator
from gateway.domain.clock_log import EntryKind, LogEntry
from gateway.domain.report.counted import Period
from gateway.domain.report.course import Slice
from gateway.domain.report.result import Report
from gateway.flow.sla.reporting import Asked, sla_report
from gateway.flow.sla.timekeeping import told
from gateway.store import SqlStore, migrate, open_store
from gateway.store.unit import SqlTx
from rules import load_site
from rules.decide import RuleSet
from tests.flows.office import Office
from tests.store.lives import RULES, fill

#: a day on which lives have been lived for long enough
UNTIL = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def office(store: SqlStore) -> Iterator[Office]:
    """Give a gateway between its desks, with time that a test moves."""
    with SlackSimulator(bot_token="xoxb") as slack, Office(store, slack) as made:
        yield made


@pytest.fixture
def rules() -> RuleSet:
    """Give the rules that lives are lived by."""
    site, problems = load_site({"gateway.yaml": "connections: {}\n", "rules/sla.yaml": RULES}, {})
    assert site is not None, problems
    return site.rules


def asked(
    store: SqlStore, begin: datetime, end: datetime, known: datetime, by: Slice, now: datetime | None = None
) -> Report:
    """Make a report."""
    wanted = Asked(period=Period(begin, end), by=by, zone=UTC, zone_name="UTC", known_at=known)
    return sla_report(store, wanted, now=now or known, mode="live")


def test_what_happened_at_the_desks_is_in_the_report(office: Office) -> None:
    """Answered late, escalated, set by hand at no time, solved and reopened; taken apart by who it was."""
    began = office.clock.now() - timedelta(minutes=1)
    number = office.ticket(priority="high")
    office.later(hours=9)
    office.zendesk.act("comment", ticket_id=number, body="We are on it", by="agent", public=True)
    office.zendesk.act("set", ticket_id=number, status="solved")
    office.settle()
    now = office.clock.now() + timedelta(seconds=1)
    found = asked(office.store, began, now, now, Slice.SOURCE)
    assert [each.name for each in found.slices] == ["acme-zendesk"]
    (mine,) = found.slices
    assert msgspec.structs.replace(mine, name="") == found.total
    assert (found.total.breached, found.total.solved, found.total.backlog) == (2, 1, 0)
    assert {each.metric: each.breached for each in found.metrics} == {"first_response": 1, "resolution": 1}
    assert found.total.escalated == 1
    assert 9 * 3600 - 60 <= (found.total.first_response.median_s or 0) <= 9 * 3600 + 60
    office.later(hours=1)
    office.zendesk.act("set", ticket_id=number, status="open")
    office.settle()
    now = office.clock.now() + timedelta(seconds=1)
    found = asked(office.store, began, now, now, Slice.SOURCE)
    assert (found.total.reopened, found.total.solved, found.total.backlog, found.total.overdue) == (1, 0, 1, 1)
    assert [each.name for each in found.statuses if each.took.known]
    (late,) = found.overdue_first
    assert (late.metric, late.ticket_id) == ("resolution", office.now().id)


def test_a_report_needs_no_sweep(office: Office) -> None:
    """What time broke while nobody looked is broken all the same; what nobody has escalated is not escalated."""
    began = office.clock.now() - timedelta(minutes=1)
    office.ticket(priority="urgent")
    office.moved.ahead += timedelta(hours=3)
    now = office.clock.now()
    found = asked(office.store, began, now, now, Slice.POLICY)
    assert {each.metric: each.breached for each in found.metrics} == {"resolution": 1}
    assert (found.total.overdue, found.total.escalated) == (1, 0)
    office.later(minutes=1)
    later = office.clock.now()
    found = asked(office.store, began, later, later, Slice.POLICY)
    assert (found.total.overdue, found.total.escalated) == (1, 1)
    assert asked(office.store, began, now, now, Slice.POLICY, now=later).total.escalated == 0


def test_who_worked_on_it_is_named_as_long_as_a_ticket_names_them(office: Office) -> None:
    """The log keeps an account only; the name is that which the ticket still has."""
    number = office.ticket()
    office.zendesk.act("set", ticket_id=number, assignee_id=office.zendesk.records.agent)
    office.settle()
    person = office.now().assignee
    assert person is not None
    with office.store.read() as tx:
        kept = [entry.context for entry in tx.clocks.log(office.now().id) if entry.kind is EntryKind.CONTEXT]
    assert [each.get("owner", "") != "" for each in kept] == [False, True]
    assert all(person.label not in each and person.label not in each.values() for each in kept)
    office.zendesk.act("comment", ticket_id=number, body="On it", by="agent", public=True)
    office.settle()
    now = office.clock.now() + timedelta(seconds=1)
    found = asked(office.store, now - timedelta(hours=1), now, now, Slice.OWNER)
    assert [(each.name, each.met) for each in found.slices] == [(person.label, 1)]


def figures(report: Report) -> dict[str, Any]:
    """Return what a report says, without what names tickets or the time at which it was made."""
    found: dict[str, Any] = msgspec.to_builtins(report)
    for name in ("known_at", "overdue_first", "corrections"):
        del found[name]
    del found["unseen"]["first"]
    return found


@pytest.mark.parametrize("days", [20, 31])
def test_a_report_as_it_was_known_is_the_report_of_that_time(
    store: SqlStore, rules: RuleSet, tmp_path: Path, days: int
) -> None:
    """What was heard of later, and what has happened since, is as if it were not: to the last figure."""
    then = UNTIL - timedelta(days=30)
    fill(store, rules, 120, until=UNTIL, now=UNTIL)
    old = open_store(f"sqlite:///{tmp_path / 'old.db'}", tmp_path / "keys", clock=store.clock, ids=store.ids)
    try:
        migrate(old.engine)
        fill(old, rules, 120, until=UNTIL, now=then)
        begin, end = then - timedelta(days=40), UNTIL - timedelta(days=60 - days)
        said = asked(old, begin, end, then, Slice.CLIENT)
        assert figures(asked(store, begin, end, then, Slice.CLIENT, now=UNTIL)) == figures(said)
        assert said.total.met > 100
        assert said.total.breached
    finally:
        old.close()


def test_two_months_add_up_in_the_record(store: SqlStore, rules: RuleSet) -> None:
    """Read by index from the record, nothing is counted twice or left out at the seam."""
    fill(store, rules, 150, until=UNTIL, now=UNTIL)
    first, middle, last = (UNTIL - timedelta(days=days) for days in (91, 45, 0))
    whole, one, two = (
        asked(store, a, b, UNTIL, Slice.TEAM) for a, b in ((first, last), (first, middle), (middle, last))
    )
    for name in ("met", "breached", "canceled", "solved", "reopened", "paused_s", "running_s"):
        assert getattr(one.total, name) + getattr(two.total, name) == getattr(whole.total, name), name
    assert whole.total.met > 300
    assert {each.name for each in whole.slices} == {"ops", "support"}
    assert sum(each.met for each in whole.days) == whole.total.met


def test_what_comes_late_restates_a_period_with_a_revision(store: SqlStore, rules: RuleSet) -> None:
    """A reply is heard of a month later: the breach is taken back, and the report of before can be had still."""
    fill(store, rules, 40, until=UNTIL, now=UNTIL)
    begin, end = UNTIL - timedelta(days=80), UNTIL - timedelta(days=20)
    before = asked(store, begin, end, UNTIL, Slice.PRIORITY)
    assert before.total.breached
    with store.read() as tx:
        (row,) = [
            (name, each.instance)
            for name in tx.reporting.tickets(begin, end, end)
            for each in tx.clocks.rows(name)
            if each.instance.metric == "first_response" and each.instance.breached_at is not None
            and begin < each.instance.breached_at < end - timedelta(days=5)
        ][:1]  # fmt: skip
    ticket_id, broken = row
    heard = UNTIL + timedelta(hours=1)
    late = LogEntry(id=store.ids.new(), kind=EntryKind.AGENT, at=broken.started + timedelta(seconds=30), arrived=heard)

    def hear(tx: SqlTx) -> None:
        tx.clocks.add(ticket_id, [late])
        told(tx, ticket_id, heard, rules)

    store.write(hear)
    after = asked(store, begin, end, heard + timedelta(hours=1), Slice.PRIORITY)
    assert after.revision == before.revision + 1
    assert (after.corrected, after.retracted) == (before.corrected + 1, before.retracted + 1)
    assert (after.corrections[0].ticket_id, after.corrections[0].heard) == (ticket_id, heard)
    assert after.total.breached == before.total.breached - 1
    again = asked(store, begin, end, UNTIL, Slice.PRIORITY, now=heard + timedelta(hours=1))
    assert figures(again) == figures(before)


def test_progress_is_told_and_a_ticket_that_cannot_be_told_is_left_out(store: SqlStore, rules: RuleSet) -> None:
    """One broken log keeps no report back; the report says that it is left out."""
    fill(store, rules, 30, until=UNTIL, now=UNTIL)
    steps: list[tuple[int, int]] = []
    with store.read() as tx:
        name, *_ = tx.reporting.tickets(UNTIL - timedelta(days=91), UNTIL, UNTIL)
    bad = LogEntry(
        id=store.ids.new(), kind=EntryKind.TERMS, at=UNTIL - timedelta(days=1), arrived=UNTIL, terms="of nobody"
    )
    store.write(lambda tx: tx.clocks.add(name, [bad]))
    wanted = Asked(
        period=Period(UNTIL - timedelta(days=91), UNTIL), by=Slice.TEAM, zone=UTC, zone_name="UTC", known_at=UNTIL
    )
    found = sla_report(store, wanted, now=UNTIL, mode="live", progress=lambda done, whole: steps.append((done, whole)))
    assert found.left_out == 1
    assert found.total.met
    assert steps == [(0, 30), (30, 30)]


def test_a_record_without_clocks_gives_an_empty_report(store: SqlStore) -> None:
    """No number and no rate, and no failure."""
    found = asked(store, UNTIL - timedelta(days=1), UNTIL, UNTIL, Slice.PRIORITY)
    assert found.is_empty
    assert (found.total.compliance_rate, found.slices, found.revision) == (None, [], 1)
