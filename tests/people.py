"""People for tests: what a desk shows of somebody, entered as apply enters it."""

from __future__ import annotations

from gateway.domain.people import Terms
from gateway.domain.person import RemotePerson
from gateway.flow.people.stitching import Stitched, stitch
from gateway.store import SqlStore


def known(store: SqlStore, connection: str, who: RemotePerson, terms: Terms = Terms()) -> Stitched:  # noqa: B008 - frozen
    """Let a desk show somebody; return who that is."""
    return store.write(lambda tx: stitch(tx, connection, who, terms=terms, now=store.clock.now(), ids=store.ids))
