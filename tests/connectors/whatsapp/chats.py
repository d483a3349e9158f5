"""A number on the bench, for the parts of the conformance suite that need no reading back.

It stands here and not beside the connector, where every bench is taken for a desk that keeps tickets.
"""

from __future__ import annotations

from typing import Any

from connectors.testing.bench import Bench, Lacking, Shown, ShownComment
from connectors.whatsapp.simulator import NUMBER_ID, WhatsAppSimulator
from tests.connectors.whatsapp.stand import SECRET, TOKEN, VERIFY


class WhatsAppBench(Bench):
    """One number; a ticket is the conversation and the first message of a customer of its own."""

    connector = "whatsapp"
    categories = frozenset()
    levels = frozenset()
    agents = ("app", "app")

    def __init__(self) -> None:
        self.desk: WhatsAppSimulator = WhatsAppSimulator(token=TOKEN, webhook_secret=SECRET)
        self._customers = 0
        self._said: dict[str, list[ShownComment]] = {}

    def options(self) -> dict[str, Any]:
        """Return the settings."""
        return {
            "auth": {"token": TOKEN},
            "webhook_secret": SECRET,
            "verify_token": VERIFY,
            "phone_number_id": NUMBER_ID,
        }

    def open_ticket(self, title: str, body: str, *, email: str = "customer@example.com") -> str:
        """Let a new customer write; nobody has an e-mail address here."""
        self._customers += 1
        phone = f"1555{self._customers:07d}"
        number = self.desk.act("write", phone=phone, text=f"{title}\n\n{body}")
        return f"{phone}:{number}"

    def say(self, ticket: str, text: str, *, public: bool = True) -> None:
        """Let a colleague answer by the app; nobody can note anything."""
        if not public:
            raise Lacking
        self.desk.act("answer_by_app", phone=ticket.partition(":")[0], text=text)
        self._said.setdefault(ticket, []).append(ShownComment(text, public=True))

    def ask(self, ticket: str, text: str) -> None:
        """Let the customer write again."""
        self.desk.act("write", phone=ticket.partition(":")[0], text=text)

    def shown(self, ticket: str) -> Shown:
        """Return what stands on the customer's phone."""
        phone = ticket.partition(":")[0]
        sent = [each for each in self.desk.sent if each["to"] == phone and each["type"] == "text"]
        replies = [ShownComment(each["text"]["body"], public=True) for each in sent]
        return Shown("", "", "", comments=(*self._said.get(ticket, ()), *replies))
