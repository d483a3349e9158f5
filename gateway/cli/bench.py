"""What the commands for dead letters work with: the active release, its connectors, the letter that a word names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from dead_letters import DeadLetter, DeadLetterError, Filter, Group, Letter, Terms
from gateway.bootstrap import Gateway
from gateway.cli.choosing import Choice
from gateway.cli.opening import opened
from gateway.cli.removed import names_in
from gateway.cli.site import SiteChoice
from gateway.config import environment, secrets_in
from gateway.domain.update import Operation, Strategy
from gateway.errors import GatewayError, NotFoundError
from gateway.flow.attempt import degrade
from gateway.flow.desks import LiveSite
from gateway.ports import Connector, DeskState, OperationClaim
from gateway.store.unit import SqlTx

Line = TypeVar("Line", DeadLetter, Group)
#: what a desk, or a person there, may have written of a line or a group
_WORDS = ("detail", "cause", "summary")


class Bench:
    """One site's gateway as the commands use it; the release is loaded once, before any transaction."""

    def __init__(self, gateway: Gateway, choice: SiteChoice, *, whole: bool) -> None:
        self.gateway = gateway
        self.redactor = choice.redactor
        self._trouble: GatewayError | None = None
        self._site: LiveSite | None = None
        self._desks: Mapping[str, DeskState] = {}
        files = _files(gateway)
        #: of the release, as `whole` would learn them: a list may hold a desk's words, too
        choice.redactor.add(*secrets_in(files, {**environment(), "GATEWAY_SITE": str(choice.folder)}))
        named = names_in(files)
        self._named = None if named is None else tuple(sorted(named))
        if not whole:
            return
        try:
            # no transaction spans the loading of rules; whoever needs them hears why there are none
            self._site = gateway.site()
        except GatewayError as error:
            self._trouble = error
        if self._site is not None:
            for connector in self._site.connectors.values():
                choice.redactor.add(*connector.secrets())
        with gateway.store.read() as tx:
            self._desks = tx.desks.all()

    @property
    def site(self) -> LiveSite:
        """The active release; raises GatewayError when there is none that can be used."""
        if self._site is None:
            raise self._trouble or DeadLetterError("no release is active: gateway up")
        return self._site

    @property
    def named(self) -> tuple[str, ...] | None:
        """The connections of the active release; None where none can be read."""
        return self._named

    def filter(self, tx: SqlTx, choice: Choice, *, waiting: bool = True) -> Filter:
        """Return which letters are meant; raises NotFoundError where a name is none of the site's, nor of a letter's.

        A name that is mistyped would otherwise read as "there is none". `waiting`: also updates that wait for a
        connection which is gone.
        """
        chosen = choice.filter(tx, self.now(), self._named if waiting else None)
        if self._named is not None and chosen.connection and self.is_gone(chosen.connection):
            everything = Filter(connection=chosen.connection, named=self._named)
            if not tx.letters.count(everything):
                names = ", ".join(self._named)
                raise NotFoundError(f"there is no connection {chosen.connection!r}; the site has: {names}")
        return chosen

    def told(self, letter: Line) -> Line:
        """Return a line of a list, or a group, without secrets that a desk has repeated."""
        hidden = {name: self.redactor.text(getattr(letter, name)) for name in _WORDS if hasattr(letter, name)}
        return msgspec.structs.replace(letter, **hidden)

    def is_gone(self, connection: str) -> bool:
        """Say whether the active release names a connection no more."""
        return self._named is not None and connection not in self._named

    def now(self) -> datetime:
        """Return the current instant."""
        return self.gateway.clock.now()

    def connector(self, connection: str) -> Connector:
        """Return a connection's connector; raises DeadLetterError when it is not there any more."""
        connector = self.site.connectors.get(connection)
        if connector is not None:
            return connector
        self.require(connection)
        raise DeadLetterError(f"the connection {connection} cannot be used: gateway connections list says why")

    def require(self, connection: str) -> None:
        """Raise DeadLetterError when a connection is not there any more: nothing of it can be replayed."""
        if self.is_gone(connection):
            words = "is not in gateway.yaml any more: name it again, gateway rules release, and replay; or discard this"
            raise DeadLetterError(f"the connection {connection} {words}")

    def terms(self, connection: str, operation: Operation | str) -> Terms:
        """Return what holds for an operation of a connection now."""
        connector = self.connector(connection)
        claim = connector.spec.operations.get(Operation(operation), OperationClaim(Strategy.NONE))
        facts = self._desks.get(connection, DeskState(connection)).facts
        return Terms(degrade(claim, facts), self.site.rules, connector.as_read)

    def keys_until(self, now: datetime) -> dict[tuple[str, str], datetime]:
        """Return since when desks remember idempotency keys, where nothing else tells what became of an attempt."""
        found = {}
        with contextlib.suppress(GatewayError):
            for name, connector in self.site.connectors.items():
                for operation, claim in connector.spec.operations.items():
                    if claim.strategy is Strategy.KEY and not claim.probe:
                        found[name, operation.value] = now - timedelta(seconds=claim.key_ttl)
        return found


@contextmanager
def bench(choice: SiteChoice, *, whole: bool = True) -> Iterator[Bench]:
    """Open a site for a command that deals with dead letters; not `whole`: without its rules, which take a moment."""
    with opened(choice) as gateway:
        yield Bench(gateway, choice, whole=whole)


def _files(gateway: Gateway) -> Mapping[str, str]:
    """Return the files of the active release; none where there is none."""
    with gateway.store.read() as tx:
        release = tx.releases.active()
        return tx.releases.files(release) if release else {}


def find(here: Bench, tx: SqlTx, word: str) -> tuple[str, str]:
    """Return (update or delivery, id) of the one dead letter that a word names; raises NotFoundError."""
    found = tx.dead_letters.find(word, here.named)
    if not found:
        raise NotFoundError(f"there is no open dead letter {word!r}: gateway dead-letters list shows them")
    if len(found) > 1:
        raise NotFoundError(f"{word!r} names {len(found)} dead letters: give more of the id")
    return found[0]


def update_named(here: Bench, tx: SqlTx, word: str, doing: str) -> Letter:
    """Return the given-up update that a word names; raises DeadLetterError where it is a delivery."""
    what, found = find(here, tx, word)
    if what != "update":
        msg = f"{found} is a delivery, and what came in cannot be {doing}: replay it, or discard it"
        raise DeadLetterError(msg)
    letter = tx.dead_letters.letter(found, here.named)
    if letter is None:
        raise NotFoundError(f"{found} is no dead letter any more")
    if letter.waits:
        raise waits(found, letter.update.connection)
    return letter


def waits(letter_id: str, connection: str) -> DeadLetterError:
    """Say of an update that was not given up what can be done with it."""
    return DeadLetterError(
        f"{letter_id} waits for {connection}, which is not in gateway.yaml any more: name it again, gateway rules "
        f"release, and it goes on by itself; or discard it"
    )


def plain_json(value: Any) -> str:
    """Return a value as one line of JSON for a table."""
    return "-" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()
