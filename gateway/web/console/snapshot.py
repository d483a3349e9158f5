"""What the page shows at one moment, as plain values: the templates and the read API render nothing else.

A snapshot holds instants, never ages, so that two equal ones are equal and a poll that brings nothing new costs one
short answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from dead_letters import DeadLetter
from gateway.domain.update import UpdateState
from gateway.errors import GatewayError
from gateway.flow.desks import LiveSite, gone
from gateway.flow.skew import is_told, words
from gateway.ports import DeskState
from gateway.store.journeys import Journey
from gateway.store.view import TicketLine, UpdateLine
from gateway.web.parts import Parts

#: tickets that a search lists, and whose journeys are shown; without a search the first few are listed
TICKETS = 25
FIRST_TICKETS = 12
JOURNEYS = 15
UPDATES = 20
DEAD_LETTERS = 20

LIVE_STATES = (UpdateState.SENDING.value, UpdateState.UNKNOWN.value, UpdateState.READY.value)


class DeskLine(msgspec.Struct, frozen=True):
    """One connection, and how it is."""

    name: str
    connector: str
    #: ok, paused, breaker, throttled, unpolled
    state: str
    detail: str
    until: datetime | None
    polled_at: datetime | None
    failures: int


class AlertLine(msgspec.Struct, frozen=True):
    """One alert of the site that stands."""

    when: str
    since: datetime | None
    detail: str


class Counts(msgspec.Struct, frozen=True):
    """The numbers on top of the page."""

    accepted: int
    applied: int
    pending: int
    done: int
    in_flight: int
    waiting: int
    dead_letters: int
    tickets: int


class Snapshot(msgspec.Struct, frozen=True):
    """Everything on the first page."""

    mode: str
    #: why nothing is written to any desk; empty where it is
    silence: str
    release: int
    counts: Counts
    desks: tuple[DeskLine, ...]
    tickets: tuple[TicketLine, ...]
    #: of the tickets of the journeys
    titles: dict[str, str]
    journeys: tuple[Journey, ...]
    updates: tuple[UpdateLine, ...]
    dead_letters: tuple[DeadLetter, ...]
    #: that stand
    alerts: tuple[AlertLine, ...] = ()
    #: why a part is missing; empty when all is there
    trouble: str = ""


def take(parts: Parts, *, text: str = "", category: str = "", connection: str = "") -> Snapshot:
    """Read one snapshot; the filters choose the tickets, and the journeys follow them."""
    site, trouble = _site(parts)
    with parts.store.read() as tx:
        view = tx.view
        tickets = view.tickets(limit=TICKETS, text=text, category=category, connection=connection)
        live = sorted(view.updates(states=LIVE_STATES, limit=UPDATES), key=_urgency)
        return Snapshot(
            mode=site.mode if site else "",
            silence=site.silence("", parts.clock.now()) if site else "",
            release=view.release_number(),
            counts=counts(view.counts()),
            desks=desks(site, tx.desks.all(), parts.clock.now(), view.waiting()),
            tickets=tuple(tickets if text or category or connection else tickets[:FIRST_TICKETS]),
            titles={ticket.id: ticket.title for ticket in tickets},
            journeys=tuple(view.journeys([ticket.id for ticket in tickets], limit=JOURNEYS)),
            updates=tuple(live),
            dead_letters=tuple(view.dead_letters(limit=DEAD_LETTERS)),
            alerts=tuple(AlertLine(each.name, each.raised_at, each.detail) for each in tx.alerts.raised()),
            trouble=trouble,
        )


def _site(parts: Parts) -> tuple[LiveSite | None, str]:
    try:
        return parts.site(), ""
    except GatewayError as error:
        return None, str(error)


def _urgency(line: UpdateLine) -> tuple[int, datetime]:
    """Put what is being written before what waits."""
    return LIVE_STATES.index(line.state), line.created_at


def counts(found: Mapping[str, int]) -> Counts:
    """Return the numbers of the page from the numbers of the tables."""
    deliveries = {name: number for name, number in found.items() if name.startswith("deliveries_")}
    return Counts(
        accepted=sum(deliveries.values()),
        applied=deliveries.get("deliveries_applied", 0),
        pending=deliveries.get("deliveries_pending", 0),
        done=found.get("updates_done", 0) + found.get("updates_observed", 0),
        in_flight=found.get("updates_sending", 0) + found.get("updates_unknown", 0),
        waiting=found.get("updates_ready", 0),
        dead_letters=found.get("dead_letters", 0),
        tickets=found.get("tickets", 0),
    )


def desks(
    site: LiveSite | None, states: Mapping[str, DeskState], now: datetime, waiting: Mapping[str, int]
) -> tuple[DeskLine, ...]:
    """Return how every connection of the site is, and every one that is remembered or still has updates to get."""
    connectors = site.connectors if site else {}
    names: Sequence[str] = [*connectors, *sorted((set(states) | set(waiting)) - set(connectors))]
    return tuple(
        _desk(
            name,
            connectors[name].spec.title if name in connectors else "",
            states.get(name),
            now,
            waiting,
            site.silence(name, now) if site else "",
        )
        for name in names
    )


def _desk(
    name: str, connector: str, known: DeskState | None, now: datetime, waiting: Mapping[str, int], silence: str
) -> DeskLine:
    state, detail, until = "ok", silence, None
    if known is None:
        known = DeskState(name)
    if not connector:
        state, detail = "gone", gone(waiting.get(name, 0))
    elif known.paused:
        state, detail = "paused", known.paused
    elif known.open_until is not None and known.open_until > now:
        state, detail, until = "breaker", f"{known.failures} failures in a row", known.open_until
    elif known.not_before is not None and known.not_before > now:
        state, detail, until = "throttled", "the desk asked us to slow down", known.not_before
    elif known.poll_error:
        state, detail = "unpolled", known.poll_error
    elif is_told(known):
        detail = "; ".join(filter(None, (words(known.ahead), silence)))
    return DeskLine(name, connector, state, detail, until, known.polled_at, known.failures)
