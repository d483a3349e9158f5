"""Tickets of two desks that a team has tied already become one: found by their cross-links, joined as they stand.

Nothing is written to a desk and nobody's value is changed: what they say differently is shown by `gateway reconcile`.
Only a field that the sync rule leaves to the other desk is taken from there. It is looked at as long as something new
is heard of; while an import is under way, its connection waits, so that all of it is known.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime

import msgspec

from gateway.domain.adoption import Known, Match, Sight, Spot, Verdict, matches, ordered
from gateway.domain.crosslink import Crosslink, Evidence
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.ticket import Setter, Stamp, Ticket, with_field
from gateway.errors import DuplicateError, NotFoundError, UnmappedError
from gateway.flow.deciding import decide_on
from gateway.flow.desks import IMPORT, LiveSite
from gateway.flow.duplicates import follow
from gateway.flow.listening import Listener
from gateway.flow.routing.ending import end_way
from gateway.flow.sla import timekeeping
from gateway.flow.sla.entries import Happened
from gateway.flow.translate import to_ours
from gateway.ports import AuditEntry, Clock, Ids, Store, Tx
from rules.fields import Facts
from rules.sync import Owner, SyncRule

ONE_ALREADY = "the two are one ticket already"
#: looked at in one go
MOST = 200
#: tickets that hang together by what names what; what is beyond is looked at by itself
MOST_AROUND = 1000
#: of a list for people
MOST_LISTED = 20_000


class Adopted(msgspec.Struct, frozen=True):
    """Two tickets that are one now."""

    match: Match
    ticket_id: str
    was: str
    #: the sync rule that joins them; empty: nothing is carried from one to the other
    rule: str


class Adopter:
    """Links what the desks of a site have tied."""

    def __init__(self, *, store: Store, site: Callable[[], LiveSite], clock: Clock, ids: Ids) -> None:
        self._store = store
        self._site = site
        self._clock = clock
        self._ids = ids

    def look(self) -> int:
        """Link what has become clear since the last look; return how many pairs. Each is a transaction of its own."""
        with self._store.read() as tx:
            fresh = tx.crosslinks.fresh(MOST)
            if not fresh:
                return 0
            found = around(tx, self._site(), fresh)
        linked = 0
        for match in found:
            if match.verdict is Verdict.LINK:
                linked += self._store.write(lambda tx, each=match: self._link(tx, each))  # type: ignore[misc]
        waiting = {spot for each in found if each.verdict is Verdict.WAIT for spot in (each.stay, each.goes)}
        over = [each for each in fresh if (each.connection, each.remote_id) not in waiting]
        self._store.write(lambda tx: tx.crosslinks.seen(over))
        return linked

    def _link(self, tx: Tx, match: Match) -> bool:
        """Link a pair, unless something has happened to it meanwhile."""
        tx.tickets.lock([match.stay, match.goes])
        still = [each for each in _of(tx, self._site(), [match.stay, match.goes]) if _same(each, match)]
        if not still or still[0].verdict is not Verdict.LINK:
            return False
        join(tx, self._site(), still[0], self._clock.now(), self._ids, "gateway")
        return True


def listed(tx: Tx, site: LiveSite) -> list[Match]:
    """Return every pair of tickets that name one another and are not one, with what becomes of it."""
    return around(tx, site, tx.crosslinks.all(MOST_LISTED))


def around(tx: Tx, site: LiveSite, begin: Sequence[Crosslink]) -> list[Match]:
    """Return the pairs that hang together with these cross-links."""
    spots = {(each.connection, each.remote_id) for each in begin}
    for found in tx.crosslinks.named([(each.at, each.name) for each in begin]).values():
        spots |= set(found)
    return _of(tx, site, spots)


def _of(tx: Tx, site: LiveSite, begin: Collection[Spot]) -> list[Match]:
    known: dict[Crosslink, Known] = {}
    spots: set[Spot] = set()
    coming = set(begin)
    while coming and len(spots) < MOST_AROUND:
        spots |= coming
        links = tx.links.by_remote(coming)
        names = [(spot[0], name) for spot, link in links.items() for name in (link.remote_id, link.key) if name]
        rows = [each for each in (*tx.crosslinks.of(coming), *tx.crosslinks.naming(names)) if each not in known]
        targets = tx.crosslinks.named([(each.at, each.name) for each in rows])
        for each in rows:
            known[each] = Known(each, tuple(targets.get((each.at, each.name), ())))
        near = {spot for each in rows for spot in (*known[each].targets, (each.connection, each.remote_id))}
        coming = near - spots
    return matches(list(known.values()), _sights(tx, spots), rules=_pairs(site), importing=_importing(tx))


def _importing(tx: Tx) -> frozenset[str]:
    noted = {name: state.facts.get(IMPORT) for name, state in tx.desks.all().items()}
    under_way = {name for name, progress in noted.items() if progress and not progress.get("ended_at")}
    return frozenset(under_way) | tx.crosslinks.importing()


def _sights(tx: Tx, spots: Collection[Spot]) -> dict[Spot, Sight]:
    links = {spot: link for spot, link in tx.links.by_remote(spots).items() if link.state is LinkState.LIVE}
    worked_on = tx.crosslinks.worked_on({link.ticket_id for link in links.values()})
    found = {}
    for spot, link in links.items():
        ticket = tx.tickets.get(link.ticket_id)
        if ticket is None:  # pragma: no cover - a link without its ticket is a defect of the store
            continue
        asked = ticket.requester
        role = asked.role if asked is not None else ""
        found[spot] = Sight(
            connection=link.connection,
            remote_id=link.remote_id,
            ticket_id=ticket.id,
            is_source=link.role is Role.SOURCE,
            connections=frozenset(each.connection for each in tx.links.of_ticket(ticket.id)),
            requester=ticket.requester_id if role not in {"agent", "system"} else "",
            is_customer=role == "customer",
            created_at=ticket.created_at,
            worked_on=ticket.id in worked_on,
            shut=bool(ticket.duplicate_of) or ticket.redacted_at is not None,
        )
    return found


def by_person(tx: Tx, site: LiveSite, one: str, other: str, now: datetime, ids: Ids, actor: str) -> Adopted:
    """Make two tickets one because a person says so; raises DuplicateError where that is not safe."""
    _two(one, other)
    tx.tickets.hold([one, other])
    spots = [_home(tx, each) for each in (one, other)]
    if spots[0][0] == spots[1][0]:
        raise DuplicateError(f"both are tickets of {spots[0][0]}: `gateway tickets merge` is for those")
    known = [each for each in _of(tx, site, spots) if {each.stay, each.goes} == set(spots)]
    if not known:
        sights = _sights(tx, spots)
        stay, goes = ordered(sights[spots[0]], sights[spots[1]], _pairs(site))
        known = [Match(stay.spot, goes.spot, Evidence.MENTION, mutual=False, verdict=Verdict.LINK)]
    return join(tx, site, known[0], now, ids, actor)


def keep_apart(tx: Tx, one: str, other: str, now: datetime, actor: str) -> int:
    """Say that two tickets are not one, whatever they name; return how many cross-links said so."""
    _two(one, other)
    first, second = (_home(tx, each) for each in (one, other))
    links = tx.links.by_remote([first, second])
    names = [[each for each in (links[spot].remote_id, links[spot].key) if each] for spot in (first, second)]
    refused = tx.crosslinks.refuse(first, names[0], second, names[1], actor)
    if refused:
        told = {"ticket": one, "of": other}
        tx.audit.add([AuditEntry(now, actor, "kept apart", each, told) for each in (one, other)])
    return refused


def _two(one: str, other: str) -> None:
    if one == other:
        raise DuplicateError(ONE_ALREADY)


def _home(tx: Tx, ticket_id: str) -> Spot:
    """Return where a ticket began."""
    for link in tx.links.of_ticket(ticket_id):
        if link.role is Role.SOURCE and link.state is LinkState.LIVE:
            return (link.connection, link.remote_id)
    raise DuplicateError(f"{ticket_id} is at no desk any more where it began")


def _pairs(site: LiveSite) -> frozenset[tuple[str, str]]:
    return frozenset((rule.source, rule.target) for rule in site.rules.sync_rules if rule.active)


def _same(one: Match, other: Match) -> bool:
    return {one.stay, one.goes} == {other.stay, other.goes}


def join(tx: Tx, site: LiveSite, match: Match, now: datetime, ids: Ids, actor: str) -> Adopted:
    """Make two tickets one, in a transaction that holds both; raises DuplicateError where that is not safe."""
    links = tx.links.by_remote([match.stay, match.goes])
    first, second = links[match.stay], links[match.goes]
    stays, goes = _ticket(tx, first.ticket_id), _ticket(tx, second.ticket_id)
    if stays.id == goes.id:
        raise DuplicateError(ONE_ALREADY)
    mine, theirs = tx.links.of_ticket(stays.id), tx.links.of_ticket(goes.id)
    if len(theirs) > 1 or tx.crosslinks.worked_on([goes.id]):
        hint = "`gateway tickets merge` makes the one a duplicate of the other"
        raise DuplicateError(
            f"{second.connection} #{second.remote_id} was worked on through the gateway already: {hint}"
        )
    if stays.duplicate_of == goes.id:
        raise DuplicateError(f"{stays.id} is a duplicate of the other: `gateway tickets split` it first")
    if any(each.connection == second.connection for each in mine):
        raise DuplicateError(f"{first.connection} #{first.remote_id} is at {second.connection} already")
    rule = _rule(site, stays, mine, second, now)
    moved = msgspec.structs.replace(
        second, ticket_id=stays.id, role=Role.TARGET, rule=rule.name if rule is not None else ""
    )
    comments = [msgspec.structs.replace(each, ticket_id=stays.id) for each in tx.tickets.comments(goes.id)]
    end_way(tx, goes.id, now)
    tx.links.save(moved)
    tx.audit.add(follow(tx, goes.id, stays.id, now, actor))
    tx.crosslinks.join(goes.id, stays.id)
    ticket = _with_theirs(stays, goes, moved, rule)
    everywhere = [*mine, moved]
    decision, _ = decide_on(ticket, stays, everywhere, None, tx=tx, rules=site.rules, listener=Listener(), now=now)
    if ticket != stays:
        tx.tickets.save(ticket)
    happened = Happened(
        before=stays,
        ticket=ticket,
        policy=decision.policy,
        links=frozenset(each.connection for each in everywhere),
        comments=comments,
        at=now,
        now=now,
    )
    timekeeping.keep(tx, happened, site.rules, ids)
    detail = {
        "at": second.connection,
        "remote": second.remote_id,
        "evidence": match.evidence.value,
        "rule": moved.rule,
        "ticket": goes.id,
    }
    tx.audit.add(
        [
            AuditEntry(now, actor, "linked", stays.id, detail),
            AuditEntry(now, actor, "joined", goes.id, {"ticket": stays.id}),
        ]
    )
    return Adopted(match, stays.id, goes.id, moved.rule)


def _ticket(tx: Tx, ticket_id: str) -> Ticket:
    found = tx.tickets.get(ticket_id)
    if found is None:  # pragma: no cover - a link without its ticket is a defect of the store
        raise NotFoundError(f"there is no ticket {ticket_id}")
    return found


def _rule(site: LiveSite, ticket: Ticket, links: Sequence[Link], to: Link, now: datetime) -> SyncRule | None:
    """Return the rule that would have made the one of the other; a desk that none covers is not written to."""
    here = frozenset(each.connection for each in links)
    facts = Facts(ticket, None, here, now)
    return next(
        (
            rule
            for rule in site.rules.sync_rules
            if rule.active and rule.source in here and rule.target == to.connection and rule.when.holds(facts)
        ),
        None,
    )


def _with_theirs(stays: Ticket, goes: Ticket, link: Link, rule: SyncRule | None) -> Ticket:
    """Return the ticket with those values that only the other desk may change."""
    if rule is None:
        return stays
    for field, owner in rule.fields.items():
        stamp = goes.stamps.get(field)
        if owner is not Owner.TO or stamp is None:
            continue
        value = None
        with suppress(UnmappedError):
            value = to_ours(field, getattr(goes, field), stays, link, rule, (rule,))
        if value is not None:
            stays = with_field(stays, field, value, Stamp(Setter.DESK, link.connection, stamp.at, stamp.version))
    return stays
