"""A business number on the bench: what customers do on their phones, and what stands there.

No conversation can be read back, so what is shown is what the simulator put on the customer's phone.
"""

from __future__ import annotations

from collections.abc import Mapping
from mimetypes import guess_type
from typing import Any, ClassVar

from connectors.testing.bench import Bench, Lacking, Shown, ShownComment, ShownFile
from connectors.whatsapp.simulator import DISPLAY, NUMBER_ID, WhatsAppSimulator

SECRET = "app-secret-0123456789"
TOKEN = "EAAG-token-0123456789"
VERIFY = "a-word-of-ours"


class WhatsAppBench(Bench):
    """One number; a ticket is the conversation with a customer of its own, named by the message that began it."""

    connector = "whatsapp"
    categories = frozenset()
    levels = frozenset()
    #: colleagues share the app of the number: the second has none
    agents = (f"app-{DISPLAY}", "app-none")
    effects: ClassVar[Mapping[str, str]] = {"public_reply": "message", "attach": "message"}
    staging = rf"^/{NUMBER_ID}/media$"

    def __init__(self) -> None:
        self.desk: WhatsAppSimulator = WhatsAppSimulator(token=TOKEN, webhook_secret=SECRET)
        self._customers = 0

    def options(self) -> dict[str, Any]:
        """Return the settings."""
        return {
            "auth": {"token": TOKEN},
            "webhook_secret": SECRET,
            "verify_token": VERIFY,
            "phone_number_id": NUMBER_ID,
        }

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:  # noqa: ARG002
        """Let a new customer write; nobody has an e-mail address here, and the first line is the title."""
        self._customers += 1
        phone = f"1555{self._customers:07d}"
        number = self.desk.act("write", phone=phone, text=f"{title}\n\n{body}")
        return f"{phone}:{number}"

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let a colleague answer in the WhatsApp Business app; nobody can note anything."""
        if not public:
            raise Lacking
        self.desk.act("answer_by_app", phone=_phone(ticket), text=text)

    def ask(self, ticket: str, text: str) -> None:
        """Let the customer write again."""
        self.desk.act("write", phone=_phone(ticket), text=text)

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool = True) -> None:
        """Let the customer send a file, which is a message of its own."""
        if not public:
            raise Lacking
        mime = guess_type(name)[0] or "application/octet-stream"
        self.desk.act("send_file", phone=_phone(ticket), name=name, mime=mime, data=data)

    def shown(self, ticket: str) -> Shown:
        """Return what stands on the customer's phone, from the message that began the ticket on."""
        phone, _, began = ticket.partition(":")
        there = self.desk.phones.get(phone, [])
        places = [place for place, each in enumerate(there) if each["id"] == began]
        if not places:
            raise LookupError(ticket)
        first, *rest = there[places[0] :]
        words = _words(first)
        comments = [ShownComment(_words(each), public=True) for each in rest if _words(each)]
        files = [file for each in (first, *rest) for file in self._files(each)]
        title = words.partition("\n")[0]
        return Shown(title, words, "", comments=tuple(comments), files=tuple(files))

    def _files(self, message: dict[str, Any]) -> list[ShownFile]:
        inside = message[message["type"]]
        held = self.desk.media.get(inside.get("id", ""))
        # only documents keep their name on a phone
        return [ShownFile(inside.get("filename") or message["type"], held[1])] if held is not None else []


def _phone(ticket: str) -> str:
    return ticket.partition(":")[0]


def _words(message: dict[str, Any]) -> str:
    """Return the words of a message; of a template those that fill its variable."""
    inside = message[message["type"]]
    if message["type"] == "template":
        return " ".join(each["text"] for part in inside.get("components") or [] for each in part["parameters"])
    return str(inside.get("body") or inside.get("caption") or "")
