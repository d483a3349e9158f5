"""Jira's JSON to our model: pure, and lenient about everything that its versions and deployments vary.

Cloud names people by `accountId`, Data Center by `name`; texts are documents (REST 3) or wiki markup (REST 2, and every
webhook). A word that is not known stays a word, under `unknown`; a visibility that is not said is internal.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.content import Content, from_adf, from_wiki
from connectors.jira import words
from connectors.jira.options import Options
from connectors.sdk import (
    Attachment,
    Category,
    Kind,
    Level,
    Priority,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    Status,
    Visibility,
    over_since,
)

Json = Mapping[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: entity property of an issue, and of a comment, that holds our effect key
MARKER = "gateway.effect"
#: comment property of Jira Service Management: `{"internal": true}` keeps customers out [J7]
SD_PUBLIC = "sd.public.comment"
SERVICE_DESK = "service_desk"
#: Jira refuses longer summaries
MAX_TITLE = 255

#: a file in wiki markup: a picture `!name.png|width=300!`, a link `[^name]` or `[words^name]`
_NAMED = re.compile(
    r"!([^!|\s][^!|\n]{0,250}\.[A-Za-z0-9]{1,8})(?:\|[^!\n]{0,250})?!|\[[^\]\n^]{0,250}\^([^\]\n|]{1,250})(?:\|[^\]\n]{0,250})?\]"
)


def text(value: Any) -> str:
    """Return a string without NUL; anything that is not a string is empty."""
    return value.replace("\x00", "") if isinstance(value, str) else ""


def ident(value: Any) -> str:
    """Return a number given as string or integer; empty for everything else."""
    if isinstance(value, bool):
        return ""
    found = str(value) if isinstance(value, int) else text(value).strip()
    return found if found.isascii() and found.isdigit() and len(found) <= 20 else ""


def obj(value: Any) -> Json:
    """Return a JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Json]:
    """Return the objects of a JSON array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def moment(value: Any) -> datetime | None:
    """Read `2020-12-03T14:05:20.974+0100`, or milliseconds since 1970 as webhooks do; None when it is neither."""
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, tz=UTC)
        found = datetime.fromisoformat(text(value).strip()) if value else None
        if found is None or found.tzinfo is None:
            return None
        return found.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def version_of(at: datetime | None) -> int:
    """Return the order of an issue's states: microseconds of `updated`, which Jira has in milliseconds."""
    return int(at.timestamp() * 1000) * 1000 if at else 0


def content(value: Any, files: Mapping[str, str] | None = None) -> Content:
    """Read a text: a document, wiki markup, or nothing. `files` are the numbers of the issue's files by their names."""
    if isinstance(value, dict):
        return from_adf(value, images=media(value, files or {}))
    return from_wiki(text(value), images=files or {}) if isinstance(value, str) and value else Content("")


def media(node: Any, files: Mapping[str, str]) -> dict[str, str]:
    """Return the files that stand behind the media of a document, which knows them by ids of its own, and by name."""
    attributes = (obj(each.get("attrs")) for each in nodes(node) if _is_file(each))
    named = {text(each.get("id")): files.get(text(each.get("alt")), "") for each in attributes}
    return {media: number for media, number in named.items() if media and number}


def nodes(node: Any) -> Iterator[Json]:
    """Yield the nodes of a document, however deep."""
    waiting = [obj(node)]
    while waiting:
        each = waiting.pop()
        yield each
        waiting += objects(each.get("content"))


def _is_file(node: Json) -> bool:
    return text(node.get("type")) in {"media", "mediaInline"}


def files_of(fields: Json) -> dict[str, str]:
    """Return the numbers of an issue's files by their names; the newest of one name."""
    return {text(each.get("filename")): ident(each.get("id")) for each in objects(fields.get("attachment"))}


def raw_text(value: Any) -> str:
    """Return a text as Jira has it."""
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else text(value)


def status(word: str, options: Options, category: str = "") -> Status:
    """Read a status by its name, and by Jira's category where the name is not known."""
    name = word.strip().lower()
    meaning = options.statuses.get(name) or words.STATUSES.get(name) or words.STATUS_CATEGORIES.get(category)
    return Status(meaning or Category.UNKNOWN, word.strip(), words.HOLD_REASONS.get(name))


def status_of(value: Any, options: Options) -> Status | msgspec.UnsetType:
    """Read the `status` of an issue."""
    given = obj(value)
    name = text(given.get("name"))
    return status(name, options, text(obj(given.get("statusCategory")).get("key"))) if name else msgspec.UNSET


