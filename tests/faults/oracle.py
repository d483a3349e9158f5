"""What must hold when everything is at rest: the record against what really happened at the target."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec
from sqlalchemy import func, select

from gateway.domain.event import EventKind
from gateway.domain.update import Operation, Strategy, UpdateState
from gateway.ports import UpdateRow
from gateway.store import SqlStore
from gateway.store.tables import attempts, deliveries, events, updates
from gateway.store.unit import SqlTx
from tests.faults.case import PHASES, Case
from tests.faults.desk import PARTING, REFUSED_FIELD, DeskTicket, Fault, Heard, State

_LANDED = frozenset({UpdateState.DONE, UpdateState.OBSERVED, UpdateState.DOUBLED})
_GIVEN_UP = frozenset({UpdateState.DEAD, UpdateState.AMBIGUOUS})
_OPEN = frozenset({UpdateState.READY, UpdateState.SENDING, UpdateState.UNKNOWN})


class Verdict(msgspec.Struct):
    """What was found; every list names what is wrong."""

    operations: int = 0
    faults: int = 0
    crashes: int = 0
    ambiguous: int = 0
    #: doubles that no protocol can prevent, found and listed
    listed: int = 0
    lost: list[str] = []
    doubled: list[str] = []
    wrong: list[str] = []

    @property
    def findings(self) -> list[str]:
        """Return all that is wrong."""
        return [
            *(f"lost: {each}" for each in self.lost),
            *(f"doubled: {each}" for each in self.doubled),
            *self.wrong,
        ]


def judge(case: Case, store: SqlStore, state: State, lines: Sequence[Heard], *, rests: bool) -> Verdict:
    """Compare the record with the effects at the target."""
    verdict = Verdict(faults=sum(line.fault is not Fault.NOTHING for line in lines))
    if not rests:
        verdict.lost.append("it never came to rest")
    with store.read() as tx:
        rows = [tx.outbox.get(each) for each in tx.connection.execute(select(updates.c.id)).scalars().all()]
        found = sorted((row for row in rows if row is not None), key=lambda row: (row.link_id, row.seq))
        _judge_inbox(verdict, tx)
        _judge_rows(verdict, found)
        _judge_updates(verdict, case, tx, found, state)
        _judge_lanes(verdict, case, tx, found, state)
    if case.fault in PARTING:
        _judge_parted(verdict, found, lines)
    return verdict


def _judge_inbox(verdict: Verdict, tx: SqlTx) -> None:
    """Every webhook was stored once and applied, and its event is there."""
    hooks = {f"told-{told.number}" for phase in PHASES for told in phase if not told.lost}
    stored = tx.connection.execute(
        select(deliveries.c.source_event_id, deliveries.c.state).where(deliveries.c.origin == "webhook")
    ).all()
    if Counter(row.source_event_id for row in stored) != Counter(hooks):
        verdict.lost.append(f"deliveries are {sorted(row.source_event_id for row in stored)}")
    verdict.lost += [f"{row.source_event_id} is {row.state}" for row in stored if row.state != "applied"]
    keys = set(tx.connection.execute(select(events.c.event_key)).scalars())
    missing = {f"change-{name.removeprefix('told-')}" for name in hooks} - keys
    if missing:
        verdict.lost.append(f"events without a row: {sorted(missing)}")


def _judge_rows(verdict: Verdict, found: Sequence[UpdateRow]) -> None:
    """Every event has its update, once: a create for each ticket, and each comment."""
    said = Counter(row.intent.comment.body.rpartition("\n")[2] for row in found if row.intent.comment is not None)
    wanted = Counter(told.text for phase in PHASES for told in phase if told.kind is EventKind.COMMENTED)
    verdict.lost += [f"no update for {text!r}" for text in (wanted - said)]
    verdict.doubled += [f"an update too many for {text!r}" for text in (said - wanted)]
    creates = sum(row.operation is Operation.CREATE for row in found)
    if creates != 2:
        verdict.wrong.append(f"{creates} creates for 2 tickets")


def _judge_updates(verdict: Verdict, case: Case, tx: SqlTx, found: Sequence[UpdateRow], state: State) -> None:
    """Each update and what happened at the target are one."""
    times = Counter(effect.key for effect in state.effects)
    counted = select(attempts.c.update_id, func.count()).group_by(attempts.c.update_id)
    tries = {str(row[0]): int(row[1]) for row in tx.connection.execute(counted)}
    listed = {letter.id for letter in tx.view.dead_letters(limit=1000)}
    given_up = {row.link_id: row for row in reversed(found) if row.state in _GIVEN_UP}
    verdict.operations = len(found)
    for row in found:
        count, name = times.pop(row.effect_key, 0), _name(row)
        if row.state is UpdateState.DOUBLED:
            _judge_double(verdict, case, row, count, listed=row.id in listed)
        elif count > 1 and not (case.beyond and row.operation is Operation.SET_FIELDS):
            # fields that were written twice are a double where an older value stands, which their lane's end shows
            verdict.doubled.append(f"{name} took effect {count} times, and is not listed")
        if row.state in _LANDED and not count and row.operation is not Operation.UNDO:
            verdict.lost.append(f"{name} never took effect")
        if row.state is UpdateState.SUPERSEDED and count:
            verdict.wrong.append(f"{name} took effect")
        if row.state in _GIVEN_UP:
            _judge_letter(verdict, case, row, count, tries.get(row.id, 0), listed=row.id in listed)
        if row.state in _OPEN:
            _judge_open(verdict, row, given_up.get(row.link_id), count)
    verdict.wrong += [f"an effect of no update: {key}" for key in times]


def _judge_double(verdict: Verdict, case: Case, row: UpdateRow, count: int, *, listed: bool) -> None:
    """See that only a double is listed as one, and that it is; within the protocol there is none."""
    verdict.listed += 1
    if not listed:
        verdict.wrong.append(f"{_name(row)} is not listed")
    if count < 2:
        verdict.wrong.append(f"{_name(row)} took effect {count} times")
    if not case.beyond:
        verdict.doubled.append(f"{_name(row)} took effect {count} times within the protocol")


def _name(row: UpdateRow) -> str:
    return f"{row.summary} (seq {row.seq}, {row.state})"


def _judge_letter(verdict: Verdict, case: Case, row: UpdateRow, count: int, tries: int, *, listed: bool) -> None:
    """See that what was given up is listed; rejected had no effect, ambiguous was not sent again."""
    if not listed:
        verdict.wrong.append(f"{_name(row)} is not listed")
    if row.state is UpdateState.DEAD:
        if count:
            verdict.wrong.append(f"{_name(row)} took effect")
        if case.fault is not Fault.REJECTED and not (case.fault in PARTING and _is_parted(row)):
            verdict.lost.append(f"{_name(row)}: {row.detail}")
        return
    verdict.ambiguous += 1
    if case.strategy is not Strategy.NONE:
        verdict.wrong.append(f"{_name(row)} although there is a strategy")
    if tries > _sendings(case):
        verdict.wrong.append(f"{_name(row)} was sent {tries} times")


def _is_parted(row: UpdateRow) -> bool:
    """Say whether it is the letter of the one field that was refused."""
    return row.operation is Operation.SET_FIELDS and set(row.intent.fields) == {REFUSED_FIELD}


def _judge_parted(verdict: Verdict, found: Sequence[UpdateRow], lines: Sequence[Heard]) -> None:
    """Each update of which a field was refused has one letter for it, and all else of it is there."""
    # what a later change was merged into may be refused once more, with another value
    refused = {
        (line.ask.key, str(line.ask.left_out or line.ask.fields[REFUSED_FIELD]))
        for line in lines
        if line.fault in PARTING
    }
    keys = {key for key, _ in refused}
    changes = [row for row in found if row.operation is Operation.SET_FIELDS]
    # one of which nobody knows whether it was sent is a letter all the same, and was perhaps never refused
    given_up = [row for row in changes if row.state is UpdateState.DEAD or row.effect_key in keys]
    letters = [row.intent.fields for row in given_up if row.state in _GIVEN_UP]
    told = Counter(str(fields[REFUSED_FIELD]) for fields in letters if REFUSED_FIELD in fields)
    wanted = Counter(value for _, value in refused)
    if told != wanted:
        verdict.wrong.append(f"letters for {dict(told)}, refused were {dict(wanted)}")
    for row in found:
        if row.effect_key in keys and row.state in _LANDED and REFUSED_FIELD in row.intent.fields:
            verdict.wrong.append(f"{_name(row)} still asks for what was refused")


def _sendings(case: Case) -> int:
    """Return how many attempts an ambiguous update may have: one, and those that certainly had no effect."""
    harmless = {Fault.REFUSE, Fault.THROTTLE, Fault.THROTTLE_DATE, Fault.REPLAYED, Fault.PARTED}
    return 2 if case.fault in harmless else 1


def _judge_open(verdict: Verdict, row: UpdateRow, head: UpdateRow | None, count: int) -> None:
    """See that nothing is open but what waits, untouched, behind a dead letter of its lane."""
    if head is None or head.seq > row.seq or row.state is not UpdateState.READY:
        verdict.lost.append(f"{_name(row)} is open for ever")
    elif count:
        verdict.wrong.append(f"{_name(row)} went past a dead letter")


def _judge_lanes(verdict: Verdict, case: Case, tx: SqlTx, found: Sequence[UpdateRow], state: State) -> None:
    """Effects are in the order of their lane, and the remote ticket is what the lane folds to."""
    seqs = {row.effect_key: row.seq for row in found}
    order: defaultdict[str, list[int]] = defaultdict(list)
    for effect in state.effects:
        seq = seqs.get(effect.key, 0)
        # what came once more comes late
        if not (case.beyond and seq in order[effect.ticket]):
            order[effect.ticket].append(seq)
    verdict.wrong += [f"ticket {name}: effects in the order {seq}" for name, seq in order.items() if seq != sorted(seq)]
    happened = {effect.key for effect in state.effects}
    lanes: defaultdict[str, list[UpdateRow]] = defaultdict(list)
    for row in found:
        lanes[row.link_id].append(row)
    for link_id, rows in lanes.items():
        landed = [row for row in rows if row.effect_key in happened]
        link = tx.links.get(link_id)
        if not landed or link is None:
            continue
        if rows[0].state in _LANDED and link.remote_id not in state.tickets:
            verdict.wrong.append(f"the link says {link.remote_id!r}")
            continue
        ticket = state.tickets.get(link.remote_id) or next(
            each for each in state.tickets.values() if rows[0].effect_key in each.keys
        )
        folded = _folded(landed)
        said = [row.intent.comment.body for row in landed if row.intent.comment is not None]
        fields, comments = _without_listed(case, rows, ticket, folded)
        if fields != folded or comments != said:
            verdict.wrong.append(f"ticket {ticket.id} is {fields} {comments}, not {folded} {said}")
        _judge_copies(verdict, case, rows[0], ticket, state)


def _without_listed(
    case: Case, rows: Sequence[UpdateRow], ticket: DeskTicket, folded: Mapping[str, object]
) -> tuple[Mapping[str, object], list[str]]:
    """Return how a ticket is, but for the doubles that are listed and that the connection does not let be undone."""
    doubled = [row for row in rows if row.state is UpdateState.DOUBLED]
    if case.undoes or not doubled:
        return dict(ticket.fields), list(ticket.comments.values())
    older = {name for row in doubled if row.operation is Operation.SET_FIELDS for name in row.intent.fields}
    fields = {name: folded.get(name) if name in older else value for name, value in ticket.fields.items()}
    keys, comments = {row.effect_key for row in doubled}, []
    for name, body in ticket.comments.items():
        key = name.partition("+")[0]
        if key not in keys or body not in comments:
            comments.append(body)
    return fields, comments


def _judge_copies(verdict: Verdict, case: Case, create: UpdateRow, kept: DeskTicket, state: State) -> None:
    """See that every second copy of a ticket is closed where the connection lets doubles be undone."""
    copies = [each for each in state.tickets.values() if create.effect_key in each.keys and each.id != kept.id]
    if case.undoes:
        verdict.wrong += [
            f"ticket {each.id} is a copy and not closed" for each in copies if not each.fields.get("closed")
        ]


def _folded(rows: Sequence[UpdateRow]) -> Mapping[str, object]:
    fields: dict[str, object] = {}
    for row in rows:
        fields |= {name: value for name, value in row.intent.fields.items() if name in {"title", "body"}}
    return fields


def total(verdicts: Sequence[Verdict]) -> Iterator[tuple[str, int]]:
    """Add verdicts up for a table."""
    for name in ("operations", "faults", "crashes"):
        yield name, sum(getattr(each, name) for each in verdicts)
    yield "lost", sum(len(each.lost) for each in verdicts)
    yield "duplicated", sum(len(each.doubled) for each in verdicts)
    yield "listed", sum(each.listed for each in verdicts)
    yield "ambiguous", sum(each.ambiguous for each in verdicts)
