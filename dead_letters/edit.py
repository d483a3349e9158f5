"""What a person may change of an update, as a document to be edited, and back again with every mistake named."""

from __future__ import annotations

from typing import Any

import msgspec

from dead_letters.model import DeadLetterError, Letter
from gateway.domain.ticket import SYNCED_FIELDS
from gateway.domain.update import Intent, Operation
from gateway.errors import GatewayError
from gateway.ports import Connector

#: fields that every creation carries, whether or not they are synced
_OF_CREATE = frozenset({"requester"})


def document_of(intent: Intent) -> dict[str, Any]:
    """Return the part of an intent that can be changed."""
    document: dict[str, Any] = {}
    if intent.fields:
        document["fields"] = intent.fields
    lacking = {name: value for name, value in intent.ours.items() if name not in intent.fields}
    if lacking:
        document["ours"] = lacking
    if intent.params:
        document["params"] = intent.params
    if intent.comment is not None:
        document["comment"] = intent.comment.body
    return document


def edited(letter: Letter, document: Any, connector: Connector) -> Intent:
    """Return the intent with what a person has changed; raises DeadLetterError that says what is wrong, and where.

    Who may read a comment is not changed here: an internal note never becomes a public reply by an edit.
    """
    old = letter.update.intent
    if not isinstance(document, dict):
        raise DeadLetterError("an object with the parts of the update is wanted, as it was shown")
    known = set(document_of(old)) | ({"fields"} if old.operation in {Operation.CREATE, Operation.SET_FIELDS} else set())
    if unknown := sorted(set(document) - known):
        raise DeadLetterError(f"{unknown[0]}: this update has no such part; it has: {', '.join(sorted(known))}")
    fields = _object(document, "fields")
    params = _object(document, "params") if "params" in document else {}
    lacking = _object(document, "ours") if "ours" in document else {}
    allowed = (frozenset(SYNCED_FIELDS) & connector.spec.writable_fields) | set(old.fields)
    allowed |= _OF_CREATE if old.operation is Operation.CREATE else frozenset()
    for name in sorted(fields):
        if name not in allowed:
            takes = ", ".join(sorted(allowed))
            msg = f"fields.{name}: {letter.update.connection} takes no such field; it takes: {takes}"
            raise DeadLetterError(msg)
        if name in old.fields and type(old.fields[name]) is not type(fields[name]):
            kind = type(old.fields[name]).__name__
            raise DeadLetterError(f"fields.{name}: this is no {kind}, which it was")
    if unknown := sorted(set(lacking) - set(old.ours)):
        raise DeadLetterError(f"ours.{unknown[0]}: only what has no word yet is here; put the others into fields")
    comment = old.comment
    if comment is not None:
        body = document.get("comment")
        if not isinstance(body, str) or not body.strip():
            raise DeadLetterError("comment: it has no text; to leave it out, discard this update")
        comment = msgspec.structs.replace(comment, body=body)
    if old.operation is Operation.SET_FIELDS and not fields and not lacking:
        raise DeadLetterError("fields: nothing is left to write; to leave it all out, discard this update")
    # a field that was given a value by hand is that value, whatever a map says of what was asked for
    kept = {name: value for name, value in old.ours.items() if name in fields and fields[name] == old.fields.get(name)}
    intent = msgspec.structs.replace(old, fields=fields, params=params, ours={**kept, **lacking}, comment=comment)
    _rendered(intent, connector)
    return intent


def _rendered(intent: Intent, connector: Connector) -> None:
    """Let the connector read it, as it will when it writes."""
    try:
        connector.as_read(intent)
    except (GatewayError, ValueError, TypeError, LookupError, AttributeError, msgspec.MsgspecError) as error:
        raise DeadLetterError(f"{connector.spec.title} cannot write this: {type(error).__name__}: {error}") from None


def _object(document: dict[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name, {})
    if not isinstance(value, dict):
        raise DeadLetterError(f"{name}: an object is wanted")
    return value
