"""Bodies that hold files: base64 in JSON, and the parts of a multipart form. A stored file stands for its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.generic.places import word
from connectors.generic.template import MISSING, fill
from connectors.sdk import Attachment, Blob, Part

JSON = "application/json"


class Sent(msgspec.Struct, frozen=True):
    """A file in its place in a multipart form."""

    blob: Blob
    name: str
    mime: str


def file_values(file: Attachment) -> dict[str, Any]:
    """Return the placeholders of one file."""
    return {
        "file": Blob(file.sha256, file.size),
        "file_name": file.name,
        "file_type": file.mime,
        "file_size": file.size,
    }


def holds_file(value: Any) -> bool:
    """Say whether a filled template holds a file anywhere."""
    if isinstance(value, Mapping):
        return any(holds_file(each) for each in value.values())
    if isinstance(value, list | tuple):
        return any(holds_file(each) for each in value)
    return isinstance(value, Blob)


def parts_of(template: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[Part, ...]:
    """Return the parts of a form: a file, each file of a list, JSON where the template is more than a text."""
    found: list[Part] = []
    for name, each in template.items():
        filled = fill(each, values)
        if filled is MISSING or filled is None:
            continue
        if isinstance(filled, Blob):
            found.append(Part(name, filled, str(values.get("file_name") or "file"), str(values.get("file_type") or "")))
        elif isinstance(filled, list) and filled and isinstance(filled[0], Sent):
            found += [Part(name, one.blob, one.name, one.mime) for one in filled]
        elif isinstance(filled, Mapping | list):
            found.append(Part(name, msgspec.json.encode(filled).decode(), mime=JSON))
        else:
            found.append(Part(name, word(filled)))
    return tuple(found)
