"""Rules that are never reached: the ones above them hold for every ticket that they are for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence

from gateway.domain.ticket import OPEN_CATEGORIES
from rules.duration import seconds
from rules.lint.formula import COMPARISONS, All, Formula, Literal, fields_of, opposite
from rules.lint.reading import Reading, called
from rules.problem import Problem
from rules.source import Spot

#: so many rules are looked at together; more than one rule alone seldom covers another
TOGETHER = 40
#: rules that no word of theirs can be found by are compared one by one, so many of them
ONE_BY_ONE = 40
NEVER_FOUND = 1_000_000


_RANGES = frozenset({*COMPARISONS, "exists", "differs"})


class _Above:
    """The rules above, found by a word that a condition which implies theirs must have."""

    def __init__(self) -> None:
        self._by_word: dict[Hashable, list[int]] = defaultdict(list)
        self._others: list[int] = []

    def add(self, place: int, formula: Formula) -> None:
        keys = min((_words(clause) for clause in _clauses(formula)), key=self._size, default=())
        for key in keys:
            self._by_word[key].append(place)
        if not keys and len(self._others) < ONE_BY_ONE:
            self._others.append(place)

    def _size(self, words: tuple[Hashable, ...]) -> int:
        """Return how many rules would be found with a rule that is found by these words: the fewer the better."""
        return len(words) + sum(len(self._by_word.get(word, ())) for word in words) if words else NEVER_FOUND

    def candidates(self, formula: Formula) -> list[int]:
        found = set(self._others)
        for field in fields_of(formula):
            found.update(self._by_word.get((field,), ())[:ONE_BY_ONE])
        for clause in _clauses(formula):
            words = _words(clause)
            if words:
                found.update(self._by_word.get(words[0], ()))
        return sorted(found)


def _clauses(formula: Formula) -> Iterator[Formula]:
    """Go through what must hold of a formula, part by part."""
    if isinstance(formula, All):
        for part in formula.parts:
            yield from _clauses(part)
    else:
        yield formula


def _words(clause: Formula) -> tuple[Hashable, ...]:
    """Return the words of which one must be there; nothing where that cannot be said."""
    if isinstance(clause, Literal):
        if not clause.holds:
            return ()
        if clause.atom.op in _RANGES or clause.atom.field == "language":
            # what implies it need not have the same word
            return ((clause.atom.field,),)
        if isinstance(clause.atom.value, frozenset):
            return tuple((clause.atom.field, each) for each in sorted(clause.atom.value, key=str))
        return (clause.atom,)
    found: list[Hashable] = []
    for part in clause.parts:
        words = _words(part) if isinstance(part, Literal) else ()
        if not words:
            return ()
        found.extend(words)
    return tuple(found)


def first_match(reading: Reading) -> Iterator[Problem]:
    """Say which policies and routes no ticket reaches, because the first one that holds is taken."""
    for section, what in (("sla", "policy"), ("routes", "route")):
        rules = reading.sound(section)
        formulas = [reading.formula(rule) for rule in rules]
        above = _Above()
        for place, (rule, formula) in enumerate(zip(rules, formulas, strict=True)):
            if reading.solver.exhausted:
                return
            # of few rules all are taken together: of many, those only that have something to do with this one
            some = range(place) if len(rules) <= TOGETHER else above.candidates(formula)[:TOGETHER]
            by = _covered(reading, formula, formulas, above.candidates(formula), some)
            if by:
                yield _unreachable(rule, f"no ticket reaches the {what} {called(rule)}", [rules[each] for each in by])
            above.add(place, formula)


def _covered(
    reading: Reading, formula: Formula, formulas: Sequence[Formula], candidates: Sequence[int], some: Sequence[int]
) -> tuple[int, ...]:
    """Return the rules above that hold whenever `formula` does; nothing when it can hold by itself."""
    if not reading.solver.can_hold(formula):
        # it is contradictory: that is said elsewhere
        return ()
    for each in candidates:
        if reading.solver.exhausted:
            return ()
        if reading.solver.follows(formula, formulas[each]):
            return (each,)
    if len(some) > 1 and not reading.solver.can_hold(formula, *(opposite(formulas[each]) for each in some)):
        return tuple(some)
    return ()


def _unreachable(rule: Spot, message: str, by: Sequence[Spot]) -> Problem:
    if len(by) == 1:
        why = f"{called(by[0])} at {by[0].at()} is above it and holds whenever it does"
    else:
        why = "those above it hold, one or another, whenever it does"
    spot = rule.part("name")
    return spot.warning("unreachable-rule", f"{message}: {why}", "move it up, narrow the other, or take it out")


def sync(reading: Reading) -> Iterator[Problem]:
    """Say which sync rules create no ticket, because one above creates it in the same desk first."""
    rules = reading.sections.items("sync")
    open_ = {category.value for category in OPEN_CATEGORIES}
    for place, rule in enumerate(rules):
        if reading.solver.exhausted:
            return
        ends = (rule.value["from"], rule.value["to"])
        mine = reading.formula(rule)
        finished = "status" in fields_of(mine)
        for other in rules[:place]:
            theirs = reading.formula(other)
            if (other.value["from"], other.value["to"]) != ends:
                continue
            # a rule that does not ask for the status leaves finished tickets alone, and so leaves them to this one
            if finished and not fields_of(theirs) & {"status", "status.native"}:
                theirs = All((theirs, reading.condition({"status": sorted(open_)})))
            if reading.solver.can_hold(mine) and reading.solver.follows(mine, theirs):
                yield _unreachable(rule, f"the rule {called(rule)} creates no ticket in '{ends[1]}'", [other])
                break


def duplicates(reading: Reading) -> Iterator[Problem]:
    """Say which duplicates rules never decide, because one above finds whatever they find."""
    rules = reading.sections.items("duplicates")
    above = _Above()
    for place, rule in enumerate(rules):
        if reading.solver.exhausted:
            return
        mine = reading.formula(rule)
        if reading.solver.can_hold(mine):
            for each in above.candidates(mine):
                if _finds_as_much(rules[each], rule) and reading.solver.follows(mine, reading.formula(rules[each])):
                    first = rules[each]
                    named = f"{called(first)} at {first.at()}" if first.get("name") else called(first)
                    message = f"the rule {called(rule)} never decides: {named} is above it and finds whatever it finds"
                    hint = "move it up, narrow the other, or take it out"
                    yield rule.part("name").warning("unreachable-rule", message, hint)
                    break
        above.add(place, mine)


def _finds_as_much(one: Spot, other: Spot) -> bool:
    """Say whether a duplicates rule compares no more than another one, and looks as far."""
    return (
        set(one.value["same"]) <= set(other.value["same"])
        and seconds(one.value["within"]) >= seconds(other.value["within"])
        and (one.get("original") == "any" or other.get("original") != "any")
    )


def classify(reading: Reading) -> Iterator[Problem]:
    """Say which classify rules set nothing on a new ticket, because rules above set the same fields first.

    On a ticket that has been decided before, such a rule may still take a field back from a desk that has changed it,
    when something that it reads has changed and nothing that the other reads: so it is said of new tickets only.
    """
    rules = reading.sections.items("classify")
    formulas = [reading.formula(rule) for rule in rules]
    setters: dict[str, list[int]] = defaultdict(list)
    above: dict[str, _Above] = defaultdict(_Above)
    for place, (rule, formula) in enumerate(zip(rules, formulas, strict=True)):
        if reading.solver.exhausted:
            return
        fields = list(rule.value["set"])
        by: list[int] = []
        if all(field in above for field in fields) and reading.solver.can_hold(formula):
            for field in fields:
                found = _setter(reading, formula, formulas, place, above[field], setters)
                if found is None:
                    break
                by.append(found)
        if by and len(by) == len(fields):
            first = rules[by[0]]
            message = (
                f"on a new ticket the rule {called(rule)} never sets anything: {called(first)} at {first.at()} "
                f"holds whenever it does and sets {fields[0]} first"
            )
            hint = "move it up, narrow the other, or take it out"
            yield rule["name"].warning("unreachable-rule", message, hint)
        for field in fields:
            above[field].add(place, formula)
            setters[field].append(place)


def _setter(
    reading: Reading,
    formula: Formula,
    formulas: Sequence[Formula],
    place: int,
    above: _Above,
    setters: dict[str, list[int]],
) -> int | None:
    """Return a rule above that sets the field whenever `formula` holds further down."""
    for each in above.candidates(formula):
        if reading.solver.exhausted:
            break
        if not reading.solver.follows(formula, formulas[each]):
            continue
        read = _read_by(formulas[each])
        if not any(each < other < place for field in read for other in setters.get(field, ())):
            return each
    return None


def _read_by(formula: Formula) -> frozenset[str]:
    """Return the fields, as rules set them, that a condition looks at."""
    return frozenset(name.partition(".")[0] if not name.startswith("custom.") else name for name in fields_of(formula))
