"""The index never changes an answer: against rules that are asked one by one, over made-up rules and tickets."""

from __future__ import annotations

import sys
import unicodedata
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import re2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.domain.person import RemotePerson
from gateway.domain.recent import Count, Recent
from gateway.domain.ticket import Category, Kind, Level, Org, Priority, Setter, Stamp, Status, Ticket
from rules import RuleSet, SyncRule, decide
from rules.clues import MOST_ROWS, OPEN, Guard, size, sizes
from rules.conditions import Condition, compile_condition
from rules.fields import LEVEL_NAMES, Vocabulary
from rules.index import Index, Indexed
from rules.loading.classify import classify_rules
from rules.loading.sections import merge
from rules.problem import Problem
from rules.text import PatternSet, fold, pattern_search, tokens, word_keys, words_search
from tests.length import length
from tests.rules.making import NOW, document, facts, ticket


class Office:
    """A calendar that is open in every even hour."""

    def is_open(self, at: Any) -> bool:
        """As OpenHours."""
        return bool(at.hour % 2 == 0)


VOCABULARY = Vocabulary(connections=("zen", "rt"), people={"ann": "ann@acme.example"}, calendars={"office": Office()})

#: what compares badly: case, composition, marks, scripts without spaces, digits, punctuation inside of words
WORDS = ["vpn", "VPN", "log in", "straße", "STRASSE", "café", "cafe\u0301", "cafe", "請求", "請求書", "c++", "a_b",
         "500", "err-403", "İzmir", "ΣΟΣ", "σος", "x", "\u0930\u093f", "und", "++"]  # fmt: skip
TEXTS = st.lists(
    st.sampled_from([*WORDS, " ", "\n", "-", "\u0301", ".", "\u2003", "y"]) | st.characters(), max_size=6
).map("".join)
WORD = st.sampled_from(WORDS)


def some(values: list[str]) -> st.SearchStrategy[Any]:
    """One value or a list of them."""
    return st.sampled_from(values) | st.lists(st.sampled_from(values), min_size=1, max_size=3)


KINDS, STATUSES = [kind.value for kind in Kind][:4], [each.value for each in Category][:4]
LEVELS = sorted(LEVEL_NAMES)
TEXT_TESTS = st.one_of(
    st.builds(lambda v: {"words": v}, WORD | st.lists(WORD, min_size=1, max_size=3)),
    st.builds(lambda v: {"matches": v}, some([r"\bvpn\b", "^$", "x.y", "(?m)^a", "STRASSE", "[0-9]+", "請"])),
    st.builds(lambda v: {"contains": v}, WORD | st.lists(WORD, min_size=1, max_size=2)),
    st.builds(lambda v: {"exists": v}, st.booleans()),
    st.builds(lambda v: {"changed": v}, st.booleans()),
    WORD,
    st.lists(WORD, min_size=1, max_size=3),
    st.builds(lambda v: {"changed_to": v}, WORD),
    st.builds(lambda v: {"changed_from": v}, WORD),
)
CUSTOM_TESTS = st.one_of(
    TEXT_TESTS,
    st.sampled_from([None, True, False, 0, 1, 1.5, 12, "12", "1.5", "a"]),
    st.builds(
        lambda op, v: {op: v},
        st.sampled_from(["above", "below", "at_least", "at_most"]),
        st.integers(-1, 13) | st.floats(allow_nan=False, allow_infinity=False),
    ),
)


NUMBER_TESTS = st.one_of(
    st.integers(0, 13) | st.lists(st.integers(0, 13), min_size=1, max_size=3),
    st.builds(lambda v: {"exists": v}, st.booleans()),
    st.builds(lambda v: {"changed": v}, st.booleans()),
    st.builds(lambda op, v: {op: v}, st.sampled_from(["changed_to", "changed_from"]), st.integers(0, 3)),
    st.builds(lambda op, v: {op: v}, st.sampled_from(["above", "below", "at_least", "at_most"]), st.integers(0, 13)),
)


