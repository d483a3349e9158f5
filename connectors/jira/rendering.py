"""Our intents in Jira's words, and how they will be read back: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from connectors.content import to_adf, to_wiki
from connectors.jira import mapping, words
from connectors.jira.mapping import MARKER, MAX_TITLE, SD_PUBLIC, Json, obj, objects, text
from connectors.jira.options import Options
from connectors.sdk import (
    Category,
    Intent,
    Kind,
    Level,
    Operation,
    Priority,
    Receipt,
    RemotePerson,
    Status,
    Visibility,
    WriteContext,
)
from gateway.errors import UnmappedError

T = TypeVar("T")

#: a picture of ours in a body: the file itself is put on the issue by a request of its own, under this name
_IMAGE = re.compile(r"!\[([^\]|!\n]*)\]\(attachment:([^)\s]+)\)")

#: Jira refuses an empty summary and an empty comment
NO_TEXT = "(no text)"
#: the type of a new issue where neither the rule nor the settings say one
USUAL_TYPE = "Task"


def body_of(options: Options, markdown: str) -> Any:
    """Return a text as this Jira takes it: a document on Cloud, wiki markup on Data Center."""
    if options.cloud:
        # a document names a picture by an id that no API tells: its name stands there
        return to_adf(markdown)
    return to_wiki(markdown, images=pictures(markdown))


def pictures(markdown: str) -> dict[str, str]:
    """Return the names of the pictures of ours in a text, by what it names them."""
    return {ref: name for name, ref in _IMAGE.findall(markdown) if name}


def title_of(value: Any) -> str:
    """Return a title as Jira keeps it: one line of at most 255 signs."""
    return " ".join(text(value).splitlines()).strip()[:MAX_TITLE].strip() or NO_TEXT


def label_of(word: str) -> str:
    """Return a label: Jira takes no white space in it."""
    return "_".join(word.split())


def user(options: Options, account: str) -> dict[str, str]:
    """Return how an account is named in a field."""
    return {"accountId": account} if options.cloud else {"name": account}


def fields(options: Options, intent: Intent) -> dict[str, Any]:
    """Return the fields of an intent in Jira's words, status and body left out; raises UnmappedError where it has none.

    An assignee that is known by e-mail only is left out, too: it has to be looked up.
    """
    found: dict[str, Any] = {}
    for name, value in intent.fields.items():
        match name:
            case "title":
                found["summary"] = title_of(value)
            case "priority":
                word = priority_word(options, value)
                if word is not None or intent.operation is not Operation.CREATE:
                    found["priority"] = {"name": word} if word is not None else None
            case "kind":
                word = kind_word(options, value)
                found |= {"issuetype": {"name": word}} if word else {}
            case "tags":
                found["labels"] = sorted({label_of(text(word)) for word in value or () if text(word).strip()})
            case "assignee":
                account = text(obj(value).get("external_id")).strip()
                if account:
                    found["assignee"] = user(options, account)
                elif not value:
                    found["assignee"] = None
            case _:
                pass
    return found


def new_issue(options: Options, intent: Intent, context: WriteContext, type_field: str) -> dict[str, Any]:
    """Return the body of the request that creates an issue; raises UnmappedError where something is missing."""
    params = intent.params
    project = text(params.get("project")).strip() or (options.projects[0] if len(options.projects) == 1 else "")
    if not project:
        msg = "in which project is the issue to be? Say `project` under `create:` of the sync rule"
        raise UnmappedError(msg)
    found = fields(options, intent)
    found["project"] = {"key": project}
    kind = text(params.get("issue_type")).strip()
    found["issuetype"] = {"name": kind} if kind else found.get("issuetype") or {"name": USUAL_TYPE}
    body = text(intent.fields.get("body"))
    found.setdefault("summary", title_of(body.strip().partition("\n")[0]))
    if body:
        found["description"] = body_of(options, body)
    if type_field and params.get("request_type"):
        found[type_field] = str(params["request_type"])
    found |= {str(name): value for name, value in obj(params.get("fields")).items()}
    return {"fields": found, "properties": [{"key": MARKER, "value": {"key": context.effect_key}}]}


def comment(options: Options, intent: Intent, context: WriteContext) -> dict[str, Any]:
    """Return the body of the request that adds a comment.

    Without the property `sd.public.comment` a service project would show it to the customer [J6], so that it always
    says.
    """
    public = is_public(intent)
    found: dict[str, Any] = {
        "body": body_of(options, comment_text(intent)),
        "properties": [
            {"key": SD_PUBLIC, "value": {"internal": not public}},
            {"key": MARKER, "value": {"key": context.effect_key}},
        ],
    }
    if not public and options.note_visibility:
        found["visibility"] = options.note_visibility
    return found


def comment_text(intent: Intent) -> str:
    """Return the text of a comment as it is written."""
    return (text(intent.comment.body) if intent.comment else "").strip() or NO_TEXT


def is_public(intent: Intent) -> bool:
    """Say whether customers may read a comment: only when the operation and the comment both say so."""
    said = intent.comment
    return said is not None and said.visibility is Visibility.PUBLIC and intent.operation is Operation.PUBLIC_REPLY


def priority_word(options: Options, value: Any) -> str | None:
    """Return Jira's word for a priority, None for none."""
    given = _converted(value, Priority)
    if given.native.strip():
        return given.native.strip()
    return None if given.level is Level.UNSET else options.priority_words[given.level]


