"""The fields of an intent as properties of Roundup, what will be read back, and what a read shows to be different."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.roundup import mapping
from connectors.roundup.calls.desk import Row
from connectors.roundup.calls.reads import name_of
from connectors.roundup.mapping import CHATTING, CHATTY, linked, several, text
from connectors.roundup.options import Options
from connectors.sdk import Intent, Operation, RemotePerson
from gateway.domain.shown import CUSTOM, is_shown, plain_shown


def rendered(options: Options, intent: Intent) -> Row:
    """Return the fields of an intent by Roundup's names; what Roundup cannot hold is left out."""
    fields, words = intent.fields, options.words
    found: Row = {}
    if "title" in fields:
        found["title"] = mapping.title(str(fields["title"] or ""))
    status = words.native_status(fields.get("status"))
    if status:
        found["status"] = status
    if isinstance(fields.get("priority"), Mapping):
        found["priority"] = words.native_priority(fields["priority"])
    if "assignee" in fields:
        assignee = fields["assignee"]
        account = text(assignee.get("external_id")) if isinstance(assignee, Mapping) else ""
        if account or not assignee:
            found[options.assignee] = account
    if isinstance(fields.get("tags"), list | tuple):
        found[options.tags] = sorted(str(tag) for tag in fields["tags"])
    for name, value in fields.items():
        if name.startswith(CUSTOM):
            found[name.removeprefix(CUSTOM)] = "" if value is None else value
    return found


def differences(wanted: Row, attributes: Row) -> Row:
    """Return those properties whose value on the issue is not the one that is wanted."""
    return {name: value for name, value in wanted.items() if plain_shown(value) != plain_shown(_held(attributes, name))}


def _held(attributes: Row, name: str) -> Any:
    value = attributes.get(name)
    if isinstance(value, list):
        return [name_of(one) for one in several(value)]
    return name_of(value) if linked(value) else value


def as_read(options: Options, intent: Intent) -> dict[str, Any]:
    """Return the fields of an intent as plain JSON in the form in which reads give them."""
    written, words = rendered(options, intent), options.words
    found: dict[str, Any] = {}
    if "title" in written:
        found["title"] = written["title"]
    if "status" in written:
        found["status"] = msgspec.to_builtins(words.status(written["status"]))
    if "priority" in written:
        found["priority"] = msgspec.to_builtins(words.priority(written["priority"]))
    if options.assignee in written:
        account = written[options.assignee]
        found["assignee"] = msgspec.to_builtins(RemotePerson(account)) if account else None
    if options.tags in written:
        found["tags"] = written[options.tags]
    found |= {name: plain_shown(value) for name, value in intent.fields.items() if is_shown(name)}
    if intent.operation is Operation.CREATE and "body" in intent.fields:
        found["body"] = first_words(intent)
    return found


def first_words(intent: Intent) -> str:
    """Return the text of a new issue's first message: Roundup keeps no empty one, so a title may stand in its place."""
    body = mapping.content(str(intent.fields.get("body") or ""))
    return body or mapping.content(str(intent.fields.get("title") or "")) or "(no text)"


def side_effects(options: Options, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the classic template does because of a message: an unread or resolved issue becomes `chatting`.

    We put the status back in the next attempt, so a poll may meet two changes that are nobody's.
    """
    if intent.operation is Operation.CREATE or intent.comment is None:
        return {}
    status, words = observed.get("status"), options.words
    native = text(status.get("native")) if isinstance(status, Mapping) else ""
    if native and native not in CHATTY:
        return {}
    kept = [dict(status)] if isinstance(status, Mapping) and native else [
        msgspec.to_builtins(words.status(word)) for word in sorted(CHATTY)
    ]  # fmt: skip
    return {"status": (msgspec.to_builtins(words.status(CHATTING)), *kept)}
