"""Who we are at Intercom, and whether the connection will do: reads only."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.intercom import mapping
from connectors.intercom.account import Account
from connectors.intercom.asking import ask, get, path_part
from connectors.intercom.mapping import ident, obj, objects, text
from connectors.sdk import AuthenticationError, Call, CheckResult, Identity

#: the fact without which a creation whose answer is lost cannot be looked for
MARKED = "key_attribute"


def whoami() -> Call[Identity]:
    """Say who we are; raises AuthenticationError when the token does not hold."""
    body = yield from ask(get("/me", "who are we"), none=())
    person = mapping.person({**(body or {}), "type": "admin"})
    if person is None:
        msg = "Intercom does not know who we are: check the token"
        raise AuthenticationError(msg)
    workspace = text(obj((body or {}).get("app")).get("id_code"))
    return Identity(person, f"{person.label}, id {person.external_id}, workspace {workspace or 'unknown'}")


def check(account: Account) -> Call[Sequence[CheckResult]]:
    """Try what the connection needs."""
    try:
        us = yield from whoami()
    except AuthenticationError as error:
        return [CheckResult("credentials", ok=False, detail=str(error))]
    number = account.admin_id or us.person.external_id
    results = [CheckResult("credentials", ok=True, detail=us.detail, facts={"account_id": number})]
    admins = yield from ask(get("/admins", "list teammates"), none=(403, 404))
    known = [ident(each.get("id")) for each in objects((admins or {}).get("admins"))]
    told = f"we write as teammate {number}" if number in known else f"{number} is no teammate: correct admin_id"
    results.append(CheckResult("admin", ok=number in known, detail=told))
    for kind in account.objects:
        path = "/tickets/0" if kind == "tickets" else "/conversations/0"
        tried = yield get(path, f"try {kind}")
        ok = tried.status not in {401, 403}
        detail = f"{kind} can be read" if ok else f"HTTP {tried.status}: the app needs the permission to read {kind}"
        results.append(CheckResult(kind, ok=ok, detail=detail))
    results.append((yield from _ticket_type(account)))
    results.append((yield from _states(account)))
    if not account.webhook_secrets:
        detail = "no webhook_secret: webhooks are refused, and only polling brings changes"
        results.append(CheckResult("webhook_secret", ok=False, detail=detail, warning=True))
    return results


def _ticket_type(account: Account) -> Call[CheckResult]:
    """See that the type of new tickets has the attributes that are written."""
    if not account.ticket_type:
        detail = "no ticket_type: the gateway makes no tickets here"
        return CheckResult("ticket_type", ok=False, detail=detail, warning=True, facts={MARKED: False})
    path = f"/ticket_types/{path_part(account.ticket_type)}"
    body = yield from ask(get(path, "look at the ticket type"), none=(403, 404))
    if body is None:
        detail = f"there is no ticket type {account.ticket_type}, or the app may not read it"
        return CheckResult("ticket_type", ok=False, detail=detail, facts={MARKED: False})
    held = obj(body.get("ticket_type_attributes"))
    names = {text(each.get("name")) for each in objects(held.get("data") or held.get("ticket_type_attributes"))}
    missing = [each for each in (account.key_attribute, account.priority_attribute) if each and each not in names]
    if missing:
        words = ", ".join(missing)
        detail = f"the ticket type {text(body.get('name'))} has no attribute {words}: without it no ticket can be made"
    else:
        detail = f"tickets are made as {text(body.get('name'))}"
    marked = account.key_attribute in names
    return CheckResult("ticket_type", ok=not missing, detail=detail, facts={MARKED: marked})


def _states(account: Account) -> Call[CheckResult]:
    """Compare the states of the settings with those that are there."""
    body = yield from ask(get("/ticket_states", "read the ticket states"), none=(403, 404))
    labels = {text(each.get("internal_label")).lower() for each in objects((body or {}).get("data"))}
    missing = [label for label in account.states if label.lower() not in labels]
    detail = f"Intercom has no ticket state {', '.join(missing)}: correct `states:`" if missing else "states are there"
    return CheckResult("states", ok=not missing, detail=detail)
