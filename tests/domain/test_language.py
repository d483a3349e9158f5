"""Language tags: their canonical form, how they are cut short, and which serves which."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.language import canonical, distance, lookup, script, truncations

TAGS = ("en", "en-GB", "es", "es-MX", "pt", "pt-BR", "pt-PT", "zh", "zh-Hant", "zh-Hant-TW", "zh-TW", "sr", "sr-Latn")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("ES", "es"), ("es_mx", "es-MX"), ("ZH-hANT-tw", "zh-Hant-TW"), ("iw", "he"), ("in-id", "id-ID"),
        ("sh", "sr-Latn"), ("sh-Cyrl", "sr-Cyrl"), ("i-klingon", "tlh"), ("zh-cmn-Hans", "zh-Hans"), ("zh-yue", "yue"),
        ("spa", "es"), ("de-1996", "de-1996"), ("en-x-US", "en-x-us"), ("zh-Hant-CN-x-A", "zh-Hant-CN-x-a"),
        (" en ", "en"),
    ],
)  # fmt: skip
def test_a_tag_is_compared_in_its_canonical_form(said: str, expected: str) -> None:
    """Whatever its case, and by the subtag that replaced an old one."""
    assert canonical(said) == expected


@given(st.sampled_from(TAGS))
def test_what_is_canonical_stays(tag: str) -> None:
    """Once is enough."""
    assert canonical(canonical(tag)) == canonical(tag)


def test_a_single_character_goes_with_its_follower() -> None:
    """The example of RFC 4647, 3.4."""
    assert list(truncations("zh-Hant-CN-x-a")) == ["zh-Hant-CN-x-a", "zh-Hant-CN", "zh-Hant", "zh"]
    assert list(truncations("zh-Hant-CN-x-private1-private2")) == [
        "zh-Hant-CN-x-private1-private2", "zh-Hant-CN-x-private1", "zh-Hant-CN", "zh-Hant", "zh",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "spoken", "expected"),
    [
        ("es", "es", 0), ("es-MX", "es", 1), ("es", "es-MX", 1), ("es-AR", "es-MX", None), ("es", "en", None),
        ("zh-Hant-TW", "zh-Hant", 1), ("zh-Hant", "zh", None), ("zh-Hans", "zh", 1), ("zh-TW", "zh", None),
        ("zh-TW", "zh-Hant", None), ("sr-Latn", "sr", None), ("sr-Cyrl", "sr", 1), ("en-Latn-GB", "en", 2),
        ("pt-PT", "pt-BR", None),
    ],
)  # fmt: skip
def test_a_tag_serves_another_by_lookup_and_without_crossing_scripts(
    wanted: str, spoken: str, expected: int | None
) -> None:
    """Cut short from the right; siblings do not serve each other."""
    assert distance(wanted, spoken) == expected


def test_a_site_may_cross_scripts() -> None:
    """Then only the tags count."""
    assert distance("zh-Hant", "zh", cross_scripts=True) == 1
    assert distance("sr-Latn", "sr", cross_scripts=True) == 1
    assert (script("zh-TW"), script("zh"), script("xx")) == ("Hant", "Hans", "")


def test_the_nearest_is_looked_up() -> None:
    """The very tag before the shorter one; nothing where nothing serves."""
    assert lookup("es-MX", frozenset({"es", "es-MX", "en"})) == "es-MX"
    assert lookup("es-MX", frozenset({"es", "en"})) == "es"
    assert lookup("fr", frozenset({"es", "en"})) is None


@given(st.sampled_from(TAGS), st.frozensets(st.sampled_from(TAGS)))
def test_lookup_agrees_with_the_rfc_where_the_tag_is_cut_short(wanted: str, offered: frozenset[str]) -> None:
    """Written down as the RFC says it: cut until one is offered."""
    expected = next((each for each in truncations(wanted) if each in offered), None)
    if expected is not None:
        assert lookup(wanted, offered, cross_scripts=True) == expected
