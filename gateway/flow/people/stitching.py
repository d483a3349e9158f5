"""Who is behind an account: what a desk shows of somebody is tied to what is known of them already.

Inside the transaction of apply. Nothing is ever tied by name; what speaks against a tie leaves it to a person
(`gateway people list --doubts`), and what a person parted is not tied again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.people import (
    EMAIL,
    SHARED_BY,
    Identity,
    Key,
    Terms,
    Tie,
    TieState,
    Why,
    against,
    keys_of,
    person_of,
)
from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Ticket
from gateway.ports import AuditEntry, Ids, Tx

STITCH = "stitch"


class Stitched(msgspec.Struct, frozen=True):
    """Who it is: the identity by which they asked, the person, and what the audit trail is to say."""

    asked_as: str = ""
    person: str = ""
    notes: tuple[tuple[str, dict[str, Any]], ...] = ()


def stitch(
    tx: Tx,
    connection: str,
    who: RemotePerson,
    *,
    terms: Terms,
    now: datetime,
    ids: Ids,
) -> Stitched:
    """Return the person behind an account, tied by e-mail, telephone or external id; made when new."""
    keys = keys_of(who, connection, terms)
    if not keys:
        return Stitched()
    found = tx.people.find(keys)
    if len(found) == len(keys) and len({each.person for each in found}) == 1:
        if who.name and found[0].name != who.name:
            tx.people.rename([found[0].id], who.name)
        return Stitched(found[0].id, found[0].person)
    return _Stitch(tx, now, ids, who.name).done(keys, found)


def with_person(
    tx: Tx,
    ticket: Ticket,
    connection: str,
    known: RemotePerson | None,
    terms: Terms,
    *,
    now: datetime,
    ids: Ids,
    trace_id: str,
) -> Ticket:
    """Return a ticket that says who the requester is; `known` is the one that it was stitched by before."""
    if ticket.requester is None or ticket.requester == known:
        return ticket
    found = stitch(tx, connection, ticket.requester, terms=terms, now=now, ids=ids)
    actor = f"desk:{connection}"
    tx.audit.add([AuditEntry(now, actor, action, ticket.id, told, trace_id) for action, told in found.notes])
    return msgspec.structs.replace(ticket, requester_id=found.person, asked_as=found.asked_as)


class _Stitch:
    """One sighting that teaches something."""

    def __init__(self, tx: Tx, now: datetime, ids: Ids, name: str) -> None:
        self._tx, self._now, self._ids, self._name = tx, now, ids, name
        self._notes: list[tuple[str, dict[str, Any]]] = []
        self._known: dict[Key, Identity] = {}

    def done(self, keys: Sequence[Key], found: Sequence[Identity]) -> Stitched:
        self._lock(keys, found)
        born = [key for key in keys if key not in self._known]
        anchor = self._anchor(keys)
        for key in keys[1:]:
            known = self._known.get(key)
            if known is None:
                self._born(key, anchor.home, self._of(anchor), tied_to=anchor)
            elif self._of(known) != self._of(anchor):
                self._meet(anchor, known)
        if self._name and anchor.name != self._name:
            self._tx.people.rename([anchor.id], self._name)
        if any(key.kind == EMAIL for key in born):
            self._settle(anchor)
        return Stitched(anchor.id, self._of(anchor), tuple(self._notes))

    def _lock(self, keys: Sequence[Key], found: Sequence[Identity]) -> None:
        """Hold everybody who is known by these keys: a person may say something of them at this moment."""
        held: set[str] = set()
        while persons := {each.person for each in found} - held:
            held |= persons
            self._tx.people.hold(held)
            found = self._tx.people.find(keys)
        self._known = {each.key: each for each in found}

    def _settle(self, anchor: Identity) -> None:
        """Let somebody who has an address for the first time be named after it (`person_of`)."""
        members = self._tx.people.hold([self._of(anchor)])
        person = person_of(members)
        if person != self._of(anchor):
            self._belong([each.id for each in members], person)

    def _belong(self, moved: Sequence[str], person: str) -> None:
        self._tx.people.belong(moved, person)
        self._known = {
            key: msgspec.structs.replace(each, person=person) if each.id in moved else each
            for key, each in self._known.items()
        }

    def _of(self, identity: Identity) -> str:
        return self._known[identity.key].person

    def _anchor(self, keys: Sequence[Key]) -> Identity:
        """Return the strongest identity: a new one goes to the first of the others that it may be tied to."""
        known = self._known.get(keys[0])
        if known is not None:
            return known
        new_ones = [key for key in keys if key not in self._known]
        # what is shown for the first time together counts together: an address as well as the account
        mine = [Identity(self._ids.new(), key.kind, key.value, "", "", name=self._name) for key in new_ones]
        identity = mine[0]
        for key in keys[1:]:
            other = self._known.get(key)
            if other is None or other.shared:
                continue
            if self._against(mine, self._tx.people.hold([other.person]), other) is None:
                return self._born(keys[0], other.home, other.person, tied_to=other, identity=identity)
        new = self._ids.new()
        return self._born(keys[0], new, new, identity=identity)

    def _born(
        self,
        key: Key,
        home: str,
        person: str,
        *,
        tied_to: Identity | None = None,
        identity: Identity | None = None,
    ) -> Identity:
        """Store a new identity, of a new person or of the one that it is shown with."""
        fresh = identity or Identity(self._ids.new(), key.kind, key.value, "", "", name=self._name)
        fresh = msgspec.structs.replace(fresh, home=home, person=person)
        self._tx.people.add(fresh, self._now)
        self._known[key] = fresh
        if tied_to is not None:
            self._bind(fresh, tied_to, TieState.JOINED, Why.SHOWN, by=tied_to)
        return fresh

    def _meet(self, anchor: Identity, other: Identity) -> None:
        """Join two people of whom a desk shows both as one, or leave that to a person."""
        if other.shared:
            return
        people = self._tx.people.hold([self._of(anchor), self._of(other)])
        mine = [each for each in people if each.person == self._of(anchor)]
        theirs = [each for each in people if each.person == self._of(other)]
        if self._parted(mine, theirs):
            return
        why = self._against(mine, theirs, other, anchor)
        if why is None:
            self._join(anchor, other, mine, theirs)
        else:
            self._doubt(anchor, other, why)

    def _parted(self, mine: Sequence[Identity], theirs: Sequence[Identity]) -> bool:
        """Say whether a person has said that the two are not one."""
        ours, others = {each.id for each in mine}, {each.id for each in theirs}
        return any(
            tie.state is TieState.APART and ({tie.one, tie.other} & ours) and ({tie.one, tie.other} & others)
            for tie in self._tx.people.ties(ours)
        )

    def _against(
        self, mine: Sequence[Identity], theirs: Sequence[Identity], by: Identity, anchor: Identity | None = None
    ) -> Why | None:
        return against(mine, theirs, by, contested=self._contested(by, anchor))

    def _contested(self, by: Identity, anchor: Identity | None) -> bool:
        """Say whether another account claims an address, and nobody has decided on that yet."""
        claims = [tie for tie in self._claims(by) if tie.why is Why.SAME_DESK]
        return any(anchor is None or anchor.id not in {tie.one, tie.other} for tie in claims)

    def _claims(self, by: Identity) -> list[Tie]:
        """Return the doubts about an identity on which nobody has decided."""
        doubts = [tie for tie in self._tx.people.ties([by.id]) if tie.state is TieState.DOUBTED and tie.by == by.id]
        # a claimer who has become one with the holder meanwhile claims nothing any more
        mine = {each.id for each in self._tx.people.hold([self._of(by)])} if doubts else set()
        return [tie for tie in doubts if not {tie.one, tie.other} <= mine]

    def _join(self, anchor: Identity, other: Identity, mine: Sequence[Identity], theirs: Sequence[Identity]) -> None:
        person = person_of([*mine, *theirs])
        absorbed = self._of(anchor) if person == self._of(other) else self._of(other)
        moved = [each.id for each in (*mine, *theirs) if each.person != person]
        self._belong(moved, person)
        self._bind(anchor, other, TieState.JOINED, Why.SHOWN, by=other)
        self._notes.append(("people stitched", {"person": person, "absorbed": absorbed, "by": other.kind}))

    def _doubt(self, anchor: Identity, other: Identity, why: Why) -> None:
        """Leave it to a person; what several people claim is nobody's in particular from then on."""
        tied = {(tie.one, tie.other) for tie in self._tx.people.ties([anchor.id])}
        tie = Tie.of(anchor.id, other.id, TieState.DOUBTED, why, other.id)
        if (tie.one, tie.other) in tied:
            return
        claims = self._claims(other)
        strong = [each for each in claims if each.why is not Why.CONTESTED]
        if why is not Why.CONTESTED and len(strong) + 2 >= SHARED_BY:
            self._tx.people.share(other.id)
            self._tx.people.unbind(claims)
            self._notes.append(("address shared", {"identity": other.id, "by": other.kind}))
            return
        self._tx.people.bind(tie, self._now, STITCH)
        told = {"one": self._of(anchor), "other": self._of(other), "by": other.kind, "why": why.value}
        self._notes.append(("people in doubt", told))

    def _bind(self, one: Identity, other: Identity, state: TieState, why: Why, *, by: Identity) -> None:
        self._tx.people.bind(Tie.of(one.id, other.id, state, why, by.id), self._now, STITCH)
