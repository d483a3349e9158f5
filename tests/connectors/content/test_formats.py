"""What each format's parts become, one by one."""

from __future__ import annotations

import time
from typing import Any

import pytest

from connectors import content
from connectors.content.tags import lost_in, without_tags

BROKEN_ADDRESS = "a link with an address that is not passed on"


@pytest.mark.parametrize(
    ("html", "markdown", "lost"),
    [
        ("<div>Hi<br><br>there<br>again</div>", "Hi\n\nthere\nagain", ()),
        ("<b>Note:</b>text", "**Note**:text", ()),
        ("<p>a <a href='javascript:alert(1)'>x</a><script>alert(1)</script></p>", "a x", (BROKEN_ADDRESS,)),
        ('<a href="https://a.example">https://a.example/</a>', "https://a.example/", ()),
        ('<a href="https://a.example/?a=1&amp;b=2">t</a>', "[t](https://a.example/?a=1&b=2)", ()),
        ("<table><tr><td>only</td></tr></table>", "only", ()),
        (
            "<table><tr><th colspan=2>h</th></tr><tr><td>a</td><td>b</td></tr></table>",
            "| h |  |\n| --- | --- |\n| a | b |",
            ("merged table cells",),
        ),
        (
            "<table><tr><td rowspan=2>h</td><td>i</td></tr><tr><td>j</td></tr></table>",
            "| h | i |\n| --- | --- |\n|  | j |",
            ("merged table cells",),
        ),
        ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c", ()),
        ("<ol start=3><li>x</li></ol>", "3. x", ()),
        ('<img src="data:image/png;base64,AA" alt="x">', "[x]", ("an image that was part of the text",)),
        ("a <video src=x></video>", "a", ("a video",)),
        ("a <iframe src=x></iframe>", "a", ("an embedded page",)),
        ("x<sup>2</sup>", "x2", ("raised words",)),
        ('<span style="color: red">x</span>', "x", ("coloured words",)),
        ('<pre><code class="language-js">a &lt; b\n\n  c</code></pre>', "```js\na < b\n\n  c\n```", ()),
        ("2 * 3 * 4 _x_", "2 * 3 * 4 \\_x\\_", ()),
        ("<p># none</p><p>1. none</p><p>- none</p>", "\\# none\n\n1\\. none\n\n\\- none", ()),
        ("&lt;script&gt; [a](b)", "\\<script> [a\\](b)", ()),
        ('<a href="mention:admin">@Admin</a>', "@Admin", (BROKEN_ADDRESS,)),
        ("<input type=checkbox checked> done", "[x] done", ()),
        ("<h2>Head</h2>text<hr>more", "## Head\n\ntext\n\n---\n\nmore", ()),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>", "> a\n>\n> > b", ()),
    ],
)
def test_html_is_read(html: str, markdown: str, lost: tuple[str, ...]) -> None:
    """HTML becomes Markdown, and what it cannot say is said."""
    assert content.from_html(html) == content.Content(markdown, lost)


def test_images_of_own_attachments_are_told_by_their_address() -> None:
    """An attachment's image is known by the caller's table, both ways."""
    found = content.from_html('<img src="/files/7" alt="shot">', images={"/files/7": "att-7"})
    assert found.markdown == "![shot](attachment:att-7)"
    assert content.to_html(found.markdown, images={"att-7": "/up/9"}) == '<p><img src="/up/9" alt="shot"></p>'
    assert content.to_html(found.markdown) == "<p>[shot]</p>"


def test_people_are_called_only_where_a_caller_says_how() -> None:
    """A mention is a name everywhere else."""
    text = "[@Jo <b>](mention:u/1 2) and @here".replace("u/1 2", "u%2F1%202")
    assert content.to_html(text) == "<p>@Jo &lt;b&gt; and @here</p>"
    assert content.to_html(text, mention=lambda account, _: f"<i>{account}</i>") == "<p><i>u/1 2</i> and @here</p>"
    assert content.to_plain(text) == "@Jo <b> and @here"
    assert content.to_mrkdwn(text, mention=lambda account, _: f"<@{account}>") == "<@u/1 2> and @here"
    assert content.to_wiki(text, mention=lambda account, _: f"[~{account}]") == "[~u/1 2] and @here"
    assert content.to_markdown(text, mention=lambda account, _: f"@{account}") == "@u/1 2 and @\u2060here"
    node = {"type": "mention", "attrs": {"id": "u/1 2", "text": "@Jo"}}
    document = content.to_adf(text, mention=lambda *_: node)
    assert document["content"][0]["content"][0] == node


