"""Which tickets of two desks are one, by the cross-links that a team keeps already. Pure.

Two tickets are linked only where each is the other's one counterpart by the best evidence that there is. Whatever
leaves a doubt is left to a person: two candidates, a chain, two customers, a ticket that was worked on through the
gateway. What is decided depends on what is known, and not on the order in which it was heard of.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from gateway.domain.crosslink import RANK, Crosslink, Evidence

#: connection and remote id
Spot = tuple[str, str]


class Verdict(StrEnum):
    """What becomes of two tickets of which one names the other."""

    #: they are one
    LINK = "link"
    #: a person says
    ASK = "ask"
    #: an import is under way
    WAIT = "wait"


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """A remote ticket that we know, and what matters of the ticket that it is."""

    connection: str
    remote_id: str
    ticket_id: str
    #: it is where its ticket began
    is_source: bool
    #: connections of the ticket, this one among them
    connections: frozenset[str]
    #: the person who asked, and whether the desk says that they are a customer
    requester: str = ""
    is_customer: bool = False
    created_at: datetime
    #: updates were planned for it: it is shown elsewhere, or was changed, by the gateway
    worked_on: bool = False
    #: it is a duplicate, or its words were taken away
    shut: bool = False

    @property
    def spot(self) -> Spot:
        """Where it is."""
        return (self.connection, self.remote_id)


class Known(msgspec.Struct, frozen=True):
    """A cross-link, with the remote tickets that have this name."""

    link: Crosslink
    targets: tuple[Spot, ...] = ()


class Match(msgspec.Struct, frozen=True):
    """Two remote tickets, and what becomes of them: `stay` is where the one ticket begins, `goes` joins it."""

    stay: Spot
    goes: Spot
    evidence: Evidence
    #: both name each other
    mutual: bool
    verdict: Verdict
    why: str = ""


class _Edge(msgspec.Struct, frozen=True):
    one: Spot
    other: Spot
    evidence: Evidence
    mutual: bool

    @property
    def is_strong(self) -> bool:
        return self.mutual or self.evidence is not Evidence.MENTION

    @property
    def rank(self) -> int:
        """A mention that is answered counts like an address."""
        return max(RANK[self.evidence], RANK[Evidence.ADDRESS] if self.mutual else RANK[Evidence.MENTION])


def matches(
    known: Sequence[Known],
    sights: Mapping[Spot, Sight],
    *,
    rules: Collection[tuple[str, str]],
    importing: Collection[str] = (),
) -> list[Match]:
    """Return the pairs of known tickets that name one another and are not one yet, in the order of their names.

    `rules` are the (source, target) of the sync rules, `importing` the connections whose import is under way.
    """
    edges = _edges(known, sights)
    best = _best(known, edges)
    chosen: dict[tuple[Spot, Spot], str] = {}
    for pair, edge in edges.items():
        if sights[edge.one].ticket_id != sights[edge.other].ticket_id:
            chosen[pair] = _doubt(edge, best, sights)
    _doubt_chains(chosen, sights, rules)
    found = []
    for pair in sorted(chosen):
        edge, why = edges[pair], chosen[pair]
        stay, goes = ordered(sights[edge.one], sights[edge.other], rules)
        verdict = Verdict.ASK if why else Verdict.LINK
        waits = sorted({edge.one[0], edge.other[0]} & set(importing))
        if not why and waits:
            verdict, why = Verdict.WAIT, f"the import of {' and '.join(waits)} is under way"
        found.append(Match(stay.spot, goes.spot, edge.evidence, edge.mutual, verdict, why))
    return found


def _edges(known: Iterable[Known], sights: Mapping[Spot, Sight]) -> dict[tuple[Spot, Spot], _Edge]:
    told: dict[tuple[Spot, Spot], list[Crosslink]] = {}
    for each in known:
        here = (each.link.connection, each.link.remote_id)
        for there in each.targets:
            if here in sights and there in sights and here[0] != there[0]:
                one, other = sorted((here, there))
                told.setdefault((one, other), []).append(each.link)
    return {
        (one, other): _Edge(
            one,
            other,
            max((each.evidence for each in links), key=RANK.__getitem__),
            len({each.connection for each in links}) > 1,
        )
        for (one, other), links in told.items()
    }


def _best(known: Iterable[Known], edges: Mapping[tuple[Spot, Spot], _Edge]) -> dict[tuple[Spot, str], set[object]]:
    """Return by what each ticket is tied to another connection best: to these tickets, or names that we do not know."""
    tied: dict[tuple[Spot, str], list[tuple[int, object]]] = {}
    for edge in edges.values():
        tied.setdefault((edge.one, edge.other[0]), []).append((edge.rank, edge.other))
        tied.setdefault((edge.other, edge.one[0]), []).append((edge.rank, edge.one))
    for each in known:
        if not each.targets:
            here = (each.link.connection, each.link.remote_id)
            tied.setdefault((here, each.link.at), []).append((RANK[each.link.evidence], each.link.name))
    return {
        name: {one for rank, one in found if rank == max(rank for rank, _ in found)} for name, found in tied.items()
    }


def _doubt(edge: _Edge, best: Mapping[tuple[Spot, str], set[object]], sights: Mapping[Spot, Sight]) -> str:
    """Return why two tickets are not linked without a person's word; empty where nothing speaks against it."""
    one, other = sights[edge.one], sights[edge.other]
    for here, there in ((one, other), (other, one)):
        rivals = best[here.spot, there.connection]
        if there.spot not in rivals:
            return f"{_said(here.spot)} is tied more closely to another ticket of {there.connection}"
        if len(rivals) > 1:
            return f"{_said(here.spot)} and {len(rivals)} tickets of {there.connection} name one another"
    for here, there in ((one, other), (other, one)):
        if there.connection in here.connections:
            return f"{_said(here.spot)} is at {there.connection} already"
    if not edge.is_strong:
        return "it is only mentioned, by one of the two"
    if one.requester and other.requester and one.requester != other.requester:
        # an agent opens the one for the other: where a team keeps the tie in a field, that is believed
        if one.is_customer and other.is_customer:
            return "they are of two customers"
        if edge.evidence is not Evidence.KEPT and not edge.mutual:
            return "they were asked for by two people"
    if one.shut or other.shut:
        return "one of them is a duplicate, or its words were taken away"
    return ""


