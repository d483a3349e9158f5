"""What is written to Redmine: each attempt is one POST or one PUT, with the files uploaded before it.

PUT answers 204 whatever it did: a status that the workflow does not allow, a field that our role may not set and a note
that it may not add are dropped without a word. So the issue is read afterwards, and its journals say what landed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from connectors.redmine import calls, covering, mapping, probes, rendering
from connectors.redmine.account import Account
from connectors.redmine.asking import HEADERS, Json, decoded, get, is_issue_id, obj
from connectors.redmine.mapping import ident, text
from connectors.redmine.texts import rewritten, write_text
from connectors.sdk import (
    Attachment,
    AuthenticationError,
    Blob,
    Call,
    Category,
    Conflict,
    Done,
    Effect,
    Forbidden,
    HttpRequest,
    HttpResponse,
    Intent,
    NotSent,
    Operation,
    Outcome,
    Progress,
    Rejected,
    Throttled,
    TransportError,
    Unauthorized,
    Unknown,
    Visibility,
    WriteContext,
    about_fields,
    classify,
    excerpt,
    refused_of,
    retry_after,
    unmapped,
    wholly,
)
from gateway.domain.shown import CUSTOM
from gateway.errors import ThrottledError, UnmappedError

T = TypeVar("T")

#: step of a creation: the issue is there, and what it could not be born with is left
CREATED = "created"


#: our fields, by the labels with which Redmine's sentences begin
LABELS = {
    "Subject": "title",
    "Description": "body",
    "Status": "status",
    "Priority": "priority",
    "Assignee": "assignee",
    "Tracker": "kind",
    "Project": "queue",
}


class _RefusedError(Exception):
    """A read or an upload before the write did not bring what it needs; nothing was written."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


