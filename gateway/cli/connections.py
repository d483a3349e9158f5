"""`gateway connections`: the desks of a site, and whether they work."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click
import msgspec

from connectors import registry
from dead_letters import Filter
from gateway.bootstrap import Gateway, build
from gateway.cli import removed
from gateway.cli.asides import set_aside
from gateway.cli.importing import import_tickets
from gateway.cli.opening import has_record, require_record
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, age, tame, write_json, write_table
from gateway.config import Settings, environment, read_site, resolve_settings
from gateway.domain.observing import silence
from gateway.domain.update import Operation, Reason
from gateway.errors import AuthenticationError, ConfigError, GatewayError, NotFoundError
from gateway.extensions import installed
from gateway.flow.calls import run_reads
from gateway.flow.desks import with_learned
from gateway.flow.skew import TOLD, is_told, note, what_to_do, words
from gateway.ports import AuditEntry, CheckResult, Connector, DeskState
from gateway.ports.enriching import Enriching, Question
from gateway.references import Directories
from gateway.store.unit import SqlTx
from gateway.telemetry import new_trace_id
from rules import Problem, Site, load_site
from rules.enriching import Source
from rules.site import Mode

#: an address that nobody can have (RFC 2606)
NOBODY = "nobody@desk-gateway.invalid"
#: a desk is asked so often, until its answers say what time it is there
LOOKS = 3


@click.group()
def connections() -> None:
    """Look at the connections of this site, and test them."""


connections.add_command(import_tickets)
connections.add_command(set_aside)


class _Folder(msgspec.Struct):
    """The site as it stands in its folder: what is being written now, not the active release."""

    site: Site
    settings: Settings
    environ: dict[str, str]
    connectors: dict[str, Connector]
    missing: tuple[Problem, ...]


def _read(choice: SiteChoice) -> _Folder:
    environ = {**environment(), "GATEWAY_SITE": str(choice.folder)}
    known = registry.load()
    specs = known.specs
    loaded, problems = load_site(read_site(choice.folder), specs, extensions=installed())
    if loaded is None:
        raise ConfigError("\n".join(each.head for each in problems if each.is_error))
    settings, missing = resolve_settings(loaded, environ, specs)
    made = {name: known.connect(each) for name, each in settings.items()}
    for connector in made.values():
        choice.redactor.add(*connector.secrets())
    return _Folder(loaded, Settings.from_env(environ), environ, made, missing)


@connections.command("list")
@JSON
@pass_site
def list_connections(site: SiteChoice, as_json: bool) -> None:
    """List the connections of this site and how each is."""
    folder = _read(site)
    states: Mapping[str, DeskState] = {}
    waiting: Mapping[str, int] = {}
    gateway = build(folder.settings, folder.environ)
    try:
        if has_record(folder.settings):
            require_record(gateway)
            with gateway.store.read() as tx:
                states = tx.desks.all()
                waiting = tx.view.waiting()
        now = gateway.clock.now()
    finally:
        gateway.close()
    lines: list[dict[str, Any]] = []
    for name, connection in folder.site.connections.items():
        state = states.get(name, DeskState(name))
        lines.append(
            {
                "name": name,
                "connector": connection.connector,
                "url": folder.connectors[name].settings.url if name in folder.connectors else connection.url,
                "state": _state(state, now) if name in folder.connectors else "not usable",
                "detail": "; ".join(
                    filter(None, (_trouble(folder, name, state, states), _silence(folder.site, name, now)))
                ),
                "polled_at": state.polled_at,
                "clock_ahead": state.ahead if state.ahead_at is not None else None,
            }
        )
    for name in sorted(set(waiting) - set(folder.site.connections)):
        detail = removed.message(name, waiting[name])
        lines.append(
            {
                "name": name,
                "connector": "",
                "url": "",
                "state": "removed",
                "detail": detail,
                "polled_at": None,
                "clock_ahead": None,
            }
        )
    if as_json:
        write_json(lines)
        return
    rows = [
        (str(each["name"]), str(each["connector"]), str(each["state"]), age(each["polled_at"], now), str(each["url"]),
         str(each["detail"]))
        for each in lines
    ]  # fmt: skip
    columns = ("NAME", "CONNECTOR", "STATE", "POLLED", "ADDRESS", "DETAIL")
    write_table(columns, rows, grows="DETAIL", empty="gateway.yaml names no connection.")


def _state(state: DeskState, now: Any) -> str:
    if state.paused:
        return "paused"
    if state.open_until is not None and state.open_until > now:
        return "breaker open"
    if state.not_before is not None and state.not_before > now:
        return "throttled"
    return "polling fails" if state.poll_error else "ok"


def _trouble(folder: _Folder, name: str, state: DeskState, states: Mapping[str, DeskState]) -> str:
    return state.paused or state.poll_error or _why(folder, name) or _off(state, states)


def _silence(site: Site, name: str, now: datetime) -> str:
    one = site.connections[name]
    whole = silence(now, observes=site.mode is Mode.OBSERVE, live_from=site.live_from)
    return whole or silence(now, observes=one.observe, live_from=one.live_from)


def _off(state: DeskState, states: Mapping[str, DeskState]) -> str:
    return f"{words(state.ahead)}; {what_to_do(states.values())}" if is_told(state) else ""


def _why(folder: _Folder, name: str) -> str:
    if name in folder.connectors:
        return ""
    if not folder.site.connections[name].installed:
        return f"the connector {folder.site.connections[name].connector} is not installed"
    return "; ".join(each.message for each in folder.missing if f"'{name}'" in each.message)


@connections.command()
@click.argument("name", required=False)
@JSON
@pass_site
def test(site: SiteChoice, name: str | None, as_json: bool) -> None:
    """Try the connections of this site, or one of them; also the files in which people are looked up.

    Asks each desk who we are there and tries what the connection claims, leaving nothing that people see. What is
    proved is remembered; a connection that was paused for its credentials goes on when they hold. Ends with 1 when a
    check fails.
    """
    folder = _read(site)
    wanted, files = _named(folder.site, name)
    gateway = build(folder.settings, folder.environ)
    failed = False
    told = []
    try:
        keeps = has_record(folder.settings)
        if keeps:
            require_record(gateway)
        for each in wanted:
            results, resumed = _try(folder, gateway, each, keeps=keeps)
            fails = any(not result.ok and not result.warning for result in results)
            failed = failed or fails
            given_up = 0 if fails or not keeps else _given_up(gateway, each)
            told.append({"connection": each, "checks": results, "resumed": resumed, "given_up": given_up})
            if not as_json:
                _write(site, each, results, resumed=resumed)
                if given_up:
                    heal = f"gateway dead-letters heal --connection {each}"
                    letters = "dead letter" if given_up == 1 else "dead letters"
                    click.echo(f"  {given_up} {letters} from while it did not answer: {heal}")
        for source in files:
            results = [_directory(site, source)]
            failed = failed or not results[0].ok
            told.append({"directory": source.file, "checks": results})
            if not as_json:
                _write(site, source.file, results, resumed=False)
    finally:
        gateway.close()
    if as_json:
        write_json(told)
    elif not keeps:
        click.echo("\nWhat was proved is learned again when gateway up runs: this site has no record yet.")
    if failed:
        sys.exit(1)


def _given_up(gateway: Gateway, name: str) -> int:
    """Count what was given up for want of an answer, which a desk that answers again can have."""
    with gateway.store.read() as tx:
        return tx.letters.count(Filter(connection=name, reason=Reason.EXHAUSTED.value, no_ambiguous=True))


def _try(folder: _Folder, gateway: Gateway, name: str, *, keeps: bool) -> tuple[list[CheckResult], bool]:
    """Ask one desk; return every result, and whether a pause ended. One whose connector is half written says so."""
    try:
        return _tried(folder, gateway, name, keeps=keeps)
    except NotImplementedError as error:
        kind = folder.site.connections[name].connector
        what = str(error) or "a part of it"
        told = f"the connector {kind} is not finished: {what}; gateway connectors check {kind}"
        return [CheckResult("connector", ok=False, detail=told)], False


def _tried(folder: _Folder, gateway: Gateway, name: str, *, keeps: bool) -> tuple[list[CheckResult], bool]:
    connector = folder.connectors.get(name)
    if connector is None:
        return [CheckResult("settings", ok=False, detail=_why(folder, name) or "it has an error: gateway check")], False
    deadline, trace_id = connector.settings.deadline, new_trace_id(os.urandom(16))
    try:
        me = run_reads(connector.whoami(), connector, gateway.transport, deadline=deadline, trace_id=trace_id)
        person = me.person
        results = [CheckResult("credentials", ok=True, detail=me.detail or f"we are {person.label} there")]
    except AuthenticationError as error:
        return [CheckResult("credentials", ok=False, detail=str(error))], False
    except GatewayError as error:
        return [CheckResult("reachable", ok=False, detail=str(error))], False
    try:
        results += run_reads(connector.check(), connector, gateway.transport, deadline=deadline, trace_id=trace_id)
    except GatewayError as error:
        return [*results, CheckResult("checks", ok=False, detail=str(error))], False
    # a connector that checks its credentials says more about them
    results = list({result.name: result for result in results}.values())
    results += [_doubles(connector), *_contacts(folder, gateway, connector, trace_id)]
    results += _clock(gateway, connector, trace_id)
    facts: dict[str, Any] = {"account_id": person.external_id, "learned_at": gateway.clock.now().timestamp()}
    for result in results:
        facts |= result.facts
    return results, keeps and gateway.store.write(lambda tx: _keep(tx, gateway, name, facts))


def _named(site: Site, name: str | None) -> tuple[list[str], list[Source]]:
    """Return the connections and the files of people that are to be tried; raises NotFoundError."""
    files = [each for each in site.rules.enrichment.sources if each.file]
    if name is None:
        return list(site.connections), files
    if name in site.connections:
        return [name], []
    found = [each for each in files if each.file == name]
    if not found:
        known = ", ".join((*site.connections, *(each.file for each in files)))
        raise NotFoundError(f"gateway.yaml names no connection {name!r}; it names {known or 'none'}")
    return [], found


def _directory(site: SiteChoice, source: Source) -> CheckResult:
    """Try whether people can be looked up in a file."""
    found, problems = Directories(site.folder).look(source)
    if not problems:
        count = len({id(each) for each in found.people.values()}) if found is not None else 0
        return CheckResult("enrich", ok=True, detail=f"{count} people can be looked up there")
    first = problems[0]
    more = f"; {len(problems) - 1} more: gateway check" if len(problems) > 1 else ""
    told = f"{first.file}:{first.line}:{first.column}: {first.message}"
    return CheckResult("enrich", ok=False, detail=f"{told} ({first.hint}){more}" if first.hint else told + more)


def _contacts(folder: _Folder, gateway: Gateway, connector: Connector, trace_id: str) -> list[CheckResult]:
    """Try whether people can be looked up where `enrich:` asks a connection, by an address that nobody can have."""
    settings = connector.settings
    source = next((each for each in folder.site.rules.enrichment.sources if each.connection == settings.name), None)
    if source is None or not isinstance(connector, Enriching):
        return []
    call = connector.enrich(Question(emails=(NOBODY,)), source.names)
    try:
        found = run_reads(call, connector, gateway.transport, deadline=settings.deadline, trace_id=trace_id)
    except GatewayError as error:
        return [CheckResult("enrich", ok=False, detail=f"nobody can be looked up there: {error}")]
    if found.matches:
        words = f"{found.matches} were found by an address that nobody has ({NOBODY}): what enrich takes is not theirs"
        return [CheckResult("enrich", ok=False, detail=words)]
    return [CheckResult("enrich", ok=True, detail="people can be looked up there")]


def _clock(gateway: Gateway, connector: Connector, trace_id: str) -> list[CheckResult]:
    """Compare the desk's clock with ours; it is asked again until enough answers say what time it is there."""
    name, deadline = connector.settings.name, connector.settings.deadline
    skew = gateway.transport.skew(name)
    for _ in range(LOOKS):
        if skew is not None:
            break
        try:
            run_reads(connector.whoami(), connector, gateway.transport, deadline=deadline, trace_id=trace_id)
        except GatewayError:
            return []
        skew = gateway.transport.skew(name)
    if skew is None:
        return []
    off = abs(skew.ahead) >= TOLD.total_seconds()
    state = DeskState(name, ahead=skew.ahead, ahead_at=gateway.clock.now())
    detail = f"{words(skew.ahead)}; {what_to_do([state])}" if off else words(skew.ahead)
    return [CheckResult("clock", ok=not off, detail=detail, warning=True)]


