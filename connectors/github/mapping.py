"""GitHub's JSON to our model: pure.

An issue has two states, open and closed, and a reason for the second; everything else that a ticket has is told by
labels that the settings name. A ticket is named `owner/name#number`, which is how GitHub itself addresses an issue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.content import canonical
from connectors.content.neutral import outside_code, parted_commands
from connectors.content.tags import lost_in, without_tags
from connectors.github.options import Options
from connectors.sdk import (
    Category,
    Kind,
    Level,
    Priority,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    Status,
    over_since,
)

Json = Mapping[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: closed for a reason -> what it means; without one it is as good as completed
REASONS = {
    "completed": Category.RESOLVED,
    "not_planned": Category.CANCELLED,
    "duplicate": Category.CANCELLED,
}
CLOSED_WORD = "completed"

_MARKER = re.compile(r"\s*<!--\s*gateway:([0-9a-zA-Z_-]{8,128})\s*-->")
_ID = re.compile(r"(?P<repository>[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100})#(?P<number>[1-9]\d{0,17})")
#: a word joiner, with which we keep a text from calling people, linking other issues and ordering robots about
_JOINED = re.compile(r"(?i)(?:(?<=[@#])|(?<=gh-)|(?<=duplicate))\u2060|\u2060(?=/)")
#: a name, an issue of this repository, one of another (not in an address), the old spelling of an issue, and the words
#: that make an issue a duplicate of another, which may be named by its address
_CALLS = re.compile(
    r"(?<![A-Za-z0-9])@(?=[A-Za-z0-9])|(?<![\w/])#(?=\d)"
    r"|(?<!\]\()(?<![\w./])[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}#(?=\d)|(?<![\w./-])[Gg][Hh]-(?=\d)"
    r"|(?i:(?<=\bduplicate)(?= of\b))"
)
_ADDRESS = re.compile(r"(https?://[^\s<>)\]]+)")
_MENTION = re.compile(r"\[@([^\]\n]*)\]\(mention:[^)\s]*\)")


def text(value: Any) -> str:
    """Return a string without NUL; anything that is not a string is empty."""
    return value.replace("\x00", "") if isinstance(value, str) else ""


def number(value: Any) -> int:
    """Return a positive integer, else 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**18 else 0


def obj(value: Any) -> Json:
    """Return a JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Json]:
    """Return the objects of a JSON array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def moment(value: Any) -> datetime | None:
    """Read `2019-05-15T15:20:18Z`; None when it is none."""
    try:
        found = datetime.fromisoformat(text(value)) if value else None
        return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def version_of(at: datetime | None) -> int:
    """Return the order of an issue's states: microseconds, at the one second that GitHub has."""
    return int(at.timestamp()) * 1_000_000 if at else 0


def name_of(repository: str, issue: int) -> str:
    """Return the id of a ticket."""
    return f"{repository}#{issue}"


def parts_of(remote_id: str) -> tuple[str, int] | None:
    """Return repository and number behind an id; None when it is none."""
    found = _ID.fullmatch(remote_id)
    return (found["repository"], int(found["number"])) if found else None


# ---------------------------------------------------------------- texts


def marker_of(body: Any) -> str:
    """Return our effect key in a text, which GitHub does not show; empty: it has none."""
    found = _MARKER.search(text(body))
    return found.group(1) if found else ""


def marked(markdown: str, effect_key: str) -> str:
    """Return a text with our effect key behind it, that nobody sees and that calls nobody."""
    return with_mark(calling_nobody(markdown), effect_key)


def with_mark(words: str, effect_key: str) -> str:
    """Return a text as it is written, with our effect key behind it."""
    return f"{words}\n\n<!-- gateway:{effect_key} -->".lstrip()


def calling_nobody(markdown: str) -> str:
    """Return Markdown in which no name calls people, no number links another issue, no line is an order to a robot.

    Code stays as it is.
    """
    return outside_code(_MENTION.sub(r"@\1", markdown), _quiet)


def _quiet(words: str) -> str:
    pieces = _ADDRESS.split(parted_commands(words))
    return "".join(
        each if place % 2 else _CALLS.sub(lambda at: f"{at.group()}\u2060", each) for place, each in enumerate(pieces)
    )


def body_of(value: Any) -> str:
    """Read a text of GitHub as canonical Markdown: without comments that nobody sees, pictures in one form."""
    return canonical(without_tags(_JOINED.sub("", text(value).replace("\r\n", "\n")))).strip()


def lost_of(value: Any) -> tuple[str, ...]:
    """Return what of a text Markdown cannot show."""
    return lost_in(text(value))


# ---------------------------------------------------------------- people and words


def person(value: Any) -> RemotePerson | None:
    """Read a user: by the login, by which GitHub assigns."""
    user = obj(value)
    login = text(user.get("login")).strip()[:255]
    if not login:
        return None
    return RemotePerson(
        login, text(user.get("email")).strip(), "", text(user.get("name")).strip(),
        "system" if user.get("type") == "Bot" else "",
    )  # fmt: skip


