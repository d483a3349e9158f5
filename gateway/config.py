"""The one reader of the environment and of a site's folder: process settings, the site's files, and its secrets.

Everything else is given these as arguments. What is read here is bounded, and what is wrong is said with its place.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from connectors import registry
from gateway.errors import ConfigError
from gateway.extensions import installed
from gateway.ports import ConnectionSettings, ConnectorSpec
from gateway.references import feed_references, filled, resolve_reference
from rules import GATEWAY_FILE, Connection, Problem, Severity, Site, load_site
from rules.connections import settings_schema, url_problems
from rules.policies import counted_by
from rules.problem import WIDTH, masked
from rules.references import references, within
from rules.schema.check import check, validator
from rules.source import Document, Spot
from rules.sync import own_shown
from rules.yaml12 import MAX_BYTES, resolve
from rules.yaml12 import load as load_yaml

STATE = ".gateway"
MIB = 1024 * 1024
#: between two polls of a desk, where its site does not say: a change whose webhook is lost comes within a minute
POLL_EVERY = timedelta(seconds=30)
MAX_FILES = 500
MAX_SITE = 16 * MIB
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is told by its environment. Its repr shows no secret."""

    #: GATEWAY_SITE: the folder of the site; the current one when it is not given
    site: Path
    #: GATEWAY_STATE: what a running gateway keeps; `.gateway` in the site when it is not given
    state: Path
    #: GATEWAY_DATABASE_URL: SQLite in `state` when it is not given
    database_url: str
    #: REDIS_URL: None means one of our own
    redis_url: str | None = None
    #: GATEWAY_HOST and GATEWAY_PORT
    host: str = "127.0.0.1"
    port: int = 8080
    #: GATEWAY_MAX_BODY: bytes of a webhook
    max_body: int = MIB
    #: GATEWAY_TOKEN: opens the page and the API; empty: one is made
    token: str = ""
    #: GATEWAY_BREAK_PAGE: set by `gateway demo` alone, whose page links there
    break_page: str = ""
    #: GATEWAY_LOG_LEVEL
    log_level: str = "INFO"
    #: GATEWAY_CRASH_AT: where a fault test lets this process die, and how likely (gateway/crashpoint.py)
    crash_at: str = ""
    #: GATEWAY_ENCRYPTION_KEYS: base64, newest first, comma-separated; None: the key file in `state`
    encryption_keys: str | None = None
    #: literal secrets of the site's connections, known after `load`
    connection_secrets: tuple[str, ...] = ()

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings; raises ConfigError naming every variable that is wrong."""
        site = Path(environ.get("GATEWAY_SITE") or ".").resolve()
        state = Path(environ["GATEWAY_STATE"]).resolve() if environ.get("GATEWAY_STATE") else site / STATE
        wrong: list[str] = []
        port = _whole(environ, "GATEWAY_PORT", 8080, (1, 65_535), wrong)
        max_body = _whole(environ, "GATEWAY_MAX_BODY", MIB, (1024, 64 * MIB), wrong)
        log_level = (environ.get("GATEWAY_LOG_LEVEL") or "INFO").upper()
        if log_level not in LOG_LEVELS:
            wrong.append(f"GATEWAY_LOG_LEVEL is '{log_level[:20]}': expected one of {', '.join(LOG_LEVELS)}")
        redis_url = environ.get("REDIS_URL") or None
        if redis_url is not None and not _is_redis(redis_url):
            wrong.append(
                "REDIS_URL is not the address of a Redis: expected redis://host:6379/0, rediss://… or unix://…"
            )
        if wrong:
            raise ConfigError("\n".join(wrong))
        return cls(
            site=site,
            state=state,
            database_url=environ.get("GATEWAY_DATABASE_URL") or f"sqlite:///{state / 'gateway.db'}",
            redis_url=redis_url,
            host=environ.get("GATEWAY_HOST") or "127.0.0.1",
            port=port,
            max_body=max_body,
            token=environ.get("GATEWAY_TOKEN", ""),
            break_page=environ.get("GATEWAY_BREAK_PAGE", ""),
            log_level=log_level,
            crash_at=environ.get("GATEWAY_CRASH_AT", ""),
            encryption_keys=environ.get("GATEWAY_ENCRYPTION_KEYS") or None,
        )

    def secrets(self) -> tuple[str, ...]:
        """Return every literal secret, for redaction."""
        found = [self.token, *(self.encryption_keys or "").split(","), *self.connection_secrets]
        found += [password for url in (self.database_url, self.redis_url) if url and (password := _password(url))]
        return tuple(dict.fromkeys(secret for secret in (each.strip() for each in found) if secret))

    def __repr__(self) -> str:
        """Show where things are, and no secret."""
        return (
            f"Settings(site={str(self.site)!r}, database_url={without_password(self.database_url)!r}, "
            f"redis_url={without_password(self.redis_url or '')!r}, host={self.host!r}, port={self.port})"
        )


def environment() -> Mapping[str, str]:
    """Return the environment of this process."""
    return os.environ


def load(site: Path, files: Mapping[str, str] | None = None) -> Settings:
    """Read and check a site with the environment; raises ConfigError with every error and its place.

    `files` are those of a release, where it is not the folder's that matter.
    """
    environ = {**environment(), "GATEWAY_SITE": str(site)}
    settings = Settings.from_env(environ)
    specs = registry.load().specs
    texts = read_site(settings.site) if files is None else files
    loaded, problems = load_site(texts, specs, extensions=installed())
    if loaded is None:
        raise ConfigError("\n".join(str(problem) for problem in problems if problem.is_error))
    found, missing = resolve_settings(loaded, environ, specs)
    errors = [problem for problem in missing if problem.is_error]
    if errors:
        raise ConfigError("\n".join(str(problem) for problem in errors))
    return msgspec.structs.replace(settings, connection_secrets=tuple(_values(loaded, environ, found)))


def secrets_in(files: Mapping[str, str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return what these files take from the environment, but for addresses of desks; those of feeds are secrets.

    It is read without knowing which of it is a secret, so that a command which only lists needs no connector for it.
    """
    document, _ = load_yaml(GATEWAY_FILE, files.get(GATEWAY_FILE, ""))
    if document is None:
        return ()
    found = [each for _, spot in document.root.part("connections").entries() for each in references(spot)]
    for name, text in files.items():
        found += within(text) if name != GATEWAY_FILE and name.endswith((".yaml", ".yml")) else []
    return tuple(
        value for each in found if each.path[:1] != ("url",) and (value := resolve_reference(each, environ)[0])
    )


