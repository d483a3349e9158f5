"""Mails as people, programs and attackers write them: each says what it says, and none breaks anything."""

from __future__ import annotations

import random
import time

import pytest

from connectors.email.mime import MAX_NAME, Mail, file_of
from connectors.email.quoting import without_history
from connectors.sdk import EventKind, UnreadableError, Visibility
from gateway.errors import SetAsideError
from tests.connectors.email.stand import ADDRESS, NOW, connect, mail, parse

PARTS = 'multipart/mixed; boundary="b"'


def part(kind: str, body: str | bytes, *more: str) -> bytes:
    """Return a part behind the boundary b."""
    head = "\r\n".join([f"Content-Type: {kind}", *more])
    return b"--b\r\n" + head.encode() + b"\r\n\r\n" + (body if isinstance(body, bytes) else body.encode()) + b"\r\n"


def words(raw: bytes) -> str:
    """Return what a mail says."""
    comment = parse(raw).comment
    assert comment is not None
    return comment.body


# ---------------------------------------------------------------- texts and charsets


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("text/plain; charset=iso-8859-1", "Größe".encode("latin-1"), "Größe"),
        ("text/plain; charset=koi8-r", "Привет".encode("koi8-r"), "Привет"),
        ("text/plain; charset=iso-2022-jp", "処理中".encode("iso-2022-jp"), "処理中"),
        ("text/plain", "Größe".encode(), "Größe"),
        ("text/plain; charset=us-ascii", "Größe".encode("cp1252"), "Größe"),
        ("text/plain; charset=utf-8", b"a\xffb", "a\ufffdb"),
        ("text/plain; charset=no-such", "Größe".encode(), "Größe"),
        ("text/plain; charset=gb2312", "镕基".encode("gbk"), "镕基"),
        ("text/plain; charset=gb2312", "处理".encode(), "处理"),
        ("text/plain; charset=iso-8859-1", "“5 €”".encode("cp1252"), "“5 €”"),
        ("text/plain; charset=shift_jis", "①髙".encode("cp932"), "①髙"),
        ("text/plain; charset=ks_c_5601-1987", "똠방".encode("cp949"), "똠방"),
        ("text/plain; charset=ISO-8859-8-I", "שלום".encode("iso8859-8"), "שלום"),
        ("text/plain; charset=unicode_escape", rb"\x41", r"\x41"),
        ("text/plain; charset=rot13", b"abc", "abc"),
        ("text/plain; charset=utf-8", b"a\x00b\x08c", "abc"),
    ],
)
def test_a_text_is_read_in_its_charset(kind: str, data: bytes, said: str) -> None:
    """Or as what it can be, where it names none that is one."""
    assert words(mail(data, kind=kind)) == said


def test_an_unknown_charset_is_said() -> None:
    """With the comment, so that somebody may look at the mail itself."""
    comment = parse(mail("Größe", kind="text/plain; charset=x-made-up")).comment
    assert comment is not None
    assert any("x-made-up" in each for each in comment.lost)


@pytest.mark.parametrize(
    ("subject", "title"),
    [
        ("=?utf-8?B?R3LDtsOfZQ==?=", "Größe"),
        ("=?iso-8859-1?q?Gr=F6=DFe_und_mehr?=", "Größe und mehr"),
        ("=?utf-8?B?R3LD?= =?utf-8?B?tsOfZQ==?=", "Größe"),
        ("=?utf-8*de?Q?Gr=C3=B6=C3=9Fe?=", "Größe"),
        ("=?no-such?B?R3I=?=", "Gr"),
        ("=?utf-8?B?%%%?=", "Mail from Kim"),
        ("Re: AW: [#ABCDEFGHJ234] Fire", "Fire"),
        ("PD: ENC: \u8f49\u5bc4\uff1a Fire", "Fire"),
        ("", "Mail from Kim"),
        ("tab\tand  spaces", "tab and spaces"),
    ],
)
def test_a_subject_is_decoded(subject: str, title: str) -> None:
    """RFC 2047, also where a letter is cut in two; without tags and what programs put before it."""
    shown = parse(mail(subject=subject)).snapshot
    assert shown is not None
    assert shown.title == title


def test_a_subject_of_raw_bytes_is_read() -> None:
    """As programs send it that know no RFC 2047."""
    shown = parse(mail().replace(b"Printer on fire", "Größe".encode())).snapshot
    assert shown is not None
    assert shown.title == "Größe"


