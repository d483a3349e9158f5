"""What other packages add to the rules: operators, actions and classifiers, by one hook.

A package names a module under the entry-point group `gateway.rules`; the module has `@hookimpl def gateway_rules()` and
returns an `Extension`. Each is loaded on its own: one that is broken is left out whole and shown with its reason, and
the others work. docs/rules/extending.md says how to write one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
import pluggy
from jsonschema import Draft7Validator

from gateway.domain.clock_instance import Instance, Transition
from gateway.domain.ticket import Ticket
from rules.classifiers import GUESSABLE, Classifier, Guess, Known
from rules.fields import Clue, Field, FieldType, Look, Operator, Test, Vocabulary
from rules.notices import Person
from rules.operands import OperandError
from rules.operators import OPERATORS
from rules.schema.clocks import ACTION

#: the version of this interface: a plug-in made for another one is left out and shown
API_VERSION = 1
ENTRY_POINT_GROUP = "gateway.rules"
PROJECT = "gateway_rules"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Need(StrEnum):
    """What an action works with when it is carried out."""

    #: its `connection` says at which desk
    CONNECTION = "connection"
    #: its `person`, `role` or `roles` say whom it is about
    PERSON = "person"
    #: it makes sense only where a clock is what fired: `at:`, not `on:`
    CLOCK = "clock"


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """What an action is asked: plain values, and nothing that could be called."""

    #: what stands behind its name in the rule
    given: Any
    ticket: Ticket
    #: the clock that came to the level, as it stands now
    clock: Instance
    #: what it went through
    steps: Sequence[Transition]
    #: name of the escalation
    escalation: str
    #: when the level was due
    due: datetime
    now: datetime
    #: whom `person`, `role` and `roles` of what is given stand for
    people: Sequence[Person] = ()
    #: names this firing for ever: the same when the action is asked again
    key: str = ""


#: returns what is to be done, each as it would stand in `do:` of an escalation; None: nothing
Run = Callable[[Occasion], Sequence[Mapping[str, Any]] | None]


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a rule of one phase may do."""

    name: str
    #: JSON Schema (draft 7) of what stands behind its name
    schema: Mapping[str, Any]
    #: pure: it reads no clock, asks nobody and writes nothing
    run: Run | None = None
    phase: str = "escalations"
    needs: frozenset[Need] = frozenset()
    help: str = ""


class Extension(msgspec.Struct, frozen=True, kw_only=True):
    """What the hook of one package returns."""

    api_version: int = API_VERSION
    operators: tuple[Operator, ...] = ()
    actions: tuple[Action, ...] = ()
    classifiers: tuple[Classifier, ...] = ()


class Hooks:
    """The hook that a package implements."""

    @hookspec
    def gateway_rules(self) -> Extension:  # type: ignore[empty-body]
        """Return what the package adds."""


class Broken(msgspec.Struct, frozen=True):
    """A package that could not be used, and why."""

    name: str
    reason: str


class Extensions(msgspec.Struct, frozen=True, kw_only=True):
    """What all packages add, by name."""

    operators: Mapping[str, Operator] = {}
    actions: Mapping[str, Action] = {}
    classifiers: tuple[Classifier, ...] = ()
    broken: tuple[Broken, ...] = ()


#: the language as it comes
NOTHING = Extensions()


def gather(sources: Iterable[tuple[str, Callable[[], Any]]]) -> Extensions:
    """Load packages, (name, what loads its module) each, in order; where two add one name, the second is left out."""
    operators: dict[str, Operator] = {}
    actions: dict[str, Action] = {}
    classifiers: dict[str, Classifier] = {}
    broken: list[Broken] = []
    for name, load in sources:
        try:
            added = _ask(name, load)
            _check(added, {*OPERATORS, *operators}, actions, classifiers)
        except Exception as error:  # noqa: BLE001 - a plug-in may fail in any way; it is shown, not fatal
            broken.append(Broken(name, f"{type(error).__name__}: {error}"[:500]))
            continue
        operators.update((each.name, _guarded(each)) for each in added.operators)
        actions.update((each.name, each) for each in added.actions)
        classifiers.update((each.name, each) for each in added.classifiers)
    return Extensions(
        operators=operators, actions=actions, classifiers=tuple(classifiers.values()), broken=tuple(broken)
    )


def _ask(name: str, load: Callable[[], Any]) -> Extension:
    """Register one module with a plug-in manager of its own and ask it."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    manager.register(load(), name=name)
    manager.check_pending()
    answers = manager.hook.gateway_rules()
    if len(answers) != 1 or not isinstance(answers[0], Extension):
        raise TypeError("its hook gateway_rules() did not return one Extension")
    added = answers[0]
    if added.api_version != API_VERSION:
        raise TypeError(f"made for rules interface {added.api_version}, this gateway has {API_VERSION}")
    return added


def _check(added: Extension, operators: Iterable[str], actions: Iterable[str], classifiers: Iterable[str]) -> None:
    _names("operator", [each.name for each in added.operators], operators)
    _names("action", [each.name for each in added.actions], [*actions, *BUILT_IN_ACTIONS])
    _names("classifier", [each.name for each in added.classifiers], classifiers)
    for operator in added.operators:
        if not operator.types:
            raise ValueError(f"no field knows the operator {operator.name!r}")
        if operator.schema is not None:
            Draft7Validator.check_schema(dict(operator.schema))
    for action in added.actions:
        if action.phase not in ACTION_PHASES:
            raise ValueError(f"there are no actions in phase {action.phase!r} (only in {', '.join(ACTION_PHASES)})")
        Draft7Validator.check_schema(dict(action.schema))
    for classifier in added.classifiers:
        strange = [name for name in classifier.sets if name not in GUESSABLE and not name.startswith("custom.")]
        strange += [name for name in classifier.reads if name not in Ticket.__struct_fields__]
        if strange or not classifier.sets:
            raise ValueError(f"the classifier {classifier.name!r} cannot fill in or read {strange or 'nothing'}")


def _names(what: str, mine: list[str], taken: Iterable[str]) -> None:
    known = set(taken)
    for name in mine:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name for {what}s: small letters, digits and _")
        if name in known:
            raise ValueError(f"there is a{'n' if what[0] in 'ao' else ''} {what} {name!r} already")
        known.add(name)


def _guarded(operator: Operator) -> Operator:
    """Return the operator so that it breaks only the condition that uses it, where it breaks."""

    def build(operand: Any, field: Field, vocabulary: Vocabulary) -> Test:
        try:
            return operator.build(operand, field, vocabulary)
        except OperandError:
            raise
        except Exception as error:
            raise OperandError(
                f"the operator '{operator.name}' broke: {type(error).__name__}: {error}"[:200]
            ) from error

    return msgspec.structs.replace(operator, build=build)


#: phases whose rules name what they do by name
ACTION_PHASES = ("escalations",)
#: those of `rules.schema.clocks`
BUILT_IN_ACTIONS = tuple(ACTION["properties"])

__all__ = [
    "API_VERSION",
    "ENTRY_POINT_GROUP",
    "NOTHING",
    "Action",
    "Broken",
    "Classifier",
    "Clue",
    "Extension",
    "Extensions",
    "Field",
    "FieldType",
    "Guess",
    "Known",
    "Look",
    "Need",
    "Occasion",
    "OperandError",
    "Operator",
    "gather",
    "hookimpl",
]
