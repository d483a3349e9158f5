"""What gateway.yaml says of `enrich:`: which systems are asked about a requester, in which order, for which fields."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gateway.domain.ids import digest
from gateway.ports import ConnectorSpec
from rules.connections import Connection
from rules.duration import seconds
from rules.problem import Problem, nearest
from rules.source import Document, Spot

FRESH = 3600


class Source(msgspec.Struct, frozen=True):
    """One system that is asked; either a connection or a file."""

    connection: str = ""
    file: str = ""
    #: field -> what it is called there
    names: dict[str, str] = {}
    #: the fields that are taken from it; empty: all
    only: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What stamps and messages call it."""
        return self.connection or self.file

    @property
    def key(self) -> str:
        """Names it with all that it is asked: another mapping asks anew."""
        return f"{self.name}:{digest('source', sorted(self.names.items()))[:12]}"

    def takes(self, field: str) -> bool:
        """Say whether a field may come from it."""
        return not self.only or field in self.only


class Enrichment(msgspec.Struct, frozen=True):
    """All that is asked about people."""

    sources: tuple[Source, ...] = ()
    #: for so many seconds an answer is new
    fresh: int = FRESH


def enrichment(
    gateway: Document | None,
    connections: Mapping[str, Connection],
    specs: Mapping[str, ConnectorSpec],
    problems: list[Problem],
) -> Enrichment:
    """Read `enrich:`; a source that is not there or knows nobody is a problem."""
    if gateway is None or not isinstance(gateway.root.get("enrich"), dict):
        return Enrichment()
    section = gateway.root["enrich"]
    if not isinstance(section.get("from"), list):
        return Enrichment()
    sources = [found for spot in section["from"].each() if (found := _source(spot, connections, specs, problems))]
    names = [each.name for each in sources]
    for place, spot in enumerate(section["from"].each()):
        if len(names) == len(section.value["from"]) and names[place] in names[:place]:
            problems.append(spot.error("duplicate-name", f"'{names[place]}' is asked already", "take one of them out"))
    fresh = section.get("fresh")
    return Enrichment(tuple(sources), seconds(fresh) if isinstance(fresh, str) else FRESH)


def _source(
    spot: Spot, connections: Mapping[str, Connection], specs: Mapping[str, ConnectorSpec], problems: list[Problem]
) -> Source | None:
    if not isinstance(spot.value, dict):
        return None
    only = tuple(spot.get("only") or ())
    if ("connection" in spot) == ("directory" in spot):
        problems.append(spot.error("wrong-value", "a source is a connection or a directory", "write one of the two"))
        return None
    if "directory" in spot:
        if "fields" in spot:
            problems.append(spot["fields"].error("wrong-value", "a directory has columns", "write columns:", key=True))
        return Source(file=spot.get("directory"), names=dict(spot.get("columns") or {}), only=only)
    name = spot.get("connection")
    if name not in connections:
        message = f"there is no connection '{name}'"
        problems.append(spot["connection"].error("unknown-connection", message, nearest(name, connections)))
        return None
    spec = specs.get(connections[name].connector)
    if spec is not None and not spec.enriches:
        message = f"{spec.title} cannot be asked about people"
        some = sorted(each.name for each in specs.values() if each.enriches)
        problems.append(spot["connection"].error("wrong-value", message, f"these can: {', '.join(some)}"))
    if "columns" in spot:
        problems.append(spot["columns"].error("wrong-value", "a connection has fields", "write fields:", key=True))
    return Source(connection=name, names=dict(spot.get("fields") or {}), only=only)
