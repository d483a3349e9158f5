"""A connector to a simulated mailbox, and mails written by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from connectors.email.connector import EmailConnector
from connectors.sdk import Event, RawDelivery
from gateway.ports import ConnectionSettings

ADDRESS = "support@desk.example"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = "0123456789abcdef0123456789abcdef"
PASSWORD = "mail-password-0123"


def connect(url: str = "imaps://mail.desk.example", **options: Any) -> EmailConnector:
    """Make a connector."""
    given = {
        "auth": {"user": "support", "password": PASSWORD},
        "smtp": "smtps://mail.desk.example",
        "address": ADDRESS,
        "agents": ["@desk.example"],
        **options,
    }
    return EmailConnector(ConnectionSettings("support-mail", "email", url, given, deadline=2.0))


def mail(
    text: str | bytes = "It burns.",
    *,
    sender: str = "Kim <kim@customer.example>",
    to: str = f"Support <{ADDRESS}>",
    subject: str = "Printer on fire",
    number: str = "<1@customer.example>",
    kind: str = "text/plain; charset=utf-8",
    **headers: str,
) -> bytes:
    """Return a mail; `headers` are more of them, `_` in their names is `-`."""
    lines = [
        f"From: {sender}", f"To: {to}", f"Subject: {subject}", f"Message-ID: {number}",
        "Date: Sun, 01 Mar 2026 11:59:00 +0000", "MIME-Version: 1.0", f"Content-Type: {kind}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]  # fmt: skip
    body = text if isinstance(text, bytes) else text.encode()
    return "\r\n".join(line for line in lines if not line.endswith(": ")).encode() + b"\r\n\r\n" + body


def parse(raw: bytes, *, taken: bool = False, **options: Any) -> Event:
    """Return the event of a mail."""
    headers = {"x-gateway-taken": "yes"} if taken else {}
    (event,) = connect(**options).parse(RawDelivery("d", NOW, headers, raw))
    return event
