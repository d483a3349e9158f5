"""What is written to Planfix: each attempt is one POST, with the files uploaded before it.

A 200 may name fields that it did not change (`failures`), and 202 says that the change waits until the task is free:
so the task is read afterwards.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from connectors.content import destroyed, sized_html
from connectors.planfix import calls, mapping, probes, rendering
from connectors.planfix.account import Account
from connectors.planfix.asking import API, HEADERS, LATER, NOT_US, USED_UP, Json, code_of, decoded, get, obj, objects
from connectors.planfix.calls import is_task_id
from connectors.planfix.mapping import as_uuid, ident, text
from connectors.sdk import (
    Attachment,
    AuthenticationError,
    Blob,
    Call,
    Done,
    Effect,
    Forbidden,
    HttpRequest,
    HttpResponse,
    Intent,
    NotSent,
    Operation,
    Outcome,
    Part,
    Progress,
    Receipt,
    Rejected,
    Throttled,
    TransportError,
    Unauthorized,
    Unknown,
    Visibility,
    WriteContext,
    classify,
    excerpt,
    retry_after,
    unmapped,
    wholly,
)
from gateway.errors import ThrottledError, UnmappedError

#: step of a creation: the task is there; a status is one of its process, which is known only now
CREATED = "created"


class _RefusedError(Exception):
    """A read or an upload before the write did not bring what it needs; nothing was written."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


