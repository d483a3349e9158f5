"""Texts of Redmine in both formattings: what people see stays, and what would do something does nothing."""

from __future__ import annotations

import re

import pytest

from connectors.redmine.texts import as_kept, read_text, write_text

MARKDOWN = (
    "Since *today*, **all** of ~~it~~ and `code_here`",
    "# Head\n\n- one\n- two\n  - deeper\n\n1. first\n2. second",
    "> said\n> twice\n\nanswer",
    "```ruby\nputs 1\n\nputs *2*\n```",
    "| a | b |\n| --- | --- |\n| 1 | 2 |",
    "see [the page](https://example.com/a_b_c?d=e) and https://example.com/x_y_z",
    "two\nlines",
    "“quotes” 'single' \"double\" – 処理中 🔥",
    "a < b && c > d",
)


@pytest.mark.parametrize("formatting", ["textile", "common_mark"])
@pytest.mark.parametrize("text", MARKDOWN)
def test_what_is_written_is_read_back(text: str, formatting: str) -> None:
    """Words and form, there and back."""
    assert " ".join(as_kept(text, formatting).split()) == " ".join(text.split())


@pytest.mark.parametrize(
    ("textile", "markdown"),
    [
        ("*strong* _em_ -gone- @code@", "**strong** *em* ~~gone~~ `code`"),
        ("h2. Head\r\n\r\nwords", "## Head\n\nwords"),
        ("* one\n** deeper\n* two\n\n# first\n# second", "- one\n  - deeper\n- two\n\n1. first\n2. second"),
        ('"the page":https://example.com/a_b, look', "[the page](https://example.com/a_b), look"),
        ('<pre><code class="ruby">\nputs *1*\n</code></pre>', "```ruby\nputs *1*\n```"),
        ("bq. said", "> said"),
        ("!flames.png!", "![flames.png](attachment:7)"),
        ("a_b_c and 2*3 -- and x-y-z", "a_b_c and 2*3 -- and x-y-z"),
        ("|_. a |_. b |\n| 1 | 2 |", "| a | b |\n| --- | --- |\n| 1 | 2 |"),
    ],
)
def test_textile_is_read(textile: str, markdown: str) -> None:
    """As Redmine's help shows it."""
    read = read_text(textile, "textile", {"flames.png": "7"})
    assert " ".join(read.markdown.replace("\\", "").split()) == " ".join(markdown.split())
    assert read.lost == ()


@pytest.mark.parametrize("formatting", ["textile", "common_mark"])
def test_what_has_no_form_is_said_to_be_lost(formatting: str) -> None:
    """A macro keeps its words."""
    read = read_text("before {{toc}} after", formatting, {})
    assert "toc" in read.markdown
    assert "a macro" in read.lost


def test_underlined_words_are_lost_in_textile() -> None:
    """Markdown has no sign for them."""
    read = read_text("an +underlined+ word", "textile", {})
    assert read.markdown == "an underlined word"
    assert read.lost


@pytest.mark.parametrize("formatting", ["textile", "common_mark"])
def test_words_of_others_call_nobody_and_run_nothing(formatting: str) -> None:
    """Redmine calls people at @name, links #12, and runs {{…}}."""
    written = write_text("@ada see #12 and {{include(Secret)}}, [[Wiki]], r12 and user#3", formatting, {})
    assert "[[" not in written
    assert "r12" not in written
    assert "@ada" not in written
    assert "#12" not in written
    assert not re.search(r"(?<!!)\{\{include", written)
    # and it is not taken for a text that is to be kept from us
    assert read_text(written, formatting, {}).lost == ()
    assert as_kept("@ada see #12 and {{x}}", formatting) == "@ada see #12 and {{x}}"


@pytest.mark.parametrize("formatting", ["textile", "common_mark"])
def test_an_image_that_goes_along_is_shown_by_its_name(formatting: str) -> None:
    """One that does not, or whose name Redmine could not find, is named in brackets."""
    text = "see ![x](attachment:abc) ![y](attachment:other)"
    written = write_text(text, formatting, {"abc": "flames.png"})
    assert ("!flames.png!" if formatting == "textile" else "![x](flames.png)") in written
    assert "[y]" in written.replace("\u2060", "")
    read = read_text(written, formatting, {"flames.png": "7"}).markdown
    assert "](attachment:7)" in read
