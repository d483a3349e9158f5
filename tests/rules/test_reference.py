"""The pages about the language cannot fall behind it: the reference is written anew, the examples are run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from gateway.flow.rehearse import rehearse
from gateway.flow.rehearsed import rehearsed_desks
from rules import load_site
from rules.cases import Outcome, Words, load_cases, run_cases
from rules.examples import example
from rules.fields import Vocabulary
from rules.operators import OPERATORS
from rules.schema import SECTIONS
from tests.rules.making import installed

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "rules"


def test_the_reference_is_up_to_date() -> None:
    """`make reference` would write what stands there."""
    words = [sys.executable, str(ROOT / "tools" / "reference.py"), "--check"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_reference_has_everything() -> None:
    """Every section, field and operator by its name."""
    page = (DOCS / "reference.md").read_text("utf-8")
    assert [name for name in SECTIONS if f"\n### {name}\n" not in page] == []
    assert [name for name in (*Vocabulary().fields, *OPERATORS) if f"| `{name}` |" not in page] == []
    for path in ("cases[].given.then[].after", "sync.created", "[].set.priority", "connections.NAME.url"):
        assert f"| `{path}` |" in page


def test_the_case_of_the_page_passes() -> None:
    """On the site that `gateway init` makes."""
    page = (DOCS / "cases.md").read_text("utf-8")
    (text,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    site, _ = load_site(example("starter"), installed())
    assert site is not None
    files, problems = load_cases({"a.cases.yaml": text}, Words.of(site))
    assert problems == ()
    desks = rehearsed_desks(site, installed())
    run = run_cases(files[0].cases, Words.of(site), lambda given: rehearse(given, site.rules, desks))
    assert [(each.outcome, each.differences) for each in run.results] == [(Outcome.PASSED, ())]
