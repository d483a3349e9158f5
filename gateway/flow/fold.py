"""What one event of one desk changes in the one ticket: pure, so that it can be read, tested and replayed.

Per field the newest real edit wins; what equals our own write is an echo and changes nothing; a field is only taken
from a desk that may change it; what no map covers is parked or noted, as the rule says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain import bounce
from gateway.domain.echo import EchoEntry, Incoming, match, outdated, value_hash
from gateway.domain.event import Event, EventKind, RemoteComment, RemoteTicket
from gateway.domain.link import COMMENT, CORRESPONDENCE, Link, Observed, Role, corresponding
from gateway.domain.redaction import recalled
from gateway.domain.shown import is_shown, plain_shown
from gateway.domain.ticket import (
    SYNCED_FIELDS,
    Category,
    Priority,
    Setter,
    Stamp,
    Status,
    Ticket,
    Unmapped,
    with_field,
)
from gateway.errors import ConflictError, UnmappedError
from gateway.flow.beginning import new_ticket, with_details, with_privacy
from gateway.flow.brought import brought, plain
from gateway.flow.comments import comment_hash, sort_comments
from gateway.flow.edits import Lost, Seen, forget, is_told_again, newest, refusal, same, set_again, with_head
from gateway.flow.translate import is_unknown, require_ignorable, to_ours
from rules.stages import DeskStatus
from rules.sync import ConflictChoice, SyncRule

__all__ = ["Fold", "Lost", "first_sight", "fold", "new_ticket", "observe", "plain", "told", "with_details"]


class Fold(msgspec.Struct, frozen=True):
    """The ticket and the link after one event, and what happened on the way."""

    ticket: Ticket
    link: Link
    #: fields of the ticket that this event changed
    changed: tuple[str, ...] = ()
    #: comments that are new to us
    comments: tuple[RemoteComment, ...] = ()
    #: remote ids of comments that are our own, seen for the first time
    own_comments: tuple[str, ...] = ()
    #: ledger entries that are used up
    consumed: tuple[str, ...] = ()
    lost: tuple[Lost, ...] = ()
    echoes: tuple[str, ...] = ()
    #: fields in which a newer edit stands, made elsewhere or written over by us: if the desk shows another value, what
    #: stands is written there
    overruled: tuple[str, ...] = ()
    #: what an automation there has answered once too often (bounce.py): nothing more of it is written
    bounced: tuple[str, ...] = ()
    #: the status that somebody gave the ticket at this desk, whatever it means to us
    moved: DeskStatus | None = None
    #: fields in which the gateway alone writes (gateway.domain.shown), and somebody else did
    intruded: tuple[str, ...] = ()
    #: why a value is left to a person, for nothing maps it, while what was said beside it is taken
    unmapped: str = ""


def observe(link: Link, remote: RemoteTicket, *, ours: bool = False) -> Link:
    """Note how a remote ticket reads now, for every field that it says."""
    observed = dict(link.observed)
    for field in SYNCED_FIELDS:
        value = getattr(remote, field)
        seen = observed.get(field)
        if value is msgspec.UNSET or (seen is not None and remote.version and seen.version > remote.version):
            continue
        observed[field] = Observed(plain(field, value), remote.updated_at, remote.version, ours)
    if remote.correspondence:
        said = observed.get(CORRESPONDENCE)
        observed[CORRESPONDENCE] = corresponding(said, remote.correspondence, remote.updated_at)
    newer = remote.version >= link.version
    return msgspec.structs.replace(
        link,
        observed=observed,
        key=remote.key or link.key,
        url=remote.url or link.url,
        version=max(link.version, remote.version),
        version_token=remote.version_token or link.version_token if newer else link.version_token,
    )


def first_sight(ticket: Ticket, link: Link, remote: RemoteTicket, rules: Sequence[SyncRule]) -> Ticket:
    """Note words that nothing maps on a ticket that just began; raises UnmappedError for a status where a rule parks.

    A ticket without a status has no place at the other desk; one without a priority has.
    """
    status, priority = remote.status, remote.priority
    if isinstance(priority, Priority) and is_unknown(priority):
        ticket = _note_unmapped(ticket, link, "priority", msgspec.to_builtins(priority))
    if not isinstance(status, Status) or status.category is not Category.UNKNOWN:
        return ticket
    require_ignorable("status", status.native, link, None, rules)
    return _note_unmapped(ticket, link, "status", msgspec.to_builtins(status))


def fold(  # noqa: PLR0913 - all that one event is judged by
    ticket: Ticket,
    link: Link,
    event: Event,
    *,
    rules: Sequence[SyncRule],
    ledger: tuple[EchoEntry, ...],
    by_us: bool | None,
    known_comments: frozenset[str],
    pending: Mapping[str, Any],
    shown: frozenset[str] = frozenset(),
    stays: bool = False,
) -> Fold:
    """Fold one event into a ticket that exists.

    `rules` are the sync rules of the ticket's links; `pending` the fields that our open updates will still write to
    this link; `shown` those of it in which we alone write; `stays`: what this desk does by itself because of a write of
    ours stays so. Raises UnmappedError or ConflictError where the rule says `park`; new comments beside a
    value that only shows are taken first, and `unmapped` says why.
    """
    folding = _Folding(ticket, link, event, rules=rules, ledger=ledger, by_us=by_us, pending=pending, stays=stays)
    for seen in brought(event, link, shown):
        if is_shown(seen.field):
            folding.watch(seen, shown)
        else:
            folding.take(seen)
    ticket = folding.ticket
    if ticket.redacted_at is not None:
        ticket = recalled(ticket, link, event)
    if event.snapshot is not None:
        ticket = with_privacy(ticket, link, event.snapshot)
    if event.snapshot is not None and link.role is Role.SOURCE:
        ticket = with_details(ticket, event.snapshot, shown)
    comments, own, used = sort_comments(event, folding.ledger, known_comments, by_us=by_us)
    if folding.unmapped is not None and not comments:
        raise folding.unmapped
    for comment in comments:
        folding.hear(comment)
    if event.snapshot is not None and event.snapshot.correspondence:
        said = corresponding(folding.observed.get(CORRESPONDENCE), event.snapshot.correspondence, event.at)
        folding.observed[CORRESPONDENCE] = said
    link = msgspec.structs.replace(link, observed=folding.observed)
    if event.snapshot is not None:
        link = with_head(link, event.snapshot)
    return Fold(
        ticket,
        link,
        tuple(folding.changed),
        comments,
        own,
        tuple(dict.fromkeys([*folding.consumed, *used])),
        tuple(folding.lost),
        tuple(folding.echoed),
        tuple(folding.overruled),
        tuple(folding.bounced),
        folding.moved,
        tuple(folding.intruded),
        str(folding.unmapped or ""),
    )


class _Folding:
    """Takes the field values of one event, one after the other."""

    def __init__(
        self,
        ticket: Ticket,
        link: Link,
        event: Event,
        *,
        rules: Sequence[SyncRule],
        ledger: tuple[EchoEntry, ...],
        by_us: bool | None,
        pending: Mapping[str, Any],
        stays: bool,
    ) -> None:
        self.ticket = ticket
        self.ledger = ledger
        self.observed = dict(link.observed)
        self.changed: list[str] = []
        self.consumed: list[str] = []
        self.lost: list[Lost] = []
        self.echoed: list[str] = []
        self.overruled: list[str] = []
        self.bounced: list[str] = []
        self.moved: DeskStatus | None = None
        self.intruded: list[str] = []
        self.unmapped: UnmappedError | None = None
        self._link = link
        self._event = event
        self._rules = rules
        self._rule = next((each for each in rules if link.role is Role.TARGET and each.name == link.rule), None)
        self._by_us = by_us
        self._pending = pending
        self._stays = stays

    def take(self, seen: Seen) -> None:
        """Take one value: as an echo, as news, or as an edit that is not taken."""
        field, json = seen.field, plain(seen.field, seen.value)
        echo = self._echo(seen, json)
        before = self.observed.get(field)
        late = before is not None and bool(seen.version) and before.version > seen.version
        if not late:
            kept = echo is not None and before is not None and before.kept and before.value == json
            now = Observed(json, seen.at, seen.version, echo is not None, kept)
            self.observed[field] = self._counted(field, bounce.seen_now(before, now, machine=self._is_machine(seen)))
        if echo is not None:
            self.echoed.append(field)
            # what a desk does by itself is nobody's word; a value that our own account put back may have come upon one
            if not late and echo.side_effect and self._stays:
                self._yield_to(seen)
            elif not late and (not echo.side_effect or (seen.explicit and self._by_us)):
                self._stand(seen)
        elif late and before is not None and not before.ours:
            # what the desk made of the field since then has been folded already
            self._lose(seen, json, f"{self._link.connection} has changed it again since", before.at)
        elif before is not None or seen.explicit or self._is_missing(field):
            holds = self._edit(seen, json, before)
            if late and holds and before is not None and before.value != json:
                # our write came upon this edit, perhaps before we knew of it: the desk shows ours
                self.overruled.append(field)
            elif not late and field == "status" and field not in self.overruled:
                setter = Setter.DESK if self._event.automatic else Setter.PERSON
                native = seen.value.native or seen.value.category
                self.moved = DeskStatus(self._link.connection, native, seen.at, setter, new=True)

    def _is_missing(self, field: str) -> bool:
        """Say whether a ticket began without its text, because its desk could not be read then."""
        return field == "body" and self._link.role is Role.SOURCE and field not in self.ticket.stamps

    def watch(self, seen: Seen, own: frozenset[str]) -> None:
        """Note what a field of ours shows: as an echo, or as somebody's edit, which the gateway writes over again."""
        field, json = seen.field, plain_shown(seen.value)
        echo = self._echo(seen, json)
        before = self.observed.get(field)
        if before is not None and bool(seen.version) and before.version > seen.version:
            return
        ours = echo is not None or (before is not None and before.ours and before.value == json)
        now = Observed(json, seen.at, seen.version, ours)
        self.observed[field] = self._counted(field, bounce.seen_now(before, now, machine=self._is_machine(seen)))
        if echo is not None:
            self.echoed.append(field)
        elif field in own and before is not None and before.value != json:
            self.lost.append(
                Lost(field, json, "the gateway alone writes there (a due time is set by `gateway sla due`)")
            )
            self.intruded.append(field)

    def _is_machine(self, seen: Seen) -> bool:
        return seen.explicit and (self._event.automatic or self._by_us is True)

    def _counted(self, subject: str, seen: Observed) -> Observed:
        """Note a bounce, and begin to count anew."""
        if not bounce.is_bounce(seen):
            return seen
        self.bounced.append(subject)
        return bounce.stopped(seen)

    def hear(self, comment: RemoteComment) -> None:
        """Note a comment that is new to us: one that follows ours at once may be an automation's answer."""
        machine = comment is self._event.comment and (self._event.automatic or self._by_us is True)
        now = Observed(comment_hash(comment.body, comment.visibility), comment.at)
        before = self.observed.get(COMMENT)
        self.observed[COMMENT] = self._counted(COMMENT, bounce.seen_now(before, now, machine=machine))

    def _lose(self, seen: Seen, json: Any, why: str, until: datetime) -> None:
        """Note an edit that comes after a newer one: it stood from when it was made until that one was."""
        value = None
        if seen.explicit and not refusal(seen, self._link, self._rule, self._rules):
            with suppress(UnmappedError):
                value = to_ours(seen.field, seen.value, self.ticket, self._link, self._rule, self._rules)
        self.lost.append(Lost(seen.field, json, why, value, seen.at, until))

    def _stand(self, seen: Seen) -> None:
        """Let an edit stand that a write of ours came upon: the desk shows ours, and so the edit is written again."""
        try:
            value = to_ours(seen.field, seen.value, self.ticket, self._link, self._rule, self._rules)
        except UnmappedError:
            return
        if value is not None and not same(getattr(self.ticket, seen.field), value):
            self.overruled.append(seen.field)

    def _yield_to(self, seen: Seen) -> None:
        """Take what the desk did by itself because of our write, unless somebody has said otherwise."""
        if self.ticket.setter(seen.field) is Setter.PERSON:
            self._stand(seen)
            return
        with suppress(UnmappedError):
            value = to_ours(seen.field, seen.value, self.ticket, self._link, self._rule, self._rules)
            if value is None or same(getattr(self.ticket, seen.field), value):
                return
            stamp = Stamp(Setter.DESK, self._link.connection, seen.at, seen.version)
            self.ticket = with_field(self.ticket, seen.field, value, stamp)
            self.changed.append(seen.field)
            if seen.field == "status":
                self.moved = DeskStatus(self._link.connection, seen.value.native, seen.at, Setter.DESK, new=True)

    def _echo(self, seen: Seen, json: Any) -> EchoEntry | None:
        """Ask the ledger whether this is our own write, and take out what it uses up or outdates.

        A read that shows our write uses nothing up: the webhook about the same write is still to come.
        """
        incoming = Incoming(
            subject=seen.field,
            value_hash=value_hash(json),
            at=seen.at,
            version=seen.version,
            change_id=self._event.key if seen.explicit else "",
            # what stands beside a change of ours may be its side effect, beside somebody else's it says nothing
            by_us=self._by_us if seen.explicit or self._by_us else None,
            automatic=self._event.automatic and seen.explicit,
        )
        echo = match(incoming, self.ledger)
        gone = {entry.id for entry in outdated(incoming, self.ledger)}
        if echo is not None and seen.explicit:
            gone.add(echo.id)
        self.consumed += sorted(gone)
        self.ledger = tuple(entry for entry in self.ledger if entry.id not in gone)
        return echo

    def _edit(self, seen: Seen, json: Any, before: Observed | None) -> bool:
        """Take somebody's edit, if this desk may make it and no newer one stands; say whether its value stands then."""
        field, rule = seen.field, self._rule
        why = refusal(seen, self._link, rule, self._rules)
        if why:
            self.lost.append(Lost(field, json, why))
            return False
        try:
            value = to_ours(field, seen.value, self.ticket, self._link, rule, self._rules)
        except UnmappedError as error:
            if seen.explicit:
                raise
            # seen in passing: the delivery that says it on purpose (or the poll) is the one to park
            if self._event.kind is EventKind.OBSERVED:
                self.unmapped = self.unmapped or error
            forget(self.observed, field, before)
            return False
        if value is None and (field != "assignee" or seen.value is not None):
            self.ticket = _note_unmapped(self.ticket, self._link, field, json)
            return False
        if field == "custom":
            # an event tells of one field: the others are as they were
            value = {**self.ticket.custom, **(value or {})}
        setter = Setter.DESK if self._event.automatic else Setter.PERSON
        if same(getattr(self.ticket, field), value):
            stamp = self.ticket.stamps.get(field)
            if seen.explicit and stamp is not None and stamp.name == self._link.connection and stamp.at < seen.at:
                # set again after an edit that is still to come
                self.ticket = set_again(self.ticket, field, seen, setter)
            return True
        if is_told_again(seen, json, before, self.ticket.stamps.get(field)):
            return False
        if not newest(self.ticket.stamps.get(field), seen, self._link, self._event):
            self._lose(seen, json, "a newer edit stands", self.ticket.stamps[field].at)
            self.overruled.append(field)
            return False
        if rule is not None and field in self._pending and rule.conflict_of(field) is ConflictChoice.PARK:
            msg = f"{field} was changed in both desks (rule {rule.name!r} says conflict: park)"
            raise ConflictError(msg)
        stamp = Stamp(setter, self._link.connection, seen.at, seen.version)
        self.ticket = with_field(self.ticket, field, value, stamp)
        self.changed.append(field)
        return True


def _note_unmapped(ticket: Ticket, link: Link, field: str, json: Any) -> Ticket:
    native = json.get("native", "") if isinstance(json, dict) else str(json)
    note = Unmapped(link.connection, field, native)
    if note in ticket.unmapped:
        return ticket
    return msgspec.structs.replace(ticket, unmapped=(*ticket.unmapped, note))


def told(folded: Fold, comments: int) -> str:
    """Say in a word or two what an event came to; `comments` of it were new."""
    parts = []
    if folded.changed:
        parts.append("changed " + ", ".join(folded.changed))
    if comments:
        parts.append(f"{comments} comment" + ("s" if comments > 1 else ""))
    if folded.echoes or folded.own_comments:
        parts.append("our own echo")
    if folded.lost:
        parts.append("not taken: " + ", ".join(lost.field for lost in folded.lost))
    return "; ".join(parts) or "nothing new"
