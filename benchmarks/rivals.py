"""Other engines for conditions, told the same rules in their own languages. They are installed by `make rivals`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec

from benchmarks.rulebook import AtLeast, Has, Is, Matches, Rule, Test, Words

#: asks all rules about one ticket
Evaluate = Callable[[dict[str, Any]], Sequence[Any]]


class Missing(Exception):  # noqa: N818 - not an error: it is left out
    """An engine is not installed."""


class Rival(msgspec.Struct, frozen=True):
    """One engine."""

    name: str
    module: str
    compile: Callable[[Any, Sequence[Rule]], Evaluate]
    #: how many rules and tickets it is asked about: enough to measure, few where each takes long
    rules: int = 1000
    tickets: int = 20

    def prepare(self, rules: Sequence[Rule]) -> Evaluate:
        """Compile the rules; raises Missing."""
        try:
            return self.compile(import_module(self.module), rules)
        except ModuleNotFoundError as error:
            msg = f"{self.name} is not installed; `make rivals` installs it"
            raise Missing(msg) from error

    def version(self) -> str:
        """Return the version that is installed."""
        try:
            return version(self.name)
        except PackageNotFoundError:
            return ""


def _pattern(test: Words | Matches) -> str:
    """Return a regular expression for the tests that look into the text."""
    if isinstance(test, Matches):
        return f"(?i){test.pattern}"
    return f"(?i)(^|[^a-z0-9_])({'|'.join(re.escape(word).replace(chr(92), '') for word in test.words)})($|[^a-z0-9_])"


def _cel(test: Test) -> str:
    match test:
        case Is(field, values) if len(values) == 1:
            return f'{field} == "{values[0]}"'
        case Is(field, values):
            return f"{field} in [{', '.join(_quoted(values))}]"
        case Has(field, value):
            return f'"{value}" in {field}'
        case AtLeast(field, number):
            return f"{field} >= {number}"
        case Words() | Matches():
            return f'text.matches("{_pattern(test)}")'


def _zen(test: Test) -> str:
    match test:
        case Is(field, values) if len(values) == 1:
            return f'{field} == "{values[0]}"'
        case Is(field, values):
            return f"{field} in [{', '.join(_quoted(values))}]"
        case Has(field, value):
            return f'some({field}, # == "{value}")'
        case AtLeast(field, number):
            return f"{field} >= {number}"
        case Words() | Matches():
            return f'matches(text, "{_pattern(test)}")'


def _rule_engine(test: Test) -> str:
    return f'text =~~ "{_pattern(test)}"' if isinstance(test, Words | Matches) else _cel(test)


def _quoted(values: Sequence[str]) -> list[str]:
    return [f'"{value}"' for value in values]


def _with_cel(module: Any, rules: Sequence[Rule]) -> Evaluate:
    programs = [module.compile(" && ".join(map(_cel, rule))) for rule in rules]

    def evaluate(ticket: dict[str, Any]) -> Sequence[Any]:
        context = module.Context(ticket)
        return [program.execute(context) for program in programs]

    return evaluate


def _with_celpy(module: Any, rules: Sequence[Rule]) -> Evaluate:
    environment = module.Environment()
    programs = [environment.program(environment.compile(" && ".join(map(_cel, rule)))) for rule in rules]

    def evaluate(ticket: dict[str, Any]) -> Sequence[Any]:
        activation = module.json_to_cel(ticket)
        return [program.evaluate(activation) for program in programs]

    return evaluate


def _with_rule_engine(module: Any, rules: Sequence[Rule]) -> Evaluate:
    compiled = [module.Rule(" and ".join(map(_rule_engine, rule))) for rule in rules]
    return lambda ticket: [rule.matches(ticket) for rule in compiled]


def _with_zen(module: Any, rules: Sequence[Rule]) -> Evaluate:
    compiled = [module.compile_expression(" and ".join(map(_zen, rule))) for rule in rules]
    return lambda ticket: [rule.evaluate(ticket) for rule in compiled]


RIVALS = (
    Rival("common-expression-language", "cel", _with_cel),
    Rival("zen-engine", "zen", _with_zen),
    Rival("rule-engine", "rule_engine", _with_rule_engine, rules=200, tickets=5),
    Rival("cel-python", "celpy", _with_celpy, rules=20, tickets=2),
)
