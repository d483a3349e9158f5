"""What a decision was made from, small enough to be kept with each: the same release says again why it came out so.

A full trace of every rule costs more than the decision itself, and nobody reads most of them. What the rules saw costs
a line of JSON, and from it and the files of its release `decide` says at any time what matched, what did not, and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.duplicate import Candidate
from gateway.domain.ticket import Setter, Ticket
from rules.classifiers import Said
from rules.decide import Decision, RuleSet, decide
from rules.stages import DeskStatus


class Inputs(msgspec.Struct, frozen=True, omit_defaults=True):
    """The ticket as the rules saw it, what had changed since they last ran, where it lives, and when that was."""

    ticket: Ticket
    now: datetime
    links: tuple[str, ...] = ()
    #: the fields that had other values when the rules last ran, with those values; None: they never had
    before: dict[str, Any] | None = None
    #: the body is long and rarely changes: it is left out where it is that of the decision before
    same_body: bool = False
    #: how the desks word its status
    desks: tuple[DeskStatus, ...] = ()
    #: the other tickets that were looked up, by the key of phase duplicates
    others: dict[str, tuple[Candidate, ...]] = {}
    #: what classifiers said: they are not asked again
    said: tuple[Said, ...] = ()
    version: int = 1

    @staticmethod
    def of(
        ticket: Ticket,
        previous: Ticket | None,
        links: frozenset[str],
        now: datetime,
        *,
        desks: tuple[DeskStatus, ...] = (),
        others: Mapping[str, tuple[Candidate, ...]] | None = None,
        said: tuple[Said, ...] = (),
    ) -> Inputs:
        """Keep what `decide` is given."""
        known = Inputs(ticket, now, tuple(sorted(links)), desks=desks, others=dict(others or {}), said=said)
        if previous is None:
            return known
        before = {
            name: getattr(previous, name)
            for name in ticket.__struct_fields__
            if getattr(previous, name) != getattr(ticket, name)
        }
        same = "body" not in before
        kept = msgspec.structs.replace(ticket, body="") if same else ticket
        return msgspec.structs.replace(known, ticket=kept, before=before, same_body=same)

    def with_body(self, body: str) -> Inputs:
        """Put the body of the decision before back in, where it was left out."""
        if not self.same_body:
            return self
        return msgspec.structs.replace(self, ticket=msgspec.structs.replace(self.ticket, body=body), same_body=False)

    @property
    def previous(self) -> Ticket | None:
        """The ticket as it was when the rules last ran; None when they never had."""
        if self.before is None:
            return None
        old = {**msgspec.to_builtins(self.ticket), **msgspec.to_builtins(self.before)}
        return msgspec.convert(old, Ticket)

    def again(self, rules: RuleSet, *, explain: bool = True) -> Decision:
        """Decide once more by the rules of that time, with a line for every rule, or for those that matched."""
        return decide(
            rules,
            self.ticket,
            previous=self.previous,
            links=frozenset(self.links),
            now=self.now,
            explain=explain,
            desks=self.desks,
            said=self.said,
            earlier=self.earlier,
        )

    def earlier(self, key: str, _since: datetime, _until: datetime) -> tuple[Candidate, ...]:
        """Return the other tickets that were looked up by that key."""
        return self.others.get(key, ())


def as_new(ticket: Ticket) -> Ticket:
    """Return a ticket without what rules have set on it: what people and desks said stays.

    What a rule wrote over is not known any more, so such a field is as empty as on a new ticket.
    """
    bare = Ticket(id="", source="", created_at=ticket.created_at, updated_at=ticket.updated_at)
    ours = [field for field, stamp in ticket.stamps.items() if stamp.by is Setter.RULE]
    changes = {field: getattr(bare, field) for field in ours if not field.startswith("custom.")}
    custom = {name: value for name, value in ticket.custom.items() if f"custom.{name}" not in ours}
    stamps = {field: stamp for field, stamp in ticket.stamps.items() if stamp.by is not Setter.RULE}
    return msgspec.structs.replace(ticket, **changes, custom=custom, stamps=stamps)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Inputs)


def encoded(inputs: Inputs) -> bytes:
    """Return them as they are stored."""
    return _encoder.encode(inputs)


def decoded(stored: bytes) -> Inputs:
    """Read what was stored."""
    return _decoder.decode(stored)
