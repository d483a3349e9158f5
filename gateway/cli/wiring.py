"""What the process commands need of the rest, imported when a command runs: `gateway --help` imports none of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol, cast

from gateway.cli.lazy import imported


class Settings(Protocol):
    """The part of `gateway.config.Settings` that starting and watching processes needs."""

    @property
    def database_url(self) -> str:
        """Where the record is."""
        ...

    @property
    def redis_url(self) -> str | None:
        """Where the doorbell is; None: one of our own."""
        ...

    @property
    def log_level(self) -> str:
        """How much is logged."""
        ...

    @property
    def host(self) -> str:
        """Where the web process listens."""
        ...

    @property
    def port(self) -> int:
        """The port beside it."""
        ...

    def secrets(self) -> Iterable[str]:
        """Return every literal secret, for redaction."""
        ...


class Jobs(Protocol):
    """The part of `gateway.jobs` that a worker and the sweep call."""

    def prepare(self) -> None:
        """Refresh what forked work-horses inherit."""
        ...

    def prepare_apply(self) -> None:
        """Do the same for those that apply, and load what deciding needs."""
        ...

    def sweep(self, stop: Callable[[], bool]) -> None:
        """Sweep until `stop` says so."""
        ...


def load_settings(site: Path) -> Settings:
    """Read and check the site and the environment; raises ConfigError with file, line and column."""
    return cast("Settings", imported("gateway.config").load(site))


def jobs() -> Jobs:
    """Return the functions that RQ calls, and the sweep."""
    return cast("Jobs", imported("gateway.jobs"))


def make_app() -> Any:
    """Make the web application, in a web worker."""
    return imported("wsgi").app