def priority(word: str, options: Options) -> Priority:
    """Read a priority by its name; none is unset."""
    name = word.strip().lower()
    return Priority(options.priorities.get(name) or words.PRIORITIES.get(name, Level.UNSET), word.strip())


def kind(word: str, options: Options) -> Kind:
    """Read an issue type by its name."""
    name = word.strip().lower()
    return options.kinds.get(name) or words.KINDS.get(name, Kind.OTHER)


def labels(value: Any) -> tuple[str, ...]:
    """Read labels; sorted, because their order means nothing."""
    return tuple(sorted({text(each) for each in value if text(each)})) if isinstance(value, list) else ()


def account_of(user: Json) -> str:
    """Return the account of a user: its accountId, else its name, else its key."""
    found = text(user.get("accountId")) or text(user.get("name")) or text(user.get("key"))
    return found.strip()[:255]


def person(value: Any) -> RemotePerson | None:
    """Read a user; None where nobody is named. Portal customers are told by their account type."""
    user = obj(value)
    account = account_of(user)
    email, name = text(user.get("emailAddress")).strip(), text(user.get("displayName")).strip()
    if not (account or email or name):
        return None
    role = {"customer": "customer", "app": "system"}.get(text(user.get("accountType")), "")
    return RemotePerson(account, email, "", name, role)


def property_of(holder: Json, name: str) -> Any:
    """Return an entity property: an issue has them as an object, a comment as a list of {key, value}."""
    given = holder.get("properties")
    if isinstance(given, dict):
        return given.get(name)
    return next((each.get("value") for each in objects(given) if each.get("key") == name), None)


def marker_of(holder: Json) -> str:
    """Return our effect key in an issue or a comment; empty: it has none."""
    return text(obj(property_of(holder, MARKER)).get("key"))


def attachment(item: Json, visibility: Visibility = Visibility.INTERNAL, *, inline: bool = False) -> Attachment:
    """Read a file."""
    size = item.get("size")
    return Attachment(
        text(item.get("filename")) or "attachment",
        text(item.get("mimeType")) or "application/octet-stream",
        size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else 0,
        ident(item.get("id")),
        text(item.get("content")),
        inline=inline,
        visibility=visibility,
    )


def shown_in(value: Any, files: Mapping[str, str]) -> frozenset[str]:
    """Return the numbers of the files that a text shows, or links, by their names."""
    return frozenset(files[name] for name in named_in(value) if name in files)


def named_in(value: Any) -> frozenset[str]:
    """Return the names of the files that a text shows, or links."""
    if isinstance(value, dict):
        return frozenset(text(obj(each.get("attrs")).get("alt")) for each in nodes(value) if _is_file(each)) - {""}
    named = (part for found in _NAMED.finditer(text(value)) for part in found.groups() if part)
    return frozenset(name for name in named if "://" not in name)


def _attachments(fields: Json, options: Options) -> tuple[Attachment, ...]:
    """Read the files of an issue. Jira does not say who may see them.

    In a service project the customer sees what the description shows, and what they put there themselves; all else is
    internal there.
    """
    shown, service = shown_in(fields.get("description"), files_of(fields)), is_service(fields)
    reporter = account_of(obj(fields.get("reporter")))
    found = []
    for item in objects(fields.get("attachment")):
        inline = ident(item.get("id")) in shown
        theirs = bool(reporter) and account_of(obj(item.get("author"))) == reporter
        customers = Visibility.PUBLIC if inline or theirs else Visibility.INTERNAL
        found.append(attachment(item, customers if service else options.unmarked, inline=inline))
    return tuple(found)


def is_service(fields: Json) -> bool:
    """Say whether an issue is one of a service project, which has customers."""
    return text(obj(fields.get("project")).get("projectTypeKey")) == SERVICE_DESK


def says_visibility(comment: Json) -> bool:
    """Say whether a comment itself tells who may read it."""
    held = obj(property_of(comment, SD_PUBLIC)).get("internal")
    return isinstance(comment.get("jsdPublic"), bool) or isinstance(held, bool) or bool(obj(comment.get("visibility")))


def visibility(comment: Json, options: Options, *, service: bool, public: Collection[str] = ()) -> Visibility:
    """Say who may read a comment: internal wherever anything says so, and where nothing says anything.

    `public` are the comments that the service desk's own API shows to customers.
    """
    held = obj(property_of(comment, SD_PUBLIC)).get("internal")
    if obj(comment.get("visibility")) or held is True or comment.get("jsdPublic") is False:
        return Visibility.INTERNAL
    if comment.get("jsdPublic") is True or held is False or ident(comment.get("id")) in public:
        return Visibility.PUBLIC
    return Visibility.INTERNAL if service else options.unmarked


