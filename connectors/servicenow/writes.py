"""What is written to ServiceNow: one POST or one PATCH each, and how it can be found again.

ServiceNow knows no idempotency key and no conditional write. A record of ours carries our key as `correlation_id`; a
comment is an entry in a journal, known by its words, its author, its journal and its time; columns are the same however
often they are written.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from connectors.sdk import (
    AuthenticationError,
    Call,
    Category,
    Done,
    Effect,
    Forbidden,
    Found,
    HttpRequest,
    HttpResponse,
    Intent,
    Operation,
    Outcome,
    Rejected,
    Throttled,
    TransportError,
    Unknown,
    Unsure,
    WriteContext,
    classify,
    excerpt,
    unmapped,
    wholly,
)
from connectors.servicenow import files, mapping, probes, rendering, texts
from connectors.servicenow.account import Account
from connectors.servicenow.asking import ACCEPT, API, PLAIN, complaint, decoded, waiting
from connectors.servicenow.mapping import Json, is_sys_id, obj, plain, text
from connectors.servicenow.reads import record, user_by
from gateway.errors import UnmappedError

#: words of a 403 that speak of the record and not of the account [S8]
_ABOUT_THE_RECORD = ("data policy", "business rule", "aborted", "mandatory", "invalid update", "invalid insert")


def write(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Render and send one update."""
    writing = _write(account, intent, context)
    return (yield from wholly(intent, partial(rendering.fields, account), writing, apart={"assignee"}))


