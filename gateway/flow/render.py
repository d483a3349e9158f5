"""Ticket values in the words of one desk, by the maps of the sync rule: pure.

What a map has no word for stays in the gateway's own words beside the rest (`Intent.ours`), and so does what a map
replaces: an update can be rendered again when the map has been corrected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from gateway.domain.link import Link, Role
from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Category, Kind, Priority, Status
from gateway.domain.update import Intent, Operation
from rules.sync import SyncRule, UnmappedChoice

#: fields that a map (or `people:`) puts into a desk's words, and what they are in ours
_KINDS: Mapping[str, Any] = {"status": Status, "priority": Priority, "kind": Kind, "assignee": RemotePerson | None}


class Rendered(msgspec.Struct, frozen=True):
    """Values as one desk takes them."""

    fields: dict[str, Any]
    #: in our words: what a map replaced, and what it has no word for
    ours: dict[str, Any] = {}
    #: what no map covers: (field, why)
    refused: tuple[tuple[str, str], ...] = ()


def render(values: Mapping[str, Any], link: Link, rule: SyncRule | None, people: Mapping[str, Any]) -> Rendered:
    """Put ticket values into the words of one desk."""
    target = rule if link.role is Role.TARGET else None
    fields: dict[str, Any] = {}
    ours: dict[str, Any] = {}
    refused: list[tuple[str, str]] = []
    for field, value in values.items():
        word = value
        if field == "assignee":
            word = account_of(value, link.connection, people)
            if word is None and value is not None:
                continue
        elif field in _WORDS:
            word = _WORDS[field](value, target)
            if word is None:
                if target is None or target.unmapped is not UnmappedChoice.IGNORE:
                    refused.append((field, _why(field, value, target)))
                    ours[field] = msgspec.to_builtins(value)
                continue
        fields[field] = msgspec.to_builtins(word)
        if field in {"kind", "assignee"} and word != value:
            ours[field] = msgspec.to_builtins(value)
    return Rendered(fields, ours, tuple(refused))


def render_again(intent: Intent, link: Link, rule: SyncRule | None, people: Mapping[str, Any]) -> tuple[Intent, str]:
    """Render what an update wants by the rules of today; return it and what still has no word (empty: everything has).

    The values are those that were asked for: what has happened since stands behind it in its lane.
    """
    wanted = {**intent.fields, **intent.ours}
    values = {
        field: msgspec.convert(value, _KINDS[field]) if field in _KINDS else value for field, value in wanted.items()
    }
    rendered = render(values, link, rule, people)
    fields = dict(rendered.fields)
    if "assignee" in intent.fields:
        # whom `people:` does not know any more is still the one that was asked for
        fields.setdefault("assignee", intent.fields["assignee"])
    params = dict(rule.create) if rule is not None and intent.operation is Operation.CREATE else intent.params
    again = msgspec.structs.replace(intent, fields=fields, ours=rendered.ours, params=params)
    return again, "; ".join(why for _, why in rendered.refused)


def account_of(who: RemotePerson | None, connection: str, people: Mapping[str, Any]) -> RemotePerson | None:
    """Return a person's account at a desk by the site's `people:`; never guessed by name."""
    if who is None:
        return None
    for person in people.values():
        accounts = person.get("accounts", {})
        same = who.email and person.get("email", "").lower() == who.email.lower()
        if same or (who.external_id and who.external_id in {str(each) for each in accounts.values()}):
            account = accounts.get(connection)
            return RemotePerson(str(account), person.get("email", ""), "", who.name) if account else None
    return None


def no_account(who: RemotePerson) -> str:
    """Say why an assignee is not shown at a desk."""
    return f"{who.label} has no account there under `people:`"


def _status(value: Status, rule: SyncRule | None) -> Status | None:
    native = rule.status_map.to_theirs(value.category) if rule and rule.status_map else ""
    if native is None or value.category is Category.UNKNOWN:
        return None
    return msgspec.structs.replace(value, native=native)


def _priority(value: Priority, rule: SyncRule | None) -> Priority | None:
    native = rule.priority_map.to_theirs(value.level) if rule and rule.priority_map else ""
    return None if native is None else msgspec.structs.replace(value, native=native)


def _kind(value: Kind, rule: SyncRule | None) -> str | None:
    return rule.kind_map.to_theirs(value) if rule and rule.kind_map else value


_WORDS: Mapping[str, Callable[[Any, SyncRule | None], Any]] = {"status": _status, "priority": _priority, "kind": _kind}


def _why(field: str, value: Any, rule: SyncRule | None) -> str:
    said = value.category if field == "status" else value.level if field == "priority" else value
    where = f"the map of rule {rule.name!r}" if rule else "the desk's own words"
    return f"{field} {said.value!r} is not in {where}: add a line for it"
