"""One transaction (`SqlTx`) with its parts, and the store that opens them.

Deadlocks, serialisation failures, lock time-outs and a busy SQLite are never poison: the whole
transaction is run again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError

from gateway.errors import ClashError, RefusedValueError, StoreError
from gateway.ports import Clock, Ids
from gateway.store.alerts import SqlAlerts
from gateway.store.answers import SqlAnswers
from gateway.store.audit import SqlAudit
from gateway.store.bulks import SqlBulks
from gateway.store.clocks import SqlClocks
from gateway.store.crosslinks import SqlCrosslinks
from gateway.store.dead_letters import SqlDeadLetters
from gateway.store.desks import SqlDesks
from gateway.store.engine import gate_for, open_engine, told
from gateway.store.feeds import SqlFeeds
from gateway.store.files import SqlFiles
from gateway.store.hiding import SqlHiddenTickets
from gateway.store.inbox import SqlInbox
from gateway.store.keys import Keys
from gateway.store.lanes import Lanes
from gateway.store.leases import SqlLeases
from gateway.store.leasing import LeaseClock
from gateway.store.ledger import SqlLedger
from gateway.store.letters import SqlLetters
from gateway.store.links import SqlLinks
from gateway.store.looks import SqlLooks
from gateway.store.outbox import SqlOutbox
from gateway.store.people import SqlPeople
from gateway.store.people_view import SqlPeopleView
from gateway.store.relations import SqlDuplicates, SqlStages
from gateway.store.releases import SqlReleases
from gateway.store.reporting import SqlReporting
from gateway.store.routing import SqlWays
from gateway.store.sealing import Sealer
from gateway.store.staff import SqlStaff
from gateway.store.tickets import SqlTickets
from gateway.store.view import SqlView

R = TypeVar("R")

#: SQLSTATEs that mean "run it again": serialization failure, deadlock, lock not available, and a server going down
_RETRY_STATES = frozenset({"40001", "40P01", "55P03", "57P01", "57P02", "57P03"})
_TRIES = 12


class SqlTx:
    """The parts of one open transaction."""

    def __init__(self, store: SqlStore, connection: Connection, sealer: Sealer) -> None:
        self._store = store
        self.connection = connection
        self.sealer = sealer

    @cached_property
    def _lanes(self) -> Lanes:
        return Lanes(self.connection, self._store.lease_clock)

    @cached_property
    def inbox(self) -> SqlInbox:
        """Deliveries."""
        return SqlInbox(self.connection, self.sealer)

    @cached_property
    def tickets(self) -> SqlTickets:
        """Tickets, people, comments, events."""
        return SqlTickets(self.connection, self.sealer, self._store.ids, self._store.clock)

    @cached_property
    def links(self) -> SqlLinks:
        """Links."""
        return SqlLinks(self.connection, self.sealer)

    @cached_property
    def outbox(self) -> SqlOutbox:
        """Updates, lanes, attempts."""
        return SqlOutbox(self.connection, self.sealer, self._lanes)

    @cached_property
    def looks(self) -> SqlLooks:
        """Looks at what has landed."""
        return SqlLooks(self.connection, self.sealer)

    @cached_property
    def ledger(self) -> SqlLedger:
        """Expected echoes."""
        return SqlLedger(self.connection)

    @cached_property
    def dead_letters(self) -> SqlDeadLetters:
        """What was given up."""
        return SqlDeadLetters(self.connection, self.sealer, self.outbox, self._lanes)

    @cached_property
    def letters(self) -> SqlLetters:
        """Lists of what was given up."""
        return SqlLetters(self.connection, self.sealer)

    @cached_property
    def bulks(self) -> SqlBulks:
        """What is done with many of them."""
        return SqlBulks(self.connection, self.sealer)

    @cached_property
    def desks(self) -> SqlDesks:
        """Connection states."""
        return SqlDesks(self.connection, self.sealer)

    @cached_property
    def leases(self) -> SqlLeases:
        """Named leases."""
        return SqlLeases(self.connection, self._store.lease_clock)

    @cached_property
    def audit(self) -> SqlAudit:
        """The audit trail."""
        return SqlAudit(self.connection, self.sealer, self._store.ids)

    @cached_property
    def alerts(self) -> SqlAlerts:
        """The site's alerts."""
        return SqlAlerts(self.connection)

    @cached_property
    def duplicates(self) -> SqlDuplicates:
        """Which ticket repeats which."""
        return SqlDuplicates(self.connection)

    @cached_property
    def people(self) -> SqlPeople:
        """Who is who."""
        return SqlPeople(self.connection)

    @cached_property
    def answers(self) -> SqlAnswers:
        """What other systems said of people."""
        return SqlAnswers(self.connection, self.sealer)

    @cached_property
    def people_view(self) -> SqlPeopleView:
        """What lists read of people."""
        return SqlPeopleView(self.connection)

    @cached_property
    def hidden(self) -> SqlHiddenTickets:
        """Tickets that are out of sight."""
        return SqlHiddenTickets(self.connection, self._lanes)

    @cached_property
    def crosslinks(self) -> SqlCrosslinks:
        """Which remote ticket names which."""
        return SqlCrosslinks(self.connection)

    @cached_property
    def stages(self) -> SqlStages:
        """The stages that tickets went through."""
        return SqlStages(self.connection, self._store.ids)

    @cached_property
    def clocks(self) -> SqlClocks:
        """The clocks of tickets."""
        return SqlClocks(self.connection, self._store.ids)

    @cached_property
    def ways(self) -> SqlWays:
        """Who has which ticket."""
        return SqlWays(self.connection)

    @cached_property
    def staff(self) -> SqlStaff:
        """Who is available."""
        return SqlStaff(self.connection)

    @cached_property
    def feeds(self) -> SqlFeeds:
        """What was fetched of rotas."""
        return SqlFeeds(self.connection, self.sealer)

    @cached_property
    def files(self) -> SqlFiles:
        """The files of tickets."""
        return SqlFiles(self.connection, self.sealer)

    @cached_property
    def reporting(self) -> SqlReporting:
        """The clocks of many tickets."""
        return SqlReporting(self.connection)

    @cached_property
    def releases(self) -> SqlReleases:
        """Releases of the site."""
        return SqlReleases(self.connection, self.sealer, self._store.ids)

    @cached_property
    def view(self) -> SqlView:
        """What lists and pages read."""
        return SqlView(self.connection, self.sealer)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what is inside when it raises, and nothing else.

        Raises RefusedValueError and ClashError where the database refuses the content; what is worth running the whole
        transaction again for stays as it is.
        """
        try:
            with self.connection.begin_nested():
                yield
        except DataError as error:
            raise RefusedValueError(told(error)) from None
        except IntegrityError as error:
            raise ClashError(told(error)) from None

    def is_waited_for(self) -> bool:
        """Say whether another process waits to write."""
        return self._store.gate.is_wanted()


class SqlStore:
    """Opens transactions on one database. Made after a fork, in each process that needs it."""

    def __init__(self, engine: Engine, keys: Keys, clock: Clock, ids: Ids) -> None:
        self.engine = engine
        self._keys = keys
        self.clock = clock
        self.ids = ids
        self.lease_clock = LeaseClock(engine.url.get_backend_name())
        self.gate = gate_for(engine)
        self._reader = engine.execution_options(read_only=True)

    @property
    def sealer(self) -> Sealer:
        """The keys, as the database knows them."""
        with self.read() as tx:
            return tx.sealer

    @contextmanager
    def read(self) -> Iterator[SqlTx]:
        """Open a transaction that only reads; it takes no gate.

        Raises ConfigError when the database was sealed with a key that is not there, and StoreError when it is out of
        reach, as `write` does.
        """
        try:
            with self._reader.connect() as connection, connection.begin():
                yield SqlTx(self, connection, self._keys.checked(connection))
        except OperationalError as error:
            raise StoreError(told(error)) from None

    def write(self, work: Callable[[SqlTx], R]) -> R:
        """Run `work` in a write transaction and commit; it may run several times.

        Raises StoreError when the database stays out of reach.
        """
        for number in range(_TRIES):
            try:
                with self.gate.hold(), self.engine.begin() as connection:
                    result = work(SqlTx(self, connection, self._keys.noted(connection)))
                self._keys.committed()
            except DBAPIError as error:
                if number == _TRIES - 1 or not _worth_a_retry(error):
                    raise StoreError(told(error)) from None
            else:
                return result
            time.sleep(random.uniform(0, min(1.0, 0.01 * 2**number)))  # noqa: S311 - jitter, no secret
        raise AssertionError

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def open_store(url: str, key_file: Path, *, clock: Clock, ids: Ids, keys: str | None = None) -> SqlStore:
    """Open the store of a site: the database at `url`, the keys of `key_file` (or `keys`), loaded at the first use."""
    return SqlStore(open_engine(url), Keys(key_file, keys), clock, ids)


def _worth_a_retry(error: DBAPIError) -> bool:
    """Say whether the same transaction may succeed when it is run again."""
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state in _RETRY_STATES
    text = str(error.orig)
    return "database is locked" in text or "connection failed" in text or "database table is locked" in text
