"""What is written to Intercom: each attempt is one POST or one PUT with an effect.

A new ticket bears our key in an attribute of its type. It is made in the first state of its type: another one is set by
a second write. A conversation takes a title, a state and somebody to have it by a write each.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from connectors.intercom import calls, mapping, probes, rendering
from connectors.intercom.account import Account
from connectors.intercom.asking import HEADERS, ask, decoded, get, is_id, path_part, wait_of
from connectors.intercom.mapping import Json, ident, obj, objects, text
from connectors.sdk import (
    Attachment,
    Blob,
    Call,
    Conflict,
    Done,
    Effect,
    Found,
    HttpRequest,
    HttpResponse,
    Intent,
    Operation,
    Outcome,
    Progress,
    Reason,
    Receipt,
    Rejected,
    Status,
    Throttled,
    Unknown,
    WriteContext,
    classify,
    excerpt,
    unmapped,
    wholly,
)
from gateway.errors import UnmappedError

#: files that one reply takes [2]
MOST_FILES = 10
#: nobody, where somebody is assigned
NOBODY = "0"


def write(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Render and send one update."""
    try:
        if intent.operation is Operation.NOTIFY:
            return Rejected("Intercom is no channel for notifications")
        if intent.operation is Operation.CREATE:
            creation = _create(account, intent, context)
            return (yield from wholly(intent, partial(rendering.attributes, account), creation, apart=_APART))
        if not is_id(context.remote_id):
            return Rejected(f"{context.remote_id!r} is not the id of a ticket or a conversation")
        data, at = yield from calls.located(account, context.remote_id)
        if data is None:
            return Rejected(f"Intercom has no ticket or conversation {context.remote_id}")
        me = yield from own_id(account)
        if intent.comment is not None:
            return (yield from _comment(intent, data, me))
        at = at or context.first_sent_at or mapping.ticket(data, account, at=mapping.EPOCH).updated_at  # type: ignore[union-attr]
        rendered = partial(rendering.attributes, account) if mapping.is_ticket(data) else _of_its_own
        writing = _set(account, intent, context, data, me, at)
        return (yield from wholly(intent, rendered, writing, apart=_APART, kept={"priority"}))
    except UnmappedError as error:
        return unmapped(error)


#: what is written beside the attributes of a ticket
_APART = frozenset({"status", "queue", "assignee"})


def _of_its_own(intent: Intent) -> dict[str, Any]:
    """Return what a conversation holds beside those: its first message cannot be changed, its priority only be read."""
    return {name: value for name, value in intent.fields.items() if name == "title"}


def own_id(account: Account) -> Call[str]:
    """Return the teammate in whose name we write, from the settings or by asking."""
    if account.admin_id:
        return account.admin_id
    body = yield from ask(get("/me", "who are we"), none=())
    return ident((body or {}).get("id"))


# ---------------------------------------------------------------- a new ticket


