"""Rich text of Zendesk: read with its form, written as HTML, and recognised whatever the desk makes of it."""

from __future__ import annotations

import pytest

from connectors.sdk import (
    Attachment,
    CommentIntent,
    Done,
    Found,
    Intent,
    Operation,
    RemoteTicket,
    Visibility,
)
from connectors.testing.driver import Driver
from connectors.zendesk import texts
from connectors.zendesk.simulator import ZendeskSimulator
from tests.connectors.zendesk.test_writes import KEY, attempt, comment, context

PICTURE = b"\x89PNG a picture"
RICH = "Restart **all** of it:\n\n1. `stop`\n2. *wait*\n\n> said Kim\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"
HTML = (
    "<p>Restart <strong>all</strong> of&nbsp;it:</p>"
    '<ol dir="auto"><li><code>stop</code></li><li><em>wait</em></li></ol>'
    "<blockquote><p>said Kim</p></blockquote>"
)


def whole(driver: Driver, number: object) -> RemoteTicket:
    """Return a ticket as it reads."""
    found = driver.run(driver.connector.read(str(number)))
    assert found is not None
    return found


def test_a_comment_is_read_with_its_form(desk: ZendeskSimulator, driver: Driver) -> None:
    """Bold, lists, code and quotes are Markdown; what Markdown has not is said, and the desk's own text is kept."""
    number = desk.act("create", subject="Help", html=HTML)["id"]
    desk.act("comment", ticket_id=number, html='<p>Mind <span style="color:#f00">this</span> <u>step</u></p>')
    found = whole(driver, number)
    assert found.body == "Restart **all** of it:\n\n1. `stop`\n2. *wait*\n\n> said Kim"
    (said,) = found.comments
    assert said.body == "Mind this step"
    assert said.source_format == "html"
    assert said.lost
    assert "color" in said.raw


def test_what_we_write_is_shown_with_its_form(desk: ZendeskSimulator, driver: Driver) -> None:
    """It is HTML of our own making, and reads back as it was."""
    number = desk.act("create", subject="Help", body="b")["id"]
    assert isinstance(attempt(driver, comment(Operation.PUBLIC_REPLY, RICH), context(number)), Done)
    (made,) = desk.records.comments[number][1:]
    assert "<strong>all</strong>" in made["html_body"]
    assert "<table>" in made["html_body"]
    assert whole(driver, number).comments[0].body == RICH


@pytest.mark.parametrize(
    "said", ["<script>x()</script> <b onclick='x()'>hi</b>", "[@all](mention:9) and @here", "a < b"]
)
def test_what_strangers_wrote_does_nothing(desk: ZendeskSimulator, driver: Driver, said: str) -> None:
    """Signs of HTML are words; who is called in another desk is named and not called."""
    number = desk.act("create", subject="Help", body="b")["id"]
    attempt(driver, comment(Operation.INTERNAL_NOTE, said), context(number))
    sent = driver.requests[-1].json["ticket"]["comment"]
    assert set(sent) == {"html_body", "public"}
    assert "<script" not in sent["html_body"]
    assert "<b" not in sent["html_body"]
    assert "mention:" not in sent["html_body"]


def test_placeholders_are_not_filled_in(desk: ZendeskSimulator, driver: Driver) -> None:
    """A customer's words in another desk do not make Zendesk tell what only it knows."""
    number = desk.act("create", subject="Help", body="b")["id"]
    words = "Who are you, {{current_user.email}}? {% if a %}b{% endif %}"
    attempt(driver, comment(Operation.PUBLIC_REPLY, words), context(number))
    assert whole(driver, number).comments[0].body == words


