"""What an action of another package comes to: actions of the rule language, checked as those of a file are.

The package's function is pure: it is given values and returns what is to be done, as it would stand in `do:`. What it
returns is carried out like anything else; that it broke, or returned something else, is said in one line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from jsonschema import Draft7Validator

from rules.escalations import Act
from rules.extending import Action, Occasion
from rules.schema.clocks import ACTION

#: more is a mistake
MOST = 20


class ActionError(Exception):
    """An action of a package cannot be carried out: the text says why, in one line."""


def perform(action: Action, occasion: Occasion) -> tuple[Act, ...]:
    """Ask a package what is to be done; raises ActionError."""
    if action.run is None:
        raise ActionError(
            f"the action '{action.name}' has no `run`: its package says how it is written, not what it does"
        )
    try:
        returned = action.run(occasion)
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        raise ActionError(f"the action '{action.name}' broke: {type(error).__name__}: {said}") from error
    return _acts(action.name, returned)


def _acts(name: str, returned: Any) -> tuple[Act, ...]:
    if returned is None:
        return ()
    if not isinstance(returned, Sequence) or isinstance(returned, str | bytes):
        raise ActionError(f"the action '{name}' returned no list of actions, but {_kind(returned)}")
    if len(returned) > MOST:
        raise ActionError(f"the action '{name}' returned {len(returned)} actions, more than {MOST}")
    found = []
    for place, each in enumerate(returned, start=1):
        if not isinstance(each, Mapping):
            raise ActionError(f"the action '{name}' returned as number {place} no action, but {_kind(each)}")
        plain = _plain(name, each)
        trouble = next(iter(_validator().iter_errors(plain)), None)
        if trouble is not None:
            where = ".".join(str(part) for part in trouble.absolute_path)
            said = " ".join(trouble.message.split())[:200]
            raise ActionError(f"the action '{name}' returned as number {place} {where or 'something'}: {said}")
        found += [Act(kind, given) for kind, given in plain.items()]
    return tuple(found)


def _plain(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return it as it would be read from a file: JSON and nothing else."""
    try:
        found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(dict(given)))
    except (TypeError, ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise ActionError(f"the action '{name}' returned what is no plain value: {str(error)[:200]}") from error
    return found


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"


@cache
def _validator() -> Draft7Validator:
    return Draft7Validator(ACTION)
