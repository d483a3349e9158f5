"""Fetches the calendars that rotas name; the last good copy of each is kept, and the roster is made of it.

A feed that cannot be fetched, or in which there is no rota, changes nothing: the copy stays, and an alert tells when
that has lasted for too long. Addresses are secrets, and stand in no message.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec

from gateway.domain.ids import digest
from gateway.errors import ConfigError, NotSentError, OutcomeUnknownError
from gateway.flow.desks import LiveSite
from gateway.ports import (
    AuditEntry,
    Clock,
    ConnectionSettings,
    Connector,
    ConnectorSpec,
    HttpRequest,
    HttpResponse,
    Ids,
    Store,
    Transport,
    Tx,
)
from gateway.ports.feeds import FeedCopy
from rules.feeds import Feed, essence, read_copy
from rules.rotas import RotaError

log = logging.getLogger(__name__)

LEASE_SECONDS = 60.0
DEADLINE = 10.0
#: after a failure it is asked again so soon, and then ever later
SOON = timedelta(minutes=1)
_SPEC = ConnectorSpec(
    name="feed",
    title="a calendar that is fetched",
    api_version=1,
    settings=(),
    operations={},
    readable_fields=frozenset(),
    writable_fields=frozenset(),
)


class Answer(msgspec.Struct, frozen=True):
    """What a look at a feed brought."""

    #: empty: it is as it was, or could not be fetched
    text: str = ""
    etag: str = ""
    modified: str = ""
    #: why it could not be fetched
    trouble: str = ""


class _Server:
    """A feed as the transport knows a connection: one address, and no credentials beside it."""

    spec = _SPEC

    def __init__(self, feed: Feed, address: str) -> None:
        self.settings = ConnectionSettings(feed.label, "feed", address, {}, deadline=DEADLINE)
        self._secrets = (address, urlsplit(address).path)

    def authorize(self, request: HttpRequest) -> Mapping[str, str]:  # noqa: ARG002 - the address is all there is
        """Return nothing."""
        return {}

    def secrets(self) -> tuple[str, ...]:
        """Return what must not be shown."""
        return self._secrets


def ask(
    feed: Feed, address: str, before: FeedCopy | None, transport: Transport, *, now: datetime, trace_id: str
) -> Answer:
    """Look at a feed once; where its server says that nothing has changed, nothing is read."""
    headers = {"Accept": "text/calendar, */*;q=0.1"}
    if before is not None and before.text and before.source == digest("source", address):
        headers |= {"If-None-Match": before.etag} if before.etag else {}
        headers |= {"If-Modified-Since": before.modified} if before.modified else {}
    server = cast("Connector", _Server(feed, address))
    try:
        answer = transport.send(
            server, HttpRequest("GET", address, headers=headers), deadline=DEADLINE, trace_id=trace_id
        )
    except (NotSentError, OutcomeUnknownError) as error:
        return Answer(trouble=_plain(str(error)))
    if answer.status == 304 and len(headers) > 1:
        return Answer()
    if answer.status != 200:
        return Answer(trouble=_refused(answer))
    try:
        text = read_copy(answer.body, now)
    except RotaError as error:
        return Answer(trouble=f"what it answered is no rota: {error}")
    return Answer(text, answer.headers.get("etag", "")[:300], answer.headers.get("last-modified", "")[:100])


def _plain(told: str) -> str:
    """Return why, out of what the transport says of whom it asked and what may have come of that."""
    return told.partition("; ")[0].rpartition(": ")[2]


def _refused(answer: HttpResponse) -> str:
    if 300 <= answer.status < 400:
        host = urlsplit(answer.headers.get("location", "")).hostname or "another address"
        return f"it answers {answer.status} and points to {host}: write the address that it points to"
    gone = {401, 403, 404, 410}
    hint = ": is the address still the right one?" if answer.status in gone else ""
    return f"it answers {answer.status}{hint}"


class Fetcher:
    """Fetches the feeds of one site that are due."""

    def __init__(
        self,
        *,
        store: Store,
        site: LiveSite,
        transport: Transport,
        clock: Clock,
        ids: Ids,
        address: Callable[[Feed], str],
    ) -> None:
        self._store = store
        self._feeds = site.rules.routing.feeds
        self._transport = transport
        self._clock = clock
        self._ids = ids
        #: the address of a feed; raises ConfigError
        self._address = address

    def fetch_due(self, *, holder: str, seconds: float) -> int:
        """Fetch what is due, for at most so long; return how many have changed."""
        end = self._clock.monotonic() + seconds
        with self._store.read() as tx:
            known = tx.feeds.all()
        if known.keys() - {feed.key for feed in self._feeds}:
            self._store.write(lambda tx: tx.feeds.keep([feed.key for feed in self._feeds]))
        changed = 0
        for feed in self._feeds:
            before = known.get(feed.key)
            if before is not None and before.due_at > self._clock.now():
                continue
            if self._clock.monotonic() > end:
                break
            changed += self._fetch(feed, holder)
        return changed

    def _fetch(self, feed: Feed, holder: str) -> bool:
        """Fetch one that no other process fetches; say whether it has changed."""
        lease = f"feed:{feed.key}"
        epoch = self._store.write(lambda tx: tx.leases.acquire(lease, holder, LEASE_SECONDS))
        if epoch is None:
            return False
        with self._store.read() as tx:
            before = tx.feeds.all().get(feed.key)
        now, trace_id, source = self._clock.now(), self._ids.new().replace("-", ""), ""
        try:
            address = self._address(feed)
            source = digest("source", address)
            answer = ask(feed, address, before, self._transport, now=now, trace_id=trace_id)
        except ConfigError as error:
            answer = Answer(trouble=str(error).partition(": ")[2])
        after = kept(feed, before, answer, source=source, now=now)
        is_new = after.essence != (before.essence if before is not None else "")

        def work(tx: Tx) -> None:
            tx.feeds.save(after)
            tx.leases.release(lease, epoch)
            if is_new:
                detail: dict[str, Any] = {"teams": list(feed.teams)}
                tx.audit.add([AuditEntry(now, "gateway", "rota fetched", detail=detail, trace_id=trace_id)])

        self._store.write(work)
        if after.trouble:
            log.warning("a feed cannot be fetched", extra={"teams": list(feed.teams), "why": after.trouble})
        elif is_new:
            log.info("a feed has changed", extra={"teams": list(feed.teams)})
        return is_new


def kept(feed: Feed, before: FeedCopy | None, answer: Answer, *, source: str, now: datetime) -> FeedCopy:
    """Return what is known of a feed after a look at it."""
    every = timedelta(seconds=feed.every)
    copy = before if before is not None else FeedCopy(key=feed.key, begun_at=now, due_at=now)
    if answer.trouble:
        since = copy.failing_since or now
        later = min(every, max(SOON, now - since))
        return msgspec.structs.replace(copy, due_at=now + later, failing_since=since, trouble=answer.trouble[:500])
    well = msgspec.structs.replace(copy, due_at=now + every, fetched_at=now, failing_since=None, trouble="")
    if not answer.text:
        return well
    says = essence(answer.text)
    return msgspec.structs.replace(
        well,
        source=source,
        text=answer.text,
        essence=says,
        etag=answer.etag,
        modified=answer.modified,
        changed_at=now if says != copy.essence else copy.changed_at,
    )


def copies(known: Mapping[str, FeedCopy]) -> dict[str, str]:
    """Return what was fetched, as the rules are loaded with it."""
    return {key: copy.text for key, copy in known.items() if copy.text}
