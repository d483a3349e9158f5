"""How a problem is shown: one line, the offending line with a caret, and never a secret."""

from __future__ import annotations

import pytest

from rules import Problem, Severity
from rules.problem import masked, nearest


def problem(column: int, excerpt: str) -> Problem:
    """Return a problem on line 12."""
    return Problem("rules/a.yaml", 12, column, "some-code", Severity.ERROR, "it is wrong", "mend it", excerpt)


def test_the_caret_stands_below_the_column() -> None:
    """Also after a tab."""
    assert problem(5, "abc\tdef").text == (
        "rules/a.yaml:12:5: error[some-code]: it is wrong; mend it\n"
        "  12 | abc def\n"
        "     |     ^"
    )  # fmt: skip


def test_a_long_line_is_cut_around_the_column() -> None:
    """A page is never filled by one line."""
    head, line, caret = problem(501, "x" * 500 + "Y" + "x" * 5000).text.splitlines()
    assert len(head) < 100
    assert len(line) < 200
    assert line[caret.index("^")] == "Y"


def test_without_an_excerpt_it_is_one_line() -> None:
    """For example when the file is not there."""
    assert problem(1, "").text == problem(1, "").head


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("  api_token: abc # x", "  api_token: *** # x"),
        ("auth: {email: a@b.example, api_token: 'a b', x: 1}", "auth: {email: a@b.example, api_token: *****, x: 1}"),
        ('webhook_secret: "a\\"b"', "webhook_secret: ******"),
        ('token: "${TOKEN}"', 'token: "${TOKEN}"'),
        ("webhook_secret: [${A}, bcd]", "webhook_secret: [${A},*****"),
        ("url: https://me:pass@desk.example", "url: https://me:****@desk.example"),
        ("title: the token: of appreciation", "title: the token: ** appreciation"),
    ],
)
def test_a_line_is_shown_without_its_secrets(line: str, shown: str) -> None:
    """Covered character by character, so that columns stay true."""
    assert masked(line) == shown
    assert len(shown) == len(line)


def test_the_nearest_name_is_suggested_or_all_of_a_few() -> None:
    """In any case; nothing when there are many and none is near."""
    assert nearest("Clasify", ["classify", "sync"]) == "did you mean 'classify'?"
    assert nearest("xyz", ["b", "a"]) == "valid: a, b"
    assert nearest("xyz", [f"name{each}" for each in range(20)]) == ""
    assert nearest("xyz", []) == ""
