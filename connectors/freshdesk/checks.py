"""`gateway connections test`: proves what a connection claims, and says what to do about what does not hold."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.freshdesk import reads
from connectors.freshdesk.account import Account
from connectors.freshdesk.asking import API, ask, decoded, get, listed
from connectors.freshdesk.mapping import Json, ident, obj
from connectors.sdk import AuthenticationError, Call, CheckResult, TransportError
from gateway.errors import ThrottledError

FACT = "marker_ticket"


def check(account: Account) -> Call[Sequence[CheckResult]]:
    """Try the key, the list of tickets, the field of our mark, and the account's statuses. Writes nothing."""
    try:
        identity = yield from reads.whoami(account)
        account_line = CheckResult("account", ok=True, detail=identity.detail)
    except (AuthenticationError, ThrottledError, TransportError) as error:
        return [CheckResult("account", ok=False, detail=f"{error}; is the API key that of the gateway's agent?")]
    lines = [account_line]
    params = {"per_page": "1", "page": "1"}
    if account.is_freshservice and account.workspace_id:
        params["workspace_id"] = account.workspace_id
    try:
        response = yield from ask(get(f"{API}/tickets", "list tickets", **params), none=(403,))
    except TransportError as error:
        return [*lines, CheckResult("tickets", ok=False, detail=str(error))]
    if response is None:
        words = "tickets cannot be listed: give the gateway's agent the scope of all tickets"
        return [*lines, CheckResult("tickets", ok=False, detail=words)]
    tickets = listed(account, decoded(response), "tickets")
    limit = response.header("x-ratelimit-total")
    lines.append(
        CheckResult("tickets", ok=True, detail=f"tickets can be listed{f', {limit} calls a minute' * bool(limit)}")
    )
    form = yield from _form(account)
    lines.append(_marker(account, form, tickets))
    unnamed = _unnamed(account, form)
    if unnamed:
        words = f"statuses that nobody explained: {', '.join(unnamed)}; name them under `statuses:` in gateway.yaml"
        lines.append(CheckResult("statuses", ok=False, detail=words, warning=True))
    return lines


def _form(account: Account) -> Call[list[Json]]:
    """Read the account's ticket fields; empty where they are not shown to us."""
    path, name = (
        ("ticket_form_fields", "ticket_fields") if account.is_freshservice else ("ticket_fields", "ticket_fields")
    )
    try:
        response = yield from ask(get(f"{API}/{path}", "ticket fields"), none=(403, 404))
    except TransportError:
        return []
    return listed(account, decoded(response), name) if response is not None else []


def _marker(account: Account, form: list[Json], tickets: list[Json]) -> CheckResult:
    """Prove that tickets have the field of our mark: by the form, else by a ticket, which shows all its fields."""
    if not account.marker:
        words = "ticket_marker is empty: a ticket whose creation gets no answer is left to a person"
        return CheckResult(FACT, ok=False, detail=words, warning=True, facts={FACT: False})
    names = {str(each.get("name")) for each in form}
    shown = [set(obj(each.get("custom_fields"))) for each in tickets]
    if account.marker in names or any(account.marker in each for each in shown):
        return CheckResult(FACT, ok=True, detail=f"custom field {account.marker} marks our tickets", facts={FACT: True})
    label = account.field_name(account.marker)
    words = f"tickets have no custom field {account.marker}: add a single-line text field with the label {label!r}"
    return CheckResult(FACT, ok=False, detail=words, warning=True, facts={FACT: False})


def _unnamed(account: Account, form: list[Json]) -> list[str]:
    """Return the account's statuses that neither the vendor nor the settings explain."""
    for field in form:
        if field.get("name") != "status":
            continue
        choices = field.get("choices")
        if isinstance(choices, dict):
            return [str(number) for number in choices if str(number) not in account.words.statuses]
        if isinstance(choices, list):
            numbers = [ident(obj(each).get("id")) or ident(obj(each).get("value")) for each in choices]
            return [number for number in numbers if number and number not in account.words.statuses]
    return []
