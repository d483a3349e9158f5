"""Our intents in Freshdesk's words, and its answers as receipts: pure."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, TypeVar

import msgspec

from connectors.content import destroyed, from_html, restored, sized_html, to_html
from connectors.freshdesk import mapping, words
from connectors.freshdesk.account import Account
from connectors.freshdesk.mapping import Json, ident, obj, text
from connectors.marks import marked
from connectors.sdk import (
    Blob,
    Intent,
    Kind,
    Operation,
    Part,
    Priority,
    Receipt,
    Status,
    Visibility,
    WriteContext,
)
from gateway.domain.shown import CUSTOM, DUE, instant_text, is_shown, plain_shown
from gateway.errors import UnmappedError

T = TypeVar("T")

#: the desk refuses an empty description and an empty comment
NO_TEXT = "(no text)"
#: the longest subject (validation of both products: 255 characters)
MAX_SUBJECT = 255
#: a ticket that is Resolved or Closed takes no due times
OVER = frozenset({4, 5})
#: what a ticket must have and we were not told: Open, and Low as the desk itself begins
FIRST_STATUS = "2"
FIRST_PRIORITY = "1"


def fields(account: Account, intent: Intent) -> dict[str, Any]:
    """Return the fields of a request; raises UnmappedError for a value that the desk has no word for.

    The description is not among them: it may have to be read first.
    """
    found: dict[str, Any] = {}
    for name, value in intent.fields.items():
        match name:
            case "title":
                found["subject"] = subject(text(value))
            case "status":
                found["status"] = int(_status_number(account, value))
            case "priority":
                number = words.priority_number(_converted(value, Priority))
                found |= {"priority": int(number)} if number else {}
            case "kind":
                word = account.words.types.get(Kind(value)) if value in set(Kind) else None
                found |= {"type": word} if word else {}
            case "tags":
                found["tags"] = list(mapping.tags(list(value or ())))
            case "assignee":
                found |= _assignee(value)
            case "queue":
                found |= {"group_id": _number(_group(account, text(value)))} if value else {"group_id": None}
            case _:
                pass
    custom = {**obj(intent.fields.get("custom")), **_shown(intent)}
    if custom:
        found["custom_fields"] = {account.field(name): value for name, value in custom.items()}
    return found


def has_requester(intent: Intent) -> bool:
    """Say whether an intent, or the sync rule, names a requester that the desk can take."""
    return bool(_requester(intent.fields.get("requester"), intent.params))


def creation(account: Account, intent: Intent, context: WriteContext) -> dict[str, Any]:
    """Return the request that creates a ticket, our mark in its custom field; raises UnmappedError.

    Without a requester it is our own agent's: the desk takes no ticket of nobody.
    """
    given = fields(account, intent)
    params = intent.params
    body = text(intent.fields.get("body")).strip() or text(intent.fields.get("title")).strip() or NO_TEXT
    given["description"] = to_html(body)
    given.setdefault("subject", subject(body.partition("\n")[0]) or NO_TEXT)
    given["subject"] = given["subject"] or NO_TEXT
    given.setdefault("status", int(FIRST_STATUS))
    given.setdefault("priority", int(FIRST_PRIORITY))
    given |= _requester(intent.fields.get("requester"), params) or {"requester_id": _number(account.own)}
    if params.get("group"):
        given["group_id"] = _number(_group(account, str(params["group"])))
    for name, ours in (("product_id", "product_id"), ("email_config_id", "email_config_id"), ("type", "type")):
        if params.get(ours):
            given[name] = params[ours] if name == "type" else _number(str(params[ours]))
    if account.workspace_id not in {"", "0"} or params.get("workspace_id"):
        given["workspace_id"] = _number(str(params.get("workspace_id") or account.workspace_id))
    custom = {**obj(params.get("custom")), **obj(given.get("custom_fields"))}
    found = {account.field(str(name)): value for name, value in custom.items()}
    if account.marker:
        found[account.marker] = context.effect_key
    if found:
        given["custom_fields"] = found
    return given


def due(intent: Intent, given: Mapping[str, Any], there: Json) -> dict[str, Any]:
    """Return the due times of a ticket that is shown as `there`, of which `given` is to be set; empty: none are taken.

    The desk takes both or neither, the first response no later than the resolution, and none of a ticket that is
    resolved or closed (validation of both products). A due time that is to be empty stays: the desk has no such ticket.
    """
    wanted = mapping.moment(plain_shown(intent.fields.get(DUE)))
    if wanted is None or given.get("status", there.get("status")) in OVER:
        return {}
    first = mapping.moment(there.get("fr_due_by"))
    first = wanted if first is None else min(first, wanted)
    return {"due_by": instant_text(wanted), "fr_due_by": instant_text(first)}


def description(there: str, wanted: str) -> str:
    """Return the HTML of a new description, with the inline images of the old one where it names them.

    What would be gone of the old one all the same is kept before it.
    """
    stands = mapping.read_html(there)
    shown = mapping.shown_images(there)
    new = to_html(restored(wanted.strip() or NO_TEXT, stands.markdown), images=shown)
    for number, address in shown.items():
        # the desk knows an image of its own by its number
        source = f'src="{escape(address)}"'
        new = new.replace(f"<img {source}", f'<img {source} data-id="{escape(number)}"')
    new = sized_html(new, there)
    if not destroyed(stands, mapping.read_html(new)):
        return new
    ours = to_html(wanted.strip() or NO_TEXT)
    return there if there.endswith(f"<hr>{ours}") else f"{there}<hr>{ours}"


def comment(account: Account, intent: Intent, context: WriteContext) -> tuple[str, dict[str, Any]]:
    """Return the last part of the path and the request of a comment: `reply` is mailed, `notes` is not.

    A note is private unless it is said to be public; a reply always is.
    """
    body = marked(to_html(comment_text(intent)), context.effect_key)
    if not is_public(intent):
        return "notes", {"body": body, "private": True}
    if account.public_note:
        return "notes", {"body": body, "private": False}
    return "reply", {"body": body}


def parts(given: Mapping[str, Any], intent: Intent) -> tuple[Part, ...]:
    """Return a request as multipart/form-data, with the files of an intent.

    Nested names are written as Rails reads them: `custom_fields[cf_x]`, `tags[]`, `attachments[]`.
    """
    found: list[Part] = []
    for name, value in given.items():
        if isinstance(value, Mapping):
            found += [Part(f"{name}[{inner}]", _plain(each)) for inner, each in value.items() if each is not None]
        elif isinstance(value, list):
            found += [Part(f"{name}[]", _plain(each)) for each in value]
        elif value is not None:
            found.append(Part(name, _plain(value)))
    for one in intent.attachments:
        found.append(Part("attachments[]", Blob(one.sha256, one.size), one.name, one.mime))
    return tuple(found)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def comment_text(intent: Intent) -> str:
    """Return the text of a comment as it is sent."""
    return (text(intent.comment.body) if intent.comment else "").strip() or NO_TEXT


def is_public(intent: Intent) -> bool:
    """Say whether a comment may be seen by the requester: only when the operation and the comment both say so."""
    said = intent.comment
    return said is not None and said.visibility is Visibility.PUBLIC and intent.operation is Operation.PUBLIC_REPLY


def subject(title: str) -> str:
    """Return a title as the desk keeps it: one line, no longer than it takes."""
    return " ".join(title.split())[:MAX_SUBJECT].rstrip()


def receipt_of(account: Account, data: Json) -> Receipt:
    """Return what a ticket of the API says about a write that landed."""
    observed = mapping.ticket(data, account)
    if observed is None:
        return Receipt()
    return Receipt(
        remote_id=observed.remote_id,
        key=observed.key,
        url=observed.url,
        version=observed.version,
        version_token=observed.version_token,
        observed=observed,
        file_ids=tuple(each.remote_id for each in observed.attachments if each.remote_id and not each.inline),
        at=observed.updated_at,
    )


def comment_receipt(data: Json, context: WriteContext) -> Receipt:
    """Return what a conversation says about a comment of ours."""
    number = ident(data.get("id"))
    files = tuple(ident(each.get("id")) for each in mapping.objects(data.get("attachments")))
    return Receipt(
        remote_id=context.remote_id,
        comment_id=number,
        change_ids=(number,),
        file_ids=files,
        at=mapping.moment(data.get("created_at")),
    )


def as_read(account: Account, intent: Intent) -> dict[str, Any]:
    """Return the fields of `intent` as `mapping` will read them back, as canonical JSON."""
    shown = {name: value for name, value in intent.fields.items() if is_shown(name)}
    rest = {name: value for name, value in intent.fields.items() if name not in shown}
    found: dict[str, Any] = {
        name: plain_shown(value) for name, value in shown.items() if name.startswith(CUSTOM) or (name == DUE and value)
    }
    try:
        given = fields(account, msgspec.structs.replace(intent, fields=rest))
    except UnmappedError:
        return found
    if "body" in rest:
        found["body"] = from_html(to_html(text(rest["body"]).strip() or NO_TEXT)).markdown
    for name, value in given.items():
        match name:
            case "subject":
                found["title"] = value
            case "status":
                found["status"] = msgspec.to_builtins(account.words.status(value))
            case "priority":
                found["priority"] = msgspec.to_builtins(words.priority(value))
            case "type":
                kind = account.words.kind(value)
                found["kind"] = kind.value if isinstance(kind, Kind) else Kind.OTHER.value
            case "tags":
                found["tags"] = value
            case "responder_id":
                found["assignee"] = {"external_id": ident(value)} if value else None
            case "group_id":
                found["queue"] = account.queue(ident(value)) if value else ""
            case "custom_fields":
                found["custom"] = {account.field_name(each): content for each, content in value.items()}
            case _:
                pass
    return found


def _shown(intent: Intent) -> dict[str, Any]:
    return {name.removeprefix(CUSTOM): value for name, value in intent.fields.items() if name.startswith(CUSTOM)}


def _status_number(account: Account, value: Any) -> str:
    given = _converted(value, Status)
    number = account.words.status_number(given)
    if not number:
        named = ", ".join(each.name for each in account.words.statuses.values())
        wanted = given.native or "of the category `unknown`"
        msg = (
            f"no status {wanted!r} is known (there are: {named}); name it under `statuses:` or map it in the sync rule"
        )
        raise UnmappedError(msg)
    return number


def _group(account: Account, queue: str) -> str:
    group = account.group(queue)
    if not group:
        msg = f"no group is known for the queue {queue!r}: name its id under `groups:` in gateway.yaml"
        raise UnmappedError(msg)
    return group


def _assignee(value: Any) -> dict[str, Any]:
    given = obj(value)
    number = ident(given.get("external_id"))
    if number.isascii() and number.isdigit():
        return {"responder_id": int(number)}
    return {} if given else {"responder_id": None}


def _requester(value: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the requester by id, else by e-mail (the desk finds or makes the contact), else the rule's stand-in."""
    given = obj(value)
    number = ident(given.get("external_id"))
    if number.isascii() and number.isdigit():
        return {"requester_id": int(number)}
    email = text(given.get("email")).strip() or str(params.get("requester") or "")
    if not email:
        return {}
    name = text(given.get("name")).strip()
    return {"email": email, "name": name} if name and text(given.get("email")) else {"email": email}


def _number(number: str) -> int | str:
    return int(number) if number.isascii() and number.isdigit() else number


def _converted(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        msg = f"not a {kind.__name__.lower()}: {error}"
        raise UnmappedError(msg) from None
