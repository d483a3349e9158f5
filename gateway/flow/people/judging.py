"""What a person says of people: that two are one, that one is two, or that two are not one.

In one transaction, with a line in the audit trail of each person that it concerns. A merge is taken back exactly: what
was of the one before is of it again, and with it all that came since by the same accounts and addresses.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import product
from typing import Any

import msgspec

from gateway.domain.people import Identity, Tie, TieState, Why, parts, person_of
from gateway.errors import NotFoundError, PeopleError
from gateway.ports import AuditEntry, Ids, Tx

#: so many identities of one side are held apart from those of the other, each from each
MOST = 200


class Judged(msgspec.Struct, frozen=True):
    """What came of it: the people that there are now, each with its identities."""

    action: str
    people: dict[str, tuple[str, ...]]
    #: True: that was said before
    known: bool = False


class PeopleJudge:
    """One person's word about people."""

    def __init__(self, tx: Tx, *, ids: Ids, now: datetime, actor: str, reason: str = "") -> None:
        self._tx, self._ids, self._now, self._actor, self._reason = tx, ids, now, actor, reason

    def merge(self, one: str, other: str) -> Judged:
        """Make two people one; raises PeopleError where they are one already."""
        if one == other:
            raise PeopleError(f"{one} is one person already: gateway people show {one[-12:]}")
        members = self._members(one, other)
        mine = [each for each in members if each.person == one]
        theirs = [each for each in members if each.person == other]
        person = person_of(members)
        self._forget_between(mine, theirs)
        self._tx.people.bind(self._tie(_first(mine), _first(theirs), TieState.JOINED), self._now, self._actor)
        self._tx.people.belong([each.id for each in members if each.person != person], person)
        absorbed = other if person == one else one
        self._note("people merged", {one, other}, {"person": person, "absorbed": absorbed})
        return self._judged("merged", {person: members})

    def undo(self, person: str) -> Judged:
        """Take back the latest merge that a person made of somebody; raises PeopleError where there is none."""
        members = self._members(person)
        ties = self._ties(members)
        said = [tie for tie in ties if tie.state is TieState.JOINED and tie.why is Why.SAID]
        if not said:
            hint = "name with --take what is somebody else's: gateway people show has their accounts and addresses"
            raise PeopleError(f"nobody merged anything into {person}: {hint}")
        gone = said[-1]
        rest = [tie for tie in ties if tie != gone]
        first, second = parts([each.id for each in members], rest)
        return self._part(person, members, first, second)

    def take(self, person: str, taken: Collection[str]) -> Judged:
        """Let some identities of somebody be another person; raises PeopleError where nothing would be left."""
        members = self._members(person)
        mine = {each.id for each in members}
        first = frozenset(taken) & mine
        if not first or first == mine:
            raise PeopleError("a split takes some of what a person is known by, and leaves the rest")
        for side in (first, frozenset(mine - first)):
            # what was held together by what is taken stays together
            pieces = parts(side, self._ties(members))
            for piece in pieces[1:]:
                tie = Tie.of(min(pieces[0]), min(piece), TieState.JOINED, Why.SHOWN)
                self._tx.people.bind(tie, self._now, self._actor)
        return self._part(person, members, frozenset(mine - first), first, settle=True)

    def part(self, one: str, other: str) -> Judged:
        """Say that two are not one person: no desk joins them any more, and nothing is asked of them."""
        if one == other:
            raise PeopleError(f"the two are one person: gateway people split {one[-12:]} parts them")
        members = self._members(one, other)
        mine = [each.id for each in members if each.person == one]
        theirs = [each.id for each in members if each.person == other]
        self._hold_apart(mine, theirs)
        self._note("people told apart", {one, other}, {"one": one, "other": other})
        by_person = {who: [each for each in members if each.person == who] for who in (one, other)}
        return self._judged("told apart", by_person)

    # ------------------------------------------------------------ inside

    def _members(self, *persons: str) -> Sequence[Identity]:
        members = self._tx.people.hold(persons)
        for person in persons:
            if not any(each.person == person for each in members):
                raise NotFoundError(f"there is nobody {person}: gateway people list shows who there is")
        return members

    def _ties(self, members: Sequence[Identity]) -> Sequence[Tie]:
        """Return what holds these identities together and apart, in the order in which it was said."""
        mine = {each.id for each in members}
        return [tie for tie in self._tx.people.ties(mine) if {tie.one, tie.other} <= mine]

    def _tie(self, one: Identity, other: Identity, state: TieState) -> Tie:
        return Tie.of(one.id, other.id, state, Why.SAID)

    def _forget_between(self, mine: Sequence[Identity], theirs: Sequence[Identity]) -> None:
        ours, others = {each.id for each in mine}, {each.id for each in theirs}
        between = [
            tie
            for tie in self._tx.people.ties(ours)
            if (tie.one in ours and tie.other in others) or (tie.one in others and tie.other in ours)
        ]
        self._tx.people.unbind(between)

    def _part(
        self,
        person: str,
        members: Sequence[Identity],
        first: frozenset[str],
        second: frozenset[str],
        *,
        settle: bool = False,
    ) -> Judged:
        """Let two sets of identities be two people, the second of them a new one where both would be the same."""
        by_id = {each.id: each for each in members}
        found: dict[str, list[Identity]] = {}
        for side in (first, second):
            own = [by_id[each] for each in sorted(side)]
            who = person_of(own)
            if who in found or any(each.id not in by_id for each in self._tx.people.hold([who])):
                who = self._ids.new()
                self._tx.people.rehome(side, who)
            elif settle:
                # the two were first known as one: what they go back to is what they are from now on
                self._tx.people.rehome(side, who)
            else:
                self._tx.people.belong(side, who)
            found[who] = own
        self._hold_apart(first, second)
        self._note("people split", {person, *found}, {"person": person, "into": sorted(found)})
        return self._judged("split", found)

    def _hold_apart(self, mine: Collection[str], theirs: Collection[str]) -> None:
        if len(mine) * len(theirs) > MOST * MOST:
            raise PeopleError("the two are known by too much for one step: take it out in smaller parts with --take")
        for one, other in product(mine, theirs):
            self._tx.people.bind(Tie.of(one, other, TieState.APART, Why.SAID), self._now, self._actor)

    def _note(self, action: str, about: Collection[str], detail: dict[str, Any]) -> None:
        told = {**detail, **({"why": self._reason} if self._reason else {})}
        self._tx.audit.add([AuditEntry(self._now, self._actor, action, each, told) for each in sorted(about)])

    def _judged(self, action: str, people: dict[str, Sequence[Identity]] | dict[str, list[Identity]]) -> Judged:
        return Judged(action, {who: tuple(str(each.key) for each in own) for who, own in people.items()})


def _first(members: Sequence[Identity]) -> Identity:
    """Return the identity after which a person is named: a merge ties these two, and no others."""
    who = person_of(members)
    return min((each for each in members if each.home == who), key=lambda each: each.id)
