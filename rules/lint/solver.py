"""Can this hold at all? Does this follow from that? Answered soundly: a "no" is certain, a "yes" may mean "not known".

A small search over the alternatives of a formula. Along each path the atoms of one field must fit together: one value
cannot be two words, below 3 and above 5, or empty and a text. Fields are taken as independent of one another. Every
question has a number of steps, and so have all questions of one check together; where they do not suffice, it can hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from gateway.domain.ticket import Category, HoldReason, Kind, Level
from rules.fields import Field, FieldType, Vocabulary
from rules.lint.formula import BEFORE, All, Any_, Atom, Formula, Literal, opposite

#: for one question
STEPS = 3_000
#: for all questions of one check
WORK = 400_000

_EMPTY = frozenset({"", "und", "unset"})
#: fields that hold one of these and nothing else
_CLOSED: Mapping[str, frozenset[str]] = {
    "kind": frozenset(kind.value for kind in Kind),
    "status": frozenset(category.value for category in Category),
    "priority": frozenset(level.value for level in Level),
    "hold_reason": frozenset({"", *(reason.value for reason in HoldReason)}),
}

Signed = dict[Atom, bool]


class _SpentError(Exception):
    """The steps for one question are used up."""


class Solver:
    """Answers questions about conditions on the fields of one site."""

    def __init__(self, vocabulary: Vocabulary, *, work: int = WORK) -> None:
        self._vocabulary = vocabulary
        self._work = work
        self._left = 0

    @property
    def exhausted(self) -> bool:
        """True when it has no work left, and so says of everything that it can hold."""
        return self._work <= 0

    def can_hold(self, *formulas: Formula) -> bool:
        """Say whether all of these can hold at once; False is certain."""
        if self.exhausted:
            return True
        self._left = STEPS
        try:
            return self._search(list(formulas), {}, [])
        except (_SpentError, RecursionError):
            return True
        finally:
            self._work -= STEPS - self._left

    def follows(self, known: Formula, asked: Formula) -> bool:
        """Say whether `asked` holds whenever `known` does; True is certain."""
        return not self.exhausted and not self.can_hold(known, opposite(asked))

    def _search(self, todo: list[Formula], signed: Signed, choices: list[Any_]) -> bool:
        """Take up what is to hold; branch on what is left open."""
        while todo:
            self._left -= 1
            if self._left < 0:
                raise _SpentError
            formula = todo.pop()
            if isinstance(formula, Literal):
                if not self._take(formula, signed):
                    return False
            elif isinstance(formula, All):
                todo.extend(formula.parts)
            elif len(formula.parts) == 1:
                todo.append(formula.parts[0])
            elif not formula.parts:
                return False
            else:
                choices.append(formula)
        return self._branch(signed, choices)

    def _take(self, literal: Literal, signed: Signed) -> bool:
        known = signed.get(literal.atom)
        if known is not None:
            return known is literal.holds
        signed[literal.atom] = literal.holds
        return self._fits(literal.atom.field, signed)

    def _branch(self, signed: Signed, choices: list[Any_]) -> bool:
        open_: list[tuple[list[Formula], Any_]] = []
        for choice in choices:
            parts = self._open_parts(choice, signed)
            if parts is None:
                continue
            if not parts:
                return False
            open_.append((parts, choice))
        if not open_:
            return True
        parts, taken = min(open_, key=lambda each: len(each[0]))
        rest = [choice for _, choice in open_ if choice is not taken]
        return any(self._search([part], dict(signed), list(rest)) for part in parts)

    def _open_parts(self, choice: Any_, signed: Signed) -> list[Formula] | None:
        """Return the parts that are not known to fail; None when one is known to hold."""
        parts: list[Formula] = []
        for part in choice.parts:
            self._left -= 1
            known = signed.get(part.atom) if isinstance(part, Literal) else None
            if known is None or not isinstance(part, Literal):
                parts.append(part)
            elif known is part.holds:
                return None
        return parts

    # ------------------------------------------------------------ what one field can be

    def _fits(self, name: str, signed: Signed) -> bool:
        """Say whether the atoms of one field can be so at once."""
        plain = name.removesuffix(BEFORE)
        field = self._vocabulary.field(plain) if plain else None
        if field is None:
            return True
        atoms = {atom: holds for atom, holds in signed.items() if atom.field == name}
        self._left -= len(atoms)
        check = _CHECKS.get(field.type)
        return check is None or check(field, atoms)


def _words(field: Field, atoms: Signed) -> bool:
    """One word of a list of words."""
    left: frozenset[str] | None = _CLOSED.get(field.name)
    without: set[str] = set()
    for atom, holds in atoms.items():
        if atom.op != "among" or not isinstance(atom.value, frozenset):
            continue
        if holds:
            left = atom.value if left is None else left & atom.value
        else:
            without |= atom.value
    return left is None or not left <= without


def _text(_field: Field, atoms: Signed) -> bool:
    """One text, of which only the folded form is known."""
    left: set[str] | None = None
    for atom, holds in atoms.items():
        if atom.op == "among" and isinstance(atom.value, frozenset) and holds:
            left = set(atom.value) if left is None else left & atom.value
    for atom, holds in atoms.items():
        if atom.op == "exists" and not holds:
            left = set(_EMPTY) if left is None else left & _EMPTY
    if left is None:
        return True
    for atom, holds in atoms.items():
        left = {each for each in left if _may(atom, each, holds=holds)}
    return bool(left)


def _may(atom: Atom, text: str, *, holds: bool) -> bool:
    """Say whether an atom may be so of a text that is known but for its case and the space around it."""
    if atom.op == "among" and isinstance(atom.value, frozenset):
        return holds or text not in atom.value
    if atom.op == "words" and isinstance(atom.value, str):
        return not holds or all(part in text for part in atom.value.split())
    if atom.op == "contains" and isinstance(atom.value, str):
        return atom.value.strip() in text if holds else atom.value not in text
    return True


def _language(_field: Field, atoms: Signed) -> bool:
    """One tag: `es` is said of `es-MX`, too."""
    left: set[str] | None = None
    for atom, holds in atoms.items():
        if atom.op == "among" and isinstance(atom.value, frozenset) and holds:
            tags = atom.value
            left = set(tags) if left is None else {found for one in left for two in tags if (found := _both(one, two))}
    if left is None:
        return True
    for atom, holds in atoms.items():
        if atom.op == "among" and isinstance(atom.value, frozenset) and not holds:
            left = {each for each in left if not any(_below(each, tag) for tag in atom.value)}
        elif atom.op == "exists" and not holds:
            left = {each for each in left if each in _EMPTY}
    return bool(left)


def _below(tag: str, above: str) -> bool:
    return tag == above or tag.startswith(f"{above}-")


def _both(one: str, two: str) -> str:
    """Return the tag that is said of whatever both are said of; empty when there is none."""
    if _below(one, two):
        return one
    return two if _below(two, one) else ""


def _person(_field: Field, atoms: Signed) -> bool:
    left: frozenset[str] | None = None
    without: set[str] = set()
    exists = True
    for atom, holds in atoms.items():
        if atom.op == "exists":
            exists = holds
        elif atom.op == "among" and isinstance(atom.value, frozenset):
            if holds:
                left = atom.value if left is None else left & atom.value
            else:
                without |= atom.value
    return left is None or (exists and not left <= without)


def _list(_field: Field, atoms: Signed) -> bool:
    """Several words: what it has says that it is not empty."""
    if all(holds for atom, holds in atoms.items() if atom.op == "exists"):
        return True
    return not any(holds for atom, holds in atoms.items() if atom.op in {"has", "words", "contains", "matches"})


def _number(field: Field, atoms: Signed) -> bool:
    """Look at a number, an instant or an age: inside every bound, if it is one at all."""
    compared = {atom: holds for atom, holds in atoms.items() if atom.op in _BOUNDS}
    exists = next((holds for atom, holds in atoms.items() if atom.op == "exists"), None)
    positive = any(compared.values())
    if exists is False:
        return not positive
    if not (positive or field.type is FieldType.DURATION or (field.type is FieldType.TIME and exists)):
        # None of these holds for what is no number at all.
        return True
    low, low_in, high, high_in = -math.inf, True, math.inf, True
    for atom, holds in compared.items():
        bound = atom.op if holds else _NEGATED[atom.op]
        limit = atom.value
        if not isinstance(limit, float):
            continue
        if bound in {"above", "at_least"}:
            low, low_in = max((low, not low_in), (limit, bound == "above"))
            low_in = not low_in
        else:
            high, out = min((high, high_in), (limit, bound == "at_most"))
            high_in = out
    return low < high or (low == high and low_in and high_in)


_NEGATED = {"above": "at_most", "at_least": "below", "below": "at_least", "at_most": "above"}
_BOUNDS = frozenset(_NEGATED)

_CHECKS: Mapping[FieldType, Callable[[Field, Signed], bool]] = {
    FieldType.CHOICE: _words,
    FieldType.LEVEL: _words,
    FieldType.TEXT: _text,
    FieldType.LANGUAGE: _language,
    FieldType.PERSON: _person,
    FieldType.LIST: _list,
    FieldType.ANY: _number,
    FieldType.TIME: _number,
    FieldType.DURATION: _number,
    FieldType.NUMBER: _number,
}
