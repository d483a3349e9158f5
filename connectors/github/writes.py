"""What is written to GitHub: each write is one request, and says how it can be found again.

A create and a comment carry our effect key in a comment of Markdown, which GitHub keeps and does not show. A change of
fields, of labels and of the state is one request; the issue is read first, because GitHub sets all labels at once.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from connectors.github import mapping, probes, rendering
from connectors.github.asking import HEADERS, ask, complaint, decoded, get, issue_path, refusal
from connectors.github.mapping import Json, moment, number, obj, objects, text
from connectors.github.options import Options
from connectors.sdk import (
    Call,
    Done,
    Effect,
    HttpRequest,
    HttpResponse,
    Intent,
    Operation,
    Outcome,
    Progress,
    Receipt,
    Rejected,
    Unknown,
    Visibility,
    WriteContext,
    about_fields,
    refused_of,
    unmapped,
    wholly,
)
from gateway.errors import UnmappedError

#: fields as GitHub's errors name them
OURS = {"assignees": "assignee", "state_reason": "status", "state": "status"}
#: ours that are labels there
LABELLED = ("status", "priority", "kind", "tags")


#: what is written beside labels and state
_APART = frozenset({"title", "body", "assignee"})


def write(options: Options, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Render and send one update."""
    try:
        if intent.operation is Operation.CREATE:
            creation = _create(options, intent, context)
            return (yield from wholly(intent, partial(rendering.told, options), creation, apart={"assignee"}))
        if intent.operation is Operation.SET_FIELDS:
            writing = _set(options, intent, context, context.remote_id)
            return (yield from wholly(intent, partial(rendering.told, options), writing, apart=_APART))
        if intent.comment is not None and intent.operation is Operation.PUBLIC_REPLY:
            return (yield from _comment(intent, context))
    except UnmappedError as error:
        return unmapped(error)
    return Rejected(f"GitHub has no {intent.operation.value.replace('_', ' ')}")


def _send(method: str, path: str, body: dict[str, Any], label: str) -> HttpRequest:
    return HttpRequest(method, path, Effect.WRITE, headers=HEADERS, json=body, label=label)


def _create(options: Options, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Create the issue; one that is to be closed is closed by a second attempt."""
    made = text(context.steps.get("issue"))
    if made:
        return (yield from _set(options, probes.status_alone(intent), context, made))
    repository = rendering.repository_of(options, intent)
    body = rendering.new_issue(options, intent, context.effect_key)
    response = yield _send("POST", f"/repos/{repository}/issues", body, "create")
    refused = refusal(response)
    if refused is not None:
        return refused
    data = obj(decoded(response))
    if not number(data.get("number")):
        return Unknown(f"GitHub's answer is no issue: {complaint(response)}")
    receipt = rendering.receipt_of(options, data, repository)
    if rendering.wish_of(options, intent).state == "closed":
        return Progress({"issue": receipt.remote_id}, receipt)
    return Done(receipt)


def _set(options: Options, intent: Intent, context: WriteContext, remote_id: str) -> Call[Outcome]:
    path = issue_path(remote_id)
    if not path:
        return Rejected(f"{remote_id!r} is not the name of an issue: owner/name#number")
    repository = remote_id.rpartition("#")[0]
    data = yield from ask(get(path, "read the issue"), none=frozenset({301, 403, 404, 410}))
    if data is None:
        return Rejected(f"{remote_id} is not there: deleted, moved to another repository, or not for us to see")
    wanted = rendering.request_of(options, intent, data)
    if wanted and context.first_sent_at is not None:
        # an earlier attempt may have landed: what it set is not set again over what a person made of it since
        since = yield from probes.set_since(options, path, context.first_sent_at)
        wanted = rendering.request_of(options, probes.left_of(options, intent, data, since), data)
    if not wanted:
        return Done(rendering.receipt_of(options, data, repository))
    response = yield _send("PATCH", path, wanted, "set fields")
    refused = refusal(response)
    if refused is not None:
        return about_fields(refused, refused_fields(intent, response))
    found = obj(decoded(response))
    if number(found.get("number")) != number(data.get("number")):
        return Unknown(f"GitHub's answer is not the issue that was written: {complaint(response)}")
    dropped = _dropped(wanted, found)
    if dropped:
        words = "without the role Triage it drops labels and assignees, and nobody is assigned who may not be"
        return Rejected(f"GitHub answered that it is done, but has not set {', '.join(dropped)}: {words}")
    return Done(rendering.receipt_of(options, found, repository))


def refused_fields(intent: Intent, response: HttpResponse) -> tuple[str, ...]:
    """Return the fields of an intent of which GitHub's `errors` complain; of labels, where only one of ours is one."""
    named = [text(each.get("field")) for each in objects(obj(decoded(response)).get("errors"))]
    labelled = [field for field in LABELLED if field in intent.fields]
    return refused_of(intent, named, {**OURS, **({"labels": labelled[0]} if len(labelled) == 1 else {})})


def _dropped(wanted: dict[str, Any], found: Json) -> list[str]:
    """Return what GitHub has left out without a word."""
    return [name for name in ("labels", "assignees") if name in wanted and not _applied(found, name, wanted[name])]


def _applied(found: Json, name: str, wanted: list[str]) -> bool:
    if name == "labels":
        there = {each.lower() for each in mapping.label_names(found.get("labels"))}
        return {each.lower() for each in wanted} <= there
    return rendering.holds(found, name, wanted)


def _comment(intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Add a comment. Everybody who sees the issue reads it, so that an internal one is not written."""
    said = intent.comment
    if said is None or said.visibility is not Visibility.PUBLIC:
        return Rejected("GitHub has no internal comments: everybody who sees the issue reads them")
    path = issue_path(context.remote_id)
    if not path:
        return Rejected(f"{context.remote_id!r} is not the name of an issue: owner/name#number")
    body = mapping.marked(said.body.strip() or rendering.NO_TEXT, context.effect_key)
    response = yield _send("POST", f"{path}/comments", {"body": body}, "comment")
    refused = refusal(response)
    if refused is not None:
        return refused
    found = obj(decoded(response))
    named = number(found.get("id"))
    if not named:
        return Unknown(f"GitHub's answer is no comment: {complaint(response)}")
    at = moment(found.get("created_at"))
    return Done(Receipt(remote_id=context.remote_id, comment_id=str(named), change_ids=(str(named),), at=at))
