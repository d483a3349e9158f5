"""What is written to Dynamics 365: each write is one request, and can be sent again.

What we make has an id of ours (`ids.py`), and is made only if there is none with it (`If-None-Match: *`). Columns are
set only if the case is as it was read a moment before (`If-Match`); without that header a PATCH would even make a case
that is gone. 412 has three meanings: made already, changed meanwhile, a duplicate by the organization's own rules.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from connectors.dynamics365 import batching, mapping, probes, rendering
from connectors.dynamics365.account import ACTIVE, CANCELLED, RESOLVED, Account
from connectors.dynamics365.asking import code, complaint, decoded, request
from connectors.dynamics365.batching import Change
from connectors.dynamics365.ids import guid, guid_of
from connectors.dynamics365.mapping import Json, number, obj, text
from connectors.dynamics365.people import OWNER, Customer, customer_of, owner_of, team_id
from connectors.dynamics365.reads import PEOPLE, case_row, columns
from connectors.sdk import (
    AuthenticationError,
    Blob,
    Call,
    Conflict,
    Done,
    Effect,
    Found,
    HttpResponse,
    Intent,
    NotSent,
    Operation,
    Outcome,
    Receipt,
    Rejected,
    TransportError,
    Unknown,
    Visibility,
    WriteContext,
    about_fields,
    classify,
    excerpt,
    refused_of,
    unmapped,
    wholly,
)
from gateway.domain.shown import CUSTOM
from gateway.errors import UnmappedError

#: a record that looks like another one, by a rule of the organization [D3]
DUPLICATE = "0x80040333"
RETURN = "return=representation"


#: our fields behind Dataverse's columns
OURS = {
    "description": "body",
    "statuscode": "status",
    "statecode": "status",
    "prioritycode": "priority",
    "casetypecode": "kind",
}
#: "Invalid property 'x' was found …", "The value 9 of 'prioritycode' on record of type 'incident' is outside …"
_QUOTED = re.compile(r"'(\w+)'")
#: "systemuser With Id = … Does Not Exist": nobody else is named in a change of fields
_NO_OWNER = re.compile(r"\b(systemuser|team)s?'? With Id = ", re.IGNORECASE)
NO_OWNER = "owner"


#: what is looked up: one owner stands for both
_OWNER = frozenset({"queue", "assignee"})


def write(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Render and send one update."""
    try:
        if intent.operation is Operation.CREATE:
            creation = _create(account, intent, context)
            return (yield from wholly(intent, partial(rendering.fields, account), creation, apart=_OWNER))
        if intent.operation is Operation.NOTIFY:
            return Rejected("Dynamics 365 is no channel for notifications")
        case = guid(context.remote_id)
        if not case:
            return Rejected(f"{context.remote_id!r} is not the id of a case")
        if intent.operation is Operation.ATTACH:
            return (yield from _attach(account, intent, context, case))
        if intent.comment is not None:
            return (yield from _note(account, intent, context, case))
        if intent.operation is Operation.SET_FIELDS:
            writing = _set(account, intent, case)
            return (yield from wholly(intent, partial(rendering.fields, account), writing, apart=_OWNER))
    except UnmappedError as error:
        return unmapped(error)
    return Rejected(f"Dynamics 365 has no operation {intent.operation}")


def refusal(response: HttpResponse) -> Outcome | None:
    """Classify what is not 2xx by the default table; a refusal says why in Dataverse's words."""
    outcome = classify(response)
    if isinstance(outcome, Conflict) and code(response) == DUPLICATE:
        return Rejected(complaint(response))
    return Rejected(complaint(response)) if isinstance(outcome, Rejected) else outcome


def refused_fields(account: Account, intent: Intent, response: HttpResponse) -> tuple[str, ...]:
    """Return the fields of an intent whose columns Dataverse names in its sentence, or whose owner is not there."""
    said = text(obj((decoded(response) or {}).get("error")).get("message"))
    shown = (name.removeprefix(CUSTOM) for name in intent.fields if name.startswith(CUSTOM))
    custom = {account.field_names.get(name, ""): CUSTOM + name for name in shown}
    owner = "assignee" if intent.fields.get("assignee") or "queue" not in intent.fields else "queue"
    named = [*_QUOTED.findall(said), *([NO_OWNER] if _NO_OWNER.search(said) else [])]
    return refused_of(intent, named, {**OURS, **custom, NO_OWNER: owner})


# ---------------------------------------------------------------- making


