"""Marks read with one defect each, of several desks, under the suite: test_conformance.py expects each to fail."""

from __future__ import annotations

import msgspec

from connectors.sdk import (
    Call,
    Copy,
    Event,
    Finding,
    Found,
    Intent,
    RawDelivery,
    Receipt,
    RemoteTicket,
    Sighting,
    WriteContext,
)
from tests.connectors.testing.broken_polls import WHOLE, Broken, broken_classes


class AnyMark(Broken):
    """Takes whatever stands in the place of our mark for one."""

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Do not look whether it has our form."""
        found = yield from self.inner.read(remote_id)
        return (
            None if found is None else msgspec.structs.replace(found, marker=found.marker or found.external_id or "x")
        )


class AnyFound(Broken):
    """Takes whatever bears a mark for what it looks for."""

    def probe(self, intent: Intent, context: WriteContext) -> Call[Finding]:
        """Do not compare the keys."""
        if context.remote_id:
            found = yield from self.inner.read(context.remote_id)
            for said in found.comments if found is not None else ():
                if said.marker:
                    return Found(Receipt(remote_id=context.remote_id, comment_id=said.remote_id))
        finding: Finding = yield from self.inner.probe(intent, context)
        return finding


class AnySeen(Broken):
    """Counts whatever bears a mark as a copy."""

    def effects(self, intent: Intent, context: WriteContext) -> Call[Sighting]:
        """Do not compare the keys."""
        found = yield from self.inner.read(context.remote_id)
        marked = tuple(Copy(said.remote_id) for said in found.comments if said.marker)
        if intent.comment is not None and marked:
            return Sighting(marked)
        seen: Sighting = yield from self.inner.effects(intent, context)
        return seen


class Swallowing(Broken):
    """Takes what is said for what the desk does by itself."""

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Call everything automatic."""
        return tuple(msgspec.structs.replace(each, automatic=True) for each in self.inner.parse(delivery))


NAME, OTHERS = "test_another_programs_name_is_no_mark", "test_a_write_of_another_gateway_is_not_ours"
DEFECTS = {AnyMark: NAME, AnyFound: OTHERS, AnySeen: OTHERS, Swallowing: NAME}
globals().update(broken_classes(DEFECTS, __name__))
NOTICED = {f"{whole.__name__}{kind.__name__}": (test,) for kind, test in DEFECTS.items() for whole in WHOLE}
#: HubSpot's webhooks tell of no comment: it is read
del NOTICED["TestHubSpotSwallowing"]
