"""The webhooks that the benchmarks send: Zendesk's event subscriptions, signed, a third each of three sorts.

Tickets are created, commented on and changed in turn. Each carries a token in its text by which its effect in the
other desk can be found again.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from connectors.sdk import hmac_base64

ACCOUNT = 12_514_403
CUSTOMER = 22_000_000_100
AGENT = 22_000_000_002
#: what happens to tickets, in turn
SORTS = ("created", "comment", "status")
_STATUSES = ("open", "pending")


def token(number: int) -> str:
    """Return the mark of the event with this number."""
    return f"[b{number:07d}]"


def event(sort: str, ticket: int, number: int, at: datetime) -> bytes:
    """Return the body of one webhook: `number` names the event, `ticket` the Zendesk ticket that it is about."""
    mark, when = token(number), at.astimezone(UTC)
    told: dict[str, Any] = {}
    status = "new"
    name = "created"
    subject = f"Invoice of order {ticket}"
    if sort == "created":
        subject = f"{subject} {mark}"
    elif sort == "comment":
        name, status = "comment_added", "open"
        author = {"id": str(CUSTOMER), "is_staff": False, "name": "Ana Díaz"}
        told = {"comment": {"id": str(30_000_000_000 + number), "body": f"Any news? {mark}", "is_public": True}}
        told["comment"]["author"] = author
    elif sort == "status":
        status = _STATUSES[number // len(SORTS) % 2]
        name = "status_changed"
        told = {"current": status.upper(), "previous": _STATUSES[(number // len(SORTS) + 1) % 2].upper()}
    else:
        name, subject = "subject_changed", f"{subject} {mark}"
        told = {"current": subject, "previous": f"Invoice of order {ticket}"}
    stamp = when.strftime("%Y-%m-%dT%H:%M:%SZ")
    detail = {
        "actor_id": str(AGENT if sort in {"status", "title"} else CUSTOMER),
        "brand_id": "360001",
        "created_at": (when - timedelta(minutes=0 if sort == "created" else 5)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "custom_status": "",
        "description": "Hello,\n\nthe amount on our last invoice is wrong. Could you have a look?\n\nThank you, Ana",
        "external_id": None,
        "form_id": "360002",
        "id": str(ticket),
        "is_public": True,
        "subject": subject,
        "submitter_id": str(CUSTOMER),
        "tags": ["billing"],
        "updated_at": stamp,
        "via": {"channel": "email"},
        "assignee_id": None,
        "group_id": None,
        "organization_id": None,
        "priority": "NORMAL",
        "requester_id": str(CUSTOMER),
        "status": status.upper(),
        "type": "QUESTION",
    }
    meta = {"sequence": {"id": f"{number:032X}", "position": 1, "total": 1}}
    return msgspec.json.encode(
        {
            "account_id": ACCOUNT,
            "detail": detail,
            "event": {**told, "meta": meta},
            "id": f"{number:08x}-0000-4000-8000-000000000000",
            "subject": f"zen:ticket:{ticket}",
            "time": when.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z",
            "type": f"zen:event-type:ticket.{name}",
            "zendesk_event_version": "2022-11-06",
        }
    )


def mixed(number: int, at: datetime, first: int = 1000) -> bytes:
    """Return event `number` of a mixed stream: every third creates a ticket, the next two are about an older one."""
    sort, ticket = SORTS[number % 3], number // 3
    return event(sort, first + (ticket if sort == "created" else max(0, ticket - 20)), first * 3 + number, at)


def headers(body: bytes, secret: str, at: datetime) -> dict[str, str]:
    """Return what Zendesk sends along."""
    stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Zendesk Webhook",
        "X-Zendesk-Account-Id": str(ACCOUNT),
        "X-Zendesk-Webhook-Id": "01JSIMULATED",
        "X-Zendesk-Webhook-Signature-Timestamp": stamp,
        "X-Zendesk-Webhook-Signature": hmac_base64(secret, stamp.encode() + body),
    }


def request(path: str, body: bytes, secret: str, at: datetime) -> bytes:
    """Return a whole request as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers(body, secret, at).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
