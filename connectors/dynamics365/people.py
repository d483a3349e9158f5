"""Who owns a case, and whose it is: lookups of users, teams and contacts."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.dynamics365.account import Account
from connectors.dynamics365.asking import ask, get, quoted
from connectors.dynamics365.ids import contact_of, guid
from connectors.dynamics365.mapping import Json, obj, objects, text
from connectors.sdk import Call, Intent
from gateway.errors import UnmappedError

OWNER = "ownerid@odata.bind"
CUSTOMER = "customerid_contact@odata.bind"


def owner_of(account: Account, intent: Intent) -> Call[dict[str, Any]]:
    """Return the owner as an intent wants it: its assignee, else its queue (a team); empty where it wants neither.

    Raises UnmappedError where nobody, or more than one, is meant.
    """
    asked = obj(intent.fields.get("assignee"))
    queue = text(intent.fields.get("queue")).strip()
    if asked:
        return {OWNER: f"/systemusers({(yield from _user(asked))})"}
    if not queue and "assignee" not in intent.fields:
        return {}
    if not queue and not account.unassigned:
        msg = "a case of Dynamics 365 is always somebody's: name a team as `unassigned:` in gateway.yaml"
        raise UnmappedError(msg, field="assignee")
    return {OWNER: f"/teams({(yield from team_id(account, queue or account.unassigned))})"}


def _user(asked: Json) -> Call[str]:
    number = guid(asked.get("external_id"))
    if number:
        return number
    email = text(asked.get("email")).strip()
    if not email:
        said = text(asked.get("external_id")) or text(asked.get("name"))
        msg = f"{said!r} is no user of Dynamics 365: an account there is a GUID"
        raise UnmappedError(msg, field="assignee")
    where = f"internalemailaddress eq {quoted(email)} and isdisabled eq false"
    found = get("systemusers", "look for the user", select="systemuserid", filter=where, top="2")
    return (yield from _only(found, "systemuserid", f"active user with the e-mail {email!r}", "assignee"))


def team_id(account: Account, queue: str) -> Call[str]:
    """Return the id of a team by our name for it, by its own, or by its id."""
    known = account.team_ids.get(queue, "") or guid(queue)
    if known:
        return known
    asked = get("teams", "look for the team", select="teamid", filter=f"name eq {quoted(queue)}", top="2")
    found = yield from _only(asked, "teamid", f"team named {queue!r}", "queue")
    account.team_ids[queue] = found
    return found


def _only(asked: Any, column: str, what: str, field: str) -> Call[str]:
    body = yield from ask(asked)
    found = [number for row in objects(obj(body).get("value")) if (number := guid(row.get(column)))]
    if len(found) != 1:
        msg = f"Dynamics 365 has {'more than one' if found else 'no'} {what}"
        raise UnmappedError(msg, field=field)
    return found[0]


class Customer(msgspec.Struct, frozen=True):
    """Whose a case is: what the case says of them, and the contact that has to be made first, if any."""

    columns: dict[str, Any]
    id: str
    contact: dict[str, Any] = {}


def customer_of(account: Account, asked: Json) -> Call[Customer]:
    """Return whose case it is: the contact by account or e-mail. A case is always a customer's.

    For an address that nobody has yet a contact is made, under an id that the address alone decides: however often that
    is done, and by however many cases, it is one.
    """
    number = guid(asked.get("external_id"))
    email, name = text(asked.get("email")).strip(), text(asked.get("name")).strip()
    contact: dict[str, Any] = {}
    if not number and email:
        where = f"emailaddress1 eq {quoted(email)} or contactid eq {contact_of(email)}"
        found = get("contacts", "look for the contact", select="contactid", filter=where, orderby="createdon", top="1")
        rows = objects(obj((yield from ask(found))).get("value"))
        number = guid(rows[0].get("contactid")) if rows else contact_of(email)
        first, _, last = name.rpartition(" ")
        made = {"emailaddress1": email[:100], "firstname": first[:50], "lastname": (last or email)[:50]}
        contact = {} if rows else made
    number = number or account.customer
    if not number:
        msg = "a case needs a customer, and its requester has no e-mail: name a contact as `customer:` in gateway.yaml"
        raise UnmappedError(msg)
    more = {"emailaddress": email[:100]} if email else {}
    return Customer({CUSTOMER: f"/contacts({number})", **more}, number, contact)
