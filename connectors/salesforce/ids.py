"""Salesforce's record ids: 15 characters where case matters, or 18 of which the last three say the cases.

An API answers with 18; admins, URLs and older messages have 15. Both name one record, so ours are always 18.
"""

from __future__ import annotations

import re

_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

CASE = "500"
USER = "005"
QUEUE = "00G"
EMAIL = "02s"


def full_id(text: str) -> str:
    """Return an id with its 18 characters, as it was given where it has them; empty when it is none."""
    found = text.strip()
    if not _ID.fullmatch(found):
        return ""
    return found if len(found) == 18 else found + suffix(found)


def suffix(short: str) -> str:
    """Return the last three characters of an id: one for each five, whose bits say which of these are capitals."""
    groups = (short[0:5], short[5:10], short[10:15])
    return "".join(
        _SUFFIX[sum(1 << place for place, sign in enumerate(group) if "A" <= sign <= "Z")] for group in groups
    )


def is_case_id(text: str) -> bool:
    """Say whether an id can be one of a case."""
    return text.startswith(CASE) and bool(full_id(text))
