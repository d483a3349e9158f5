"""Our intents in Redmine's words: names first, whose ids are looked up when they are sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.redmine.account import Account
from connectors.redmine.asking import number_of
from connectors.redmine.mapping import ident, text
from connectors.redmine.texts import as_kept
from connectors.sdk import Attachment, Call, Intent, Operation, Receipt, RemotePerson, RemoteTicket, Visibility
from gateway.domain.shown import CUSTOM, is_shown, plain_shown
from gateway.errors import UnmappedError

#: Redmine refuses a subject that is longer, or blank
MAX_SUBJECT = 255
NO_TITLE = "(no title)"


def subject(said: str) -> str:
    """Return a title as Redmine keeps it: one line, no white space around it, not too long."""
    return " ".join(said.replace("\r", "\n").split("\n")).strip()[:MAX_SUBJECT].strip() or NO_TITLE


def words(account: Account, intent: Intent) -> dict[str, Any]:
    """Return the fields of an intent in Redmine's words; raises UnmappedError where it has none.

    The keys are ours to resolve: `status`, `priority`, `tracker` and `project` are names.
    """
    found: dict[str, Any] = {}
    for name, value in intent.fields.items():
        match name:
            case "title":
                found["subject"] = subject(text(value))
            case "status":
                found["status"] = account.status_word(value)
            case "priority":
                word = account.priority_word(value)
                found |= {"priority": word} if word else {}
            case "kind":
                word = account.kind_word(value)
                found |= {"tracker": word} if word else {}
            case "assignee":
                found |= _assignee(value)
            case "queue":
                found |= {"project": text(value)} if text(value) else {}
            case _:
                pass
    fields = {**dict(intent.fields.get("custom") or {}), **_shown(intent)}
    if fields:
        found["custom_fields"] = [{"id": _field(account, name), "value": value} for name, value in fields.items()]
    return found


def _shown(intent: Intent) -> dict[str, Any]:
    return {name.removeprefix(CUSTOM): value for name, value in intent.fields.items() if name.startswith(CUSTOM)}


def _field(account: Account, name: str) -> int:
    number = account.field_ids.get(name, name)
    if not ident(number):
        msg = f"no custom field is known as {name!r}: name its id under `custom_fields:` in gateway.yaml"
        raise UnmappedError(msg, field=CUSTOM + name)
    return int(number)


def _assignee(value: Any) -> dict[str, Any]:
    given = value if isinstance(value, dict) else {}
    number = ident(given.get("external_id"))
    if number:
        return {"assigned_to_id": int(number)}
    return {} if given else {"assigned_to_id": ""}


def resolved(account: Account, wanted: Mapping[str, Any]) -> Call[dict[str, Any]]:
    """Return words with the ids of names; asks for tables of names that are not known yet."""
    found: dict[str, Any] = {}
    for name, value in wanted.items():
        if name in {"status", "priority", "tracker", "project"}:
            found[f"{name}_id"] = yield from number_of(account, name, str(value))
        else:
            found[name] = value
    return found


def is_public(intent: Intent) -> bool:
    """Say whether everybody may see a note: only when the operation and the comment both say so."""
    said = intent.comment
    return said is not None and said.visibility is Visibility.PUBLIC and intent.operation is Operation.PUBLIC_REPLY


def file_names(attachments: tuple[Attachment, ...]) -> dict[str, str]:
    """Return the names of files that go along, by their hashes: so a text shows them."""
    return {each.sha256: each.name for each in attachments if each.sha256}


def receipt_of(issue: RemoteTicket, **more: Any) -> Receipt:
    """Return the receipt of a write after which the issue looked like this."""
    return Receipt(
        remote_id=issue.remote_id,
        key=issue.key,
        url=issue.url,
        version=issue.version,
        observed=msgspec.structs.replace(issue, comments=(), attachments=(), complete=False),
        at=issue.updated_at,
        **more,
    )


def as_read(account: Account, intent: Intent) -> dict[str, Any]:
    """Return the fields of `intent` as `mapping` will read them back, as canonical JSON."""
    found: dict[str, Any] = {name: plain_shown(value) for name, value in intent.fields.items() if is_shown(name)}
    rest = msgspec.structs.replace(
        intent, fields={name: value for name, value in intent.fields.items() if name not in found}
    )
    try:
        given = words(account, rest)
    except UnmappedError:
        return found
    for name, value in given.items():
        match name:
            case "subject":
                found["title"] = value
            case "status":
                found["status"] = msgspec.to_builtins(account.status(value))
            case "priority":
                found["priority"] = msgspec.to_builtins(account.priority(value))
            case "tracker":
                found["kind"] = account.kind(value).value
            case "assigned_to_id":
                found["assignee"] = msgspec.to_builtins(RemotePerson(str(value))) if value else None
            case "project":
                found["queue"] = value
            case _:
                pass
    if rest.fields.get("custom"):
        found["custom"] = dict(rest.fields["custom"])
    if "body" in intent.fields:
        found["body"] = as_kept(text(intent.fields["body"]), account.formatting)
    return found