def write(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:  # noqa: PLR0911 - one an operation
    """Render and send one update."""
    try:
        match intent.operation:
            case Operation.CREATE if CREATED in context.steps:
                return (yield from wholly(intent, partial(rendering.words, account), _finish(account, intent, context)))
            case Operation.CREATE:
                return (yield from wholly(intent, partial(rendering.words, account), _create(account, intent, context)))
            case Operation.SET_FIELDS if is_issue_id(context.remote_id):
                writing = _set_fields(account, intent, context)
                return (yield from wholly(intent, partial(rendering.words, account), writing, apart={"body"}))
            case Operation.PUBLIC_REPLY | Operation.INTERNAL_NOTE if is_issue_id(context.remote_id):
                return (yield from _note(account, intent, context))
            case Operation.UNDO:
                return (yield from _take_back(account, intent))
            case Operation.NOTIFY | Operation.ATTACH:
                return Rejected(f"Redmine has no operation {intent.operation}")
            case _:
                return Rejected(f"{context.remote_id!r} is not the number of an issue of Redmine")
    except UnmappedError as error:
        return unmapped(error)
    except _RefusedError as error:
        return error.outcome


def _request(method: str, path: str, issue: Mapping[str, Any], label: str) -> HttpRequest:
    return HttpRequest(method, path, Effect.WRITE, headers=dict(HEADERS), json={"issue": dict(issue)}, label=label)


def _create(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    given = rendering.words(account, intent)
    given.setdefault("subject", rendering.subject(text(intent.fields.get("body"))))
    for name in ("project", "tracker"):
        if intent.params.get(name):
            given[name] = str(intent.params[name])
    if not given.get("project"):
        return Rejected("an issue of Redmine needs a project: give `create: {project: …}` in the sync rule")
    issue = yield from _names(account, given)
    names = rendering.file_names(intent.attachments)
    if text(intent.fields.get("body")):
        issue["description"] = write_text(text(intent.fields["body"]), account.formatting, names)
    if intent.params.get("private") is True:
        yield from _private_issue(account, issue)
    if intent.params.get("category_id"):
        issue["category_id"] = int(intent.params["category_id"])
    fields = list(issue.pop("custom_fields", []))
    for number, value in ((account.ticket_marker, context.effect_key), (account.requester_field, _address(intent))):
        if number and value:
            fields.append({"id": int(number), "value": value})
    if fields:
        issue["custom_fields"] = fields
    uploads = yield from _uploads(intent.attachments)
    response = yield _request("POST", "/issues.json", {**issue, **uploads}, "create")
    refused = refusal(response)
    if refused is not None:
        return refused
    data = obj((decoded(response) or {}).get("issue"))
    made = mapping.issue(data, account, at=mapping.EPOCH)
    if made is None:
        return Unknown(f"Redmine's answer is no issue: {excerpt(response)}")
    account.account_id = account.account_id or ident(obj(data.get("author")).get("id"))
    receipt = rendering.receipt_of(made, change_ids=(f"created:{made.remote_id}",))
    left = _left(intent, issue, data)
    return Progress({CREATED: made.remote_id, **left}, receipt) if left else Done(receipt)


def _left(intent: Intent, issue: Mapping[str, Any], data: Json) -> dict[str, Any]:
    """Return what an issue could not be born with, as steps for the next attempt."""
    if probes.is_in_the_open(intent, data):
        return {probes.EXPOSED: True}
    # a new issue may have only some statuses, and nobody who is not a member may have it
    return {"later": later} if (later := sorted(probes.wrong_fields(_settable(issue), data))) else {}


def _private_issue(account: Account, issue: dict[str, Any]) -> Call[None]:
    """Make a new issue private, where it would be."""
    if not (yield from _asked(calls.may_hide_issues(account, str(issue["project_id"])))):
        msg = "our role in that project lacks `Set issues public or private`: Redmine would make a public issue"
        raise _RefusedError(Rejected(msg))
    issue["is_private"] = True


def _settable(issue: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in issue.items() if name in {"status_id", "assigned_to_id"}}


def _address(intent: Intent) -> str:
    asked = intent.fields.get("requester")
    return text(asked.get("email")).strip() if isinstance(asked, dict) else ""


def _finish(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Set what the issue could not be born with; one that was to be private and is not comes to nothing else."""
    issue, number = (
        _settable((yield from _names(account, rendering.words(account, intent)))),
        str(context.steps[CREATED]),
    )
    if context.steps.get(probes.EXPOSED):
        data = yield from _issue_first(number)
        may = yield from _asked(calls.may_hide_issues(account, ident(obj(data.get("project")).get("id"))))
        if probes.is_in_the_open(intent, data) and not may:
            return Rejected(probes.issue_in_the_open(number))
        issue["is_private"] = True
    return (yield from _put(account, intent, number, issue, context.first_sent_at))


def _set_fields(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    issue = yield from _names(account, rendering.words(account, intent))
    if "body" in intent.fields:
        issue["description"] = yield from _description(account, intent, context.remote_id)
    if not issue:
        return Done()
    return (yield from _put(account, intent, context.remote_id, issue, context.first_sent_at))


def _description(account: Account, intent: Intent, remote_id: str) -> Call[str]:
    """Return the description to write: files that the old one shows, and those whom it calls, stay what they are.

    One of which something would be gone all the same is kept, and ours stands below.
    """
    data = yield from _issue_first(remote_id)
    before = text(data.get("description")).replace("\r\n", "\n").strip()
    return rewritten(before, text(intent.fields["body"]), account.formatting, mapping.file_refs(data))


def _put(
    account: Account, intent: Intent, remote_id: str, issue: dict[str, Any], first: datetime | None
) -> Call[Outcome]:
    """Put the final state and read it back: 204 proves nothing."""
    response = yield _request("PUT", f"/issues/{remote_id}.json", issue, "set fields")
    refused = refusal(response)
    if refused is not None:
        return about_fields(refused, refused_fields(intent, response))
    try:
        if not account.account_id:
            yield from calls.whoami(account)
        data = yield from calls.issue_data(remote_id)
    except (TransportError, AuthenticationError) as error:
        return Unknown(f"written, but it could not be read back: {error}")
    found = mapping.issue(data, account, at=mapping.EPOCH) if data is not None else None
    if data is None or found is None:
        return Unknown("written, but the issue is not there any more, or out of our sight")
    since = first - probes.GRAIN if first else None
    wrong = [
        name for name in probes.wrong_fields(issue, data) if not probes.was_set(account, data, name, issue[name], since)
    ]
    if wrong and not _is_its_own(response):
        return Unknown(f"not an answer of Redmine, and not written: {excerpt(response)}")
    if wrong:
        return Rejected(
            f"Redmine answered {response.status} and did not set {', '.join(sorted(wrong))}: the workflow of our role "
            f"does not allow it from {mapping.name_of(data.get('status'))!r}, or the role may not set it"
        )
    return Done(rendering.receipt_of(found))


def _note(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    said = intent.comment
    if said is None:
        return Rejected("this update has no comment")
    if intent.operation is Operation.PUBLIC_REPLY and said.visibility is not Visibility.PUBLIC:
        return Rejected("an internal comment is never written for everybody")
    public = rendering.is_public(intent)
    if not public and intent.attachments:
        return Rejected("a file is seen by whoever sees the issue in Redmine: none goes with a private note")
    if not public:
        kept = yield from _kept_private(account, intent, context)
        if kept is not None:
            return kept
    names = rendering.file_names(intent.attachments)
    issue: dict[str, Any] = {
        "notes": write_text(said.body, account.formatting, names),
        "private_notes": not public,
    }
    if account.comment_marker:
        issue["custom_fields"] = [{"id": int(account.comment_marker), "value": context.effect_key}]
    uploads = yield from _uploads(intent.attachments)
    request = _request("PUT", f"/issues/{context.remote_id}.json", {**issue, **uploads}, intent.operation.value)
    response = yield request
    refused = refusal(response)
    return refused if refused is not None else (yield from _seen(account, intent, context, response))


def _seen(account: Account, intent: Intent, context: WriteContext, response: HttpResponse) -> Call[Outcome]:
    """Look for a note behind Redmine's 204, which it answers whatever it did."""
    try:
        if not account.account_id:
            yield from calls.whoami(account)
        data = yield from calls.issue_data(context.remote_id)
    except (TransportError, AuthenticationError) as error:
        return Unknown(f"written, but it could not be read back: {error}")
    open_to_all = probes.exposed(account, data, intent, context) if data is not None else []
    if open_to_all:
        receipt = probes.receipt_of_note(open_to_all[-1], context.remote_id)
        return Progress({probes.EXPOSED: receipt.comment_id}, receipt)
    there = probes.mine(account, data, intent, context) if data is not None else []
    if not there and not _is_its_own(response):
        return Unknown(f"not an answer of Redmine, and no such note: {excerpt(response)}")
    if not there:
        return Rejected("Redmine answered 204 and shows no such note: our role lacks `Add notes`")
    return Done(probes.receipt_of_note(there[-1], context.remote_id))


def _is_its_own(response: HttpResponse) -> bool:
    """Say whether a 2xx is Redmine's: it has no body. Anything else may be a proxy's, and the write still under way."""
    return response.status in {200, 204} and not response.body.strip()


def _kept_private(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome | None]:
    """Say why a note cannot be kept private, or cover one that stands in the open; None when it can be written."""
    data = yield from _issue_first(context.remote_id, include=calls.INCLUDE)
    may = yield from _asked(calls.may_keep_private(account, ident(obj(data.get("project")).get("id"))))
    seen = [said for said in probes.exposed(account, data, intent, context) if probes.is_surely_ours(said, context)]
    if seen:
        return (yield from covering.cover(account, seen[0], context.remote_id, hide=may))
    if may:
        return None
    name = mapping.name_of(data.get("project"))
    return Rejected(f"our role in {name!r} lacks `Set notes as private`: Redmine would show the note to everybody")


def _issue_first(remote_id: str, **params: str) -> Call[Json]:
    """Read an issue before something is written to it."""
    response = yield get(f"/issues/{remote_id}.json", "read first", **params)
    if response.status == 404:
        raise _RefusedError(Rejected(f"there is no issue {remote_id} in Redmine: {excerpt(response)}"))
    if not response.ok:
        raise _RefusedError(_unsent(response))
    return obj((decoded(response) or {}).get("issue"))


def _names(account: Account, given: Mapping[str, Any]) -> Call[dict[str, Any]]:
    """Look up the ids of names."""
    return (yield from _asked(rendering.resolved(account, given)))


def _asked(call: Call[T]) -> Call[T]:
    """Read something before a write; what goes wrong there means that nothing was written."""
    try:
        return (yield from call)
    except ThrottledError as error:
        raise _RefusedError(Throttled(str(error), error.seconds)) from error
    except AuthenticationError as error:
        raise _RefusedError(Unauthorized(str(error))) from error
    except TransportError as error:
        raise _RefusedError(NotSent(f"what is read first did not come: {error}")) from error


def _uploads(attachments: tuple[Attachment, ...]) -> Call[dict[str, Any]]:
    """Upload files, which nobody sees until an issue names their tokens (Rest_api, "Attaching files")."""
    tokens = []
    for each in attachments:
        response = yield HttpRequest(
            "POST",
            "/uploads.json",
            Effect.STAGE,
            {"filename": each.name},
            {**HEADERS, "Content-Type": "application/octet-stream"},
            body=Blob(each.sha256, each.size),
            label="upload",
        )
        token = text(obj((decoded(response) or {}).get("upload")).get("token"))
        if not response.ok or not token:
            raise _RefusedError(refusal(response) or NotSent(f"the upload has no token: {excerpt(response)}"))
        tokens.append({"token": token, "filename": each.name, "content_type": each.mime})
    return {"uploads": tokens} if tokens else {}


def _take_back(account: Account, intent: Intent) -> Call[Outcome]:
    """Reject a second copy of an issue; done already, or gone, is as good."""
    copy = str(intent.params.get("copy") or "")
    if intent.params.get("of") != Operation.CREATE.value or not is_issue_id(copy):
        return Rejected("a note is left to a person: others may have read it already")
    try:
        data = yield from calls.issue_data(copy)
    except TransportError as error:
        return NotSent(f"the copy could not be read first: {error}")
    word = account.words[Category.CANCELLED]
    if data is None or mapping.name_of(data.get("status")).lower() == word.lower():
        return Done()
    issue = yield from _names(account, {"status": word})
    return (yield from _put(account, intent, copy, issue, None))


def _unsent(response: HttpResponse) -> Outcome:
    """Classify a read before a write that brought nothing: nothing was sent."""
    if response.status == 401:
        return Unauthorized(excerpt(response))
    if response.status == 403:
        return Forbidden(excerpt(response))
    if response.status == 429:
        return Throttled(excerpt(response), retry_after(response))
    return NotSent(f"Redmine did not answer what is read first: {excerpt(response)}")


def refused_fields(intent: Intent, response: HttpResponse) -> tuple[str, ...]:
    """Return the fields of an intent that Redmine's sentences begin with: `Assignee is invalid`.

    It says them in the language of our account, whose English labels are known here; a custom field has its own name.
    """
    errors = (decoded(response) or {}).get("errors")
    said = [text(each) for each in errors] if isinstance(errors, list) else []
    labels = {**LABELS, **{name.removeprefix(CUSTOM): name for name in intent.fields if name.startswith(CUSTOM)}}
    named = [label for label in labels for each in said if each.startswith(f"{label} ")]
    return refused_of(intent, named, labels)


def refusal(response: HttpResponse) -> Outcome | None:
    """Classify what is not 2xx by the default table; a refusal has Redmine's own sentences."""
    outcome = classify(response)
    if not isinstance(outcome, Rejected):
        return outcome
    errors = (decoded(response) or {}).get("errors")
    if response.status == 422 and errors == []:
        # two changes of an issue at once: the later one is given up without a word (ActiveRecord::StaleObjectError)
        return Conflict("the issue was changed by somebody else in the same moment, and Redmine took nothing of ours")
    said = "; ".join(text(each) for each in errors if text(each)) if isinstance(errors, list) else ""
    return Rejected(f"HTTP {response.status}: {said}"[:500] if said else excerpt(response))
