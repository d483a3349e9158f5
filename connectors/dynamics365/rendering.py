"""Our intents as Dataverse's records: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from connectors.content import destroyed, to_html
from connectors.dynamics365 import mapping
from connectors.dynamics365.account import (
    ACTIVE,
    PRIORITIES,
    PRIORITY_NUMBERS,
    STATE_OF,
    STATUS_NUMBERS,
    STATUSES,
    TYPES,
    Account,
)
from connectors.dynamics365.ids import guid
from connectors.dynamics365.mapping import MAX_NOTE, MAX_TITLE, obj, shortened, text
from connectors.sdk import Category, Intent, Kind, Level, Operation, Priority, RemotePerson, Status, Visibility
from gateway.domain.shown import CUSTOM, is_shown, plain_shown
from gateway.errors import UnmappedError

T = TypeVar("T")

#: a case without a title, and a note without words, are refused
NO_TEXT = "(no text)"
#: before words of an internal note that begin as if the portal were to show them
KEPT = "· "
_MENTION = re.compile(r"\[(@[^\]\n]*)\]\(mention:[^)\s]*\)")
_IMAGE = re.compile(r"!\[([^\]\n]*)\]\(attachment:[^)\s]*\)")


def fields(account: Account, intent: Intent) -> dict[str, Any]:
    """Return the columns of an intent but for the owner, who is looked up; raises UnmappedError for a lacking word."""
    found: dict[str, Any] = {}
    for name, value in intent.fields.items():
        match name:
            case "title":
                found["title"] = title(text(value)) or NO_TEXT
            case "body":
                found["description"] = description(account, text(value))
            case "status":
                code = status_number(account, value)
                found |= {"statecode": state_of(account, code), "statuscode": code}
            case "priority":
                number = priority_number(account, value)
                if number is not None or intent.operation is not Operation.CREATE:
                    found["prioritycode"] = number
            case "kind":
                code_ = kind_number(account, text(value))
                found |= {"casetypecode": code_} if code_ is not None else {}
            case _:
                pass
    custom = {**obj(intent.fields.get("custom")), **_shown(intent)}
    for name, value in custom.items():
        column = account.field_names.get(name, "")
        if not column:
            msg = f"no custom column is known as {name!r}: name it under `custom_fields:` in gateway.yaml"
            raise UnmappedError(msg, field=CUSTOM + name)
        found[column] = value
    return found


def _shown(intent: Intent) -> dict[str, Any]:
    return {name.removeprefix(CUSTOM): value for name, value in intent.fields.items() if name.startswith(CUSTOM)}


def title(given: str) -> str:
    """Return a title as Dataverse keeps it: one line of 200 characters."""
    return " ".join(given.splitlines()).strip()[:MAX_TITLE].rstrip()


def description(account: Account, given: str) -> str:
    """Return a description as Dataverse keeps it."""
    return shortened(plainly(given).strip(), account.description_length)


def added(before: str, ours: str, *, longest: int) -> str:
    """Return the description to write: one of which Markdown would lose something is kept, and ours stands below.

    Raises UnmappedError where that is longer than the column.
    """
    if not destroyed(mapping.written(before), mapping.written(ours)):
        return ours
    below = f"<hr>{to_html(ours)}"
    whole = before if below in before else before + below
    if len(whole) > longest:
        msg = "the description holds HTML that Markdown cannot show, and has no room for more"
        raise UnmappedError(msg)
    return whole


def plainly(markdown: str) -> str:
    """Return Markdown as people read it in a column without markup: who is called and which image stands there."""
    return _IMAGE.sub(lambda found: f"[{found[1] or 'image'}]", _MENTION.sub(r"\1", markdown))


def status_number(account: Account, value: Any) -> int:
    """Return the statuscode for a status; raises UnmappedError where there is none."""
    given = _converted(value, Status)
    native = given.native.strip()
    if native:
        return _named(native, {word: code for code, (word, _, _) in STATUSES.items()}, account.statuses, "statuscode")
    for code, category in account.statuses.items():
        if category is given.category:
            return code
    if given.category not in STATUS_NUMBERS:
        msg = "a status of the category `unknown` has no statuscode: map it in the sync rule"
        raise UnmappedError(msg, field="status")
    return STATUS_NUMBERS[given.category]


def state_of(account: Account, code: int) -> int:
    """Return the statecode that a statuscode belongs to."""
    known = STATUSES.get(code)
    if known is not None:
        return known[2]
    return STATE_OF.get(account.statuses.get(code, Category.UNKNOWN), ACTIVE)


def priority_number(account: Account, value: Any) -> int | None:
    """Return the prioritycode for a priority, None for none; raises UnmappedError where there is none."""
    given = _converted(value, Priority)
    native = given.native.strip()
    if native:
        return _named(
            native, {word: code for code, (word, _) in PRIORITIES.items()}, account.priorities, "prioritycode"
        )
    if given.level is Level.UNSET:
        return None
    told = [code for code, level in account.priorities.items() if level is given.level]
    return told[0] if told else PRIORITY_NUMBERS[given.level]


def kind_number(account: Account, value: str) -> int | None:
    """Return the casetypecode for a kind; None where there is none, which leaves it alone."""
    told = [code for code, kind in account.types.items() if kind.value == value]
    known = [code for code, (_, kind) in TYPES.items() if kind.value == value and code not in account.types]
    return next(iter(told + known), None)


def _named(native: str, words: Mapping[str, int], more: Mapping[int, Any], column: str) -> int:
    """Return the number that a rule's map names by word or number."""
    code = next((number for word, number in words.items() if word.lower() == native.lower()), None)
    if code is None and native.isascii() and native.isdigit() and (int(native) in {*words.values(), *more}):
        code = int(native)
    if code is None:
        msg = f"no {column} {native!r} is known (there are: {', '.join(words)}; name others in gateway.yaml)"
        raise UnmappedError(msg, field="status" if column == "statuscode" else "priority")
    return code


