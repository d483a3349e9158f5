"""Opens the gateway of a site for a command that looks at its record or changes it."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from gateway.bootstrap import Gateway, build
from gateway.cli.site import SiteChoice
from gateway.config import Settings, environment
from gateway.doorbell import RqDoorbell, ringing_connection
from gateway.embedded import find_server
from gateway.errors import ConfigError, GatewayError, NotFoundError
from gateway.store import parse_url, schema_is_current
from gateway.store.unit import SqlTx

T = TypeVar("T")


@contextmanager
def opened(choice: SiteChoice, *, begin: bool = False) -> Iterator[Gateway]:
    """Open a site's gateway; raises ConfigError when it has no record yet, or one of another version.

    With `begin` a record that there is not yet is begun.
    """
    environ = {**environment(), "GATEWAY_SITE": str(choice.folder)}
    settings = Settings.from_env(environ)
    choice.redactor.add(*settings.secrets())
    gateway = build(settings, environ)
    try:
        if begin and not has_record(settings):
            choice.state  # noqa: B018 - makes the folder, which git is to ignore
            gateway.migrate()
        require_record(gateway)
        yield gateway
    finally:
        gateway.close()


def is_begun(choice: SiteChoice) -> bool:
    """Say whether a site has a record."""
    return has_record(Settings.from_env({**environment(), "GATEWAY_SITE": str(choice.folder)}))


def has_record(settings: Settings) -> bool:
    """Say whether there is a database to open (a SQLite file would be made by merely looking)."""
    url = parse_url(settings.database_url)
    return url.get_backend_name() != "sqlite" or Path(url.database or "").is_file()


def glance(choice: SiteChoice, look: Callable[[SqlTx], T], nothing: T) -> T:
    """Look into a site's record; return `nothing` where none can be read."""
    environ = {**environment(), "GATEWAY_SITE": str(choice.folder)}
    gateway = build(Settings.from_env(environ), environ)
    try:
        if not has_record(gateway.settings) or not schema_is_current(gateway.store.engine):
            return nothing
        with gateway.store.read() as tx:
            return look(tx)
    except (GatewayError, SQLAlchemyError):
        return nothing
    finally:
        gateway.close()


def require_record(gateway: Gateway) -> None:
    """Raise ConfigError unless the database is there and up to date."""
    if not has_record(gateway.settings):
        raise ConfigError(f"{gateway.settings.site} has no record yet: it begins with gateway up")
    if not schema_is_current(gateway.store.engine):
        raise ConfigError("the database has another version than this gateway: gateway up brings it up to date")


def require_keys(gateway: Gateway) -> None:
    """Raise ConfigError when the database was encrypted with a key that is not here; StoreError when it is away."""
    if schema_is_current(gateway.store.engine):
        with gateway.store.read():
            pass


def ring(gateway: Gateway, step: str) -> None:
    """Wake a worker; when nobody hears it, the sweep finds the work within a second or two."""
    if gateway.settings.redis_url:
        gateway.doorbell.ring(step)
        return
    try:
        server = find_server(gateway.settings.state)
    except GatewayError:
        return
    if server.socket.exists():
        RqDoorbell(ringing_connection(server.url)).ring(step)


def active_files(settings: Settings, environ: Mapping[str, str]) -> Mapping[str, str] | None:
    """Return the files of the active release; None when there is none yet, or the record is not of this version."""
    if not has_record(settings):
        return None
    gateway = build(settings, environ)
    try:
        if not schema_is_current(gateway.store.engine):
            return None
        active = gateway.releasing.active()
        return gateway.releasing.files(active) if active is not None else None
    finally:
        gateway.close()


def author() -> str:
    """Return who runs this command, for the record."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"user {os.getuid()}"


def ticket_named(tx: SqlTx, word: str) -> str:
    """Return the id of the ticket that a person names: its id, either end of it, or its number at a desk.

    Where several desks have that number, the name of the connection stands before it (`acme-zendesk:35`).
    Raises NotFoundError where it is none, or could be several.
    """
    known = tx.tickets.get(word)
    found = known.id if known is not None else tx.view.find_ticket(word)
    if not found:
        raise NotFoundError(
            f"no ticket, or more than one, is named by {word!r}: gateway tickets list shows them, "
            "and CONNECTION:NUMBER names one at one desk"
        )
    return found
