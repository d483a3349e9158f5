"""The examples of docs/connectors/generic.md, as an admin would paste them into gateway.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from connectors.registry import load
from connectors.sdk import Connector
from gateway.ports import ConnectionSettings

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "connectors" / "generic.md"
_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_REFERENCE = re.compile(r"\$\{([A-Z_]+)\}")


@cache
def blocks() -> Mapping[str, str]:
    """Return the text of each example by the name of its connection."""
    found = {}
    for text in _BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        (name,) = yaml.load(text, yaml.CSafeLoader)["connections"]
        found[name] = text
    return found


def connect(name: str, url: str, **secrets: str) -> Connector:
    """Connect an example to a server; what it takes from the environment is in `secrets`, or its own name."""
    text = _REFERENCE.sub(lambda found: secrets.get(found.group(1), found.group(1).lower()), blocks()[name])
    given: dict[str, Any] = yaml.load(text, yaml.CSafeLoader)["connections"][name]
    options = {key: value for key, value in given.items() if key not in {"connector", "url", "reconcile_every"}}
    return load(("generic",), ()).connect(ConnectionSettings(name, "generic", url, options))
