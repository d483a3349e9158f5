"""Due times: can a desk hold what `due_time:` of a sync rule shows there, and would two of them share a field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from zoneinfo import available_timezones

from gateway.domain.shown import DUE
from gateway.domain.update import Operation
from gateway.ports import ConnectorSpec
from rules.due_time import Form
from rules.lint.reading import Reading, called
from rules.problem import Problem, nearest
from rules.source import Spot

_CUSTOM = re.compile(r"custom\.\S+")
#: what is said about a value once, and for good
_DATED = frozenset({Form.DATE.value, Form.TEXT.value})


def of_rule(rule: Spot) -> list[Spot]:
    """Return the due times of a sync rule."""
    if "fields" not in rule or "due_time" not in rule["fields"]:
        return []
    return list(rule["fields"]["due_time"].each())


def of_connections(reading: Reading) -> Iterator[tuple[str, Spot]]:
    """Go through what connections show of every ticket that lives there: (connection, what)."""
    section = reading.gateway.root.get("connections") if reading.gateway is not None else None
    if reading.gateway is None or not isinstance(section, dict):
        return
    for name, spot in reading.gateway.root["connections"].entries():
        if "due_time" in spot:
            yield from ((name, each) for each in spot["due_time"].each())


def places(due: Spot) -> Iterator[tuple[str, Spot]]:
    """Go through what a due time shows where: (connection, what)."""
    if "write" in due:
        yield from due["write"].entries()


def fields(place: Spot) -> Iterator[tuple[str, Spot]]:
    """Go through the fields that are written: (what goes in, the field)."""
    if isinstance(place.value, str):
        yield "due", place
        return
    if "field" in place:
        yield "due", place["field"]
    if "status" in place:
        yield "status", place["status"]


def abilities(reading: Reading) -> Iterator[Problem]:
    """Say what a desk cannot hold."""
    for rule in reading.sections.items("sync"):
        for due in of_rule(rule):
            for connection, place in places(due):
                spec = reading.spec_of(connection)
                if connection not in {rule.value["from"], rule.value["to"]} and connection in reading.connections:
                    message = (
                        f"'{connection}' is no desk of this rule: it syncs {rule.value['from']} and {rule.value['to']}"
                    )
                    yield place.error("cannot-do", message, "name one of the two", key=True)
                elif spec is not None and place.value is not False:
                    yield from _held(reading, connection, spec, place)
                yield from _written(place)
    for connection, place in of_connections(reading):
        spec = reading.spec_of(connection)
        if spec is not None and place.value is not False:
            yield from _held(reading, connection, spec, place)
        yield from _written(place)


def _held(reading: Reading, connection: str, spec: ConnectorSpec, place: Spot) -> Iterator[Problem]:
    """Say what of a place the desk has no room for."""
    desk = f"'{connection}' ({spec.title})"
    if Operation.SET_FIELDS not in spec.operations:
        message = f"{desk} has no fields to write a due time into"
        yield place.error("cannot-do", message, "take it out, or name a desk with tickets", key=True)
        return
    for _, field in fields(place):
        name = field.value
        if name == DUE and spec.due_kinds is None:
            message = f"{desk} has no due time of its own"
            yield field.error("cannot-do", message, "write custom.NAME" if spec.custom_fields else "take it out")
        elif _CUSTOM.fullmatch(name):
            if not spec.custom_fields:
                message = f"{desk} has no custom fields that can be written"
                yield field.error("cannot-do", message, "write due" if spec.due_kinds is not None else "take it out")
            else:
                yield from _known(reading, connection, field)
    if "tags" in place and not spec.own_tags:
        message = f"{desk} holds no tags of the gateway beside those of people"
        yield place["tags"].error("cannot-do", message, "write `status: custom.NAME` or `note: true`", key=True)
    if "note" in place and Operation.INTERNAL_NOTE not in spec.operations:
        yield place["note"].error("cannot-do", f"{desk} takes no internal notes", "take it out", key=True)


def _known(reading: Reading, connection: str, field: Spot) -> Iterator[Problem]:
    """Say where a connection names its custom fields, and this one is not among them."""
    named = reading.connections[connection].options.get("custom_fields")
    name = field.value.partition(".")[2]
    if isinstance(named, dict) and name not in named and not name.isdigit():
        message = f"'{connection}' names its custom fields, and '{name[:60]}' is none of them"
        hint = nearest(name, named) or f"add it to `custom_fields:` of {connection} in gateway.yaml"
        yield field.error("unknown-field", message, hint)


def _written(place: Spot) -> Iterator[Problem]:
    """Say what is wrong with a place at whatever desk."""
    for what, field in fields(place):
        own = what == "due" and field.value == DUE
        if not own and not _CUSTOM.fullmatch(field.value):
            message = f"'{field.value[:60]}' is no field that a {_WORDS[what]} can be written into"
            yield field.error("unknown-field", message, "write custom.NAME")
    zone = place.get("zone")
    if zone is not None and zone not in available_timezones():
        message = f"there is no time zone '{zone[:60]}'"
        yield place["zone"].error("unknown-timezone", message, nearest(zone, available_timezones()))
    for key, why in (("as", "a form"), ("zone", "a zone"), ("while_paused", "a choice")):
        if key in place and "field" not in place:
            yield place[key].error(
                "missing-key", f"{why} without a field for the due time", "add field: here", key=True
            )
    if place.get("field") == DUE and ("as" in place or "zone" in place):
        key = "as" if "as" in place else "zone"
        message = "a desk's own due time has a form of its own"
        yield place[key].error("wrong-value", message, "take it out", key=True)
    elif "zone" in place and place.get("as", "") not in _DATED:
        yield place["zone"].error(
            "wrong-value", "a zone matters for `as: date` and `as: text` only", "take it out", key=True
        )
    if "words" in place and "status" not in place:
        yield place["words"].error("missing-key", "words without a field for the status", "add status: here", key=True)


_WORDS = {"due": "due time", "status": "status"}


def shared(reading: Reading) -> Iterator[Problem]:
    """Say where two metrics are written into one field of one desk."""
    seen: dict[tuple[str, str], list[tuple[Spot, str, Spot]]] = {}
    for rule in reading.sections.items("sync"):
        for due in of_rule(rule):
            metric = due.get("metric", "")
            for connection, place in places(due):
                for what, field in fields(place):
                    told = f"{metric or 'what is due first'}{' (status)' * (what == 'status')}"
                    for other, before, _ in seen.get((connection, field.value), ()):
                        alike = other.path == rule.path and other.document is rule.document
                        both = alike or reading.solver.can_hold(reading.formula(rule), reading.formula(other))
                        if before != told and both:
                            message = (
                                f"'{field.value}' of '{connection}' gets {told} here and "
                                f"{before} by the rule {called(other)} at {other.at()}"
                            )
                            yield field.warning(
                                "field-mapped-twice", message, "write one of them into a field of its own"
                            )
                    seen.setdefault((connection, field.value), []).append((rule, told, due))
