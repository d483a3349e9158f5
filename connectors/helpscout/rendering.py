"""Our intents in Help Scout's words, and its answers as receipts: pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from connectors.content import from_html, to_html
from connectors.helpscout import mapping
from connectors.helpscout.account import Account
from connectors.helpscout.mapping import CUSTOMER, Json, ident, obj, objects, text
from connectors.marks import marked
from connectors.sdk import (
    Blob,
    Category,
    Intent,
    Operation,
    Receipt,
    RemotePerson,
    RemoteTicket,
    Status,
    Visibility,
    WriteContext,
)
from gateway.domain.shown import CUSTOM, is_shown, plain_shown
from gateway.errors import UnmappedError

T = TypeVar("T")

#: the desk refuses an empty text
NO_TEXT = "(no text)"
WORDS = {
    Category.NEW: "active",
    Category.OPEN: "active",
    Category.PENDING_CUSTOMER: "pending",
    Category.ON_HOLD: "pending",
    Category.RESOLVED: "closed",
    Category.CLOSED: "closed",
    # spam would hide it from everybody
    Category.CANCELLED: "closed",
}
STATUSES = ("active", "pending", "closed", "spam")


class Step(msgspec.Struct, frozen=True):
    """One change of a conversation: the desk takes one field a request."""

    name: str
    method: str
    #: after the conversation's own path
    path: str
    payload: Any


def fields(account: Account, intent: Intent) -> dict[str, Any]:
    """Return what is wanted, by the desk's names, in the order in which it is written; raises UnmappedError."""
    found: dict[str, Any] = {}
    given = intent.fields
    if "title" in given:
        found["subject"] = subject(text(given["title"]))
    if given.get("queue"):
        found["mailboxId"] = _mailbox(account, text(given["queue"]))
    if "assignee" in given:
        found |= _assignee(given["assignee"])
    if "tags" in given:
        found["tags"] = [tag(text(each)) for each in sorted({text(each).lower() for each in given["tags"] or ()})]
    custom = {**obj(given.get("custom")), **_shown(intent)}
    if custom:
        found["customFields"] = {_field(account, name): value for name, value in custom.items()}
    # last: what comes after it could open a closed conversation again
    if "status" in given:
        found["status"] = status_word(given["status"])
    return found


def steps(wanted: Mapping[str, Any], there: Json, account: Account) -> list[Step]:
    """Return the changes that a conversation still needs, one request each (Mailbox API, "Update Conversation")."""
    found: list[Step] = []
    shown = mapping.ticket(there, account)
    for name, value in wanted.items():
        if shown is not None and holds(name, value, there, shown):
            continue
        match name:
            case "tags":
                found.append(Step(name, "PUT", "/tags", {"tags": value}))
            case "customFields":
                found.append(Step(name, "PUT", "/fields", {"fields": _merged(value, there)}))
            case "assignTo" if value is None:
                found.append(Step(name, "PATCH", "", {"op": "remove", "path": "/assignTo"}))
            case _:
                patch = {"op": "move" if name == "mailboxId" else "replace", "path": f"/{name}", "value": value}
                found.append(Step(name, "PATCH", "", patch))
    return found


def holds(name: str, value: Any, there: Json, shown: RemoteTicket) -> bool:
    """Say whether a conversation has a value already."""
    match name:
        case "tags":
            return shown.tags == tuple(value)
        case "customFields":
            have = {ident(each.get("id")): each.get("value") for each in objects(there.get("customFields"))}
            return all(plain_shown(have.get(each)) == plain_shown(content) for each, content in value.items())
        case "assignTo":
            one = shown.assignee
            return (ident(one.external_id) if isinstance(one, RemotePerson) else "") == (str(value) if value else "")
        case "mailboxId":
            return ident(there.get("mailboxId")) == str(value)
        case _:
            return bool(there.get(name) == value)