def _doubt_chains(
    chosen: dict[tuple[Spot, Spot], str], sights: Mapping[Spot, Sight], rules: Collection[tuple[str, str]]
) -> None:
    """Leave to a person what would join more than two tickets, unless sync rules begin the others at one of them."""
    links = {pair: ordered(sights[pair[0]], sights[pair[1]], rules) for pair, why in chosen.items() if not why}
    for pair, (stay, goes) in links.items():
        if goes.worked_on or len(goes.connections) > 1 or not goes.is_source:
            chosen[pair] = f"{_said(goes.spot)} was worked on through the gateway already"
        elif not stay.is_source:
            chosen[pair] = f"{_said(stay.spot)} is itself a copy of another ticket"
    links = {pair: ends for pair, ends in links.items() if not chosen[pair]}
    for ruled in (False, True):
        of: dict[str, list[tuple[Spot, Spot]]] = {}
        for pair, ends in links.items():
            for end in ends:
                of.setdefault(end.ticket_id, []).append(pair)
        doubted = [
            pair
            for pair, (stay, goes) in links.items()
            if ((stay.connection, goes.connection) in rules) is ruled
            and (
                len(of[goes.ticket_id]) > 1
                or _clash(stay, goes, [links[each] for each in of[stay.ticket_id] if each != pair])
                or (not ruled and (len(of[stay.ticket_id]) > 1 or len(stay.connections) > 1))
            )
        ]
        for pair in doubted:
            chosen[pair] = "more than two tickets would become one, and no sync rules begin them all at one of them"
            del links[pair]


def _clash(stay: Sight, goes: Sight, beside: Iterable[tuple[Sight, Sight]]) -> bool:
    """Say whether a ticket would join others itself, or take in two of one connection."""
    return any(first.ticket_id != stay.ticket_id or then.connection == goes.connection for first, then in beside)


def ordered(one: Sight, other: Sight, rules: Collection[tuple[str, str]]) -> tuple[Sight, Sight]:
    """Return where the one ticket begins, and the other: as sync rules go, else at the older one."""
    there, back = ((one.connection, other.connection) in rules), ((other.connection, one.connection) in rules)
    if there != back:
        return (one, other) if there else (other, one)
    first, second = sorted((one, other), key=lambda each: (each.created_at, each.spot))
    return first, second


def _said(spot: Spot) -> str:
    return f"{spot[0]} #{spot[1]}"
