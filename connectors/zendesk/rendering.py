"""Our intents in Zendesk's words, and its answers as receipts: pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from connectors.content import to_plain
from connectors.sdk import (
    Category,
    Intent,
    Kind,
    Level,
    Operation,
    Priority,
    Receipt,
    RemotePerson,
    Status,
    Visibility,
    WriteContext,
)
from connectors.zendesk import mapping, texts
from connectors.zendesk.account import Account
from connectors.zendesk.mapping import Json, ident, moment, obj, objects, text
from gateway.domain.shown import CUSTOM, DUE, TAGS, is_shown, plain_shown
from gateway.errors import UnmappedError

T = TypeVar("T")


def receipt_of(account: Account, data: Json, audit: Json, *, created: bool = False) -> Receipt:
    """Return what a ticket and the audit of its change say about a write that landed.

    `created`: the comment of the audit is the description.
    """
    at = moment(audit.get("created_at")) or moment(data.get("updated_at"))
    observed = mapping.ticket(data, account, at=at or mapping.EPOCH)
    comment = ""
    for event in objects(audit.get("events")):
        if text(event.get("type")) in {"Comment", "VoiceComment"}:
            comment = ident(event.get("id")) or comment
            said = mapping.comment(event, {}, at=mapping.EPOCH) if created else None
            if said is not None and said.source_format == "html" and observed is not None:
                observed = msgspec.structs.replace(observed, body=said.body)
    changes = tuple(number for number in (ident(audit.get("id")), comment) if number)
    if observed is None:
        return Receipt()
    return Receipt(
        remote_id=observed.remote_id,
        key=observed.key,
        url=observed.url,
        version=observed.version,
        version_token=observed.version_token,
        change_ids=changes,
        comment_id=comment,
        observed=observed,
        at=at,
    )


def rendered(account: Account, intent: Intent, context: WriteContext) -> dict[str, Any]:
    """Return the `ticket` object of the request; raises UnmappedError for a value that Zendesk has no word for."""
    ticket = fields(account, intent)
    if ticket.get("status") == "new" and _is_opened(context):
        # Zendesk refuses "new" for a ticket that has been anything else: "open" is the nearest that it takes
        ticket["status"] = "open"
    if intent.operation is Operation.CREATE:
        ticket["comment"] = {"html_body": "", "public": intent.params.get("public", True) is not False}
        ticket["external_id"] = mapping.MARKER_PREFIX + context.effect_key
        ticket.setdefault("subject", to_plain(body_of(intent)).strip().partition("\n")[0][:150])
        ticket |= _requester(intent.fields.get("requester"))
        ticket |= _params(account, intent.params)
    elif intent.comment is not None:
        ticket["comment"] = {"html_body": "", "public": is_public(intent)}
    if ticket:
        ticket["metadata"] = {mapping.METADATA_KEY: context.effect_key}
    return ticket


def follow_up(intent: Intent, context: WriteContext, closed: Json) -> dict[str, Any]:
    """Return the `ticket` object of one that goes on with a ticket that is closed for good, for the same requester.

    Its description is the reply; it inherits the tags of the closed one.
    """
    found: dict[str, Any] = {
        "via_followup_source_id": int(context.remote_id),
        "comment": {"html_body": "", "public": is_public(intent)},
        "external_id": mapping.MARKER_PREFIX + context.effect_key,
        "metadata": {mapping.METADATA_KEY: context.effect_key},
    }
    requester = ident(closed.get("requester_id"))
    subject = text(closed.get("subject")) or text(closed.get("raw_subject"))
    return found | ({"requester_id": int(requester)} if requester else {}) | ({"subject": subject} if subject else {})


def with_text(ticket: dict[str, Any], intent: Intent, images: Mapping[str, str]) -> dict[str, Any]:
    """Return the request with its words as HTML; `images` are the addresses of the uploads that they show."""
    if "comment" not in ticket:
        return ticket
    said = body_of(intent) if intent.operation is Operation.CREATE else comment_body(intent)
    return {**ticket, "comment": {**ticket["comment"], "html_body": texts.written(said, images)}}


def _is_opened(context: WriteContext) -> bool:
    """Say whether the ticket is known to have had another status than new (new is left out of stored values)."""
    seen = context.observed.get("status")
    return isinstance(seen, dict) and seen.get("category", "new") != "new"


def fields(account: Account, intent: Intent) -> dict[str, Any]:
    """Return the fields of an intent in Zendesk's words; raises UnmappedError where it has none.

    The description cannot be changed once a ticket is there, so `body` is written by a create only.
    """
    found: dict[str, Any] = {}
    for name, value in intent.fields.items():
        match name:
            case "title":
                found["subject"] = text(value)
            case "status":
                found["status"] = status_word(value)
            case "priority":
                word = priority_word(value)
                if word is not None or intent.operation is not Operation.CREATE:
                    found["priority"] = word
            case "kind":
                word = mapping.KIND_WORDS.get(Kind(value)) if value in set(Kind) else None
                found |= {"type": word} if word else {}
            case "tags":
                found["tags"] = sorted({mapping.tag(text(word)) for word in value or () if text(word).strip()})
            case "assignee":
                found |= _assignee(value)
            case "queue":
                found |= {"group_id": _number(_group(account, text(value)))} if value else {}
            case _:
                pass
    custom = {**obj(intent.fields.get("custom")), **_shown_custom(intent)}
    if custom:
        found["custom_fields"] = _custom(account, custom)
    if DUE in intent.fields:
        found["due_at"] = intent.fields[DUE]
    return found


def _shown_custom(intent: Intent) -> dict[str, Any]:
    return {name.removeprefix(CUSTOM): value for name, value in intent.fields.items() if name.startswith(CUSTOM)}


def custom_names(intent: Intent) -> list[str]:
    """Return the custom fields in which an intent shows something."""
    return list(_shown_custom(intent))


def with_own_tags(account: Account, intent: Intent, ticket: dict[str, Any], data: Json) -> dict[str, Any]:
    """Return the request with all tags that the ticket is to have: people's and the gateway's, which write apart.

    Zendesk sets all tags at once, so it is asked to refuse that where the ticket has changed since it was read [Z11].
    """
    there = set(mapping.tags(data.get("tags")))
    wanted = intent.fields.get(TAGS)
    own = account.own_tags | set(wanted or ())
    mine = {mapping.tag(text(word)) for word in wanted} if wanted is not None else there & own
    theirs = set(ticket["tags"]) if "tags" in ticket else there - own
    stamp = text(data.get("updated_at"))
    return {**ticket, "tags": sorted(theirs | mine), **({"safe_update": True, "updated_stamp": stamp} if stamp else {})}


def status_word(value: Any) -> str:
    """Return Zendesk's word for a status; raises UnmappedError where it has none."""
    given = _converted(value, Status)
    native = given.native.strip().lower()
    if native:
        if native not in mapping.STATUSES:
            msg = f"Zendesk has no status {given.native!r} (there are: {', '.join(mapping.STATUSES)})"
            raise UnmappedError(msg)
        return native
    if given.category is Category.UNKNOWN:
        msg = "a status of the category `unknown` has no word in Zendesk: map it in the sync rule"
        raise UnmappedError(msg)
    return mapping.STATUS_WORDS[given.category]


