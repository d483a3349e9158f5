"""The claims of quality.yaml: every test that one names is there."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

import connectors.github

CLAIMS: dict[str, Any] = yaml.safe_load(
    Path(connectors.github.__file__).with_name("quality.yaml").read_text(encoding="utf-8")
)
NAMED = sorted(
    {
        test
        for group in CLAIMS.values()
        if isinstance(group, dict)
        for claim in group.values()
        if isinstance(claim, dict)
        for test in claim.get("tests", ())
    }
)


@pytest.mark.parametrize("test", NAMED)
def test_every_named_test_is_there(test: str) -> None:
    """A claim without a test is a wish."""
    path, *names = test.split("::")
    found: Any = import_module(path.removesuffix(".py").replace("/", "."))
    for name in names:
        found = getattr(found, name)
    assert callable(found)
