"""Every example of the page about the language is a site that loads."""

from __future__ import annotations

import re
from pathlib import Path

from rules import load_site
from rules.fields import Vocabulary
from rules.operators import OPERATORS
from tests.rules.making import installed

FOLDER = Path(__file__).parents[2] / "docs" / "rules"
PAGE = (FOLDER / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```yaml( gateway)?\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_examples_load_without_a_problem() -> None:
    """One gateway.yaml, and each other block a rule file beside it."""
    (gateway,) = (text for marked, text in BLOCKS if marked)
    rules = [text for marked, text in BLOCKS if not marked]
    assert len(rules) >= 3
    for text in rules:
        loaded, problems = load_site({"gateway.yaml": gateway, "rules/a.yaml": text}, installed())
        assert problems == ()
        assert loaded is not None


def test_the_examples_of_the_phases_load_without_an_error() -> None:
    """Each page of a phase, beside the gateway.yaml of the main page; clocks that do not run yet may be warned of."""
    (gateway,) = (text for marked, text in BLOCKS if marked)
    for page in ("duplicates", "policies", "stages"):
        (text,) = re.findall(
            r"^```yaml\n(.*?)^```", (FOLDER / f"{page}.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
        )
        loaded, problems = load_site({"gateway.yaml": gateway, "rules/a.yaml": text}, installed())
        assert loaded is not None, problems


def test_every_field_and_every_operator_is_on_the_page() -> None:
    """So that the page cannot fall behind."""
    people = re.compile(r"^(requester|assignee)\.")
    names = [name for name in Vocabulary().fields if not people.match(name)]
    missing = [name for name in (*names, *OPERATORS) if f"`{name}`" not in PAGE]
    assert missing == []