def priority_word(value: Any) -> str | None:
    """Return Zendesk's word for a priority, None for none; raises UnmappedError where it has none."""
    given = _converted(value, Priority)
    native = given.native.strip().lower()
    if native and native not in mapping.PRIORITIES:
        msg = f"Zendesk has no priority {given.native!r} (there are: {', '.join(mapping.PRIORITIES)})"
        raise UnmappedError(msg)
    return native or (None if given.level is Level.UNSET else mapping.PRIORITY_WORDS[given.level])


def _group(account: Account, queue: str) -> str:
    group = account.group(queue)
    if not group:
        msg = f"no Zendesk group is known for the queue {queue!r}: name its id under `groups:` in gateway.yaml"
        raise UnmappedError(msg)
    return group


def _assignee(value: Any) -> dict[str, Any]:
    given = obj(value)
    if ident(given.get("external_id")):
        return {"assignee_id": _number(ident(given.get("external_id")))}
    if text(given.get("email")):
        return {"assignee_email": text(given.get("email"))}
    return {"assignee_id": None} if not given else {}


def _requester(value: Any) -> dict[str, Any]:
    """Return the requester by id, else by e-mail (Zendesk finds or makes the user); nobody by name alone."""
    given = obj(value)
    if ident(given.get("external_id")):
        return {"requester_id": _number(ident(given.get("external_id")))}
    email = text(given.get("email")).strip()
    return {"requester": {"email": email, "name": text(given.get("name")) or email}} if email else {}


