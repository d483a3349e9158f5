"""The only place where the parts are put together. Everything else is given what it needs as arguments."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypedDict

import msgspec

from connectors import registry
from gateway import crashpoint
from gateway.config import Settings, read_site, resolve_settings
from gateway.domain.ids import digest
from gateway.doorbell import RqDoorbell, SilentDoorbell, ringing_connection
from gateway.errors import ConfigError
from gateway.extensions import installed
from gateway.flow.adopting import Adopter
from gateway.flow.agents import AgentReader
from gateway.flow.alerts import Watch
from gateway.flow.apply import Applier
from gateway.flow.deliver import Deliverer
from gateway.flow.desks import LIVE_SINCE, LiveSite, live_since
from gateway.flow.feeds import Fetcher, copies
from gateway.flow.files.bringing import Bringer
from gateway.flow.listening import warm
from gateway.flow.looks import Looker
from gateway.flow.people.enriching import Enricher
from gateway.flow.reconcile import Reconciler
from gateway.flow.release import Releasing
from gateway.flow.routing.pulling import Puller
from gateway.flow.sla.escalating import Waker
from gateway.flow.sweep import Sweeper
from gateway.http import HttpTransport
from gateway.ports import ConnectionSettings, ConnectorSpec, Doorbell
from gateway.references import Directories, feed_address, missing_directories, missing_feeds
from gateway.store import SqlStore, migrate, open_store
from gateway.store.blobs import SqlBlobs
from gateway.store.retention import Lifetimes, Pruner
from gateway.system import SystemClock, SystemIds, process_name
from gateway.talking import DeskTransport
from rules import OnDead, Problem, Retention, RuleSet, Site, check_site, load_site
from rules.extending import Extensions
from rules.feeds import MAX_BYTES
from rules.release import released
from rules.site import NO_COPIES

log = logging.getLogger(__name__)

#: how long a process goes on with the release that it knows before it looks whether another one is active
REFRESH_SECONDS = 1.0
#: a sweep looks at clocks that are due for so long, and at the rest the next time
WAKE_SECONDS = 4.0


class _Tools(TypedDict):
    """What each step that talks to desks is made of."""

    store: SqlStore
    site: LiveSite
    transport: DeskTransport
    doorbell: Doorbell
    clock: SystemClock
    ids: SystemIds


class Gateway:
    """One process's gateway: built without any I/O, opened as it is used, never shared across a fork."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self.settings = settings
        self._environ = environ
        self.clock = SystemClock()
        self.ids = SystemIds(self.clock)
        self.holder = process_name()
        self._site: LiveSite | None = None
        self._looked_at = 0.0
        self._accounts: dict[str, dict[str, Any]] = {}
        self._copies: dict[str, str] = {}
        self._rules: dict[str, RuleSet] = {}
        self._retention = Retention()
        self._refreshing = threading.Lock()
        self._directories = Directories(settings.site)

    @cached_property
    def store(self) -> SqlStore:
        """The database of the site."""
        return open_store(
            self.settings.database_url,
            self.settings.state / "keys",
            clock=self.clock,
            ids=self.ids,
            keys=self.settings.encryption_keys,
        )

    @cached_property
    def transport(self) -> DeskTransport:
        """The one that talks to desks."""
        return DeskTransport(files=self.files, http=HttpTransport(files=self.files, now=self.clock.now))

    @cached_property
    def files(self) -> SqlBlobs:
        """The bytes of files."""
        return SqlBlobs(self.store)

    @cached_property
    def rotas(self) -> HttpTransport:
        """The one that fetches rotas, and reads no more of an answer than a rota can have."""
        return HttpTransport(max_body=MAX_BYTES)

    @cached_property
    def registry(self) -> registry.Registry:
        """The connectors that are installed."""
        return registry.load()

    @cached_property
    def doorbell(self) -> Doorbell:
        """The RQ doorbell, or a silent one where no REDIS_URL is given."""
        if not self.settings.redis_url:
            return SilentDoorbell()
        return RqDoorbell(ringing_connection(self.settings.redis_url))

    def rqbell(self) -> RqDoorbell | None:
        """Return the doorbell where it is a real one."""
        return self.doorbell if isinstance(self.doorbell, RqDoorbell) else None

    @cached_property
    def extensions(self) -> Extensions:
        """What is installed beside the rules: operators, actions and classifiers."""
        return installed()

    # ------------------------------------------------------------ the site

    def load(
        self, files: Mapping[str, str], copies: Mapping[str, str] = NO_COPIES
    ) -> tuple[Site | None, tuple[Problem, ...]]:
        """Read a site from its files, with the connectors and the extensions that are installed here.

        `copies` are what was fetched of its feeds.
        """
        return load_site(files, self._specs(), extensions=self.extensions, copies=copies)

    @cached_property
    def releasing(self) -> Releasing:
        """What makes releases of the site and switches between them."""
        return Releasing(
            store=self.store, clock=self.clock, check=self.check, usable=self.usable, complete=self.complete
        )

    def complete(self, files: Mapping[str, str]) -> Mapping[str, str]:
        """Return the files of a site with what a release of today keeps beside them; wrong ones as they are."""
        site, _ = self.load(files)
        return files if site is None else released(files, site.rules, self.clock.now().year)

    def check(self, files: Mapping[str, str]) -> tuple[Problem, ...]:
        """Return the warnings of files that are to become a release; raises ConfigError as `usable` does.

        What the rules mean together counts as well: see `rules.lint`.
        """
        checked = check_site(files, self._specs(), extensions=self.extensions)
        _refuse(checked.problems, read=checked.site is not None)
        return (*checked.problems, *self.usable(files))

    def usable(self, files: Mapping[str, str]) -> tuple[Problem, ...]:
        """Return the warnings about running the files of a release.

        Raises ConfigError, with file:line:column for each error, when they cannot be run here and now: what is wrong
        with them, a connector that has gone since they were active, a secret that is not in this environment.
        """
        site, problems = self.load(files)
        _refuse(problems, read=site is not None)
        if site is None:  # pragma: no cover - refused above
            return ()
        _, missing = resolve_settings(site, self._environ, self._specs())
        missing = (*missing, *missing_feeds(site, self._environ), *missing_directories(site, self._directories))
        _refuse(missing)
        return missing

    def activate_folder(self, *, author: str, message: str = "") -> tuple[Problem, ...]:
        """Bring the database up to date and make the site's folder the active release; return the warnings."""
        self.migrate()
        return self.releasing.release(read_site(self.settings.site), actor=author, message=message).warnings

    def migrate(self) -> None:
        """Bring the database to the newest schema."""
        migrate(self.store.engine)

    def site(self) -> LiveSite:
        """Return the active release as the flow uses it; looked up at most once a second.

        Raises ConfigError when no release is active or a secret is missing.
        """
        if self._site is not None and self.clock.monotonic() - self._looked_at < REFRESH_SECONDS:
            return self._site
        with self._refreshing:
            if self._site is not None and self.clock.monotonic() - self._looked_at < REFRESH_SECONDS:
                return self._site
            self._site = self._current(self._site)
            self._looked_at = self.clock.monotonic()
            return self._site

    def renewed(self) -> LiveSite:
        """Return the active release as it is now, without waiting for the next look."""
        with self._refreshing:
            self._site = self._current(self._site)
            self._looked_at = self.clock.monotonic()
            return self._site

    def _current(self, known: LiveSite | None) -> LiveSite:
        with self.store.read() as tx:
            active = tx.releases.active()
            accounts = {name: _learned(state.facts) for name, state in tx.desks.all().items()}
            fetched = dict(tx.feeds.essences())
            same = accounts == self._accounts and fetched == self._copies
            if known is not None and known.release == active and same:
                return known
            if not active:
                msg = (
                    "no release of the site is active: run `gateway up` (the first one releases the files of the site)"
                )
                raise ConfigError(msg)
            files = tx.releases.files(active)
            found = copies(tx.feeds.all()) if fetched else {}
        site, problems = self.load(files, found)
        if site is None:
            raise ConfigError("the active release does not load: " + "; ".join(str(each) for each in problems))
        settings, missing = resolve_settings(site, self._environ, self._specs())
        errors = [problem for problem in missing if problem.is_error]
        if errors:
            raise ConfigError("\n".join(str(problem) for problem in errors))
        self._accounts, self._copies = accounts, fetched
        self._retention = site.retention
        site.rules.clockwork.warm()
        return LiveSite(
            release=active,
            rules=site.rules,
            connectors={
                name: self.registry.connect(_knowing(each, accounts.get(name, {}))) for name, each in settings.items()
            },
            mode=site.mode.value,
            live_from=site.live_from,
            live_since={name: at for name, each in accounts.items() if (at := live_since(each)) is not None},
            skipping=frozenset(name for name, each in site.connections.items() if each.on_dead is OnDead.SKIP),
            alerts=site.alerts,
            files=site.attachments,
            stitch=site.stitch,
            directories=self._directories.read,
            fetched=digest("copies", fetched) if site.rules.routing.feeds else "",
        )

    def rules_of(self, release: str) -> RuleSet:
        """Return the rules of a release, also of one that is over: to explain what it decided, or to decide again.

        Raises ConfigError when its files do not load with the connectors of today.
        """
        if release not in self._rules:
            with self.store.read() as tx:
                files = tx.releases.files(release)
                found = copies(tx.feeds.all())
            site, problems = self.load(files, found)
            if site is None:
                raise ConfigError(f"its files do not load any more: {'; '.join(str(each) for each in problems)}")
            self._rules[release] = site.rules
        return self._rules[release]

    def _specs(self) -> Mapping[str, ConnectorSpec]:
        return self.registry.specs

    def warm(self) -> None:
        """Let what deciding needs be loaded now, for the children of this process; raises as `site` does."""
        warm(self.site().rules)

    # ------------------------------------------------------------ the steps

    def _tools(self) -> _Tools:
        return _Tools(
            store=self.store, site=self.site(), clock=self.clock, ids=self.ids,
            transport=self.transport, doorbell=self.doorbell,
        )  # fmt: skip

    def applier(self) -> Applier:
        """Make the step that applies deliveries."""
        return Applier(**self._tools(), rules_of=self.rules_of)

    def deliverer(self) -> Deliverer:
        """Make the step that delivers updates."""
        return Deliverer(**self._tools())

    def reconciler(self) -> Reconciler:
        """Make the step that polls desks."""
        return Reconciler(**self._tools())

    def bringer(self) -> Bringer:
        """Make the step that brings files."""
        return Bringer(**self._tools(), files=self.files)

    def agent_reader(self) -> AgentReader:
        """Make the step that asks desks who is there."""
        return AgentReader(store=self.store, site=self.site(), transport=self.transport, clock=self.clock, ids=self.ids)

    def fetcher(self) -> Fetcher:
        """Make the step that fetches the feeds of rotas."""
        return Fetcher(
            store=self.store,
            site=self.site(),
            transport=self.rotas,
            clock=self.clock,
            ids=self.ids,
            address=lambda feed: feed_address(feed, self._environ),
        )

    def enricher(self) -> Enricher:
        """Make the step that asks other systems about people."""
        tools = {name: tool for name, tool in self._tools().items() if name != "doorbell"}
        return Enricher(**tools, ring=self.doorbell.ring)  # type: ignore[arg-type]

    def looker(self) -> Looker:
        """Make the step that looks whether what landed is there once."""
        return Looker(**self._tools())

    def sweeper(self) -> Sweeper:
        """Make the sweep."""
        return Sweeper(
            store=self.store,
            site=self.site,
            doorbell=self.doorbell,
            clock=self.clock,
            holder=self.holder,
            prune=Pruner(self.store, self._lifetimes, self.clock).visit,
            watch=Watch(store=self.store, site=self.site, clock=self.clock, ids=self.ids).look,
            wake=self._wakes(),
        )

    def _wakes(self) -> Callable[[], int]:
        """Make the look at what is due by itself: clocks, the queue, which asks when they are due, and cross-links."""
        waker = Waker(store=self.store, site=self.site, doorbell=self.doorbell, clock=self.clock, ids=self.ids)
        puller = Puller(store=self.store, site=self.site, doorbell=self.doorbell, clock=self.clock, ids=self.ids)
        adopter = Adopter(store=self.store, site=self.site, clock=self.clock, ids=self.ids)
        return lambda: waker.wake(seconds=WAKE_SECONDS) + puller.pull(seconds=WAKE_SECONDS) + adopter.look()

    def _lifetimes(self) -> Lifetimes:
        days = max(1, self._retention.deliveries // 86_400)
        personal = max(1, self._retention.personal_data // 86_400)
        audit = max(1, self._retention.audit // 86_400)
        # names say nothing of people and stay their time; bodies do, and no longer than tickets may
        keys = max(Lifetimes().keys, 3 * days)
        return Lifetimes(deliveries=min(days, personal), keys=keys, personal=personal, audit=audit)

    def close(self) -> None:
        """Close every connection; the next use opens new ones."""
        if "store" in self.__dict__:
            self.store.close()
        for name in ("transport", "rotas"):
            if name in self.__dict__:
                self.__dict__[name].close()


def _refuse(problems: Sequence[Problem], *, read: bool = True) -> None:
    """Raise ConfigError with every error; `read` is False where no site came of it."""
    errors = [problem for problem in problems if problem.is_error]
    if errors or not read:
        raise ConfigError("\n".join(str(problem) for problem in errors) or "the site could not be read")


def _learned(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a connector learned of its desk that any process has to know."""
    return {name: facts[name] for name in ("account_id", "custom_fields", LIVE_SINCE) if facts.get(name)}


def _knowing(settings: ConnectionSettings, learned: Mapping[str, Any]) -> ConnectionSettings:
    """Return the settings with what was learned at the desk, where the site does not say it.

    That is our own account id, as `whoami` told it, and the ids of the custom fields in which we write.
    """
    options = dict(settings.options)
    if "account_id" in learned and not options.get("account_id"):
        options["account_id"] = learned["account_id"]
    named = options.get("custom_fields")
    fields = {name: each for name, each in learned.get("custom_fields", {}).items() if name in settings.own_fields}
    if fields:
        options["custom_fields"] = {**fields, **(named if isinstance(named, Mapping) else {})}
    return msgspec.structs.replace(settings, options=options)


def build(settings: Settings, environ: Mapping[str, str]) -> Gateway:
    """Put one process's gateway together; nothing is opened yet. `environ` holds the site's secrets.

    Raises ConfigError when a fault test asks for a crash point that does not exist.
    """
    if settings.crash_at:
        try:
            chance = crashpoint.chances(settings.crash_at)
        except ValueError as error:
            raise ConfigError(f"GATEWAY_CRASH_AT: {error}") from None
        log.warning("this process dies by chance, as GATEWAY_CRASH_AT says", extra={"points": settings.crash_at})
        crashpoint.arm(crashpoint.by_chance(chance, random.SystemRandom().random))
    return Gateway(settings, environ)
