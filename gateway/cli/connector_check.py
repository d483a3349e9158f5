"""`gateway connectors check`: what can be said of a connector without its desk."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import msgspec

from connectors import registry
from connectors.testing import quality
from gateway.cli.connector_facts import MISSING, deliveries, described, writes
from gateway.cli.tables import JSON, tame, write_json
from gateway.errors import ConfigError, NotFoundError
from gateway.ports import ConnectorSpec


class Source(msgspec.Struct, frozen=True):
    """Where a connector comes from: its name, its module, and for one of a package the entry point."""

    name: str
    module: str
    point: EntryPoint | None = None


class Report(msgspec.Struct):
    """What is wrong with one connector, and what could not be looked at."""

    name: str
    spec: ConnectorSpec | None = None
    faults: list[str] = []
    notes: list[str] = []


@click.command()
@click.argument("connector", required=False)
@JSON
def check(connector: str | None, as_json: bool) -> None:
    """Say what is wrong with a connector, as far as that can be told without its desk.

    CONNECTOR is the name of one that is installed, or the folder of a package; all that are installed without it. It is
    loaded and its spec, its quality.yaml with the tests named there and its imports are looked at. Whether what it
    claims holds, only the conformance suite can tell. Ends with 1 when something is wrong.
    """
    reports = [judged(source) for source in sources_of(connector)]
    if as_json:
        write_json([_as_json(report) for report in reports])
    else:
        for report in reports:
            for line in _lines(report):
                click.echo(tame(line))
    if any(report.faults for report in reports):
        raise click.exceptions.Exit(1)


def judged(source: Source) -> Report:
    """Load one connector and look at it."""
    report = Report(source.name)
    found = registry.load(() if source.point else (source.name,), (source.point,) if source.point else ())
    if found.quarantined:
        report.faults.append(f"it does not load: {found.quarantined[0].reason}")
        return report
    report.spec = spec = found.plugin(source.name).spec
    if spec.name != source.name:
        report.faults.append(f"it is registered as {source.name}, and its spec says {spec.name}")
    report.faults += quality.spec_faults(spec)
    folder = folder_of(source.module)
    if folder is None:
        report.faults.append(f"{source.module} is no package: a connector is a folder with its {quality.FILE}")
        return report
    report.faults += [*quality.io_faults(folder), *quality.unfilled(folder)]
    report.faults += quality.comparing_faults(spec, folder)
    content, unread = quality.read_quality(folder)
    report.faults += unread
    if not unread:
        tests = quality.tests_of(folder)
        report.faults += quality.operation_faults(spec, content)
        report.faults += quality.lacks_faults(spec, content)
        report.faults += quality.mechanism_faults(content)
        report.faults += quality.life_faults(spec, content)
        report.faults += quality.claim_faults(content, tests)
        if tests is None:
            report.notes.append(
                f"whether the tests that {quality.FILE} names are there: they are not installed with it"
            )
    return report


def sources_of(wanted: str | None) -> list[Source]:
    """Return the connectors that are asked for; raises NotFoundError where there is none of that name."""
    installed = {name: Source(name, f"connectors.{name}") for name in registry.BUILT_INS}
    for point in entry_points(group=registry.ENTRY_POINT_GROUP):
        installed.setdefault(point.name, Source(point.name, point.module, point))
    if wanted is None:
        return list(installed.values())
    if wanted in installed:
        return [installed[wanted]]
    if Path(wanted).is_dir():
        return list(_in_folder(Path(wanted).resolve()))
    known = ", ".join(sorted(installed))
    raise NotFoundError(f"connector {wanted!r} is not installed (there are: {known}), and no folder is there either")


def _in_folder(folder: Path) -> Iterator[Source]:
    """Yield the connectors of a package that need not be installed; its folder is put on the path for that."""
    project = folder / "pyproject.toml"
    if not project.is_file():
        raise ConfigError(f"{folder} has no pyproject.toml: name the folder of the package")
    try:
        content = tomllib.loads(project.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{project} cannot be read: {error}") from error
    points = content.get("project", {}).get("entry-points", {}).get(registry.ENTRY_POINT_GROUP, {})
    if not points:
        raise ConfigError(f"{project} has no entry point of the group {registry.ENTRY_POINT_GROUP}")
    sys.path[:0] = [str(each) for each in (folder / "src", folder) if each.is_dir()]
    for name, value in points.items():
        point = EntryPoint(name, str(value), registry.ENTRY_POINT_GROUP)
        yield Source(name, point.module, point)


def folder_of(module: str) -> Path | None:
    """Return the folder of a package; None for what is only a file."""
    found = find_spec(module)
    return Path(found.origin).parent if found and found.origin and found.submodule_search_locations else None


def _as_json(report: Report) -> dict[str, Any]:
    said: dict[str, Any] = {} if report.spec is None else described(report.spec)
    return {**said, "name": report.name, "ok": not report.faults, "wrong": report.faults, "not_checked": report.notes}


def _lines(report: Report) -> Iterator[str]:
    """Yield the connector's line of the matrix, and what is wrong with it."""
    if report.spec is None:
        yield report.name
    else:
        can = ", ".join(f"{operation.value} ({strategy})" for operation, strategy in writes(report.spec))
        yield f"{report.name}: {report.spec.title}; heard by {deliveries(report.spec)}; writes {can or MISSING}"
    yield from (f"  wrong: {fault}" for fault in report.faults)
    yield from (f"  not checked: {note}" for note in report.notes)
    if not report.faults:
        yield "  nothing is wrong that can be told without its desk"
