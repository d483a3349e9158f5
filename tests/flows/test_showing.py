"""Due times and statuses at the desks: each change of a promise is shown once, whoever or whatever caused it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from gateway import crashpoint
from gateway.domain.clock_instance import Instance, Status
from gateway.domain.clock_log import EntryKind, LogEntry
from gateway.domain.shown import instant_text
from gateway.domain.update import UpdateState
from gateway.flow.plan import Cause, new_update
from gateway.flow.sla.escalating import Waker
from gateway.flow.sla.following import view_of
from gateway.flow.sla.timekeeping import told
from gateway.store import SqlStore
from rules import load_site
from rules.sync import own_shown
from tests.clocks import MovedClock
from tests.flows.world import Silent, World
from tests.rules.making import built_in, installed

GATEWAY = """
connections:
  acme-zendesk:
    connector: zendesk
    url: https://acme.example
    auth: {email: a@acme.example, api_token: "${A}"}
    webhook_secret: ${B}
  engineering-rt: {connector: request_tracker, url: "https://rt.example", auth: {token: "${C}"}, webhook_secret: "${D}"}
"""
RULES = """
calendars:
  always: 24x7
sla:
  - name: standard
    calendar: always
    targets:
      first_response: {P1: 30m, default: 4h}
      resolution: {P1: {warn: 1h, within: 2h}, default: {warn: 6h, within: 8h}}
    pause_when: {status: pending_customer}
sync:
  - name: to-rt
    from: acme-zendesk
    to: engineering-rt
    create: {queue: General}
    fields:
      title: from
      status:
        owner: both
        map:
          - {ours: new, theirs: new}
          - {ours: open, theirs: open}
          - {ours: [pending_customer, on_hold], theirs: stalled, back: on_hold}
          - {ours: [resolved, closed], theirs: resolved, back: resolved}
          - {ours: cancelled, theirs: rejected}
      comments: {public: both, internal: both}
