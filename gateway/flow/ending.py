"""A remote ticket is no more: deleted, or merged into one that nobody names."""

from __future__ import annotations

import msgspec

from gateway.domain.event import EventKind
from gateway.domain.link import Link, LinkState
from gateway.flow.sight import note_ended
from gateway.ports import Tx

ENDED = frozenset({EventKind.DELETED, EventKind.MERGED})


def end_link(tx: Tx, link: Link, kind: EventKind) -> tuple[LinkState, str]:
    """End a link; return what it is then, and that in a word or two."""
    state, outcome = LinkState.GONE, "deleted there"
    if kind is EventKind.MERGED:
        state, outcome = LinkState.MERGED, "merged into another"
    tx.links.save(msgspec.structs.replace(link, state=state))
    note_ended(tx, link)
    return state, outcome