@pytest.mark.parametrize(
    ("wiki", "markdown", "lost"),
    [
        ("h1. T", "# T", ()),
        ("* a\n** b\n*# c\n* d", "- a\n  - b\n  1. c\n- d", ()),
        ("||h1||h2||\n|a|b\\\\c|", "| h1 | h2 |\n| --- | --- |\n| a | b<br>c |", ()),
        ("|[a|https://a.example]|b|", "| [a](https://a.example) | b |\n| --- | --- |", ()),
        ("{code:java|title=X}\nint a;\n{code}\nafter", "```java\nint a;\n```\n\nafter", ()),
        ("{noformat}a *b*{noformat}", "```\na *b*\n```", ()),
        ("{quote}\nq\n{quote}", "> q", ()),
        ("{panel:title=T|bgColor=#fff}\nin\n{panel}", "> **T**\n>\n> in", ("the frame of a panel",)),
        ("{color:red}red{color} text", "red text", ("coloured words",)),
        ("!shot.png|thumbnail!", "![shot.png](attachment:shot.png)", ()),
        ("!https://a.example/a.png! yes!", "![](https://a.example/a.png) yes!", ()),
        ("really! yes!", "really! yes!", ()),
        ("[~bob] [~accountid:12:ab]", "[@bob](mention:bob) [@12:ab](mention:12:ab)", ()),
        ("[a|https://b.example] [https://c.example]", "[a](https://b.example) https://c.example", ()),
        ("\\*no\\* and \\{code}", "\\*no\\* and {code}", ()),
        ("*b* _i_ -s- {{m}} ??c??", "**b** *i* ~~s~~ `m` *c*", ()),
        ("+u+ ^a^ ~b~", "u a b", ("underlined words", "raised words", "lowered words")),
        ("2-3-4 some-thing - dash -- long", "2-3-4 some-thing - dash -- long", ()),
        ("bq. said", "> said", ()),
        ("a\\\\b", "a\nb", ()),
        ("{toc}text", "text", ("a macro (toc)",)),
        ("[x|javascript:alert(1)]", "x", (BROKEN_ADDRESS,)),
    ],
)
def test_wiki_markup_is_read(wiki: str, markdown: str, lost: tuple[str, ...]) -> None:
    """Jira's notation becomes Markdown."""
    assert content.from_wiki(wiki) == content.Content(markdown, lost)


def test_wiki_markup_is_written() -> None:
    """Markdown becomes Jira's notation, with what is no notation escaped."""
    text = "# T\n\n**b** *i* `c` [l](https://a.example) [no|\\*thing\\*] {code} a\\b\n\n- a\n  1. b\n\n```java\nx\n```"
    written = content.to_wiki(text)
    assert written == (
        "h1. T\n\n*b* _i_ {{c}} [l|https://a.example] \\[no|\\*thing\\*] \\{code} a&#92;b\n\n* a\n*# b\n\n"
        "{code:java}\nx\n{code}"
    )


@pytest.mark.parametrize(
    ("mrkdwn", "markdown"),
    [
        ("<@U1> <@U1|bob>", "[@U1](mention:U1) [@bob](mention:U1)"),
        ("<#C1|general> <!here> <!channel>", "#general @here @channel"),
        ("<!subteam^S1|@team> <!date^1392734382^{date}|Feb 18>", "@team Feb 18"),
        ("<https://a.example|label> <https://a.example>", "[label](https://a.example) https://a.example"),
        ("<mailto:a@b.example|a@b.example> &lt;x&gt; &amp;", "a@b.example \\<x> &"),
        ("*b* _i_ ~s~ `c` *_both_*", "**b** *i* ~~s~~ `c` ***both***"),
        ("snake_case_name 2*3*4", "snake_case_name 2\\*3\\*4"),
        ("&gt; said\nnot", "> said\n\nnot"),
        ("• a\n• b\n    ◦ c", "- a\n- b\n  - c"),
        ("```x = 1\ny```", "```\nx = 1\ny\n```"),
    ],
)
def test_mrkdwn_is_read(mrkdwn: str, markdown: str) -> None:
    """Slack's notation becomes Markdown."""
    assert content.from_mrkdwn(mrkdwn).markdown == markdown


