"""Rich text of desks as canonical Markdown, and back (docs/connectors/content.md).

Canonical Markdown is CommonMark with tables and strikethrough and without raw HTML; the end of a line is a break, as
people write mail. Somebody called is `[@Name](mention:ACCOUNT)`, an image of the ticket's own attachments is
`![name](attachment:REF)`. Everything here is pure, never raises on any text, and keeps every word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from connectors.content import (
    adf_in,
    adf_out,
    html_in,
    html_out,
    markdown_in,
    markdown_out,
    mrkdwn,
    plain,
    spoken,
    standing,
    wiki_in,
    wiki_out,
)
from connectors.content.build import Builder
from connectors.content.neutral import UNSEEN, neutralise, revived
from connectors.content.sizes import sized_html, sized_markdown, wiki_sizes

__all__ = [
    "Content",
    "canonical",
    "destroyed",
    "from_adf",
    "from_html",
    "from_markdown",
    "from_mrkdwn",
    "from_plain",
    "from_wiki",
    "neutralise",
    "restored",
    "revived",
    "sized_html",
    "sized_markdown",
    "to_adf",
    "to_html",
    "to_markdown",
    "to_mrkdwn",
    "to_plain",
    "to_wiki",
    "wiki_sizes",
]

Mention = Callable[[str, str], str]


class Content(msgspec.Struct, frozen=True):
    """A text as canonical Markdown."""

    markdown: str = ""
    #: what the desk's text has and Markdown has not, in words for people
    lost: tuple[str, ...] = ()


def canonical(markdown: str) -> str:
    """Return a Markdown text in its one spelling."""
    blocks, _ = markdown_in.read(markdown)
    return markdown_out.write(blocks)


def from_html(html: str, *, images: Mapping[str, str] | None = None) -> Content:
    """Read HTML; `images` name the attachments (REF) that stand behind addresses of images."""
    return _content(html_in.read(html, images=images or {}))


def to_html(markdown: str, *, images: Mapping[str, str] | None = None, mention: Mention | None = None) -> str:
    """Write HTML; `images` are the desk's addresses of attachments (by REF), `mention` writes who is called.

    What `mention` returns is put in as it is: it must be HTML, and escaped.
    """
    return html_out.Writer(images or {}, mention).blocks(markdown_in.read(markdown)[0])


def from_adf(document: Any, *, images: Mapping[str, str] | None = None) -> Content:
    """Read an Atlassian document; `images` name the attachments (REF) that stand behind media ids."""
    return _content(adf_in.read(document, images=images or {}))


def to_adf(
    markdown: str,
    *,
    images: Mapping[str, Mapping[str, Any]] | None = None,
    mention: Callable[[str, str], Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Write an Atlassian document; `mention` returns a mention's node.

    `images` are, by REF, the `attrs` of media, or a whole `mediaSingle` node that is written as it is.
    """
    return adf_out.Writer(images or {}, mention).document(markdown_in.read(markdown)[0])


def from_wiki(text: str, *, images: Mapping[str, str] | None = None) -> Content:
    """Read Jira's wiki markup; `images` name the attachments (REF) behind file names, else the file name is the REF."""
    return _content(wiki_in.read(text, images=images or {}))


def to_wiki(markdown: str, *, images: Mapping[str, str] | None = None, mention: Mention | None = None) -> str:
    """Write Jira's wiki markup; `images` are file names of attachments (by REF), `mention` writes who is called.

    A name may have a size behind it (`wiki_sizes`), and an image of the web stands under its own address there.
    """
    return wiki_out.Writer(images or {}, mention).blocks(markdown_in.read(markdown)[0])


def from_mrkdwn(text: str) -> Content:
    """Read a Slack message's text."""
    return _content(mrkdwn.read(text))


def to_mrkdwn(markdown: str, *, images: Mapping[str, str] | None = None, mention: Mention | None = None) -> str:
    """Write Slack's mrkdwn, which calls nobody but whom `mention` calls."""
    return mrkdwn.Writer(images or {}, mention).blocks(markdown_in.read(markdown)[0])


def from_markdown(text: str) -> Content:
    """Read the Markdown of a desk, in which nobody can call our people or show our attachments by address."""
    blocks, lost = markdown_in.read(text.replace(UNSEEN, ""), ours=False)
    return Content(markdown_out.write(blocks), lost)


def to_markdown(markdown: str, *, images: Mapping[str, str] | None = None, mention: Mention | None = None) -> str:
    """Write Markdown for a desk that acts on it (GitHub, GitLab): neutralised, but for whom `mention` calls."""
    return spoken.write(markdown_in.read(markdown)[0], images or {}, mention)


def from_plain(text: str) -> Content:
    """Read plain text: lists, quotes and indented lines have their form, every other sign is itself."""
    blocks, lost = markdown_in.read_plain(text)
    return Content(markdown_out.write(blocks), lost)


def to_plain(markdown: str) -> str:
    """Write plain text: the words, with addresses behind links and the usual signs of lists and quotes."""
    return plain.write(markdown_in.read(markdown)[0])


def restored(markdown: str, there: str) -> str:
    """Return a text in which the images and people of another are themselves again where it has only their names.

    `there` is what stands at a desk, in Markdown: a desk that shows neither gives `[shot.png]` and `@Ann` back.
    """
    return standing.restored(markdown, there)


def destroyed(there: Content, written: Content) -> tuple[str, ...]:
    """Return what of a desk's text would be gone once another stands in its place, in words for people.

    Both are read as that desk's texts are read. Where anything would be gone, the text is added to and not replaced.
    """
    return (*there.lost, *standing.gone(there.markdown, written.markdown))


def _content(built: Builder) -> Content:
    blocks = built.finish()
    return Content(markdown_out.write(blocks), built.lost)
