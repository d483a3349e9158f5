"""Our intents in GitHub's words, and how they will be read back: pure."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec.structs import astuple

from connectors.content import Content, destroyed, restored, revived, sized_markdown
from connectors.github import mapping
from connectors.github.mapping import CLOSED_WORD, REASONS, Json, label_names, obj, text
from connectors.github.options import Options
from connectors.sdk import (
    Category,
    Intent,
    Kind,
    Level,
    Priority,
    Receipt,
    RemotePerson,
    Status,
)
from gateway.errors import UnmappedError

T = TypeVar("T")

NO_TEXT = "(no text)"
MAX_TITLE = 256
MAX_LABEL = 50
#: our categories that are a closed issue -> the reason that is given
CLOSING = {
    Category.RESOLVED: CLOSED_WORD,
    Category.CLOSED: CLOSED_WORD,
    Category.CANCELLED: "not_planned",
}


def title_of(value: Any) -> str:
    """Return a title as GitHub keeps it."""
    return " ".join(text(value).splitlines()).strip()[:MAX_TITLE].strip() or NO_TEXT


def label_of(word: Any) -> str:
    """Return a tag as a label."""
    return " ".join(text(word).split())[:MAX_LABEL].strip()


class Wish(msgspec.Struct, frozen=True):
    """What the labels and the state of an issue are to say; None: they stay as they are."""

    state: str | None = None
    reason: str | None = None
    #: the label of an open status, of the priority, of the kind; empty: none of them
    status: str | None = None
    priority: str | None = None
    kind: str | None = None
    tags: tuple[str, ...] | None = None


def wish_of(options: Options, intent: Intent) -> Wish:
    """Return what an intent says of labels and state; raises UnmappedError where GitHub has no word for it."""
    found: dict[str, Any] = {}
    for name, value in intent.fields.items():
        match name:
            case "status":
                found |= _status(options, value)
            case "priority":
                found["priority"] = _priority(options, value)
            case "kind" if value in set(Kind) and Kind(value) in options.kind_labels:
                found["kind"] = options.kind_labels[Kind(value)]
            case "tags":
                found["tags"] = tuple(sorted({label_of(each) for each in value or ()} - {""}))
            case _:
                pass
    return Wish(**found)


def told(options: Options, intent: Intent) -> list[Any]:
    """Return what an intent says of labels and state, in no order; raises UnmappedError."""
    return [value for value in astuple(wish_of(options, intent)) if value is not None]


def _status(options: Options, value: Any) -> dict[str, Any]:
    given = _converted(value, Status)
    native = given.native.strip()
    if native:
        if native in REASONS or native == "closed":
            return {"state": "closed", "reason": CLOSED_WORD if native == "closed" else native, "status": ""}
        if native == "open" or native.lower() in options.statuses:
            return {"state": "open", "status": "" if native == "open" else native}
        msg = f"{native!r} is neither a state of GitHub nor a label under `statuses:` in gateway.yaml"
        raise UnmappedError(msg, field="status")
    if given.category is Category.UNKNOWN:
        msg = "a status of the category `unknown` has no word in GitHub: map it in the sync rule"
        raise UnmappedError(msg, field="status")
    if given.category in CLOSING:
        return {"state": "closed", "reason": CLOSING[given.category], "status": ""}
    label = options.status_labels.get(given.category)
    if label is None and given.category not in {Category.NEW, Category.OPEN}:
        msg = f"no label stands for the status {given.category}: name one under `statuses:` in gateway.yaml"
        raise UnmappedError(msg, field="status")
    return {"state": "open", "status": label or ""}


def _priority(options: Options, value: Any) -> str:
    given = _converted(value, Priority)
    native = given.native.strip()
    if native:
        if native.lower() not in options.priorities:
            msg = f"{native!r} is no label under `priorities:` in gateway.yaml"
            raise UnmappedError(msg, field="priority")
        return native
    return "" if given.level is Level.UNSET else options.priority_labels[given.level]


def _converted(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        msg = f"not a {kind.__name__.lower()}: {error}"
        raise UnmappedError(msg) from None


def labels_after(options: Options, there: tuple[str, ...], wish: Wish) -> list[str]:
    """Return all labels as they are to be: GitHub sets them all at once, so that those of others are kept."""
    found = list(there)
    for wanted, words in (
        (wish.status, options.statuses),
        (wish.priority, options.priorities),
        (wish.kind, options.kinds),
    ):
        if wanted is None:
            continue
        found = [each for each in found if each.lower() not in words]
        found += [wanted] if wanted else []
    if wish.tags is not None:
        found = [each for each in found if mapping.says_field(each, options)] + list(wish.tags)
    return sorted(dict.fromkeys(found))


def request_of(options: Options, intent: Intent, data: Json) -> dict[str, Any]:
    """Return what is to be set on an issue, as it is now: only what differs. Raises UnmappedError.

    The mark in a body stays in it; a body of which Markdown cannot show everything is added to, never replaced.
    """
    wish = wish_of(options, intent)
    found: dict[str, Any] = {}
    if "title" in intent.fields:
        found["title"] = title_of(intent.fields["title"])
    if "body" in intent.fields:
        found["body"] = body(data.get("body"), text(intent.fields["body"]))
    if "assignee" in intent.fields:
        login = text(obj(intent.fields["assignee"]).get("external_id")).strip()
        if intent.fields["assignee"] and not login:
            msg = "GitHub assigns by login: name the account of that person in the site's people"
            raise UnmappedError(msg, field="assignee")
        found["assignees"] = [login] if login else []
    there = label_names(data.get("labels"))
    wanted = labels_after(options, there, wish)
    if wanted != sorted(there):
        found["labels"] = wanted
    if wish.state is not None:
        found["state"] = wish.state
        if wish.reason:
            found["state_reason"] = wish.reason
    left = {name: value for name, value in found.items() if not holds(data, name, value)}
    # GitHub looks at the reason only beside the state
    return {**left, "state": found["state"]} if "state_reason" in left else left


def body(there: Any, markdown: str) -> str:
    """Return the body to write over another, whose pictures and calls stay what they are where ours names them."""
    marker, old = mapping.marker_of(there), text(there)
    stands = Content(mapping.body_of(there), mapping.lost_of(there))
    said = restored(markdown, stands.markdown)
    words = sized_markdown(revived(mapping.calling_nobody(said), old), old)
    if destroyed(stands, Content(mapping.body_of(words))):
        ours = mapping.calling_nobody(markdown)
        return old if ours.strip() in old else f"{old.rstrip()}\n\n---\n\n{ours}"
    return mapping.with_mark(words, marker) if marker else words


def holds(data: Json, name: str, value: Any) -> bool:
    """Say whether an issue has what one member of a request would set."""
    there = data.get(name)
    match name:
        case "assignees":
            first = [text(obj(each).get("login")).lower() for each in there or ()][:1]
            return first == [each.lower() for each in value]
        case "labels":
            return sorted(label_names(there)) == sorted(value)
        case "state_reason":
            return there == value or (there is None and value == CLOSED_WORD and data.get("state") == "closed")
        case "body":
            return bool(text(there).replace("\r\n", "\n").strip() == value.strip())
    return bool(there == value)


def new_issue(options: Options, intent: Intent, effect_key: str) -> dict[str, Any]:
    """Return the body of the request that creates an issue; raises UnmappedError."""
    wish = wish_of(options, intent)
    body = text(intent.fields.get("body"))
    found: dict[str, Any] = {
        "title": title_of(intent.fields.get("title") or body.strip().partition("\n")[0]),
        "body": mapping.marked(body, effect_key),
    }
    labels = [*labels_after(options, (), wish), *(label_of(each) for each in intent.params.get("labels") or ())]
    if labels:
        found["labels"] = sorted(set(labels))
    login = text(obj(intent.fields.get("assignee")).get("external_id")).strip()
    if login:
        found["assignees"] = [login]
    if intent.params.get("type"):
        found["type"] = str(intent.params["type"])
    return found


def repository_of(options: Options, intent: Intent) -> str:
    """Return the repository in which an intent creates its issue; raises UnmappedError where none is said."""
    given = text(intent.params.get("repository")).strip()
    found = options.repository(given) if given else options.repositories[0] if len(options.repositories) == 1 else ""
    if not found:
        msg = f"{given!r} is none of the repositories" if given else "say `repository` under `create:` of the sync rule"
        raise UnmappedError(msg)
    return found


def as_read(options: Options, intent: Intent) -> dict[str, Any]:
    """Return the fields of `intent` as `mapping` will read them back, as canonical JSON."""
    try:
        wish = wish_of(options, intent)
    except UnmappedError:
        return {}
    found: dict[str, Any] = {}
    if "title" in intent.fields:
        found["title"] = title_of(intent.fields["title"])
    if "body" in intent.fields:
        found["body"] = mapping.body_of(mapping.calling_nobody(text(intent.fields["body"])))
    if wish.state is not None:
        labels = [wish.status] if wish.status else []
        found["status"] = msgspec.to_builtins(mapping.status(wish.state, wish.reason or "", labels, options))
    if wish.priority is not None:
        found["priority"] = msgspec.to_builtins(mapping.priority([wish.priority] if wish.priority else [], options))
    if wish.kind is not None:
        found["kind"] = mapping.kind([wish.kind], options).value
    if wish.tags is not None:
        found["tags"] = list(mapping.tags(wish.tags, options))
    if "assignee" in intent.fields:
        login = text(obj(intent.fields["assignee"]).get("external_id")).strip()
        found["assignee"] = msgspec.to_builtins(RemotePerson(login)) if login else None
    return found


def receipt_of(options: Options, data: Json, repository: str) -> Receipt:
    """Return what an issue says about a write that landed."""
    observed = mapping.ticket(data, repository, options, at=mapping.EPOCH)
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
