"""A person knows of a breach: said by the command, on the page, or by the button in a notice.

Whichever way it comes, it is one entry in the log of the ticket's clocks, with who said it, when and where; what is
repeated until then is repeated no more. A second word changes nothing and says who was first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.domain.clock_instance import Chain, Change, Instance, Transition
from gateway.domain.clock_log import EntryKind, LogEntry
from gateway.domain.event import Event
from gateway.domain.ids import effect_key
from gateway.domain.link import Link, Role
from gateway.domain.update import Intent, Operation
from gateway.errors import ConflictError, NotFoundError
from gateway.flow.desks import LiveSite
from gateway.flow.plan import Cause, Planned
from gateway.flow.sla.timekeeping import Told, tell, told
from gateway.flow.telling import Place, lane_of, moment, stranger
from gateway.ports import AuditEntry, Ids, Tx
from rules.decide import RuleSet
from rules.notices import person_at


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says."""

    ticket_id: str
    metric: str
    by: str
    #: where it was said: `command`, `page`, or the connection
    way: str
    why: str = ""
    #: the cycle that a notice was about; 0: the one that goes on
    cycle: int = 0


class Known(msgspec.Struct, frozen=True):
    """What came of it."""

    instance: Instance
    by: str
    step: Transition
    #: False: somebody had said so before
    is_new: bool = True


def acknowledged(chain: Chain) -> Transition | None:
    """Return who first knew of the breach that stands, and when; None where nobody does."""
    if not chain.instances or chain.instances[-1].breached_at is None:
        return None
    cycle, since = chain.instances[-1].cycle, chain.instances[-1].breached_at
    steps = (each for each in chain.transitions if each.change is Change.ACKNOWLEDGED and each.cycle == cycle)
    return next((each for each in steps if each.at >= since), None)


def acknowledge(tx: Tx, word: Word, rules: RuleSet, ids: Ids, cause: Cause, *, dry_run: bool = False) -> Known:
    """Note that somebody knows of a breach, and tell the clocks anew; the ticket is held by the caller.

    Raises NotFoundError where no such clock goes on, ConflictError where it has broken no promise.
    """
    now = cause.now
    found = tell(tx, word.ticket_id, now)
    chain = found.chains.get(word.metric)
    if chain is None or chain.clock is None:
        raise NotFoundError(_gone(found, word.metric, chain))
    instance = chain.instances[-1]
    if word.cycle and word.cycle != instance.cycle:
        msg = f"{word.metric} has begun anew since: there is nothing to acknowledge of that time"
        raise ConflictError(msg)
    if instance.breached_at is None:
        msg = f"{word.metric} has not broken its promise: there is nothing to acknowledge"
        raise ConflictError(msg)
    before = acknowledged(chain)
    if before is not None:
        return Known(instance, _who(found, before), before, is_new=False)
    entry = LogEntry(
        id=ids.new(),
        kind=EntryKind.ACKNOWLEDGED,
        at=now,
        arrived=now,
        metric=word.metric,
        by=word.by,
        reason=word.why,
        way=word.way,
    )
    if not dry_run:
        tx.clocks.add(word.ticket_id, [entry])
        detail = {"metric": word.metric, "what": entry.kind.value, "why": word.why, "way": word.way}
        trail = AuditEntry(
            now, f"person:{word.by}", "clock acknowledged", word.ticket_id, detail, trace_id=cause.trace_id
        )
        tx.audit.add([trail])
        found = told(tx, word.ticket_id, now, rules)
    else:
        found = tell(tx, word.ticket_id, now, log=[*found.log, entry])
    chain = found.chains[word.metric]
    step = acknowledged(chain)
    if step is None:  # pragma: no cover - it was just entered
        raise LookupError(entry.id)
    return Known(chain.instances[-1], word.by, step)


