"""What of a text cannot be shown is said on the page of its ticket."""

from __future__ import annotations

from gateway.domain.ticket import Visibility
from gateway.ports.originals import Original
from gateway.store.unit import SqlTx
from tests.records import ZENDESK, Recorder
from tests.web.test_console import page, recorder

__all__ = ["recorder"]


def test_the_page_of_a_ticket_says_what_of_a_text_cannot_be_shown(address: str, recorder: Recorder) -> None:
    """In words, and never as the desk has it."""
    ticket, _ = recorder.ticket("VPN", comments=(("help", Visibility.PUBLIC),))

    def lose(tx: SqlTx) -> None:
        (comment,), (link, *_) = tx.tickets.comments(ticket), tx.links.of_ticket(ticket)
        for each, lost in ((comment.id, ("a <i>video</i>",)), (link.id, ("raised words", "a sound"))):
            tx.tickets.keep_original(Original(each, ticket, ZENDESK, recorder.now, "html", lost, "<u>as it is</u>"))

    recorder.store.write(lose)
    text = page(address, f"/tickets/{ticket}").text
    assert "it has also: raised words, a sound." in text
    assert "it has also: a &lt;i&gt;video&lt;/i&gt;." in text
    assert "as it is" not in text
