"""What is written to Jira: at most one request with effect an attempt.

Jira knows neither keys nor conditional writes, so a create and a comment carry our effect key as an entity property,
set by the same request. A status is no field: it is changed by a transition, which is a request of its own, so that a
change of both is two attempts with a `Progress` between them. Fields and status are read first: what holds already is
not written again.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from connectors.jira import counting, described, files, mapping, rendering, words
from connectors.jira.asking import (
    ask,
    ask_list,
    complaint,
    decoded,
    get,
    is_issue_id,
    issue_path,
    issue_request,
)
from connectors.jira.calls import own_account
from connectors.jira.mapping import Json, ident, obj, objects, text
from connectors.jira.options import Options
from connectors.sdk import (
    AuthenticationError,
    Call,
    Conflict,
    Done,
    Effect,
    HttpRequest,
    HttpResponse,
    Intent,
    NotSent,
    Operation,
    Outcome,
    Progress,
    Reason,
    Receipt,
    Rejected,
    TransportError,
    Unknown,
    WriteContext,
    about_fields,
    classify,
    refused_of,
    retry_after,
    unmapped,
    wholly,
)
from gateway.errors import ThrottledError, UnmappedError

#: the type of the custom field that makes an issue of a service project a customer's request
REQUEST_TYPE = "com.atlassian.servicedesk:vp-origin"
#: fields as Jira's errors name them
OURS = {"summary": "title", "description": "body", "issuetype": "kind", "labels": "tags"}
#: fields without which an issue is better than none, where its project has them not or we may not set them
OPTIONAL = frozenset({"reporter", "priority", "labels", "assignee"})


#: what is written beside the fields of an issue, or looked up first
_APART = frozenset({"status", "body", "assignee"})


def write(options: Options, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Render and send one update."""
    try:
        if intent.operation is Operation.CREATE:
            creation = _create(options, intent, context)
            return (yield from wholly(intent, partial(rendering.fields, options), creation, apart=_APART))
        if intent.operation is Operation.NOTIFY:
            return Rejected("Jira is no channel for notifications")
        if not is_issue_id(context.remote_id):
            return Rejected(f"{context.remote_id!r} is not the number of an issue")
        if intent.operation is Operation.ATTACH:
            return (yield from files.attach(options, intent, context))
        if intent.comment is not None:
            return (yield from _comment(options, intent, context))
        writing = _set(options, intent, context, context.remote_id)
        return (yield from wholly(intent, partial(rendering.fields, options), writing, apart=_APART))
    except UnmappedError as error:
        return unmapped(error)


def refusal(response: HttpResponse) -> Outcome | None:
    """Classify what is not 2xx by the default table, but for 409: somebody else is changing the issue just now."""
    if response.status in {409, 423}:
        return NotSent(complaint(response), retry_after(response))
    outcome = classify(response)
    return Rejected(complaint(response)) if isinstance(outcome, Rejected | Conflict) else outcome


# ---------------------------------------------------------------- create


