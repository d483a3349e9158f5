"""What a webhook needs to know before it is taken, looked up at most once a second instead of once a request.

The look is taken on a thread of its own while requests go on with the last one; only the first request, and one after
a long silence, waits for it.
"""

from __future__ import annotations

import logging
import os
import threading

from gateway.errors import GatewayError
from gateway.flow.desks import LiveSite
from gateway.web.parts import Parts, WebLimits

log = logging.getLogger(__name__)

_FRESH_SECONDS = 1.0
#: After such a silence the last look may be about another release.
_STALE_SECONDS = 5.0


class Watch:
    """The active site, and why deliveries are refused at the moment."""

    def __init__(self, parts: Parts, limits: WebLimits) -> None:
        self._parts = parts
        self._limits = limits
        self._looking = threading.Lock()
        self._looked_at = float("-inf")
        self._seen: tuple[LiveSite, str] | None = None

    def look(self) -> tuple[LiveSite, str]:
        """Return the active site, and why nothing can be taken now (empty: it can)."""
        age = self._parts.clock.monotonic() - self._looked_at
        if self._seen is None or age > _STALE_SECONDS:
            with self._looking:
                if self._seen is None or self._parts.clock.monotonic() - self._looked_at > _FRESH_SECONDS:
                    return self._renew()
        elif age > _FRESH_SECONDS and self._looking.acquire(blocking=False):
            threading.Thread(target=self._renew_aside, name="watch", daemon=True).start()
        return self._seen

    def _renew_aside(self) -> None:
        try:
            self._renew()
        except Exception:
            # the next request after a while sees the same trouble in its own thread, and answers it
            log.exception("the state of the gateway could not be looked up")
            self._looked_at = self._parts.clock.monotonic()
        finally:
            self._looking.release()

    def _renew(self) -> tuple[LiveSite, str]:
        try:
            seen = self._parts.site(), self._why_not()
        except GatewayError as error:
            if self._seen is None:
                raise
            seen = self._seen[0], str(error)
        self._seen = seen
        self._looked_at = self._parts.clock.monotonic()
        return seen

    def _why_not(self) -> str:
        limits = self._limits
        if limits.data is not None:
            disk = os.statvfs(limits.data)
            free = disk.f_bavail * disk.f_frsize
            if free < limits.min_free:
                return f"the disk of the database has only {free >> 20} MiB left"
        with self._parts.store.read() as tx:
            pending = tx.inbox.pending()
        if pending > limits.max_pending:
            return f"{pending} deliveries wait to be applied already"
        return ""