def _create(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    record = rendering.fields(account, intent)
    # nothing is born resolved or cancelled: that follows in the same transaction
    ended = record.pop("statecode", ACTIVE) != ACTIVE
    code_ = record.pop("statuscode", None) if ended else None
    record.setdefault("title", rendering.title(text(intent.fields.get("body")))[:80] or rendering.NO_TEXT)
    record |= yield from owner_of(account, intent)
    if intent.params.get("team") and OWNER not in record:
        record[OWNER] = f"/teams({(yield from team_id(account, str(intent.params['team'])))})"
    if intent.params.get("origin") is not None:
        record["caseorigincode"] = int(intent.params["origin"])
    customer = yield from customer_of(account, obj(intent.fields.get("requester")))
    record |= customer.columns
    found = guid_of(context.effect_key)
    if customer.contact or code_ is not None:
        after = _ending(account, intent, found, code_) if code_ is not None else []
        return (yield from _create_with(account, intent, context, customer, [_new(found, record), *after]))
    params = {"$select": columns(account), "$expand": PEOPLE}
    response = yield _making(f"incidents({found})", "create", record, params)
    made = yield from _made(account, intent, context, response)
    if made is not None:
        return made
    case = mapping.ticket(account, decoded(response) or {}, at=mapping.EPOCH)
    if case is None or case.remote_id != found:
        return Unknown(f"Dynamics 365's answer is not the case that was made: {excerpt(response)}")
    return Done(probes.receipt_of(case))


def _new(found: str, record: dict[str, Any]) -> Change:
    return ("PATCH", f"incidents({found})", {"If-None-Match": "*"}, record)


def _ending(account: Account, intent: Intent, case: str, code_: int) -> list[Change]:
    """Return the change that resolves or cancels a case."""
    if rendering.state_of(account, code_) != RESOLVED:
        ended = {"statecode": CANCELLED, "statuscode": code_}
        return [("PATCH", f"incidents({case})", {"If-Match": "*"}, ended)]
    return [("POST", "CloseIncident", {}, _resolution(intent, case, code_))]


def _resolution(intent: Intent, case: str, code_: int) -> dict[str, Any]:
    resolution = {
        "@odata.type": "Microsoft.Dynamics.CRM.incidentresolution",
        "subject": rendering.title(text(intent.fields.get("title"))) or "Resolved",
        "incidentid@odata.bind": f"/incidents({case})",
    }
    return {"IncidentResolution": resolution, "Status": code_}


def _create_with(
    account: Account, intent: Intent, context: WriteContext, customer: Customer, changes: list[Change]
) -> Call[Outcome]:
    """Make a case, and the contact whose it is, in one transaction."""
    found = guid_of(context.effect_key)
    if customer.contact:
        changes = [("PATCH", f"contacts({customer.id})", {"If-None-Match": "*"}, customer.contact), *changes]
    response = yield batching.change_set(account, found, changes, "create")
    answer = batching.answer_of(response, len(changes))
    if answer is None:
        return Unknown(f"Dynamics 365's answer is none to a change set: {excerpt(response)}")
    made = yield from _made(account, intent, context, answer)
    if isinstance(made, Unknown) and answer.status == 412:
        # nothing of the set is made: somebody else has just made the contact, which the next attempt finds
        return NotSent(complaint(answer))
    if made is not None:
        return made
    return Done((yield from _seen(account, found)))


def _seen(account: Account, case: str) -> Call[Receipt]:
    """Return what a case that was written reads like now. The write has landed, whatever this read says."""
    bare = Receipt(remote_id=case, url=mapping.case_url(account, case))
    try:
        row = yield from case_row(account, case)
    except (TransportError, AuthenticationError):
        return bare
    found = mapping.ticket(account, row or {}, at=mapping.EPOCH)
    return probes.receipt_of(found) if found is not None else bare


def _making(path: str, label: str, record: dict[str, Any], params: dict[str, str]) -> Any:
    headers = {"If-None-Match": "*"}
    return request("PATCH", path, label, Effect.WRITE, json=record, headers=headers, params=params, prefer=RETURN)


def _made(account: Account, intent: Intent, context: WriteContext, response: HttpResponse) -> Call[Outcome | None]:
    """Return what became of a record that was to be made where the answer is not that record.

    412 says that there is one with its id: an earlier attempt of ours arrived. Unless it is a duplicate by other means.
    """
    if response.status != 412:
        return refusal(response)
    try:
        finding = yield from probes.probe(account, intent, context)
    except (TransportError, AuthenticationError):
        return Unknown(complaint(response))
    if isinstance(finding, Found):
        return Done(finding.receipt)
    return refusal(response) if code(response) == DUPLICATE else Unknown(complaint(response))


def _note(account: Account, intent: Intent, context: WriteContext, case: str) -> Call[Outcome]:
    if rendering.is_public(intent) and not account.web_prefix:
        return Rejected("no note reaches customers here: name the portal's `web_prefix:` in gateway.yaml")
    found = guid_of(context.effect_key)
    record = {
        "notetext": rendering.note_text(account, intent),
        "objectid_incident@odata.bind": f"/incidents({case})",
    }
    response = yield _making(f"annotations({found})", intent.operation.value, record, {"$select": "annotationid"})
    made = yield from _made(account, intent, context, response)
    if made is not None:
        return made
    if guid((decoded(response) or {}).get("annotationid")) != found:
        return Unknown(f"Dynamics 365's answer is not the note that was made: {excerpt(response)}")
    return Done(Receipt(comment_id=found, change_ids=(found, f"comment:{found}")))


def _attach(account: Account, intent: Intent, context: WriteContext, case: str) -> Call[Outcome]:
    """Put one file on a case, as a note that holds nothing else."""
    if not intent.attachments:
        return Rejected("no file is to be put there")
    file = intent.attachments[0]
    public = file.visibility is Visibility.PUBLIC and bool(account.web_prefix)
    found = guid_of(context.effect_key)
    record = {
        "isdocument": True,
        "filename": file.name[:255],
        "mimetype": file.mime[:256],
        "documentbody": Blob(file.sha256, file.size),
        "objectid_incident@odata.bind": f"/incidents({case})",
        **({"notetext": account.web_prefix} if public else {}),
    }
    response = yield _making(f"annotations({found})", "attach", record, {"$select": "annotationid"})
    made = yield from _made(account, intent, context, response)
    if made is not None:
        return made
    if guid((decoded(response) or {}).get("annotationid")) != found:
        return Unknown(f"Dynamics 365's answer is not the file that was put there: {excerpt(response)}")
    return Done(Receipt(file_ids=(found,), change_ids=(found, f"comment:{found}")))


# ---------------------------------------------------------------- changing


def _set(account: Account, intent: Intent, case: str) -> Call[Outcome]:
    record = rendering.fields(account, intent)
    record |= yield from owner_of(account, intent)
    if not record:
        return Done()
    before = yield from case_row(account, case)
    if before is None:
        return Rejected(f"case {case} is not there, or out of our sight")
    etag = text(before.get("@odata.etag")) or "*"
    if "description" in record:
        record["description"] = rendering.added(
            text(before.get("description")), record["description"], longest=account.description_length
        )
    same = all(number(before.get(name)) == record.get(name) for name in ("statecode", "statuscode"))
    if same:
        # a state that is set again would count as a change
        record = {name: value for name, value in record.items() if name not in {"statecode", "statuscode"}}
    if not record:
        there = mapping.ticket(account, before, at=mapping.EPOCH)
        return Done(probes.receipt_of(there)) if there is not None else Done()
    if record.get("statecode") != RESOLVED or number(before.get("statecode")) == RESOLVED:
        return (yield from _patched(account, intent, case, record, etag))
    return (yield from _closed(account, intent, case, record, etag))


def _patched(account: Account, intent: Intent, case: str, record: Json, etag: str) -> Call[Outcome]:
    params = {"$select": columns(account), "$expand": PEOPLE}
    headers = {"If-Match": etag}
    response = yield request(
        "PATCH", f"incidents({case})", "set_fields", Effect.WRITE, json=record, headers=headers, params=params,
        prefer=RETURN,
    )  # fmt: skip
    refused = refusal(response)
    if refused is not None:
        return about_fields(refused, refused_fields(account, intent, response))
    found = mapping.ticket(account, decoded(response) or {}, at=mapping.EPOCH)
    if found is None or found.remote_id != case:
        return Unknown(f"Dynamics 365's answer is not the case that was written: {excerpt(response)}")
    return Done(probes.receipt_of(found))


def _closed(account: Account, intent: Intent, case: str, record: dict[str, Any], etag: str) -> Call[Outcome]:
    """Resolve a case, with whatever else is set, in one transaction."""
    code_ = record.pop("statuscode")
    record.pop("statecode")
    action = _resolution(intent, case, code_)
    answer: HttpResponse | None
    if record:
        first: Change = ("PATCH", f"incidents({case})", {"If-Match": etag}, record)
        changes: list[Change] = [first, ("POST", "CloseIncident", {}, action)]
        response = yield batching.change_set(account, case, changes, "set_fields")
        answer = batching.answer_of(response, len(changes))
        if answer is None:
            return Unknown(f"Dynamics 365's answer is none to a change set: {excerpt(response)}")
    else:
        answer = yield request("POST", "CloseIncident", "set_fields", Effect.WRITE, json=action)
        if answer.ok and answer.status != 204:
            return Unknown(f"Dynamics 365's answer is none to CloseIncident: {excerpt(answer)}")
    refused = refusal(answer)
    if refused is not None:
        return about_fields(refused, refused_fields(account, intent, answer))
    return Done((yield from _seen(account, case)))
