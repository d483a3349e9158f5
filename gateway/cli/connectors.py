"""`gateway connectors`: which kinds of desks can be connected, and what each can do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from connectors import registry
from gateway.cli.tables import JSON, write_json, write_table
from gateway.domain.update import Operation
from gateway.errors import NotFoundError
from gateway.ports import Attaching, ConnectorSpec
from rules.duration import words

#: what stands in the matrix, in this order
SHOWN = (
    Operation.CREATE,
    Operation.SET_FIELDS,
    Operation.PUBLIC_REPLY,
    Operation.INTERNAL_NOTE,
    Operation.NOTIFY,
)
_MISSING = "–"


@click.group()
def connectors() -> None:
    """Look at the kinds of desks that can be connected."""


@connectors.command("list")
@JSON
def list_connectors(as_json: bool) -> None:
    """List every connector that is installed, what it can do, and how each write stays single there.

    A connector that could not be loaded is listed with the reason; the others work.
    """
    found = registry.load()
    if as_json:
        broken = [{"name": each.name, "broken": each.reason} for each in found.quarantined]
        write_json([*(described(plugin.spec) for _, plugin in sorted(found.plugins.items())), *broken])
        return
    rows = [
        (
            spec.name,
            spec.title,
            deliveries(spec),
            ", ".join(f"{operation.value} ({strategy})" for operation, strategy in _writes(spec)) or _MISSING,
        )
        for spec in (plugin.spec for _, plugin in sorted(found.plugins.items()))
    ]
    rows += [(each.name, "could not be loaded", _MISSING, each.reason) for each in found.quarantined]
    write_table(("NAME", "DESK", "HEARD BY", "WRITES"), rows, grows="WRITES", empty="No connector is installed.")


@connectors.command("show")
@click.argument("name")
@JSON
def show_connector(name: str, as_json: bool) -> None:
    """Say what one connector can do, and what stands in gateway.yaml for it."""
    found = registry.load()
    if name not in found.plugins:
        known = ", ".join(sorted(found.plugins))
        reason = next((f" could not be loaded: {each.reason}" for each in found.quarantined if each.name == name), "")
        raise NotFoundError(f"connector {name!r}{reason or f' is not installed (there are: {known})'}")
    spec = found.plugins[name].spec
    if as_json:
        write_json(described(spec))
        return
    click.echo(f"{spec.title} (connector: {spec.name})\n")
    for line, said in facts(spec):
        click.echo(f"  {line:<22} {said}")
    if spec.settings:
        click.echo("\nSettings in gateway.yaml, beside `connector` and `url`:")
        for setting in spec.settings:
            marks = [word for word, holds in (("needed", setting.required), ("secret", setting.secret)) if holds]
            marked = f" ({', '.join(marks)})" if marks else ""
            click.echo(f"  {setting.name:<22} {setting.help}{marked}")
    if spec.create_params:
        click.echo("\nKeys of `create:` in a sync rule:")
        for setting in spec.create_params:
            click.echo(f"  {setting.name:<22} {setting.help}{' (needed)' if setting.required else ''}")


def described(spec: ConnectorSpec) -> dict[str, Any]:
    """Return what a connector can do, for machines."""
    return {
        "name": spec.name,
        "title": spec.title,
        "webhooks": spec.webhooks,
        "polling": spec.polling,
        "operations": {operation.value: strategy for operation, strategy in _writes(spec)},
        "files": spec.attaching.value if spec.attaching is not None else None,
        "reads": sorted(spec.readable_fields),
        "writes": sorted(spec.writable_fields),
        "sees_doubles_of": sorted(operation.value for operation in spec.sees),
        "undoes": sorted(operation.value for operation in spec.undoes),
        "custom_fields": spec.custom_fields,
        "own_tags": spec.own_tags,
        "agents_every": _every(spec),
        "statuses": list(spec.statuses),
        "settings": [setting.name for setting in spec.settings],
        "create": [setting.name for setting in spec.create_params],
    }


def facts(spec: ConnectorSpec) -> Iterator[tuple[str, str]]:
    """Yield what a connector can do as lines: what, and how."""
    yield "heard by", deliveries(spec)
    strategies: Mapping[Operation, str] = dict(_writes(spec))
    for operation in SHOWN:
        yield operation.value.replace("_", " "), strategies.get(operation, _MISSING)
    yield "files", _files(spec)
    yield "reads", ", ".join(sorted(spec.readable_fields)) or _MISSING
    yield "writes", ", ".join(sorted(spec.writable_fields)) or _MISSING
    yield "seen when doubled", ", ".join(sorted(each.value for each in spec.sees)).replace("_", " ") or _MISSING
    yield "undone, if allowed", ", ".join(sorted(each.value for each in spec.undoes)).replace("_", " ") or _MISSING
    yield "due times", _due(spec)
    yield "its own SLA clocks", ", ".join(sorted(spec.promises)).replace("_", " ") or _MISSING
    yield "says who is there", f"asked each {_every(spec)}" if spec.agents_every else _MISSING


def deliveries(spec: ConnectorSpec) -> str:
    """Say how the gateway hears of what happens there."""
    ways = [word for word, holds in (("webhooks", spec.webhooks), ("polling", spec.polling)) if holds]
    return ", ".join(ways) or _MISSING


def _writes(spec: ConnectorSpec) -> Iterator[tuple[Operation, str]]:
    """Yield each operation of tickets with its strategy, in the order in which they are shown."""
    for operation in SHOWN:
        claim = spec.operations.get(operation)
        if claim is not None:
            needs = f", needs {claim.needs_fact}" if claim.needs_fact else ""
            yield operation, f"{claim.strategy.value}{needs}"


def _every(spec: ConnectorSpec) -> str:
    """Say how often its agents are asked for where the site says nothing; empty where it cannot list them."""
    return words(int(spec.agents_every.total_seconds())) if spec.agents_every is not None else ""


def _files(spec: ConnectorSpec) -> str:
    """Say how files get there."""
    if spec.attaching is None:
        return _MISSING
    ways = {Attaching.WITH_COMMENT: "with what is said", Attaching.ALONE: "by themselves"}
    most = f"{ways[spec.attaching]}, to {spec.max_file // 1_000_000} MB"
    return most if spec.internal_files else f"{most}, never hidden from customers"


def _due(spec: ConnectorSpec) -> str:
    """Say what can hold a due time there."""
    own = [] if spec.due_kinds is None else [", ".join(sorted(spec.due_kinds)) or "its own field"]
    more = [word for word, holds in (("custom fields", spec.custom_fields), ("tags", spec.own_tags)) if holds]
    return ", ".join([*own, *more]) or _MISSING