def test_html_becomes_markdown_with_its_pictures_in_their_places() -> None:
    """The plain text beside it is another form of the same; the picture is a file of the comment."""
    html = '<p>It <b>burns</b>: <img src="cid:pic@1" alt="fire"></p><script>alert(1)</script>'
    both = b"\r\n".join(
        (
            b'--b\r\nContent-Type: multipart/alternative; boundary="a"\r\n',
            b"--a\r\nContent-Type: text/plain\r\n\r\nIt burns",
            b"--a\r\nContent-Type: text/html\r\n\r\n" + html.encode(),
            b"--a--\r\n",
        )
    )
    picture = part("image/png; name=fire.png", "aGk=", "Content-Transfer-Encoding: base64", "Content-ID: <pic@1>")
    body = both + picture + b"--b--\r\n"
    comment = parse(mail(body, kind='multipart/related; boundary="b"')).comment
    assert comment is not None
    (file,) = comment.attachments
    assert file.inline
    assert comment.body == f"It **burns**: ![fire](attachment:{file.remote_id})"
    assert comment.source_format == "html"


def test_a_text_that_is_a_file_is_a_file() -> None:
    """And two texts side by side are one."""
    body = part("text/plain", "One") + part("text/plain", "log", "Content-Disposition: attachment; filename=a.log")
    comment = parse(mail(body + part("text/plain", "Two") + b"--b--\r\n", kind=PARTS)).comment
    assert comment is not None
    assert comment.body.split() == ["One", "Two"]
    assert [each.name for each in comment.attachments] == ["a.log"]


def test_flowed_lines_are_joined() -> None:
    """RFC 3676: what was broken for width only."""
    assert words(mail("One long \r\nline.\r\nAnother.", kind="text/plain; format=flowed")) == "One long line.\nAnother."


# ---------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="a b.txt"', "a b.txt"),
        ("attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe.txt", "Größe.txt"),
        ("attachment; filename*0*=UTF-8''Gr%C3%B6; filename*1*=%C3%9Fe.txt", "Größe.txt"),
        ('attachment; filename="=?utf-8?B?R3LDtsOfZS50eHQ=?="', "Größe.txt"),
        ('attachment; filename="Größe.txt"', "Größe.txt"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\Windows\\\\cmd.exe"', "cmd.exe"),
        ('attachment; filename="...."', "part-0.octetstr"),
        ('attachment; filename="report\u202egnp.exe"', "reportgnp.exe"),
        ("attachment; filename*=no-such''%ff", "\xff"),
        ("attachment; filename*=UTF-8''%00%0Ax.txt", "x.txt"),
        ("attachment", "part-0.octetstr"),
    ],
)
def test_a_files_name_is_read_and_harmless(header: str, name: str) -> None:
    """RFC 2231 and RFC 2047, the wrong ways that are common, and the ways of attackers."""
    body = part("application/octet-stream", "x", f"Content-Disposition: {header}") + b"--b--\r\n"
    (file,) = Mail.of(mail(body, kind=PARTS)).files
    assert file.name == name


def test_a_name_without_end_is_cut() -> None:
    """Its ending stays."""
    body = part("text/x", "x", f'Content-Disposition: attachment; filename="{"a" * 3000}.txt"') + b"--b--\r\n"
    (file,) = Mail.of(mail(body, kind=PARTS)).files
    assert len(file.name) <= MAX_NAME
    assert file.name.endswith(".txt")


def test_a_mail_within_the_mail_is_a_file() -> None:
    """Whatever it says is not said by who sent it."""
    inner = mail("Secret", subject="Inner")
    body = part("text/plain", "See below") + part("message/rfc822", inner) + b"--b--\r\n"
    raw = mail(body, kind=PARTS)
    (file,) = Mail.of(raw).files
    assert file.name == "mail.eml"
    assert b"Secret" in (file_of(raw, file.number) or b"")
    assert words(raw) == "See below"


# ---------------------------------------------------------------- hostile