def test_images_stay_where_they_are_shown(desk: ZendeskSimulator, driver: Driver) -> None:
    """A picture in an agent's words is a file of the ticket that the text names."""
    token = desk.records.stage(desk.url, "screen.png", "image/png", PICTURE)
    shown = desk.records.uploads[token]
    number = desk.act("create", subject="Help", body="b")["id"]
    desk.act("comment", ticket_id=number, html=f'<p>See <img src="{shown["content_url"]}"></p>', uploads=[token])
    (said,) = whole(driver, number).comments
    (file,) = said.attachments
    assert (file.remote_id, file.inline) == (str(shown["id"]), True)
    assert f"](attachment:{shown['id']})" in said.body


def test_an_image_of_ours_is_shown_in_its_place(desk: ZendeskSimulator, driver: Driver) -> None:
    """The upload's address stands in the words, and the comment takes the upload."""
    number = desk.act("create", subject="Help", body="b")["id"]
    digest = driver.files.keep(iter([PICTURE])).sha256
    file = Attachment("screen.png", "image/png", len(PICTURE), sha256=digest)
    said = CommentIntent("c1", f"See ![screen.png](attachment:{digest})", Visibility.PUBLIC)
    intent = Intent(Operation.PUBLIC_REPLY, comment=said, attachments=(file,))
    assert isinstance(attempt(driver, intent, context(number)), Done)
    (read,) = whole(driver, number).comments
    assert [(each.name, each.inline) for each in read.attachments] == [("screen.png", True)]
    assert read.body == f"See ![screen.png](attachment:{read.attachments[0].remote_id})"
    desk.echoes_metadata = False
    assert isinstance(driver.run(driver.connector.probe(intent, context(number))), Found)


def test_the_files_of_a_description_are_those_of_the_ticket(desk: ZendeskSimulator, driver: Driver) -> None:
    """They are public as it is, and told as those of its first words: of a ticket that we made they are our own."""
    for more in ({}, {"external_id": f"gateway:{KEY}"}):
        token = desk.records.stage(desk.url, "log.txt", "text/plain", b"log")
        theirs = desk.act("create", subject="Help", body="See the log", uploads=[token], **more)["id"]
        (file,) = whole(driver, theirs).attachments
        assert (file.name, file.visibility, file.opening) == ("log.txt", Visibility.PUBLIC, True)


def test_a_new_ticket_that_shows_a_picture_reads_as_the_answer_said(desk: ZendeskSimulator, driver: Driver) -> None:
    """The desk names the picture, so only its answer tells how the body reads: nobody has edited it."""
    digest = driver.files.keep(iter([PICTURE])).sha256
    body = f"See ![screen.png](attachment:{digest})"
    file = Attachment("screen.png", "image/png", len(PICTURE), sha256=digest)
    intent = Intent(Operation.CREATE, {"title": "Once", "body": body}, attachments=(file,))
    outcome = attempt(driver, intent, context())
    assert isinstance(outcome, Done)
    assert "body" not in driver.connector.as_read(intent)
    assert outcome.receipt.observed is not None
    assert outcome.receipt.observed.body == whole(driver, outcome.receipt.remote_id).body


@pytest.mark.parametrize(
    "made",
    [
        '<div class="zd-comment" dir="auto">{}</div>',
        '<div class="zd-comment zd-comment-pre-styled"><div dir="ltr">{}</div><br></div>',
        "{}<p>&nbsp;</p>",
    ],
)
def test_what_the_desk_wraps_around_our_words_changes_nothing(made: str) -> None:
    """The ledger expects what is read back."""
    assert texts.read(made.format(texts.written(RICH))).markdown == texts.as_read(RICH) == RICH


def test_what_an_earlier_version_wrote_is_found(desk: ZendeskSimulator, driver: Driver) -> None:
    """It wrote `body`, in Markdown: after an upgrade its last write is still known as ours."""
    desk.echoes_metadata = False
    number = desk.act("create", subject="Help", body="b")["id"]
    desk.records.update(number, {"comment": {"body": RICH, "public": True}}, desk.records.me, desk.now())
    found = driver.run(driver.connector.probe(comment(Operation.PUBLIC_REPLY, RICH), context(number)))
    assert isinstance(found, Found)
