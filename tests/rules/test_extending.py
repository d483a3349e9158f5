# ruff: noqa: E501 - a table of whole messages
"""What other packages add to the rules, through pluggy, and what becomes of one that is broken."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from importlib.metadata import EntryPoint
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from jsonschema import Draft7Validator

from gateway.extensions import installed
from rules import check_site, load_site
from rules.classifiers import Said, listen
from rules.extending import (
    API_VERSION,
    Action,
    Classifier,
    Extension,
    Extensions,
    FieldType,
    Need,
    Operator,
    gather,
    hookimpl,
)
from rules.schema import for_editors
from rules.yaml12 import load
from tests.house.tree import ROOT
from tests.rules.making import GATEWAY, SPECS, facts, ticket

EXAMPLE = ROOT / "docs" / "examples" / "rules" / "ours.py"


def example() -> ModuleType:
    """Load the example of the documentation as an installed package would be."""
    spec = importlib.util.spec_from_file_location("ours", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def offering(**what: Any) -> Callable[[], Any]:
    """Return what loads a plug-in that offers this."""

    @hookimpl
    def gateway_rules() -> Extension:
        return Extension(**what)

    return lambda: SimpleNamespace(gateway_rules=gateway_rules)


def anything(_operand: Any, _field: Any, _vocabulary: Any) -> Callable[[Any], bool]:
    """Be an operator that always holds."""
    return lambda _value: True


def op(name: str, **changes: Any) -> Operator:
    """Return an operator for texts."""
    return Operator(name, frozenset({FieldType.TEXT}), name, changes.pop("build", anything), **changes)


def loaded(rules: str, extensions: Extensions) -> tuple[Any, list[str]]:
    """Load a site with extensions; return it and the heads of its problems."""
    site, problems = load_site({"gateway.yaml": GATEWAY, "rules/a.yaml": rules}, SPECS, extensions=extensions)
    return site, [problem.head for problem in problems]


RULES = """\
classify:
  - name: colleagues
    when: {requester.email: {ends_with: "@acme.example"}}
    set: {tier: internal}
escalations:
  - name: wake
    at: breach
    do: [{page: {person: eva, connection: zen}}]
