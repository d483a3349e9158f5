"""What is written to Salesforce: each write is one request, and says how it can be found again.

A create is an upsert by our own external id, so it can be sent twice and makes one case. Fields are set only if the
case is as it was read a moment before (`If-Unmodified-Since`, by the second: the strongest condition that cases have).
A comment has no field of ours, so it is known by words, author and time.
"""

from __future__ import annotations

from email.utils import format_datetime
from functools import partial
from typing import Any

import msgspec

from connectors.salesforce import files, mapping, probes, rendering
from connectors.salesforce.account import Account
from connectors.salesforce.asking import (
    ABSENT,
    ask,
    complaint,
    decoded,
    quoted,
    request,
    select,
    soql,
)
from connectors.salesforce.ids import full_id, is_case_id
from connectors.salesforce.mapping import Json, moment, obj, objects, said_true, text
from connectors.salesforce.owners import owner_of, queue_id
from connectors.salesforce.reads import case_row
from connectors.salesforce.refusing import refusal, refused_fields
from connectors.sdk import (
    AuthenticationError,
    Call,
    Conflict,
    Done,
    Effect,
    Found,
    HttpResponse,
    Intent,
    Operation,
    Outcome,
    Receipt,
    Rejected,
    TransportError,
    Unknown,
    WriteContext,
    about_fields,
    excerpt,
    unmapped,
    wholly,
)
from gateway.errors import UnmappedError

#: what is looked up: one owner stands for both
_OWNER = frozenset({"queue", "assignee"})