def _create(options: Options, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Create the issue; where its status is to be another than a new one's, that is a second attempt."""
    made = ident(context.steps.get("issue"))
    if made:
        return (yield from _set(options, _status_alone(intent), context, made, lenient=True))
    type_field = yield from _type_field(options, intent)
    body = rendering.new_issue(options, intent, context, type_field)
    people = {"reporter": intent.fields.get("requester"), "assignee": intent.fields.get("assignee")}
    for name, value in people.items():
        if name not in body["fields"]:
            account = yield from _account(options, obj(value))
            body["fields"] |= {name: rendering.user(options, account)} if account else {}
    without = context.steps.get("without") or ()
    body["fields"] = {name: value for name, value in body["fields"].items() if name not in without}
    response = yield HttpRequest(
        "POST", f"{options.api}/issue", Effect.WRITE, headers={"Accept": "application/json"}, json=body, label="create"
    )
    refused = refusal(response)
    if refused is not None:
        refusable = set(obj(obj(decoded(response)).get("errors"))) & set(body["fields"])
        if response.status == 400 and refusable and refusable <= OPTIONAL:
            return Progress({"without": sorted({*without, *refusable})})
        return refused
    number = ident(obj(decoded(response)).get("id"))
    if not number:
        return Unknown(f"Jira's answer is no issue: {complaint(response)}")
    key = text(obj(decoded(response)).get("key"))
    receipt = Receipt(remote_id=number, key=key, url=f"{options.base}/browse/{key}" if key else "")
    data = yield from _seen(options, number)
    if data is None:
        return Done(receipt)
    receipt = rendering.receipt_of(options, data)
    if "status" in intent.fields and not _stands(options, intent.fields["status"], data):
        return Progress({"issue": number}, receipt)
    return Done(receipt)


def _status_alone(intent: Intent) -> Intent:
    return msgspec.structs.replace(
        intent, operation=Operation.SET_FIELDS, fields={"status": intent.fields.get("status")}
    )


def _type_field(options: Options, intent: Intent) -> Call[str]:
    """Return the custom field of the request type, where the rule gives one: its number differs from site to site."""
    if not intent.params.get("request_type"):
        return ""
    if options.request_type_field:
        return options.request_type_field
    for each in (yield from ask_list(get(f"{options.api}/field", "look for the request type's field"))):
        if obj(each.get("schema")).get("custom") == REQUEST_TYPE:
            return text(each.get("id"))
    msg = "Jira has no field for request types: name it as request_type_field, or leave request_type out"
    raise UnmappedError(msg)


def _account(options: Options, given: Json) -> Call[str]:
    """Return the account of a person: the one that is named, else the only one with exactly their address."""
    account, email = text(given.get("external_id")).strip(), text(given.get("email")).strip().lower()
    if account or not email:
        return account
    params = {"query" if options.cloud else "username": email, "maxResults": "10"}
    found = yield from ask_list(get(f"{options.api}/user/search", "look for a person", **params), {400, 403, 404})
    same = {mapping.account_of(each) for each in found if text(each.get("emailAddress")).strip().lower() == email}
    return same.pop() if len(same) == 1 else ""


# ---------------------------------------------------------------- fields and status


def _set(
    options: Options, intent: Intent, context: WriteContext, number: str, *, lenient: bool = False
) -> Call[Outcome]:
    """Set fields, then the status; an issue that is done with is opened first, as many workflows then allow no edits.

    A `lenient` one leaves the status alone where no transition leads to it: the issue itself is there.
    """
    data = yield from ask(issue_request(options, number, "read the fields"), none=frozenset({403, 404}))
    if data is None:
        return Rejected(f"issue {number} is not there, or we may not see it")
    wanted = yield from _wanted(options, intent, data)
    fields = {} if context.steps.get("fields") else {
        name: value for name, value in wanted.items() if not rendering.holds(data, {name: value})
    }  # fmt: skip
    way: Json | None = None
    status = intent.fields.get("status")
    moves = "status" in intent.fields and not context.steps.get("status") and not _stands(options, status, data)
    if context.first_sent_at is not None and (fields or moves):
        # an earlier attempt may have landed: what it set is not set again over what a person made of it since
        us = yield from own_account(options)
        ours = counting.written_since((yield from counting.history(options, number)), us, context.first_sent_at)
        fields = {name: value for name, value in fields.items() if _value(value) not in ours.get(name, ())}
        moves = moves and not ours.get("status", set()) & set(rendering.status_words(options, status))
    if moves:
        found = yield from _way(options, number, status, data)
        if isinstance(found, str):
            if lenient:
                return Done(rendering.receipt_of(options, data))
            return Rejected(found, Reason.UNMAPPED, ("status",))
        way = found or None
    opens = way is not None and _category(options, data) in words.ENDED and rendering.meaning(status) not in words.ENDED
    if way is not None and (opens or not fields):
        return about_fields((yield from _transit(options, number, way, status, more=bool(fields))), ("status",))
    if not fields:
        return Done(rendering.receipt_of(options, data))
    response = yield HttpRequest(
        "PUT",
        issue_path(options, number),
        Effect.WRITE,
        headers={"Accept": "application/json"},
        json={"fields": fields},
        label="set fields",
    )
    outcome = yield from _landed(options, number, response, {"fields": True} if way is not None else {})
    return about_fields(outcome, refused_of(intent, obj(obj(decoded(response)).get("errors")), OURS))


def _value(value: Any) -> str:
    """Return a field's value as the history has it."""
    if isinstance(value, list):
        return " ".join(value)
    return next((text(each) for each in obj(value).values()), "") if isinstance(value, dict) else text(value)


def _wanted(options: Options, intent: Intent, data: Json) -> Call[dict[str, Any]]:
    """Return the fields as they are to be. A text that Markdown cannot show whole is added to, never replaced."""
    wanted = rendering.fields(options, intent)
    given = obj(intent.fields.get("assignee"))
    if given and "assignee" not in wanted:
        account = yield from _account(options, given)
        if not account:
            msg = f"nobody in Jira has exactly the address {text(given.get('email'))!r}, so the issue is not assigned"
            raise UnmappedError(msg, field="assignee")
        wanted["assignee"] = rendering.user(options, account)
    if "body" in intent.fields:
        wanted["description"] = described.description(options, data, text(intent.fields["body"]))
    return wanted


def _category(options: Options, data: Json) -> Any:
    found = mapping.status_of(obj(data.get("fields")).get("status"), options)
    return None if found is msgspec.UNSET else found.category


def _stands(options: Options, wanted: Any, data: Json) -> bool:
    """Say whether an issue has a status already: its own word where one is asked for, else one that means the same."""
    there = mapping.status_of(obj(data.get("fields")).get("status"), options)
    if there is msgspec.UNSET:
        return False
    native = text(obj(wanted).get("native")).strip()
    if native:
        return there.native.lower() == native.lower()
    first = rendering.status_words(options, wanted)
    return there.category is rendering.meaning(wanted) or there.native.lower() == first[0].lower()


def _way(options: Options, number: str, status: Any, data: Json) -> Call[Json | str]:
    """Choose the transition that leads to a status; empty: it is near enough already; a text: why there is none."""
    request = get(f"{issue_path(options, number)}/transitions", "read transitions", expand="transitions.fields")
    body = yield from ask(request)
    ways = objects((body or {}).get("transitions"))
    found = rendering.transition_to(options, status, ways)
    if found is not None:
        return found
    if _category(options, data) in words.NEAREST.get(rendering.meaning(status), ()):
        return {}
    now = text(obj(obj(data.get("fields")).get("status")).get("name"))
    there = ", ".join(sorted({f"{text(each.get('name'))} ({text(obj(each.get('to')).get('name'))})" for each in ways}))
    wanted = ", ".join(rendering.status_words(options, status)[:3])
    return f"no transition leads from {now!r} to {wanted} for us; there are: {there or 'none'}"[:500]


def _transit(options: Options, number: str, way: Json, status: Any, *, more: bool) -> Call[Outcome]:
    """Take one transition, with the resolution where its screen has one and the work is to end."""
    body: dict[str, Any] = {"transition": {"id": text(way.get("id")) or ident(way.get("id"))}}
    screen = obj(way.get("fields"))
    category = rendering.meaning(status)
    if "resolution" in screen and category in words.ENDED:
        word = rendering.resolution_for(options, category, obj(screen["resolution"]))
        if word:
            body["fields"] = {"resolution": {"name": word}}
    needed = [
        text(obj(each).get("name")) or name
        for name, each in screen.items()
        if obj(each).get("required") is True and obj(each).get("hasDefaultValue") is not True
        and name not in obj(body.get("fields"))
    ]  # fmt: skip
    if needed:
        name = text(way.get("name"))
        return Rejected(f"the transition {name!r} asks for {', '.join(needed)}, which we do not have", Reason.UNMAPPED)
    response = yield HttpRequest(
        "POST",
        f"{issue_path(options, number)}/transitions",
        Effect.WRITE,
        headers={"Accept": "application/json"},
        json=body,
        label="set status",
    )
    return (yield from _landed(options, number, response, {"status": True} if more else {}))


def _landed(options: Options, number: str, response: HttpResponse, steps: dict[str, Any]) -> Call[Outcome]:
    """Read the answer to a change, which has no body, and how the issue looks now."""
    refused = refusal(response)
    if refused is not None:
        return refused
    if response.body.strip() and not isinstance(decoded(response), dict):
        return Unknown(f"Jira's answer to a change is no answer of Jira: {complaint(response)}")
    data = yield from _seen(options, number)
    receipt = rendering.receipt_of(options, data) if data is not None else Receipt(remote_id=number)
    return Progress(steps, receipt) if steps else Done(receipt)


def _seen(options: Options, number: str) -> Call[Json | None]:
    """Read the issue after a write. The write has landed, whatever this read says."""
    try:
        return (yield from ask(issue_request(options, number, "read it back")))
    except (TransportError, AuthenticationError, ThrottledError):
        return None


# ---------------------------------------------------------------- comments


def _comment(options: Options, intent: Intent, context: WriteContext) -> Call[Outcome]:
    response = yield HttpRequest(
        "POST",
        f"{issue_path(options, context.remote_id)}/comment",
        Effect.WRITE,
        headers={"Accept": "application/json"},
        json=rendering.comment(options, intent, context),
        label=intent.operation.value,
    )
    refused = refusal(response)
    if refused is not None:
        return refused
    found = obj(decoded(response))
    number = ident(found.get("id"))
    if not number:
        return Unknown(f"Jira's answer is no comment: {complaint(response)}")
    at = mapping.moment(found.get("created"))
    return Done(Receipt(remote_id=context.remote_id, comment_id=number, change_ids=(number,), at=at))