people: {eva: {email: eva@acme.example}}
sla: [{name: all, targets: {resolution: 4h}}]
"""


def test_the_example_of_the_documentation_works() -> None:
    """Its operator in a condition, its action in an escalation, its classifier on a ticket."""
    extensions = gather([("ours", example)])
    assert extensions.broken == ()
    site, problems = loaded(RULES, extensions)
    assert site is not None, problems
    (rule,) = site.rules.classify_rules
    from gateway.domain.person import RemotePerson  # noqa: PLC0415 - only here

    colleague = ticket(requester=RemotePerson(email="Kim@ACME.example"))
    assert rule.when.holds(facts(colleague))
    assert rule.when.why(facts(ticket())) == "requester.email is empty, not ending with @acme.example"
    (classifier,) = site.rules.classifiers
    assert listen(classifier, ticket(title="PC-4711 is dead"), site.rules.known) == (
        Said("asset", "custom.asset", "4711", 0.95),
    )


def test_without_the_package_its_words_are_errors_with_their_place() -> None:
    """As any word that nobody knows."""
    site, problems = loaded(RULES, Extensions())
    assert site is None
    assert any("error[unknown-operator]: there is no operator 'ends_with'" in each for each in problems)
    assert any("'page'" in each for each in problems)


def test_what_stands_behind_an_operator_or_an_action_of_a_package_is_checked() -> None:
    """By its own words and by its own schema, at its place."""
    wrong = RULES.replace('"@acme.example"', "true", 1).replace("person: eva", "persn: eva")
    _, problems = loaded(wrong, gather([("ours", example)]))
    assert (
        'rules/a.yaml:3:41: error[wrong-value]: a text is expected here; write {ends_with: "@acme.example"}' in problems
    )
    assert any(each.startswith("rules/a.yaml:8:") and "persn" in each for each in problems)


def working_with(*needs: Need) -> Extensions:
    """Return a package whose action takes anything and works with this."""
    action = Action(name="page", schema={"type": "object", "description": "a mapping"}, needs=frozenset(needs))
    return gather([("ours", offering(actions=(action,)))])


ON_HOLD = "on: {time_in_status: on_hold, over: 2h}"


@pytest.mark.parametrize(
    ("needs", "at", "given", "word", "problem"),
    [
        ((Need.PERSON,), "at: breach", "{person: evva}", "evva", "error[unknown-person]: there is nobody called 'evva' under people; did you mean 'eva'?"),
        ((Need.PERSON,), "at: breach", "{role: dutty}", "dutty", "error[unknown-role]: there is no role 'dutty' under roles; did you mean 'duty'?"),
        ((Need.PERSON,), "at: breach", "{roles: [duty, x]}", "x]", "error[unknown-role]: there is no role 'x' under roles; valid: duty"),
        ((Need.PERSON,), "at: breach", "{text: hello}", "page", "error[missing-key]: the action 'page' needs somebody; add person: NAME, role: NAME or roles: [NAME]"),
        ((Need.CONNECTION,), "at: breach", "{connection: zenn}", "zenn", "error[unknown-connection]: there is no connection 'zenn'; did you mean 'zen'?"),
        ((Need.CONNECTION,), "at: breach", "{person: eva}", "page", "error[missing-key]: the action 'page' needs a connection; add connection: NAME"),
        ((Need.CLOCK,), ON_HOLD, "{text: late}", "page", "error[missing-key]: the action 'page' needs a clock, and 'on' has none; write at: breach, for example, in place of on:"),
        ((), ON_HOLD, "{person: anything, connection: 5}", "", ""),
        (tuple(Need), "at: breach", "{roles: [duty], connection: zen}", "", ""),
        ((Need.PERSON, Need.CONNECTION), ON_HOLD, "{person: eva, connection: zen}", "", ""),
    ],
)  # fmt: skip
def test_what_an_action_of_a_package_needs_is_looked_for(
    needs: tuple[Need, ...], at: str, given: str, word: str, problem: str
) -> None:
    """What is missing, and a name that nothing gives; what it does not need is its own affair."""
    rules = (
        f"escalations: [{{name: wake, {at}, do: [{{page: {given}}}]}}]\n"
        "people: {eva: {email: eva@acme.example}}\n"
        "roles: {duty: [eva]}\n"
        "sla: [{name: all, targets: {resolution: 4h}}]\n"
    )
    files = {"gateway.yaml": GATEWAY, "rules/a.yaml": rules}
    found = [each for each in check_site(files, SPECS, extensions=working_with(*needs)).problems if each.is_error]
    assert [each.head.split(": ", 1)[1] for each in found] == ([problem] if problem else [])
    assert all(each.line == 1 and each.excerpt[each.column - 1 :].startswith(word) for each in found)


def breaking(_operand: Any, _field: Any, _vocabulary: Any) -> Callable[[Any], bool]:
    """Break while it is built."""
    raise KeyError("x")


def test_an_operator_that_breaks_while_it_is_built_is_an_error_of_that_condition() -> None:
    """And nothing else breaks."""
    extensions = gather([("bad", offering(operators=(op("odd", build=breaking),)))])
    _, problems = loaded("classify: [{name: a, when: {title: {odd: 1}}, set: {tier: x}}]\n", extensions)
    assert problems == ["rules/a.yaml:1:42: error[wrong-value]: the operator 'odd' broke: KeyError: 'x'"]


def nothing_there() -> Any:
    """Be a package that is not installed whole."""
    raise ModuleNotFoundError("No module named 'gone'")


def guess(_ticket: Any, _known: Any) -> dict[str, Any]:
    """Guess nothing."""
    return {}


@pytest.mark.parametrize(
    ("load", "reason"),
    [
        (nothing_there, "ModuleNotFoundError: No module named 'gone'"),
        (SimpleNamespace, "did not return one Extension"),
        (offering(api_version=API_VERSION + 1), "made for rules interface 2, this gateway has 1"),
        (offering(operators=(op("Bad Name"),)), "'Bad Name' is no name for operators"),
        (offering(operators=(op("equals"),)), "there is an operator 'equals' already"),
        (offering(operators=(op("twice"), op("twice"))), "there is an operator 'twice' already"),
        (offering(operators=(Operator("none", frozenset(), "", anything),)), "no field knows the operator 'none'"),
        (offering(operators=(op("odd", schema={"type": "nonsense"}),)), "SchemaError"),
        (offering(actions=(Action(name="notify", schema={}),)), "there is an action 'notify' already"),
        (offering(actions=(Action(name="page", schema={"type": 4}),)), "SchemaError"),
        (offering(actions=(Action(name="page", schema={}, phase="sync"),)), "there are no actions in phase 'sync'"),
        (offering(classifiers=(Classifier(name="c", sets=("queue",), guess=guess),)), "fill in or read ['queue']"),
        (offering(classifiers=(Classifier(name="c", sets=(), guess=guess),)), "cannot fill in or read nothing"),
        (offering(classifiers=(Classifier(name="c", sets=("tier",), reads=("txt",), guess=guess),)), "['txt']"),
    ],
)  # fmt: skip
def test_a_broken_package_is_left_out_whole_and_shown(load: Callable[[], Any], reason: str) -> None:
    """The one beside it works."""
    extensions = gather([("bad", load), ("good", offering(operators=(op("fine"),)))])
    (broken,) = extensions.broken
    assert broken.name == "bad"
    assert reason in broken.reason
    assert list(extensions.operators) == ["fine"]
    assert not extensions.actions
    assert extensions.classifiers == ()


def test_packages_are_found_by_their_entry_points_and_the_gateways_own_comes_first() -> None:
    """Nothing is installed for it: the entry points are given."""
    gone = EntryPoint("gone", "there_is_no_such_module", "gateway.rules")
    extensions = installed([gone])
    assert [each.name for each in extensions.classifiers] == ["language"]
    assert [each.name for each in extensions.broken] == ["gone"]


def test_the_schema_for_editors_knows_the_words_of_packages() -> None:
    """So that they are completed and checked as the gateway's own."""
    extensions = gather([("ours", example)])
    actions = {action.name: action.schema for action in extensions.actions.values()}
    against = Draft7Validator(for_editors("rules", extensions.operators, actions))
    value = load("a.yaml", RULES)[0]
    assert value is not None
    assert list(against.iter_errors(value.value)) == []
    assert {error.json_path for error in Draft7Validator(for_editors("rules")).iter_errors(value.value)} == {
        "$.classify[0].when['requester.email']",
        "$.escalations[0].do[0]",
    }


