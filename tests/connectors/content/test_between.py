"""A text goes from one desk to another and back: no word is lost on the way, and at no desk does it do anything."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from markdown_it import MarkdownIt

from connectors import content
from connectors.content import markdown_in, plain
from connectors.content.neutral import UNSEEN
from connectors.content.tree import ATTACHMENT, Runs, What, changed, every_run
from connectors.gitlab import texts as gitlab
from connectors.zendesk import texts as zendesk
from tests.connectors.content.test_properties import WAYS, round_trip
from tests.connectors.content.texts import documents, texts
from tests.length import length

PAIRS = [(here, there) for here in WAYS for there in WAYS if here != there]
patient = settings(deadline=None, max_examples=length(4, 300), suppress_health_check=list(HealthCheck))
#: GitHub's Markdown, read by somebody else's reader
_GFM = MarkdownIt("gfm-like", {"html": True, "linkify": False})
#: GitLab's own notion of code while it looks for orders
_FENCED = re.compile(r"(?ms)^```.+?\n```$")


def said(markdown: str) -> Counter[str]:
    """Return the words that people read: no addresses behind them, nor the numbers of lists, which formats count."""
    blocks = [changed(block, _leading_nowhere) for block in markdown_in.read(markdown)[0]]
    return Counter(re.findall(r"[^\W\d_]+", plain.write(tuple(blocks))))


def _leading_nowhere(runs: Runs) -> Runs:
    return tuple(msgspec.structs.replace(run, link="") for run in runs)


def letters(markdown: str) -> Counter[str]:
    """Return the letters of a text: a word may be parted where a form ends, and never be gone."""
    return Counter("".join(said(markdown).elements()))


@pytest.mark.long
@pytest.mark.parametrize(("here", "there"), PAIRS)
@given(text=documents)
@patient
def test_no_word_is_lost_at_another_desk(here: str, there: str, text: str) -> None:
    """Whatever a desk can say of a text, another desk gives back in full."""
    first = round_trip(here, text)
    back = round_trip(here, round_trip(there, first))
    gone = letters(first) - letters(back)
    assert not gone, f"{gone} of {first!r}: {back!r}"


def live(markdown: str) -> Iterator[str]:
    """Return what a text for GitHub does outside of its code, by another reader than ours."""
    for token in _GFM.parse(markdown):
        for child in token.children or ():
            if child.type == "text":
                yield from re.findall(r"(?<![\w/@.-])@\w+|(?<![\w&#/])#\d+|\b(?:GH|GL)-\d+", child.content)
            elif child.type == "html_inline" and not re.fullmatch(r"<br ?/?>", child.content):
                yield child.content
        if token.type == "html_block":
            yield token.content


def acts_in_adf(node: Any) -> Iterator[str]:
    """Return the nodes of a document that call somebody or show what is none of ours."""
    if isinstance(node, dict):
        if node.get("type") in {
            "mention",
            "inlineCard",
            "blockCard",
            "embedCard",
            "extension",
            "inlineExtension",
            "media",
        }:
            yield str(node["type"])
        for mark in node.get("marks", ()):
            href = str(mark.get("attrs", {}).get("href", "https:"))
            if not re.match(r"(?:https?|mailto|tel|s?ftps?|ssh|sip|xmpp):", href):
                yield href
        for child in node.get("content", ()):
            yield from acts_in_adf(child)


ACTS: dict[str, Callable[[Any], list[str]]] = {
    "html": lambda text: re.findall(
        r"(?i)<(?:script|style|iframe|object|svg|form)\b|\son\w+\s*=\s*[\"']|=\"\s*javascript:", text
    ),
    "adf": lambda document: list(acts_in_adf(document)),
    "wiki": lambda text: re.findall(
        r"(?<!\\)\[~[^\]]*\]|(?i:(?<!\\)\{(?:html|include|jira|children|color|toc|anchor)\b)",
        re.sub(r"(?s)\{(code|noformat)[^}]*\}.*?\{\1\}", "", text),
    ),
    "mrkdwn": lambda text: re.findall(r"<[@#!][^>]*>?", text),
    "markdown": lambda text: list(live(text)),
    "plain": lambda text: [],
}


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
@given(text=texts)
@patient
def test_a_strangers_text_does_nothing_at_any_desk(way: str, text: str) -> None:
    """Nobody is called, nothing is linked, run or filled in, whichever desk it came from."""
    _, read = WAYS[way]
    brought = content.canonical(text) if way == "adf" else read(text).markdown
    for desk, (write, _) in WAYS.items():
        assert ACTS[desk](write(brought)) == [], f"at {desk}: {brought!r}"
    assert not re.search(r"\{[{%]", zendesk.written(brought))
    safe = gitlab.written(brought, {})
    assert not re.search(r"(?m)^[ \t>]*/[A-Za-z_]", _FENCED.sub("", safe)), safe


@pytest.mark.long
@pytest.mark.parametrize("way", ["html", "markdown", "plain"])
@given(text=texts)
@patient
def test_words_of_a_stranger_that_look_like_ours_are_words(way: str, text: str) -> None:
    """Where a desk has no sign by which it calls people or shows our files, nothing does so."""
    blocks, _ = markdown_in.read(WAYS[way][1](text).markdown)
    assert not [run for run in every_run(blocks) if run.what is What.MENTION or run.target.startswith(ATTACHMENT)]


def test_the_sign_that_cannot_be_seen_is_gone_when_it_comes_back() -> None:
    """So that the same words are the same at both desks."""
    text = "@kim see #12 and {{x}}\n/close"
    assert UNSEEN in content.to_markdown(text)
    assert content.from_markdown(content.to_markdown(text)).markdown == content.canonical(text)


@pytest.mark.parametrize(
    "html", ["<blockquote>\n<p><b>a</b> c</p></blockquote>", "<ul>\n<li>\n<p><b>a</b> c</p></li></ul>"]
)
def test_a_space_behind_the_first_form_of_a_block_stays(html: str) -> None:
    """However its HTML is set out: mails are."""
    assert "**a** c" in content.from_html(html).markdown


@pytest.mark.parametrize("way", ["wiki", "mrkdwn"])
@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("[`red`](https://a.example/p)", "[red](https://a.example/p)"),
        ("- # see [red](https://a.example/p)", "- **see** [**red**](https://a.example/p)"),
    ],
)
def test_where_words_lead_is_kept_before_their_form(way: str, text: str, back: str) -> None:
    """Code that is a link, and a link in a heading where there are no headings."""
    assert round_trip(way, text) == back


def test_a_sign_without_width_beside_a_link_costs_no_address_at_slack() -> None:
    """Newsletters are full of them, and mrkdwn holds its forms apart by the same sign."""
    assert round_trip("mrkdwn", "[red](https://a.example/p)\u200b") == "[red](https://a.example/p)"


def test_nobody_is_called_by_the_beginning_of_an_address() -> None:
    """`@https://…` calls whoever has that name."""
    assert content.neutralise("@https://a.example @kim@b.example") == (
        f"@{UNSEEN}https://a.example @{UNSEEN}kim@b.example"
    )
    assert content.from_markdown(content.to_markdown("@https://a.example")).markdown == "@https://a.example"
