"""Names of files are made safe before they are judged, shown or carried, whatever a desk says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.event import Attachment
from gateway.domain.filing import MAX_NAME, FileRules, safe_name

NAMES = [
    ("report.pdf", "report.pdf"),
    ("Größe (2) – final.PDF", "Größe (2) – final.PDF"),
    ("../../etc/passwd", "passwd"),
    ("C:\\Users\\a\\photo.png", "photo.png"),
    ("invoice\u202efdp.exe", "invoicefdp.exe"),
    ("a.exe\u200b", "a.exe"),
    ("a.exe. .", "a.exe"),
    ("a.exe::$DATA", "a.exe__$DATA"),
    ("tab\tand\nline.txt", "tab and line.txt"),
    ("nul\x00byte.txt", "nulbyte.txt"),
    (".htaccess", "htaccess"),
    ("12:30.txt", "12_30.txt"),
    ("..", "file"),
    ("", "file"),
    ("\ud800.txt", "txt"),
    ("dir/", "dir"),
    ("x" * 400 + ".docx", "x" * (MAX_NAME - 5) + ".docx"),
    ("x" * 400, "x" * MAX_NAME),
]


@pytest.mark.parametrize(("given_name", "expected"), NAMES, ids=range(len(NAMES)))
def test_a_name_is_made_safe(given_name: str, expected: str) -> None:
    """Nothing is left in a name that leads elsewhere, hides or turns letters around."""
    assert safe_name(given_name) == expected


@given(st.text(st.characters(), max_size=300))
def test_any_name_becomes_one_that_stays(name: str) -> None:
    """A safe name is safe, fits everywhere, and is its own safe name."""
    safe = safe_name(name)
    assert 0 < len(safe) <= MAX_NAME
    assert not set(safe) & set('<>:"/\\|?*\x00\r\n\t')
    safe.encode("utf-8")
    assert safe_name(safe) == safe


@pytest.mark.parametrize(
    "name",
    [
        "a.exe",
        "A.EXE",
        "a.exe\u200b",
        "a.exe\u202c",
        "a.exe\n",
        "a.exe\t",
        "a.exe ",
        "a.exe.",
        "x/a.exe",
        "a.pdf.js",
        "d.iso",
    ],
)
def test_what_is_run_by_opening_it_stays_behind_whatever_its_name_is_dressed_as(name: str) -> None:
    """The ending is that of the name as it would be carried."""
    assert "not let through" in FileRules().refusal(Attachment(name))


@pytest.mark.parametrize("mime", ["application/x-msdownload", "Application/X-MSDownload; name=photo.png"])
def test_what_says_that_it_is_a_program_stays_behind(mime: str) -> None:
    """A harmless name does not help a program through."""
    assert "application/x-msdownload" in FileRules().refusal(Attachment("photo.png", mime))


@pytest.mark.parametrize("name", ["a.exe_s", "exe", "notes.txt", "shot.png", "page.html", "drawing.svg"])
def test_what_is_only_read_is_let_through(name: str) -> None:
    """Pictures, pages and texts go on."""
    assert not FileRules().refusal(Attachment(name))


def test_a_site_that_refuses_nothing_refuses_no_type_either() -> None:
    """`refuse: []` is the word of the site."""
    assert not FileRules(refused=frozenset()).refusal(Attachment("setup.exe", "application/x-msdownload"))