def _values(site: Site, environ: Mapping[str, str], found: Mapping[str, ConnectionSettings]) -> Iterator[str]:
    for name in found:
        for reference in site.connections[name].references:
            if reference.path[:1] != ("url",):
                yield resolve_reference(reference, environ)[0]
    for feed in site.rules.routing.feeds:
        for reference in feed_references(feed):
            yield resolve_reference(reference, environ)[0]


def _whole(environ: Mapping[str, str], name: str, default: int, bounds: tuple[int, int], wrong: list[str]) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    low, high = bounds
    if text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) <= high:
        return int(text)
    wrong.append(f"{name} is '{text[:20]}': expected a whole number from {low} to {high}")
    return default


def _is_redis(url: str) -> bool:
    try:
        parts = urlsplit(url)
        reached = parts.path if parts.scheme == "unix" else parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    return parts.scheme in {"redis", "rediss", "unix"} and bool(reached)


def _password(url: str) -> str:
    try:
        return unquote(urlsplit(url).password or "")
    except ValueError:
        return url


def without_password(url: str) -> str:
    """Return an address with its password covered."""
    try:
        parts = urlsplit(url)
        if not parts.password:
            return url
        user, _, host = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{user.partition(':')[0]}:***@{host}").geturl()
    except ValueError:
        return "***"


# ---------------------------------------------------------------- the site's folder