def test_hostile_mails_are_read_or_refused_soon() -> None:
    """Deep nesting, thousands of parts, heads without end, boundaries that are none, bytes of chance."""
    deep = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(3000))
    chance = random.Random(7)
    whole = mail(part("text/html", "<b>x</b>") + part("image/png", "x") + b"--b--\r\n", kind=PARTS)
    mails = [
        b"From: kim@customer.example\r\nMIME-Version: 1.0\r\n" + deep,
        mail(part("text/plain", "x") * 5000 + b"--b--\r\n", kind=PARTS),
        b"From: kim@customer.example\r\n" + b"X: y\r\n" * 200_000 + b"\r\nwords",
        b"From: kim@customer.example\r\nX: " + b"y" * 3_000_000 + b"\r\n\r\nwords",
        mail("x", kind="multipart/mixed"),
        mail("x", kind='multipart/mixed; boundary=""'),
        mail("x", kind="text/plain; charset=\x80\xff"),
        mail("<" * 100_000, kind="text/html"),
        mail("<div>" * 20_000, kind="text/html"),
        mail("%" * 10_000, Content_Transfer_Encoding="base64"),
        mail("=" * 10_000, Content_Transfer_Encoding="quoted-printable"),
        mail(sender='"' + "(" * 5000 + "kim@customer.example"),
        mail(References=" ".join(f"<{n}@x>" for n in range(20_000))),
        mail(Date="Sun, 99 Mar 99999 99:99:99 +9999"),
        *(bytes(chance.choice(whole) if chance.random() < 0.05 else byte for byte in whole) for _ in range(150)),
        *(whole[: chance.randrange(len(whole))] for _ in range(100)),
    ]
    for raw in mails:
        began = time.monotonic()
        try:
            event = parse(raw)
        except (UnreadableError, SetAsideError):
            pass
        else:
            assert event.remote_id
            assert "\x00" not in str(event)
        assert time.monotonic() - began < 10, raw[:80]


def test_a_mail_without_a_message_id_is_known_by_what_it_says() -> None:
    """Twice the same is one mail, and another is another."""
    one, other = mail(number=""), mail("Other words", number="")
    assert parse(one).key == parse(one).key
    assert parse(one).key != parse(other).key
    assert parse(one).thread != parse(other).thread


def test_one_message_id_of_two_mails_is_two_mails() -> None:
    """Some devices send every mail with the same one."""
    later = mail("Other").replace(b"11:59:00", b"11:59:30")
    assert parse(mail()).key != parse(later).key


def test_a_date_that_cannot_be_is_that_of_arrival() -> None:
    """Neither the future nor a year long gone."""
    assert parse(mail().replace(b"01 Mar 2026 11:59:00", b"01 Mar 2031 11:59:00")).at == NOW
    assert parse(mail().replace(b"01 Mar 2026 11:59:00", b"01 Mar 1996 11:59:00")).at == NOW
    assert parse(mail()).at < NOW


# ---------------------------------------------------------------- history


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Thanks!\n\nOn Mon, 2 Mar 2026 at 10:00, Desk <a@b.example> wrote:\n> We are on\n> our way", "Thanks!"),
        ("Danke\n\nAm 02.03.2026 um 10:00 schrieb Desk:\n\n> Wir kommen", "Danke"),
        ("Merci\n\nLe lun. 2 mars 2026 à 10:00, Desk\n<a@b.example> a écrit :\n\n> On arrive", "Merci"),
        ("Ok\n\n-----Original Message-----\nFrom: Desk\nSent: Monday\nTo: Kim\nSubject: Fire\n\nWe come", "Ok"),
        ("Ok\n\n**Von:** Desk <a@b.example>\n**Gesendet:** Montag\n**An:** Kim\n**Betreff:** Feuer\n\nText", "Ok"),
        ("Ok\n\n**From**:Desk [mailto:a@b.example]\n**Sent**: Monday\n**To**: Kim\n**Subject**: Fire\n\nText", "Ok"),
        ("Ok\n\n---\n\nDate: Monday\nSubject: Fire\nFrom: a@b.example\nTo: kim@c.example\n\nText", "Ok"),
        ("Ok\n\n\\> Subject: Fire\n\\> From: a@b.example\n\\> To: kim@c.example\n\\>\n\\> Text", "Ok"),
        ("Room: 7\nFrom: a@b.example\nTo: Kim\nSubject: Fire\n\nText", "Room: 7"),
        ("Ok\n\n---- On Mon, 02 Mar 2026 10:00:00 +0100 Desk \\<a@b.example> wrote ----\n\nWe come", "Ok"),
        ("Parts\n\n---- the 2 pumps ----\n\nThey burn", "Parts\n\n---- the 2 pumps ----\n\nThey burn"),
        ("> Do you burn?\n\nYes\n\n> Still?\n\nNo", "> Do you burn?\n\nYes\n\n> Still?\n\nNo"),
        ("> all of it is a quote", "> all of it is a quote"),
        ("The list:\n\n- From: the printer\n- To: the net", "The list:\n\n- From: the printer\n- To: the net"),
        ("No history", "No history"),
    ],
)
def test_what_was_copied_below_a_reply_is_cut(text: str, kept: str) -> None:
    """In any language, and nothing between answers."""
    assert without_history(text).text == kept


