"""What each connector of ours says of itself holds, as far as that can be told without its desk."""

from __future__ import annotations

from pathlib import Path

import pytest

import connectors
from connectors.registry import BUILT_INS, load
from connectors.testing import quality

HERE = Path(connectors.__file__).parent
SIGNED, NAMED, CURSOR, KEY, ID, CONDITION, WAIT, NOTE = quality.MECHANISMS
#: what the vendors' documentation and sources show desks to have: none of it may be lacking in the connector; one that
#: is new needs no line here, and is held to what its own quality.yaml says
HAS = {
    "dynamics365": {NAMED, CURSOR, KEY, ID, CONDITION, WAIT, NOTE},
    "email": {CURSOR, ID},
    "freshdesk": {CURSOR, WAIT, NOTE},
    "generic": {SIGNED, NAMED, CURSOR, KEY, ID, CONDITION, WAIT, NOTE},
    "github": {SIGNED, NAMED, CURSOR, ID, WAIT},
    "gitlab": {SIGNED, NAMED, CURSOR, ID, WAIT, NOTE},
    "helpscout": {SIGNED, CURSOR, WAIT, NOTE},
    "hubspot": {SIGNED, NAMED, CURSOR, ID, WAIT, NOTE},
    "intercom": {SIGNED, NAMED, CURSOR, WAIT, NOTE},
    "jira": {SIGNED, NAMED, CURSOR, WAIT, NOTE},
    "planfix": {CURSOR, ID, NOTE},
    "redmine": {SIGNED, CURSOR, ID, CONDITION, NOTE},
    "request_tracker": {CURSOR, ID, CONDITION, NOTE},
    "roundup": {CURSOR, KEY, ID, CONDITION, WAIT, NOTE},
    "salesforce": {NAMED, CURSOR, ID, CONDITION, WAIT, NOTE},
    "servicenow": {CURSOR, ID, WAIT, NOTE},
    "slack": {SIGNED, NAMED, CURSOR, ID, WAIT},
    "webhook": {SIGNED, NAMED, KEY, WAIT},
    "whatsapp": {SIGNED, ID, WAIT},
    "zammad": {SIGNED, NAMED, CURSOR, ID, NOTE},
    "zendesk": {SIGNED, NAMED, CURSOR, KEY, ID, CONDITION, WAIT, NOTE},
}


@pytest.mark.parametrize("connector", BUILT_INS)
def test_what_it_says_of_itself_holds(connector: str) -> None:
    """Its spec, its claims with their tests, and that it does no I/O."""
    spec, folder = load((connector,), ()).plugin(connector).spec, HERE / connector
    content, unread = quality.read_quality(folder)
    assert unread == []
    tests = quality.tests_of(folder)
    assert tests, "its tests are not found, so that nothing is said of them"
    assert quality.spec_faults(spec) == []
    assert quality.operation_faults(spec, content) == []
    assert quality.lacks_faults(spec, content) == []
    assert quality.claim_faults(content, tests) == []
    assert quality.mechanism_faults(content) == []
    assert quality.life_faults(spec, content) == []
    assert quality.is_channel(spec) or set(content["life"]) == set(quality.EDGES)
    assert quality.io_faults(folder) == []
    assert quality.unfilled(folder) == []


@pytest.mark.parametrize("connector", BUILT_INS)
def test_what_a_desk_has_is_used(connector: str) -> None:
    """Each mechanism is claimed and tested, or lacks with a reason; what the desk has never lacks."""
    content, _ = quality.read_quality(HERE / connector)
    said = content["mechanisms"]
    has = HAS.get(connector, set())
    assert {name for name in has if "lacks" in said[name]} == set()
    assert [name for name in has if "exempt" in said[name]] == []


def test_what_desks_have_is_known_of_ours_alone() -> None:
    """A line of a connector that is gone, or is named otherwise, would hold nobody to anything."""
    assert set(HAS) - set(BUILT_INS) == set()


def test_a_mechanism_without_a_word_is_a_fault() -> None:
    """Neither claimed nor lacking, both at once, without a reason, or of no meaning."""
    whole = {name: {"lacks": "there is none here"} for name in quality.MECHANISMS}
    assert quality.mechanism_faults({"mechanisms": whole}) == []
    assert quality.mechanism_faults({}) == [], "a package of somebody else need not have the section"
    for wrong in (
        {name: whole[name] for name in list(whole)[1:]},
        {**whole, SIGNED: {"lacks": "no"}},
        {**whole, SIGNED: {"lacks": "there is none here", "claim": "x"}},
        {**whole, SIGNED: "none"},
        {**whole, "telepathy": {"lacks": "there is none here"}},
    ):
        (fault,) = quality.mechanism_faults({"mechanisms": wrong})
        assert fault.startswith("mechanisms: ")
    assert quality.mechanism_faults({"mechanisms": []}) == ["mechanisms: is to be a mapping"]


def test_an_edge_without_a_word_is_a_fault() -> None:
    """Neither claimed nor lacking, told by no known way, or against what `lacks` and the spec say."""
    spec = load(("zammad",), ()).plugin("zammad").spec
    none = {"lacks": "there is none here"}
    claimed = {"claim": "by a webhook", "told": ["webhook"]}
    whole = dict.fromkeys(quality.EDGES, none) | {"merged": claimed, "deleted": claimed}
    assert quality.life_faults(spec, {"life": whole}) == []
    assert quality.life_faults(spec, {}) == [], "a package of somebody else need not have the section"
    for wrong in (
        {name: whole[name] for name in list(whole) if name != "spam"},
        {**whole, "spam": {"lacks": "no"}},
        {**whole, "spam": {**none, "claim": "x"}},
        {**whole, "merged": none},
        {**whole, "closed": {"claim": "for good"}},
        {**whole, "deleted": {"claim": "by mail", "told": ["mail"]}},
        {**whole, "melted": none},
    ):
        (fault,) = quality.life_faults(spec, {"life": wrong})
        assert fault.startswith("life: ")
    lacking = {"life": whole, "lacks": {"merge": "tickets are not merged"}}
    assert quality.life_faults(spec, lacking) == ["life: merged: is claimed, against its `lacks` or its spec"]
    assert quality.life_faults(spec, {"life": []}) == ["life: is to be a mapping"]
