"""A mail in our words: which conversation it belongs to, who it is from, what they say, and what hangs on it. Pure."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import datetime
from typing import Final

import msgspec

from connectors.content import Content, from_html, from_plain
from connectors.email.account import Account
from connectors.email.mime import File, Mail, Person
from connectors.email.quoting import without_history
from connectors.email.sorting import is_of_a_server, is_report, own_key, own_named, reported, why_aside
from connectors.sdk import (
    Attachment,
    Event,
    EventKind,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    UnreadableError,
    Visibility,
)
from gateway.errors import SetAsideError

#: letters of a tag: 60 bits, so that nobody guesses one
TAG: Final = 12
_TAG: Final = re.compile(r"\[#([A-Z2-7]{12})(/i)?\]")
#: what programs put before the subject of a mail that is passed on; VS is left out: Finns answer with it, Danes pass on
_PASSED_ON: Final = r"fwd?|wg|tr|rv|doorst|vb|vl|enc|pd|ilt|\u0130lt|\u8f6c\u53d1|\u8f49\u5bc4|\u03c0\u03c1\u03b8"
_ANSWERED: Final = r"re|aw|sv|vs|ref|rif|res|antw|odp|ynt|\u56de\u590d|\u56de\u8986|\u7b54\u590d|\u03b1\u03c0"
_REPLY: Final = re.compile(rf"(?i)^\s*(?:(?:{_ANSWERED}|{_PASSED_ON})(?:\[\d+\])?\s*[:\uff1a]\s*)+")
_FORWARD: Final = re.compile(rf"(?i)^\s*(?:{_PASSED_ON})(?:\[\d+\])?\s*[:\uff1a]")
_MAX_ANSWERS: Final = 20
_MAX_SAID: Final = 1000
MAX_TITLE: Final = 300
MAX_RAW: Final = 100_000
SYSTEM: Final = RemotePerson("mail", name="Mail", role="system")


def hashed(message_id: str) -> str:
    """Name a Message-ID, which may be long and of any signs."""
    return hashlib.sha256(message_id.encode("utf-8", "replace")).hexdigest()[:24]


def tag_of(message_id: str) -> str:
    """Return the tag of the conversation that began with a mail: it stands in subjects."""
    return base64.b32encode(hashlib.sha256(message_id.encode("utf-8", "replace")).digest()).decode()[:TAG]


def tags(subject: str) -> tuple[str, bool]:
    """Return the tag that a subject bears, and whether it is that of a mail for colleagues."""
    found = _TAG.search(subject)
    return (found[1], bool(found[2])) if found else ("", False)


def bare(subject: str) -> str:
    """Return a subject without tags and without what programs put before it."""
    return _REPLY.sub("", " ".join(_TAG.sub("", subject).split()))[:MAX_TITLE].strip()


def is_forward(mail: Mail) -> bool:
    """Say whether somebody passes a mail on: what stands below their words is then what they want read.

    Gmail and Outlook name the mail that is passed on as one that is answered; Thunderbird has a header of its own.
    """
    subject = " ".join(_TAG.sub("", mail.header("subject")).split())
    return bool(mail.header("x-forwarded-message-id") or _FORWARD.match(subject))


def key_of(mail: Mail) -> str:
    """Name a mail within its connection: the same mail has the same name wherever and however often it is read."""
    return f"mail:{hashed(mail.message_id or mail.identity)}:{mail.identity[:12]}"


def thread_of(mail: Mail) -> str:
    """Return the tag of the conversation that a mail says it belongs to: that of the mail that began it."""
    references = mail.ids("references") or mail.ids("in-reply-to")
    return tag_of(references[0] if references else mail.message_id or mail.identity)


def event_of(account: Account, mail: Mail, received: datetime, *, taken: bool = False) -> Event:
    """Return what a mail says.

    `taken`: a person lets it in. Raises SetAsideError for what must do nothing, UnreadableError for what says nothing.
    """
    ours = own_key(account, mail.message_id)
    if ours is not None:
        return _echo(mail, ours[0], received)
    if is_report(mail) or is_of_a_server(mail):
        told = _report(account, mail, received)
        if told is not None:
            return told
    why = "" if taken else why_aside(account, mail)
    if why:
        raise SetAsideError(why)
    senders = mail.people("from") or mail.people("sender")
    if not senders:
        raise UnreadableError("the mail names nobody who sent it (From)")
    return _said(account, mail, senders[0], received)


def _remote_id(mail: Mail) -> str:
    return f"{thread_of(mail)}:{mail.identity[:16]}"


def _echo(mail: Mail, key: str, received: datetime) -> Event:
    """Return that a mail of ours is there."""
    at = mail.at(received)
    shown = RemoteTicket(f"{tag_of(mail.message_id)}:{key[:16]}", at, marker=key)
    return Event(
        EventKind.OBSERVED, shown.remote_id, key_of(mail), at, actor=SYSTEM, snapshot=shown, thread=thread_of(mail)
    )


def _report(account: Account, mail: Mail, received: datetime) -> Event | None:
    """Return what became of a mail of ours; None for a report about another's."""
    about = Mail(mail.about)
    named = [about.message_id, *about.ids("message-id"), *mail.ids("references"), *mail.ids("in-reply-to")]
    named += () if is_report(mail) else own_named(account, mail)
    own = next((each for each in named if own_key(account, each) is not None), "")
    ours = own_key(account, own)
    if ours is None:
        return None
    action, who, why = reported(mail)
    if is_report(mail) and action != "failed":
        raise SetAsideError(f"it says that a mail of ours is {action or 'on its way'}")
    at = mail.at(received)
    words = f"The mail could not be delivered to {who or 'the recipient'}: {why}"
    if not is_report(mail):
        words = f"A mail server wrote about a mail of ours:\n\n{_beginning(mail.plain)}"
    # by what it says of whom, so that two servers that report one failure are heard once
    key = f"report:{ours[0]}:{hashed(who.lower())[:12]}"
    comment = RemoteComment(key, at, from_plain(words).markdown, Visibility.INTERNAL, SYSTEM)
    tag = tag_of(own)
    shown = RemoteTicket(f"{tag}:{ours[0][:16]}", at, marker=ours[0])
    return Event(
        EventKind.COMMENTED, shown.remote_id, f"mail:{key}", at, actor=SYSTEM, comment=comment, snapshot=shown,
        thread=tag, automatic=True,
    )  # fmt: skip


