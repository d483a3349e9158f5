"""Releases of a site, as the flow and the commands ask the database for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec


class ReleaseRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One approved, numbered version of a site's files. All instants are aware UTC."""

    id: str
    number: int
    #: names the files by their names and texts
    digest: str
    author: str
    message: str
    created_at: datetime
    active: bool = False
    #: when it last became the active one
    activated_at: datetime | None = None


class Releases(Protocol):
    """Releases of the site's files."""

    def active(self) -> str:
        """Return the id of the active release, or an empty string."""
        ...

    def files(self, release_id: str) -> Mapping[str, str]:
        """Return the files of a release by relative name; raises NotFoundError."""
        ...

    def numbers(self) -> Mapping[str, int]:
        """Return the number of every release by its id."""
        ...

    def listed(self, *, limit: int, below: int | None = None) -> Sequence[ReleaseRow]:
        """Return releases, the newest first, those with a number below `below`."""
        ...

    def get(self, release_id: str) -> ReleaseRow | None:
        """Return one release."""
        ...

    def numbered(self, number: int) -> ReleaseRow | None:
        """Return the release of that number."""
        ...

    def before(self) -> str:
        """Return what a rollback goes back to: the release that the active one took over from; empty without one."""
        ...

    def keep(self, digest: str, files: Mapping[str, str], *, author: str, message: str, now: datetime) -> str:
        """Store a release, once per digest; return its id. What is stored already keeps its author and message."""
        ...

    def activate(self, release_id: str, *, actor: str, why: str, now: datetime, back: bool = False) -> bool:
        """Make a release the active one; False when it is already. `back`: this is a rollback."""
        ...
