"""Releases: the files of a site become one approved, numbered version, and one of them is active at a time.

What is not usable here and now (files, connectors, secrets) never becomes active, whether it is new or was active
before. A release keeps the public holidays of its day beside its files. The steps look which release is active inside
their transactions, so that each event is decided by one release.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from gateway.errors import ConfigError, NotFoundError
from gateway.ports import AuditEntry, Clock, ReleaseRow, Store, Tx
from rules import Problem, file_digest

Check = Callable[[Mapping[str, str]], tuple[Problem, ...]]
#: adds what a release keeps beside the files that were written (`rules.release`)
Complete = Callable[[Mapping[str, str]], Mapping[str, str]]


class Released(msgspec.Struct, frozen=True):
    """What became of asking for a release."""

    release: ReleaseRow
    #: the release that was active until then; None when there was none, or when nothing has changed
    before: ReleaseRow | None = None
    #: False when it was the active one already
    changed: bool = True
    warnings: tuple[Problem, ...] = ()


class Releasing:
    """Makes releases of one site and switches between them.

    `check` returns the warnings of files that are to become a release, `usable` those about running one that there is;
    both raise ConfigError when they cannot be run here and now. A later version of the gateway may find more in old
    files than the one that released them: that does not keep anyone from going back to them.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        check: Check,
        usable: Check,
        complete: Complete,
    ) -> None:
        self._store = store
        self._clock = clock
        self._check = check
        self._runs = usable
        self._complete = complete

    def active(self) -> ReleaseRow | None:
        """Return the active release."""
        with self._store.read() as tx:
            return tx.releases.get(tx.releases.active())

    def find(self, number: int) -> ReleaseRow:
        """Return the release of that number; raises NotFoundError."""
        with self._store.read() as tx:
            return _numbered(tx, number)

    def files(self, release: ReleaseRow) -> Mapping[str, str]:
        """Return the files of a release."""
        with self._store.read() as tx:
            return tx.releases.files(release.id)

    def release(self, files: Mapping[str, str], *, actor: str, message: str) -> Released:
        """Store a set of files as a release and make it the active one; raises ConfigError when it is not usable."""
        warnings = self._check(files)
        whole = self._complete(files)

        def work(tx: Tx) -> Released:
            now = self._clock.now()
            kept = tx.releases.keep(file_digest(whole), whole, author=actor, message=message, now=now)
            return self._switch(tx, kept, actor=actor, why=message)

        return msgspec.structs.replace(self._store.write(work), warnings=warnings)

    def begin(self, files: Mapping[str, str], *, actor: str, message: str) -> Released | None:
        """Make the first release, unless there is one (another host may be quicker)."""
        warnings = self._check(files)
        whole = self._complete(files)

        def work(tx: Tx) -> Released | None:
            now = self._clock.now()
            if tx.releases.active():
                return None
            kept = tx.releases.keep(file_digest(whole), whole, author=actor, message=message, now=now)
            return self._switch(tx, kept, actor=actor, why=message)

        done = self._store.write(work)
        return None if done is None else msgspec.structs.replace(done, warnings=warnings)

    def activate(self, number: int, *, actor: str, why: str) -> Released:
        """Make a release of before the active one; raises NotFoundError, or ConfigError when it is not usable now."""
        target = self.find(number)
        warnings = self._usable(target)
        done = self._store.write(lambda tx: self._switch(tx, target.id, actor=actor, why=why))
        return msgspec.structs.replace(done, warnings=warnings)

    def rollback(self, *, actor: str, why: str) -> Released:
        """Go back to the release that the active one took over from.

        Raises NotFoundError when there is none, ConfigError when it is not usable now.
        """
        with self._store.read() as tx:
            target = tx.releases.get(tx.releases.before())
        if target is None:
            msg = "there is no release to go back to: gateway rules list shows them"
            raise NotFoundError(msg)
        warnings = self._usable(target)

        def work(tx: Tx) -> Released:
            if tx.releases.before() != target.id:
                msg = "another release was activated meanwhile: gateway rules list shows it; try again"
                raise ConfigError(msg)
            return self._switch(tx, target.id, actor=actor, why=why, back=True)

        return msgspec.structs.replace(self._store.write(work), warnings=warnings)

    def _usable(self, target: ReleaseRow) -> tuple[Problem, ...]:
        try:
            return self._runs(self.files(target))
        except ConfigError as error:
            msg = f"release {target.number} cannot be used now, and was not activated:\n{error}"
            raise ConfigError(msg) from None

    def _switch(self, tx: Tx, release_id: str, *, actor: str, why: str, back: bool = False) -> Released:
        before = tx.releases.get(tx.releases.active())
        now = self._clock.now()
        changed = tx.releases.activate(release_id, actor=actor, why=why, now=now, back=back)
        release = tx.releases.get(release_id)
        if release is None:  # pragma: no cover - it was read or stored in this very transaction
            msg = f"no release {release_id}"
            raise NotFoundError(msg)
        if not changed:
            return Released(release, changed=False)
        detail = {"release": release.number, "before": before.number if before else 0, "why": why}
        tx.audit.add([AuditEntry(now, actor, "rolled back" if back else "release activated", detail=detail)])
        return Released(release, before)


def _numbered(tx: Tx, number: int) -> ReleaseRow:
    found = tx.releases.numbered(number)
    if found is None:
        msg = f"there is no release {number}: gateway rules list shows them"
        raise NotFoundError(msg)
    return found