@pytest.mark.parametrize(
    ("plain", "markdown"),
    [
        ("Hi *there*\n\n> said\n\n- a\n- b", "Hi \\*there\\*\n\n> said\n\n- a\n- b"),
        ("Error:\n    at x\n    at y", "Error:\n\n```\nat x\nat y\n```"),
        ("> said\nnot\n> said\n\nnot", "> said\n\nnot\n\n> said\n\nnot"),
        (">> a\n> b\nc", "> > a\n>\n> b\n\nc"),
        ("-- \nJo", "\\--\nJo"),
        ("#123 # not\nC:\\temp\\x", "#123 # not\nC:\\temp\\x"),
        ("<script>", "\\<script>"),
    ],
)
def test_plain_text_means_nothing_but_itself(plain: str, markdown: str) -> None:
    """Signs in plain text are escaped where Markdown would act on them."""
    assert content.from_plain(plain).markdown == markdown


def text(words: str, *marks: str) -> dict[str, Any]:
    """Return a text node."""
    return {"type": "text", "text": words, "marks": [{"type": mark} for mark in marks]}


def node(kind: str, *inside: Any, **attrs: Any) -> dict[str, Any]:
    """Return a node."""
    return {"type": kind, "attrs": attrs, "content": list(inside)}


@pytest.mark.parametrize(
    ("inside", "markdown", "lost"),
    [
        (node("heading", text("T"), level=2), "## T", ()),
        (node("paragraph", text("a", "strong"), text("b", "em"), text("c", "code")), "**a***b*`c`", ()),
        (node("panel", node("paragraph", text("p")), panelType="info"), "> p", ("the frame of a panel",)),
        (
            node("expand", node("paragraph", text("p")), title="More"),
            "**More**\n\np",
            ("a part that can be folded",),
        ),
        (
            node("taskList", node("taskItem", text("a"), state="DONE"), node("taskItem", text("b"), state="TODO")),
            "- [x] a\n- [ ] b",
            (),
        ),
        (node("decisionList", node("decisionItem", text("a"))), "- a", ("the sign of a decision",)),
        (node("paragraph", node("status", text="DONE", color="green")), "**DONE**", ("a coloured label",)),
        (node("paragraph", node("date", timestamp="1582152559000")), "2020-02-19", ("the form of a date",)),
        (node("paragraph", node("emoji", shortName=":grin:", text="😀")), "😀", ()),
        (node("paragraph", node("mention", id="ABC", text="@Jo")), "[@Jo](mention:ABC)", ()),
        (node("paragraph", node("inlineCard", url="https://a.example/x")), "https://a.example/x", ()),
        (node("blockCard", url="https://a.example/x"), "https://a.example/x", ()),
        (
            node("mediaSingle", node("media", id="m-1", type="file", alt="a.png", collection="")),
            "![a.png](attachment:m-1)",
            (),
        ),
        (
            node(
                "table",
                node("tableRow", node("tableHeader", node("paragraph", text("h")), colspan=2), node("tableCell")),
            ),
            "| h |  |  |\n| --- | --- | --- |",
            ("merged table cells",),
        ),
        (
            node("layoutSection", node("layoutColumn", node("paragraph", text("a")), width=50)),
            "a",
            ("columns side by side",),
        ),
        (node("extension", extensionKey="toc", text="words"), "words", ("an extension (toc)",)),
        (node("novelty", node("paragraph", text("kept"))), "kept", ("a part of a kind that is not known (novelty)",)),
        (node("paragraph", text("u", "underline")), "u", ("underlined words",)),
        (node("codeBlock", text("a\nb"), language="sql"), "```sql\na\nb\n```", ()),
        (node("orderedList", node("listItem", node("paragraph", text("a"))), order=4), "4. a", ()),
    ],
)
def test_an_atlassian_document_is_read(inside: Any, markdown: str, lost: tuple[str, ...]) -> None:
    """Each node and mark has its words."""
    assert content.from_adf({"type": "doc", "version": 1, "content": [inside]}) == content.Content(markdown, lost)


def test_an_atlassian_document_is_written_as_its_schema_wants_it() -> None:
    """Tasks are tasks, quotes hold no headings, media are ours."""
    written = content.to_adf(
        "- [x] a\n- [ ] b\n\n> # h\n\n![p](attachment:9)", images={"9": {"id": "m", "type": "file"}}
    )
    tasks, quote, media = written["content"]
    assert [one["attrs"]["state"] for one in tasks["content"]] == ["DONE", "TODO"]
    assert quote["content"] == [{"type": "paragraph", "content": [text("h", "strong")]}]
    assert media["content"] == [{"type": "media", "attrs": {"alt": "p", "id": "m", "type": "file"}}]


