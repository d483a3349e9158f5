"""Words of other desks do nothing at GitHub, whatever they are dressed as."""

from __future__ import annotations

import pytest

from connectors.github import mapping


@pytest.mark.parametrize(
    ("given", "quiet"),
    [
        ("Fixes #12, fixes acme/app#3 (acme/app#4)", "Fixes #|12, fixes acme/app#|3 (acme/app#|4)"),
        ("cc @acme/oncall _@kim_ /@kim", "cc @|acme/oncall _@|kim_ /@|kim"),
        ("Duplicate of https://github.com/acme/app/issues/3", "Duplicate| of https://github.com/acme/app/issues/3"),
        ("/close\n> /lgtm", "|/close\n> |/lgtm"),
        ("use ``` then @kim", "use ``` then @|kim"),
        ("> ```\n\n@kim", "> ```\n\n@|kim"),
        ("see https://github.com/@kim/x and [it](acme/app#3)", "see https://github.com/@kim/x and [it](acme/app#3)"),
    ],
)
def test_no_word_that_we_carry_acts(given: str, quiet: str) -> None:
    """Neither at GitHub nor on the robots that listen there; a bar stands for the sign that nobody sees."""
    written = mapping.calling_nobody(given)
    assert written == quiet.replace("|", "\u2060")
    assert mapping.body_of(written) == mapping.body_of(given)