"""
FIELD = "      due_time: {metric: resolution, write: {acme-zendesk: custom.sla_due}}\n"


class Office(World):
    """The gateway between its desks, and time that a test moves."""

    def __init__(self, store: SqlStore, due_time: str = FIELD, rules: str = RULES, gateway: str = GATEWAY) -> None:
        self.moved = MovedClock()
        self.gateway = gateway
        super().__init__(store, clock=self.moved)
        self.rules(rules + due_time)
        self.field = int(self.zendesk.act("field", title="SLA due"))
        self.status = int(self.zendesk.act("field", title="SLA status"))

    def rules(self, text: str) -> None:
        """Let other rules hold."""
        site, problems = load_site({"gateway.yaml": self.gateway, "rules/sla.yaml": text}, installed())
        assert site is not None, problems
        assert not [each for each in problems if each.is_error], problems
        connectors = {}
        for name, each in self.site.connectors.items():
            fields, tags = own_shown(site.rules.sync_rules, name, site.connections[name].due_time)
            settings = msgspec.structs.replace(each.settings, own_fields=fields, own_tags=tags)
            connectors[name] = built_in().connect(settings)
        self.site = msgspec.structs.replace(self.site, rules=site.rules, connectors=connectors)

    def ticket(self, **more: Any) -> int:
        """Let a customer ask for something."""
        given = self.zendesk.act("create", subject="Door", body="Stuck", email="kim@customer.example", **more)
        self.settle()
        return int(given["id"])

    def wake(self) -> None:
        """Let a sweep look at the clocks that are due."""
        Waker(store=self.store, site=lambda: self.site, doorbell=Silent(), clock=self.clock, ids=self.ids).wake(
            seconds=30
        )

    def later(self, **how: float) -> None:
        """Let time pass, a sweep look, and what came of it leave."""
        self.moved.ahead += timedelta(**how)
        self.zendesk.clock.skew = self.rt.clock.skew = self.moved.ahead
        self.wake()
        self.settle()

    def custom(self, number: int, field: int = 0) -> Any:
        """Return what a custom field of a Zendesk ticket shows."""
        fields = self.zendesk.records.tickets[number]["custom_fields"]
        return {each["id"]: each["value"] for each in fields}.get(field or self.field)

    def tags(self, number: int) -> list[str]:
        """Return the tags of a Zendesk ticket."""
        return list(self.zendesk.records.tickets[number]["tags"])

    def due(self) -> str | None:
        """Return the due time of the one RT ticket."""
        kept = self.rt.records.tickets[1].due
        return None if kept.startswith("1970") else instant_text(datetime.fromisoformat(kept).replace(tzinfo=UTC))

    def clock_of(self, metric: str = "resolution") -> Instance:
        """Return the last instance of a metric."""
        with self.store.read() as tx:
            (line,) = tx.view.tickets(limit=5)
            return [row.instance for row in tx.clocks.rows(line.id) if row.instance.metric == metric][-1]

    def by_hand(self, due: datetime | None) -> None:
        """Set a due time as `gateway sla due` does."""
        now = self.clock.now()
        with self.store.read() as tx:
            (line,) = tx.view.tickets(limit=5)

        def work(tx: Any) -> None:
            made = LogEntry(
                id=self.ids.new(), kind=EntryKind.OVERRIDE, at=now, arrived=now, metric="resolution", due=due
            )
            tx.clocks.add(line.id, [made])
            self.show(tx, line.id, f"person:{made.id}")

        self.store.write(work)

    def show(self, tx: Any, ticket_id: str, key: str) -> int:
        """Tell the clocks anew and put what the desks are to show into the outbox; return how much that is."""
        now = self.clock.now()
        kept = told(tx, ticket_id, now, self.site.rules)
        planned = view_of(tx, tx.tickets.get(ticket_id), kept, site=self.site, event_key=key, now=now)
        for each in planned:
            tx.outbox.add(new_update(each, self.ids.new(), Cause(release="test", trace_id="0" * 32, now=now)))
        return len(planned)

    def updates(self) -> list[tuple[str, str, str]]:
        """Return the updates but creations and comments, oldest first: where, what, and what became of it."""
        with self.store.read() as tx:
            lines = tx.view.updates(limit=200)[::-1]
        return [(each.connection, each.summary, each.state) for each in lines if each.operation == "set_fields"]

    def notes(self, number: int) -> list[str]:
        """Return the internal notes of a Zendesk ticket."""
        return [str(each["body"]) for each in self.zendesk.records.comments[number] if not each["public"]]


@pytest.fixture
def office(store: SqlStore) -> Iterator[Office]:
    """Give a gateway between two desks, with promises, on each database."""
    with Office(store) as made:
        yield made


def shown(at: datetime | None) -> str | None:
    """Return an instant as a field shows it."""
    return None if at is None else instant_text(at)


def test_a_new_ticket_shows_its_due_time_at_each_desk(office: Office) -> None:
    """In the field that the rule names, which is found by its title, and in the due time that RT itself has."""
    number = office.ticket()
    due = shown(office.clock_of().due)
    assert due is not None
    assert (office.custom(number), office.due()) == (due, due)
    assert office.updates() == [
        ("acme-zendesk", "set custom.sla_due", "done"),
        ("engineering-rt", "set due", "done"),
    ]


def test_nothing_is_written_again_that_stands_there(office: Office) -> None:
    """Neither the echoes of it, nor a reply, nor polls ask for another write."""
    number = office.ticket()
    before = office.updates()
    office.zendesk.act("comment", ticket_id=number, body="We look into it", public=True)
    office.settle()
    for _ in range(3):
        office.moved.ahead += timedelta(seconds=2)
        office.reconciler().poll_due(holder="r", seconds=5)
        office.settle()
    office.wake()
    office.settle()
    assert office.updates() == before


def test_what_pauses_clears_it_and_what_goes_on_sets_it_anew(office: Office) -> None:
    """A clock that waits is due at no time."""
    number = office.ticket()
    first = office.custom(number)
    office.zendesk.act("set", ticket_id=number, status="pending")
    office.settle()
    assert office.clock_of().status is Status.PAUSED
    assert (office.custom(number), office.due()) == (None, None)
    office.later(hours=2)
    office.zendesk.act("set", ticket_id=number, status="open")
    office.settle()
    due = shown(office.clock_of().due)
    assert (office.custom(number), office.due()) == (due, due)
    assert due > first


def test_another_priority_moves_it(office: Office) -> None:
    """A retarget is shown at once."""
    number = office.ticket()
    before = office.custom(number)
    office.zendesk.act("set", ticket_id=number, priority="urgent")
    office.settle()
    assert office.clock_of().level == "P1"
    due = shown(office.clock_of().due)
    assert (office.custom(number), office.due()) == (due, due)
    assert due < before


def test_a_due_time_by_hand_is_shown_and_taken_back(office: Office) -> None:
    """`gateway sla due` is the way to another due time."""
    number = office.ticket()
    counted = office.custom(number)
    wanted = (office.clock.now() + timedelta(hours=30)).replace(microsecond=0)
    office.by_hand(wanted)
    office.settle()
    assert (office.custom(number), office.due()) == (shown(wanted), shown(wanted))
    office.by_hand(None)
    office.settle()
    assert (office.custom(number), office.due()) == (counted, counted)


def test_what_is_done_keeps_its_due_time_and_a_closed_ticket_is_left_alone(office: Office) -> None:
    """A closed ticket of Zendesk takes no change: nothing becomes a dead letter."""
    number = office.ticket()
    due = office.custom(number)
    office.zendesk.act("set", ticket_id=number, status="solved")
    office.settle()
    assert office.clock_of().status is Status.SUCCEEDED
    assert (office.custom(number), office.due()) == (due, due)
    office.zendesk.act("set", ticket_id=number, status="closed")
    office.settle()
    office.later(hours=20)
    assert all(state == UpdateState.DONE for _, _, state in office.updates())


def test_what_is_called_off_is_due_no_more(office: Office) -> None:
    """An engineer rejects it: nothing is promised."""
    number = office.ticket()
    office.rt.act("set", ticket="1", Status="rejected")
    office.settle()
    assert office.clock_of().status is Status.CANCELED
    assert (office.custom(number), office.due()) == (None, None)


def test_a_persons_edit_is_written_over(office: Office) -> None:
    """In RT and in Zendesk: the field is the gateway's, and the trail says whose value was not taken."""
    number = office.ticket()
    due = office.custom(number)
    office.rt.act("set", ticket="1", Due="2031-01-01 00:00:00")
    office.settle()
    assert office.due() == due
    office.zendesk.act("set", ticket_id=number, custom_fields=[{"id": office.field, "value": "tomorrow"}])
    office.settle()
    assert office.custom(number) == due
    with office.store.read() as tx:
        lines = [each["detail"] for each in tx.view.audit(limit=100) if each["action"] == "edit not taken"]
    assert {(each["field"], each["at"]) for each in lines} == {
        ("due", "engineering-rt"),
        ("custom.sla_due", "acme-zendesk"),
    }


