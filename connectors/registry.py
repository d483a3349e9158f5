"""Which connectors there are: the built-in ones and those of installed packages (entry points `gateway.connectors`).

Each is loaded on its own, when it is first asked for: most sites have to do with two or three. A broken plug-in is
quarantined and shown by name with its reason, and the others work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec
import pluggy

from connectors.sdk import API_VERSION, PROJECT, Hooks, Plugin
from gateway.errors import ConfigError
from gateway.ports import ConnectionSettings, Connector, ConnectorSpec

BUILT_INS = (
    "zendesk",
    "request_tracker",
    "slack",
    "webhook",
    "servicenow",
    "gitlab",
    "freshdesk",
    "helpscout",
    "salesforce",
    "dynamics365",
    "jira",
    "github",
    "zammad",
    "redmine",
    "planfix",
    "whatsapp",
    "hubspot",
    "intercom",
    "roundup",
    "email",
    "generic",
)
ENTRY_POINT_GROUP = "gateway.connectors"


class Quarantined(msgspec.Struct, frozen=True):
    """A connector that could not be loaded, and why."""

    name: str
    reason: str


class _Plugins(Mapping[str, Plugin]):
    """The connectors that load, by name. Whoever goes over them loads every one."""

    def __init__(self, sources: Mapping[str, Sequence[Callable[[], Plugin]]]) -> None:
        self._sources = sources
        self._asked: dict[str, Plugin | None] = {}
        self._broken: dict[str, list[Quarantined]] = {}

    def __getitem__(self, name: str) -> Plugin:
        if name not in self._asked:
            self._asked[name] = self._load(name)
        plugin = self._asked[name]
        if plugin is None:
            raise KeyError(name)
        return plugin

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._sources if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _load(self, name: str) -> Plugin | None:
        """Return the first of a name that loads."""
        broken = self._broken.setdefault(name, [])
        for ask in self._sources.get(name, ()):
            try:
                return ask()
            except Exception as error:  # noqa: BLE001 - a plug-in may fail in any way; it is shown, not fatal
                broken.append(Quarantined(name, f"{type(error).__name__}: {error}"))
        return None

    def broken(self, name: str) -> Sequence[Quarantined]:
        """Return what of a name did not load."""
        self.get(name)
        return self._broken[name]


class _Specs(Mapping[str, ConnectorSpec]):
    """What each connector says of itself."""

    def __init__(self, plugins: Mapping[str, Plugin]) -> None:
        self._plugins = plugins

    def __getitem__(self, name: str) -> ConnectorSpec:
        return self._plugins[name].spec

    def __iter__(self) -> Iterator[str]:
        return iter(self._plugins)

    def __len__(self) -> int:
        return len(self._plugins)


class Registry:
    """The connectors by name, each loaded when it is first asked for, and those that do not load."""

    def __init__(self, sources: Mapping[str, Sequence[Callable[[], Plugin]]]) -> None:
        self._sources = sources
        self._plugins = _Plugins(sources)

    @property
    def plugins(self) -> Mapping[str, Plugin]:
        """Those that load."""
        return self._plugins

    @property
    def specs(self) -> Mapping[str, ConnectorSpec]:
        """What those that load say of themselves."""
        return _Specs(self._plugins)

    @property
    def quarantined(self) -> tuple[Quarantined, ...]:
        """Those that do not load, and why: every one is tried."""
        return tuple(each for name in self._sources for each in self._plugins.broken(name))

    def plugin(self, name: str) -> Plugin:
        """Return a plug-in; raises ConfigError naming the reason when it is quarantined or not installed."""
        if name in self.plugins:
            return self.plugins[name]
        for broken in self._plugins.broken(name):
            msg = f"connector {name!r} is installed but could not be loaded: {broken.reason}"
            raise ConfigError(msg)
        msg = f"connector {name!r} is not installed (there are: {', '.join(sorted(self.plugins))})"
        raise ConfigError(msg)

    def connect(self, settings: ConnectionSettings) -> Connector:
        """Make the connector of one connection."""
        return self.plugin(settings.connector).factory(settings)


def load(
    built_ins: Iterable[str] = BUILT_INS,
    points: Iterable[EntryPoint] | None = None,
    blocked: frozenset[str] = frozenset(),
) -> Registry:
    """Return every connector, each loaded in its own try when it is asked for; `blocked` names are left out."""
    found = entry_points(group=ENTRY_POINT_GROUP) if points is None else points
    sources: dict[str, list[Callable[[], Plugin]]] = {}
    for name in built_ins:
        sources.setdefault(name, []).append(partial(_built_in, name))
    for point in found:
        sources.setdefault(point.name, []).append(partial(_load_one, point.name, point.load))
    return Registry({name: asked for name, asked in sources.items() if name not in blocked})


@cache
def _built_in(name: str) -> Plugin:
    """Load one of our own, once for the process."""
    return _load_one(name, partial(import_module, f"connectors.{name}"))


def _load_one(name: str, loader: Callable[[], Any]) -> Plugin:
    """Register one module with a plug-in manager of its own and ask it for its connector."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    manager.register(loader(), name=name)
    manager.check_pending()
    answers = manager.hook.gateway_connector()
    if len(answers) != 1 or not isinstance(answers[0], Plugin):
        msg = "its hook gateway_connector() did not return one Plugin"
        raise ConfigError(msg)
    plugin = answers[0]
    if plugin.spec.api_version != API_VERSION:
        msg = f"made for connector interface {plugin.spec.api_version}, this gateway has {API_VERSION}"
        raise ConfigError(msg)
    return plugin
