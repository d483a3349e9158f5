"""What `gateway check` says of rules between desks, without a desk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import yaml

from connectors import registry
from connectors.testing.bench import Bench
from rules import check_site
from rules.problem import Problem
from tests.pairs.pair import SOURCE, TARGET


def told(sources: Sequence[type[Bench]], target: type[Bench], **rule: Any) -> list[list[Problem]]:
    """Return what is said of the same rule from each of these desks to one."""
    named = {f"{SOURCE}-{number}" if number else SOURCE: bench for number, bench in enumerate(sources)}
    desks = {**named, TARGET: target}
    gateway = {"connections": {name: _connection(bench()) for name, bench in desks.items()}}
    # two desks of a kind may share an option, for which YAML would have an alias
    files = {"gateway.yaml": json.dumps(gateway)}
    for number, name in enumerate(named):
        create = {"create": dict(target.create_params)} if target.create_params else {}
        one = {"name": f"pair-{number}", "from": name, "to": TARGET, **create, **rule}
        files[f"rules/{number:02}.yaml"] = yaml.safe_dump({"sync": [one]})
    specs = {name: plugin.spec for name, plugin in registry.load(points=()).plugins.items()}
    found = check_site(files, specs).problems
    return [[each for each in found if each.head.startswith(f"rules/{number:02}.")] for number in range(len(named))]


def faults(source: type[Bench], target: type[Bench], **rule: Any) -> list[str]:
    """Return what is called an error of a rule between two desks."""
    return [each.head.partition(" error")[2] for each in told([source], target, **rule)[0] if each.is_error]


def _connection(bench: Bench) -> dict[str, Any]:
    spec = registry.load(points=()).plugin(bench.connector).spec
    given = {"connector": bench.connector, "url": "https://desk.example", **bench.options()}
    secret = {each.name for each in spec.settings if each.secret} | {"webhook_secret"}
    return {name: _hidden(value) if name in secret else value for name, value in given.items()}


def _hidden(value: Any) -> Any:
    return {key: _hidden(each) for key, each in value.items()} if isinstance(value, dict) else "${SECRET}"
