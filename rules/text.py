"""Matching words and patterns in what people write, in time linear in the text (RE2), without regard to case."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache

import re2

MAX_PATTERN = 1000

#: scripts that do not put spaces between words: there a word is found anywhere
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_EDGE_BEFORE = r"(?:^|[^\p{L}\p{N}\p{M}_])"
_EDGE_AFTER = r"(?:$|[^\p{L}\p{N}\p{M}_])"

Search = Callable[[str], bool]


@lru_cache(maxsize=64)
def fold(text: str) -> str:
    """Return `text` in the form in which texts are compared: composed, without case.

    Every rule compares the same few texts of one ticket, so the last ones are kept.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _compile(pattern: str) -> Search:
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = False
    options.max_mem = 8 << 20
    find = re2.compile(pattern, options=options).search

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


def words_search(words: Sequence[str]) -> Search:
    """Find any of `words` (or phrases) as whole words; where a script has no spaces, anywhere."""
    unspaced = _compile(f"^[{_UNSPACED}]|[{_UNSPACED}]$")
    spaced: list[str] = []
    anywhere: list[str] = []
    for word in words:
        parts = [re2.escape(part) for part in fold(word).split()]
        if parts:
            (anywhere if unspaced(fold(word).strip()) else spaced).append(r"[\s\p{Z}]+".join(parts))
    choices = []
    if spaced:
        choices.append(f"{_EDGE_BEFORE}(?:{'|'.join(spaced)}){_EDGE_AFTER}")
    if anywhere:
        choices.append(f"(?:{'|'.join(anywhere)})")
    if not choices:
        return lambda _text: False
    compiled = _compile("|".join(choices))

    def search(text: str) -> bool:
        return compiled(fold(text))

    return search
