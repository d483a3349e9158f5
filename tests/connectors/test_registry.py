"""The registry: connectors are loaded when they are asked for, and a broken one is shown and holds up no other."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from connectors import registry
from gateway.errors import ConfigError

GROUP = registry.ENTRY_POINT_GROUP
BROKEN = EntryPoint("acme", "a_module_that_is_not_there", GROUP)
LOADED = """
import sys
from connectors import registry
found = registry.load()
assert found.specs["zendesk"].name == "zendesk"
assert "acme" not in found.plugins
print(*sorted(name for name in registry.BUILT_INS if f"connectors.{name}" in sys.modules))
"""


def test_only_what_is_asked_for_is_loaded() -> None:
    """A process has to do with two or three connectors: the others take it neither time nor memory."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["zendesk"]


def test_one_that_is_broken_is_shown_and_holds_up_no_other() -> None:
    """It is told by its name and its reason, whether somebody asked for it before or not."""
    found = registry.load(("zendesk",), (BROKEN,))
    assert found.plugin("zendesk").spec.name == "zendesk"
    with pytest.raises(ConfigError, match="'acme' is installed but could not be loaded: ModuleNotFoundError"):
        found.plugin("acme")
    assert [each.name for each in found.quarantined] == ["acme"]
    assert tuple(found.plugins) == tuple(found.specs) == ("zendesk",)
    assert len(found.plugins) == len(found.specs) == 1
    assert [each.name for each in registry.load(("zendesk",), (BROKEN,)).quarantined] == ["acme"]


def test_one_that_is_not_installed_is_told_with_those_that_are() -> None:
    """The broken ones are none of them."""
    with pytest.raises(ConfigError, match=r"'acme2' is not installed \(there are: slack, zendesk\)"):
        registry.load(("zendesk", "slack"), (BROKEN,)).plugin("acme2")


def test_a_package_stands_in_for_one_of_ours_that_is_broken_only() -> None:
    """The first of a name that loads is it; what is left out is neither there nor broken."""
    other = EntryPoint("zendesk", "connectors.slack", GROUP)
    assert registry.load(("zendesk",), (other,)).plugin("zendesk").spec.name == "zendesk"
    stand_in = registry.load((), (EntryPoint("zendesk", BROKEN.value, GROUP), other))
    assert stand_in.plugin("zendesk").spec.name == "slack"
    assert [each.name for each in stand_in.quarantined] == ["zendesk"]
    out = registry.load(("zendesk",), (BROKEN,), frozenset({"acme", "zendesk"}))
    assert not out.plugins
    assert not out.quarantined