def kind_word(options: Options, value: Any) -> str:
    """Return the issue type that the site names for a kind; empty: the type is left alone."""
    return options.kind_words.get(Kind(value), "") if value in set(Kind) else ""


def status_words(options: Options, value: Any) -> tuple[str, ...]:
    """Return the names that would do for a status, the best first; raises UnmappedError where there is none."""
    given = _converted(value, Status)
    if given.native.strip():
        return (given.native.strip(),)
    if given.category is Category.UNKNOWN:
        msg = "a status of the category `unknown` has no word in Jira: map it in the sync rule"
        raise UnmappedError(msg)
    return options.status_words[given.category]


def meaning(value: Any) -> Category:
    """Return the category of a status."""
    return _converted(value, Status).category


def transition_to(options: Options, value: Any, transitions: list[Json]) -> Json | None:
    """Choose the transition that leads to a status: by its name, else by what it means, else to what is nearest."""
    ways = [each for each in transitions if each.get("isAvailable") is not False]
    for word in status_words(options, value):
        for way in ways:
            if _target(way).lower() == word.lower():
                return way
    given = _converted(value, Status)
    if given.native:
        return None
    for category in (given.category, *words.NEAREST.get(given.category, ())):
        for way in ways:
            found = mapping.status_of(way.get("to"), options)
            if found is not msgspec.UNSET and found.category is category:
                return way
    return None


def _target(way: Json) -> str:
    """Return the status to which a transition leads; very old Jiras say it in the transition's own name alone."""
    return (text(obj(way.get("to")).get("name")) or text(way.get("name"))).strip()


def resolution_for(options: Options, category: Category, field: Json) -> str:
    """Return the resolution that is set with a transition that asks for one; empty: none that would do."""
    allowed = [text(each.get("name")) for each in objects(field.get("allowedValues"))]
    wanted = [options.resolutions.get(category.value, "")]
    wanted += ["Won't Do", "Declined", "Won't Fix"] if category is Category.CANCELLED else ["Done", "Fixed", "Resolved"]
    for word in wanted:
        if word and (word in allowed or not allowed):
            return word
    return allowed[0] if allowed else ""


def _converted(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        msg = f"not a {kind.__name__.lower()}: {error}"
        raise UnmappedError(msg) from None


def as_read(options: Options, intent: Intent) -> dict[str, Any]:
    """Return the fields of `intent` as `mapping` will read them back, as canonical JSON."""
    found: dict[str, Any] = {}
    try:
        said = fields(options, intent)
        if "status" in intent.fields:
            first = status_words(options, intent.fields["status"])[0]
            found["status"] = msgspec.to_builtins(mapping.status(first, options))
    except UnmappedError:
        return found
    if "body" in intent.fields:
        written = text(intent.fields["body"])
        found["body"] = mapping.content(body_of(options, written)).markdown if written else ""
    for name, value in said.items():
        match name:
            case "summary":
                found["title"] = value
            case "priority":
                found["priority"] = msgspec.to_builtins(mapping.priority(text(obj(value).get("name")), options))
            case "issuetype":
                found["kind"] = mapping.kind(text(value["name"]), options).value
            case "labels":
                found["tags"] = value
            case _:
                account = mapping.account_of(obj(value))
                found["assignee"] = msgspec.to_builtins(RemotePerson(account)) if account else None
    return found


def receipt_of(options: Options, data: Json) -> Receipt:
    """Return what an issue says about a write that landed."""
    observed = mapping.ticket(data, options, at=mapping.EPOCH)
    if observed is None:
        return Receipt()
    return Receipt(
        remote_id=observed.remote_id,
        key=observed.key,
        url=observed.url,
        version=observed.version,
        version_token=observed.version_token,
        observed=observed,
        at=observed.updated_at,
    )


def holds(data: Json, wanted: Mapping[str, Any]) -> bool:
    """Say whether an issue has the fields that were written."""
    there = obj(data.get("fields"))
    return all(_same(name, there.get(name), value) for name, value in wanted.items())


def _same(name: str, there: Any, value: Any) -> bool:
    if name == "description":
        return mapping.content(there).markdown == mapping.content(value).markdown
    if isinstance(value, dict):
        held = obj(there)
        member = next(iter(value))
        return text(held.get(member)).lower() == text(value[member]).lower()
    if isinstance(value, list):
        return sorted(there or ()) == value
    return bool((there or None) == (value or None))
