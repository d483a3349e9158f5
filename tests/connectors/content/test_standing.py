"""What stands in a desk's text is put back by its name, or is told to be gone."""

from __future__ import annotations

import pytest

from connectors.content import (
    Content,
    canonical,
    destroyed,
    from_html,
    from_markdown,
    from_wiki,
    neutralise,
    restored,
    revived,
)


@pytest.mark.parametrize(
    ("said", "there", "after"),
    [
        ("see [a.png]: [a.png]", "![a.png](attachment:9)", "see ![a.png](attachment:9): [a.png]"),
        ("**[a] b**", "![a](https://x.example/a.png)", "**![a](https://x.example/a.png) b**"),
        ("see [image]", "![](attachment:9)", "see ![](attachment:9)"),
        ("@Ann, @Annabel, @Ann", "[@Ann](mention:7)", "[@Ann](mention:7), @Annabel, [@Ann](mention:7)"),
        ("`[shot.png]`", "![shot.png](attachment:9)", "`[shot.png]`"),
        ("as *it*  was", "words", "as *it*  was"),
        ("![shot.png](attachment:9) [shot.png]", "![shot.png](attachment:9)", "![shot.png](attachment:9) [shot.png]"),
        ("> - [a.png]", "| ![a.png](attachment:1) | b |\n| --- | --- |", "> - ![a.png](attachment:1)"),
    ],
)  # fmt: skip
def test_what_a_name_stands_for_is_put_back(said: str, there: str, after: str) -> None:
    """An image once, somebody wherever they are named; code stays code."""
    assert restored(said, there) == after


def test_what_would_be_gone_is_told() -> None:
    """Images and calls that the new text has not, after what Markdown cannot say."""
    there = Content("![a](attachment:1) ![](https://x.example/b.png) [@Ann](mention:7)", ("a video",))
    told = ("a video", "the image a", "the image without a name", "the call of Ann")
    assert destroyed(there, Content("[@Bob](mention:8)")) == told
    assert destroyed(Content(there.markdown), Content(f"more {there.markdown}")) == ()


@pytest.mark.parametrize("source", ["/x.png", "attachment:1", "blob:1", ""])
@pytest.mark.parametrize("alt", ["shot", ""])
def test_an_image_that_cannot_be_shown_is_said(source: str, alt: str) -> None:
    """With or without words in its place."""
    found = from_html(f'a<img src="{source}" alt="{alt}">b')
    assert found == Content("a[shot]b" if alt else "ab", ("an image that cannot be shown elsewhere",))


@pytest.mark.parametrize("word", ["@bob", "#12", "[[Page]]", "acme/app#7", "!3", "GH-4", "r77", "document:12", "~bug"])
def test_a_call_that_stands_there_already_stays_one(word: str) -> None:
    """In any place of the new text; what is code there, or is not there, calls nobody."""
    safe = neutralise(f"now ({word}), please")
    assert word not in safe
    assert revived(safe, f"see {word}.") == f"now ({word}), please"
    for there in (f"see `{word}`", f"```\n{word}\n```", f"{word}x", "words"):
        assert revived(safe, there) == safe


def test_a_line_is_never_made_an_order() -> None:
    """Also where the same order stands there."""
    safe = neutralise("/close")
    assert revived(safe, "/close") == safe != "/close"


@pytest.mark.parametrize(
    ("wiki", "markdown", "lost"),
    [
        ("see [here|https://a.example/x|a tip]", "see [here](https://a.example/x)", ("the tip of a link",)),
        ("see [a|b|https://a.example/x]", "see [a|b](https://a.example/x)", ()),
        ("||a||\n| !b.png|thumbnail! |", "| a |\n| --- |\n| ![b.png](attachment:b.png) |", ()),
        ("|| a!b || c! ||\n| d | e |", "| a!b | c! |\n| --- | --- |\n| d | e |", ()),
    ],
)  # fmt: skip
def test_wiki_markup_of_links_and_tables(wiki: str, markdown: str, lost: tuple[str, ...]) -> None:
    """A link with a tip leads where it led; an image with its size tears no row."""
    assert from_wiki(wiki) == Content(markdown, lost)


def test_a_table_in_a_table_is_said() -> None:
    """Also where it has one cell."""
    found = from_html("<table><tr><td>a<table><tr><td>b</td></tr></table></td><td>c</td></tr></table>")
    assert found.lost
    assert from_html("<table><tr><td>b</td></tr></table>").lost == ()


def test_a_footnote_of_one_word_is_kept() -> None:
    """It is no link that nobody follows."""
    assert "[^1]: oneword" in from_markdown("So[^1].\n\n[^1]: oneword").markdown.replace("\\", "")


@pytest.mark.parametrize("before", ["", "> "])
def test_cells_beyond_the_head_of_a_table_are_kept(before: str) -> None:
    """With an empty head above them."""
    rows = ["| a |", "| --- |", "| b | c \\| **d** |", "| e | f | |"]
    kept = ["| a |  |", "| --- | --- |", "| b | c \\| **d** |", "| e | f |"]
    markdown = "\n".join(before + row for row in rows)
    assert canonical(markdown) == "\n".join(before + row for row in kept)
    assert canonical(canonical(markdown)) == canonical(markdown)


def test_one_crowded_row_does_not_widen_a_table_for_ever() -> None:
    """Its words stand in the last cell."""
    found = canonical("| a |\n| --- |\n| b |" + " c |" * 500)
    assert (found.count("c"), found.splitlines()[0].count("|")) == (500, 22)
