"""Our intents in Intercom's words: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from connectors.content import to_html
from connectors.intercom import mapping
from connectors.intercom.account import Account
from connectors.intercom.mapping import BODY, TITLE, Json, ident, obj, text
from connectors.sdk import (
    Category,
    Intent,
    Level,
    Operation,
    Priority,
    Receipt,
    Status,
    Visibility,
)
from gateway.errors import UnmappedError

T = TypeVar("T")

NO_TEXT = "(no text)"
#: what stands in for a category of which there is no state
NEAREST: Mapping[Category, Category] = {Category.CLOSED: Category.RESOLVED, Category.CANCELLED: Category.RESOLVED}
#: what is done to a conversation for a category
ACTIONS: Mapping[Category, str] = {
    Category.NEW: "open",
    Category.OPEN: "open",
    Category.PENDING_CUSTOMER: "snoozed",
    Category.ON_HOLD: "snoozed",
    Category.RESOLVED: "close",
    Category.CLOSED: "close",
    Category.CANCELLED: "close",
}
#: and the state in which it then is
DONE = {"open": "open", "snoozed": "snoozed", "close": "closed"}
#: in a ticket's description, which is plain text, a picture or a mention is its name
_PICTURE = re.compile(r"!\[([^\]]*)\]\(attachment:[^)]*\)")
_MENTION = re.compile(r"\[(@[^\]]*)\]\(mention:[^)]*\)")


def attributes(account: Account, intent: Intent) -> dict[str, str]:
    """Return the attributes of a ticket that an intent sets; raises UnmappedError where there is no word."""
    found: dict[str, str] = {}
    for name, value in intent.fields.items():
        if name == "title":
            found[TITLE] = text(value)
        elif name == "body":
            found[BODY] = plain(text(value))
        elif name == "priority" and account.priority_attribute:
            word = priority_word(account, value)
            if word or intent.operation is not Operation.CREATE:
                found[account.priority_attribute] = word
    if intent.operation is Operation.CREATE:
        found.setdefault(BODY, "")
        found[TITLE] = found.get(TITLE) or found[BODY].strip().partition("\n")[0][:150] or NO_TEXT
    return found


def plain(markdown: str) -> str:
    """Return a description as Intercom keeps it: our Markdown as it is, but for what would lead nowhere."""
    return _MENTION.sub(r"\1", _PICTURE.sub(r"[\1]", markdown))


def status(account: Account, value: Any) -> Status:
    """Return the state in which a ticket is to be, as it will be read; raises UnmappedError where there is none."""
    given = _converted(value, Status)
    native = given.native.strip()
    if native:
        found = mapping.own_state(account, native) or mapping.STATES.get(native.lower())
        if found is None:
            known = ", ".join([*mapping.STATES, *account.states])
            msg = f"no ticket state {native!r} is known (there are: {known}): name it under `states:` in gateway.yaml"
            raise UnmappedError(msg, field="status")
        return found
    for category in (given.category, NEAREST.get(given.category)):
        if category is None:
            continue
        if category in mapping.STATE_WORDS:
            return mapping.STATES[mapping.STATE_WORDS[category]]
        for label, means in account.states.items():
            found = mapping.own_state(account, label) if means is category else None
            if found is not None:
                return found
    msg = f"Intercom has no ticket state for {given.category.value}: name one of your own under `states:`"
    raise UnmappedError(msg, field="status")


def action(value: Any) -> str:
    """Return what is done to a conversation for a status: close, open, snoozed; raises UnmappedError."""
    given = _converted(value, Status)
    words = {"closed": "close", "open": "open", "snoozed": "snoozed"}
    found = words.get(given.native.strip().lower()) or ACTIONS.get(given.category)
    if found is None:
        msg = f"a conversation cannot be {given.native or given.category.value}: map it in the sync rule"
        raise UnmappedError(msg, field="status")
    return found


def priority_word(account: Account, value: Any) -> str:
    """Return the word for a priority, empty for none; raises UnmappedError where there is none."""
    given = _converted(value, Priority)
    native = given.native.strip()
    if native or given.level is Level.UNSET:
        return native
    word = next((word for word, level in account.priorities.items() if level is given.level), "")
    if not word:
        msg = f"no value of the attribute {account.priority_attribute!r} means {given.level.value}"
        raise UnmappedError(msg)
    return word


def _converted(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        msg = f"not a {kind.__name__.lower()}: {error}"
        raise UnmappedError(msg) from None


def comment_text(intent: Intent) -> str:
    """Return the Markdown of a comment."""
    return (text(intent.comment.body) if intent.comment else "").strip() or NO_TEXT


def comment_html(intent: Intent) -> str:
    """Return a comment as Intercom takes it."""
    return to_html(comment_text(intent))


def is_public(intent: Intent) -> bool:
    """Say whether a comment may be seen by the customer: only when the operation and the comment both say so."""
    comment = intent.comment
    return (
        comment is not None and comment.visibility is Visibility.PUBLIC and intent.operation is Operation.PUBLIC_REPLY
    )


def as_read(account: Account, intent: Intent) -> dict[str, Any]:
    """Return the fields of `intent` as `mapping` will read them back from a ticket, as canonical JSON."""
    found: dict[str, Any] = {}
    try:
        words = attributes(account, intent)
        wanted = status(account, intent.fields["status"]) if "status" in intent.fields else None
    except UnmappedError:
        return {}
    if TITLE in words:
        found["title"] = words[TITLE]
    if "body" in intent.fields:
        found["body"] = words[BODY]
    if account.priority_attribute in words:
        native = words[account.priority_attribute]
        level = next((each for word, each in account.priorities.items() if word == native), Level.UNSET)
        found["priority"] = msgspec.to_builtins(Priority(level, native))
    if wanted is not None:
        found["status"] = msgspec.to_builtins(wanted)
    if "assignee" in intent.fields:
        person = obj(intent.fields["assignee"])
        if not person:
            found["assignee"] = None
        elif ident(person.get("external_id")):
            found["assignee"] = {"external_id": ident(person.get("external_id"))}
    if "queue" in intent.fields:
        found["queue"] = account.queue(account.team(text(intent.fields["queue"])))
    return found


def receipt_of(account: Account, data: Json, changes: tuple[str, ...] = ()) -> Receipt | None:
    """Read a ticket or a conversation as the answer to a write; None when it proves nothing."""
    observed = mapping.ticket(data, account, at=mapping.EPOCH)
    if observed is None:
        return None
    return Receipt(
        remote_id=observed.remote_id,
        key=observed.key,
        url=observed.url,
        version=observed.version,
        version_token=observed.version_token,
        change_ids=changes,
        observed=observed,
        at=observed.updated_at if observed.version else None,
    )
