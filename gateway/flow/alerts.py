"""The gateway says what is wrong with itself: the `alerts:` of gateway.yaml, looked at by the sweep.

An alert is an ordinary update in the lane of the channel or of the account that it goes to, written in the transaction
that moves the alert's state on by a compare-and-set: several sweeps that look at once raise it once. It names
connections, reasons, numbers and tickets by their number; never a requester or a desk's words. One that reaches nobody
stands all the same, where people look how the gateway is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from gateway.domain.ids import effect_key
from gateway.domain.update import Intent, Operation
from gateway.flow import lasting
from gateway.flow.desks import LiveSite
from gateway.flow.stale import Rotas
from gateway.flow.telling import Place, Said, Told, lane_of, moment, nobody_told, places
from gateway.ports import AlertState, AuditEntry, Backlog, Clock, Ids, NewUpdate, Store, Tx
from rules.alerts import Alert, Metric
from rules.duration import words
from rules.notices import people_of

log = logging.getLogger(__name__)

LOOK_EVERY = 15.0
#: a raised alert is told again after an hour, then after two, four …
REPEAT = timedelta(hours=1)
LONGEST_REPEAT = timedelta(days=1)
#: an alert is over when what it watches was within its limit for this long: no message for each flutter
CALM = timedelta(minutes=5)


class Watch:
    """Looks at the alerts of the site."""

    def __init__(self, *, store: Store, site: Callable[[], LiveSite], clock: Clock, ids: Ids) -> None:
        self._store = store
        self._site = site
        self._clock = clock
        self._ids = ids
        self._looked_at: float | None = None

    def look(self) -> int:
        """Look, unless that was just done; return how many messages were put into the outbox."""
        now = self._clock.monotonic()
        site = self._site()
        # in mode observe nothing leaves
        if site.observes("", self._clock.now()) or (self._looked_at and now - self._looked_at < LOOK_EVERY):
            return 0
        self._looked_at = now
        at = self._clock.now()
        watched = [each for each in site.alerts if each.metric is not None]
        with self._store.read() as tx:
            backlog = tx.alerts.backlog(at) if any(_of_letters(each) for each in watched) else Backlog()
            copies = tx.feeds.all() if any(each.metric is Metric.ROSTER_FEED_STALE for each in watched) else {}
            states = {alert.key: tx.alerts.state(alert.key) for alert in watched}
            gone = [state for state in tx.alerts.raised() if state.key not in states]
        for state in gone:
            self._store.write(lambda tx, gone=state: tx.alerts.change(_moved(over(gone))))  # type: ignore[misc]
        told = 0
        for alert in watched:
            state = states[alert.key]
            if alert.of_tickets:
                told += self._lasting(alert, state, site, at)
            else:
                stale = alert.metric is Metric.ROSTER_FEED_STALE
                watching: Watching = Rotas(site.rules.routing.feeds, copies) if stale else Letters(backlog)
                told += self._measured(alert, state, watching, site, at)
        return told

    def _measured(self, alert: Alert, before: AlertState, watching: Watching, site: LiveSite, at: datetime) -> int:
        """Look at what is one number: the dead letters, the rotas that are fetched."""
        after, what = judge(before, at, exceeded=alert.exceeds(watching.value(alert, at)))
        if after == before:
            return 0
        said: list[tuple[Place, Said]] = []
        if what is not None:
            message = watching.text(alert, what, before.raised_at or at, at)
            people, _ = people_of(
                alert.notify, None, site.rules.sections, on_call=site.rules.routing.roster.on_call(at)
            )
            placed = places(alert.notify, people, site.connectors)
            said = [(place, message) for place in placed]
            headline = message.title.partition(": ")[2] + nobody_told(placed, people)
            after = msgspec.structs.replace(after, detail="" if what is Told.OVER else headline)

        def work(tx: Tx) -> int:
            moved = _change(tx, alert, after)
            return self._say(tx, alert, moved, said, what, site, at) if moved and what else 0

        return self._store.write(work)

    def _lasting(self, alert: Alert, before: AlertState, site: LiveSite, at: datetime) -> int:
        """Look at what has lasted for too long, ticket by ticket; each is told once."""
        with self._store.read() as tx:
            number, fresh = lasting.over(tx, alert, site.rules, at)
            said, missed = lasting.messages(tx, alert, fresh, site, at) if fresh else ([], "")
        after = before
        if number:
            missed = missed or before.detail.partition("; ")[2]
            detail = "; ".join(each for each in (lasting.headline(alert, number), missed) if each)
            after = msgspec.structs.replace(before, raised_at=before.raised_at or at, detail=detail)
        elif before.raised_at is not None:
            after = over(before)
        if fresh:
            after = msgspec.structs.replace(after, told_at=at, told=before.told + 1)
        if after == before:
            return 0

        def work(tx: Tx) -> int:
            moved = _change(tx, alert, after)
            if moved is None:
                return 0
            tx.alerts.forget(alert.key)
            tx.alerts.tell(alert.key, fresh, at)
            return self._say(tx, alert, moved, said, Told.RAISED, site, at) if fresh else 0

        return self._store.write(work)

    def _say(
        self,
        tx: Tx,
        alert: Alert,
        state: AlertState,
        said: Sequence[tuple[Place, Said]],
        what: Told,
        site: LiveSite,
        at: datetime,
    ) -> int:
        """Put what there is to say into the outbox; return how many messages that are."""
        event = f"alert:{alert.key}:{state.version}"
        trace = self._ids.new().replace("-", "")
        for place, message in said:
            lane = lane_of(place)
            if tx.links.get(lane.id) is None:
                tx.links.add(lane, at)
            update = NewUpdate(
                id=self._ids.new(),
                link_id=lane.id,
                # no ticket stands behind it
                ticket_id="",
                connection=place.connection,
                operation=Operation.NOTIFY,
                effect_key=effect_key(lane.id, event, Operation.NOTIFY.value, what.value),
                intent=Intent(
                    Operation.NOTIFY,
                    fields={"title": message.title, "body": place.addressed(message.body)},
                    params=place.params,
                ),
                summary=f"alert {what.value}: {alert.when}",
                delivery_id="",
                event_key=event,
                rule=f"alert {alert.when}"[:200],
                release=site.release,
                trace_id=trace,
                created_at=at,
                blocks=False,
            )
            tx.outbox.add(update)
        reached = sorted({place.connection for place, _ in said})
        detail = {"alert": alert.when, "told": reached}
        tx.audit.add([AuditEntry(at, "gateway", f"alert {what.value}", detail=detail, trace_id=trace)])
        log.warning("alert", extra={"alert": alert.when, "what": what.value, "connections": reached})
        return len(said)


class Watching(Protocol):
    """What an alert with one number watches."""

    def value(self, alert: Alert, now: datetime) -> float:
        """Return it: seconds or a number."""
        ...

    def text(self, alert: Alert, what: Told, since: datetime, now: datetime) -> Said:
        """Say how it stands, and which command comes next."""
        ...


class Letters(msgspec.Struct, frozen=True):
    """The dead letters."""

    backlog: Backlog

    def value(self, alert: Alert, now: datetime) -> float:
        """Return their age, or how many were given up."""
        return value_of(alert, self.backlog, now)

    def text(self, alert: Alert, what: Told, since: datetime, now: datetime) -> Said:
        """Say how many there are."""
        return text(alert, what, self.backlog, since, now)


def _of_letters(alert: Alert) -> bool:
    return not alert.of_tickets and alert.metric is not Metric.ROSTER_FEED_STALE


def _change(tx: Tx, alert: Alert, state: AlertState) -> AlertState | None:
    """Store how an alert stands now; None when another was quicker."""
    moved = _moved(msgspec.structs.replace(state, name=alert.when))
    return moved if tx.alerts.change(moved) else None


def _moved(state: AlertState) -> AlertState:
    return msgspec.structs.replace(state, version=state.version + 1)


def over(state: AlertState) -> AlertState:
    """Return how an alert stands when nothing is too much any more."""
    return msgspec.structs.replace(state, raised_at=None, told=0, calm_since=None, detail="")


def value_of(alert: Alert, backlog: Backlog, now: datetime) -> float:
    """Return what an alert watches: seconds or a number."""
    if alert.metric is Metric.DEAD_LETTERS_PER_HOUR:
        return backlog.recent
    return (now - backlog.oldest).total_seconds() if backlog.oldest else 0.0


def judge(state: AlertState, now: datetime, *, exceeded: bool) -> tuple[AlertState, Told | None]:
    """Return how an alert stands after a look, and what there is to say of it."""
    if state.raised_at is None:
        if not exceeded:
            return state, None
        return msgspec.structs.replace(state, raised_at=now, told_at=now, told=1, calm_since=None), Told.RAISED
    if exceeded:
        awake = msgspec.structs.replace(state, calm_since=None)
        if state.told_at is None or now - state.told_at >= _pause(state.told):
            return msgspec.structs.replace(awake, told_at=now, told=state.told + 1), Told.STILL
        return awake, None
    if state.calm_since is None:
        return msgspec.structs.replace(state, calm_since=now), None
    if now - state.calm_since < CALM:
        return state, None
    return msgspec.structs.replace(state, raised_at=None, told_at=now, told=0, calm_since=None), Told.OVER


def _pause(told: int) -> timedelta:
    """Return how long to be silent after so many messages."""
    return min(REPEAT * (1 << min(10, max(0, told - 1))), LONGEST_REPEAT)


def text(alert: Alert, what: Told, backlog: Backlog, since: datetime, now: datetime) -> Said:
    """Say what happened, how much, since when, what most of it is, and which command comes next."""
    lines = [f"Alert `{alert.when}`, since {moment(since)}."]
    if what is Told.OVER:
        title = f"Desk Gateway: over: {alert.when}"
        lines = [f"It began {moment(since)} and lasted {words(int((now - since).total_seconds()))}."]
    elif alert.metric is Metric.DEAD_LETTERS_PER_HOUR:
        title = f"Desk Gateway: {_letters(backlog.recent)} within an hour"
    else:
        age = int(value_of(alert, backlog, now)) // 60 * 60
        title = f"Desk Gateway: {_letters(backlog.total)}, the oldest for {words(age)}"
    if what is Told.STILL:
        title = title.replace("Desk Gateway:", "Desk Gateway, still:", 1)
    if backlog.total and backlog.oldest:
        waits = "waits" if backlog.total == 1 else "wait"
        waiting = f"{_letters(backlog.total)} {waits} for a person, the oldest since {moment(backlog.oldest)}"
        lines += [
            f"{waiting}; {backlog.recent} given up within the last hour.",
            f"Most of it ({backlog.top}): {_cause(backlog)}.",
            f"Next: `{_command(backlog)}`",
        ]
    else:
        lines.append("No dead letter waits any more.")
    if alert.runbook and what is not Told.OVER:
        lines.append(f"Runbook: {alert.runbook}")
    return Said(what, title, "\n".join(lines))


def _letters(number: int) -> str:
    return "1 dead letter" if number == 1 else f"{number} dead letters"


def _cause(backlog: Backlog) -> str:
    what = f"updates to {backlog.connection}" if backlog.what == "update" else f"deliveries of {backlog.connection}"
    return f"{what}, {backlog.reason}" if backlog.reason else what


def _command(backlog: Backlog) -> str:
    reason = f" --reason {backlog.reason}" if backlog.reason else ""
    return f"gateway dead-letters list --connection {backlog.connection}{reason}"
