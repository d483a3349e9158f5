"""Rotas that are fetched: how a site names them, what stands in until there is a copy, and what can be none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rules import load_site
from rules.feeds import MAX_BYTES, essence, key_of, read_copy
from rules.rotas import RotaError
from tests.rules.making import GATEWAY, SPECS, problems_of
from tests.rules.routing.making import SITE
from tests.rules.routing.test_loading import ICS, who

FEED = "${EMEA_ROTA}"
NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
#: eva works by it on Monday the 9th of March
COPIES = {key_of(FEED): ICS}
MONDAY, SATURDAY = "2026-03-09T12:00+01:00", "2026-03-14T12:00+01:00"


def with_rota(rota: str) -> str:
    """Return the site whose first team has that rota."""
    return SITE.replace("manager: eva}", f"manager: eva, rota: {rota}}}", 1)


def loaded(rota: str, copies: dict[str, str] | None = None, beside: str = "") -> tuple[str, ...]:
    """Return who works in the first team at noon of a Monday; `beside` is the file that stands in."""
    texts = {"gateway.yaml": GATEWAY, "rules/a.yaml": with_rota(rota)}
    texts |= {"rules/emea.ics": beside} if beside else {}
    site, problems = load_site(texts, SPECS, copies=copies or {})
    assert site is not None, problems
    made = site.rules.routing.roster
    return tuple(name for name in who(made, MONDAY) if name in {"lucia", "marek", "eva"})


@pytest.mark.parametrize("rota", ['"${EMEA_ROTA}"', '{feed: "${EMEA_ROTA}"}', '[{feed: "${EMEA_ROTA}", every: 5m}]'])
def test_people_work_as_the_copy_says(rota: str) -> None:
    """Whichever way it is written; and not by the calendar of their team."""
    assert loaded(rota, COPIES) == ("eva",)


def test_until_there_is_a_copy_the_file_counts_then_the_calendar() -> None:
    """Cases and tests never have a copy: they go by what lies beside the rules."""
    both = '{feed: "${EMEA_ROTA}", file: emea.ics}'
    beside = ICS.replace("SUMMARY:eva", "SUMMARY:marek")
    assert loaded(both, beside=beside) == ("marek",)
    assert loaded(both, COPIES, beside) == ("eva",)
    assert loaded('{feed: "${EMEA_ROTA}"}') == ("lucia", "marek")


def test_a_copy_that_cannot_be_read_any_more_never_keeps_a_site_from_loading() -> None:
    """A warning, and the file."""
    texts = {
        "gateway.yaml": GATEWAY,
        "rules/a.yaml": with_rota('{feed: "${EMEA_ROTA}", file: emea.ics}'),
        "rules/emea.ics": ICS,
    }
    site, problems = load_site(texts, SPECS, copies={key_of(FEED): "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\n"})
    assert site is not None
    assert [each.code for each in problems if each.code == "bad-rota"] == ["bad-rota"]
    assert "eva" in who(site.rules.routing.roster, MONDAY)


def test_two_teams_share_a_feed() -> None:
    """It is asked once, as often as the more impatient one says, and never named by its address."""
    text = SITE.replace("manager: eva}", 'manager: eva, rota: {feed: "https://cal.example/a.ics", every: 5m}}', 1)
    text = text.replace("manager: eva}", 'manager: eva, rota: "https://cal.example/a.ics"}', 1)
    site, problems = load_site({"gateway.yaml": GATEWAY, "rules/a.yaml": text}, SPECS)
    assert site is not None, problems
    (feed,) = site.rules.routing.feeds
    assert (feed.teams, feed.every) == (("emea-support", "amer-support"), 300)
    assert "cal.example" not in feed.label + feed.key


@pytest.mark.parametrize(
    ("rota", "code", "words"),
    [
        ("http://cal.example/a.ics", "bad-feed", "which anybody on the way can read and change"),
        ("https://me:secret@cal.example/a.ics", "bad-feed", "no user, no password"),
        ("https://cal.example:99999/a.ics", "bad-feed", "it is no address"),
        ("ftp://cal.example/a.ics", "wrong-form", "a file"),
        ("${nothing here}", "bad-reference", "neither a variable nor a file"),
        ('{feed: "https://cal.example/a.ics", every: 5s}', "too-often", "once a minute"),
        ("{layer: 1}", "missing-key", "'file' or 'feed'"),
        (
            "https://calendar.google.com/calendar/ical/x/private-0c9f3b7a41d2e85f6/basic.ics",
            "literal-secret",
            "only its readers may know",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(rota: str, code: str, words: str) -> None:
    """In the line of the rota."""
    text = with_rota(rota if rota.startswith("{") else f'"{rota}"')
    line = next(number for number, each in enumerate(text.splitlines(), 1) if "rota: " in each)
    found = [each for each in problems_of(text) if each.code == code]
    assert found, problems_of(text)
    assert words in found[0].text
    assert found[0].line == line


def test_a_secret_that_is_written_out_is_not_repeated() -> None:
    """Nor is the line in which it stands."""
    text = with_rota('"https://calendar.google.com/calendar/ical/x/private-0c9f3b7a41d2e85f6/basic.ics"')
    (problem,) = [each for each in problems_of(text) if each.code == "literal-secret"]
    assert "0c9f3b7a41d2e85f6" not in problem.text
    assert "${EMEA_SUPPORT_ROTA}" in problem.text


@pytest.mark.parametrize("rota", ["http://127.0.0.1:8000/a.ics", "webcal://cal.example/a.ics", "${A}${B}"])
def test_what_may_stand_there(rota: str) -> None:
    """On the same machine http will do; webcal is what calendar programs call https."""
    assert [each.code for each in problems_of(with_rota(f'"{rota}"')) if each.is_error] == []


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "it is empty"),
        (b" \r\n ", "it is empty"),
        (b"\xff\xfe", "not UTF-8"),
        (b"<!doctype html><title>Sign in</title>", "a page to sign in"),
        (b"BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n", "there is no shift in it"),
        (ICS.replace("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "FREQ=SECONDLY").encode(), "no shift is so short"),
        (b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\n", "in the form of RFC 5545"),
        (b"BEGIN:VCALENDAR\n" + b"X" * MAX_BYTES, "more than 2 MiB"),
    ],
)
def test_what_can_be_no_rota_is_refused(body: bytes, why: str) -> None:
    """With words for a person."""
    with pytest.raises(RotaError, match=why):
        read_copy(body, NOW)


def test_a_calendar_is_the_same_whenever_it_was_written_out() -> None:
    """Exports carry the instant of the export in each event; what they say else counts."""
    one = ICS.replace("UID:1", "DTSTAMP:20260301T000000Z\nUID:1")
    assert essence(one) == essence(one.replace("20260301", "20260302").replace("\n", "\r\n").replace("\r\n", "\n"))
    assert essence(one) == essence(ICS.replace("UID:1", "DTSTAMP;X=1:20260301T0000\n 00Z\nUID:1"))
    assert essence(one) != essence(one.replace("SUMMARY:eva", "SUMMARY:marek"))
    assert read_copy(b"\xef\xbb\xbf" + ICS.encode(), NOW) == ICS
