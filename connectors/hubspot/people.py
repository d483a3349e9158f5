"""What an account knows of a person: a contact and its primary company, looked up exactly.

By id and by e-mail records are read and not searched: that is exact, and never behind. A telephone number is searched
as E.164 and compared once more. Of each field the site may say where it stands: `contact.NAME` or `company.NAME`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from connectors.hubspot.asking import OBJECTS, ask, get, pages, path_part, post
from connectors.hubspot.calls import owners_of
from connectors.hubspot.mapping import Json, ident, obj, objects, text
from connectors.sdk import Answer, Call, Question, TransportError, email_key, phone_key

#: where a field stands when the site does not say it
PLACES: Mapping[str, str] = {
    "org.name": "company.name",
    "org.account_manager": "company.hubspot_owner_id",
    "language": "contact.hs_language",
}
CONTACT = "contact:"
OWNER = "hubspot_owner_id"
_PLACE = re.compile(r"(contact|company)\.([a-z][a-z0-9_]{0,99})")


def enrich(question: Question, names: Mapping[str, str]) -> Call[Answer]:
    """Look a contact up by id, else by e-mail, else by telephone."""
    places = {**PLACES, **names}
    for field, place in places.items():
        if not _PLACE.fullmatch(place):
            msg = f"'{place[:60]}' is no property of HubSpot (enrich, {field}): write company.tier or contact.tier"
            raise TransportError(msg)
    contacts = yield from _contacts(question, _named(places, "contact"))
    found = []
    for contact in contacts:
        known = yield from _known(contact, places)
        if known not in found:
            found.append(known)
    return Answer.among(found)


def _named(places: Mapping[str, str], kind: str) -> list[str]:
    return sorted({place.partition(".")[2] for place in places.values() if place.startswith(f"{kind}.")})


def _contacts(question: Question, properties: Sequence[str]) -> Call[list[Json]]:
    """Return the contacts that fit, by the strongest of what is known."""
    wanted = list(dict.fromkeys(("email", "phone", "mobilephone", *properties)))
    ids = [each.removeprefix(CONTACT) for each in question.accounts if each.startswith(CONTACT)]
    if ids:
        found = yield from _read(ids, wanted, "")
        if found:
            return found
    if question.emails:
        found = yield from _read(question.emails, wanted, "email")
        found = [each for each in found if email_key(_property(each, "email")) in question.emails]
        if found:
            return found
    if not question.phones:
        return []
    filters = [
        {"filters": [{"propertyName": name, "operator": "IN", "values": list(question.phones)}]}
        for name in ("phone", "mobilephone")
    ]
    asked = post(f"{OBJECTS}/contacts/search", "look a number up", {"filterGroups": filters, "properties": wanted})
    body = yield from ask(asked, none=())
    return [
        each
        for each in objects((body or {}).get("results"))
        if any(phone_key(_property(each, name)) in question.phones for name in ("phone", "mobilephone"))
    ]


def _read(ids: Sequence[str], properties: list[str], by: str) -> Call[list[Json]]:
    content = {"properties": properties, "inputs": [{"id": each} for each in ids[:100]]}
    content |= {"idProperty": by} if by else {}
    body = yield from ask(post(f"{OBJECTS}/contacts/batch/read", "look a contact up", content), none=(404,))
    return objects((body or {}).get("results"))


def _known(contact: Json, places: Mapping[str, str]) -> Call[dict[str, str]]:
    """Return what is known by a contact and its company."""
    company: Json = {}
    path = f"/crm/v4/objects/contacts/{path_part(ident(contact.get('id')))}/associations/companies"
    listed = (yield from pages(path, "list companies", none=(403, 404), limit="100")) or []
    primary = [each for each in listed if _is_primary(each)] or listed
    number = ident(primary[0].get("toObjectId")) if primary else ""
    if number:
        named = ",".join(_named(places, "company"))
        asked = get(f"{OBJECTS}/companies/{path_part(number)}", "read the company", properties=named)
        company = (yield from ask(asked, none=(403, 404))) or {}
    found = {}
    for field, place in places.items():
        kind, _, name = place.partition(".")
        found[field] = _property(contact if kind == "contact" else company, name)
        if name == OWNER and found[field]:
            owners = yield from owners_of()
            owner = owners.get(found[field])
            found[field] = owner.label if owner is not None else ""
    return {**({"org.id": number} if number else {}), **found}


def _is_primary(listed: Json) -> bool:
    kinds = objects(listed.get("associationTypes"))
    return any(text(each.get("label")).lower() == "primary" for each in kinds)


def _property(record: Json, name: str) -> str:
    return text(obj(record.get("properties")).get(name)).strip()
