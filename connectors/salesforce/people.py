"""What an org knows of a person: a contact and its account, looked up exactly.

`Contact.Email` is compared by Salesforce in any case, and once more by us; a telephone number only as it was written,
so it is asked as E.164. Of each field the site may say where it stands, as a path of SOQL from Contact.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connectors.salesforce.account import Account
from connectors.salesforce.asking import ask, quoted, rows_of, select, soql
from connectors.salesforce.ids import full_id
from connectors.salesforce.mapping import Json, obj, text
from connectors.sdk import Answer, Call, Question, TransportError, email_key, phone_key

CONTACT = "003"
#: where a field stands when the site does not say it
PLACES: Mapping[str, str] = {
    "org.id": "AccountId",
    "org.name": "Account.Name",
    "org.account_manager": "Account.Owner.Name",
}
#: rows of one answer: more than one kind of them says nothing anyway
MOST = 50
_PATH = re.compile(r"[A-Za-z]\w{0,79}(\.[A-Za-z]\w{0,79}){0,4}", re.ASCII)


def enrich(account: Account, question: Question, names: Mapping[str, str]) -> Call[Answer]:
    """Look a contact up by id, else by e-mail, else by telephone."""
    places = {**PLACES, **names}
    for field, place in places.items():
        if not _PATH.fullmatch(place):
            msg = f"'{place[:60]}' is no field of Salesforce (enrich, {field}): write Account.Tier__c"
            raise TransportError(msg)
    columns = ", ".join(dict.fromkeys(("Id", "Email", "Phone", "MobilePhone", *places.values())))
    ids = [found for each in question.accounts if (found := full_id(each)).startswith(CONTACT)]
    asked = (
        _among("Id", ids),
        _among("Email", question.emails),
        " OR ".join(filter(None, (_among(name, question.phones) for name in ("Phone", "MobilePhone")))),
    )
    for where in filter(None, asked):
        query = soql(columns, "Contact", where, "Id", MOST)
        listed = rows_of((yield from ask(select(account, query, "look a contact up"))))
        rows = [row for row in listed if _fits(row, ids, question)]
        if rows:
            known = [{field: _at(row, place) for field, place in places.items()} for row in rows]
            return Answer.among([each for index, each in enumerate(known) if each not in known[:index]])
    return Answer()


def _fits(row: Json, ids: list[str], question: Question) -> bool:
    """Say whether a contact is really one that was asked for: Salesforce compares texts in its own way."""
    if full_id(text(row.get("Id"))) in ids or email_key(text(row.get("Email"))) in question.emails:
        return True
    return any(phone_key(text(row.get(name))) in question.phones for name in ("Phone", "MobilePhone"))


def _among(field: str, values: tuple[str, ...] | list[str]) -> str:
    return f"{field} IN ({', '.join(quoted(each) for each in values)})" if values else ""


def _at(row: Json, path: str) -> str:
    """Return what stands at a path, as text; empty where nothing does."""
    found: Any = row
    for step in path.split("."):
        found = obj(found).get(step)
    return text(found) if isinstance(found, str) else str(found) if isinstance(found, int | float) else ""