def press(
    tx: Tx, event: Event, connection: str, *, site: LiveSite, ids: Ids, cause: Cause
) -> tuple[str, tuple[Planned, ...]]:
    """Take the press of a button in a notice: return the outcome and what is answered. Told again it is no news."""
    if tx.tickets.knows_event(connection, event.key):
        return "known already", ()
    about = event.about
    ticket_id, metric, cycle = str(about.get("ticket", "")), str(about.get("metric", "")), about.get("cycle", 0)
    ticket = tx.tickets.get(ticket_id)
    if ticket is None:
        return not_kept(event, connection, site, "acknowledge")
    tx.tickets.hold([ticket_id], wait=False)
    by, known_person = _presser(event, connection, site.rules.sections)
    word = Word(ticket_id=ticket_id, metric=metric, by=by, way=connection, cycle=cycle if isinstance(cycle, int) else 0)
    place = place_of(tx, ticket_id)
    stands = ""
    if not known_person and _only_people(site, connection):
        account = event.actor.external_id if event.actor is not None else ""
        said = f"Nothing is done for {metric} of {place}: {stranger(connection, account)}."
        outcome = "pressed by somebody who may not"
    else:
        try:
            known = acknowledge(tx, word, site.rules, ids, cause)
        except (ConflictError, NotFoundError) as error:
            said, outcome = f"Nothing to do for {metric} of {place}: {error}.", "nothing to acknowledge"
            stands = said
        else:
            when = moment(known.step.at)
            word_ = "Acknowledged" if known.is_new else "Acknowledged already"
            said, outcome = f"{word_} by {known.by}, {when}: {metric} of {place}.", f"{word_.lower()} by {known.by}"
            stands = f"Acknowledged by {known.by}, {when}"
    tx.tickets.add_event(
        event, delivery_id=cause.delivery_id, connection=connection, ticket_id=ticket_id, outcome=outcome[:200]
    )
    return outcome, answer(event, connection, said, site, "acknowledge", stands)


def not_kept(event: Event, connection: str, site: LiveSite, by: str) -> tuple[str, tuple[Planned, ...]]:
    """Answer a press below a notice whose ticket is gone: whoever pressed it would wait for something to happen."""
    said = "Nothing to do: the ticket of this notice is not kept here any more."
    return "pressed for a ticket that we do not have", answer(event, connection, said, site, by, said)


def answer(event: Event, connection: str, said: str, site: LiveSite, by: str, stands: str = "") -> tuple[Planned, ...]:
    """Answer a press below the notice, where everybody sees it; `stands` takes the place of its buttons."""
    connector = site.connectors.get(connection)
    channel, thread = str(event.about.get("channel", "")), str(event.about.get("thread_ts", ""))
    if connector is None or Operation.NOTIFY not in connector.spec.operations or not channel:
        return ()
    place = Place(connection, channel)
    lane = lane_of(place)
    params = {**place.params, **({"thread_ts": thread} if thread else {})}
    key = effect_key(lane.id, event.key, Operation.NOTIFY.value, "answer")
    intent = Intent(Operation.NOTIFY, fields={"body": said}, params=params)
    found = [Planned(lane, Operation.NOTIFY, key, intent, "notify: answer", by)]
    shown = event.about.get("message")
    if stands and shown and thread:
        key = effect_key(lane.id, event.key, Operation.NOTIFY.value, "update")
        intent = Intent(
            Operation.NOTIFY, fields={"body": stands}, params={**params, "update": thread, "message": shown}
        )
        found.append(Planned(lane, Operation.NOTIFY, key, intent, "notify: update", by))
    return tuple(found)


def _only_people(site: LiveSite, connection: str) -> bool:
    """Say whether only those may press whom `people:` knows."""
    connector = site.connectors.get(connection)
    return connector is not None and connector.settings.options.get("presses") == "people"


def _presser(event: Event, connection: str, sections: Mapping[str, Any]) -> tuple[str, bool]:
    """Return who pressed and whether `people:` knows them: by their name there, else by their account."""
    account = event.actor.external_id if event.actor is not None else ""
    person = person_at(connection, account, sections)
    return (person.name, True) if person is not None else (f"{connection} {account}".strip(), False)


def _who(found: Told, step: Transition) -> str:
    return next((entry.by for entry in found.log if entry.id == step.entry), "") or "somebody"


def _gone(found: Told, metric: str, chain: Chain | None) -> str:
    if chain is not None and chain.instances and (ended := chain.instances[-1].ended) is not None:
        why = f"{metric!r} is over since {moment(ended)} ({chain.instances[-1].status.value})"
    else:
        why = f"no clock {metric!r} goes on there"
    going = ", ".join(name for name, each in found.chains.items() if each.clock)
    return f"{why}; those that do: {going or 'none'}"


def place_of(tx: Tx, ticket_id: str) -> str:
    """Return what a ticket is called where it came from."""
    links: list[Link] = sorted(tx.links.of_ticket(ticket_id), key=lambda each: each.role is not Role.SOURCE)
    return f"{links[0].connection} {links[0].key or links[0].remote_id}" if links else f"ticket {ticket_id[-12:]}"