def _beginning(text: str) -> str:
    """Return what a server says before the copy of the mail that it is about."""
    said = re.split(r"(?m)^(?:-{3,}.*|Received: .*|Return-Path: .*)$", text, maxsplit=1)[0].strip()
    return said[:_MAX_SAID] or "(without words)"


def _said(account: Account, mail: Mail, sender: Person, received: datetime) -> Event:
    at, thread, remote_id, key = mail.at(received), thread_of(mail), _remote_id(mail), key_of(mail)
    subject = mail.header("subject")
    tag, for_colleagues = tags(subject)
    answered = list(dict.fromkeys([*mail.ids("in-reply-to"), *reversed(mail.ids("references"))]))[:_MAX_ANSWERS]
    own = [found for each in answered if (found := own_key(account, each)) is not None]
    internal = for_colleagues or (bool(own) and own[0][1])
    is_us = sender.address in account.own
    who = _person(account, sender)
    words = said(mail, is_reply=bool(answered) and not is_forward(mail))
    # who is brought into the talk of others has not read what was said before
    opening = words if own or not words.raw else said(mail, is_reply=False)
    visibility = Visibility.INTERNAL if internal else Visibility.PUBLIC
    files, begun = (
        tuple(msgspec.structs.replace(each, visibility=visibility) for each in some.files) for some in (words, opening)
    )
    comment = RemoteComment(
        key[5:], at, words.markdown, visibility, who, source_format="html" if mail.html else "plain",
        attachments=files, lost=words.lost, raw=words.raw,
    )  # fmt: skip
    snapshot = None
    if not internal and not is_us:
        snapshot = RemoteTicket(
            remote_id, at, version=int(at.timestamp()), key=thread, channel="email", created_at=at,
            title=bare(subject) or f"Mail from {who.label}", body=opening.markdown, requester=who,
            attachments=begun, lost=opening.lost, raw=opening.raw, source_format=comment.source_format,
            correspondence=correspondence(account, mail, sender),
        )  # fmt: skip
    return Event(
        EventKind.COMMENTED, remote_id, key, at, actor=who, comment=comment, snapshot=snapshot, thread=thread,
        answers=tuple(f"mail:{hashed(each)}" for each in answered if own_key(account, each) is None),
        answers_ours=tuple(found[0] for found in own), tag=tag if tag != thread else "",
    )  # fmt: skip