def write(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Render and send one update."""
    try:
        if intent.operation is Operation.CREATE:
            creation = _create(account, intent, context)
            return (yield from wholly(intent, partial(rendering.fields, account), creation, apart=_OWNER))
        if intent.operation is Operation.NOTIFY:
            return Rejected("Salesforce is no channel for notifications")
        number = full_id(context.remote_id)
        if not is_case_id(number):
            return Rejected(f"{context.remote_id!r} is not the id of a case")
        if intent.operation is Operation.ATTACH:
            return (yield from files.attach(account, intent, context))
        if intent.comment is not None:
            return (yield from _comment(account, intent, number))
        if intent.operation is Operation.SET_FIELDS:
            writing = _set(account, intent, number)
            return (yield from wholly(intent, partial(rendering.fields, account), writing, apart=_OWNER))
    except UnmappedError as error:
        return unmapped(error)
    return Rejected(f"Salesforce has no operation {intent.operation}")


# ---------------------------------------------------------------- create


def _create(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    record = rendering.fields(account, intent)
    record.setdefault("Subject", rendering.subject(text(intent.fields.get("body")))[:80])
    record |= yield from owner_of(account, intent)
    record |= yield from _params(account, intent.params, record)
    record |= yield from _requester(account, obj(intent.fields.get("requester")))
    path = f"{account.root}/sobjects/Case/{account.key_field}/{context.effect_key}"
    headers = {"Sforce-Auto-Assign": "FALSE"} if "OwnerId" in record else {}
    response = yield request("PATCH", path, "create", Effect.WRITE, json=record, headers=headers)
    if response.status == 300:
        # the field is not unique, and an earlier attempt of ours has landed more than once
        return (yield from _landed_before(account, intent, context, response))
    refused = refusal(response)
    if refused is not None:
        return refused
    number = full_id(text(obj(decoded(response)).get("id")))
    if response.status == 204:
        # orgs with an older version say nothing of a record that was there already
        return (yield from _landed_before(account, intent, context, response))
    if not number or not said_true(obj(decoded(response)).get("success")):
        return Unknown(f"Salesforce's answer is no case: {excerpt(response)}")
    return Done((yield from _seen(account, number)))


def _landed_before(account: Account, intent: Intent, context: WriteContext, response: HttpResponse) -> Call[Outcome]:
    try:
        finding = yield from probes.probe(account, intent, context)
    except (TransportError, AuthenticationError):
        return Unknown(excerpt(response))
    return Done(finding.receipt) if isinstance(finding, Found) else Unknown(excerpt(response))


def _params(account: Account, params: Json, record: Json) -> Call[dict[str, Any]]:
    """Return what `create:` of a sync rule adds."""
    found: dict[str, Any] = {}
    if params.get("queue") and "OwnerId" not in record:
        found["OwnerId"] = yield from queue_id(account, str(params["queue"]))
    for name, field in (("origin", "Origin"), ("type", "Type"), ("record_type", "RecordTypeId")):
        if params.get(name) and field not in record:
            found[field] = str(params[name])
    return found


def _requester(account: Account, asked: Json) -> Call[dict[str, Any]]:
    """Return the contact with that e-mail, and what was said of the person; a contact is never made by us.

    An account of theirs at this desk is used as it is. Where two contacts have the address, none is meant.
    """
    number = full_id(text(asked.get("external_id")))
    if number.startswith("003"):
        return {"ContactId": number}
    email, name = text(asked.get("email")).strip(), text(asked.get("name")).strip()
    supplied = {"SuppliedEmail": email[:80], "SuppliedName": name[:80], "SuppliedPhone": text(asked.get("phone"))[:40]}
    found: dict[str, Any] = {field: value for field, value in supplied.items() if value}
    if email:
        query = soql("Id", "Contact", f"Email = {quoted(email)}", limit=2)
        body = yield from ask(select(account, query, "look for the contact"), none=ABSENT)
        rows = objects(obj(body).get("records"))
        if len(rows) == 1:
            found["ContactId"] = full_id(text(rows[0].get("Id")))
    return found


# ---------------------------------------------------------------- change


def _set(account: Account, intent: Intent, number: str) -> Call[Outcome]:
    record = rendering.fields(account, intent)
    record |= yield from owner_of(account, intent)
    if not record:
        return Done()
    before = yield from case_row(account, number)
    if before is None or said_true(before.get("IsDeleted")):
        return Rejected(f"case {number} is deleted, or out of our sight")
    path = f"{account.root}/sobjects/Case/{number}"
    read_at = moment(before.get("LastModifiedDate"))
    headers = {"If-Unmodified-Since": format_datetime(read_at, usegmt=True)} if read_at else {}
    response = yield request("PATCH", path, "set_fields", Effect.WRITE, json=record, headers=headers)
    if response.status == 412:
        return Conflict(f"case {number} was changed while it was written to: {complaint(response)}")
    refused = refusal(response)
    if refused is not None:
        return about_fields(refused, refused_fields(account, intent, response))
    if response.status != 204:
        return Unknown(f"Salesforce's answer is not that of a written case: {excerpt(response)}")
    return Done((yield from _seen(account, number)))


def _comment(account: Account, intent: Intent, number: str) -> Call[Outcome]:
    record = {
        "ParentId": number,
        "CommentBody": rendering.comment_body(intent),
        "IsPublished": rendering.is_public(intent),
    }
    path = f"{account.root}/sobjects/CaseComment"
    response = yield request("POST", path, intent.operation.value, Effect.WRITE, json=record)
    refused = refusal(response)
    if refused is not None:
        return refused
    body = obj(decoded(response))
    made = full_id(text(body.get("id")))
    if response.status != 201 or not made or body.get("success") is not True:
        return Unknown(f"Salesforce's answer is no comment: {excerpt(response)}")
    return Done(Receipt(comment_id=made, change_ids=(made, f"comment:{made}")))


def _seen(account: Account, number: str) -> Call[Receipt]:
    """Return what a case that was written reads like now. The write has landed, whatever this read says."""
    bare = Receipt(remote_id=number, url=mapping.case_url(account, number))
    try:
        row = yield from case_row(account, number)
    except (TransportError, AuthenticationError):
        return bare
    found = mapping.ticket(account, row, at=mapping.EPOCH) if row is not None else None
    if found is None:
        return bare
    return msgspec.structs.replace(
        bare,
        key=found.key,
        version=found.version,
        version_token=found.version_token,
        observed=found,
        at=found.updated_at,
    )
