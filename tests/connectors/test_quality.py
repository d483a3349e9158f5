"""What each connector of ours says of itself holds, as far as that can be told without its desk."""

from __future__ import annotations

from pathlib import Path

import pytest

import connectors
from connectors.registry import BUILT_INS, load
from connectors.testing import quality

HERE = Path(connectors.__file__).parent


@pytest.mark.parametrize("connector", BUILT_INS)
def test_what_it_says_of_itself_holds(connector: str) -> None:
    """Its spec, its claims with their tests, and that it does no I/O."""
    spec, folder = load((connector,), ()).plugin(connector).spec, HERE / connector
    content, unread = quality.read_quality(folder)
    assert unread == []
    tests = quality.tests_of(folder)
    assert tests, "its tests are not found, so that nothing is said of them"
    assert quality.spec_faults(spec) == []
    assert quality.operation_faults(spec, content) == []
    assert quality.lacks_faults(spec, content) == []
    assert quality.claim_faults(content, tests) == []
    assert quality.io_faults(folder) == []
    assert quality.unfilled(folder) == []
