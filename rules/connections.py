"""The connections of gateway.yaml: configured accounts, checked against what their connectors ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import msgspec

from gateway.ports import ConnectorSpec, Setting
from rules.due_time import DueTime, due_times_at
from rules.duration import rate, seconds
from rules.problem import Problem, nearest
from rules.references import Reference, check_secrets, has_reference, references
from rules.schema.check import check, validator
from rules.schema.site import CONNECTION_KEYS
from rules.source import Spot

#: what the gateway keeps for itself; everything else is handed to the connector
OWN_KEYS = frozenset(CONNECTION_KEYS) - {"auth", "webhook_secret"}

DEADLINE = 10.0
#: of `reconcile_every`
NEVER = "never"
#: the lease of a lane is 30 s, and a request must end within half of it
MOST_DEADLINE = 14


class OnDead(StrEnum):
    """What the updates behind a dead letter of the same remote ticket do."""

    BLOCK = "block"
    SKIP = "skip"


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """One configured account as written: references such as ${NAME} are not resolved yet."""

    name: str
    connector: str
    url: str = ""
    options: dict[str, Any] = {}
    #: updates begun a second
    rate_limit: float | None = None
    #: seconds between two polls; 0: never; None: as the desk needs it
    reconcile_every: int | None = None
    #: seconds between two looks at its agents; 0: never; None: as its connector does
    agents_every: int | None = None
    #: seconds for one request
    deadline: float = DEADLINE
    write_back: bool = True
    #: nothing is written there; before `live_from` neither
    observe: bool = False
    live_from: datetime | None = None
    on_dead: OnDead = OnDead.BLOCK
    #: what is found there more than once is taken back
    undo_doubles: bool = False
    #: what is shown there of the clocks of every ticket
    due_time: tuple[DueTime, ...] = ()
    #: field -> connections of whose tickets it holds the names
    cross_links: dict[str, tuple[str, ...]] = {}
    #: False when no such connector is installed
    installed: bool = True
    references: tuple[Reference, ...] = ()


def connections(
    section: Spot, specs: Mapping[str, ConnectorSpec], bad: frozenset[str], problems: list[Problem]
) -> dict[str, Connection]:
    """Read every connection of a section; of a `bad` one, which its schema refused, only the name is kept."""
    return {
        name: Connection(name=name, connector="", installed=False)
        if name in bad
        else _connection(name, spot, specs, problems)
        for name, spot in section.entries()
    }


def _connection(name: str, spot: Spot, specs: Mapping[str, ConnectorSpec], problems: list[Problem]) -> Connection:
    connector = spot.get("connector")
    spec = specs.get(connector)
    problems.extend(check_secrets(spot, spec))
    found = list(_url(spot, spec))
    told = {(each.line, each.column) for each in found if each.is_error}
    if spec is None:
        message = f"the connector '{connector}' is not installed, so '{name}' takes no part"
        problems.append(spot["connector"].warning("unknown-connector", message, nearest(connector, specs)))
    else:
        problems.extend(each for each in _settings(spot, spec) if (each.line, each.column) not in told)
    problems.extend(found)
    if "deadline" in spot and not 1 <= seconds(spot.value["deadline"]) <= MOST_DEADLINE:
        message = f"a request may take from 1s to {MOST_DEADLINE}s: a lane is held for twice as long"
        problems.append(spot["deadline"].error("deadline-range", message, "the default is 10s"))
    if spec is not None and spec.agents_every is None and "agents_every" in spot:
        message = f"{spec.title} cannot list its agents, so that nobody is asked for here"
        problems.append(spot["agents_every"].warning("no-agents", message, "leave it out"))
    return Connection(
        name=name,
        connector=connector,
        url=spot.get("url", ""),
        options={key: value for key, value in spot.value.items() if key not in OWN_KEYS},
        rate_limit=rate(spot.value["rate_limit"]) if "rate_limit" in spot else None,
        reconcile_every=_every(spot),
        agents_every=seconds(spot.value["agents_every"]) if "agents_every" in spot else None,
        deadline=float(seconds(spot.value["deadline"])) if "deadline" in spot else DEADLINE,
        write_back=spot.get("write_back", True),
        observe=spot.get("mode", "live") == "observe",
        live_from=moment(spot, "live_from", problems),
        on_dead=OnDead(spot.get("on_dead", "block")),
        undo_doubles=spot.get("undo_doubles", False),
        due_time=due_times_at(name, spot.get("due_time")),
        cross_links=_cross_links(name, spot, problems),
        installed=spec is not None,
        references=references(spot),
    )


def _every(spot: Spot) -> int | None:
    """Read how often a desk is asked what has changed, in seconds: 0 for never, None where it is not said."""
    said = spot.get("reconcile_every")
    if said is None:
        return None
    return 0 if said == NEVER else seconds(said)


def _cross_links(name: str, spot: Spot, problems: list[Problem]) -> dict[str, tuple[str, ...]]:
    """Read in which fields tickets of other connections are named; one that is not there is a problem."""
    found: dict[str, tuple[str, ...]] = {}
    others = sorted(set(spot.document.root.part("connections").value) - {name})
    for field, said in spot.get("cross_links", {}).items():
        named = tuple(said) if isinstance(said, list) else (said,)
        for other in named:
            if other not in others:
                message = f"there is no other connection '{other}' whose tickets could be named"
                problems.append(spot["cross_links"][field].error("unknown-connection", message, nearest(other, others)))
        found[field] = named
    return found


def moment(spot: Spot, key: str, problems: list[Problem]) -> datetime | None:
    """Read an instant; a day that no calendar has is a problem."""
    if key not in spot:
        return None
    try:
        return datetime.fromisoformat(spot.value[key]).astimezone(UTC)
    except ValueError:
        problems.append(spot[key].error("bad-date", "no calendar has this time", "write it as 2026-04-01T09:00+02:00"))
        return None


def settings_schema(spec: ConnectorSpec) -> dict[str, Any]:
    """Return the schema of the settings that one connector takes."""
    own = {setting.name: setting.schema | {"description": said(setting)} for setting in spec.settings}
    return {
        "type": "object",
        "properties": CONNECTION_KEYS | own,
        "required": [setting.name for setting in spec.settings if setting.required],
        "additionalProperties": False,
        "description": f"a connection to {spec.title}",
    }


_TYPE_WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
}


def said(setting: Setting) -> str:
    """Return what a connector asks for in one setting, as a message says it."""
    kinds = setting.schema.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else kinds
    words = " or ".join(_TYPE_WORDS.get(kind, kind) for kind in kinds) or "what it asks for"
    return f"{words} ({setting.help.rstrip('.')})" if setting.help else words


def _settings(spot: Spot, spec: ConnectorSpec) -> Iterator[Problem]:
    """Check the settings, except where a reference stands: what it holds is known only later."""
    found = check(spot.document, validator(settings_schema(spec)), spot.path, spot.value, skip=has_reference)
    yield from found
    if found or spec.troubles is None:
        return
    for path, message, hint in spec.troubles(spot.value):
        place = spot
        for step in path:
            if not (isinstance(place.value, dict) and step in place.value) and not isinstance(place.value, list):
                break
            place = place[step]
        if not has_reference(place.value):
            yield place.error("wrong-value", message, hint)


def _url(spot: Spot, spec: ConnectorSpec | None) -> Iterator[Problem]:
    if "url" not in spot:
        if spec is not None and not spec.origins:
            yield spot.error("missing-key", f"a connection to {spec.title} needs 'url'", "add url: https://…")
        return
    url = spot.value["url"]
    if has_reference(url):
        return
    if spec is None:
        yield from url_problems(spot["url"], url)
    else:
        yield from url_problems(spot["url"], url, query=spec.url_query, schemes=spec.url_schemes)


def url_problems(
    spot: Spot, url: str, *, query: bool = False, schemes: Sequence[str] = ("https", "http")
) -> Iterator[Problem]:
    """Say what is wrong with the address of a desk; `query`: it may hold one; `schemes`: how it may begin."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        port = parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in schemes or not host or port == 0:
        example = "https://host, as in a browser" if "https" in schemes else f"{schemes[0]}://host"
        yield spot.error("bad-url", "this is not the address of a desk", f"write {example}")
    elif parts.username is not None or (parts.query and not query) or parts.fragment:
        yield spot.error("bad-url", "an address holds no user, no password, no ? and no #", "credentials go into auth")
    elif parts.scheme == "http" and host not in {"localhost", "::1"} and not host.startswith("127."):
        yield spot.warning("insecure-url", "credentials travel unprotected over http", "write https://")
