"""Texts to try conversions with: made of what formats act on, as likely to be broken as to be well-formed."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

#: what some format, somewhere, acts on
SIGNS = (
    "*", "**", "***", "_", "__", "~~", "~", "`", "``", "```", "[", "]", "(", ")", "](", "![", "!", "<", ">", "&", "#",
    "# ", "## ", "- ", "+ ", "* ", "1. ", "2) ", "> ", ">", "|", "||", "| --- |", "---",
    "===", "\\", "\\\\", "{", "}",
    "{{", "}}", "{code}", "{noformat}", "{quote}",
    "{color:red}", "{panel:title=a}", "h1. ", "bq. ", "[~bob]", "!a.png!",
    "!a.png|thumbnail!", "[a|https://b.example]", "-", "+", "^", "??", "@", "@here", "<!channel>", "<@U1>", "<#C1|x>",
    "<https://a.example|b>", "&amp;", "&lt;", "&#34;", "<b>", "</b>", "<br>", "<script>", "<p>", "<ul><li>", "</ul>",
    "<table><tr><td>", "</td>", "<a href='javascript:alert(1)'>", "</a>", "javascript:", "https://a.example/x_y_(z)",
    "mailto:a@b.example", "[x](https://a.example)", "[@A B](mention:u/1 x)", "![p](attachment:9a)",
    "[x](javascript:a)",
    "[r]: https://a.example", "\n", "\n\n", "  ", "    ", "\t", " ", "a", "b c", "word", "1", "é",
    "日本", "🎉", "“", "—",
    "\u00a0",
    "\u200b", "\u2028", "\r\n", "[ ] ", "[x] ", "\u3000",
    "/close", "#12", "!3", ".", ":", '"', "'", "=", "…",
)  # fmt: skip

salads = st.lists(st.sampled_from(SIGNS), max_size=14).map("".join)
anything = st.text(max_size=60)
words = st.sampled_from(["a", "word", "two words", "x_y", "5 * 3", "end.", "(so)", "“quoted”", "é日本", "don't", "1.5"])

inline = st.recursive(
    words,
    lambda inner: st.one_of(
        inner.map(lambda text: f"**{text}**"),
        inner.map(lambda text: f"*{text}*"),
        inner.map(lambda text: f"~~{text}~~"),
        words.map(lambda text: f"`{text}`"),
        inner.map(lambda text: f"[{text}](https://a.example/p?q=1&r=2)"),
        st.tuples(inner, st.sampled_from([" ", "", "\n", ", "]), inner).map("".join),
    ),
    max_leaves=5,
)


def _indented(text: str, by: str) -> str:
    return text.replace("\n", "\n" + by)


def _table(cells: list[tuple[str, str]]) -> str:
    rows = [f"| {a} | {b} |".replace("\n", " ") for a, b in cells]
    return "\n".join([rows[0], "| --- | --- |", *rows[1:]])


blocks: Any = st.recursive(
    st.one_of(
        inline,
        st.tuples(st.integers(1, 6), inline).map(lambda it: f"{'#' * it[0]} {it[1]}".replace("\n", " ")),
        st.tuples(st.sampled_from(["", "python", "c++"]), anything).map(lambda it: f"```{it[0]}\n{it[1]}\n```"),
        st.just("---"),
        st.lists(st.tuples(inline, inline), min_size=1, max_size=3).map(_table),
        salads,
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("\n\n".join),
        inner.map(lambda text: "> " + _indented(text, "> ")),
        st.lists(inner, min_size=1, max_size=3).map(lambda its: "\n".join(f"- {_indented(it, '  ')}" for it in its)),
        st.lists(inner, min_size=1, max_size=3).map(lambda its: "\n".join(f"1. {_indented(it, '   ')}" for it in its)),
    ),
    max_leaves=6,
)

#: well-formed for the most part
documents = blocks
#: anything that somebody may send
texts = st.one_of(documents, salads, anything)