def label_names(value: Any) -> tuple[str, ...]:
    """Read labels, given as objects or as texts."""
    given = value if isinstance(value, list) else []
    names = (text(each.get("name")) if isinstance(each, dict) else text(each) for each in given)
    return tuple(name for name in names if name)


def status(state: str, reason: str, labels: Iterable[str], options: Options) -> Status:
    """Read a status: a closed issue's by its reason, an open one's by the first label that says one."""
    if state == "closed":
        return Status(REASONS.get(reason, Category.RESOLVED), reason or "closed")
    for label in labels:
        meaning = options.statuses.get(label.lower())
        if meaning is not None:
            return Status(meaning, label)
    return Status(Category.OPEN, "open") if state == "open" else Status(Category.UNKNOWN, state)


def priority(labels: Iterable[str], options: Options) -> Priority:
    """Read a priority: the highest that a label says."""
    said = [(options.priorities[label.lower()], label) for label in labels if label.lower() in options.priorities]
    level, label = min(said, default=(Level.UNSET, ""))
    return Priority(level, label)


def kind(labels: Iterable[str], options: Options, issue_type: str = "") -> Kind:
    """Read a kind: by the issue's type, else by the first label that says one."""
    found = (options.kinds.get(each.lower()) for each in (issue_type, *labels) if each)
    return next((each for each in found if each is not None), Kind.OTHER)


def says_field(label: str, options: Options) -> bool:
    """Say whether a label stands for a status, a priority or a kind; all others are tags."""
    return any(label.lower() in words for words in (options.statuses, options.priorities, options.kinds))


def tags(labels: Iterable[str], options: Options) -> tuple[str, ...]:
    """Return the labels that are no field; sorted, because their order means nothing."""
    return tuple(sorted({label for label in labels if not says_field(label, options)}))


# ---------------------------------------------------------------- tickets and comments


def ticket(
    data: Json, repository: str, options: Options, *, at: datetime, people: Mapping[str, RemotePerson] | None = None
) -> RemoteTicket | None:
    """Read an issue as far as it says; None without its number, and for a pull request, which is no ticket."""
    issue = number(data.get("number"))
    if not issue or obj(data.get("pull_request")):
        return None
    known = people or {}
    updated = moment(data.get("updated_at"))
    labels = label_names(data.get("labels"))
    state = text(data.get("state"))
    comments = data.get("comments")
    requester = person(data.get("user"))
    assignees = objects(data.get("assignees")) or [obj(data.get("assignee"))]
    remote = name_of(repository, issue)
    now = status(state, text(data.get("state_reason")), labels, options) if state else msgspec.UNSET
    stamp = text(data.get("updated_at"))
    return RemoteTicket(
        remote_id=remote,
        updated_at=updated or at,
        version=version_of(updated),
        version_token=f"{stamp}#{comments}" if stamp and isinstance(comments, int) else stamp,
        key=remote,
        url=text(data.get("html_url")) or f"{options.site}/{repository}/issues/{issue}",
        created_at=moment(data.get("created_at")),
        resolved_at=over_since(now, moment(data.get("closed_at"))),
        marker=marker_of(data.get("body")),
        title=text(data.get("title")) if "title" in data else msgspec.UNSET,
        body=body_of(data.get("body")) if "body" in data else msgspec.UNSET,
        lost=lost_of(data.get("body")),
        source_format="markdown",
        raw=text(data.get("body")) if lost_of(data.get("body")) else "",
        status=now,
        priority=priority(labels, options) if "labels" in data else msgspec.UNSET,
        kind=kind(labels, options, text(obj(data.get("type")).get("name"))) if "labels" in data else msgspec.UNSET,
        queue=repository,
        assignee=person(assignees[0]) if "assignees" in data or "assignee" in data else msgspec.UNSET,
        requester=(
            known.get(requester.external_id, requester) if requester is not None
            else None if "user" in data else msgspec.UNSET
        ),
        tags=tags(labels, options) if "labels" in data else msgspec.UNSET,
    )  # fmt: skip


def comment_of(data: Json, options: Options, *, at: datetime) -> RemoteComment | None:
    """Read a comment; None without an id. GitHub has no comments for some readers only."""
    named = number(data.get("id"))
    if not named:
        return None
    lost = lost_of(data.get("body"))
    return RemoteComment(
        remote_id=str(named),
        at=moment(data.get("created_at")) or at,
        body=body_of(data.get("body")),
        visibility=options.comments,
        author=person(data.get("user")),
        marker=marker_of(data.get("body")),
        source_format="markdown",
        lost=lost,
        raw=text(data.get("body")) if lost else "",
        edited_at=moment(data.get("updated_at")),
    )
