"""A tree as the Markdown of a desk that acts on what it reads: nobody is called by chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from connectors.content.addresses import safe_image
from connectors.content.markdown_out import write as write_markdown
from connectors.content.neutral import neutralise
from connectors.content.tree import ATTACHMENT, Block, Run, What, changed


def write(blocks: tuple[Block, ...], images: Mapping[str, str], mention: Callable[[str, str], str] | None) -> str:
    """Return a tree as neutralised Markdown, with a desk's own words for whom it calls."""
    called: list[str] = []

    def said(run: Run) -> Run:
        if run.what is What.MENTION:
            if mention is None:
                return Run(f"@{run.text}", marks=run.marks)
            called.append(mention(run.target, run.text))
            # letters of a private area: no text that came in has them around a number
            return Run(f"\ue000{len(called) - 1}\ue001", marks=run.marks)
        if run.what is What.IMAGE and run.target.startswith(ATTACHMENT):
            address = safe_image(images.get(run.target.removeprefix(ATTACHMENT), ""))
            if not address:
                return Run(f"[{run.text or 'image'}]", marks=run.marks, link=run.link)
            return msgspec.structs.replace(run, target=address)
        return msgspec.structs.replace(run, text=run.text.replace("\ue000", "").replace("\ue001", ""))

    written = neutralise(write_markdown(tuple(changed(block, lambda runs: tuple(map(said, runs))) for block in blocks)))
    for number, words in enumerate(called):
        written = written.replace(f"\ue000{number}\ue001", words)
    return written