def _merged(wanted: Mapping[str, Any], there: Json) -> list[dict[str, Any]]:
    """Return all custom fields: those that are left out are emptied."""
    have = {ident(each.get("id")): each.get("value") for each in objects(there.get("customFields"))}
    found = {**have, **wanted}
    return [
        {"id": int(number), "value": value} for number, value in found.items() if number and value not in (None, "")
    ]


def creation(account: Account, intent: Intent, context: WriteContext) -> dict[str, Any]:
    """Return the request that creates a conversation, written in its customer's name; raises UnmappedError.

    Our mark is around the text and, where the settings name one, in a custom field.
    """
    wanted = fields(account, intent)
    params = intent.params
    body = text(intent.fields.get("body")).strip() or text(intent.fields.get("title")).strip() or NO_TEXT
    mailbox = wanted.get("mailboxId") or (_mailbox(account, str(params["mailbox"])) if params.get("mailbox") else None)
    if mailbox is None:
        msg = "a conversation needs an inbox: give `create: {mailbox: …}` in the sync rule"
        raise UnmappedError(msg)
    customer = _customer(intent.fields.get("requester"), params) or {"email": account.own_mail}
    thread: dict[str, Any] = {
        "type": "customer",
        "customer": {name: value for name, value in customer.items() if name in {"id", "email"}},
        "text": marked(to_html(body), context.effect_key),
    }
    if intent.attachments:
        thread["attachments"] = files(intent)
    given: dict[str, Any] = {
        "subject": wanted.get("subject") or subject(body.partition("\n")[0]),
        "customer": customer,
        "mailboxId": mailbox,
        "type": "email",
        "status": wanted.get("status", "active"),
        "threads": [thread],
    }
    if wanted.get("assignTo"):
        given["assignTo"] = wanted["assignTo"]
    if wanted.get("tags"):
        given["tags"] = wanted["tags"]
    custom = {
        **dict(wanted.get("customFields", {})),
        **({account.marker: context.effect_key} if account.marker else {}),
    }
    if custom:
        given["fields"] = [{"id": int(number), "value": value} for number, value in custom.items()]
    return given


def has_customer(intent: Intent) -> bool:
    """Say whether an intent, or the sync rule, names a customer that the desk can take."""
    return bool(_customer(intent.fields.get("requester"), intent.params))


def comment(intent: Intent, context: WriteContext, there: Json) -> tuple[str, dict[str, Any]]:
    """Return the last part of the path and the request of a comment.

    The status is named, because a reply opens a conversation where it does not say otherwise: the one that it has, or
    the one that comes with the reply.
    """
    given: dict[str, Any] = {"text": marked(to_html(comment_text(intent)), context.effect_key)}
    wanted = status_word(intent.fields["status"]) if "status" in intent.fields else text(there.get("status")).lower()
    if wanted in STATUSES:
        given["status"] = wanted
    if intent.attachments:
        given["attachments"] = files(intent)
    if not is_public(intent):
        return "notes", given
    customer = obj(there.get("primaryCustomer"))
    number = ident(customer.get("id"))
    given["customer"] = {"id": int(number)} if number else {"email": text(customer.get("email"))}
    return "reply", given


def files(intent: Intent) -> list[dict[str, Any]]:
    """Return the files of an intent; the transport puts their bytes in, as base64."""
    return [
        {"fileName": one.name, "mimeType": one.mime, "data": Blob(one.sha256, one.size)} for one in intent.attachments
    ]


def comment_text(intent: Intent) -> str:
    """Return the text of a comment as it is sent."""
    return (text(intent.comment.body) if intent.comment else "").strip() or NO_TEXT


def is_public(intent: Intent) -> bool:
    """Say whether a comment may be seen by the customer: only when the operation and the comment both say so."""
    said = intent.comment
    return said is not None and said.visibility is Visibility.PUBLIC and intent.operation is Operation.PUBLIC_REPLY


def subject(title: str) -> str:
    """Return a title as the desk keeps it: one line, and never empty."""
    return " ".join(title.split()) or NO_TEXT


def tag(word: str) -> str:
    """Return a tag as the desk keeps it: lower case."""
    return " ".join(word.lower().split())


