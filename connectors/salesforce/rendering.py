"""Our intents in Salesforce's words: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from connectors.salesforce import mapping
from connectors.salesforce.account import Account
from connectors.salesforce.ids import QUEUE, USER, full_id
from connectors.salesforce.mapping import MAX_COMMENT, MAX_DESCRIPTION, MAX_SUBJECT, obj, shortened, text
from connectors.sdk import Category, Intent, Kind, Level, Operation, Priority, RemotePerson, Status, Visibility
from gateway.domain.shown import CUSTOM, is_shown, plain_shown
from gateway.errors import UnmappedError

T = TypeVar("T")

#: a comment without words is refused
NO_TEXT = "(no text)"
#: what Markdown of ours says in a way that only its maker understands
_MENTION = re.compile(r"\[(@[^\]\n]*)\]\(mention:[^)\s]*\)")
_IMAGE = re.compile(r"!\[([^\]\n]*)\]\(attachment:[^)\s]*\)")


def fields(account: Account, intent: Intent) -> dict[str, Any]:
    """Return the fields of an intent but for the owner, who is looked up; raises UnmappedError for a lacking word."""
    found: dict[str, Any] = {}
    for name, value in intent.fields.items():
        match name:
            case "title":
                found["Subject"] = subject(text(value))
            case "body":
                found["Description"] = description(text(value))
            case "status":
                found["Status"] = status_word(account, value)
            case "priority":
                word = priority_word(account, value)
                if word is not None or intent.operation is not Operation.CREATE:
                    found["Priority"] = word
            case "kind":
                word = account.type_words.get(Kind(value)) if value in set(Kind) else None
                found |= {"Type": word} if word else {}
            case _:
                pass
    custom = {**obj(intent.fields.get("custom")), **_shown(intent)}
    for name, value in custom.items():
        field = account.custom_field(name)
        if not field:
            msg = f"no custom field is known as {name!r}: name its API name under `custom_fields:` in gateway.yaml"
            raise UnmappedError(msg, field=CUSTOM + name)
        found[field] = value
    return found


def _shown(intent: Intent) -> dict[str, Any]:
    return {name.removeprefix(CUSTOM): value for name, value in intent.fields.items() if name.startswith(CUSTOM)}


def subject(given: str) -> str:
    """Return a subject as Salesforce keeps it: one line, trimmed, 255 characters."""
    return " ".join(given.splitlines()).strip()[:MAX_SUBJECT].rstrip()


def description(given: str) -> str:
    """Return a description as Salesforce keeps it."""
    return shortened(plainly(given).strip(), MAX_DESCRIPTION)


def plainly(markdown: str) -> str:
    """Return Markdown as people read it in a field without markup: who is called and which image stands there."""
    return _IMAGE.sub(lambda found: f"[{found[1] or 'image'}]", _MENTION.sub(r"\1", markdown))


def status_word(account: Account, value: Any) -> str:
    """Return the org's word for a status; raises UnmappedError where it has none."""
    given = _converted(value, Status)
    if given.native.strip():
        return given.native.strip()
    word = account.status_words.get(given.category)
    if given.category is Category.UNKNOWN or word is None:
        msg = f"no word of Case.Status is known for {given.category.value}: name one under `statuses:` in gateway.yaml"
        raise UnmappedError(msg, field="status")
    return word


def priority_word(account: Account, value: Any) -> str | None:
    """Return the org's word for a priority, None for none; raises UnmappedError where it has none."""
    given = _converted(value, Priority)
    if given.native.strip():
        return given.native.strip()
    if given.level is Level.UNSET:
        return None
    word = account.priority_words.get(given.level)
    if word is None:
        msg = f"no word of Case.Priority is known for {given.level.value}: name one under `priorities:` in gateway.yaml"
        raise UnmappedError(msg, field="priority")
    return word


def _converted(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        msg = f"not a {kind.__name__.lower()}: {error}"
        raise UnmappedError(msg) from None


def comment_body(intent: Intent) -> str:
    """Return the text of a comment as it is sent."""
    said = plainly(text(intent.comment.body)) if intent.comment else ""
    return shortened(said.strip() or NO_TEXT, MAX_COMMENT)


def is_public(intent: Intent) -> bool:
    """Say whether customers may read a comment: only when the operation and the comment both say so."""
    said = intent.comment
    return said is not None and said.visibility is Visibility.PUBLIC and intent.operation is Operation.PUBLIC_REPLY


def as_read(account: Account, intent: Intent) -> dict[str, Any]:
    """Return the fields of `intent` as `mapping` will read them back, as canonical JSON."""
    shown = {name: value for name, value in intent.fields.items() if is_shown(name)}
    found: dict[str, Any] = {name: plain_shown(value) for name, value in shown.items()}
    rest = {name: value for name, value in intent.fields.items() if name not in shown}
    try:
        words = fields(account, msgspec.structs.replace(intent, fields=rest))
    except UnmappedError:
        return found
    names = {field: name for name, field in account.field_names.items()}
    custom = {}
    for field, value in words.items():
        match field:
            case "Subject":
                found["title"] = value
            case "Description":
                found["body"] = value
            case "Status":
                found["status"] = msgspec.to_builtins(mapping.status(account, value))
            case "Priority":
                found["priority"] = msgspec.to_builtins(mapping.priority(account, value))
            case "Type":
                read = mapping.kind(account, value)
                found |= {"kind": read.value} if isinstance(read, Kind) else {}
            case _:
                custom[names.get(field, field)] = value
    if custom:
        found["custom"] = custom
    return found | _owner_read(account, intent)


def _owner_read(account: Account, intent: Intent) -> dict[str, Any]:
    """Return how queue and assignee read back; whoever is looked up by e-mail is known only then."""
    found: dict[str, Any] = {}
    queue = text(intent.fields.get("queue")).strip()
    account_id = full_id(text(obj(intent.fields.get("assignee")).get("external_id")))
    if account_id:
        found["assignee"] = msgspec.to_builtins(RemotePerson(account_id))
    elif "assignee" in intent.fields and not obj(intent.fields["assignee"]):
        found["assignee"] = None
    if queue and not account_id:
        found["queue"] = account.queue_names.get(full_id(queue), queue) if queue.startswith(QUEUE) else queue
    return found


def side_effects(intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what follows from one owner for two fields: a case that goes to a queue is nobody's any more."""
    queued = bool(text(intent.fields.get("queue")).strip())
    if queued and "assignee" not in intent.fields and observed.get("assignee"):
        return {"assignee": None}
    return {}


def is_user_id(given: str) -> bool:
    """Say whether an account of an intent can be a user of Salesforce."""
    return given.startswith(USER) and bool(full_id(given))
