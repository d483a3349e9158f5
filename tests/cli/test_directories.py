"""A file in which people are looked up, as its admin meets it: what is wrong with it is one clear line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

ENRICH = """
enrich:
  from:
    - directory: customers.csv
      columns: {email: E-Mail, tier: Tier}
"""
GOOD = b"E-Mail,Tier\nkim@customer.example,gold\nsam@customer.example,silver\n"
#: what is in the file -> where and what is said
WRONG = {
    "missing": (None, (1, 1), "cannot be read: No such file"),
    "empty": (b"", (1, 1), "it is empty"),
    "column": (b"Mail,Tier\nkim@customer.example,gold\n", (1, 1), "there is no column 'E-Mail' (for email)"),
    "latin-1": ("E-Mail,Tier\nkim@customer.example,größe\n".encode("latin-1"), (2, 1), "it is not UTF-8"),
    "utf-16": ("E-Mail,Tier\n".encode("utf-16"), (1, 1), "it is not UTF-8"),
    "twice": (GOOD + b"KIM@customer.example,silver\n", (4, 1), "'KIM@customer.example' is in line 2 as well"),
    "comma": (GOOD + b"kay@customer.example,gold, and more\n", (4, 1), "this line has 3 columns, and the header 2"),
}


@pytest.fixture
def people(folder: Path) -> Path:
    """Let the site look people up in a file; returns it."""
    site = folder / "gateway.yaml"
    site.write_text(site.read_text() + ENRICH)
    return folder / "customers.csv"


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_with_a_directory_is_one_line(run: Run, people: Path, what: str) -> None:
    """With its place, by check, which goes on, and by the test of it, which fails; both say the same."""
    data, place, words = WRONG[what]
    if data is not None:
        people.write_bytes(data)
    code, shown, _ = run("check", "--json")
    (problem,) = json.loads(shown)["problems"]
    assert (code, problem["severity"], problem["file"]) == (0, "warning", "customers.csv")
    assert (problem["line"], problem["column"]) == place
    assert words in problem["message"]
    code, shown, _ = run("connections", "test", "customers.csv", "--json")
    (told,) = json.loads(shown)
    assert (code, told["directory"], told["checks"][0]["ok"]) == (1, "customers.csv", False)
    assert f"customers.csv:{place[0]}:{place[1]}: " in told["checks"][0]["detail"]
    assert words in told["checks"][0]["detail"]


def test_a_directory_that_is_right_is_said_to_be(run: Run, people: Path) -> None:
    """With how many people it has; one that is not named is not known."""
    people.write_bytes(GOOD)
    code, shown, _ = run("check")
    assert (code, "Nothing is wrong" in shown) == (0, True)
    code, shown, _ = run("connections", "test", "customers.csv")
    assert (code, "2 people can be looked up there" in shown) == (0, True)
    code, _, complaint = run("connections", "test", "clients.csv")
    assert (code, "customers.csv" in complaint) == (3, True)
