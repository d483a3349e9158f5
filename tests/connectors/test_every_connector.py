"""Every connector of ours runs the conformance suite; what runs only parts of it is named here, with the reason."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from connectors import registry
from connectors.registry import BUILT_INS
from connectors.testing.conformance import Conformance
from connectors.testing.conformance.channel import Channel
from connectors.testing.conformance.claims import OPTIONAL, Claims
from connectors.testing.conformance.hearing import PLAYED
from connectors.testing.conformance.hostile import Hostile
from connectors.testing.conformance.samples import Samples
from connectors.testing.conformance.stand import Stand
from connectors.testing.quality import is_channel

#: the parts that a connector holds whose desk has no tickets that can be read
PARTS = (Claims, Samples, Hostile)
#: who runs these parts alone
CONVERSATIONS = {
    "email": "a mailbox shows mails, and no ticket as a whole can be read of it",
    "whatsapp": "what was said in a conversation cannot be read back",
}
#: claims about an edge that no bench can play, with the reason
PLAYED_BY_NOBODY: dict[tuple[str, str], str] = {
    ("github", "private"): "an issue is as public as its repository: what is private elsewhere is kept from it",
    ("roundup", "private"): "everybody may read the tracker: what is private elsewhere is kept from it",
}


def runs_of(name: str) -> list[type[Any]]:
    """Return the classes by which a connector runs the suite."""
    place = f"tests.connectors.{name}.test_conformance"
    if find_spec(place) is None:
        return []
    found = [
        each
        for each in vars(import_module(place)).values()
        if isinstance(each, type) and issubclass(each, Stand | Channel)
    ]
    return [each for each in found if each.__module__ == place]


@pytest.mark.parametrize("name", BUILT_INS)
def test_it_runs_the_suite(name: str) -> None:
    """Whole where its desk keeps tickets, over the connector as it is installed."""
    plugin = registry.load((name,), ()).plugin(name)
    runs = runs_of(name)
    assert runs, f"tests/connectors/{name}/test_conformance.py has no subclass of Conformance"
    if is_channel(plugin.spec):
        assert all(issubclass(each, Channel) for each in runs)
        return
    for each in runs:
        assert each.plugin.spec == plugin.spec
        assert issubclass(each, PARTS if name in CONVERSATIONS else Conformance), each
    if name in CONVERSATIONS:
        assert all(issubclass(each, part) for each in runs for part in PARTS)
        assert not any(issubclass(each, Conformance) for each in runs), "it runs the whole: take its name away here"


@pytest.mark.parametrize("edge", PLAYED)
@pytest.mark.parametrize("name", [each for each in BUILT_INS if each not in CONVERSATIONS])
def test_its_bench_plays_what_is_claimed(name: str, edge: str) -> None:
    """A claim about an edge of life is held by the suite, and not by tests of its own alone."""
    if is_channel(registry.load((name,), ()).plugin(name).spec):
        pytest.skip("it has no tickets")
    doing, test = PLAYED[edge]
    for each in runs_of(name):
        claim = each.quality()["life"][edge]
        if "lacks" in claim or (name, edge) in PLAYED_BY_NOBODY:
            continue
        assert each.bench.plays(doing), f"life.{edge} is claimed, no bench.{doing}"
        assert test in claim["tests"]
        assert claim["told"]


@pytest.mark.parametrize("name", [each for each in BUILT_INS if each not in CONVERSATIONS])
def test_nothing_is_left_out_without_a_word(name: str) -> None:
    """What the bench of a connector of ours does not play stands among what its desk lacks."""
    if is_channel(registry.load((name,), ()).plugin(name).spec):
        pytest.skip("it has no tickets")
    for each in runs_of(name):
        lacking = each.quality().get("lacks") or {}
        left = [what for what, doing in OPTIONAL.items() if not each.bench.plays(doing)]
        assert {what for what in left if what.removeprefix("new_") not in lacking} <= set(lacking)


def test_nobody_is_excused_who_is_not_there() -> None:
    """A line of a connector that is gone would excuse the next of that name."""
    assert set(CONVERSATIONS) <= set(BUILT_INS)
