"""`gateway connectors`: which kinds of desks can be connected, what each can do, and how another one is begun."""

from __future__ import annotations

from collections.abc import Mapping

import click

from connectors import registry
from connectors.testing.quality import MECHANISMS, mechanisms
from gateway.cli.connector_check import check, folder_of, sources_of
from gateway.cli.connector_facts import MISSING, deliveries, described, facts, writes
from gateway.cli.connector_new import new
from gateway.cli.tables import JSON, write_json, write_table
from gateway.errors import NotFoundError


@click.group()
def connectors() -> None:
    """Look at the kinds of desks that can be connected."""


connectors.add_command(check)
connectors.add_command(new)


@connectors.command("list")
@JSON
def list_connectors(as_json: bool) -> None:
    """List every connector that is installed, what it can do, and how each write stays single there.

    Three tables: how it is heard of and its writes; the fields and files; and by what one can be sure of it, as its
    quality.yaml says (`gateway connectors show NAME` says the rest). A connector that could not be loaded is listed
    with the reason; the others work.
    """
    found = registry.load()
    specs = [plugin.spec for _, plugin in sorted(found.plugins.items())]
    used = {source.name: mechanisms(folder_of(source.module)) for source in sources_of(None)}
    if as_json:
        broken = [{"name": each.name, "broken": each.reason} for each in found.quarantined]
        write_json([*({**described(spec), "mechanisms": used.get(spec.name)} for spec in specs), *broken])
        return
    rows = [
        (
            spec.name,
            spec.title,
            deliveries(spec),
            ", ".join(f"{operation.value} ({strategy})" for operation, strategy in writes(spec)) or MISSING,
        )
        for spec in specs
    ]
    rows += [(each.name, "could not be loaded", MISSING, each.reason) for each in found.quarantined]
    write_table(("NAME", "DESK", "HEARD BY", "WRITES"), rows, grows="WRITES", empty="No connector is installed.")
    if not specs:
        return
    click.echo()
    said = {spec.name: dict(facts(spec)) for spec in specs}
    columns = ("files", "reads", "writes")
    held = [(name, *(line[each] for each in columns)) for name, line in said.items()]
    write_table(("NAME", "FILES", "READS FIELDS", "WRITES FIELDS"), held, grows="READS FIELDS", empty="")
    click.echo()
    names = [each.replace("_", " ").upper() for each in MECHANISMS]
    sure = [(spec.name, *_words(used.get(spec.name))) for spec in specs]
    write_table(("NAME", *names), sure, grows="NAME", empty="")


def _words(used: Mapping[str, bool] | None) -> list[str]:
    """Return a cell for each mechanism; a question mark where the connector says nothing of any."""
    return ["?" if used is None else "yes" if used.get(name) else MISSING for name in MECHANISMS]


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
