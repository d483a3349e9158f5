"""What apply takes that is about a ticket of ours and no remote one: a press of our buttons, an action asked for.

An action of another package (`asking`) is carried out here, one at a time.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.domain.clock_instance import Chain
from gateway.domain.event import Event, EventKind
from gateway.domain.ticket import Ticket
from gateway.errors import UnreadableError
from gateway.flow.desks import LiveSite
from gateway.flow.listening import Listener
from gateway.flow.plan import Cause
from gateway.flow.routing import answering
from gateway.flow.sla.acknowledging import press
from gateway.flow.sla.asking import Asked
from gateway.flow.sla.levels import Level
from gateway.flow.sla.timekeeping import tell
from gateway.flow.sla.waking import Waking
from gateway.ports import Ids, Tx
from rules.actions import ActionError, perform
from rules.escalations import Act
from rules.extending import Occasion
from rules.notices import people_of


class BrokenActionError(UnreadableError):
    """An action of a package that cannot be carried out: parked until the package is mended."""

    reason = "poison"


#: events that no desk's ticket stands behind
OF_OURS = frozenset({EventKind.ACKNOWLEDGED, EventKind.ANSWERED, EventKind.ASKED})


def take(
    tx: Tx, event: Event, connection: str, site: LiveSite, ids: Ids, cause: Cause, listener: Listener
) -> tuple[str, bool]:
    """Take such an event; return the outcome in words, and whether updates were put into the outbox.

    Raises UnreadableError where it is to be parked.
    """
    if event.kind is EventKind.ASKED:
        return carry_out(tx, event, connection, site=site, ids=ids, cause=cause, listener=listener)
    pressed = answering.press if event.kind is EventKind.ANSWERED else press
    outcome, answers = pressed(tx, event, connection, site=site, ids=ids, cause=cause)
    waking = Waking(tx, str(event.about.get("ticket", "")), site, ids, cause)
    waking.keep(tuple(each.link for each in answers))
    for each in answers:
        waking.append(each)
    waking.close()
    return outcome, waking.planned


def carry_out(
    tx: Tx, event: Event, connection: str, *, site: LiveSite, ids: Ids, cause: Cause, listener: Listener
) -> tuple[str, bool]:
    """Do what an escalation asked for.

    Raises BrokenActionError where that cannot be done: nothing of it is kept.
    """
    if tx.tickets.knows_event(connection, event.key):
        return "known already", False
    asked = msgspec.convert(event.about, Asked)
    tx.tickets.hold([asked.ticket], wait=False)
    ticket = tx.tickets.get(asked.ticket)
    if ticket is None:
        return "asked for a ticket that we do not have", False
    waking = Waking(tx, asked.ticket, site, ids, cause)
    chain = tell(tx, asked.ticket, cause.now).chains.get(asked.metric)
    level = _level(asked, chain, site)
    acts = _acts(asked, ticket, chain, level, site, cause.now)
    waking.carry(ticket, level, acts, listener, asked.action)
    outcome = f"action {asked.action}: {', '.join(act.name for act in acts) or 'nothing to do'}"
    tx.tickets.add_event(
        event, delivery_id=cause.delivery_id, connection=connection, ticket_id=asked.ticket, outcome=outcome[:200]
    )
    return outcome, waking.planned


def _level(asked: Asked, chain: Chain | None, site: LiveSite) -> Level:
    """Return the level as it fired, its clock as it stands now."""
    found = next((each for each in site.rules.escalations if each.name == asked.escalation), None)
    if found is None:
        raise BrokenActionError(
            f"the site has no escalation '{asked.escalation}' any more: discard this, or name it again"
        )
    if chain is None or not chain.instances:
        raise BrokenActionError(f"the ticket has no clock {asked.metric!r} any more: discard this")
    mine = [each for each in chain.instances if (each.cycle, each.version) == (asked.cycle, asked.version)]
    return Level(found, (mine or list(chain.instances))[-1], asked.turn, asked.due)


def _acts(
    asked: Asked, ticket: Ticket, chain: Chain | None, level: Level, site: LiveSite, now: datetime
) -> tuple[Act, ...]:
    action = site.rules.actions.get(asked.action)
    if action is None:
        raise BrokenActionError(f"no action '{asked.action}' is installed: install its package again, then replay this")
    named = asked.given if isinstance(asked.given, dict) else {}
    people, _ = people_of(
        {key: named[key] for key in ("person", "role", "roles") if key in named},
        ticket,
        site.rules.sections,
        on_call=site.rules.routing.roster.on_call(now),
    )
    occasion = Occasion(
        given=asked.given,
        ticket=ticket,
        clock=level.instance,
        steps=chain.transitions if chain is not None else (),
        escalation=asked.escalation,
        due=asked.due,
        now=now,
        people=people,
        key=asked.key,
    )
    try:
        return perform(action, occasion)
    except ActionError as error:
        raise BrokenActionError(f"{error} (escalation '{asked.escalation}')") from error
