"""Desks: rings of rules, one field under two rules, and what the other desk cannot do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.domain.ticket import Visibility
from gateway.domain.update import Operation
from gateway.ports import ConnectorSpec
from rules.lint import due_times
from rules.lint.formula import Formula
from rules.lint.reading import Reading, called
from rules.lint.uses import authorities
from rules.problem import Problem
from rules.source import Spot
from rules.sync import Owner

#: longer rings are not looked for
LONGEST = 6
_WRITES = {Visibility.PUBLIC: Operation.PUBLIC_REPLY, Visibility.INTERNAL: Operation.INTERNAL_NOTE}
_DOES = {Operation.PUBLIC_REPLY: "public replies", Operation.INTERNAL_NOTE: "internal notes"}


def rings(reading: Reading) -> Iterator[Problem]:
    """Say where rules hand a ticket from desk to desk back to where it came from."""
    rules = reading.sections.items("sync")
    said: set[frozenset[int]] = set()
    leading: dict[str, list[int]] = {}
    for place, rule in enumerate(rules):
        leading.setdefault(rule.value["from"], []).append(place)
    for first in range(len(rules)):
        for ring in _rings(reading, rules, leading, [first], [reading.formula(rules[first])]):
            if frozenset(ring) in said:
                continue
            said.add(frozenset(ring))
            way = " -> ".join([*(rules[each].value["from"] for each in ring), rules[first].value["from"]])
            named = ", ".join(called(rules[each]) for each in ring)
            message = (
                f"a ring of rules ({named}): {way} can hold for one ticket, so it is handed back to where it began"
            )
            hint = "let each rule's `when` name the `source` that it is for"
            yield rules[max(ring)]["to"].warning("sync-loop", message, hint)


def _rings(
    reading: Reading, rules: list[Spot], leading: Mapping[str, list[int]], path: list[int], held: list[Formula]
) -> Iterator[list[int]]:
    """Go through the rings that begin with `path`; `leading` has the rules that lead away from each desk."""
    start, end = rules[path[0]].value["from"], rules[path[-1]].value["to"]
    if start == end:
        yield path
        return
    if len(path) >= LONGEST or reading.solver.exhausted:
        return
    passed = {rules[each].value["from"] for each in path}
    for place in leading.get(end, ()):
        rule = rules[place]
        if place < path[0] or place in path or rule.value["to"] in passed - {start}:
            continue
        with_it = [*held, reading.formula(rule)]
        if reading.solver.can_hold(*with_it):
            yield from _rings(reading, rules, leading, [*path, place], with_it)


def masters(reading: Reading) -> Iterator[Problem]:
    """Say where two desks are both alone in saying what one field of one ticket is."""
    rules = reading.sections.items("sync")
    owning = [rule for rule in rules if _owned(rule)]
    for place, rule in enumerate(owning):
        if reading.solver.exhausted:
            break
        for other in owning[:place]:
            if rule.value["from"] != other.value["from"] or rule.value["to"] == other.value["to"]:
                continue
            both = [field for field in _owned(rule) if field in _owned(other)]
            if both and reading.solver.can_hold(reading.formula(rule), reading.formula(other)):
                field = both[0]
                message = (
                    f"'{field}' belongs to '{rule.value['to']}' here and to '{other.value['to']}' by the rule "
                    f"{called(other)} at {other.at()}, and both can hold for one ticket"
                )
                hint = "let one of them own it, or keep the rules apart by `when`"
                yield rule["fields"][field].warning("field-mapped-twice", message, hint, key=True)
    yield from due_times.shared(reading)


def _owned(rule: Spot) -> list[str]:
    """Return the fields that the `to` desk of a rule alone may change."""
    if "fields" not in rule:
        return []
    found = []
    for field, spot in rule["fields"].entries():
        owner = spot.get("owner") if isinstance(spot.value, dict) else spot.value
        if owner == Owner.TO:
            found.append(field)
    return found


def asked(reading: Reading) -> Iterator[Problem]:
    """Say of which desks a lost webhook is lost for good, because they are never asked what has changed."""
    for name, connection in reading.connections.items():
        spec = reading.spec_of(name)
        if reading.gateway is None or spec is None or not spec.polling or connection.reconcile_every != 0:
            continue
        lost = "a webhook that is lost is lost for good" if spec.webhooks else "nothing is heard of there"
        spot = reading.gateway.root["connections"][name]["reconcile_every"]
        message = f"'{name}' ({spec.title}) is never asked what has changed: {lost}"
        yield spot.warning("never-asked", message, "leave it out, or say how often")


def abilities(reading: Reading) -> Iterator[Problem]:
    """Say what a desk is asked for that its connector does not do."""
    for rule in reading.sections.items("sync"):
        yield from _able(reading, rule["to"], Operation.CREATE, "takes no new tickets")
        yield from _addressed(reading, rule)
        if "fields" in rule and "comments" in rule["fields"]:
            yield from _comments(reading, rule)
            yield from _files(reading, rule)
    yield from due_times.abilities(reading)
    for policy in reading.sections.items("sla"):
        for metric, desk in authorities(policy):
            spec = reading.spec_of(desk.value)
            if spec is not None and metric not in spec.promises:
                message = f"'{desk.value}' ({spec.title}) does not tell of a clock of its own for {metric}"
                counted = ", ".join(sorted(spec.promises))
                yield desk.error("cannot-do", message, f"it counts: {counted}" if counted else "write gateway")
    for escalation in reading.sections.items("escalations"):
        for action in escalation["do"].each():
            if "open_incident" in action:
                yield from _able(
                    reading, action["open_incident"]["connection"], Operation.CREATE, "takes no new tickets"
                )
            for name in ("notify", "hook"):
                if name in action and "connection" in action[name]:
                    yield from _notified(reading, action[name]["connection"])


def _able(reading: Reading, spot: Spot, operation: Operation, words: str) -> Iterator[Problem]:
    spec = reading.spec_of(spot.value)
    if spec is not None and operation not in spec.operations:
        able = [name for name in reading.connections if (one := reading.spec_of(name)) and operation in one.operations]
        hint = f"name one that does: {', '.join(able)}" if able else ""
        yield spot.error("cannot-do", f"'{spot.value}' ({spec.title}) {words}", hint)


def _addressed(reading: Reading, rule: Spot) -> Iterator[Problem]:
    """Say where a ticket is to be begun by a mail to somebody of whom no address can be known."""
    source, target = reading.spec_of(rule.value["from"]), reading.spec_of(rule.value["to"])
    if source is None or target is None or source.knows_addresses or not target.needs_address:
        return
    message = (
        f"'{rule.value['to']}' ({target.title}) begins a ticket by writing to its requester, and nobody who writes to "
        f"'{rule.value['from']}' ({source.title}) has an address of mail there"
    )
    able = [
        name for name in reading.connections
        if (one := reading.spec_of(name)) and Operation.CREATE in one.operations and not one.needs_address
    ]  # fmt: skip
    hint = f"name a desk that takes tickets of anybody: {', '.join(able)}" if able else "take the rule out"
    yield rule["to"].error("cannot-do", message, hint)


def _notified(reading: Reading, spot: Spot) -> Iterator[Problem]:
    spec = reading.spec_of(spot.value)
    if spec is not None and Operation.NOTIFY not in spec.operations:
        able = [name for name in reading.connections if (one := reading.spec_of(name)) and _tells(one.operations)]
        hint = f"name one that can: {', '.join(able)}" if able else "add a connection to a channel such as Slack"
        yield spot.error("cannot-notify", f"{spec.title} takes no notifications", hint)


def _tells(operations: Mapping[Operation, object]) -> bool:
    return Operation.NOTIFY in operations


def _comments(reading: Reading, rule: Spot) -> Iterator[Problem]:
    for visibility, (at, owner) in _owners(rule["fields"]["comments"]).items():
        written = []
        if owner != Owner.TO:
            written.append(rule.value["to"])
        if owner != Owner.FROM:
            written.append(rule.value["from"])
        for connection in written:
            spec = reading.spec_of(connection)
            if spec is not None and _WRITES[visibility] not in spec.operations:
                message = f"'{connection}' ({spec.title}) takes no {_DOES[_WRITES[visibility]]}"
                yield at.error("cannot-do", message, "take it out, or turn its direction", key=True)


def _files(reading: Reading, rule: Spot) -> Iterator[Problem]:
    """Say where the files of comments stay behind: asked for by name that is an error, else it is told."""
    fields = rule["fields"]
    asked = "attachments" in fields
    spot = fields["attachments"] if asked else fields["comments"]
    owner = spot.value if asked else Owner.BOTH
    for key, other in (("to", Owner.TO), ("from", Owner.FROM)):
        spec = reading.spec_of(rule.value[key])
        if owner == other or spec is None or not _speaks(spec.operations):
            continue
        if spec.attaching is not None:
            yield from _internal_files(rule, key, spec, spot, other)
            continue
        message = f"'{rule.value[key]}' ({spec.title}) takes no files"
        if asked:
            yield spot.error("cannot-do", message, "take it out, or turn its direction", key=True)
        else:
            told = f"{message}: those of comments stay behind, and the comment says so"
            hint = f"say which way they go: `attachments: {other.value}`"
            yield spot.warning("files-stay-behind", told, hint, key=True)


def _internal_files(rule: Spot, key: str, spec: ConnectorSpec, spot: Spot, other: Owner) -> Iterator[Problem]:
    """Say where files that customers may not see stay behind."""
    if spec.internal_files or Operation.INTERNAL_NOTE not in spec.operations:
        return
    owner = _owners(rule["fields"]["comments"]).get(Visibility.INTERNAL, (spot, other))[1]
    if owner != other:
        message = f"'{rule.value[key]}' ({spec.title}) can hide no file from customers"
        told = f"{message}: those of internal comments stay behind, and the comment says so"
        yield spot.warning("files-stay-behind", told, f"say which way they go: `attachments: {other.value}`", key=True)


def _owners(spot: Spot) -> dict[Visibility, tuple[Spot, str]]:
    """Return who owns the comments of a rule, by who may read them."""
    if isinstance(spot.value, str):
        return dict.fromkeys(Visibility, (spot, spot.value))
    return {Visibility(key): (inner, inner.value) for key, inner in spot.entries()}


def _speaks(operations: Mapping[Operation, object]) -> bool:
    return any(each in operations for each in _WRITES.values())