def _create(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    sort = str(intent.params.get("ticket_type") or account.ticket_type)
    if not sort:
        return Rejected("no ticket_type for new tickets: name one in gateway.yaml", Reason.UNMAPPED)
    wanted = rendering.status(account, intent.fields["status"]) if "status" in intent.fields else None
    made = ident(context.steps.get("ticket"))
    if not made and context.first_sent_at is not None and intent.attachments:
        # it may be there without its files
        found = yield from probes.created(account, context)
        made = found.receipt.remote_id if isinstance(found, Found) else ""
    if made:
        return (yield from _after(account, intent, context, made, wanted))
    given = {**rendering.attributes(account, intent), account.key_attribute: context.effect_key}
    content: dict[str, Any] = {"ticket_type_id": sort, "contacts": _contacts(intent), "ticket_attributes": given}
    assignment = {}
    if obj(intent.fields.get("assignee")):
        assignment["admin_assignee_id"] = yield from _assignee(intent)
    if text(intent.fields.get("queue")):
        assignment["team_assignee_id"] = _team(account, text(intent.fields["queue"]))
    if assignment:
        content["assignment"] = assignment
    response = yield _writing("POST", "/tickets", "create", content)
    refused = refusal(response)
    if refused is not None:
        return refused
    data = decoded(response) or {}
    receipt = rendering.receipt_of(account, data)
    if receipt is None or receipt.observed is None:
        return Unknown(f"Intercom's answer is no ticket: {excerpt(response)}")
    later = wanted is not None and receipt.observed.status != wanted
    if later or intent.attachments:
        return Progress({"ticket": receipt.remote_id}, receipt)
    return Done(receipt)


def _after(account: Account, intent: Intent, context: WriteContext, made: str, wanted: Status | None) -> Call[Outcome]:
    """Do to a ticket that we made what could not be done as it was made: its state, then its files."""
    data = yield from calls.record(account, made)
    if data is None:
        return Rejected(f"the ticket {made} that we made is gone")
    receipt = rendering.receipt_of(account, data)
    me = yield from own_id(account)
    if wanted is not None and not context.steps.get("state") and mapping.state(data, account) != wanted:
        content = {"ticket_state_id": (yield from _state_id(account, data, wanted)), "admin_id": me}
        response = yield _writing("PUT", f"/tickets/{path_part(made)}", "set the state", content)
        refused = refusal(response)
        if refused is not None:
            return refused
        receipt = rendering.receipt_of(account, decoded(response) or {})
        if receipt is None:
            return Unknown(f"Intercom's answer is not the ticket that was written: {excerpt(response)}")
        if intent.attachments:
            return Progress({"ticket": made, "state": True}, receipt)
        return Done(receipt)
    if intent.attachments:
        response = yield _reply(data, me, "<p>Files of the ticket.</p>", intent.attachments, public=False)
        refused = refusal(response)
        if refused is not None:
            return refused
    return Done(receipt or Receipt(remote_id=made))


def _contacts(intent: Intent) -> list[Json]:
    """Return the requester by id, else by e-mail, of which Intercom makes a contact where there is none [2]."""
    given = obj(intent.fields.get("requester"))
    if ident(given.get("external_id")):
        return [{"id": ident(given.get("external_id"))}]
    email = text(given.get("email")).strip()
    return [{"email": email}] if email else []


# ---------------------------------------------------------------- fields


def _set(account: Account, intent: Intent, context: WriteContext, data: Json, me: str, at: datetime) -> Call[Outcome]:
    """Do the first thing that is not done yet."""
    build = _of_ticket if mapping.is_ticket(data) else _of_conversation
    wanted = yield from build(account, intent, data, me, at)
    left = [each for each in wanted if not context.steps.get(each.label)]
    if not left:
        return Done()
    response = yield left[0]
    refused = refusal(response)
    if refused is not None:
        return refused
    body = decoded(response) or {}
    receipt = rendering.receipt_of(account, body, _changes(body, me))
    if receipt is None or receipt.remote_id != context.remote_id:
        return Unknown(f"Intercom's answer is not what was written: {excerpt(response)}")
    missed = _missed(account, intent, body) if len(left) == 1 else ""
    if missed:
        return Rejected(f"Intercom answered {response.status} and left {missed} as it was")
    return Progress({left[0].label: True}, receipt) if len(left) > 1 else Done(receipt)


def _changes(data: Json, me: str) -> tuple[str, ...]:
    """Return the keys of the events that will tell of what we just did: those of our newest part."""
    ours = [each for each in mapping.parts_of(data) if ident(obj(each.get("author")).get("id")) == me]
    part = ident(ours[-1].get("id")) if ours else ""
    fields = ("status", "assignee", "queue", "title", "body", "priority")
    return tuple(f"{field}:{part}" for field in fields) if part else ()


def _missed(account: Account, intent: Intent, data: Json) -> str:
    """Return the state where a 200 did not set it: Intercom may leave one that the ticket's type does not have."""
    if "status" not in intent.fields or not mapping.is_ticket(data):
        return ""
    return "" if mapping.state(data, account) == rendering.status(account, intent.fields["status"]) else "the state"


def _of_ticket(account: Account, intent: Intent, data: Json, me: str, _at: datetime) -> Call[list[HttpRequest]]:
    """Return the writes to a ticket: one, and one more where both a team and a teammate are to have it."""
    path = f"/tickets/{path_part(ident(data.get('id')))}"
    content: dict[str, Any] = {}
    given = rendering.attributes(account, intent)
    if given:
        content["ticket_attributes"] = given
    if "status" in intent.fields:
        wanted = rendering.status(account, intent.fields["status"])
        content["ticket_state_id"] = yield from _state_id(account, data, wanted)
    people = yield from _holders(account, intent)
    if people:
        content["assignee_id"] = people[0]
    if not content:
        return []
    found = [_writing("PUT", path, "set_fields", {**content, "admin_id": me})]
    found += [_writing("PUT", path, "assign", {"assignee_id": each, "admin_id": me}) for each in people[1:]]
    return found


def _of_conversation(account: Account, intent: Intent, data: Json, me: str, at: datetime) -> Call[list[HttpRequest]]:
    """Return the writes to a conversation: what is already so is left out. Its text and its mark are not for us."""
    number = path_part(ident(data.get("id")))
    found = []
    if "title" in intent.fields:
        found.append(_writing("PUT", f"/conversations/{number}", "title", {"title": text(intent.fields["title"])}))
    if "status" in intent.fields:
        word = rendering.action(intent.fields["status"])
        if text(data.get("state")) != rendering.DONE[word]:
            content: dict[str, Any] = {"message_type": word, "type": "admin", "admin_id": me}
            if word == "snoozed":
                content["snoozed_until"] = int((at + timedelta(hours=account.snooze_hours)).timestamp())
            found.append(_writing("POST", f"/conversations/{number}/parts", "state", content))
    for each in (yield from _holders(account, intent)):
        team = "queue" in intent.fields and each == _team(account, text(intent.fields["queue"]))
        content = {
            "message_type": "assignment",
            "type": "team" if team else "admin",
            "admin_id": me,
            "assignee_id": each,
        }
        found.append(_writing("POST", f"/conversations/{number}/parts", f"assign {content['type']}", content))
    return found


def _holders(account: Account, intent: Intent) -> Call[list[str]]:
    """Return who is to have it: the team, then the teammate."""
    found = []
    if text(intent.fields.get("queue")):
        found.append(_team(account, text(intent.fields["queue"])))
    if "assignee" in intent.fields:
        found.append((yield from _assignee(intent)))
    return found


def _team(account: Account, queue: str) -> str:
    team = account.team(queue)
    if not team:
        msg = f"no team is known for the queue {queue!r}: name its id under `teams:` in gateway.yaml"
        raise UnmappedError(msg, field="queue")
    return team


def _assignee(intent: Intent) -> Call[str]:
    """Return the teammate to assign: by id, else by e-mail; raises UnmappedError where nobody has that address."""
    given = obj(intent.fields["assignee"])
    number, email = ident(given.get("external_id")), text(given.get("email")).strip().lower()
    if number.isdigit() or not given:
        return number or NOBODY
    body = yield from ask(get("/admins", "look for the teammate"), none=(403, 404))
    listed = objects((body or {}).get("admins"))
    found = next((ident(each.get("id")) for each in listed if text(each.get("email")).lower() == email), "")
    if not found:
        msg = f"Intercom has no teammate {email or number or 'without an address'}"
        raise UnmappedError(msg, field="assignee")
    return found


def _state_id(account: Account, data: Json, wanted: Status) -> Call[str]:
    """Return the id of a state that tickets of this type can have; raises UnmappedError where there is none."""
    sort = ident(obj(data.get("ticket_type")).get("id"))
    body = yield from ask(get("/ticket_states", "read the ticket states"), none=())
    for each in objects((body or {}).get("data")):
        types = [ident(one.get("id")) for one in objects(obj(each.get("ticket_types")).get("data"))]
        if each.get("archived") is True or (sort and types and sort not in types):
            continue
        if mapping.state({"ticket_state": each}, account) == wanted:
            return ident(each.get("id"))
    msg = f"tickets of this type have no state {wanted.native!r}"
    raise UnmappedError(msg, field="status")


# ---------------------------------------------------------------- what is said


def _comment(intent: Intent, data: Json, me: str) -> Call[Outcome]:
    if intent.operation is Operation.PUBLIC_REPLY and not rendering.is_public(intent):
        return Rejected("an internal comment is not written as a reply")
    public = rendering.is_public(intent)
    attached = tuple(each for each in intent.attachments if each.sha256)
    response = yield _reply(data, me, rendering.comment_html(intent), attached, public=public)
    refused = refusal(response)
    if refused is not None:
        return refused
    body = decoded(response) or {}
    number = ident(data.get("id"))
    if text(body.get("type")) in {"ticket_part", "conversation_part"} and ident(body.get("id")):
        return Done(_said(number, body))
    ours = [each for each in mapping.parts_of(body) if ident(obj(each.get("author")).get("id")) == me]
    said = [each for each in ours if probes.reads_like(intent, mapping.comment(each, number, at=mapping.EPOCH))]
    if ident(body.get("id")) != number or not said:
        return Unknown(f"Intercom's answer does not show what was said: {excerpt(response)}")
    return Done(_said(number, said[-1]))


def _said(number: str, part: Json) -> Receipt:
    name = ident(part.get("id"))
    files = tuple(each.remote_id for each in mapping.files(number, name, part.get("attachments")))
    at = mapping.moment(part.get("created_at"))
    return Receipt(comment_id=name, change_ids=(f"comment:{name}", name), file_ids=files, at=at)


def _reply(data: Json, me: str, html: str, attached: Sequence[Attachment], *, public: bool) -> HttpRequest:
    """Return a reply or a note. The endpoint of tickets takes no files: those go to the conversation that it is."""
    number = path_part(ident(data.get("id")))
    content: dict[str, Any] = {
        "message_type": "comment" if public else "note",
        "type": "admin",
        "admin_id": me,
        "body": html,
    }
    if attached:
        content["attachment_files"] = [
            {"content_type": each.mime, "name": each.name, "data": Blob(each.sha256, each.size)}
            for each in attached[:MOST_FILES]
        ]
    kind = "tickets" if mapping.is_ticket(data) and not attached else "conversations"
    return _writing("POST", f"/{kind}/{number}/reply", "reply" if public else "note", content)


def _writing(method: str, path: str, label: str, content: Any) -> HttpRequest:
    return HttpRequest(method, path, Effect.WRITE, headers=HEADERS, json=content, label=label)


def refusal(response: HttpResponse) -> Outcome | None:
    """Classify what is not 2xx by the default table; a 429 waits for the window's end, a refusal is explained."""
    outcome = classify(response)
    if isinstance(outcome, Throttled):
        return Throttled(outcome.detail, wait_of(response))
    return Rejected(complaint(response)) if isinstance(outcome, (Rejected, Conflict)) else outcome


def complaint(response: HttpResponse) -> str:
    """Return why Intercom refused: each error's code, field and message."""
    said = []
    for each in objects((decoded(response) or {}).get("errors")):
        field = text(each.get("field"))
        said.append(f"{text(each.get('code'))}{f' ({field})' if field else ''}: {text(each.get('message'))}")
    return f"HTTP {response.status} {'; '.join(said)}"[:500] if said else excerpt(response)


__all__ = ["complaint", "own_id", "refusal", "write"]