class FileError(ConfigError):
    """One file cannot be read as text, and so none of the others means anything; `problem` has its place."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


def read_site(directory: Path) -> dict[str, str]:
    """Return the texts of a site's files by their names below `directory`: gateway.yaml and the YAML files in rules/.

    Only regular files that lie inside the folder are read (a link may point inside it). Raises ConfigError.
    """
    if not (directory / GATEWAY_FILE).is_file():
        msg = f"no {GATEWAY_FILE} in {directory}: run `gateway init {directory}` or pass --site"
        raise ConfigError(msg)
    root = directory.resolve()
    paths = [directory / GATEWAY_FILE, *sorted(_rule_files(directory))]
    if len(paths) > MAX_FILES:
        msg = f"{directory / 'rules'} holds more than {MAX_FILES} files: is this the right folder?"
        raise ConfigError(msg)
    files: dict[str, str] = {}
    total = 0
    for path in paths:
        text = _read(path, root, path.relative_to(directory).as_posix())
        total += len(text)
        if total > MAX_SITE:
            msg = f"the files of {directory} have more than {MAX_SITE:,} bytes together"
            raise ConfigError(msg)
        files[path.relative_to(directory).as_posix()] = text
    return files


def _rule_files(directory: Path) -> Iterator[Path]:
    rules = directory / "rules"
    for folder, below, found in os.walk(rules):
        below[:] = [name for name in below if not name.startswith(".")]
        for name in found:
            if name.endswith((".yaml", ".yml", ".ics")) and not name.startswith("."):
                yield Path(folder) / name


def _read(path: Path, root: Path, name: str) -> str:
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(root):
            msg = f"{path} points outside the site: put the file itself there"
            raise ConfigError(msg)
        if not real.is_file():
            msg = f"{path} is not a regular file"
            raise ConfigError(msg)
        with real.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}"
        raise ConfigError(msg) from None
    if len(data) > MAX_BYTES:
        raise FileError(
            _problem(
                name, data, 0, "yaml-size", f"the file has more than {MAX_BYTES:,} bytes", "split it into several files"
            )
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        found = _problem(name, data, error.start, "yaml-syntax", "this is not UTF-8", "save the file as UTF-8")
        raise FileError(found) from None


def _problem(name: str, data: bytes, start: int, code: str, message: str, hint: str) -> Problem:
    """Return what is wrong with the byte at `start` of a file, with its line."""
    begins = data.rfind(b"\n", 0, start) + 1
    ends = data.find(b"\n", start)
    shown = data[begins : ends if ends >= 0 else len(data)][: start - begins + WIDTH].decode("utf-8", "replace")
    column = len(data[begins:start].decode("utf-8", "replace")) + 1
    line = data.count(b"\n", 0, start) + 1
    return Problem(name, line, column, code, Severity.ERROR, message, hint, masked(shown.rstrip("\r")))


# ---------------------------------------------------------------- secrets


def resolve_settings(
    site: Site, environ: Mapping[str, str], specs: Mapping[str, ConnectorSpec]
) -> tuple[dict[str, ConnectionSettings], tuple[Problem, ...]]:
    """Return the connections whose connector is installed, references resolved, and what is missing with its place.

    A connection with an error is left out. `${file:PATH}` is read from the site's folder unless PATH is absolute.
    """
    document, _ = load_yaml(GATEWAY_FILE, site.files[GATEWAY_FILE])
    settings: dict[str, ConnectionSettings] = {}
    problems: list[Problem] = []
    for name, connection in site.connections.items():
        spec = specs.get(connection.connector)
        if spec is None or document is None:
            continue
        found = list(_missing(connection, environ, document))
        if not found:
            counts = counted_by(site.rules.policies, name)
            settings[name] = _settings(
                connection, environ, spec, (*own_shown(site.rules.sync_rules, name, connection.due_time), counts)
            )
            found = list(_wrong(settings[name], connection, spec, document))
        problems.extend(found)
        if any(problem.is_error for problem in found):
            settings.pop(name, None)
    return settings, tuple(problems)


def _missing(connection: Connection, environ: Mapping[str, str], document: Document) -> Iterator[Problem]:
    for reference in connection.references:
        _, why = resolve_reference(reference, environ)
        if why:
            path = ("connections", connection.name, *reference.path)
            code = "missing-file" if reference.is_file else "missing-variable"
            message = f"{why}, and the connection '{connection.name}' needs it"
            yield document.problem(path, code, message, "set it where the gateway is started")


def _typed(options: dict[str, Any], spec: ConnectorSpec) -> dict[str, Any]:
    """Read a number or a yes that came from the environment as text, where the connector asks for one."""
    typed = dict(options)
    for setting in spec.settings:
        value, kind = typed.get(setting.name), setting.schema.get("type")
        if isinstance(value, str) and isinstance(kind, str) and kind in {"integer", "number", "boolean"}:
            read = resolve(value.strip())
            typed[setting.name] = value if isinstance(read, str) or read is None else read
    return typed


def _settings(
    connection: Connection, environ: Mapping[str, str], spec: ConnectorSpec, own: tuple[frozenset[str], ...]
) -> ConnectionSettings:
    agents = spec.agents_every
    if connection.agents_every is not None and agents is not None:
        agents = timedelta(seconds=connection.agents_every) or None
    return ConnectionSettings(
        name=connection.name,
        connector=spec.name,
        url=filled(connection.url, environ).rstrip("/"),
        options=_typed(filled(connection.options, environ), spec),
        rate_limit=connection.rate_limit,
        reconcile_every=_every(connection, spec),
        agents_every=agents,
        deadline=connection.deadline,
        write_back=connection.write_back,
        observe=connection.observe,
        live_from=connection.live_from,
        undo_doubles=connection.undo_doubles,
        cross_links=connection.cross_links,
        own_fields=own[0],
        own_tags=own[1],
        counts=own[2],
    )


def _every(connection: Connection, spec: ConnectorSpec) -> timedelta | None:
    """Return the time between two polls: as the site says, else what a lost webhook may wait; None for no polls."""
    found = spec.of(connection.options)
    if not found.polling or connection.reconcile_every == 0:
        return None
    if connection.reconcile_every is not None:
        return timedelta(seconds=connection.reconcile_every)
    return POLL_EVERY


def _wrong(
    settings: ConnectionSettings, connection: Connection, spec: ConnectorSpec, document: Document
) -> Iterator[Problem]:
    """Check again what a reference stood in for; no message repeats a value."""
    path = ("connections", connection.name)
    referenced = {reference.path[:1] for reference in connection.references}
    if ("url",) in referenced:
        spot = Spot(document, (*path, "url"), connection.url)
        yield from url_problems(spot, settings.url, query=spec.url_query, schemes=spec.url_schemes)
    options = {key: value for key, value in settings.options.items() if (key,) in referenced}
    against = settings_schema(spec) | {"required": []}
    for problem in check(document, validator(against), path, options):
        # The message of the schema repeats the value, which may be a secret.
        yield msgspec.structs.replace(problem, message="what stands behind this reference does not fit here", hint="")