def test_an_answer_right_below_a_quote_is_no_part_of_it() -> None:
    """In Markdown it would be; in a mail it is what somebody says, and nothing of it is cut."""
    text = "Hi,\r\nOn Mon, 2 Mar 2026, Desk wrote:\r\n> Does it burn?\r\nIt does."
    comment = parse(mail(text, In_Reply_To="<9@desk.example>")).comment
    assert comment is not None
    assert comment.body.endswith("> Does it burn?\n\nIt does.")


def test_the_cut_is_said_and_the_whole_is_kept() -> None:
    """With the comment; a mail that answers nothing loses nothing."""
    text = "Thanks!\r\n\r\nOn Mon, 2 Mar 2026, Desk wrote:\r\n> We come"
    comment = parse(mail(text, In_Reply_To="<9@desk.example>")).comment
    assert comment is not None
    assert comment.body == "Thanks!"
    assert any("lines of the mails before" in each for each in comment.lost)
    assert "We come" in comment.raw
    assert "We come" in words(mail(text))


# ---------------------------------------------------------------- people


@pytest.mark.parametrize(
    ("more", "whole"),
    [
        ({"Subject": "Fwd: Re: Fire"}, True),
        ({"Subject": "[#ABCDEFGHJ234] WG: Fire"}, True),
        ({"Subject": "Fire", "X-Forwarded-Message-Id": "<a@b>"}, True),
        ({"Subject": "Re: Fwd: Fire"}, False),
        ({"Subject": "Fire"}, False),
    ],
)
def test_a_mail_that_is_passed_on_is_kept(more: dict[str, str], whole: bool) -> None:
    """It answers one by its head, as a reply does; what stands below is what is meant."""
    text = "Can you help?\n\n---------- Forwarded message ---------\nFrom: Sam <sam@x.example>\nDate: Monday\nTo: Kim"
    subject, others = more["Subject"], {name: each for name, each in more.items() if name != "Subject"}
    said = words(mail(f"{text}\n\nIt burns", subject=subject, **{"In-Reply-To": "<a@b>"}, **others))
    assert said.startswith("Can you help?")
    assert ("It burns" in said) is whole


def test_who_is_brought_into_a_talk_can_read_what_was_said_before() -> None:
    """A ticket begins with the whole mail; a comment of one that knows the rest is what was written."""
    raw = mail("Can you help?\n\nOn 1 May Sam wrote:\n> It burns", **{"In-Reply-To": "<a@b>"})
    shown = parse(raw).snapshot
    assert shown is not None
    assert "It burns" in str(shown.body)
    assert not shown.lost
    assert words(raw) == "Can you help?"


def test_who_wrote_and_who_takes_part() -> None:
    """One Reply-To stands for who wrote; our own addresses are nobody."""
    event = parse(
        mail(Cc=f"Boss <BOSS@customer.example>, {ADDRESS}, x@desk.example", Reply_To="office@customer.example")
    )
    assert event.kind is EventKind.COMMENTED
    assert event.snapshot is not None
    said = event.snapshot.correspondence
    assert said["people"] == ["office@customer.example", "boss@customer.example", "x@desk.example"]
    assert said["last"] == "1@customer.example"
    assert event.actor is not None
    assert (event.actor.email, event.actor.role) == ("kim@customer.example", "customer")
    colleague = parse(mail(sender="Ann <ann@desk.example>"))
    assert colleague.actor is not None
    assert colleague.actor.role == "agent"


def test_a_mail_for_colleagues_is_answered_for_colleagues() -> None:
    """By the mail that it answers, or by its tag; it begins nothing, and nobody takes part by it."""
    mark = connect().account.mark
    by_id = parse(mail(In_Reply_To=f"<{'a' * 32}.i.{mark}@desk.example>"))
    by_tag = parse(mail(subject="Re: Fire [#ABCDEFGHJ234/i]"))
    for event in (by_id, by_tag):
        assert event.comment is not None
        assert event.comment.visibility is Visibility.INTERNAL
        assert event.snapshot is None
