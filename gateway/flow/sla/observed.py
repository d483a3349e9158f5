"""What a report says of a site that only observed: breaches that nobody saw, what was withheld, what is not known."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from gateway.domain.report.counted import Period, Story, counted
from gateway.domain.report.course import Slice
from gateway.domain.report.unseen import Broken, UnseenTally, Would, would_have
from gateway.flow.desks import IMPORT, LiveSite
from gateway.ports import Store, Tx
from gateway.ports.reporting import TicketClocks

#: fields and links by which a withheld thing is named; what follows is of one ticket
_WORDS = "what"


class Withheld(msgspec.Struct, frozen=True):
    """One thing that was decided and not written."""

    ticket_id: str
    decided_at: datetime
    at: str
    what: str
    why: str


class Unwatched:
    """Finds what nobody saw, some hundred tickets at a time."""

    def __init__(self, period: Period, known_at: datetime, site: LiveSite | None) -> None:
        self._period = period
        self._known_at = known_at
        self._since = {name: site.answers_since(name) for name in site.connectors} if site is not None else {}
        self.tally = UnseenTally()

    def take(self, tx: Tx, stories: Sequence[Story], found: Sequence[TicketClocks]) -> None:
        """Look through some tickets."""
        broken = [each for story in stories for each in self._broken(story)]
        if not broken:
            return
        mine = {each.ticket_id for each in broken}
        logs = {each.ticket_id: each.log for each in found if each.ticket_id in mine}
        self.tally.take(broken, tx.reporting.trail(sorted(mine), self._known_at), logs, self._since)

    def _broken(self, story: Story) -> Iterator[Broken]:
        for clock in counted(story, self._period):
            one = clock.instance
            if clock.is_met or one.breached_at is None:
                continue
            yield Broken(
                ticket_id=story.id,
                metric=one.metric,
                cycle=one.cycle,
                policy=one.policy,
                level=one.level,
                source=clock.position.value(Slice.SOURCE),
                breached_at=one.breached_at,
            )


def would(store: Store, begin: datetime, end: datetime, mine: Collection[str] | None = None) -> Would:
    """Return what was decided in a period and not written, as nothing is written there; `mine`: of these tickets."""
    with store.read() as tx:
        found = (each for each in withheld(tx, begin, end) if mine is None or each.ticket_id in mine)
        return would_have((each.ticket_id, each.at, each.what) for each in found)


def withheld(tx: Tx, begin: datetime, end: datetime) -> Iterator[Withheld]:
    """Return each thing that was decided in a period and not written, the oldest first."""
    for ticket_id, decided_at, detail in tx.reporting.withheld(begin, end):
        said = {name: str(detail.get(name, "")) for name in ("at", _WORDS, "why")}
        yield Withheld(ticket_id, decided_at, said["at"], said[_WORDS], said["why"])


def unknown(store: Store, site: LiveSite | None, begin: datetime) -> list[str]:
    """Say what nobody can know of the time before the gateway heard of things, a line for each connection."""
    if site is None:
        return []
    with store.read() as tx:
        noted = {name: state.facts.get(IMPORT) for name, state in tx.desks.all().items()}
    lines = []
    for name in sorted(site.connectors):
        progress = noted.get(name)
        if not site.connectors[name].spec.polling:
            continue
        if not progress:
            why = "nothing is known of what happened there before the gateway heard of it"
            lines.append(f"{name} was never imported: {why}")
            continue
        begun, since = (datetime.fromisoformat(progress[key]).astimezone(UTC) for key in ("begun_at", "since"))
        if begun <= begin:
            continue
        told = f"before {begun:%Y-%m-%d %H:%M} UTC"
        lines.append(
            f"{name}, {told}: the comments and the last status of each ticket are known, not the statuses between: "
            "what waited for a customer counts as worked on, and what was reopened as never solved"
        )
        if since > begin:
            lines.append(f"{name}: of tickets that changed last before {since:%Y-%m-%d} only those that were open came")
        if not progress.get("ended_at"):
            lines.append(f"{name}: its import has not ended")
    return lines
