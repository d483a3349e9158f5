"""A mailbox on the bench: what customers and colleagues do there, by mail."""

from __future__ import annotations

import re
from email.message import Message
from typing import Any

from connectors.content import to_plain
from connectors.email.mapping import bare, said, tag_of
from connectors.email.mime import Mail, file_of
from connectors.email.simulator import ADDRESS, SimulatedMail
from connectors.testing.bench import Bench, Lacking, Shown, ShownComment, ShownFile


class EmailBench(Bench):
    """One mailbox; a ticket is a conversation, named by the mail that began it."""

    connector = "email"
    categories = frozenset()
    levels = frozenset()
    agents = ("agent1@desk.example", "agent2@desk.example")

    def __init__(self) -> None:
        self.desk: SimulatedMail = SimulatedMail()

    def options(self) -> dict[str, Any]:
        """Return the settings."""
        return {
            "auth": {"user": self.desk.user, "password": self.desk.password},
            "smtp": self.desk.smtp_url,
            "address": ADDRESS,
            "authority": self.desk.authority,
            "agents": ["@desk.example"],
            "backlog": True,
        }

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let a customer write."""
        number = self.desk.act("write", sender=email, subject=title, text=body)
        return self._ticket(number)

    def _ticket(self, number: str) -> str:
        mail = next(each for each in self._mails() if each.message_id == number.strip("<>"))
        return f"{tag_of(mail.message_id)}:{mail.identity[:16]}"

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let a colleague answer with a mail program of their own, the mailbox in copy."""
        if not public:
            raise Lacking
        self._answer(ticket, text, "agent1@desk.example", [])

    def ask(self, ticket: str, text: str) -> None:
        """Let the customer write again."""
        first = self._thread(ticket)[0]
        self._answer(ticket, text, first.people("from")[0].address, [])

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let a colleague send a file."""
        if not public:
            raise Lacking
        self._answer(ticket, f"Here is {name}", "agent1@desk.example", [(name, data)])

    def _answer(self, ticket: str, text: str, sender: str, files: list[tuple[str, bytes]]) -> None:
        thread = self._thread(ticket)
        if not thread:
            raise LookupError(ticket)
        last, references = thread[-1], " ".join(f"<{each.message_id}>" for each in thread)
        self.desk.act(
            "write", sender=sender, name=sender.partition("@")[0], subject=f"Re: {last.header('subject')}", text=text,
            answers=f"<{last.message_id}>", references=references, files=files,
        )  # fmt: skip

    def _raw(self) -> list[bytes]:
        with self.desk.store.lock:
            arrived = [mail.raw for mail in self.desk.store.folders["INBOX"].mails.values()]
            return arrived or [each.raw for each in self.desk.store.sent]

    def _mails(self) -> list[Mail]:
        return [Mail.of(raw) for raw in self._raw()]

    def _thread(self, ticket: str) -> list[Mail]:
        return [mail for mail, _ in self._with_raw(ticket)]

    def _with_raw(self, ticket: str) -> list[tuple[Mail, bytes]]:
        """Return the mails of a conversation with those of ours, as they came."""
        tag = ticket.partition(":")[0]
        found = []
        for raw in self._raw():
            mail = Mail.of(raw)
            named = (mail.message_id, *mail.ids("references"), *mail.ids("in-reply-to"))
            if tag in {tag_of(each) for each in named} or f"[#{tag}]" in mail.header("subject"):
                found.append((mail, raw))
        return found

    def shown(self, ticket: str) -> Shown:
        """Return a conversation as a mail program shows it."""
        thread = self._with_raw(ticket)
        if not thread:
            raise LookupError(ticket)
        (first, _), *rest = thread
        comments = [ShownComment(_words(mail), public=True) for mail, _ in rest]
        files = [ShownFile(file.name, file_of(raw, file.number) or b"") for mail, raw in thread for file in mail.files]
        return Shown(bare(first.header("subject")), _words(first), "", comments=tuple(comments), files=tuple(files))


def _words(mail: Mail) -> str:
    text = mail.plain.strip() or to_plain(said(mail, is_reply=False).markdown)
    return re.sub(r"\n{3,}", "\n\n", text)


def of_sent(message: Message) -> Mail:
    """Return a mail that was sent, as it is read."""
    return Mail.of(message.as_bytes())