def status_word(value: Any) -> str:
    """Return the word to write for a status; raises UnmappedError where there is none."""
    given = _converted(value, Status)
    native = given.native.strip().lower()
    if native:
        if native not in STATUSES:
            msg = f"Help Scout has no status {given.native!r} (there are: {', '.join(STATUSES)})"
            raise UnmappedError(msg, field="status")
        return native
    if given.category is Category.UNKNOWN:
        msg = "a status of the category `unknown` has no word in Help Scout: map it in the sync rule"
        raise UnmappedError(msg, field="status")
    return WORDS[given.category]


def receipt_of(found: RemoteTicket, **more: Any) -> Receipt:
    """Return the receipt of a write after which the conversation looked like this."""
    return Receipt(
        remote_id=found.remote_id,
        key=found.key,
        url=found.url,
        version=found.version,
        version_token=found.version_token,
        observed=found,
        at=found.updated_at if found.updated_at > mapping.EPOCH else None,
        **more,
    )


def as_read(account: Account, intent: Intent) -> dict[str, Any]:
    """Return the fields of `intent` as `mapping` will read them back, as canonical JSON."""
    shown = {name: value for name, value in intent.fields.items() if is_shown(name)}
    rest = {name: value for name, value in intent.fields.items() if name not in shown}
    found: dict[str, Any] = {name: plain_shown(value) for name, value in shown.items() if name.startswith(CUSTOM)}
    try:
        given = fields(account, msgspec.structs.replace(intent, fields=rest))
    except UnmappedError:
        return found
    if intent.operation is Operation.CREATE and "body" in rest:
        found["body"] = from_html(to_html(text(rest["body"]).strip() or NO_TEXT)).markdown
    for name, value in given.items():
        match name:
            case "subject":
                found["title"] = value
            case "status":
                found["status"] = msgspec.to_builtins(mapping.status(value, account))
            case "tags":
                found["tags"] = value
            case "assignTo":
                found["assignee"] = {"external_id": str(value)} if value else None
            case "mailboxId":
                found["queue"] = account.queue(str(value))
            case "customFields":
                found["custom"] = {account.field_names.get(each, each): content for each, content in value.items()}
            case _:
                pass
    return found


def _shown(intent: Intent) -> dict[str, Any]:
    return {name.removeprefix(CUSTOM): value for name, value in intent.fields.items() if name.startswith(CUSTOM)}


def _mailbox(account: Account, queue: str) -> int:
    number = account.mailbox(queue)
    if not number:
        msg = f"no inbox is known for the queue {queue!r}: name its id under `mailboxes:` in gateway.yaml"
        raise UnmappedError(msg, field="queue")
    return int(number)


def _field(account: Account, name: str) -> str:
    number = account.field(name)
    if not number:
        msg = f"no custom field is known as {name!r}: name its id under `custom_fields:` in gateway.yaml"
        raise UnmappedError(msg, field=CUSTOM + name)
    return number


def _assignee(value: Any) -> dict[str, Any]:
    given = obj(value)
    number = ident(given.get("external_id"))
    if number:
        return {"assignTo": int(number)}
    return {} if given else {"assignTo": None}


def _customer(value: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the customer by id, else by e-mail (the desk finds or makes them), else the rule's stand-in."""
    given = obj(value)
    account = text(given.get("external_id"))
    number = ident(account.removeprefix(CUSTOMER)) if account.startswith(CUSTOMER) else ""
    if number:
        return {"id": int(number)}
    email = text(given.get("email")).strip()
    if not email:
        stand_in = str(params.get("customer") or "")
        return {"email": stand_in} if stand_in else {}
    first, _, last = text(given.get("name")).strip().partition(" ")
    return {"email": email, **({"firstName": first[:40]} if first else {}), **({"lastName": last[:40]} if last else {})}


def _converted(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        msg = f"not a {kind.__name__.lower()}: {error}"
        raise UnmappedError(msg) from None
