"""Our intents in Planfix's words: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.content import from_html, to_html
from connectors.planfix.account import Account
from connectors.planfix.mapping import ident, text
from connectors.sdk import Intent, Operation, Receipt, RemotePerson, RemoteTicket, Visibility
from gateway.domain.shown import CUSTOM, is_shown, plain_shown
from gateway.errors import UnmappedError

NO_TEXT = "(no text)"
_SHOWN = re.compile(r"!\[([^\]]*)\]\(attachment:[^)\s]*\)")


def fields(account: Account, intent: Intent) -> dict[str, Any]:
    """Return the fields of an intent in Planfix's words, but for the status; raises UnmappedError where it has none."""
    found: dict[str, Any] = {}
    for name, value in intent.fields.items():
        match name:
            case "title":
                found["name"] = title(text(value))
            case "body":
                found["description"] = html(text(value))
            case "priority":
                word = account.priority_word(value)
                found |= {"priority": word} if word else {}
            case "assignee":
                found |= _assignees(value)
            case "queue":
                found |= {"project": {"id": project(account, text(value))}} if text(value) else {}
            case _:
                pass
    given = {**dict(intent.fields.get("custom") or {}), **_shown(intent)}
    if given:
        found["customFieldData"] = [
            {"field": {"id": _field(account, name)}, "value": value} for name, value in given.items()
        ]
    return found


def _shown(intent: Intent) -> dict[str, Any]:
    return {name.removeprefix(CUSTOM): value for name, value in intent.fields.items() if name.startswith(CUSTOM)}


def _field(account: Account, name: str) -> int:
    number = account.field_ids.get(name, name)
    if not ident(number):
        msg = f"no custom field is known as {name!r}: name its id under `custom_fields:` in gateway.yaml"
        raise UnmappedError(msg)
    return int(number)


def project(account: Account, queue: str) -> int:
    """Return the number of the project behind a queue; raises UnmappedError where there is none."""
    number = account.project_ids.get(queue, queue)
    if not ident(number):
        msg = f"no Planfix project is known for the queue {queue!r}: name its number under `projects:` in gateway.yaml"
        raise UnmappedError(msg)
    return int(number)


def title(said: str) -> str:
    """Return a title as Planfix keeps it: one line without white space around it."""
    return " ".join(said.replace("\r", "\n").split("\n")).strip() or "(no title)"


def name_of(intent: Intent) -> str:
    """Return the name of a new task: its title, else how its text begins."""
    return title(text(intent.fields.get("title")) or text(intent.fields.get("body"))[:200])


def _assignees(value: Any) -> dict[str, Any]:
    given = value if isinstance(value, dict) else {}
    number = text(given.get("external_id"))
    if number.rpartition(":")[2].isdigit():
        return {"assignees": {"users": [{"id": number if ":" in number else f"user:{number}"}], "groups": []}}
    return {} if given else {"assignees": {"users": [], "groups": []}}


def html(markdown: str) -> str:
    """Return a text as HTML. A file that it shows stands beside it, and is named in it."""
    return to_html(_SHOWN.sub(lambda shown: f"[{shown.group(1) or 'image'}]", markdown).strip() or NO_TEXT)


def as_kept(markdown: str) -> str:
    """Return a text as it will be read back."""
    return from_html(html(markdown)).markdown


def is_public(intent: Intent) -> bool:
    """Say whether everybody may see a comment: only when the operation and the comment both say so."""
    said = intent.comment
    return said is not None and said.visibility is Visibility.PUBLIC and intent.operation is Operation.PUBLIC_REPLY


def receipt_of(task: RemoteTicket, **more: Any) -> Receipt:
    """Return the receipt of a write after which the task looked like this."""
    return Receipt(
        remote_id=task.remote_id,
        key=task.key,
        url=task.url,
        version=task.version,
        observed=msgspec.structs.replace(task, attachments=()),
        at=task.updated_at,
        **more,
    )


def as_read(account: Account, intent: Intent) -> dict[str, Any]:
    """Return the fields of `intent` as `mapping` will read them back, as canonical JSON.

    Which of several names a process has for a status, only the process says: a site whose processes have others names
    them in its settings, and the first is foretold.
    """
    found: dict[str, Any] = {name: plain_shown(value) for name, value in intent.fields.items() if is_shown(name)}
    rest = msgspec.structs.replace(
        intent, fields={name: value for name, value in intent.fields.items() if name not in found}
    )
    try:
        given: Mapping[str, Any] = fields(account, rest)
        if "status" in rest.fields:
            word = account.status_words(rest.fields["status"])[0]
            found["status"] = msgspec.to_builtins(account.status(word))
    except UnmappedError:
        return found
    for name, value in given.items():
        match name:
            case "name":
                found["title"] = value
            case "description":
                found["body"] = as_kept(text(rest.fields["body"]))
            case "priority":
                found["priority"] = msgspec.to_builtins(account.priority(value))
            case "assignees":
                users = value["users"]
                found["assignee"] = msgspec.to_builtins(RemotePerson(users[0]["id"])) if users else None
            case "project":
                found["queue"] = text(rest.fields["queue"])
            case _:
                pass
    if rest.fields.get("custom"):
        found["custom"] = dict(rest.fields["custom"])
    return found
