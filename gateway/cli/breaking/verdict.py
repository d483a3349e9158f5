"""The counters: what the oracle found, and, only for what it did not find, what the gateway has to say for itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from gateway.cli.breaking.oracle import Case, Oracle, Said
from gateway.domain.link import LinkState
from gateway.domain.update import UpdateState
from gateway.store import SqlStore
from gateway.web.console.snapshot import LIVE_STATES

#: A dropped webhook is found by the next poll, a dead worker's work after its lease: what is younger is on its way.
PATIENCE = timedelta(seconds=90)


class Fate(StrEnum):
    """What the gateway says of a ticket."""

    #: it has never heard of it
    UNHEARD = "unheard"
    #: it has it, and has nothing to do at the other desk
    LOCAL = "local"
    #: something is on its way
    OPEN = "open"
    #: a dead letter waits for a person
    GIVEN_UP = "given_up"
    AMBIGUOUS = "ambiguous"
    #: it has done all that it knows of
    SETTLED = "settled"


class Tally(msgspec.Struct, frozen=True):
    """The counters. `accepted` is the sum of delivered, waiting, given up, ambiguous and lost."""

    accepted: int = 0
    delivered: int = 0
    waiting: int = 0
    lost: int = 0
    duplicated: int = 0
    ambiguous: int = 0
    given_up: int = 0
    #: when the oldest was said that is not at the other desk, and that nobody has given up
    oldest: datetime | None = None

    @property
    def clean(self) -> bool:
        """Say whether nothing is lost, doubled or unclear."""
        return not (self.lost or self.duplicated or self.ambiguous)


#: asks the gateway about tickets of the front desk
Ask = Callable[[Collection[str]], Mapping[str, Fate]]


def judge(oracle: Oracle, ask: Ask, now: datetime, calm_since: datetime) -> Tally:
    """Count. `calm_since` is when the last disturbance ended: nothing is called lost soon after one."""
    delivered = duplicated = 0
    missing: list[tuple[Case, Said]] = []
    for case in oracle.shared():
        for said in case.items():
            if said.copies:
                delivered += 1
                duplicated += said.copies - 1
            else:
                missing.append((case, said))
    missing += [(case, said) for case in oracle.single() for said in case.items()]
    fates = ask({case.front_id for case, _ in missing})
    counts = dict.fromkeys(("waiting", "lost", "ambiguous", "given_up"), 0)
    oldest: datetime | None = None
    for case, said in missing:
        fate, shared = fates.get(case.front_id, Fate.UNHEARD), bool(case.back_ids)
        old = now - max(said.at, calm_since) > PATIENCE
        case.local = case.local or (fate is Fate.LOCAL and old and not shared)
        name = _name(fate, shared=shared, old=old)
        if name in {"waiting", "lost", "unsure"}:
            oldest = min(oldest or said.at, said.at)
        if name in counts:
            counts[name] += 1
    return Tally(
        accepted=delivered + sum(counts.values()), delivered=delivered, duplicated=duplicated, oldest=oldest, **counts
    )


def _name(fate: Fate, *, shared: bool, old: bool) -> str:
    """Return the counter of something that is not at the other desk; others than those of Tally are not counted."""
    match fate:
        case Fate.GIVEN_UP | Fate.AMBIGUOUS:
            return fate.value
        case Fate.OPEN:
            return "waiting"
        case Fate.LOCAL if not shared:
            return "local"
        case Fate.UNHEARD if not shared:
            # whether it concerns the other desk is for the gateway's rules to say, once it has heard of it
            return "lost" if old else "unsure"
    return "lost" if old else "waiting"


def ask_record(store: SqlStore, front: str, back: str) -> Ask:
    """Return the question to the gateway's own record."""

    def ask(front_ids: Collection[str]) -> Mapping[str, Fate]:
        if not front_ids:
            return {}
        with store.read() as tx:
            found = tx.links.by_remote({(front, each) for each in front_ids})
            ambiguous = {each.ticket_id for each in tx.view.dead_letters(reason="ambiguous", limit=500)}
            letters = tx.view.dead_letters(limit=500)
            given_up = {each.ticket_id for each in letters if each.state != UpdateState.DOUBLED}
            fates = {}
            for (_, front_id), link in found.items():
                ticket = link.ticket_id
                states = {each.state for each in tx.links.of_ticket(ticket) if each.connection == back}
                if ticket in ambiguous:
                    fates[front_id] = Fate.AMBIGUOUS
                elif ticket in given_up:
                    fates[front_id] = Fate.GIVEN_UP
                elif tx.view.updates(ticket_id=ticket, states=LIVE_STATES, limit=1):
                    fates[front_id] = Fate.OPEN
                else:
                    fates[front_id] = Fate.SETTLED if states - {LinkState.GONE} else Fate.LOCAL
            return fates

    return ask
