"""Which of a thousand rules could hold for a ticket, without asking each of them.

Each rule has a guard (`rules.clues`): rows of clues, of which all of one row must show. Every row is a bit. For each
way of looking at a field there is a table from key to the rows that may hold with it; a ticket's keys choose masks, and
the rows that are left in all of them are asked. A rule without clues has a row that is always left. Rows come in
blocks, so that a mask stays short, however many rules there are.

While rules change the ticket that they look at, a `Glance` keeps up: a rule below sees what a rule above has set.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from rules.clues import Guard, Keys, keys_of
from rules.fields import Clue, Facts, Field, Look, Reader

#: rows in one block
BLOCK = 1024


class Indexed(msgspec.Struct, frozen=True):
    """What the index needs to know of one rule."""

    guard: Guard
    #: what it reads: it is asked again when one of these has changed
    readers: tuple[Reader, ...] = ()
    #: asked again even when nothing has changed
    volatile: bool = True
    #: what it sets: it is asked again when one of these has become free
    sets: Collection[str] = ()


class _Slot:
    """One way of looking at one field."""

    __slots__ = ("field", "keys", "known", "look", "reader")

    def __init__(self, field: Field, look: Look, reader: int) -> None:
        self.field = field
        self.look = look
        #: number of the reader among those of the index
        self.reader = reader
        #: every key that a rule asks for
        self.known: set[Hashable] = set()
        #: value -> the keys that it shows
        self.keys: Callable[[Any], Keys] = tuple

    def finish(self) -> None:
        self.keys = keys_of(self.field, self.look, self.known)


class _Block:
    """Some rows, and the masks that choose among them."""

    def __init__(self) -> None:
        #: the rule of each row
        self.rules: list[int] = []
        #: slot -> rows that do not look at it, and for each key those that may hold with it
        self.tables: dict[int, dict[Hashable, int]] = {}
        self.bound: dict[int, int] = {}
        #: reader -> rows that read it
        self.reads: dict[int, int] = {}
        self.volatile = 0
        self.sets: dict[str, int] = {}
        #: set when the block is whole: (slot, rows that do not look at it, key -> rows)
        self.chosen: tuple[tuple[int, int, Mapping[Hashable, int]], ...] = ()
        self.every = 0

    def add(self, rule: int, entry: Indexed, row: Sequence[tuple[int, Clue]], readers: Iterable[int]) -> None:
        bit = 1 << len(self.rules)
        self.rules.append(rule)
        for slot, clue in row:
            table = self.tables.setdefault(slot, {})
            for key in clue.keys:
                table[key] = table.get(key, 0) | bit
            self.bound[slot] = self.bound.get(slot, 0) | bit
        for reader in readers:
            self.reads[reader] = self.reads.get(reader, 0) | bit
        for field in entry.sets:
            self.sets[field] = self.sets.get(field, 0) | bit
        if entry.volatile:
            self.volatile |= bit

    def finish(self) -> None:
        self.every = (1 << len(self.rules)) - 1
        # the table that leaves the fewest rows comes first: often nothing is left to look up
        order = sorted(self.tables, key=lambda slot: -self.bound[slot].bit_count())
        self.chosen = tuple((slot, self.every & ~self.bound[slot], self.tables[slot]) for slot in order)


class Index:
    """The rules of one phase, or the conditions of a list of which the first that holds counts."""

    def __init__(self, entries: Sequence[Indexed], *, block: int = BLOCK) -> None:
        self._slots: list[_Slot] = []
        self._readers: tuple[Reader, ...] = ()
        self._blocks: list[_Block] = []
        self._places: list[tuple[int, int]] = []
        slots: dict[tuple[Reader, Look], int] = {}
        # those of the slots come first: of a new ticket nothing else is read
        readers: dict[Reader, int] = {}
        for entry in entries:
            for row in entry.guard:
                for clue in row:
                    readers.setdefault(clue.field.read, len(readers))
        self._looked_at = len(readers)
        for rule, entry in enumerate(entries):
            mine = [readers.setdefault(read, len(readers)) for read in entry.readers]
            for place, row in enumerate(entry.guard):
                looked = [(self._slot(slots, clue, readers[clue.field.read]), clue) for clue in row]
                if not self._blocks or len(self._blocks[-1].rules) == block:
                    self._blocks.append(_Block())
                if place == 0:
                    self._places.append((len(self._blocks) - 1, 1 << len(self._blocks[-1].rules)))
                self._blocks[-1].add(rule, entry, looked, mine)
        for slot in self._slots:
            slot.finish()
        for whole in self._blocks:
            whole.finish()
        self._readers = tuple(readers)

    def _slot(self, slots: dict[tuple[Reader, Look], int], clue: Clue, reader: int) -> int:
        place = slots.setdefault((clue.field.read, clue.look), len(slots))
        if place == len(self._slots):
            self._slots.append(_Slot(clue.field, clue.look, reader))
        self._slots[place].known |= clue.keys
        return place

    def possible(self, facts: Facts) -> Iterator[int]:
        """Go through the rules that could hold, in order."""
        return iter(Glance(self, facts))


class Glance:
    """The rules that could hold for one ticket, while some of them change it.

    Iterating gives their numbers in order. Before the next one is asked for, `update` may say what the rule did. The
    rules in `also` are given even when they cannot hold, unless nothing that they read has changed.
    """

    def __init__(self, index: Index, facts: Facts, *, also: Iterable[int] = ()) -> None:
        self._index = index
        self._facts = facts
        self._readers = index._readers if facts.previous is not None else index._readers[: index._looked_at]  # noqa: SLF001 - its other half
        self._values: list[Any] = [read(facts.ticket, facts) for read in self._readers]
        self._shown = [slot.keys(self._values[slot.reader]) for slot in index._slots]  # noqa: SLF001
        self._before: list[Any] | None = None
        self._changed: set[int] = set()
        if facts.previous is not None:
            previous = facts.previous
            self._before = [read(previous, facts) for read in self._readers]
            self._changed = {
                place
                for place, (now, before) in enumerate(zip(self._values, self._before, strict=True))
                if now != before
            }
        self._released: frozenset[str] = frozenset()
        self._also: dict[int, int] = {}
        for rule in also:
            block, bit = index._places[rule]  # noqa: SLF001
            self._also[block] = self._also.get(block, 0) | bit
        self._stale = False

    def __iter__(self) -> Iterator[int]:
        last = -1
        for number, block in enumerate(self._index._blocks):  # noqa: SLF001
            mask = self._mask(number, block)
            while mask:
                low = mask & -mask
                mask ^= low
                rule = block.rules[low.bit_length() - 1]
                if rule == last:
                    continue
                last = rule
                self._stale = False
                yield rule
                if self._stale:
                    mask = self._mask(number, block) & -(low << 1)

    def update(self, facts: Facts, released: Collection[str]) -> None:
        """Take up what a rule has set, and which fields the rules below may take now."""
        self._stale = True
        self._released = frozenset(released)
        self._facts = facts
        moved = set()
        for place, read in enumerate(self._readers):
            value = read(facts.ticket, facts)
            if value is self._values[place]:
                continue
            moved.add(place)
            self._values[place] = value
            if self._before is not None:
                if value != self._before[place]:
                    self._changed.add(place)
                else:
                    self._changed.discard(place)
        for place, slot in enumerate(self._index._slots):  # noqa: SLF001
            if slot.reader in moved:
                self._shown[place] = slot.keys(self._values[slot.reader])

    def _mask(self, number: int, block: _Block) -> int:
        asked = block.every
        if self._before is not None:
            asked = block.volatile
            for reader in self._changed:
                asked |= block.reads.get(reader, 0)
            for field in self._released:
                asked |= block.sets.get(field, 0)
        left = asked
        for slot, free, table in block.chosen:
            if not left:
                break
            found = free
            for key in self._shown[slot]:
                found |= table.get(key, 0)
            left &= found
        also = self._also.get(number, 0)
        return left | (asked & also) if also else left