def test_an_automation_that_answers_each_due_time_is_stopped(office: Office) -> None:
    """Five answers in a row become a dead letter, not a war."""
    office.ticket()
    send = office.transport.send

    def sent(*given: Any, **more: Any) -> object:
        answer = send(*given, **more)
        if given[1].method == "PUT" and "Due" in (given[1].json or {}):
            office.rt.act("set", ticket="1", by="RT_System", Due="2031-01-01 00:00:00")
        return answer

    office.transport.send = sent  # type: ignore[method-assign, assignment]
    office.rt.act("set", ticket="1", by="RT_System", Due="2030-01-01 00:00:00")
    office.settle(seconds=60)
    with office.store.read() as tx:
        letters = list(tx.view.dead_letters())
    assert [(each.reason, each.connection) for each in letters] == [("bounce", "engineering-rt")]
    assert "due bounces" in letters[0].detail


def test_a_busy_ticket_writes_one_due_time(store: SqlStore) -> None:
    """Ten changes while RT is away are one update there."""
    with Office(store) as office:
        number = office.ticket()
        office.rt.stop()
        for place in range(10):
            office.zendesk.act("set", ticket_id=number, priority="urgent" if place % 2 else "low")
            office.zendesk.webhooks.flush(1)
            office.applier().drain(holder="a", seconds=5)
        waiting = [each for each in office.updates() if each[0] == "engineering-rt" and each[2] == "ready"]
        assert len(waiting) == 1


TAGGED = """\
      due_time:
        metric: resolution
        write:
          acme-zendesk: {field: custom.sla_due, as: text, status: custom.sla_status, tags: true, note: true}
          engineering-rt: {field: due, note: [due, breached]}
"""