def test_a_classifier_that_is_installed_is_switched_off_by_the_site() -> None:
    """In gateway.yaml; one that is not installed is told, and the rest is asked as before."""
    one, other = (Classifier(name=name, sets=("issue",), guess=guess) for name in ("one", "other"))
    extensions = gather([("ours", offering(classifiers=(one, other)))])
    for written, asked, off, heads in (
        ("", ["one", "other"], set(), []),
        ("classifiers: {one: false}", ["other"], {"one"}, []),
        ("classifiers: {one: false, other: true}", ["other"], {"one"}, []),
        ("classifiers: {othr: false}", ["one", "other"], {"othr"}, [
            "gateway.yaml:8:15: warning[unknown-classifier]: no classifier 'othr' is installed, so it says nothing anyway; did you mean 'other'?",
        ]),
    ):  # fmt: skip
        files = {"gateway.yaml": GATEWAY + written + "\n"}
        site, problems = load_site(files, SPECS, extensions=extensions)
        assert site is not None
        assert [classifier.name for classifier in site.rules.classifiers] == asked
        assert site.classifiers_off == off
        assert [problem.head for problem in problems] == heads
    _, problems = load_site({"gateway.yaml": GATEWAY + "classifiers: {one: off}\n"}, SPECS, extensions=extensions)
    assert [problem.code for problem in problems] == ["wrong-type"]


def test_whom_a_hook_calls_is_looked_up() -> None:
    """A connection that there is, and that takes notifications."""
    rules = RULES.replace("page: {person: eva, connection: zen}", "hook: {connection: nope}}, {hook: {connection: zen}")
    found = check_site({"gateway.yaml": GATEWAY, "rules/a.yaml": rules}, SPECS, extensions=gather([("ours", example)]))
    codes = [problem.code for problem in found.problems if problem.is_error]
    assert codes == ["unknown-connection", "cannot-notify"]
