"""What is written to GitLab: one POST or one PUT each, and how it can be found again.

GitLab takes no idempotency key. An issue and a note of ours end with our key in a comment of HTML, which it keeps and
shows nobody. Files are uploaded first, which is seen by nobody either, and named in the text. An issue is read before
its fields are set, and only what differs is sent.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import msgspec

from connectors.gitlab import mapping, rendering, texts
from connectors.gitlab.account import Account
from connectors.gitlab.asking import (
    ACCEPT,
    API,
    complaint,
    decoded,
    issue_path,
    project_path,
    record,
    waiting,
)
from connectors.gitlab.mapping import Json, ident, moment, obj, parts, text
from connectors.gitlab.reads import issue, major, user_by
from connectors.sdk import (
    Blob,
    Call,
    Done,
    Effect,
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
    Unknown,
    WriteContext,
    about_fields,
    classify,
    excerpt,
    refused_of,
    unmapped,
    wholly,
)
from gateway.errors import UnmappedError

#: fields as GitLab's errors name them
OURS = {"description": "body", "state_event": "status", "assignee_ids": "assignee", "assignees": "assignee"}
#: ours that are labels there, and what its errors call these
LABELLED = ("status", "priority", "tags")
LABELS = ("labels", "add_labels", "remove_labels", "label_ids")
#: what an error in words is about: `assignee_ids is invalid`
_ABOUT = re.compile(r"\b([a-z_]+)(?=,| is | are | does | has )")
#: from this version on a note is `internal`; before it was `confidential`
INTERNAL_SINCE = 16


def write(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Render and send one update."""
    writing = _write(account, intent, context)
    return (yield from wholly(intent, partial(rendering.told, account), writing, apart={"body", "assignee"}))


