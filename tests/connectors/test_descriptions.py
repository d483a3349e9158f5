"""A description is written over another by every desk that writes one: what only the old one shows is never gone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.dynamics365 import rendering as dynamics365
from connectors.freshdesk import mapping as freshdesk_mapping
from connectors.freshdesk import rendering as freshdesk
from connectors.github import rendering as github
from connectors.gitlab import texts as gitlab
from connectors.redmine import texts as redmine
from connectors.servicenow import texts as servicenow

SECRET = "0123456789abcdef0123456789abcdef"
UPLOAD = f"![shot](/uploads/{SECRET}/shot.png){{width=300}}"
LOG = f"[log.txt](/uploads/{SECRET}/log.txt)"
INLINE = '<img src="https://attachment.freshdesk.com/inline/attachment?token=a&amp;b" data-id="43001" alt="shot.png">'
PICTURE = "https://github.com/user-attachments/assets/1"

Rewrite = Callable[[str, str], str]


def _in_redmine(formatting: str) -> Rewrite:
    return lambda there, said: redmine.rewritten(there, said, formatting, {"shot.png": "7"})


def _in_dynamics(there: str, said: str) -> str:
    return dynamics365.added(there, said, longest=2000)


#: how each desk writes `said` over what stands `there`
DESKS: dict[str, Rewrite] = {
    "freshdesk": freshdesk.description,
    "gitlab": lambda there, said: gitlab.rewritten(there, said, "5"),
    "github": github.body,
    "textile": _in_redmine("textile"),
    "markdown": _in_redmine("common_mark"),
    "dynamics365": _in_dynamics,
    "servicenow": servicenow.added,
}


@pytest.mark.parametrize(
    ("desk", "there", "said", "after"),
    [
        ("freshdesk", f"<p>a</p>{INLINE}", "b\n\n[shot.png]", f"<p>b</p>\n<p>{INLINE}</p>"),
        ("freshdesk", f"<p>a</p>{INLINE}", "b ![x](attachment:43001)", f"<p>b {INLINE.replace('shot.png', 'x')}</p>"),
        ("gitlab", f"see {UPLOAD}", "look at [shot]", f"look at {UPLOAD}"),
        ("gitlab", f"see {UPLOAD}", f"look ![shot](attachment:5/{SECRET}/shot.png)", f"look {UPLOAD}"),
        ("gitlab", f"see {LOG}", "look at log.txt.", f"look at {LOG}."),
        ("gitlab", "@bob, see #12", "@bob and @eve, see #12 and #13", "@bob and @\u2060eve, see #12 and #\u206013"),
        ("github", f"![a]({PICTURE})", "look at [a]", f"look at ![a]({PICTURE})"),
        ("github", f'<img width="9" alt="a" src="{PICTURE}">', "look at [a]", f"look at ![a]({PICTURE})"),
        ("github", "cc @bob", "cc @bob, @eve", "cc @bob, @\u2060eve"),
        ("textile", "see !shot.png!", "look at [shot.png]", "look at !shot.png!"),
        ("textile", "see #12, [[Page]]", "see [[Page]], #12 and #13", "see [[Page]], #12 and \u2060#\u206013"),
        ("markdown", "see ![](shot.png)", "look at [shot.png]", "look at ![shot.png](shot.png)"),
        ("markdown", "@bob and @eve", "@bob and @ann", "@bob and @\u2060ann"),
    ],
)
def test_what_the_new_text_names_is_written_back_as_itself(desk: str, there: str, said: str, after: str) -> None:
    """Images and files by their reference or by the name that other desks show; nobody is called anew."""
    assert DESKS[desk](there, said) == after


@pytest.mark.parametrize(
    ("desk", "there"),
    [
        ("freshdesk", f"<p>a</p>{INLINE}"),
        ("freshdesk", '<p>a</p><img src="https://x.example/a.png">'),
        ("gitlab", f"see {UPLOAD}"),
        ("gitlab", f"see {LOG}"),
        ("github", f"see ![a]({PICTURE})"),
        ("textile", "see !shot.png!"),
        ("markdown", "see ![](shot.png)"),
        ("dynamics365", '<p>see <img src="/api/data/v9.0/msdyn_richtextfiles(1)/msdyn_imageblob/$value"> here</p>'),
        ("dynamics365", '<p>see <img src="https://x.example/a.png"></p>'),
        ("servicenow", '[code]<img src="/sys_attachment.do?sys_id=1">[/code]'),
        ("servicenow", '[code]<img src="https://x.example/a.png">[/code]'),
    ],
)
def test_what_the_new_text_does_not_name_stays_and_ours_stands_below(desk: str, there: str) -> None:
    """Twice adds once."""
    once = DESKS[desk](there, "And more")
    assert once.startswith(there)
    assert once.count("And more") == 1
    assert DESKS[desk](once, "And more") == once


@pytest.mark.parametrize("desk", sorted(DESKS))
def test_words_alone_are_replaced(desk: str) -> None:
    """Nothing of them is gone that the new text has not in its own words."""
    assert "Old" not in DESKS[desk]("Old words", "New")


def test_an_image_that_was_written_back_is_known_again() -> None:
    """By its number."""
    written = freshdesk.description(f"<p>a</p>{INLINE}", "b [shot.png]")
    assert freshdesk_mapping.read_html(written).markdown == "b ![shot.png](attachment:43001)"
