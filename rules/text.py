"""Matching words and patterns in what people write, in time linear in the text (RE2), without regard to case."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import re2

MAX_PATTERN = 1000

#: scripts that do not put spaces between words: there a word is found anywhere
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_EDGE_BEFORE = r"(?:^|[^\p{L}\p{N}\p{M}_])"
_EDGE_AFTER = r"(?:$|[^\p{L}\p{N}\p{M}_])"

Search = Callable[[str], bool]

#: longer lists are compiled when they are loaded, so that one that is too large is said then
_MANY = 2000
#: letters, digits and `_`: each of them is inside of an edge, too, so that a whole word holds whole runs of them
_RUN = re.compile(r"\w+")


@lru_cache(maxsize=64)
def fold(text: str) -> str:
    """Return `text` in the form in which texts are compared: composed, without case.

    Every rule compares the same few texts of one ticket, so the last ones are kept.
    """
    return _folded(text)


@lru_cache(maxsize=64)
def comparable(text: str) -> str:
    """Return a short text in the form in which values are compared: folded, without space around it."""
    return _folded(text).strip()


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


@lru_cache(maxsize=16)
def tokens(folded: str) -> frozenset[str]:
    """Return the runs of letters and digits of a folded text."""
    return frozenset(_RUN.findall(folded))


@lru_cache(maxsize=16)
def _is_plain(folded: str) -> bool:
    """Say whether a text holds no combining mark, so that each of its tokens is a whole word."""
    return folded.isascii() or not _marks()(folded)


@lru_cache(maxsize=1)
def _marks() -> Search:
    return _compile(r"\p{M}")


def _options(*, case_sensitive: bool = False) -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = case_sensitive
    options.max_mem = 8 << 20
    return options


@lru_cache(maxsize=1024)
def _regexp(pattern: str, *, case_sensitive: bool = False) -> Any:
    return re2.compile(pattern, options=_options(case_sensitive=case_sensitive))


def _compile(pattern: str, *, case_sensitive: bool = False) -> Search:
    find = _regexp(pattern, case_sensitive=case_sensitive).search

    def search(text: str) -> bool:
        try:
            return find(text) is not None
        except UnicodeEncodeError:
            return find(text.encode("utf-8", "replace").decode()) is not None

    return search


def pattern_search(pattern: str) -> Search:
    """Compile an admin's regular expression; raises ValueError with RE2's own words."""
    if len(pattern) > MAX_PATTERN:
        msg = f"the pattern has {len(pattern)} characters, more than {MAX_PATTERN}"
        raise ValueError(msg)
    try:
        return _compile(pattern)
    except re2.error as error:
        reason = error.args[0] if error.args else "not a pattern"
        msg = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(msg) from None


def word_keys(words: Sequence[str]) -> frozenset[str] | None:
    """Return tokens of which a text has at least one when one of `words` stands in it; None when that cannot be told.

    It cannot where a word has no letter or digit, or is found anywhere because its script has no spaces.
    """
    keys = set()
    for word in map(fold, words):
        runs = _RUN.findall(word)
        if not runs or _unspaced()(word.strip()):
            return None
        keys.add(max(runs, key=len))
    return frozenset(keys)


@lru_cache(maxsize=1)
def _unspaced() -> Search:
    return _compile(f"^[{_UNSPACED}]|[{_UNSPACED}]$")


def words_search(words: Sequence[str]) -> Search:
    """Find any of `words` (or phrases) as whole words; where a script has no spaces, anywhere.

    Raises ValueError when there are too many of them.
    """
    pattern = _words_pattern(words)
    if not pattern:
        return lambda _text: False
    keys = word_keys(words)
    single = frozenset(word for each in words if _RUN.fullmatch(word := fold(each).strip()) and not _unspaced()(word))
    compiled: list[Search] = []

    def search(text: str) -> bool:
        folded = fold(text)
        there = tokens(folded)
        if keys is not None and keys.isdisjoint(there):
            return False
        if _is_plain(folded) and not single.isdisjoint(there):
            return True
        if not compiled:
            compiled.append(_compile(pattern, case_sensitive=True))
        return compiled[0](folded)

    if len(pattern) > _MANY:
        try:
            compiled.append(_compile(pattern, case_sensitive=True))
        except re2.error:
            msg = f"{len(words)} of them are too many for one search"
            raise ValueError(msg) from None
    return search


def _words_pattern(words: Sequence[str]) -> str:
    spaced: list[str] = []
    anywhere: list[str] = []
    for word in map(fold, words):
        parts = [re2.escape(part.encode("utf-8", "replace").decode()) for part in word.split()]
        if parts:
            (anywhere if _unspaced()(word.strip()) else spaced).append(r"[\s\p{Z}]+".join(parts))
    choices = []
    if spaced:
        choices.append(f"{_EDGE_BEFORE}(?:{'|'.join(spaced)}){_EDGE_AFTER}")
    if anywhere:
        choices.append(f"(?:{'|'.join(anywhere)})")
    return "|".join(choices)


class PatternSet:
    """Many regular expressions searched for in one pass over a text: those that are not among the found are not there.

    What would make the pass dear (patterns with many states, long texts) stays out of it and always counts as found.
    """

    #: patterns in one pass, instructions of a pattern, characters of a text
    TOGETHER = 100
    LARGEST = 300
    LONGEST = 8192

    def __init__(self, patterns: Iterable[str]) -> None:
        self._every = frozenset(patterns)
        fitting = sorted(each for each in self._every if _size(each) <= self.LARGEST)
        self._apart = self._every.difference(fitting)
        self._passes: list[tuple[re2.Set, list[str]]] = []
        for start in range(0, len(fitting), self.TOGETHER):
            chosen = fitting[start : start + self.TOGETHER]
            one = re2.Set.SearchSet(_options())
            # the empty pattern is in every text: where it is not found, the pass itself has failed
            for pattern in (*chosen, ""):
                one.Add(pattern)
            try:
                one.Compile()
            except re2.error:
                self._apart = self._apart.union(chosen)
            else:
                self._passes.append((one, chosen))

    def found(self, text: str) -> frozenset[str]:
        """Return the patterns that are in the text, and perhaps some that are not."""
        if len(text) > self.LONGEST:
            return self._every
        encoded = text.encode("utf-8", "replace")
        found: set[str] = set(self._apart)
        for one, patterns in self._passes:
            numbers = one.Match(encoded)
            if not numbers or len(patterns) not in numbers:
                found.update(patterns)
            else:
                found.update(patterns[number] for number in numbers if number < len(patterns))
        return frozenset(found)


def _size(pattern: str) -> int:
    return int(_regexp(pattern).programsize)