def _doubles(connector: Connector) -> CheckResult:
    """Say whether an effect that is there twice would be seen, and what would be done about it."""
    spec, undone = connector.spec, connector.settings.undo_doubles
    unseen = sorted(set(spec.operations) - spec.sees - {Operation.UNDO})
    if unseen:
        words = f"nobody would see it if this landed twice: {', '.join(unseen)}"
        return CheckResult("doubles", ok=False, detail=words, warning=True)
    can = ", ".join(sorted({*spec.undoes, Operation.SET_FIELDS} & set(spec.operations)))
    then = f"undone is: {can}" if undone else f"listed (undo_doubles: true undoes: {can})"
    return CheckResult("doubles", ok=True, detail=f"what lands twice in spite of everything is found and {then}")


def _keep(tx: SqlTx, gateway: Gateway, name: str, facts: dict[str, Any]) -> bool:
    """Remember what was proved; say whether a pause ended."""
    before = note(tx, gateway.transport, name, gateway.clock.now())
    tx.desks.change(name, facts=with_learned(before.facts, facts), paused="")
    if before.paused:
        detail = {"connection": name, "was": before.paused}
        tx.audit.add([AuditEntry(gateway.clock.now(), "gateway", "connection resumed", "", detail)])
    return bool(before.paused)


def _write(site: SiteChoice, name: str, results: Sequence[CheckResult], *, resumed: bool) -> None:
    click.echo(click.style(name, bold=True))
    for result in results:
        mark, colour = ("ok", "green") if result.ok else ("warn", "yellow") if result.warning else ("FAIL", "red")
        click.echo(
            f"  {click.style(f'{mark:<4}', fg=colour)}  {result.name}: {tame(site.redactor.text(result.detail))}"
        )
    if resumed:
        click.echo("  It was paused and goes on now.")
