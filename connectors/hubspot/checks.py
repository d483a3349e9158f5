"""Who we are at HubSpot, and whether the connection will do: reads only."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.hubspot import mapping
from connectors.hubspot.account import Account
from connectors.hubspot.asking import THREADS, TICKETS, ask, decoded, get
from connectors.hubspot.mapping import Json, ident, obj, objects, text
from connectors.sdk import AuthenticationError, Call, CheckResult, Identity, TransportError
from gateway.errors import ConfigError

#: the fact that lets a create be looked up, and keeps a second one from being made
UNIQUE = "unique_key"


def whoami(account: Account) -> Call[Identity]:
    """Say who we are; raises AuthenticationError when the token does not hold.

    HubSpot tells which app a token is of only where the token itself is sent along, so the app's id is a setting.
    """
    body = yield from ask(get("/account-info/v3/details", "who are we"), none=())
    portal = ident((body or {}).get("portalId"))
    if not portal:
        msg = "HubSpot does not say which account the token is of"
        raise TransportError(msg)
    if account.portal_id and account.portal_id != portal:
        msg = f"the token is of account {portal}, and portal_id is {account.portal_id}"
        raise AuthenticationError(msg)
    return Identity(mapping.app(account.app_id), f"app {account.app_id} in account {portal}")


def check(account: Account) -> Call[Sequence[CheckResult]]:
    """Try what the connection needs."""
    try:
        us = yield from whoami(account)
    except AuthenticationError as error:
        return [CheckResult("credentials", ok=False, detail=str(error))]
    results = [CheckResult("credentials", ok=True, detail=us.detail, facts={"account_id": us.person.external_id})]
    tickets = yield get(TICKETS, "try the list", limit="1")
    told = "tickets can be read" if tickets.ok else f"HTTP {tickets.status}: the app needs the scope `tickets`"
    results.append(CheckResult("tickets", ok=tickets.ok, detail=told))
    results.append((yield from _key_property(account)))
    results.append((yield from _pipelines(account)))
    for name, path, scope, loss in (
        ("owners", "/crm/v3/owners", "crm.objects.owners.read", "agents are known by their ids alone"),
        ("contacts", "/crm/v3/objects/contacts", "crm.objects.contacts.read", "requesters are not known"),
        ("conversations", THREADS, "conversations.read", "what is said in conversations is not read"),
    ):
        tried = yield get(path, f"try {name}", limit="1")
        detail = f"{name} can be read" if tried.ok else f"HTTP {tried.status}: without the scope `{scope}` {loss}"
        results.append(CheckResult(name, ok=tried.ok, detail=detail, warning=True))
    if not account.user_id:
        detail = "no user_id: replies to customers are refused"
        results.append(CheckResult("user_id", ok=False, detail=detail, warning=True))
    if not account.webhook_secrets:
        detail = "no webhook_secret: webhooks are refused, and only polling brings changes"
        results.append(CheckResult("webhook_secret", ok=False, detail=detail, warning=True))
    return results


def _key_property(account: Account) -> Call[CheckResult]:
    """See that the property for our key is there, and that HubSpot keeps its values unique."""
    name = account.key_property
    response = yield get(f"/crm/v3/properties/tickets/{name}", "look at the key property")
    body = (decoded(response) or {}) if response.ok else {}
    unique = body.get("hasUniqueValue") is True
    if unique:
        detail = f"the ticket property {name} has unique values"
    elif response.ok:
        detail = f"the ticket property {name} is not unique, which cannot be changed: make another one that is"
    else:
        detail = (
            f"HTTP {response.status}: make a ticket property {name} (single-line text) that requires unique values; "
            "without it, HubSpot refuses every ticket that we make"
        )
    return CheckResult("key_property", ok=unique, detail=detail, facts={UNIQUE: unique})


def _pipelines(account: Account) -> Call[CheckResult]:
    """Compare the stages of the settings with those that are there."""
    body = yield from ask(get("/crm/v3/pipelines/tickets", "read the pipelines"), none=(403, 404))
    if body is None:
        return CheckResult(
            "pipelines", ok=False, detail="the pipelines cannot be read: the app needs the scope `tickets`"
        )
    try:
        missing, unnamed = _compare(account, objects(body.get("results")))
    except ConfigError as error:
        return CheckResult("pipelines", ok=False, detail=str(error))
    if missing:
        detail = f"HubSpot has no stage {', '.join(missing)}: correct `pipelines:`"
        return CheckResult("pipelines", ok=False, detail=detail)
    if unnamed:
        detail = f"these stages are read as unknown, name them under `pipelines:`: {'; '.join(unnamed)}"
        return CheckResult("pipelines", ok=False, detail=detail, warning=True)
    return CheckResult("pipelines", ok=True, detail=f"all {len(account.stages)} stages have a meaning")


def _compare(account: Account, pipelines: list[Json]) -> tuple[list[str], list[str]]:
    """Return the stages of the settings that are not there, and those there that no setting names."""
    there: dict[tuple[str, str], str] = {}
    for pipeline in pipelines:
        number = ident(pipeline.get("id")) or text(pipeline.get("id"))
        if number not in account.pipelines:
            continue
        for stage in objects(pipeline.get("stages")):
            state = text(obj(stage.get("metadata")).get("ticketState"))
            there[number, text(stage.get("id"))] = f"{text(stage.get('id'))} ({text(stage.get('label'))}, {state})"
    known = {(each.pipeline, each.id) for each in account.stages}
    missing = [f"{stage} in pipeline {pipeline}" for pipeline, stage in sorted(known - set(there))]
    return missing, [words for key, words in there.items() if key not in known]
