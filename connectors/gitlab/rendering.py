"""Our intents in GitLab's words, and how they will read back: pure."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec.structs import astuple

from connectors.gitlab import mapping, texts
from connectors.gitlab.account import Account
from connectors.gitlab.mapping import CLOSED, OPEN_CATEGORIES, OPENED, Json, ident, obj, text
from connectors.sdk import (
    Category,
    Intent,
    Level,
    Operation,
    Priority,
    Receipt,
    RemotePerson,
    Status,
    Visibility,
)
from gateway.errors import UnmappedError

T = TypeVar("T")

TITLE_LENGTH = 255


class Wanted(msgspec.Struct):
    """How an issue is to be: what is None or absent is left as it is."""

    title: str | None = None
    #: opened or closed, and the label that goes with it
    state: str = ""
    add: tuple[str, ...] = ()
    #: labels that must not stand beside it
    remove: frozenset[str] = frozenset()
    #: all labels that mean neither a status nor a priority
    tags: frozenset[str] | None = None
    #: the id of the assignee, empty: nobody
    assignee: str | None = None


def wanted(account: Account, intent: Intent) -> Wanted:
    """Return how an issue is to be; raises UnmappedError for a value that GitLab has no word for."""
    found = Wanted()
    for name, value in intent.fields.items():
        match name:
            case "title":
                found.title = title(text(value))
            case "status":
                found.state, label = status_words(account, value)
                _exchange(found, label, account.status_labels)
            case "priority":
                _exchange(found, priority_label(account, value), account.priority_labels)
            case "tags":
                found.tags = frozenset(tag(text(word)) for word in value or () if tag(text(word)))
            case "assignee":
                given = obj(value)
                if ident(given.get("external_id")) or not given:
                    found.assignee = ident(given.get("external_id"))
            case _:
                pass
    return found


def told(account: Account, intent: Intent) -> list[Any]:
    """Return what an intent says of how an issue is to be, in no order; raises UnmappedError."""
    said, nothing = wanted(account, intent), Wanted()
    return [value for value, none in zip(astuple(said), astuple(nothing), strict=True) if value != none]


def _exchange(found: Wanted, label: str, known: dict[str, Any]) -> None:
    """Let one label of a sort stand, and no other: only the paid editions see to that themselves."""
    found.add = (*found.add, label) if label else found.add
    found.remove |= frozenset(known) - {label}


def title(words: str) -> str:
    """Return a title as GitLab keeps it: one line, 255 characters at most."""
    return " ".join(words.split())[:TITLE_LENGTH].rstrip() or texts.NO_TEXT


def tag(word: str) -> str:
    """Return a label's title: a comma would part it in two."""
    return " ".join(word.replace(",", " ").split())


def status_words(account: Account, value: Any) -> tuple[str, str]:
    """Return opened or closed, and the label of a status (empty: none)."""
    given = _converted(value, Status)
    native = given.native.strip()
    if native:
        if native in {OPENED, CLOSED}:
            return native, ""
        if native in account.status_labels:
            return _state_of(account.status_labels[native][0]), native
        msg = f"no label {native!r} is known for a status: name it under `status_labels:` in gateway.yaml"
        raise UnmappedError(msg, field="status")
    same = [label for label, meaning in account.status_labels.items() if meaning[0] is given.category]
    exact = [label for label in same if account.status_labels[label][1] is given.hold_reason]
    if same:
        return _state_of(given.category), (exact or same)[0]
    if given.category in {Category.NEW, Category.OPEN}:
        return OPENED, ""
    if given.category in {Category.RESOLVED, Category.CLOSED, Category.CANCELLED}:
        return CLOSED, ""
    msg = f"no label is known for the status `{given.category}`: name one under `status_labels:` in gateway.yaml"
    raise UnmappedError(msg, field="status")


def _state_of(category: Category) -> str:
    return OPENED if category in OPEN_CATEGORIES else CLOSED


def priority_label(account: Account, value: Any) -> str:
    """Return the label of a priority; empty: none."""
    given = _converted(value, Priority)
    native = given.native.strip()
    if native:
        if native not in account.priority_labels:
            msg = f"no label {native!r} is known for a priority: name it under `priority_labels:` in gateway.yaml"
            raise UnmappedError(msg, field="priority")
        return native
    if given.level is Level.UNSET:
        return ""
    found = [label for label, level in account.priority_labels.items() if level is given.level]
    if not found:
        msg = f"no label is known for {given.level}: name one under `priority_labels:` in gateway.yaml"
        raise UnmappedError(msg, field="priority")
    return found[0]


def _converted(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        msg = f"not a {kind.__name__.lower()}: {error}"
        raise UnmappedError(msg) from None


def difference(account: Account, want: Wanted, data: Json) -> dict[str, Any]:
    """Return what is to be sent so that an issue becomes as it is wanted; nothing where it is so already."""
    there = mapping.labels(data) or ()
    found: dict[str, Any] = {}
    if want.title is not None and want.title != text(data.get("title")):
        found["title"] = want.title
    if want.state and want.state != mapping.state_of(data):
        found["state_event"] = "close" if want.state == CLOSED else "reopen"
    remove = set(want.remove) & set(there)
    add = set(want.add)
    if want.tags is not None:
        theirs = set(mapping.tags(account, there))
        remove |= theirs - want.tags
        add |= want.tags
    if add - set(there):
        found["add_labels"] = ",".join(sorted(add - set(there)))
    if remove - add:
        found["remove_labels"] = ",".join(sorted(remove - add))
    if want.assignee is not None:
        listed = [ident(one.get("id")) for one in mapping.objects(data.get("assignees"))]
        if listed[:1] != ([want.assignee] if want.assignee else []):
            # GitLab takes 0 for nobody
            found["assignee_ids"] = [int(want.assignee or 0)]
    return found


def is_public(intent: Intent) -> bool:
    """Say whether a comment may be seen by the customer: only when the operation and the comment both say so."""
    said = intent.comment
    return said is not None and said.visibility is Visibility.PUBLIC and intent.operation is Operation.PUBLIC_REPLY


def as_read(account: Account, intent: Intent) -> dict[str, Any]:
    """Return the fields of `intent` as `mapping` will read them back, as canonical JSON."""
    found: dict[str, Any] = {}
    for name, value in intent.fields.items():
        try:
            want = wanted(account, msgspec.structs.replace(intent, fields={name: value}))
        except UnmappedError:
            continue
        match name:
            case "title":
                found[name] = want.title
            case "body" if not intent.attachments:
                found[name] = texts.read(texts.written(text(value), {}), "0")[0]
            case "status":
                read = mapping.status(account, want.state, want.add)
                found[name] = msgspec.to_builtins(read)
            case "priority":
                found[name] = msgspec.to_builtins(mapping.priority(account, want.add))
            case "tags":
                found[name] = list(mapping.tags(account, tuple(want.tags or ())))
            case "assignee" if want.assignee is not None:
                found[name] = msgspec.to_builtins(RemotePerson(want.assignee)) if want.assignee else None
            case _:
                pass
    return found


def receipt(account: Account, data: Json) -> Receipt:
    """Return what an issue says about a write that landed."""
    observed = mapping.ticket(data, account, at=mapping.EPOCH)
    if observed is None:
        return Receipt()
    return Receipt(
        remote_id=observed.remote_id,
        key=observed.key,
        url=observed.url,
        version=observed.version,
        version_token=observed.version_token,
        observed=observed,
        at=observed.updated_at,
    )