def _write(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    try:
        columns = rendering.fields(account, intent)
        yield from _people(account, intent, columns)
    except UnmappedError as error:
        return unmapped(error)
    if intent.operation is Operation.CREATE:
        return (yield from _create(account, intent, context, columns))
    if intent.operation is Operation.UNDO:
        return (yield from _take_back(account, intent))
    if intent.operation is Operation.NOTIFY or not is_sys_id(context.remote_id):
        return Rejected(f"{context.remote_id!r} is not the sys_id of a ServiceNow record")
    if intent.operation is Operation.ATTACH:
        return (yield from files.attach(account, intent, context))
    if intent.comment is not None:
        return (yield from _comment(account, intent, context))
    if not columns:
        return Done()
    return (yield from _set(account, context.remote_id, columns))


def _people(account: Account, intent: Intent, columns: dict[str, str]) -> Call[None]:
    """Look up whom an intent names by e-mail only; raises UnmappedError for an assignee who is nobody there."""
    given = obj(intent.fields.get("assignee"))
    who = text(given.get("email"))
    if who and "assigned_to" not in columns:
        found = yield from user_by("email", who)
        if found is None:
            msg = f"not one user of ServiceNow has the e-mail {who!r}"
            raise UnmappedError(msg, field="assignee")
        columns["assigned_to"] = plain(found.get("sys_id"))
    if intent.operation is Operation.CREATE:
        asked = obj(intent.fields.get("requester"))
        caller, email = text(asked.get("external_id")), text(asked.get("email"))
        if not is_sys_id(caller) and email:
            known = yield from user_by("email", email)
            caller = plain((known or {}).get("sys_id"))
        caller = caller or str(intent.params.get("caller") or "")
        columns |= {account.requester: caller} if caller else {}


def _request(account: Account, path: str, columns: dict[str, Any], label: str, method: str = "PATCH") -> HttpRequest:
    params = {"sysparm_fields": mapping.columns(account), **PLAIN}
    url = f"{API}/table/{account.table}{path}"
    return HttpRequest(method, url, Effect.WRITE, params, ACCEPT, json=columns, label=label)


def _create(account: Account, intent: Intent, context: WriteContext, columns: dict[str, str]) -> Call[Outcome]:
    marker = mapping.MARKER_PREFIX + context.effect_key
    words = text(intent.fields.get("title")) or text(intent.fields.get("body"))
    columns.setdefault("short_description", rendering.title(account, words.strip().partition("\n")[0]))
    columns |= {"correlation_id": marker, "correlation_display": "Desk Gateway"}
    given = {str(name): str(value) for name, value in obj(intent.params.get("columns")).items()}
    if intent.params.get("group"):
        try:
            columns["assignment_group"] = rendering.group(account, str(intent.params["group"]))
        except UnmappedError as error:
            return unmapped(error)
    response = yield _request(account, "", {**given, **columns}, "create", "POST")
    refused = refusal(response)
    if refused is not None:
        return refused
    made = _record(response)
    if made is None or (plain(made.get("correlation_id")) != marker and "correlation_id" in made):
        return Unknown(f"ServiceNow's answer is not the record that was made: {excerpt(response)}")
    return Done(rendering.receipt(account, made))


def _set(account: Account, remote_id: str, columns: dict[str, str]) -> Call[Outcome]:
    if set(account.close) & set(columns):
        # what somebody wrote when they resolved it is theirs
        there = (yield from record(account, remote_id, "read how it was closed")) or {}
        columns = {
            name: value for name, value in columns.items() if name not in account.close or not plain(there.get(name))
        }
    if "description" in columns:
        before = plain(((yield from record(account, remote_id, "read the description")) or {}).get("description"))
        columns = {**columns, "description": texts.added(before, columns["description"])}
    response = yield _request(account, f"/{remote_id}", columns, "set fields")
    refused = refusal(response)
    if refused is not None:
        return refused
    data = _record(response, remote_id)
    if data is None:
        return Unknown(f"ServiceNow's answer is not the record that was written: {excerpt(response)}")
    left = rendering.differing(columns, data)
    if left:
        why = "the account may not write it, or a business rule sets it"
        return Rejected(f"ServiceNow took the request and left {', '.join(left)} another value: {why}")
    return Done(rendering.receipt(account, data))


def _comment(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Write one entry, then look for it in its journal: a 200 alone does not prove it (an access rule may drop it)."""
    columns = {rendering.element(intent): rendering.comment_text(intent)}
    response = yield _request(account, f"/{context.remote_id}", columns, intent.operation.value)
    refused = refusal(response)
    if refused is not None:
        return refused
    data = _record(response, context.remote_id)
    if data is None:
        return Unknown(f"ServiceNow's answer is not the record that was written: {excerpt(response)}")
    try:
        finding = yield from probes.commented(account, intent, context)
    except (TransportError, AuthenticationError):
        return Done(rendering.receipt(account, data))
    if isinstance(finding, Unsure):
        return Done(rendering.receipt(account, data))
    if not isinstance(finding, Found):
        return Unknown("ServiceNow took the request, and the entry is not in its journal")
    number = finding.receipt.comment_id
    return Done(rendering.receipt(account, data, comment_id=number, changes=(number,)))


def _take_back(account: Account, intent: Intent) -> Call[Outcome]:
    """Cancel a second copy of a record; cancelled already, or gone, is as good. An entry cannot be taken back."""
    copy = str(intent.params.get("copy") or "")
    if intent.params.get("of") != Operation.CREATE.value or not is_sys_id(copy):
        return Rejected("an entry in a journal stays for ever")
    data = yield from record(account, copy, "read the copy")
    word = account.of_table.words[Category.CANCELLED]
    if data is None or plain(data.get("state")) == word:
        return Done()
    note = "This is a second copy of a ticket, made in error by the gateway."
    return (yield from _set(account, copy, {"state": word, mapping.WORK_NOTES: note}))


def refusal(response: HttpResponse) -> Outcome | None:
    """Classify what is not 2xx by the default table, with ServiceNow's own words.

    403 is also what a data policy or a business rule says about the record [S8]: that is no matter of the account.
    """
    outcome = classify(response)
    if isinstance(outcome, Throttled):
        return Throttled(complaint(response), waiting(response))
    if isinstance(outcome, Forbidden):
        words = complaint(response)
        about = any(each in words.lower() for each in _ABOUT_THE_RECORD)
        return Rejected(words) if about else Forbidden(words)
    return Rejected(complaint(response)) if isinstance(outcome, Rejected) else outcome


def _record(response: HttpResponse, remote_id: str = "") -> Json | None:
    """Return the record in an answer; None where it is none, or another one."""
    found = obj((decoded(response) or {}).get("result"))
    sys_id = plain(found.get("sys_id"))
    return found if is_sys_id(sys_id) and remote_id in {"", sys_id} else None
