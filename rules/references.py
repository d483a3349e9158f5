"""References in gateway.yaml: `${NAME}` to the environment, `${file:PATH}` to a file. Secrets are only ever these.

Nothing is read here: the references are found and placed; `gateway.config` resolves them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from gateway.ports import ConnectorSpec
from rules.problem import Problem
from rules.source import Path, Spot

REFERENCE = re.compile(r"\$\{(?:file:(?P<file>[^{}]+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*))\}")
_OPEN = re.compile(r"\$\{")
_SECRET_KEY = re.compile(
    r"(?i)(^|_)(token|secret|password|passwd|passphrase|api_?key|private_?key|access_?key|signing_?key)$"
)


class Reference(msgspec.Struct, frozen=True):
    """One `${…}` in a connection: what it names, and where it stands."""

    #: name of the environment variable, or the path of the file
    target: str
    #: keys below the connection
    path: Path
    line: int
    column: int
    is_file: bool = False


def within(text: str) -> tuple[Reference, ...]:
    """Return every reference in a text, wherever it stands."""
    found = REFERENCE.finditer(text)
    return tuple(Reference(each["file"] or each["name"], (), 0, 0, is_file=bool(each["file"])) for each in found)


def has_reference(value: Any) -> bool:
    """Say whether a value is a text with a reference in it."""
    return isinstance(value, str) and bool(REFERENCE.search(value))


def leaves(spot: Spot) -> Iterator[Spot]:
    """Go through every single value below `spot`."""
    if isinstance(spot.value, dict):
        for _, inner in spot.entries():
            yield from leaves(inner)
    elif isinstance(spot.value, list):
        for inner in spot.each():
            yield from leaves(inner)
    else:
        yield spot


def references(connection: Spot) -> tuple[Reference, ...]:
    """Return every reference of a connection."""
    found = []
    depth = len(connection.path)
    for leaf in leaves(connection):
        if isinstance(leaf.value, str):
            line, column = leaf.document.where(leaf.path)
            found += [
                Reference(match["file"] or match["name"], leaf.path[depth:], line, column, is_file=bool(match["file"]))
                for match in REFERENCE.finditer(leaf.value)
            ]
    return tuple(found)


def _declared(spec: ConnectorSpec | None, path: Path) -> bool:
    """Say whether the connector calls this value a secret: a secret text, or a `writeOnly` member of a mapping."""
    if spec is None or not path:
        return False
    setting = next((setting for setting in spec.settings if setting.name == path[0]), None)
    if setting is None:
        return False
    schema: Any = setting.schema
    for step in path[1:]:
        schema = schema.get("properties", {}).get(step, {}) if isinstance(schema, Mapping) else {}
    if isinstance(schema, Mapping) and schema.get("writeOnly"):
        return True
    return setting.secret and all(isinstance(step, int) for step in path[1:])


def check_secrets(connection: Spot, spec: ConnectorSpec | None) -> Iterator[Problem]:
    """Say where a secret is written out, and where a `${` names nothing."""
    depth = len(connection.path)
    for leaf in leaves(connection):
        value = leaf.value
        path = leaf.path[depth:]
        if isinstance(value, str) and len(_OPEN.findall(value)) != len(REFERENCE.findall(value)):
            message = "this ${…} names neither a variable nor a file"
            yield leaf.error("bad-reference", message, "write ${NAME} or ${file:/path/to/secret}")
            continue
        key = next((step for step in reversed(path) if isinstance(step, str)), "")
        secret = _declared(spec, path) or bool(_SECRET_KEY.search(key))
        if secret and isinstance(value, str | int | float) and not isinstance(value, bool) and not has_reference(value):
            variable = re.sub(r"[^A-Z0-9]+", "_", f"{connection.path[-1]}_{key}".upper()).strip("_")
            message = f"the secret '{key}' is written out"
            problem = leaf.error("literal-secret", message, f"write ${{{variable}}} and set that variable instead")
            yield msgspec.structs.replace(problem, excerpt=_covered(problem.excerpt, str(value)))


def _covered(line: str, secret: str) -> str:
    return line.replace(secret, "*" * len(secret)) if secret else line
