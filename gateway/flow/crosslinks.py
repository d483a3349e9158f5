"""What a remote ticket says of tickets at other desks is noted when it is applied, and looked at by `adopting`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from gateway.domain.crosslink import Evidence, Place, found_in, host_of
from gateway.domain.event import RemoteTicket
from gateway.domain.link import Link
from gateway.flow.desks import LiveSite
from gateway.ports import Connector, Tx
from rules.sync import SyncRule


def places_of(connectors: Mapping[str, Connector]) -> list[Place]:
    """Return the connections of a site as others name their tickets."""
    return [
        Place(
            name,
            frozenset({host_of(each) for each in (connector.settings.url, *connector.spec.origins)} - {""}),
            connector.spec.addresses,
            connector.spec.words,
        )
        for name, connector in sorted(connectors.items())
    ]


def note(tx: Tx, site: LiveSite, link: Link, remote: RemoteTicket | None, now: datetime, *, is_new: bool) -> None:
    """Note what a remote ticket names of tickets elsewhere, as far as it was read; of a new one, that it is there."""
    if len(site.connectors) < 2:
        return
    spot = (link.connection, link.remote_id)
    if remote is not None:
        fields = site.connectors[link.connection].settings.cross_links
        found = found_in(remote, link.connection, places_of(site.connectors), fields)
        if found or remote.complete:
            tx.crosslinks.note(spot, found, now, whole=remote.complete)
    if is_new:
        tx.crosslinks.arrived(link.connection, [each for each in (link.remote_id, link.key) if each])


def awaited_at(tx: Tx, links: Sequence[Link], rule: SyncRule) -> str:
    """Say in words which ticket at the target of a rule is kept as this one's, and has not been linked (yet).

    Empty: nothing says that there is one, and it may be created. What merely stands in words says nothing.
    """
    for link in links:
        if link.connection != rule.source:
            continue
        for each in tx.crosslinks.of([(link.connection, link.remote_id)]):
            if each.at == rule.target and each.evidence is Evidence.KEPT:
                return f"it names {each.name} there"
        names = [(link.connection, each) for each in (link.remote_id, link.key) if each]
        for each in tx.crosslinks.naming(names):
            if each.connection == rule.target and each.evidence is Evidence.KEPT:
                return f"#{each.remote_id} there names it"
    return ""
