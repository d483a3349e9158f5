"""Brings the bytes of files from their desks: by itself, so that no ticket and no other desk waits for a slow one.

Only what may leave its desk is brought: no larger and of no other kind than the site says, and from nowhere but the
desk's own origins (the transport sees to that). What does not come is noted with the reason.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

import msgspec

from gateway.errors import GatewayError, OriginError, TooLargeError
from gateway.flow import limits
from gateway.flow.calls import run_reads
from gateway.flow.desks import LiveSite
from gateway.flow.pace import is_about_pace, note_read
from gateway.flow.prepare import is_no_fault_of_it
from gateway.ports import (
    AuditEntry,
    Blob,
    Clock,
    Connector,
    Doorbell,
    FileRow,
    Files,
    FileState,
    Filing,
    Ids,
    Store,
    Transport,
    Tx,
)
from gateway.telemetry import Redactor, tell_defect

log = logging.getLogger(__name__)

LEASE_SECONDS = 180.0
#: files of one connection that are brought before the others have their turn
TOGETHER = 20
MAX_TRIES = 8


class Bringer:
    """Brings files of one site."""

    def __init__(
        self,
        *,
        store: Store,
        site: LiveSite,
        transport: Transport,
        files: Files,
        doorbell: Doorbell,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._store = store
        self._site = site
        self._transport = transport
        self._files = files
        self._doorbell = doorbell
        self._clock = clock
        self._ids = ids

    def bring_due(self, *, holder: str, seconds: float) -> int:
        """Bring what is wanted for at most about `seconds`; return how many files were seen to."""
        end = self._clock.monotonic() + seconds
        with self._store.read() as tx:
            waiting = sorted(tx.files.waiting() & self._site.connectors.keys())
        done = 0
        for name in waiting:
            if self._clock.monotonic() < end:
                done += self._of(name, holder, end)
        if done:
            self._doorbell.ring("deliver")
        return done

    def _of(self, name: str, holder: str, end: float) -> int:
        lease = f"files:{name}"
        epoch = self._store.write(lambda tx: tx.leases.acquire(lease, holder, LEASE_SECONDS))
        if epoch is None:
            return 0
        done = 0
        try:
            with self._store.read() as tx:
                rows = tx.files.wanted(name, self._clock.now(), TOGETHER)
            for row in rows:
                if self._clock.monotonic() > end:
                    break
                self._bring(row)
                done += 1
        finally:
            self._store.write(lambda tx: tx.leases.release(lease, epoch))
        return done

    def _bring(self, row: FileRow) -> None:
        connector = self._site.connectors[row.connection]
        why = self._site.files.refusal(row.attachment)
        if why:
            self._end(row, FileState.REFUSED, why)
            return
        try:
            found = self._fetched(row, connector)
        except OriginError:
            self._end(row, FileState.REFUSED, "it lies at an address that is not the desk's own")
        except GatewayError as error:
            self._failed(row, error, connector)
        except Exception as error:
            if is_no_fault_of_it(error):
                raise
            tell_defect(log, "a connector broke while it fetched a file", error, connection=row.connection)
            self._end(row, FileState.GONE, "its connector could not read it")
        else:
            if found is None:
                self._end(row, FileState.GONE, f"{row.connection} does not have it any more, or does not show it to us")
            else:
                self._keep(row, found)

    def _fetched(self, row: FileRow, connector: Connector) -> Blob | None:
        if not isinstance(connector, Filing):
            return None
        found = run_reads(
            connector.fetch(row.attachment),
            connector,
            self._transport,
            deadline=connector.settings.deadline,
            trace_id=self._ids.new().replace("-", ""),
        )
        return self._files.keep(_once(found)) if isinstance(found, bytes) else found

    def _keep(self, row: FileRow, blob: Blob) -> None:
        size = msgspec.structs.replace(row.attachment, size=blob.size)
        why = self._site.files.refusal(size)
        if why:
            self._end(row, FileState.REFUSED, why)
            return
        kept = msgspec.structs.replace(row, state=FileState.KEPT, sha256=blob.sha256, size=blob.size, not_before=None)
        self._store.write(lambda tx: tx.files.save(kept))

    def _failed(self, row: FileRow, error: GatewayError, connector: Connector) -> None:
        """Try again later, until that has been tried often enough."""
        tries = row.tries + 1
        # customers may read it: where the file was looked for is for the trail alone
        why = "it is too large" if isinstance(error, TooLargeError) else f"{row.connection} did not hand it over"
        if tries >= MAX_TRIES or isinstance(error, TooLargeError):
            self._end(row, FileState.GONE, why, Redactor(connector.secrets()).text(str(error))[:200])
            return
        again = self._clock.now() + max(limits.backoff(tries), timedelta(seconds=1))
        later = msgspec.structs.replace(row, tries=tries, not_before=again, reason=why)

        def work(tx: Tx) -> None:
            tx.files.save(later)
            if is_about_pace(error):
                note_read(tx, row.connection, error, self._clock.now())

        self._store.write(work)

    def _end(self, row: FileRow, state: FileState, why: str, cause: str = "") -> None:
        """Give a file up: `why` stands beside what was said with it, `cause` in the trail."""
        now = self._clock.now()
        ended = msgspec.structs.replace(row, state=state, reason=why, not_before=None)
        detail = {"at": row.connection, "file": row.id, "why": cause or why}
        note = AuditEntry(now, "files", "file not brought", row.ticket_id, detail, "")

        def work(tx: Tx) -> None:
            tx.files.save(ended)
            tx.audit.add([note])

        self._store.write(work)


def _once(data: bytes) -> Iterator[bytes]:
    yield data
