"""Our intents in Zammad's words: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from connectors.content import from_html, to_html
from connectors.sdk import (
    Attachment,
    Blob,
    Category,
    Intent,
    Kind,
    Operation,
    Receipt,
    RemotePerson,
    RemoteTicket,
    Visibility,
    WriteContext,
)
from connectors.zammad import mapping
from connectors.zammad.account import Account
from connectors.zammad.mapping import KEY, NOBODY, ident, obj, text
from gateway.domain.shown import CUSTOM, is_shown, plain_shown

#: Zammad refuses an article without a text
NO_TEXT = "(no text)"
#: a title is cut here (app/models/ticket.rb, check_title: the column holds 250)
MAX_TITLE = 250
_SHOWN = re.compile(r"!\[([^\]]*)\]\(attachment:[^)\s]*\)")


def fields(account: Account, intent: Intent) -> dict[str, Any]:
    """Return the fields of an intent in Zammad's words; raises UnmappedError where it has none.

    What an article says cannot be changed afterwards, so `body` is written by a create only.
    """
    found: dict[str, Any] = {}
    for name, value in intent.fields.items():
        match name:
            case "title":
                found["title"] = title(text(value))
            case "status":
                found["state"] = account.status_word(value)
            case "priority":
                word = account.priority_word(value)
                found |= {"priority": word} if word else {}
            case "kind":
                word = mapping.KIND_WORDS.get(Kind(value), "") if value in set(Kind) else ""
                found |= {"type": word} if word else {}
            case "assignee":
                found |= _owner(value)
            case "queue":
                found |= {"group": text(value)} if text(value) else {}
            case _ if name.startswith(CUSTOM):
                found[name.removeprefix(CUSTOM)] = value
            case _:
                pass
    return found | dict(obj(intent.fields.get("custom")))


def title(said: str) -> str:
    """Return a title as Zammad keeps it (check_title): without white space around it, one line, and not too long."""
    return re.sub(r"[\s\t\r]", " ", said.strip())[:MAX_TITLE] or "-"


def _owner(value: Any) -> dict[str, Any]:
    given = obj(value)
    number = ident(given.get("external_id"))
    if number:
        return {"owner_id": int(number)}
    if text(given.get("email")):
        return {"owner": text(given.get("email")).strip().lower()}
    return {} if given else {"owner_id": int(NOBODY)}


def needs_time(account: Account, wanted: Mapping[str, Any]) -> bool:
    """Say whether the state to set is one that Zammad refuses without a pending time."""
    return str(wanted.get("state", "")).lower() in account.pending


def pending_time(account: Account, now: datetime) -> str:
    """Return until when a ticket waits that the gateway sets to a pending state."""
    return (now + timedelta(days=account.pending_days)).strftime("%Y-%m-%dT%H:%M:00.000Z")


def creation(account: Account, intent: Intent, context: WriteContext) -> dict[str, Any]:
    """Return the body of a POST that makes a ticket with its first article and our mark."""
    ticket = fields(account, intent)
    ticket.setdefault("title", title(text(intent.fields.get("body")).strip().partition("\n")[0]))
    ticket[account.marker] = context.effect_key
    if intent.params.get("group"):
        ticket["group"] = str(intent.params["group"])
    wanted = sorted({mapping.tag(text(word)) for word in intent.fields.get("tags") or ()} - {""})
    if wanted:
        ticket["tags"] = ",".join(wanted)
    asked = _customer(intent)
    ticket |= asked
    words = text(intent.fields.get("body")) or ticket["title"]
    ticket["article"] = {
        **_article(words, context.effect_key, intent.attachments),
        "type": str(intent.params.get("article_type") or "note"),
        "sender": "Customer" if asked else "Agent",
        "internal": intent.params.get("public", True) is False,
    }
    return ticket


def _customer(intent: Intent) -> dict[str, Any]:
    """Return the customer by id or by e-mail (Zammad finds or makes them); nobody by name alone."""
    given = obj(intent.fields.get("requester"))
    number = ident(given.get("external_id"))
    if number:
        return {"customer_id": int(number)}
    email = text(given.get("email")).strip() or str(intent.params.get("customer") or "")
    return {"customer_id": f"guess:{email}"} if email else {}


def comment(account: Account, intent: Intent, context: WriteContext, address: str) -> dict[str, Any]:
    """Return the body of a POST that adds an article. Internal unless the operation and the comment both say public."""
    said = intent.comment
    public = is_public(intent)
    found: dict[str, Any] = {
        "ticket_id": int(context.remote_id),
        **_article(said.body if said else "", context.effect_key, intent.attachments),
        "type": account.reply_as if public else "note",
        "sender": "Agent",
        "internal": not public,
    }
    return found | ({"to": address} if public and account.reply_as == "email" else {})


def _article(markdown: str, key: str, attachments: tuple[Attachment, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "body": html(markdown),
        "content_type": "text/html",
        "preferences": {KEY: key},
    }
    if attachments:
        found["attachments"] = [
            {"filename": each.name, "data": Blob(each.sha256, each.size), "mime-type": each.mime}
            for each in attachments
        ]
    return found


def html(markdown: str) -> str:
    """Return a text as HTML. A file that it shows stands beside the article, and is named in it."""
    return to_html(_SHOWN.sub(lambda shown: f"[{shown.group(1) or 'image'}]", markdown).strip() or NO_TEXT)


def as_kept(markdown: str) -> str:
    """Return a text as it will be read back."""
    return from_html(html(markdown)).markdown


def is_public(intent: Intent) -> bool:
    """Say whether customers may see a comment: only when the operation and the comment both say so."""
    said = intent.comment
    return said is not None and said.visibility is Visibility.PUBLIC and intent.operation is Operation.PUBLIC_REPLY


def receipt_of(ticket: RemoteTicket, **more: Any) -> Receipt:
    """Return the receipt of a write after which the ticket looked like this."""
    return Receipt(
        remote_id=ticket.remote_id,
        key=ticket.key,
        url=ticket.url,
        version=ticket.version,
        observed=ticket,
        at=ticket.updated_at,
        **more,
    )


def as_read(account: Account, intent: Intent) -> dict[str, Any]:
    """Return the fields of `intent` as `mapping` will read them back, as canonical JSON."""
    found: dict[str, Any] = {name: plain_shown(value) for name, value in intent.fields.items() if is_shown(name)}
    rest = msgspec.structs.replace(
        intent, fields={name: value for name, value in intent.fields.items() if name not in found}
    )
    for name, value in fields(account, rest).items():
        match name:
            case "title":
                found["title"] = value
            case "state":
                found["status"] = msgspec.to_builtins(account.status(value))
            case "priority":
                found["priority"] = msgspec.to_builtins(account.priority(value))
            case "type":
                found["kind"] = mapping.KINDS[value.lower()].value
            case "owner_id":
                nobody = str(value) == NOBODY
                found["assignee"] = None if nobody else msgspec.to_builtins(RemotePerson(str(value)))
            case "group":
                found["queue"] = value
            case _:
                pass
    if obj(intent.fields.get("custom")):
        found["custom"] = dict(intent.fields["custom"])
    if "tags" in intent.fields:
        found["tags"] = sorted({mapping.tag(text(word)) for word in intent.fields["tags"] or ()} - {""})
    if intent.operation is Operation.CREATE and "body" in intent.fields:
        found["body"] = as_kept(text(intent.fields["body"]))
    return found


def side_effects(account: Account, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what Zammad changes by itself: the first answer that is sent to the customer opens a new ticket.

    Notes do not (app/models/ticket/article/resets_ticket_state.rb: only types that are `communication`).
    """
    status = observed.get("status")
    fresh = not isinstance(status, Mapping) or status.get("category", Category.NEW.value) == Category.NEW.value
    if fresh and is_public(intent) and account.reply_as != "note":
        return {"status": msgspec.to_builtins(account.status("open"))}
    return {}
