"""Our intents in HubSpot's words: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from connectors.content import to_html
from connectors.hubspot import mapping
from connectors.hubspot.account import Account, Stage
from connectors.hubspot.mapping import MARKER, Json, obj, text
from connectors.sdk import (
    Category,
    Intent,
    Kind,
    Level,
    Operation,
    Priority,
    Receipt,
    Status,
    Visibility,
    WriteContext,
)
from gateway.errors import UnmappedError

T = TypeVar("T")

NO_TEXT = "(no text)"
#: what stands in for a category of which the pipeline has no stage, in this order
NEAREST: Mapping[Category, tuple[Category, ...]] = {
    Category.NEW: (Category.OPEN,),
    Category.RESOLVED: (Category.CLOSED,),
    Category.CLOSED: (Category.RESOLVED,),
    Category.CANCELLED: (Category.RESOLVED, Category.CLOSED),
}
#: in a ticket's description, which is plain text, a picture or a mention is its name
_PICTURE = re.compile(r"!\[([^\]]*)\]\(attachment:[^)]*\)")
_MENTION = re.compile(r"\[(@[^\]]*)\]\(mention:[^)]*\)")


def pipeline_of(account: Account, intent: Intent, context: WriteContext | None) -> str:
    """Return the pipeline of a ticket: of a new one what the rule says, else as it was last seen."""
    first = next(iter(account.pipelines))
    if intent.operation is Operation.CREATE:
        wanted = str(intent.params.get("pipeline") or "")
        found = account.pipeline(wanted) if wanted else first
        if not found:
            msg = f"no pipeline {wanted!r} is known: name its stages under `pipelines:` in gateway.yaml"
            raise UnmappedError(msg)
        return found
    seen = context.observed.get("queue") if context is not None else None
    return (account.pipeline(seen) if isinstance(seen, str) and seen else "") or first


def properties(account: Account, intent: Intent, context: WriteContext | None = None) -> dict[str, str]:
    """Return the properties of an intent; raises UnmappedError where HubSpot has no word.

    The assignee is left to the caller: a person who is known by e-mail has to be looked up.
    """
    found: dict[str, str] = {}
    for name, value in intent.fields.items():
        match name:
            case "title":
                found["subject"] = text(value)
            case "body":
                found["content"] = plain(text(value))
            case "status":
                found["hs_pipeline_stage"] = stage(account, value, pipeline_of(account, intent, context)).id
            case "priority":
                word = priority_word(value)
                if word or intent.operation is not Operation.CREATE:
                    found["hs_ticket_priority"] = word
            case "kind":
                word = mapping.KIND_WORDS.get(Kind(value), "") if value in set(Kind) else ""
                found |= {"hs_ticket_category": word} if word else {}
            case _:
                pass
    if intent.operation is Operation.CREATE:
        pipeline = pipeline_of(account, intent, context)
        found["hs_pipeline"] = pipeline
        found.setdefault("hs_pipeline_stage", stage(account, {"category": "new"}, pipeline).id)
        found.setdefault("content", "")
        found["subject"] = found.get("subject") or found["content"].strip().partition("\n")[0][:150] or NO_TEXT
        if context is not None:
            found[account.key_property] = context.effect_key
    return found


def plain(markdown: str) -> str:
    """Return a description as HubSpot keeps it: our Markdown as it is, but for what would lead nowhere."""
    return _MENTION.sub(r"\1", _PICTURE.sub(r"[\1]", markdown))


def stage(account: Account, value: Any, pipeline: str) -> Stage:
    """Return the stage of a pipeline for a status; raises UnmappedError where there is none."""
    given = _converted(value, Status)
    stages = [each for each in account.stages if each.pipeline == pipeline]
    native = given.native.strip()
    if native:
        named = next((each for each in stages if native in {each.id, each.status.native}), None)
        if named is None:
            known = ", ".join(each.status.native for each in stages)
            msg = f"the pipeline {account.queue(pipeline)!r} has no stage {native!r} (there are: {known})"
            raise UnmappedError(msg, field="status")
        return named
    for category in (given.category, *NEAREST.get(given.category, ())):
        for each in stages:
            if each.status.category is category:
                return each
    msg = (
        f"the pipeline {account.queue(pipeline)!r} has no stage for {given.category.value}: name one under `pipelines:`"
    )
    raise UnmappedError(msg, field="status")


def priority_word(value: Any) -> str:
    """Return HubSpot's word for a priority, empty for none."""
    given = _converted(value, Priority)
    native = given.native.strip()
    return native or ("" if given.level is Level.UNSET else mapping.PRIORITY_WORDS[given.level])


def _converted(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        msg = f"not a {kind.__name__.lower()}: {error}"
        raise UnmappedError(msg) from None


def comment_text(intent: Intent) -> str:
    """Return the Markdown of a comment."""
    return (text(intent.comment.body) if intent.comment else "").strip() or NO_TEXT


def comment_html(intent: Intent, key: str = "") -> str:
    """Return a comment as HubSpot shows it, in an element that has our key where one is given."""
    html = to_html(comment_text(intent))
    return f'<div {MARKER}="{key}">{html}</div>' if key else html


def is_public(intent: Intent) -> bool:
    """Say whether a comment may be seen by the customer: only when the operation and the comment both say so."""
    comment = intent.comment
    return (
        comment is not None and comment.visibility is Visibility.PUBLIC and intent.operation is Operation.PUBLIC_REPLY
    )


def as_read(account: Account, intent: Intent) -> dict[str, Any]:
    """Return the fields of `intent` as `mapping` will read them back, as canonical JSON."""
    try:
        words = properties(account, intent)
    except UnmappedError:
        return {}
    found: dict[str, Any] = {}
    if intent.operation is Operation.CREATE or "title" in intent.fields:
        found["title"] = words["subject"]
    if "body" in intent.fields:
        found["body"] = words["content"]
    if "status" in intent.fields:
        found["status"] = msgspec.to_builtins(account.status(words["hs_pipeline_stage"]))
    if "hs_ticket_priority" in words:
        found["priority"] = msgspec.to_builtins(mapping.priority(words["hs_ticket_priority"]))
    if "hs_ticket_category" in words:
        found["kind"] = mapping.KINDS[words["hs_ticket_category"]].value
    if "assignee" in intent.fields:
        person = obj(intent.fields["assignee"])
        if not person:
            found["assignee"] = None
        elif text(person.get("external_id")):
            found["assignee"] = {"external_id": text(person["external_id"])}
    return found


def receipt_of(account: Account, data: Json, uploaded: tuple[str, ...] = ()) -> Receipt | None:
    """Read a ticket's record as the answer to a write; None when it proves nothing."""
    observed = mapping.ticket(data, account)
    if observed is None:
        return None
    return Receipt(
        remote_id=observed.remote_id,
        key=observed.key,
        url=observed.url,
        version=observed.version,
        observed=observed,
        file_ids=uploaded,
        at=observed.updated_at if observed.version else None,
    )
