"""Zendesk's own SLA clocks: its ticket metric events, and when it says that a ticket will break a promise.

The events [Z15] are a time-based export: `activate`, `pause` and `fulfill` of every metric, `apply_sla` with a target,
`breach`, each of a numbered instance; `deleted` takes one back. They say no due time, which Zendesk counts by schedules
that only it knows: it stands in the `slas` of a ticket, which is read for those that the events are about.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from connectors.sdk import AuthenticationError, Call, Event, EventKind, digest, retry_after
from connectors.zendesk.asking import API, decoded, get
from connectors.zendesk.mapping import Json, ident, moment, obj, objects, text
from gateway.domain.desk_promise import DeskPromise, DeskSays
from gateway.errors import ThrottledError

#: Zendesk's metrics in our words; the first reply is instance 1 of reply_time, the next ones are the others
METRICS = {
    "agent_work_time": "agent_work",
    "pausable_update_time": "pausable_update",
    "periodic_update_time": "periodic_update",
    "requester_wait_time": "requester_wait",
    "resolution_time": "resolution",
}
REPLY = "reply_time"
#: the metrics of a ticket's `slas`
SLAS = {
    "first_reply_time": "first_response",
    "next_reply_time": "next_reply",
    **METRICS,
    "total_resolution_time": "resolution",
}
#: of ours, those that Zendesk counts
COUNTED = frozenset(SLAS.values())
SAYS = {
    "activate": DeskSays.STARTED,
    "pause": DeskSays.PAUSED,
    "fulfill": DeskSays.STOPPED,
    "apply_sla": DeskSays.TARGET,
    "breach": DeskSays.BREACHED,
}
#: a full page of a time-based export; fewer are the end of it
FULL = 1000
#: the export is asked so often, of ten times a minute that Zendesk allows to all exports
EVERY = timedelta(minutes=1)
RETRY = timedelta(minutes=5)
#: what happened so long before the newest event is asked for again: its name makes that free
OVERLAP = timedelta(minutes=2)
FIRST = timedelta(hours=1)
#: how far Zendesk's clock may stand before ours
SKEW = timedelta(seconds=10)
MANY = 100


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the metric events were read."""

    since: int = 0
    due: datetime | None = None


def poll(state: Progress, now: datetime) -> Call[tuple[tuple[Event, ...], Progress]]:
    """Read a page of what Zendesk says of its own clocks, when it is time.

    Where the account may not export, it is asked again after a while and says nothing. Raises AuthenticationError.
    """
    if state.due is not None and now < state.due:
        return (), state
    since = state.since or int((now - FIRST).timestamp())
    response = yield get(f"{API}/incremental/ticket_metric_events", "metric events", start_time=str(since))
    if response.status == 401:
        msg = "Zendesk does not accept our credentials"
        raise AuthenticationError(msg)
    if response.status == 429:
        msg = "Zendesk asks us to wait"
        raise ThrottledError(msg, seconds=retry_after(response))
    body = decoded(response) if response.ok else None
    if body is None:
        return (), msgspec.structs.replace(state, due=now + RETRY)
    listed = objects(body.get("ticket_metric_events"))
    said = [event for event in (_event(each) for each in listed) if event is not None]
    times = [each.at for each in said if each.at <= now]
    # a breach that is still to come says when it will be due, and is told again when it has come
    events = [each if each.at <= now + SKEW else _coming(each, now) for each in said]
    promised = {each.remote_id for each in events}
    events += yield from _dues(promised, now)
    full = len(listed) >= FULL
    newest = int((max(times) - (timedelta() if full else OVERLAP)).timestamp()) if times else since
    # a page that is full of one second would be read for ever
    following = max(since + 1 if full else since, newest)
    return tuple(events), Progress(following, now if full else now + EVERY)


def _coming(event: Event, now: datetime) -> Event:
    promise = event.promise
    if promise is None or promise.says is not DeskSays.BREACHED:
        return event
    due = msgspec.structs.replace(promise, id=f"due:{promise.id}", says=DeskSays.DUE, at=now, due=promise.at)
    return msgspec.structs.replace(event, key=f"due:{event.key}", at=now, promise=due)


def _event(data: Json) -> Event | None:
    """Read one metric event; None for what says nothing of a promise of ours."""
    number, ticket = ident(data.get("id")), ident(data.get("ticket_id"))
    says, at = SAYS.get(text(data.get("type"))), moment(data.get("time"))
    metric, cycle = _metric(text(data.get("metric")), data.get("instance_id"))
    if not number or not ticket or says is None or at is None or not metric:
        return None
    sla = obj(data.get("sla"))
    withdrawn = data.get("deleted") is True
    promise = DeskPromise(
        id=number,
        says=says,
        metric=metric,
        cycle=cycle,
        at=at,
        target_s=_seconds(sla),
        business=sla.get("business_hours") is True,
        policy=text(obj(sla.get("policy")).get("title"))[:100],
        withdrawn=withdrawn,
    )
    return _told(ticket, f"metric:{number}{':withdrawn' * withdrawn}", promise)


def _metric(word: str, instance: object) -> tuple[str, int]:
    number = instance if isinstance(instance, int) and not isinstance(instance, bool) and instance > 0 else 1
    if word == REPLY:
        return ("first_response", 1) if number == 1 else ("next_reply", number - 1)
    return METRICS.get(word, ""), number


def _seconds(sla: Json) -> int:
    """Return a target: in seconds where Zendesk says so, else its minutes."""
    for name, unit in (("target_in_seconds", 1), ("target", 60)):
        value = sla.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value * unit
    return 0


def _told(ticket: str, key: str, promise: DeskPromise) -> Event:
    return Event(EventKind.PROMISED, ticket, key, promise.at, automatic=True, promise=promise)


def _dues(tickets: Iterable[str], now: datetime) -> Call[list[Event]]:
    """Read when tickets will break their promises, as Zendesk counts."""
    wanted = sorted(tickets)
    found: list[Event] = []
    for first in range(0, len(wanted), MANY):
        some = wanted[first : first + MANY]
        response = yield get(f"{API}/tickets/show_many", "read due times", ids=",".join(some), include="slas")
        body = decoded(response) if response.ok else None
        for ticket in objects((body or {}).get("tickets")):
            found += _of_ticket(ticket, now)
    return found


def _of_ticket(ticket: Json, now: datetime) -> Sequence[Event]:
    number = ident(ticket.get("id"))
    found = []
    for each in objects(obj(ticket.get("slas")).get("policy_metrics")):
        metric, due = SLAS.get(text(each.get("metric")), ""), moment(each.get("breach_at"))
        if number and metric and due is not None and text(each.get("stage")) == "active":
            name = digest("due", number, metric, due.isoformat())[:24]
            promise = DeskPromise(id=f"due:{name}", says=DeskSays.DUE, metric=metric, cycle=0, at=now, due=due)
            found.append(_told(number, f"due:{name}", promise))
    return found
