"""Shares and percentiles, exact."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.report.figures import ALARM, GOAL, Sample, Share, length, number, percent


def test_a_share_is_never_rounded_up() -> None:
    """89.99 % is not 90 %, however it is written; exactly 90 % is."""
    assert not Share(8_999, 10_000).reaches(GOAL)
    assert str(Share(8_999, 10_000)) == "89.99 %"
    assert not Share(899_999, 1_000_000).reaches(GOAL)
    assert str(Share(899_999, 1_000_000)) == "89.99 %"
    assert Share(9, 10).reaches(GOAL)
    assert str(Share(2, 3)) == "66.66 %"
    assert Share(2, 3).rest == "33.34 %"


def test_nothing_of_nothing_has_no_share() -> None:
    """An empty period divides by nothing, and misses no goal."""
    empty = Share(0, 0)
    assert (empty.rate, str(empty), empty.rest) == (None, "-", "-")
    assert empty.reaches(GOAL)
    assert empty.reaches(ALARM)


@given(st.integers(0, 10**9), st.integers(1, 10**9), st.fractions(Fraction(1, 100), 100))
def test_a_goal_is_compared_exactly(part: int, more: int, goal: Fraction) -> None:
    """As fractions say, and what is written never claims more than is so."""
    share = Share(part, part + more)
    assert share.reaches(goal) == (Fraction(part * 100, part + more) >= goal)
    written = Fraction(str(share).removesuffix(" %"))
    assert written <= Fraction(part * 100, part + more) < written + Fraction(1, 100)
    assert written + Fraction(share.rest.removesuffix(" %")) == 100


@given(
    st.lists(st.integers(0, 10**6)), st.integers(0, 5), st.sampled_from([Fraction(50), Fraction(90), Fraction(199, 2)])
)
def test_a_percentile_is_the_least_length_that_so_many_kept(lengths: list[int], going: int, wanted: Fraction) -> None:
    """The nearest rank: so many percent or more are within it, and fewer within any shorter one; or it is not known."""
    sample = Sample()
    for each in lengths:
        sample.add(each)
    for _ in range(going):
        sample.add_going()
    found = sample.percentile(wanted)
    within = [each for each in lengths if found is not None and each <= found]
    shorter = [each for each in lengths if found is not None and each < found]
    if found is None:
        assert not lengths or len(lengths) * 100 < wanted * (len(lengths) + going)
    else:
        assert found in lengths
        assert len(within) * 100 >= wanted * (len(lengths) + going)
        assert len(shorter) * 100 < wanted * (len(lengths) + going)


def test_what_goes_on_is_longer_than_anything_known() -> None:
    """Nine answered and one open: 90 % are within the longest of the nine; two open: nobody knows yet."""
    sample = Sample()
    for each in range(1, 10):
        sample.add(each * 60)
    sample.add_going()
    assert sample.percentile(GOAL) == 540
    sample.add_going()
    assert sample.percentile(GOAL) is None
    assert sample.percentile(Fraction(50)) == 360
    assert (sample.known, len(sample), sample.total, sample.longest) == (9, 11, 2700, 540)


def test_samples_are_joined() -> None:
    """Two accounts of one owner are one sample, whatever was asked before."""
    one, other = Sample(), Sample()
    one.add(5)
    assert one.percentile(Fraction(50)) == 5
    other.add(1)
    other.add_going()
    one.join(other)
    assert (one.percentile(Fraction(1)), len(one), one.going) == (1, 3, 1)


@pytest.mark.parametrize(
    ("seconds", "words", "with_days"),
    [
        (0, "0 s", "0 s"),
        (59, "59 s", "59 s"),
        (4200, "1 h 10 m", "1 h 10 m"),
        (3600, "1 h", "1 h"),
        (3601, "1 h", "1 h"),
        (90_000, "25 h", "1 d 1 h"),
        (-60, "-1 m", "-1 m"),
        (None, "-", "-"),
    ],
)
def test_lengths_are_written_in_two_units(seconds: int | None, words: str, with_days: str) -> None:
    """Open time has no days; real time does."""
    assert (length(seconds), length(seconds, days=True)) == (words, with_days)


def test_percent_is_read_as_a_person_writes_it() -> None:
    """With or without a sign, exact; anything else is refused."""
    assert percent("99.5 %") == Fraction(199, 2)
    assert number(percent("90")) == "90"
    assert number(percent("99.5")) == "99.5"
    for wrong in ("0", "101", "-1", "x", "nan"):
        with pytest.raises(ValueError, match=r"."):
            percent(wrong)