def test_a_breach_by_time_alone_is_shown_by_the_sweep(store: SqlStore) -> None:
    """Near, then broken, then answered and done: a status, a tag and one note for each; people's tags stay."""
    with Office(store, TAGGED) as office:
        number = office.ticket(tags=["vip"])
        assert office.custom(number).endswith(" UTC")
        assert (office.custom(number, office.status), office.tags(number)) == ("in_progress", ["vip"])
        office.later(hours=6, seconds=5)
        assert (office.custom(number, office.status), office.tags(number)) == ("nearing", ["sla:at-risk", "vip"])
        office.zendesk.act("set", ticket_id=number, tags=["vip", "door", "sla:at-risk"])
        office.settle()
        office.later(hours=2)
        assert office.clock_of().status is Status.BREACHED
        assert (office.custom(number, office.status), office.tags(number)) == (
            "breached",
            ["door", "sla:breached", "vip"],
        )
        with office.store.read() as tx:
            (line,) = tx.view.tickets(limit=5)
            ticket = tx.tickets.get(line.id)
        assert ticket is not None
        assert ticket.tags == ("door", "vip")
        office.later(minutes=5)
        near, broken = office.notes(number)
        assert near.startswith("SLA: resolution is near: 1h59m")
        assert broken.startswith("SLA: resolution broke its promise at ")
        said = [one for one in office.rt.records.history(office.rt.records.tickets[1]) if one.type == "Comment"]
        assert len(said) == len(["due", "breached"])
        office.zendesk.act("set", ticket_id=number, status="solved")
        office.settle()
        assert office.tags(number) == ["door", "sla:breached", "vip"]
        assert all(state == UpdateState.DONE for _, _, state in office.updates())


def test_a_tag_that_somebody_takes_off_comes_back(store: SqlStore) -> None:
    """As long as it is true; and people's own tags stay theirs."""
    with Office(store, TAGGED) as office:
        number = office.ticket(tags=["vip"])
        office.later(hours=9)
        assert office.tags(number) == ["sla:breached", "vip"]
        # Zendesk counts in seconds: what its webhooks show of one proves nothing against a write in it
        office.later(seconds=2)
        office.zendesk.act("set", ticket_id=number, tags=["door"])
        office.settle()
        assert office.tags(number) == ["door", "sla:breached"]
        office.later(seconds=2)
        office.zendesk.act("set", ticket_id=number, tags=["door", "sla:breached", "sla:paused"])
        office.settle()
        assert office.tags(number) == ["door", "sla:breached"]
        assert all(state == UpdateState.DONE for _, _, state in office.updates())


FORMED = """\
      due_time:
        metric: resolution
        write:
          acme-zendesk:
            {field: custom.sla_due, as: FORM, while_paused: keep, status: custom.sla_status, words: {in_progress: calm}}
"""


@pytest.mark.parametrize("form", ["epoch", "date, zone: Pacific/Kiritimati", "text, zone: Europe/Prague"])
def test_a_field_has_its_form_and_may_keep_its_value_in_a_pause(store: SqlStore, form: str) -> None:
    """Seconds, a day or a text in a zone; and the desk's own word for a status."""
    with Office(store, FORMED.replace("FORM", form)) as office:
        number = office.ticket()
        due = office.clock_of().due
        assert due is not None
        wanted = {
            "epoch": int(due.timestamp()),
            "date": due.astimezone(ZoneInfo("Pacific/Kiritimati")).date().isoformat(),
            "text": due.astimezone(ZoneInfo("Europe/Prague")).strftime("%Y-%m-%d %H:%M %Z"),
        }[form.partition(",")[0]]
        assert (office.custom(number), office.custom(number, office.status)) == (wanted, "calm")
        office.zendesk.act("set", ticket_id=number, status="pending")
        office.settle()
        assert (office.custom(number), office.custom(number, office.status)) == (wanted, "paused")
        assert office.due() is None
        before = office.updates()
        office.moved.ahead += timedelta(seconds=2)
        office.reconciler().poll("acme-zendesk", holder="r")
        office.settle()
        assert office.updates() == before


AT_HOME = GATEWAY.replace(
    "    webhook_secret: ${B}\n",
    "    webhook_secret: ${B}\n    due_time: {metric: resolution, field: custom.sla_due, tags: {breached: late}}\n",
)


def test_a_desk_alone_shows_what_its_connection_says(store: SqlStore) -> None:
    """A ticket that no rule takes anywhere has promises, too."""
    with Office(store, "", RULES.partition("sync:")[0], AT_HOME) as office:
        number = office.ticket(tags=["vip"])
        assert office.custom(number) == shown(office.clock_of().due)
        office.later(hours=9)
        assert office.tags(number) == ["late", "vip"]
        assert [each[:2] for each in office.updates()] == [
            ("acme-zendesk", "set custom.sla_due"),
            ("acme-zendesk", "set sla_tags"),
        ]


