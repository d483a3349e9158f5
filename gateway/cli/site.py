"""Which site a command works on: --site, GATEWAY_SITE, or, like git, the nearest folder at or above the current one."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.errors import ConfigError
from gateway.telemetry import Redactor

CONFIG = "gateway.yaml"
#: What a running gateway keeps beside its site; git ignores it.
STATE = ".gateway"


class SiteChoice:
    """The `--site` of the command line, found when a command asks for it: `gateway init` does not."""

    def __init__(self, given: Path | None) -> None:
        self._given = given
        #: what must not be shown; a command that learns a secret adds it
        self.redactor = Redactor()

    @property
    def folder(self) -> Path:
        """Return the site's folder; raises ConfigError that says what to do when there is none."""
        if self._given is not None:
            if not (self._given / CONFIG).is_file():
                raise ConfigError(f"{self._given} is not a site: it holds no {CONFIG}")
            return self._given.resolve()
        here = Path.cwd()
        for folder in (here, *here.parents):
            if (folder / CONFIG).is_file():
                return folder
        raise ConfigError(
            f"no {CONFIG} in {here} or above it: change into a site, name one with --site DIR, or make one with: "
            f"gateway init"
        )

    @property
    def state(self) -> Path:
        """Return the folder for what a running gateway keeps (made when needed, for its owner only)."""
        state = self.folder / STATE
        state.mkdir(mode=0o700, exist_ok=True)
        ignore = state / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="ascii")
        return state


pass_site = click.make_pass_decorator(SiteChoice)