def field(name: str, tests: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return conditions on one field."""
    return tests.map(lambda value: {name: value})


LEAVES = st.one_of(
    *(field(name, TEXT_TESTS) for name in ("text", "title", "org.plan", "issue", "tier", "requester.email", "tags")),
    *(field(name, CUSTOM_TESTS) for name in ("custom.a", "custom.b")),
    field("kind", some(KINDS) | st.builds(lambda v: {"changed": v}, st.booleans())),
    field("kind", st.builds(lambda op, v: {op: v}, st.sampled_from(["changed_to", "changed_from"]), some(KINDS))),
    field("status", some(STATUSES)),
    field("priority", some(LEVELS)),
    field("priority", st.builds(lambda op, v: {op: v}, st.sampled_from(["above", "below", "at_least", "at_most"]),
                                st.sampled_from(LEVELS))),
    field("tags", some(["vip", "VIP", "sev1", "straße"])),
    field("language", some(["es", "es-MX", "en", "und"]) | st.builds(lambda v: {"exists": v}, st.booleans())),
    field("requester", some(["ann", "bob@acme.example"]) | st.builds(lambda v: {"exists": v}, st.booleans())),
    field("links", some(["zen", "rt"])),
    field("recent.org.tickets", NUMBER_TESTS),
    field("age", st.builds(lambda v: {"above": v}, st.sampled_from(["1h", "3h"]))),
    field("resolved_at", st.builds(lambda op: {op: "2026-03-10"}, st.sampled_from(["before", "after"]))),
    field("resolved_at", st.builds(lambda v: {"exists": v}, st.booleans())),
    field("updated_at", st.builds(lambda op: {op: "office"}, st.sampled_from(["inside", "outside"]))),
    field("now", st.builds(lambda op: {op: "office"}, st.sampled_from(["inside", "outside"]))),
    field("priority.native", some(["high", "low"])),
)  # fmt: skip
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda each: {"all": each}, st.lists(inner, min_size=1, max_size=4)),
        st.builds(lambda each: {"any": each}, st.lists(inner, min_size=1, max_size=12)),
        st.builds(lambda each: {"not": each}, inner),
        st.builds(lambda one, two: {**one, **two}, inner, inner),
    ),
    max_leaves=14,
)
CUSTOM = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.one_of(TEXTS, WORD, st.none(), st.booleans(), st.integers(-1, 13), st.floats(), st.just(10**400),
              st.lists(WORD | st.none() | st.integers(0, 1), max_size=2), st.just({"deep": 1})),
    max_size=2,
)  # fmt: skip
TICKETS = st.builds(
    ticket,
    title=TEXTS | WORD,
    body=TEXTS,
    kind=st.sampled_from(list(Kind)[:4]),
    status=st.sampled_from(list(Category)[:4]).map(Status),
    priority=st.builds(Priority, st.sampled_from(Level), st.sampled_from(["", "high"])),
    org=st.builds(Org, plan=TEXTS | WORD),
    issue=st.just("") | WORD,
    tier=st.just("") | WORD,
    tags=st.lists(st.sampled_from(["vip", "Sev1", "STRASSE", "vpn down"]), max_size=2).map(tuple),
    language=st.sampled_from(["und", "es", "es-mx", "EN", "en-GB-x"]),
    requester=st.none() | st.builds(RemotePerson, email=st.sampled_from(["", " Ann@Acme.example", "bob@acme.example"])),
    recent=(st.none() | st.integers(0, 13)).map(lambda number: Recent(org=Count(number))),
    custom=CUSTOM,
    resolved_at=st.none() | st.just(NOW),
    stamps=st.dictionaries(
        st.sampled_from(["kind", "tier", "priority", "custom.a"]),
        st.builds(Stamp, st.sampled_from(Setter), st.sampled_from(["r0", "r1", "r3", "zen"]), st.just(NOW)),
        max_size=3,
    ),
)


def compiled(wanted: dict[str, Any]) -> Condition:
    """Compile a condition that is known to be fine."""
    problems: list[Problem] = []
    made = compile_condition(document(msgspec.json.encode(wanted).decode()).root, VOCABULARY, problems)
    assert not problems, problems
    return made


@pytest.mark.long
@given(st.lists(CONDITIONS, min_size=1, max_size=8), TICKETS, st.none() | TICKETS, st.sampled_from([1, 2, 1024]))
@settings(deadline=None, max_examples=length(66, 800))
def test_a_condition_that_holds_is_always_among_the_possible(
    wanted: list[dict[str, Any]], now: Ticket, before: Ticket | None, block: int
) -> None:
    """In order, each once, however many rows there are in a block."""
    conditions = [compiled(each) for each in wanted]
    seen = facts(now, before)
    possible = list(Index([Indexed(each.guard) for each in conditions], block=block).possible(seen))
    assert possible == sorted(set(possible))
    assert {number for number, each in enumerate(conditions) if each.holds(seen)} <= set(possible)


SETS = st.dictionaries(
    st.sampled_from(["kind", "tier", "priority", "issue", "custom.a", "language", "tags"]), st.integers(0, 1),
    min_size=1, max_size=3,
)  # fmt: skip
VALUES: dict[str, list[Any]] = {
    "kind": KINDS[:2], "tier": ["vpn", "x"], "priority": ["P1", "low"], "issue": ["500", "vpn"], "custom.a": [1, "a"],
    "language": ["es", "en"], "tags": [["vip"], ["sev1", "x"]],
}  # fmt: skip


@st.composite
def rule_sets(draw: Any) -> RuleSet:
    """Return up to eight rules; many look at what the others set."""
    rules = []
    for number in range(draw(st.integers(1, 8))):
        when = draw(st.none() | CONDITIONS)
        sets = {field: VALUES[field][index] for field, index in draw(SETS).items()}
        rules.append({"name": f"r{number}", "set": sets} | ({"when": when} if when else {}))
    problems: list[Problem] = []
    sections = merge([document(msgspec.json.encode({"classify": rules}).decode())], frozenset(), problems)
    made = classify_rules(sections, VOCABULARY, problems)
    assert not problems, problems
    copies = draw(st.lists(CONDITIONS, max_size=3))
    return RuleSet(
        classify_rules=made,
        sync_rules=tuple(
            SyncRule(name=f"s{number}", source="zen", target="rt", when=compiled(when))
            for number, when in enumerate(copies)
        ),
    )


@pytest.mark.long
@given(rule_sets(), TICKETS, st.lists(TICKETS, max_size=3))
@settings(deadline=None, max_examples=length(50, 600))
def test_a_decision_by_the_index_is_that_of_rules_asked_one_by_one(
    rules: RuleSet, new: Ticket, later: list[Ticket]
) -> None:
    """Over a history, in which rules see what others have set, run again, and let go of what they hold."""
    stored: Ticket | None = None
    for number, change in enumerate([new, *later]):
        seen = change
        if stored is not None:
            # what a desk changes, some of it: the rest is what the rules left
            seen = msgspec.structs.replace(stored, title=change.title, kind=change.kind, custom=change.custom)
            if number % 2:
                seen = msgspec.structs.replace(seen, stamps={**change.stamps, **stored.stamps})
        at = NOW + timedelta(hours=number)
        links = frozenset({"zen"})
        quick = decide(rules, seen, previous=stored, links=links, now=at, explain=False)
        slow = decide(rules, seen, previous=stored, links=links, now=at, explain=True)
        assert same(quick.ticket, slow.ticket)
        assert quick.sets == slow.sets
        assert quick.create == slow.create
        assert quick.trace == tuple(line for line in slow.trace if line.matched)
        stored = slow.ticket


def same(one: Ticket, other: Ticket) -> bool:
    """Compare two tickets; a number that is none equals itself here."""
    return repr(one) == repr(other)


# ---------------------------------------------------------------- what the index rests on


def guard(text: str) -> Guard:
    """Return the guard of a condition."""
    problems: list[Problem] = []
    made = compile_condition(document(text).root, VOCABULARY, problems)
    assert not problems, problems
    return made.guard


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("kind: incident", [{"kind": {"incident"}}]),
        ("{kind: [incident, task], tags: VIP}", [{"kind": {"incident", "task"}, "tags": {"vip"}}]),
        ("priority: {at_least: high}", [{"priority": {Level.P1, Level.P2}}]),
        ("text: {words: [log in, Straße]}", [{"text": {"log", "strasse"}}]),
        ("any: [{kind: task}, {tags: a}]", [{"kind": {"task"}}, {"tags": {"a"}}]),
        ("{kind: task, any: [{tags: a}, {org.plan: x}]}",
         [{"kind": {"task"}, "tags": {"a"}}, {"kind": {"task"}, "org.plan": {"x"}}]),
        ("custom.a: 12", [{"custom": {("a", "12"), ("a", 12)}}]),
        ("custom.a: {below: 0}", [{"custom": {("a", "size", each) for each in (-1, 0, 1)}}]),
        ("not: {kind: task}", [{}]),
        ("{not: {kind: task}, channel: email}", [{"channel": {"email"}}]),
        ("any: [{kind: task}, {not: {tags: a}}]", [{}]),
        ("custom.a: null", [{}]),
        ("kind: {changed: true}", [{}]),
        ("kind: {changed_from: task}", [{}]),
        ("text: {words: [c++, 請求]}", [{}]),
        ("age: {above: 1h}", [{}]),
    ],
)  # fmt: skip
def test_the_clues_of_a_condition(text: str, rows: list[dict[str, set[Any]]]) -> None:
    """Equality and what comes down to it; nothing where nothing can be said."""
    assert [{clue.field.name: set(clue.keys) for clue in row} for row in guard(text)] == rows


@given(st.floats() | st.integers(), st.floats(allow_nan=False) | st.integers())
def test_a_number_that_compares_has_one_of_the_sizes(value: float, limit: float) -> None:
    """Wherever the two are, also where a number is too large to have a logarithm of its own."""
    if value >= limit:
        assert size(value) in sizes(limit, upwards=True)
    if value <= limit:
        assert size(value) in sizes(limit, upwards=False)


def test_many_alternatives_about_one_field_are_one_row_and_about_many_fields_none() -> None:
    """So that a rule never takes more than a few rows."""
    same_field = guard("any: [" + ", ".join(f"{{org.id: c{number}, kind: task}}" for number in range(50)) + "]")
    assert [len(row) for row in same_field] == [1]
    assert {len(clue.keys) for clue in same_field[0]} == {50}
    mixed = guard(
        "any: [" + ", ".join(f"{{custom.f{n}: 1, org.id: x}}, {{tags: t{n}}}" for n in range(MOST_ROWS)) + "]"
    )
    assert mixed == OPEN


def test_every_letter_by_which_tokens_are_split_is_inside_of_a_word_for_re2_too() -> None:
    """Otherwise a word could end for RE2 where its token goes on, and a rule be missed. Every code point is tried."""
    inside = re2.compile(r"^[\p{L}\p{N}\p{M}_]$")
    letters = [chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point < 0xE000]
    wrong = [hex(ord(each)) for each in letters if tokens(each) and inside.search(each) is None]
    assert wrong == []


@given(st.lists(WORD | TEXTS.filter(str.strip), min_size=1, max_size=3), TEXTS, TEXTS)
@example(["\ud800"], "", "")
@settings(deadline=None, max_examples=200)
def test_a_word_that_is_found_has_its_token_in_the_text(words: list[str], before: str, after: str) -> None:
    """Whatever stands around it."""
    for text in (f"{before}{words[0]}{after}", f"{before} {words[-1].upper()}.{after}"):
        keys = word_keys(words)
        slow = words_search(words)
        if keys is not None and not keys & tokens(fold(text)):
            assert not any(edges(fold(word), fold(text)) for word in words), (words, text)
            assert not slow(text)


def edges(word: str, text: str) -> bool:
    """Say whether a word stands in a text as a whole word, read letter by letter."""
    parts = word.split()
    if not parts or len(parts) > 1:
        return False
    start = text.find(parts[0])
    while start >= 0:
        around = [text[start - 1 : start], text[start + len(parts[0]) : start + len(parts[0]) + 1]]
        if not any(each and (each == "_" or unicodedata.category(each)[0] in "LNM") for each in around):
            return True
        start = text.find(parts[0], start + 1)
    return False


PATTERNS = st.lists(
    st.sampled_from(["a", "b+c", "^x", "y$", "", "(?m)^z", "[^a]", r"\bvpn\b", "straße", "a.{30}b", "(a|b|c){1,40}d"]),
    min_size=1, max_size=6,
)  # fmt: skip


@given(PATTERNS, TEXTS | st.text("abcdxyz \n", max_size=60))
@settings(deadline=None, max_examples=150)
def test_a_pass_over_many_patterns_finds_what_each_of_them_finds(patterns: list[str], text: str) -> None:
    """And nothing else, where all of them fit into it."""
    alone = {pattern for pattern in patterns if pattern_search(pattern)(text)}
    found = PatternSet(patterns).found(text)
    assert alone <= found
    assert {pattern for pattern in found if "{" not in pattern} == {pattern for pattern in alone if "{" not in pattern}


def test_a_long_text_and_a_large_pattern_are_left_to_the_patterns_themselves() -> None:
    """One pass over very many states takes longer than one search after the other."""
    large = "(?:[a-z]{1,40}x){5}"
    made = PatternSet([large, "nothing"])
    assert made.found("short") == {large}
    assert made.found("x" * 9000) == {large, "nothing"}