def test_a_rule_says_otherwise_than_the_connection(store: SqlStore) -> None:
    """What a rule writes there takes the place of what is shown of every ticket."""
    due_time = "      due_time: {metric: first_response, write: {acme-zendesk: custom.sla_status}}\n"
    with Office(store, due_time, gateway=AT_HOME) as office:
        number = office.ticket()
        assert office.custom(number) is None
        assert office.custom(number, office.status) == shown(office.clock_of("first_response").due)


def test_a_ticket_that_is_closed_at_once_takes_no_change(store: SqlStore) -> None:
    """Its status can be shown at Zendesk no more; RT is told all the same, and nothing becomes a dead letter."""
    with Office(store, TAGGED.replace("{field: due, note: [due, breached]}", "{status: custom.Severity}")) as office:
        number = office.ticket()
        office.zendesk.act("set", ticket_id=number, status="closed")
        office.settle()
        assert office.custom(number, office.status) == "in_progress"
        assert office.rt.records.tickets[1].fields["Severity"] == "succeeded"
        # in RT it went along with the status
        assert {state for _, _, state in office.updates()} == {UpdateState.DONE, UpdateState.SUPERSEDED}


class DiedError(BaseException):
    """The process is gone."""


def test_a_crash_between_leaves_nothing_half_done(office: Office) -> None:
    """Clock and update are one commit: what dies on the way is done again, and shown once."""
    number = office.ticket()
    office.moved.ahead += timedelta(hours=9)
    office.zendesk.clock.skew = office.rt.clock.skew = office.moved.ahead
    before = office.updates()
    office.zendesk.act("set", ticket_id=number, status="pending")
    office.zendesk.webhooks.flush(1)
    points: list[str] = []

    def die(point: str) -> None:
        points.append(point)
        if point.startswith("apply.") and points.count(point) == 1:
            raise DiedError

    crashpoint.arm(die)
    try:
        for _ in range(6):
            try:
                office.applier().drain(holder="a", seconds=5)
            except DiedError:
                continue
    finally:
        crashpoint.arm(lambda _: None)
    assert [point for point in points if point.startswith("apply.")]
    office.moved.ahead += timedelta(minutes=1)
    office.settle()
    after = office.updates()[len(before) :]
    assert sorted(each[:2] for each in after) == sorted({each[:2] for each in after})
    assert office.custom(number) == shown(office.clock_of().due)


def test_a_breach_that_moves_after_its_end_is_shown_where_it_is(store: SqlStore) -> None:
    """A poll tells that the ticket is done, and its webhooks later that it had waited: the promise broke later."""
    with Office(store) as office:
        number = office.ticket()
        office.zendesk.webhooks.pause()
        for hours, status in ((1, "pending"), (1, "open")):
            office.later(hours=hours)
            office.zendesk.act("set", ticket_id=number, status=status)
        office.later(hours=7.5)
        office.zendesk.act("set", ticket_id=number, status="solved")
        assert office.reconciler().poll("acme-zendesk", holder="test")
        office.settle()
        early = office.clock_of().breached_at
        assert early is not None
        assert office.custom(number) == instant_text(early)
        office.zendesk.webhooks.resume()
        office.settle()
        assert office.clock_of().ended is not None
        late = office.clock_of().breached_at
        assert late is not None
        assert late > early
        assert office.custom(number) == instant_text(late)


def test_a_policy_that_comes_later_is_shown_then(store: SqlStore) -> None:
    """A ticket without a promise shows nothing; the first event under a policy shows what it promises."""
    none = RULES.replace("  - name: standard\n", "  - name: standard\n    when: {priority: P1}\n")
    with Office(store, rules=none) as office:
        number = office.ticket()
        assert (office.custom(number), office.due(), office.updates()) == (None, None, [])
        office.zendesk.act("set", ticket_id=number, priority="urgent")
        office.settle()
        due = shown(office.clock_of().due)
        assert (office.custom(number), office.due()) == (due, due)


