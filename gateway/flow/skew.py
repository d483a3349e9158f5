"""A desk whose clock is wrong: what it says of times is put right before anything is decided by it.

How far a clock is off is learned from the desk's own answers (`ports.TellsTime`) and kept with the connection. What
comes from there is moved by it into our time, and nothing that has happened is ever in the future; what is asked there
by a time is asked in the desk's. So the newest edit is the newest whoever's clock is wrong, and clocks of tickets begin
when things happened (docs/edges.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from gateway.domain.clock_event import is_ahead
from gateway.domain.event import Event, RemoteComment, RemoteTicket
from gateway.domain.report.figures import length
from gateway.ports import DeskState, Store, TellsTime, Transport, Tx

#: a clock that is further off is told to people
TOLD = timedelta(minutes=1)
#: an estimate that differs by no more is no news
STEADY = 1
#: when it was learned is noted anew so often
NOTED_EVERY = timedelta(hours=1)


def there(now: datetime, ahead: int) -> datetime:
    """Return what a desk's clock shows at an instant of ours."""
    return now + timedelta(seconds=ahead)


def here(at: datetime, ahead: int, now: datetime) -> datetime:
    """Return when something happened, by our clock, that a desk says happened `at`.

    What is still in the future then is not believed: it happened now. A few minutes are left to it, since that is how
    far a clock may be off of which nothing is known yet, and our own writes are known again by their times.
    """
    moved = at - timedelta(seconds=ahead)
    return now if is_ahead(moved, now) else moved


def set_right(event: Event, ahead: int, now: datetime) -> Event:
    """Return an event with the times of what has happened in our time."""
    promise = event.promise
    if promise is not None:
        # a desk also says when something will happen
        moved = timedelta(seconds=ahead)
        due = promise.due - moved if promise.due is not None else None
        promise = msgspec.structs.replace(promise, at=promise.at - moved, due=due)
    return msgspec.structs.replace(
        event,
        at=here(event.at, ahead, now),
        comment=_comment(event.comment, ahead, now) if event.comment is not None else None,
        snapshot=ticket_set_right(event.snapshot, ahead, now) if event.snapshot is not None else None,
        promise=promise,
    )


def ticket_set_right(remote: RemoteTicket, ahead: int, now: datetime) -> RemoteTicket:
    """Return a remote ticket with the times of what has happened in our time; when it is due is nobody's clock."""
    return msgspec.structs.replace(
        remote,
        updated_at=here(remote.updated_at, ahead, now),
        created_at=here(remote.created_at, ahead, now) if remote.created_at is not None else None,
        resolved_at=here(remote.resolved_at, ahead, now) if remote.resolved_at is not None else None,
        comments=tuple(_comment(each, ahead, now) for each in remote.comments),
    )


def _comment(comment: RemoteComment, ahead: int, now: datetime) -> RemoteComment:
    edited = here(comment.edited_at, ahead, now) if comment.edited_at is not None else None
    return msgspec.structs.replace(comment, at=here(comment.at, ahead, now), edited_at=edited)


def note(tx: Tx, transport: Transport, connection: str, now: datetime) -> DeskState:
    """Keep what a transport has learned of a desk's clock, where that is news; return the state as it is then."""
    state = tx.desks.get(connection)
    after = learned(state, transport, now)
    if after != state:
        tx.desks.save(after)
    return after


def note_news(
    store: Store, transport: Transport, states: Mapping[str, DeskState], connections: Iterable[str], now: datetime
) -> dict[str, int]:
    """Keep what was learned of desks' clocks, writing only where it is news; return how far each is ahead."""
    found = {}
    for name in connections:
        state = states.get(name, DeskState(connection=name))
        if learned(state, transport, now) != state:
            state = store.write(lambda tx, each=name: note(tx, transport, each, now))  # type: ignore[misc]
        found[name] = state.ahead
    return found


def ahead_of(store: Store, transport: Transport, connection: str, now: datetime) -> int:
    """Return by how many seconds a desk's clock is ahead, as is known by now; what is news of it is kept."""
    with store.read() as tx:
        states = tx.desks.all()
    return note_news(store, transport, states, [connection], now)[connection]


def learned(state: DeskState, transport: Transport, now: datetime) -> DeskState:
    """Return how a connection stands with what a transport knows of its clock, where that is news."""
    skew = transport.skew(state.connection) if isinstance(transport, TellsTime) else None
    if skew is None:
        return state
    steady = abs(skew.ahead - state.ahead) <= STEADY and bool(skew.ahead) == bool(state.ahead)
    if steady and state.ahead_at is not None and now - state.ahead_at < NOTED_EVERY:
        return state
    return msgspec.structs.replace(state, ahead=state.ahead if steady else skew.ahead, ahead_at=now)


def is_told(state: DeskState) -> bool:
    """Say whether a desk's clock is so far off that people are told."""
    return abs(state.ahead) >= TOLD.total_seconds()


def words(ahead: int) -> str:
    """Say how far a desk's clock is off."""
    if not ahead:
        return "its clock agrees with ours"
    return f"its clock is {length(abs(ahead), days=True)} {'ahead of' if ahead > 0 else 'behind'} ours"


def what_to_do(states: Iterable[DeskState]) -> str:
    """Say what to do about the clocks that are off; empty where none is."""
    known = [each for each in states if each.ahead_at is not None]
    off = [each for each in known if is_told(each)]
    if not off:
        return ""
    if len(off) > 1 and len(off) == len(known) and len({each.ahead > 0 for each in off}) == 1:
        return "every desk says so: it is likely the clock of this host that is wrong; see to its NTP"
    return "its times are put right, but webhooks that it signs with the time are refused; have its clock (NTP) mended"