def comment_of(
    data: Json,
    options: Options,
    *,
    service: bool,
    at: datetime,
    public: Collection[str] = (),
    attached: Sequence[Json] = (),
) -> RemoteComment | None:
    """Read a comment; None without an id. `attached` are the issue's files: those that it shows are its own."""
    number = ident(data.get("id"))
    if not number:
        return None
    files = {text(each.get("filename")): ident(each.get("id")) for each in attached}
    body = content(data.get("body"), files)
    shown = shown_in(data.get("body"), files)
    readers = visibility(data, options, service=service, public=public)
    return RemoteComment(
        remote_id=number,
        at=moment(data.get("created")) or moment(data.get("updated")) or at,
        body=body.markdown,
        visibility=readers,
        author=person(data.get("author")) or person(data.get("updateAuthor")),
        marker=marker_of(data),
        source_format="adf" if isinstance(data.get("body"), dict) else "wiki",
        attachments=tuple(
            attachment(each, readers, inline=f"](attachment:{ident(each.get('id'))})" in body.markdown)
            for each in attached
            if ident(each.get("id")) in shown
        ),
        lost=body.lost,
        raw=raw_text(data.get("body")) if body.lost else "",
        edited_at=moment(data.get("updated")),
    )


def ticket(data: Json, options: Options, *, at: datetime) -> RemoteTicket | None:
    """Read an issue of the REST API or of a webhook, as far as it says; None without its number.

    `at` stands in where it has no `updated`. The number stays when an issue moves to another project; its key does not.
    """
    number = ident(data.get("id"))
    if not number:
        return None
    fields = obj(data.get("fields"))
    updated = moment(fields.get("updated"))
    key = text(data.get("key")).strip()[:255]
    body = content(fields.get("description"), files_of(fields)) if "description" in fields else None
    marker = marker_of(data)
    state = status_of(fields.get("status"), options)
    return RemoteTicket(
        remote_id=number,
        updated_at=updated or at,
        version=version_of(updated),
        version_token=text(fields.get("updated")),
        key=key,
        private=bool(fields["security"]) if "security" in fields else msgspec.UNSET,
        url=f"{options.base}/browse/{key}" if key else "",
        created_at=moment(fields.get("created")),
        resolved_at=over_since(state, moment(fields.get("resolutiondate"))),
        marker=marker,
        title=text(fields.get("summary")) if "summary" in fields else msgspec.UNSET,
        body=body.markdown if body is not None else msgspec.UNSET,
        lost=body.lost if body is not None else (),
        source_format="adf" if options.cloud else "wiki",
        raw=raw_text(fields.get("description")) if body is not None and body.lost else "",
        status=state,
        priority=(
            priority(text(obj(fields.get("priority")).get("name")), options) if "priority" in fields else msgspec.UNSET
        ),
        kind=kind(name, options) if (name := text(obj(fields.get("issuetype")).get("name"))) else msgspec.UNSET,
        queue=text(obj(fields.get("project")).get("key")) or _queue(key),
        assignee=person(fields.get("assignee")) if "assignee" in fields else msgspec.UNSET,
        requester=_requester(fields),
        tags=labels(fields.get("labels")) if "labels" in fields else msgspec.UNSET,
        custom=_custom(fields, options),
        attachments=_attachments(fields, options),
    )


def _queue(key: str) -> str | msgspec.UnsetType:
    project, dash, number = key.rpartition("-")
    return project if dash and number.isdigit() else msgspec.UNSET


def _requester(fields: Json) -> RemotePerson | msgspec.UnsetType | None:
    if "reporter" not in fields:
        return msgspec.UNSET
    return person(fields.get("reporter"))


def _custom(fields: Json, options: Options) -> dict[str, Any] | msgspec.UnsetType:
    """Read the custom fields that the site has named; choices by their value."""
    if not options.custom_names:
        return msgspec.UNSET
    found: dict[str, Any] = {}
    for number, name in options.custom_names.items():
        value = _plain(fields.get(number))
        if value not in (None, "", []):
            found[name] = value
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get("type") == "doc":
            return content(value).markdown
        return text(value.get("value")) or text(value.get("name")) or account_of(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return text(value) if isinstance(value, str) else value
