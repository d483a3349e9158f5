"""What a connector can do, in words: for `gateway connectors`, and for the table in docs/connectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.domain.update import Operation
from gateway.ports import Attaching, ConnectorSpec
from rules.duration import words

#: what stands in the matrix, in this order
SHOWN = (
    Operation.CREATE,
    Operation.SET_FIELDS,
    Operation.PUBLIC_REPLY,
    Operation.INTERNAL_NOTE,
    Operation.NOTIFY,
)
MISSING = "–"


def described(spec: ConnectorSpec) -> dict[str, Any]:
    """Return what a connector can do, for machines."""
    return {
        "name": spec.name,
        "title": spec.title,
        "webhooks": spec.webhooks,
        "polling": spec.polling,
        "operations": {operation.value: strategy for operation, strategy in writes(spec)},
        "files": spec.attaching.value if spec.attaching is not None else None,
        "reads": sorted(spec.readable_fields),
        "writes": sorted(spec.writable_fields),
        "sees_doubles_of": sorted(operation.value for operation in spec.sees),
        "undoes": sorted(operation.value for operation in spec.undoes),
        "open_to_all": spec.open_to_all,
        "follow_ups": spec.follow_ups,
        "custom_fields": spec.custom_fields,
        "own_tags": spec.own_tags,
        "agents_every": _every(spec),
        "knows_people": spec.enriches,
        "keeps_references": spec.keeps_references,
        "statuses": list(spec.statuses),
        "settings": [setting.name for setting in spec.settings],
        "create": [setting.name for setting in spec.create_params],
    }


def facts(spec: ConnectorSpec) -> Iterator[tuple[str, str]]:
    """Yield what a connector can do as lines: what, and how."""
    yield "heard by", deliveries(spec)
    strategies: Mapping[Operation, str] = dict(writes(spec))
    for operation in SHOWN:
        yield operation.value.replace("_", " "), strategies.get(operation, MISSING)
    yield "files", _files(spec)
    yield "reads", ", ".join(sorted(spec.readable_fields)) or MISSING
    yield "writes", ", ".join(sorted(spec.writable_fields)) or MISSING
    yield "seen when doubled", ", ".join(sorted(each.value for each in spec.sees)).replace("_", " ") or MISSING
    yield "undone, if allowed", ", ".join(sorted(each.value for each in spec.undoes)).replace("_", " ") or MISSING
    yield "private tickets", _private(spec)
    yield "closed for good", "a reply begins a follow-up" if spec.follow_ups else MISSING
    yield "due times", _due(spec)
    yield "its own SLA clocks", ", ".join(sorted(spec.promises)).replace("_", " ") or MISSING
    yield "names tickets elsewhere in", spec.keeps_references or MISSING
    yield "knows who asks", "by account, e-mail, telephone" if spec.enriches else MISSING
    yield "says who is there", f"asked each {_every(spec)}" if spec.agents_every else MISSING


def deliveries(spec: ConnectorSpec) -> str:
    """Say how the gateway hears of what happens there."""
    ways = [word for word, holds in (("webhooks", spec.webhooks), ("polling", spec.polling)) if holds]
    return ", ".join(ways) or MISSING


def writes(spec: ConnectorSpec) -> Iterator[tuple[Operation, str]]:
    """Yield each operation of tickets with its strategy, in the order in which they are shown."""
    for operation in SHOWN:
        claim = spec.operations.get(operation)
        if claim is not None:
            needs = f", needs {claim.needs_fact}" if claim.needs_fact else ""
            yield operation, f"{claim.strategy.value}{needs}"


def _every(spec: ConnectorSpec) -> str:
    """Say how often its agents are asked for where the site says nothing; empty where it cannot list them."""
    return words(int(spec.agents_every.total_seconds())) if spec.agents_every is not None else ""


def _files(spec: ConnectorSpec) -> str:
    """Say how files get there."""
    if spec.attaching is None:
        return MISSING
    ways = {Attaching.WITH_COMMENT: "with what is said", Attaching.ALONE: "by themselves"}
    most = f"{ways[spec.attaching]}, to {spec.max_file // 1_000_000} MB"
    return most if spec.internal_files else f"{most}, never hidden from customers"


def _private(spec: ConnectorSpec) -> str:
    """Say whether a ticket that is private elsewhere may be written there."""
    if not spec.open_to_all:
        return "written there"
    return f"only with create: {{{spec.private_param}: true}}" if spec.private_param else "kept from it"


def _due(spec: ConnectorSpec) -> str:
    """Say what can hold a due time there."""
    own = [] if spec.due_kinds is None else [", ".join(sorted(spec.due_kinds)) or "its own field"]
    more = [word for word, holds in (("custom fields", spec.custom_fields), ("tags", spec.own_tags)) if holds]
    return ", ".join([*own, *more]) or MISSING
