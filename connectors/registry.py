"""Which connectors there are: the built-in ones and those of installed packages (entry points `gateway.connectors`).

Each is loaded on its own: a broken plug-in is quarantined and shown by name with its reason, and the others work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec
import pluggy

from connectors.sdk import API_VERSION, PROJECT, Hooks, Plugin
from gateway.errors import ConfigError
from gateway.ports import ConnectionSettings, Connector

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


class Registry:
    """The connectors that loaded, by name, and those that did not."""

    def __init__(self, plugins: Mapping[str, Plugin], quarantined: tuple[Quarantined, ...] = ()) -> None:
        self.plugins = dict(plugins)
        self.quarantined = quarantined

    def plugin(self, name: str) -> Plugin:
        """Return a plug-in; raises ConfigError naming the reason when it is quarantined or not installed."""
        if name in self.plugins:
            return self.plugins[name]
        for broken in self.quarantined:
            if broken.name == name:
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
    """Load every connector, each in its own try; `blocked` names are left out."""
    plugins: dict[str, Plugin] = {}
    broken: list[Quarantined] = []
    found = entry_points(group=ENTRY_POINT_GROUP) if points is None else points
    sources: list[tuple[str, Callable[[], Plugin]]] = [(name, partial(_built_in, name)) for name in built_ins]
    sources += [(point.name, partial(_load_one, point.name, point.load)) for point in found]
    for name, ask in sources:
        if name in blocked or name in plugins:
            continue
        try:
            plugins[name] = ask()
        except Exception as error:  # noqa: BLE001 - a plug-in may fail in any way; it is shown, not fatal
            broken.append(Quarantined(name, f"{type(error).__name__}: {error}"))
    return Registry(plugins, tuple(broken))


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
