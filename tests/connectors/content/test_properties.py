"""What holds for every text: nothing raises, the second way round changes nothing, and what comes out is harmless."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connectors import content
from tests.connectors.content.texts import documents, texts
from tests.length import length

pytestmark = pytest.mark.long

patient = settings(
    deadline=None,
    max_examples=length(25, 400),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
WAYS: dict[str, tuple[Callable[[str], Any], Callable[[Any], content.Content]]] = {
    "html": (content.to_html, content.from_html),
    "adf": (content.to_adf, content.from_adf),
    "wiki": (content.to_wiki, content.from_wiki),
    "mrkdwn": (content.to_mrkdwn, content.from_mrkdwn),
    "markdown": (content.to_markdown, content.from_markdown),
    "plain": (content.to_plain, content.from_plain),
}
ways = pytest.mark.parametrize("way", WAYS)
#: what each format can say in full
COMMON = """# Title

Words **bold**, *leaning*, ~~gone~~ and `code`, [a link](https://a.example/p?q=1&r=2).
A second line with https://a.example/x_y.

- one
- two
  - deeper
  - again
- three

1. first
2. second

> quoted **words**

```python
def f():
    return [1, "*"]
```

| a | b |
| --- | --- |
| c | **d** |

---

The end."""


def round_trip(way: str, markdown: str) -> str:
    """Write a text for a desk and read it back."""
    to, read = WAYS[way]
    return read(to(markdown)).markdown


@given(text=texts)
@patient
def test_the_canonical_spelling_of_a_text_is_its_own_canonical_spelling(text: str) -> None:
    """Spelling a text anew changes nothing the second time."""
    once = content.canonical(text)
    assert content.canonical(once) == once


@ways
@given(text=texts)
@patient
def test_a_text_that_came_back_once_comes_back_unchanged(way: str, text: str) -> None:
    """The echo ledger may compare what is read back with what was foretold."""
    first = round_trip(way, text)
    assert round_trip(way, first) == first
    assert content.canonical(first) == first


@pytest.mark.parametrize("way", ["html", "wiki", "mrkdwn", "markdown", "plain"])
@given(text=texts)
@patient
def test_what_a_stranger_wrote_is_read_and_then_comes_back_unchanged(way: str, text: str) -> None:
    """The same holds for whatever a desk sends."""
    to, read = WAYS[way]
    first = read(to(read(text).markdown)).markdown
    assert round_trip(way, first) == first


@pytest.mark.parametrize("way", ["html", "adf", "wiki", "markdown"])
def test_what_every_format_can_say_comes_back_the_first_time(way: str) -> None:
    """The common set of constructs survives as it was written."""
    assert round_trip(way, COMMON) == COMMON


@pytest.mark.parametrize("way", ["html", "adf"])
@given(text=documents)
@example(text="<https://a.example|b>")
@patient
def test_rich_formats_keep_every_word(way: str, text: str) -> None:
    """Form may be lost there and back, words never."""
    said = [re.sub(r"\W+", "", content.to_plain(one)) for one in (text, round_trip(way, text))]
    assert said[0] == said[1]


class _Seen(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src"}]


def _seen(html: str) -> _Seen:
    seen = _Seen()
    seen.feed(html)
    seen.close()
    return seen


HARMLESS = {
    "p", "br", "strong", "em", "s", "code", "pre", "a", "img", "blockquote", "ul", "ol", "li", "table", "thead",
    "tbody", "tr", "th", "td", "hr", "h1", "h2", "h3", "h4", "h5", "h6",
}  # fmt: skip


@given(text=texts)
@patient
def test_html_holds_nothing_that_acts(text: str) -> None:
    """Whatever went in, only harmless elements, attributes and addresses come out."""
    for markdown in (text, content.from_html(text).markdown):
        seen = _seen(content.to_html(markdown))
        assert seen.tags <= HARMLESS
        assert seen.names <= {"href", "src", "alt", "start", "class"}
        assert all(re.match(r"(?:https?|mailto|tel|s?ftps?|ssh|sip|xmpp):", address) for address in seen.addresses)


@given(text=texts)
@patient
def test_a_slack_message_calls_nobody(text: str) -> None:
    """Brackets hold addresses only, whatever the text says."""
    written = content.to_mrkdwn(text)
    assert not re.search(r"<[@#!]", written)
    assert re.sub(r"<(?:https?|mailto|tel|s?ftps?|ssh|sip|xmpp):[^<>|\n]*\|[^<>|\n]*>", "", written).count("<") == 0


@given(text=texts)
@patient
def test_neutral_markdown_reads_the_same(text: str) -> None:
    """The sign that keeps desks from acting cannot be seen."""
    assert content.neutralise(text).replace("\u2060", "") == text.replace("\u2060", "")


def _deep(kind: str, depth: int) -> dict[str, Any]:
    node: dict[str, Any] = {"type": "paragraph", "content": [{"type": "text", "text": "inmost"}]}
    for _ in range(depth):
        node = {"type": kind, "content": [node]}
    return {"type": "doc", "version": 1, "content": [node]}


@pytest.mark.parametrize("kind", ["blockquote", "bulletList", "listItem", "panel", "expand", "tableCell", "unheard-of"])
def test_a_document_deeper_than_any_stack_keeps_its_words(kind: str) -> None:
    """Nesting is read without recursion."""
    found = content.from_adf(_deep(kind, 20_000))
    assert "inmost" in found.markdown
    assert found.lost


json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["type", "content", "attrs", "marks", "text", "href", "level"]), inner),
        st.builds(
            lambda kind, held: {"type": kind, "content": held, "attrs": {}},
            st.sampled_from(["doc", "paragraph", "table", "tableRow", "tableCell", "taskItem", "media", "mention"]),
            st.lists(inner, max_size=4),
        ),
    ),
    max_leaves=12,
)


@given(document=json)
@patient
def test_a_document_may_be_anything(document: Any) -> None:
    """No JSON makes the reader raise."""
    first = content.from_adf(document).markdown
    assert content.canonical(first) == first


HOSTILE = {
    "brackets": "[" * 40_000,
    "stars": "*a " * 14_000,
    "ticks": "".join("`" * size + " " for size in range(280)),
    "quotes": ">" * 40_000,
    "deeper and deeper": "".join("  " * depth + "- a\n" for depth in range(300)),
    "images": "![" * 20_000,
    "links": "[a](" * 10_000,
    "open elements": "<div>" * 8_000,
    "open lists": "<ul><li>" * 5_000,
    "misnested": "<b><i>a</b>" * 4_000,
    "open comments": "<!--" * 10_000,
    "wide table": "a|" * 3_000 + "\n" + "-|" * 3_000 + "\n" + "a|" * 3_000,
    "macros": "{code}" * 7_000,
    "braces": "{*}" * 13_000,
    "signs": "*a_b~c " * 6_000,
    "addresses": "https://a.b/" * 3_000,
    "backslashes": "\\" * 40_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_time_grows_with_the_text_and_not_with_its_square(name: str) -> None:
    """What was made to take long does not."""
    text = HOSTILE[name]
    text = text[: length(len(text) // 3, len(text))]
    for to, read in WAYS.values():
        begun = time.process_time()
        to(text)
        if read is not content.from_adf:
            read(text)
        # about ten times what it takes; the square would take minutes
        assert time.process_time() - begun < length(7, 20)
    assert content.neutralise(text)