@pytest.mark.parametrize(
    ("markdown", "neutral"),
    [
        ("@bob and @here", "@|bob and @|here"),
        ("#12 !3 user/repo#5 GH-12", "#|12 !|3 user/repo#|5 GH|-12"),
        ("/close\n- /assign @me", "|/close\n- |/assign @|me"),
        ("`@code`\n\n```\n@x\n/close\n```", "`@code`\n\n```\n@x\n/close\n```"),
        ("a@b.example https://x.example/@a#12", "a@b.example https://x.example/@a#12"),
        ("# Head\n## Two\n~~gone~~ ![a](b) &amp; 100%", "# Head\n## Two\n~~gone~~ ![a](b) &amp; 100%"),
        ("~label %1 &2 $3", "~|label %|1 &|2 $|3"),
        ("_@kim_ `@kim", "_@|kim_ `@|kim"),
        ("use ``` then @kim", "use ``` then @|kim"),
        ("> ```\n@kim", "> ```\n@|kim"),
        ("- ```\n  x\n  ```\n@kim\n```\n#1\n```", "- ```\n  x\n  ```\n@|kim\n```\n#|1\n```"),
        ("- a\n  ```\n@kim\n  ```", "- a\n  ```\n@|kim\n  ```"),
        ("        ```\n\n@kim", "        ```\n\n@|kim"),
        ("<!--\n```\n-->\n@kim\n```", "<!--\n```\n-->\n@|kim\n```"),
        ("a ` b\n\n@kim\n\nc ` d", "a ` b\n\n@|kim\n\nc ` d"),
        ('<a title="`"> @kim `', '<a title="`"> @|kim `'),
        ("\u200b/close\n\u00a0/close", "\u200b|/close\n\u00a0|/close"),
    ],
)
def test_words_that_desks_act_on_are_neutral(markdown: str, neutral: str) -> None:
    """A bar stands for the sign that nobody sees."""
    assert content.neutralise(markdown) == neutral.replace("|", "\u2060")


def test_a_cell_of_a_table_ends_code() -> None:
    """Signs of code in two cells hold nothing between them."""
    assert content.neutralise("| a ` | @kim ` |") == "| a ` | @\u2060kim ` |"


def test_html_in_markdown_is_read_as_far_as_markdown_goes() -> None:
    """Pictures, breaks, comments that nobody sees; code is left as it is, and what is left is said."""
    said = 'a<br>b <img alt="p" src="https://x.example/p.png"> <!-- c --> `<br>` <!-- open'
    assert without_tags(said) == "a\nb ![p](https://x.example/p.png)  `<br>` <!-- open"
    assert lost_in(said) == ()
    assert lost_in("<details>x</details>") == ("HTML in the text",)
    began = time.monotonic()
    for hostile in ("<!--" * 30_000, "<img " * 30_000, "<br " * 30_000):
        assert without_tags(hostile) == hostile
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("said", "markdown", "lost"),
    [
        ("<b>now</b> and <em>then</em>, <s>never</s>", "**now** and *then*, ~~never~~", False),
        ("run <code>make</code> or <B> all </B>", "run `make` or  **all** ", False),
        ('see <a class="x" href="https://x.example/1">the page</a>', "see [the page](https://x.example/1)", False),
        ("<details><summary>Log</summary>\n\nx\n</details>", "\n**Log**\n\nx\n\n", True),
        ("<details open>\n<summary><b>Log</b></summary>\nx</details>", "\n\n**Log**\n\nx\n", True),
        ("x<b>(y)</b>z <b>a*b</b> H<sub>2</sub>O", "x<b>(y)</b>z <b>a*b</b> H<sub>2</sub>O", True),
        ('<a href="javascript:x">y</a> `<b>z</b>`', '<a href="javascript:x">y</a> `<b>z</b>`', True),
    ],
)
def test_tags_that_markdown_has_signs_for(said: str, markdown: str, lost: bool) -> None:
    """What GitHub and GitLab show so; what Markdown has no sign for stays, and is said to be lost."""
    assert without_tags(said) == markdown
    assert bool(lost_in(said)) is lost


def test_no_text_takes_its_tags_long() -> None:
    """Whatever somebody wrote."""
    began = time.monotonic()
    for hostile in ("<b>" * 30_000, "<a href='https://x" * 5_000, "<summary>" * 10_000, "<details " * 10_000):
        assert without_tags(hostile) == hostile
    assert time.monotonic() - began < 5
