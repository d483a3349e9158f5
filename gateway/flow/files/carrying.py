"""The files of an update: planned by our ids of them, and put in its place when it leaves.

A desk that takes files with a comment gets them there; one that takes them by themselves gets an update for each,
before the comment that speaks of them. A file that does not come is said in the text where it belonged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from gateway.domain.event import Attachment
from gateway.domain.ticket import Visibility
from gateway.domain.update import Intent, Operation
from gateway.ports import Attaching, ConnectorSpec, FileRow, FileState, Tx, UpdateRow

#: an update waits no longer than this for a file that does not come
PATIENCE = timedelta(minutes=15)
#: and looks again so soon
LOOK = timedelta(seconds=1)


def may_go(spec: ConnectorSpec, attachment: Attachment) -> str:
    """Say why a file cannot be put at a desk; empty: it can."""
    if spec.attaching is None:
        return "takes no files"
    if attachment.size > spec.max_file:
        return f"takes no file of more than {spec.max_file // 1_000_000} MB"
    if attachment.visibility is Visibility.INTERNAL and not spec.internal_files:
        return "cannot keep a file from customers"
    return ""


def split(
    spec: ConnectorSpec, attachments: Sequence[Attachment]
) -> tuple[list[Attachment], list[tuple[Attachment, str]]]:
    """Part files into those that a desk takes, and the others with the reason."""
    told = [(each, may_go(spec, each)) for each in attachments]
    return [each for each, why in told if not why], [(each, why) for each, why in told if why]


def with_words(body: str, left: Sequence[tuple[str, str]]) -> str:
    """Return a text that says which files (name, why) are not with it."""
    lines = [f"(the file {name} is not here: {why})" for name, why in left]
    return "\n\n".join([part for part in (body.rstrip(), "\n".join(lines)) if part])


def with_files(intent: Intent, there: Sequence[Attachment], left: Sequence[tuple[str, str]]) -> Intent:
    """Return an intent with files, and with words for those that are not with it (name, why)."""
    intent = msgspec.structs.replace(intent, attachments=tuple(there))
    if not left:
        return intent
    if intent.comment is not None:
        comment = msgspec.structs.replace(intent.comment, body=with_words(intent.comment.body, left))
        return msgspec.structs.replace(intent, comment=comment)
    if isinstance(intent.fields.get("body"), str):
        body = with_words(intent.fields["body"], left)
        return msgspec.structs.replace(intent, fields={**intent.fields, "body": body})
    return intent


def goes_alone(spec: ConnectorSpec) -> bool:
    """Say whether each file is an update of its own there."""
    return spec.attaching is Attaching.ALONE


def wanted_by(intent: Intent) -> frozenset[str]:
    """Return our ids of the files of an update."""
    return frozenset(each.remote_id for each in intent.attachments if not each.sha256)


def are_coming(tx: Tx, rows: Mapping[str, FileRow], update: UpdateRow, now: datetime) -> bool:
    """Say whether an update has to wait for its files; ask for those again whose bytes have gone since."""
    coming = False
    for row in rows.values():
        if row.state is FileState.KEPT and not tx.files.has_bytes(row.sha256):
            tx.files.save(msgspec.structs.replace(row, state=FileState.PENDING, sha256="", tries=0, not_before=None))
            coming = True
        coming = coming or row.state is FileState.PENDING
    return coming and now - update.created_at < PATIENCE


def filled(intent: Intent, rows: Mapping[str, FileRow]) -> Intent:
    """Return an intent whose files are those that we have; the text says which are not there."""
    there: list[Attachment] = []
    left: list[tuple[str, str]] = []
    names: dict[str, str] = {}
    for each in intent.attachments:
        row = rows.get(each.remote_id)
        if each.sha256:
            there.append(each)
        elif row is None or row.state is not FileState.KEPT:
            why = (row.reason if row is not None else "") or "it did not come in time"
            left.append((each.name, why))
        else:
            there.append(msgspec.structs.replace(each, remote_id="", sha256=row.sha256, size=row.size))
            for name in (each.remote_id, row.attachment.remote_id):
                names[f"](attachment:{name})"] = f"](attachment:{row.sha256})"
    return with_files(_renaming(intent, names), there, left)


def _renaming(intent: Intent, names: Mapping[str, str]) -> Intent:
    if not names:
        return intent
    if intent.comment is not None:
        comment = msgspec.structs.replace(intent.comment, body=_renamed(intent.comment.body, names))
        return msgspec.structs.replace(intent, comment=comment)
    if isinstance(intent.fields.get("body"), str):
        body = _renamed(intent.fields["body"], names)
        return msgspec.structs.replace(intent, fields={**intent.fields, "body": body})
    return intent


def _renamed(body: str, names: Mapping[str, str]) -> str:
    for name, new in names.items():
        body = body.replace(name, new)
    return body


def is_void(intent: Intent) -> bool:
    """Say whether an update has nothing left to do: the one file that it was to put there did not come."""
    return intent.operation is Operation.ATTACH and not intent.attachments