def test_a_link_that_is_made_later_shows_it_at_once(store: SqlStore) -> None:
    """The ticket goes to RT when it becomes urgent: its due time goes with it."""
    late = RULES.replace("    to: engineering-rt\n", "    to: engineering-rt\n    when: {priority: P1}\n")
    with Office(store, rules=late) as office:
        number = office.ticket()
        assert office.custom(number) is None
        office.zendesk.act("set", ticket_id=number, priority="urgent")
        office.settle()
        due = shown(office.clock_of().due)
        assert (office.custom(number), office.due()) == (due, due)


def test_a_rule_can_keep_it_from_a_desk(store: SqlStore) -> None:
    """`false`, and `write_back: false`, leave RT's due time to people."""
    hidden = "      due_time: {metric: resolution, write: {acme-zendesk: custom.sla_due, engineering-rt: false}}\n"
    for due_time in (hidden, FIELD + "    write_back: false\n"):
        with Office(store, due_time) as office:
            number = office.ticket()
            assert office.custom(number) is not None
            assert office.rt.records.tickets[1].due.startswith("1970")
            office.rt.act("set", ticket="1", Due="2031-01-01 00:00:00")
            office.settle()
            assert office.due() == "2031-01-01T00:00:00Z"
        break


def test_without_a_metric_what_is_due_first_is_shown(store: SqlStore) -> None:
    """The first response, until it is given; then the resolution."""
    with Office(store, "") as office:
        number = office.ticket()
        assert office.due() == shown(office.clock_of("first_response").due)
        office.zendesk.act("comment", ticket_id=number, body="We are on it", by="agent", public=True)
        office.settle()
        assert office.due() == shown(office.clock_of("resolution").due)


def test_observe_writes_nothing_and_says_so_once(office: Office) -> None:
    """The trail has what would be written, for each change of a promise and not for each event."""
    number = office.ticket()
    before = office.custom(number)
    office.site = msgspec.structs.replace(office.site, mode="observe")
    office.zendesk.act("set", ticket_id=number, priority="urgent")
    office.settle()
    office.zendesk.act("set", ticket_id=number, subject="Door again")
    office.settle()
    with office.store.read() as tx:
        held = [each["detail"] for each in tx.view.audit(limit=100) if each["action"] == "withheld"]
    assert sorted(each["what"] for each in held if "due" in each["what"]) == ["set custom.sla_due", "set due"]
    assert office.custom(number) == before


def test_a_task_of_zendesk_has_a_due_time_of_its_own(store: SqlStore) -> None:
    """Unasked, as every desk that has the field; another kind of ticket has none."""
    with Office(store, "") as office:
        number = office.ticket(type="task")
        assert office.zendesk.records.tickets[number]["due_at"] == shown(office.clock_of("first_response").due)
        office.zendesk.act("set", ticket_id=number, type="incident", priority="urgent")
        office.settle()
        assert all(state == UpdateState.DONE for _, _, state in office.updates())


def test_a_field_that_the_desk_does_not_have_is_a_dead_letter(store: SqlStore) -> None:
    """One, that says what to do; the ticket's other updates are held in that lane only."""
    with Office(store, FIELD.replace("sla_due", "deadline")) as office:
        number = office.ticket()
        office.zendesk.act("set", ticket_id=number, priority="urgent")
        office.settle()
        with office.store.read() as tx:
            letters = list(tx.view.dead_letters())
        assert [(each.reason, each.connection) for each in letters] == [("unmapped", "acme-zendesk")]
        assert "no custom field is known as 'deadline'" in letters[0].detail
        assert office.due() == shown(office.clock_of().due)


def test_a_merged_ticket_is_left_alone_and_its_copy_is_due_no_more(office: Office) -> None:
    """Its own desk merged it into another, which answers for both: the next sweep shows that at the other desk."""
    number, other = office.ticket(), office.ticket()
    assert office.due() is not None
    office.zendesk.act("merge", ticket_id=number, into=other)
    office.settle()
    before = [each for each in office.updates() if each[0] == "acme-zendesk"]
    office.wake()
    office.settle()
    assert office.due() is None
    assert not office.rt.records.tickets[2].due.startswith("1970")
    assert all(state == UpdateState.DONE for _, _, state in office.updates())
    assert [each for each in office.updates() if each[0] == "acme-zendesk"][: len(before)] == before
    office.wake()
    with office.store.read() as tx:
        assert not tx.clocks.has_due(office.clock.now())
