"""The sizes in which a desk shows images are there again when its text is written over; nothing else of a tag is."""

from __future__ import annotations

import pytest

from connectors.content import from_html, from_wiki, sized_html, sized_markdown, to_html, to_wiki, wiki_sizes
from connectors.freshdesk.rendering import description
from connectors.github.mapping import body_of
from connectors.github.rendering import body
from connectors.gitlab.texts import rewritten
from connectors.jira.described import _wiki

SHOT = "https://files.example/shot.png"


def test_html_has_its_sizes_again() -> None:
    """By the address of the image, in numbers only."""
    there = f'<p>a</p><img height="20px" onerror="alert(1)" width=50% style="x" src="{SHOT}?a=1&amp;b=2">'
    written = sized_html(to_html(from_html(there).markdown + "\n\nmore"), there)
    assert f'<img src="{SHOT}?a=1&amp;b=2" width="50%" height="20px" alt="">' in written
    assert "onerror" not in written
    assert from_html(written).markdown == from_html(there).markdown + "\n\nmore"


@pytest.mark.parametrize(
    "size", ['width="0"', 'width="12345"', 'width="1 onload=x"', "width=&quot;9&quot;", 'data-width="9"']
)
def test_what_is_no_size_is_left_out(size: str) -> None:
    """Whatever somebody has written there."""
    written = to_html(f"![a]({SHOT})")
    assert sized_html(written, f'<img src="{SHOT}" {size}>') == written


def test_a_description_of_freshdesk_keeps_them() -> None:
    """It is written anew, and not added to."""
    there = f'<div>Look <img src="{SHOT}" width="300"></div>'
    written = description(there, f"Look again\n\n![]({SHOT})")
    assert f'<img src="{SHOT}" width="300" alt="">' in written
    assert "<hr>" not in written


def test_a_body_of_github_keeps_them() -> None:
    """A pasted screenshot is a tag there, and alone; the second time nothing is different."""
    there = f'Look\n\n<img width="1200" height="800" alt="a &quot;b&quot; @kim" src="{SHOT}" />\n\nThere'
    ours = body_of(there).replace("There", "Here")
    written = body(there, ours)
    assert f'\n\n<img src="{SHOT}" alt="a &quot;b&quot; @kim" width="1200" height="800">\n\nHere' in written
    assert body(written, ours) == written
    assert body_of(written) == body_of(there).replace("There", "Here")


def test_a_tag_never_begins_what_is_no_markdown() -> None:
    """An image beside words loses its size: readers may take what follows a tag in its paragraph for HTML."""
    there = f'<img src="{SHOT}" width="9">'
    for written in (f"![a]({SHOT})\n@kim", f"/x\n![a]({SHOT})", f"> ![a]({SHOT})", f"a ![a]({SHOT})"):
        assert sized_markdown(written, there) == written
    assert sized_markdown(f"![a]({SHOT})", there) == f'<img src="{SHOT}" alt="a" width="9">'


def test_a_description_of_gitlab_keeps_them() -> None:
    """Of files of its own with what stands behind them, of others as a tag."""
    file = "![plan](/uploads/66dbcd21ec5d24ed6ea225176098d52b/plan.png){width=300 height=20}"
    there = f'{file}\n\n<img src="{SHOT}" width="40%">'
    written = rewritten(
        there, f"![plan](attachment:5/66dbcd21ec5d24ed6ea225176098d52b/plan.png)\n\n![]({SHOT})\n\nNew", "5"
    )
    assert written == f'{file}\n\n<img src="{SHOT}" alt="" width="40%">\n\nNew'


def test_wiki_markup_has_its_sizes_again() -> None:
    """Of files and of images of the web; nothing else of what stands behind a name."""
    there = f"!shot.png|width=300,height=20! and !{SHOT}|thumbnail,align=right,title=x! !a.png!"
    assert wiki_sizes(there) == {"shot.png": "|width=300,height=20", SHOT: "|thumbnail"}
    said = from_wiki(there, images={"shot.png": "9", "a.png": "7"}).markdown
    written = _wiki(f"{said} new", there, {"9": "shot.png", "7": "a.png"})
    assert written == f"!shot.png|width=300,height=20! and !{SHOT}|thumbnail! !a.png! new"
    assert to_wiki("![a](attachment:9)", images={"9": "a.png|width=1{code}!"}) != ""