def _write(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    try:
        want = rendering.wanted(account, intent)
        yield from _assignee(intent, want)
    except UnmappedError as error:
        return unmapped(error)
    if intent.operation is Operation.CREATE:
        return (yield from _create(account, intent, context, want))
    if intent.operation is Operation.UNDO:
        return (yield from _take_back(intent, context))
    where = parts(context.remote_id)
    if where is None or intent.operation is Operation.NOTIFY:
        return Rejected(f"{context.remote_id!r} is not the name of an issue (project-number)")
    if intent.comment is not None:
        return (yield from _comment(account, intent, context, where))
    return (yield from _set(account, intent, context, want))


def _assignee(intent: Intent, want: rendering.Wanted) -> Call[None]:
    """Look up an assignee who is known by e-mail only; raises UnmappedError for one who is nobody there."""
    given = obj(intent.fields.get("assignee"))
    email = text(given.get("email"))
    if want.assignee is not None or not given or (intent.operation is Operation.CREATE and not email):
        return
    if not email:
        msg = f"{text(given.get('external_id'))!r} is not the id of a user of GitLab"
        raise UnmappedError(msg, field="assignee")
    found = yield from user_by(email)
    if not found:
        msg = f"not one user of GitLab shows the e-mail {email!r}"
        raise UnmappedError(msg, field="assignee")
    want.assignee = found


def _uploads(intent: Intent, project: str) -> Call[dict[str, str] | Outcome]:
    """Upload the files of an intent; returns the Markdown that shows each, by hash, or why nothing can be written."""
    found: dict[str, str] = {}
    for file in intent.attachments:
        mime = file.mime if file.mime.isascii() and "/" in file.mime else "application/octet-stream"
        part = Part("file", Blob(file.sha256, file.size), filename=file.name, mime=mime)
        path = f"{API}{project_path(project)}/uploads"
        response = yield HttpRequest("POST", path, Effect.STAGE, {}, ACCEPT, parts=(part,), label="upload a file")
        refused = refusal(response)
        if refused is not None and not isinstance(refused, Unknown):
            return refused
        made = record(response)
        url = text(made.get("url"))
        if refused is not None or not url:
            # nothing that anybody sees has happened yet
            return NotSent(f"an upload did not come through: {excerpt(response)}")
        found[file.sha256] = texts.link(file.name, url, picture=text(made.get("markdown")).startswith("!"))
    return found


def _create(account: Account, intent: Intent, context: WriteContext, want: rendering.Wanted) -> Call[Outcome]:
    project = str(intent.params.get("project") or "")
    queue = text(intent.fields.get("queue"))
    project = project or (queue if queue in account.projects else account.projects[0])
    if context.steps.get("created"):
        return (yield from _set(account, intent, msgspec.structs.replace(context, remote_id=context.steps["created"]),
                                rendering.Wanted(state=mapping.CLOSED)))  # fmt: skip
    files = yield from _uploads(intent, project)
    if not isinstance(files, dict):
        return files
    body = texts.written(text(intent.fields.get("body")) or text(intent.fields.get("title")), files)
    labels = sorted({*want.add, *(want.tags or ()), *_listed(intent.params.get("labels"))})
    given: dict[str, Any] = {
        "title": want.title or rendering.title(body.partition("\n")[0]),
        "description": texts.marked(body, context.effect_key),
        **({"labels": ",".join(labels)} if labels else {}),
        **({"assignee_ids": [int(want.assignee)]} if want.assignee else {}),
        **({"confidential": True} if intent.params.get("confidential") is True else {}),
        **({"issue_type": "incident"} if intent.params.get("issue_type") == "incident" else {}),
    }
    path = f"{API}{project_path(project)}/issues"
    response = yield HttpRequest("POST", path, Effect.WRITE, {}, ACCEPT, json=given, label="create")
    refused = refusal(response)
    if refused is not None:
        return refused
    made = record(response)
    if texts.mark(text(made.get("description"))) != context.effect_key or not ident(made.get("iid")):
        return Unknown(f"GitLab's answer is not the issue that was made: {excerpt(response)}")
    receipt = rendering.receipt(account, made)
    if want.state == mapping.CLOSED:
        # an issue is born open: a second attempt closes it
        return Progress({"created": receipt.remote_id}, receipt)
    return Done(receipt)


def _listed(value: Any) -> list[str]:
    return [rendering.tag(str(one)) for one in value] if isinstance(value, list | tuple) else []


def _comment(account: Account, intent: Intent, context: WriteContext, where: tuple[str, str]) -> Call[Outcome]:
    public = rendering.is_public(intent)
    files = yield from _uploads(intent, where[0])
    if not isinstance(files, dict):
        return files
    modern = public or (yield from major(account)) >= INTERNAL_SINCE
    words = texts.written(intent.comment.body if intent.comment else "", files)
    given: dict[str, Any] = {"body": texts.marked(words, context.effect_key)}
    if not public:
        given["internal" if modern else "confidential"] = True
    path = f"{API}{issue_path(*where)}/notes"
    response = yield HttpRequest("POST", path, Effect.WRITE, {}, ACCEPT, json=given, label=intent.operation.value)
    refused = refusal(response)
    if refused is not None:
        return refused
    made = record(response)
    number = ident(made.get("id"))
    if not number or texts.mark(text(made.get("body"))) != context.effect_key:
        return Unknown(f"GitLab's answer is not the note that was written: {excerpt(response)}")
    if not public and mapping.visibility(made).value != "internal":
        return Rejected(f"GitLab wrote note {number} for everybody and not as an internal one: delete it there")
    return Done(Receipt(remote_id=context.remote_id, comment_id=number, change_ids=(number,),
                        at=moment(made.get("created_at"))))  # fmt: skip


def _set(account: Account, intent: Intent, context: WriteContext, want: rendering.Wanted) -> Call[Outcome]:
    data = yield from issue(context.remote_id, "read what is to be changed")
    if data is None:
        return Rejected(f"issue {context.remote_id} is not there, or out of our sight")
    given = rendering.difference(account, want, data)
    if "body" in intent.fields and intent.operation is Operation.SET_FIELDS:
        given |= _body(intent, data, (parts(context.remote_id) or ("", ""))[0])
    if not given:
        return Done(rendering.receipt(account, data))
    where = parts(context.remote_id) or ("", "")
    path = f"{API}{issue_path(*where)}"
    response = yield HttpRequest("PUT", path, Effect.WRITE, {}, ACCEPT, json=given, label="set fields")
    refused = refusal(response)
    if refused is not None:
        return about_fields(refused, refused_fields(intent, response))
    made = record(response)
    read = mapping.ticket(made, account, at=mapping.EPOCH)
    if read is None or read.remote_id != context.remote_id:
        return Unknown(f"GitLab's answer is not the issue that was written: {excerpt(response)}")
    left = sorted(rendering.difference(account, want, made))
    if left:
        return Rejected(
            f"GitLab took the request and did not do {', '.join(left)}: the account needs the role Reporter"
        )
    return Done(rendering.receipt(account, made))


def _body(intent: Intent, data: Json, project: str) -> dict[str, str]:
    """Return a new description that keeps our mark, where the issue is one of ours."""
    there = text(data.get("description"))
    new = texts.rewritten(there, text(intent.fields.get("body")), project)
    return {} if texts.alike(new, there) else {"description": new}


def _take_back(intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Close a second copy of an issue, delete a second copy of a note of ours; gone already is as good."""
    copy = str(intent.params.get("copy") or "")
    if intent.params.get("of") == Operation.CREATE.value:
        data = yield from issue(copy, "read the copy")
        where = parts(copy)
        if data is None or where is None or mapping.state_of(data) == mapping.CLOSED:
            return Done()
        path = f"{API}{issue_path(*where)}"
        given = {"state_event": "close", "add_labels": "gateway::double"}
        response = yield HttpRequest("PUT", path, Effect.WRITE, {}, ACCEPT, json=given, label="undo")
        return refusal(response) or (Done() if isinstance(decoded(response), dict) else Unknown(excerpt(response)))
    where = parts(context.remote_id)
    if where is None or not ident(copy):
        return Rejected("there is no such note")
    response = yield HttpRequest(
        "DELETE", f"{API}{issue_path(*where)}/notes/{copy}", Effect.WRITE, {}, ACCEPT, label="undo"
    )
    return Done() if response.status in {204, 404} else refusal(response) or Unknown(excerpt(response))


def refused_fields(intent: Intent, response: HttpResponse) -> tuple[str, ...]:
    """Return the fields of an intent that GitLab refuses: the keys of `message`, or named in the words of `error`.

    Of labels only where one alone of our fields is one.
    """
    body = record(response)
    named = [*obj(body.get("message")), *_ABOUT.findall(text(body.get("error")))]
    labelled = [field for field in LABELLED if field in intent.fields]
    labels = dict.fromkeys(LABELS, labelled[0]) if len(labelled) == 1 else {}
    return refused_of(intent, named, {**OURS, **labels})


def refusal(response: HttpResponse) -> Outcome | None:
    """Classify what is not 2xx by the default table, with GitLab's own words."""
    outcome = classify(response)
    if isinstance(outcome, Throttled):
        return Throttled(complaint(response), waiting(response))
    if isinstance(outcome, Rejected):
        return msgspec.structs.replace(outcome, detail=complaint(response))
    return outcome