def write(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Render and send one update."""
    try:
        match intent.operation:
            case Operation.CREATE if CREATED in context.steps:
                status = {"status": intent.fields["status"]}
                only = Intent(Operation.SET_FIELDS, status, version=intent.version)
                rest = _set_fields(account, only, str(context.steps[CREATED]))
                return (yield from wholly(intent, partial(rendering.fields, account), rest, apart={"status"}))
            case Operation.CREATE:
                creation = _create(account, intent, context)
                return (yield from wholly(intent, partial(rendering.fields, account), creation, apart={"status"}))
            case Operation.SET_FIELDS if is_task_id(context.remote_id):
                writing = _set_fields(account, intent, context.remote_id)
                return (yield from wholly(intent, partial(rendering.fields, account), writing, apart={"status"}))
            case Operation.PUBLIC_REPLY | Operation.INTERNAL_NOTE if is_task_id(context.remote_id):
                return (yield from _comment(account, intent, context))
            case Operation.NOTIFY | Operation.ATTACH | Operation.UNDO:
                return Rejected(f"Planfix has no operation {intent.operation}")
            case _:
                return Rejected(f"{context.remote_id!r} is not the number of a task of Planfix")
    except UnmappedError as error:
        return unmapped(error)
    except _RefusedError as error:
        return error.outcome


def _request(path: str, payload: dict[str, Any], label: str) -> HttpRequest:
    return HttpRequest("POST", API + path, Effect.WRITE, headers=dict(HEADERS), json=payload, label=label)


def _create(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    task = rendering.fields(account, intent)
    task["name"] = rendering.name_of(intent)
    task["sourceObjectId"] = as_uuid(context.effect_key)
    params = intent.params
    if params.get("project"):
        task["project"] = {"id": rendering.project(account, str(params["project"]))}
    if params.get("template"):
        task["template"] = {"id": int(params["template"])}
    if params.get("process"):
        task["processId"] = int(params["process"])
    asked = intent.fields.get("requester")
    address = text(asked.get("email")).strip() if isinstance(asked, dict) else ""
    if account.requester_field and address:
        field = {"field": {"id": int(account.requester_field)}, "value": address}
        task["customFieldData"] = [*task.get("customFieldData", ()), field]
    task |= yield from _files(intent.attachments)
    response = yield _request("/task/", task, "create")
    refused = refusal(response)
    if refused is not None:
        return refused
    number = ident((decoded(response) or {}).get("id"))
    if not number:
        return Unknown(f"Planfix's answer names no task: {excerpt(response)}")
    receipt = yield from _receipt(account, number)
    return Progress({CREATED: number}, receipt) if "status" in intent.fields else Done(receipt)


def _receipt(account: Account, number: str) -> Call[Receipt]:
    """Read a task that we made; what it cannot tell now a later read will: the creation landed."""
    changes = (f"created:{number}",)
    bare = Receipt(remote_id=number, key=number, url=f"{account.base}/task/{number}", change_ids=changes)
    try:
        data = yield from calls.task_data(account, number)
    except (TransportError, AuthenticationError):
        return bare
    made = mapping.task(data, account, at=mapping.EPOCH) if data is not None else None
    return rendering.receipt_of(made, change_ids=changes) if made is not None else bare


def _set_fields(account: Account, intent: Intent, remote_id: str) -> Call[Outcome]:
    task = rendering.fields(account, intent)
    if "status" in intent.fields or "body" in intent.fields:
        data = yield from _task_first(account, remote_id)
        if "status" in intent.fields:
            task["status"] = {"id": (yield from _status(account, intent, data))}
        before = text(data.get("description"))
        if "body" in intent.fields and destroyed(mapping.words(before), mapping.words(task["description"])):
            # something of it would be gone: it stays, and ours stands below it
            task["description"] = before if task["description"] in before else f"{before}{task['description']}"
        elif "body" in intent.fields:
            task["description"] = sized_html(task["description"], before)
    if not task:
        return Done()
    response = yield _request(f"/task/{remote_id}", task, "set fields")
    refused = refusal(response)
    if refused is not None:
        return refused
    failures = _failures(response)
    if failures:
        return Rejected(f"Planfix answered {response.status} and did not change {failures}")
    try:
        after = yield from calls.task_data(account, remote_id)
    except (TransportError, AuthenticationError) as error:
        return Unknown(f"written, but it could not be read back: {error}")
    found = mapping.task(after, account, at=mapping.EPOCH) if after is not None else None
    if after is None or found is None:
        return Unknown("written, but the task is not there any more, or out of our sight")
    kept = {"description": task.get("description")} if "description" in task else {}
    wrong = [
        name
        for name in probes.wrong_fields(account, intent, after)
        if name != "description" or text(after.get("description")) != kept["description"]
    ]
    if not wrong:
        return Done(rendering.receipt_of(found))
    own = response.status == 200 and (decoded(response) is not None or not response.body.strip())
    if not own:
        return Unknown(f"Planfix answered {response.status}: {', '.join(wrong)} may still be changed")
    return Rejected(f"Planfix answered 200 and did not set {', '.join(sorted(wrong))}: the process may not allow it")


def _failures(response: HttpResponse) -> str:
    """Return what a 200 says that it did not do: a list, or one by itself as in the documentation's example."""
    said = (decoded(response) or {}).get("failures")
    items = objects(said) or ([said] if isinstance(said, dict) else [])
    return "; ".join(f"{text(item.get('field'))}: {text(item.get('error'))}" for item in items)


def _status(account: Account, intent: Intent, data: Json) -> Call[int]:
    """Return the id of a status in the process of the task."""
    names = account.status_words(intent.fields["status"])
    try:
        number, _ = yield from calls.status_id(account, ident(data.get("processId")), names)
    except ThrottledError as error:
        raise _RefusedError(Throttled(str(error), error.seconds)) from error
    except AuthenticationError as error:
        raise _RefusedError(Unauthorized(str(error))) from error
    except TransportError as error:
        raise _RefusedError(NotSent(f"the statuses could not be read first: {error}")) from error
    return number


def _task_first(account: Account, remote_id: str) -> Call[Json]:
    """Read a task before something is written to it."""
    request = get(f"/task/{remote_id}", "read first", fields=calls.task_fields(account), sourceId=account.source_id)
    response = yield request
    if response.status == 404 or code_of(response) == 1000:
        raise _RefusedError(Rejected(f"there is no task {remote_id} in Planfix: {excerpt(response)}"))
    refused = refusal(response)
    if isinstance(refused, Unauthorized | Throttled | Forbidden):
        raise _RefusedError(refused)
    data = obj((decoded(response) or {}).get("task"))
    if refused is not None or not data:
        raise _RefusedError(NotSent(f"Planfix did not answer what is read first: {excerpt(response)}"))
    return data


def _comment(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    said = intent.comment
    if said is None:
        return Rejected("this update has no comment")
    if intent.operation is Operation.PUBLIC_REPLY and said.visibility is not Visibility.PUBLIC:
        return Rejected("an internal comment is never written for everybody")
    public = rendering.is_public(intent)
    payload: dict[str, Any] = {
        "description": rendering.html(said.body),
        "isHidden": not public,
        "sourceId": account.source_id,
        "sourceObjectId": as_uuid(context.effect_key),
    }
    if public and account.notify_customer:
        data = yield from _task_first(account, context.remote_id)
        contact = mapping.requester(data, account)
        if contact is not None and contact.role == "customer" and contact.external_id:
            payload["recipients"] = {"users": [{"id": contact.external_id}]}
    payload |= yield from _files(intent.attachments)
    response = yield _request(f"/task/{context.remote_id}/comments/", payload, intent.operation.value)
    refused = refusal(response)
    if refused is not None:
        return refused
    number = ident((decoded(response) or {}).get("id"))
    if not number:
        return Unknown(f"Planfix's answer names no comment: {excerpt(response)}")
    ids = tuple(str(file["id"]) for file in payload.get("files", ()))
    receipt = Receipt(
        remote_id=context.remote_id,
        change_ids=(f"comment:{number}", number),
        comment_id=number,
        file_ids=ids,
    )
    return Done(receipt)


def _files(attachments: tuple[Attachment, ...]) -> Call[dict[str, Any]]:
    """Upload files, which nobody sees until a task or a comment names them."""
    found = []
    for each in attachments:
        part = Part("file", Blob(each.sha256, each.size), each.name, each.mime)
        response = yield HttpRequest(
            "POST", f"{API}/file/", Effect.STAGE, headers=dict(HEADERS), parts=(part,), label="upload"
        )
        number = ident((decoded(response) or {}).get("id"))
        refused = refusal(response)
        if refused is not None or not number:
            raise _RefusedError(refused or Unknown(f"the upload has no id: {excerpt(response)}"))
        found.append({"id": int(number)})
    return {"files": found} if found else {}


def refusal(response: HttpResponse) -> Outcome | None:
    """Classify an answer by its code, then by the default table; a refusal has Planfix's own sentence."""
    code = code_of(response)
    said = text((decoded(response) or {}).get("error"))
    if code in NOT_US:
        return Unauthorized(excerpt(response))
    if code == USED_UP:
        return Throttled(excerpt(response), retry_after(response) or LATER)
    outcome = classify(response)
    if outcome is None and (decoded(response) or {}).get("result") == "fail":
        outcome = Rejected(excerpt(response))
    if isinstance(outcome, Rejected):
        return Rejected(f"HTTP {response.status}, code {code}: {said}"[:500] if said else excerpt(response))
    return outcome