def _converted(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        msg = f"not a {kind.__name__.lower()}: {error}"
        raise UnmappedError(msg) from None


def note_text(account: Account, intent: Intent) -> str:
    """Return the text of a note as it is sent: the portal shows it only where it begins as it should."""
    said = plainly(text(intent.comment.body) if intent.comment else "").strip() or NO_TEXT
    if is_public(intent):
        return shortened(f"{account.web_prefix} {said}", MAX_NOTE)
    kept = bool(account.web_prefix) and said.lower().startswith(account.web_prefix.lower())
    return shortened(KEPT * kept + said, MAX_NOTE)


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
        columns = fields(account, msgspec.structs.replace(intent, fields=rest))
    except UnmappedError:
        return found
    names = {column: name for name, column in account.field_names.items()}
    custom = {}
    for column, value in columns.items():
        match column:
            case "title":
                found["title"] = value
            case "description":
                found["body"] = mapping.written(value).markdown
            case "statuscode":
                found["status"] = msgspec.to_builtins(mapping.status(account, value))
            case "prioritycode":
                found["priority"] = msgspec.to_builtins(mapping.priority(account, value))
            case "casetypecode":
                read = mapping.kind(account, value)
                found |= {"kind": read.value} if isinstance(read, Kind) else {}
            case "statecode":
                pass
            case _:
                custom[names.get(column, column)] = value
    if custom:
        found["custom"] = custom
    return found | _owner_read(account, intent)


def _owner_read(account: Account, intent: Intent) -> dict[str, Any]:
    """Return how queue and assignee read back; whoever is looked up by e-mail is known only then."""
    found: dict[str, Any] = {}
    queue = text(intent.fields.get("queue")).strip()
    account_id = guid(obj(intent.fields.get("assignee")).get("external_id"))
    if account_id:
        found["assignee"] = msgspec.to_builtins(RemotePerson(account_id))
    elif "assignee" in intent.fields and not obj(intent.fields["assignee"]):
        found["assignee"] = None
    if queue and not account_id:
        found["queue"] = account.team_names.get(guid(queue), queue)
    return found


def side_effects(intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what follows from one owner for two fields: a case that goes to a team is nobody's any more."""
    queued = bool(text(intent.fields.get("queue")).strip())
    if queued and "assignee" not in intent.fields and observed.get("assignee"):
        return {"assignee": None}
    return {}
