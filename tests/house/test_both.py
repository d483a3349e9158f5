"""What is said of which tests run on PostgreSQL in `make test` is said of tests that there are."""

import pytest

from tests.both import BOTH, needs_both
from tests.house.tree import ROOT


@pytest.mark.parametrize("name", BOTH)
def test_each_name_leads_to_a_test(name: str) -> None:
    """A test that was renamed would be run on SQLite only, and nobody would notice."""
    path, _, test = name.partition("::")
    assert (ROOT / path).exists()
    assert not test or f"def {test}(" in (ROOT / path).read_text(encoding="utf-8")


def test_a_test_is_named_with_its_parameters() -> None:
    """By how its name begins."""
    assert needs_both("tests/store/test_keys.py::test_any[postgresql]")
    assert not needs_both("tests/flows/test_routing.py::test_any[postgresql]")
