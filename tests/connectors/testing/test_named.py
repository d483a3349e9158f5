"""A claim names a test that is there: a function `test_*`, in the file and in the class that stand before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.testing.named import WrittenTests

SUITE = """
class Reads:
    def test_it_reads(self): ...
    def poll(self): ...

class Suite(Reads): ...
"""
OURS = """
from suite import Suite as Everything

def test_alone(): ...
def made(): ...

class TestDesk(Everything):
    def test_more(self): ...
    def attempt(self): ...

class TestOther(TestDesk): ...
class TestRound(TestRound): ...
"""


@pytest.fixture
def tests(tmp_path: Path) -> WrittenTests:
    """Write two files."""
    for name, text in (("suite/suite.py", SUITE), ("tests/desk/test_desk.py", OURS)):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return WrittenTests(tmp_path / "suite", tmp_path / "tests")


@pytest.mark.parametrize(
    "name",
    [
        "test_alone", "test_it_reads", "TestDesk::test_more", "TestDesk.test_it_reads",
        "TestOther::test_it_reads[a.b::c]",
        "test_desk.py::test_alone", "tests/desk/test_desk.py::TestDesk::test_it_reads",
        "desk/test_desk.py::TestOther::test_more",
        "Reads.test_it_reads",
    ],
)  # fmt: skip
def test_what_is_there_is_found(tests: WrittenTests, name: str) -> None:
    """By its own class or one that it inherits from, also under another name; with the end of the path of its file."""
    assert tests.has(name)


@pytest.mark.parametrize(
    "name",
    [
        "NoSuchClass::test_more", "NoSuchClass::poll", "TestDesk::poll", "TestDesk::attempt", "attempt", "made", "poll",
        "TestDesk::test_alone", "Reads::test_more", "test_desk.py::test_more", "suite.py::TestDesk::test_more",
        "other/test_desk.py::test_alone", "test_gone.py::test_alone", "TestRound::test_more", "TestDesk",
        "", "::", "[x]",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not(tests: WrittenTests, name: str) -> None:
    """Another class's, what pytest does not run, another file's, and what is no name."""
    assert not tests.has(name)


def test_nothing_is_nothing(tmp_path: Path) -> None:
    """A folder without tests has none."""
    assert not WrittenTests(tmp_path)
