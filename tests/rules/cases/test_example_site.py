"""The cases that are delivered: they hold, and each leaf of what they expect is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.flow.rehearse import rehearse
from gateway.flow.rehearsed import rehearsed_desks
from rules import Site, load_site
from rules.cases import CASES_SUFFIXES, PENDING_KINDS, Case, Outcome, Result, Words, load_cases, run_cases
from rules.examples import NAMES, example
from rules.source import Spot
from tests.rules.making import document, installed
from tests.rules.test_examples import LANGUAGE, SHARED, texts

SITES = {"language": LANGUAGE, "shared": SHARED}


def files_of(name: str) -> dict[str, str]:
    """Return the files of a site by its name here."""
    if name in NAMES:
        return dict(example(name))
    if not SITES[name].is_dir():
        pytest.skip("not in this checkout")
    return texts(SITES[name])


def run(site: Site, cases: dict[str, str]) -> tuple[Result, ...]:
    """Run the cases of some files; none where they cannot be read."""
    words = Words.of(site)
    files, problems = load_cases(cases, words)
    if problems:
        return ()
    desks = rehearsed_desks(site, installed())
    found: list[Case] = [case for file in files for case in file.cases]
    return run_cases(found, words, lambda given: rehearse(given, site.rules, desks)).results


def leaves(spot: Spot) -> Iterator[Spot]:
    """Go through the leaves of every expectation of a file of cases."""
    for case in spot["cases"].each():
        if "expect" in case:
            yield from below(case["expect"])
        if "then" in case["given"]:
            for step in case["given"]["then"].each():
                if "expect" in step:
                    yield from below(step["expect"])


def below(spot: Spot) -> Iterator[Spot]:
    """Go down to what is no mapping and no list with something in it."""
    if isinstance(spot.value, dict) and spot.value:
        for _, inner in spot.entries():
            yield from below(inner)
    elif isinstance(spot.value, list) and spot.value:
        for inner in spot.each():
            yield from below(inner)
    else:
        yield spot


def wrong(spot: Spot) -> str:
    """Return the text of a file with one leaf made wrong."""
    line, column = spot.document.where(spot.path)
    rows = spot.document.text.split("\n")
    row = rows[line - 1]
    written = next(
        row[column - 1 : end] for end in range(len(row), column - 1, -1) if _reads_as(row[column - 1 : end], spot.value)
    )
    rows[line - 1] = f"{row[: column - 1]}{another(spot.value)}{row[column - 1 + len(written) :]}"
    return "\n".join(rows)


def _reads_as(text: str, value: Any) -> bool:
    try:
        return bool(text == text.strip() and document(f"a: [{text}]").value == {"a": [value]})
    except AssertionError:
        return False


def another(value: Any) -> str:
    """Return another value of the same sort, as YAML."""
    others = {"P1": "P2", "incident": "request", "implementation": "request", "open": "new", "propose": "merge"}
    if isinstance(value, bool):
        return "false" if value else "true"
    if isinstance(value, int | float):
        return str(value + 1)
    if value is None:
        return "something"
    return "[rt]" if value == [] else "{title: x}" if value == {} else others.get(value, "something-else")


@pytest.mark.parametrize("name", [*NAMES, *SITES])
def test_the_delivered_cases_hold(name: str) -> None:
    """What waits for a phase that is not built is pending; nothing fails."""
    files = files_of(name)
    site, _ = load_site(files, installed())
    assert site is not None
    cases = {file: text for file, text in files.items() if file.endswith(CASES_SUFFIXES)}
    results = run(site, cases)
    assert results or not cases
    assert {result.outcome for result in results} <= {Outcome.PASSED, Outcome.PENDING}
    assert all(result.held for result in results)


@pytest.mark.parametrize("name", [*NAMES, *SITES])
def test_every_leaf_that_is_made_wrong_fails(name: str) -> None:
    """Each one by itself: its case fails, or cannot be read any more; what is pending stays so."""
    files = files_of(name)
    site, _ = load_site(files, installed())
    assert site is not None
    looked_at = 0
    for file, text in files.items():
        if not file.endswith(CASES_SUFFIXES):
            continue
        before = run(site, {file: text})
        for leaf in leaves(document(text, file).root):
            after = run(site, {file: wrong(leaf)})
            waits = any(step in PENDING_KINDS for step in leaf.path)
            if waits and after:
                assert [each.pending for each in after] == [each.pending for each in before], leaf.path
                assert Outcome.FAILED not in {each.outcome for each in after}
            else:
                assert not after or Outcome.FAILED in {each.outcome for each in after}, leaf.path
            looked_at += 1
    assert looked_at or not any(file.endswith(CASES_SUFFIXES) for file in files)
