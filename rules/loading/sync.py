"""Compiling the rules of phase sync, against the connections and against what their connectors can do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.domain.ticket import Visibility
from gateway.ports import ConnectorSpec
from rules.conditions import ALWAYS, compile_condition
from rules.connections import Connection, said
from rules.due_time import due_times
from rules.fields import Vocabulary
from rules.loading.maps import compile_map
from rules.loading.sections import Sections, names
from rules.operators import as_list
from rules.problem import Problem, nearest
from rules.schema.check import check, validator
from rules.source import Spot
from rules.sync import ConflictChoice, Owner, SyncRule, UnmappedChoice

#: members of `fields:` that are no fields of the ticket
_NOT_FIELDS = frozenset({"comments", "attachments", "due_time"})
#: a desk that cannot change these takes them when a ticket is created
_AT_CREATION = frozenset({"title", "body"})


class _Ends:
    """The two desks of a rule, as far as they are known."""

    def __init__(
        self,
        spot: Spot,
        connections: Mapping[str, Connection],
        specs: Mapping[str, ConnectorSpec],
        problems: list[Problem],
    ) -> None:
        self.source: str = spot.value["from"]
        self.target: str = spot.value["to"]
        self.known = True
        for end in ("from", "to"):
            name = spot.value[end]
            if name not in connections:
                message = f"there is no connection '{name}'"
                problems.append(spot[end].error("unknown-connection", message, nearest(name, connections)))
                self.known = False
        if self.source == self.target:
            problems.append(
                spot["to"].error("same-desk", "a ticket cannot be synced with its own desk", "name another")
            )
        self.connections = connections
        self.specs: dict[str, ConnectorSpec] = {}
        for name in (self.source, self.target):
            connection = connections.get(name)
            if connection is not None and connection.connector in specs:
                self.specs[name] = specs[connection.connector].of(connection.options)

    def statuses(self, stages: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
        """Return the statuses of the target: its own, those that its connection adds, those that `stages:` names."""
        spec = self.specs.get(self.target)
        if spec is None or not spec.statuses:
            return ()
        added = self.connections[self.target].options.get("statuses")
        return (*spec.statuses, *(added if isinstance(added, dict) else ()), *stages.get(self.target, ()))

    @property
    def active(self) -> bool:
        return len(self.specs) == len({self.source, self.target})

    def ways(self, owner: Owner) -> Iterator[tuple[str, str]]:
        """Go through (desk that is read, desk that is written)."""
        if owner is not Owner.TO:
            yield self.source, self.target
        if owner is not Owner.FROM:
            yield self.target, self.source


def sync_rules(
    sections: Sections,
    connections: Mapping[str, Connection],
    specs: Mapping[str, ConnectorSpec],
    vocabulary: Vocabulary,
    problems: list[Problem],
) -> tuple[SyncRule, ...]:
    """Compile every sync rule, in order."""
    rules = []
    staged = _staged(sections)
    for name, spot in names(sections.items("sync"), "sync rule", problems):
        ends = _Ends(spot, connections, specs, problems)
        if ends.known and not ends.active and connections[ends.source].connector and connections[ends.target].connector:
            gone = next(end for end in (ends.source, ends.target) if end not in ends.specs)
            message = f"'{name}' does nothing: the connector '{connections[gone].connector}' is not installed"
            at = spot["from" if gone == ends.source else "to"]
            problems.append(at.warning("inert-rule", message, "install it, or take the rule out"))
        statuses = ends.statuses(staged)
        rules.append(_rule(name, spot, ends, statuses, vocabulary, problems))
    return tuple(rules)


def _staged(sections: Sections) -> Mapping[str, frozenset[str]]:
    """Return the statuses that `stages:` gives each connection."""
    found: dict[str, set[str]] = {}
    for stages in sections.entries("stages").values():
        for stage in stages.value:
            for desks in stage.values() if isinstance(stage, dict) else ():
                for connection, statuses in (desks or {}).items():
                    found.setdefault(connection, set()).update(as_list(statuses))
    return {connection: frozenset(statuses) for connection, statuses in found.items()}


def _rule(
    name: str, spot: Spot, ends: _Ends, statuses: tuple[str, ...], vocabulary: Vocabulary, problems: list[Problem]
) -> SyncRule:
    owners: dict[str, Owner] = {}
    conflicts: dict[str, ConflictChoice] = {}
    maps: dict[str, Any] = {}
    fields = spot["fields"] if "fields" in spot else Spot(spot.document, spot.path, {})
    for field, inner in fields.entries():
        if field in _NOT_FIELDS:
            continue
        at = inner["owner"] if isinstance(inner.value, dict) else inner
        owners[field] = Owner(at.value)
        if "conflict" in inner:
            conflicts[field] = ConflictChoice(inner.value["conflict"])
        problems.extend(_able(field, inner, owners[field], ends))
        if "map" in inner:
            maps[field] = compile_map(field, inner["map"], owners[field], ends.target, statuses, problems)
    problems.extend(_create(spot, ends))
    return SyncRule(
        name=name,
        source=ends.source,
        target=ends.target,
        when=compile_condition(spot["when"], vocabulary, problems) if "when" in spot else ALWAYS,
        create=spot.get("create", {}),
        fields=owners,
        status_map=maps.get("status"),
        priority_map=maps.get("priority"),
        kind_map=maps.get("kind"),
        comments=_comments(fields.get("comments")),
        attachments=Owner(fields.get("attachments", "both")),
        write_back=spot.get("write_back", True),
        unmapped=UnmappedChoice(spot.get("unmapped", "park")),
        conflict=ConflictChoice(spot.get("conflict", "newest")),
        conflicts=conflicts,
        due_time=due_times(fields.get("due_time")),
        active=ends.active,
    )


def _comments(value: Any) -> dict[Visibility, Owner]:
    if isinstance(value, str):
        return dict.fromkeys(Visibility, Owner(value))
    return {Visibility(visibility): Owner(owner) for visibility, owner in (value or {}).items()}


def _able(field: str, spot: Spot, owner: Owner, ends: _Ends) -> Iterator[Problem]:
    """Say where a desk cannot read or cannot write the field, as its connector declares."""
    for read, written in ends.ways(owner):
        spec = ends.specs.get(read)
        if spec is not None and field not in spec.readable_fields:
            message = f"'{field}' cannot be read at '{read}' ({spec.title})"
            yield spot.error("not-readable", message, _way_out(spec.readable_fields), key=True)
        spec = ends.specs.get(written)
        if spec is not None and field not in spec.writable_fields:
            if field in _AT_CREATION and owner is not Owner.BOTH and written == ends.target:
                message = f"'{field}' reaches '{written}' only when the ticket is created there"
                yield spot.warning("only-at-creation", message, f"{spec.title} cannot change it later", key=True)
                continue
            message = f"'{field}' cannot be written at '{written}' ({spec.title})"
            yield spot.error("not-writable", message, _way_out(spec.writable_fields), key=True)


def _way_out(fields: frozenset[str]) -> str:
    return "it can: " + ", ".join(sorted(fields)) if fields else "it has no such fields"


def _create(spot: Spot, ends: _Ends) -> Iterator[Problem]:
    """Check the `create:` keys against what the target's connector asks for."""
    spec = ends.specs.get(ends.target)
    if spec is None:
        return
    required = [param.name for param in spec.create_params if param.required]
    schema = {
        "type": "object",
        "properties": {param.name: param.schema | {"description": said(param)} for param in spec.create_params},
        "required": required,
        "additionalProperties": False,
        "description": f"create in {spec.title}",
    }
    against = validator(schema)
    if "create" in spot:
        yield from check(spot.document, against, spot["create"].path, spot.value["create"])
    elif required:
        needed = ", ".join(required)
        yield spot["to"].error(
            "missing-key", f"a ticket in {spec.title} needs {needed}", f"add create: {{{needed}: …}}"
        )