def _custom(account: Account, value: Any) -> list[dict[str, Any]]:
    found = []
    for name, content in obj(value).items():
        number = account.field_ids.get(name, name)
        if not (number.isascii() and number.isdigit()):
            msg = f"no custom field is known as {name!r}: name its id under `custom_fields:` in gateway.yaml"
            raise UnmappedError(msg, field=CUSTOM + name)
        found.append({"id": int(number), "value": content})
    return found


def _params(account: Account, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `create:` of a sync rule adds."""
    found: dict[str, Any] = {}
    if params.get("group"):
        found["group_id"] = _number(_group(account, str(params["group"])))
    for name in ("brand_id", "ticket_form_id"):
        if params.get(name):
            found[name] = _number(str(params[name]))
    return found


def _number(number: str) -> int | str:
    return int(number) if number.isascii() and number.isdigit() else number


def _converted(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        msg = f"not a {kind.__name__.lower()}: {error}"
        raise UnmappedError(msg) from None


def body_of(intent: Intent) -> str:
    """Return the description of a new ticket: its body, else its title."""
    return text(intent.fields.get("body")).strip() or text(intent.fields.get("title")).strip() or texts.NO_TEXT


def comment_body(intent: Intent) -> str:
    """Return the text of a comment that is to be written."""
    return (text(intent.comment.body) if intent.comment else "").strip() or texts.NO_TEXT


def is_public(intent: Intent) -> bool:
    """Say whether a comment may be seen by the requester: only when the operation and the comment both say so."""
    comment = intent.comment
    return (
        comment is not None and comment.visibility is Visibility.PUBLIC and intent.operation is Operation.PUBLIC_REPLY
    )


def as_read(account: Account, intent: Intent) -> dict[str, Any]:
    """Return the fields of `intent` as `mapping` will read them back, as canonical JSON."""
    found: dict[str, Any] = {}
    shown = {name: value for name, value in intent.fields.items() if is_shown(name)}
    rest = {name: value for name, value in intent.fields.items() if name not in shown}
    found |= {name: plain_shown(value) for name, value in shown.items()}
    try:
        words = fields(account, msgspec.structs.replace(intent, fields=rest))
    except UnmappedError:
        return found
    found |= _words_as_read(intent)
    for name, value in words.items():
        match name:
            case "subject":
                found["title"] = value
            case "status":
                found["status"] = msgspec.to_builtins(mapping.status(value))
            case "priority":
                found["priority"] = msgspec.to_builtins(mapping.priority(value))
            case "type":
                found["kind"] = mapping.KINDS[value].value
            case "tags":
                found["tags"] = value
            case "assignee_id":
                found["assignee"] = msgspec.to_builtins(RemotePerson(ident(value))) if value else None
            case "group_id":
                found["queue"] = account.queue(ident(value))
            case "custom_fields":
                found["custom"] = {
                    account.field_names.get(ident(field["id"]), ident(field["id"])): field["value"] for field in value
                }
            case _:
                pass
    return found


def _words_as_read(intent: Intent) -> dict[str, str]:
    """Return the words of an intent as they read back; where they show files, only the answer tells how."""
    found = {}
    if intent.operation is Operation.CREATE and "body" in intent.fields and not texts.shows_files(body_of(intent)):
        found["body"] = texts.as_read(body_of(intent))
    if intent.comment is not None:
        found["comment"] = texts.as_read(comment_body(intent))
    return found


def side_effects(intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what Zendesk changes by itself: a new ticket opens when it gets an assignee."""
    status = observed.get("status")
    fresh = isinstance(status, Mapping) and status.get("category", Category.NEW.value) == Category.NEW.value
    assigns = bool(obj(intent.fields.get("assignee")))
    if fresh and assigns and "status" not in intent.fields and intent.operation is not Operation.CREATE:
        return {"status": msgspec.to_builtins(mapping.STATUSES["open"])}
    return {}
