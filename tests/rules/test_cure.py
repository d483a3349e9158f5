"""The line that a map lacks is named with its place, and is the line that cures."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors import registry
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.ticket import Category, Kind, Level, Priority, Status, Ticket
from gateway.errors import UnmappedError
from gateway.flow.render import render
from gateway.flow.translate import to_ours
from rules import load_site
from rules.conditions import ALWAYS
from rules.cure import Change, Lacking, cure, is_covered, lacking
from rules.decide import RuleSet
from rules.examples import example
from rules.mapping import ValueMap
from rules.sync import Owner, SyncRule

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LINK = Link("l", "t", "engineering-rt", LinkState.LIVE, Role.TARGET, "7", rule="to 'rt'")
RULE = SyncRule(
    name="to 'rt'",
    source="acme-zendesk",
    target="engineering-rt",
    when=ALWAYS,
    fields={"status": Owner.BOTH, "priority": Owner.BOTH, "kind": Owner.BOTH},
    status_map=ValueMap[Category](()),
    priority_map=ValueMap[Level](()),
    kind_map=ValueMap[Kind](()),
)
TICKET = Ticket("t", "acme-zendesk", NOW, NOW, "Title")


@pytest.mark.parametrize(
    ("field", "theirs", "ours", "word"),
    [
        ("status", Status(native="Awaiting 'vendor'"), Status(Category.ON_HOLD), "on_hold"),
        ("priority", Priority(native="sky-high"), Priority(Level.P2), "P2"),
        ("kind", "Störung", Kind.INCIDENT, "incident"),
    ],
)
def test_the_words_of_both_ways_are_understood(field: str, theirs: object, ours: object, word: str) -> None:
    """What apply parks and what the planner gives up say what is missing."""
    native = theirs if isinstance(theirs, str) else theirs.native  # type: ignore[attr-defined]
    with pytest.raises(UnmappedError) as parked:
        to_ours(field, theirs, TICKET, LINK, RULE, (RULE,))
    assert lacking(str(parked.value)) == Lacking(field, native, "to 'rt'", inbound=True)
    ((_, why),) = render({field: ours}, LINK, RULE, {}).refused
    assert lacking(why) == Lacking(field, word, "to 'rt'", inbound=False)


def test_another_reason_lacks_nothing() -> None:
    """A refusal of the desk is no gap in a map."""
    assert lacking("HTTP 422: status is not in the list") is None


def rules_of(files: dict[str, str]) -> RuleSet:
    """Load a site."""
    specs = {name: plugin.spec for name, plugin in registry.load().plugins.items()}
    site, problems = load_site(files, specs)
    assert site is not None, problems
    return site.rules


def applied(files: dict[str, str], file: str, change: Change, *, add: bool) -> dict[str, str]:
    """Return the files with one line added or replaced, at the depth of the line beside it."""
    lines = files[file].split("\n")
    beside = lines[change.line - 2]
    indent = beside[: len(beside) - len(beside.lstrip())] if add else "          "
    lines[change.line - 1 : change.line - 1 if add else change.line] = [indent + change.text]
    return {**files, file: "\n".join(lines)}


@pytest.mark.parametrize("word", ["Awaiting vendor", "no", 'say "so"'])
def test_each_row_that_is_proposed_cures(word: str) -> None:
    """Where every word of ours has its row, the desk's word goes into one of them: the site loads and reads it."""
    files = dict(example("demo"))
    want = Lacking("status", word, "incidents-and-billing-to-rt", inbound=True)
    assert not is_covered(want, rules_of(files))
    found = cure(want, files)
    assert found is not None
    assert (found.file, found.add, len(found.widen)) == ("rules/50-sync.yaml", None, 5)
    for change in found.widen:
        after = rules_of(applied(files, found.file, change, add=False))
        assert is_covered(want, after)
        old, new = (each.sync_rules[1].status_map for each in (rules_of(files), after))
        assert old is not None
        assert new is not None
        assert [old.to_theirs(each) for each in Category] == [new.to_theirs(each) for each in Category]


@pytest.mark.parametrize("inbound", [True, False])
def test_the_line_goes_where_it_is_said(inbound: bool) -> None:
    """Put there, with the choice made, the site loads and the value has its word."""
    files = dict(example("demo"))
    row = "          - {ours: cancelled, theirs: [rejected, deleted], to: rejected}\n"
    files["rules/50-sync.yaml"] = files["rules/50-sync.yaml"].replace(row, "", 1)
    value, chosen = ("rejected", "cancelled") if inbound else ("cancelled", "rejected")
    want = Lacking("status", value, "implementations-to-rt", inbound=inbound)
    found = cure(want, files)
    assert found is not None
    assert found.add is not None
    text = "- {ours: …, theirs: rejected}" if inbound else "- {ours: cancelled, theirs: …}"
    assert (found.add.text, found.choices) == (text, ("cancelled",) if inbound else ())
    assert str(found) == f"add this line at rules/50-sync.yaml:{found.add.line}: {text}"
    change = Change(found.add.line, found.add.text.replace("…", chosen))
    assert is_covered(want, rules_of(applied(files, found.file, change, add=True)))


def test_no_line_without_its_rule() -> None:
    """A rule that is gone, or has no map of the field, has no cure."""
    files = dict(example("demo"))
    assert cure(Lacking("status", "x", "nobody", inbound=True), files) is None
    assert cure(Lacking("kind", "x", "implementations-to-rt", inbound=True), files) is None
    assert not is_covered(Lacking("status", "x", "nobody", inbound=True), rules_of(files))
    assert cure(Lacking("status", "x", "y", inbound=True), {"rules/1.yaml": "sync: [", "README.md": "sync"}) is None


def test_one_of_our_words_is_covered_by_its_row() -> None:
    """The way out asks the same map."""
    rules = rules_of(dict(example("demo")))
    assert is_covered(Lacking("status", "on_hold", "implementations-to-rt", inbound=False), rules)
    assert not is_covered(Lacking("status", "nonsense", "implementations-to-rt", inbound=False), rules)