def _person(account: Account, person: Person) -> RemotePerson:
    """Return who wrote: a colleague, somebody at the mailbox itself (who is not the gateway), or a customer."""
    if person.address in account.own:
        return RemotePerson(f"mailbox:{person.address}", name=person.name or person.address, role="agent")
    role = "agent" if account.is_agent(person.address) else "customer"
    return RemotePerson(person.address, email=person.address, name=person.name, role=role)


def correspondence(account: Account, mail: Mail, sender: Person) -> dict[str, object]:
    """Return what an answer to this mail has to name: people, the mail itself, those before it, the subject."""
    reply_to = [each.address for each in mail.people("reply-to") if each.address not in account.own]
    first = reply_to[0] if len(reply_to) == 1 and not account.is_agent(sender.address) else sender.address
    others = [each.address for each in mail.people("to", "cc")]
    # who wrote is one of them, also where answers go elsewhere: what they write next is theirs
    people = [each for each in dict.fromkeys([first, *others]) if each not in account.own]
    found: dict[str, object] = {"people": people, "subject": bare(mail.header("subject"))}
    if mail.message_id:
        found |= {"last": mail.message_id, "references": [*mail.ids("references")[-10:], mail.message_id]}
    return found


class Said(Content, frozen=True):
    """What a mail says, and what hangs on it."""

    files: tuple[Attachment, ...] = ()
    #: the whole text, where some of it was cut
    raw: str = ""


def said(mail: Mail, *, is_reply: bool) -> Said:
    """Return the words of a mail as canonical Markdown, and its files."""
    files = {file.cid: file for file in mail.files if file.cid}
    refs = {f"cid:{cid}": reference(mail, file) for cid, file in files.items()}
    content = from_html(mail.html, images=refs) if mail.html.strip() else Content()
    whole = content if content.markdown.strip() else from_plain(mail.plain)
    cut = without_history(whole.markdown) if is_reply else None
    text = whole.markdown if cut is None else cut.text
    lost = [*mail.lost, *whole.lost]
    if cut is not None and cut.lines:
        lost.append(f"{cut.lines} lines of the mails before it")
    attached = []
    for file in mail.files:
        ref = reference(mail, file)
        inline = f"](attachment:{ref})" in text
        # a picture of the history that was cut went with it
        if not inline and f"](attachment:{ref})" in whole.markdown:
            continue
        attached.append(_attachment(mail, file, ref, inline=inline))
    raw = (mail.plain or mail.html)[:MAX_RAW] if len(lost) > len(mail.lost) else ""
    if not text.strip():
        text = "(a mail without words)" if not attached else "(files without words)"
    return Said(text, tuple(dict.fromkeys(lost)), tuple(attached), raw)


def reference(mail: Mail, file: File) -> str:
    """Name a file of a mail."""
    return f"{mail.identity}.{file.number}"


def _attachment(mail: Mail, file: File, ref: str, *, inline: bool) -> Attachment:
    where = f"{mail.place};{mail.message_id}"
    return Attachment(file.name, file.mime, file.size, ref, where, inline=inline)
