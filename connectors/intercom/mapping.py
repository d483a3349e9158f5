"""Intercom's JSON to our model: pure, and lenient about what its versions vary.

A customer's ticket is a conversation as well, and has one id as both. Webhooks of old apps call the first message
`conversation_message`, the customer `user` and who has it `assignee`; newer ones say `source`, `contacts` and
`admin_assignee_id` [1].
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from connectors.content import from_html, to_plain
from connectors.intercom.account import Account
from connectors.sdk import (
    Attachment,
    Category,
    HoldReason,
    Level,
    Priority,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    Status,
    Visibility,
    our_mark,
)

Json = Mapping[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TITLE, BODY = "_default_title_", "_default_description_"
#: the first words of a conversation that has no title
TITLE_LENGTH = 100

#: what the categories of ticket states mean [2]
STATES = {
    "submitted": Status(Category.NEW, "submitted"),
    "in_progress": Status(Category.OPEN, "in_progress"),
    "waiting_on_customer": Status(Category.PENDING_CUSTOMER, "waiting_on_customer"),
    "resolved": Status(Category.RESOLVED, "resolved"),
}
STATE_WORDS = {each.category: word for word, each in STATES.items()}
#: and those of conversations
OPEN = {
    "open": Status(Category.OPEN, "open"),
    "snoozed": Status(Category.ON_HOLD, "snoozed", HoldReason.OTHER),
    "closed": Status(Category.RESOLVED, "closed"),
}
FLAGGED = Priority(Level.P2, "priority")

CUSTOMERS = frozenset({"user", "lead", "contact", "visitor"})
#: parts in which somebody says something to the customer
SPOKEN = frozenset({"comment", "quick_reply", "open", "close", "message"})
#: parts that carry a reply along: of "reply and assign" the reply stands in the assignment [3]
ASSIGNING = frozenset({"assignment", "assign_and_reopen", "default_assignment"})


def text(value: Any) -> str:
    """Return a string without NUL (PostgreSQL cannot store it); anything that is not a string is empty."""
    return value.replace("\x00", "") if isinstance(value, str) else ""


def ident(value: Any) -> str:
    """Return an id given as string or integer; empty for null, 0, "0" and everything else."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return str(value) if 0 < value < 10**30 else ""
    found = text(value).strip()
    return "" if found == "0" or len(found) > 100 else found


def obj(value: Any) -> Json:
    """Return a JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Json]:
    """Return the objects of a JSON array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def moment(value: Any) -> datetime | None:
    """Read whole seconds since 1970; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        return None
    try:
        return EPOCH + timedelta(seconds=value)
    except OverflowError:
        return None


def version_of(at: datetime) -> int:
    """Return the order of a ticket's states: microseconds, at the one second that Intercom shows."""
    return int(at.timestamp()) * 1_000_000


# ---------------------------------------------------------------- people


def person(data: Json) -> RemotePerson | None:
    """Read an author, an admin or a contact; None where nobody is meant."""
    sort, number = text(data.get("type")).lower(), ident(data.get("id"))
    if not number or sort in {"nobody_admin", "nobody"}:
        return None
    role = "customer" if sort in CUSTOMERS or text(data.get("role")) in {"user", "lead"} else ""
    role = role or ("agent" if sort == "admin" else "system" if sort in {"bot", "operator"} else "")
    return RemotePerson(number, text(data.get("email")), text(data.get("phone")), text(data.get("name")), role)


def is_bot(data: Json) -> bool:
    """Say whether an author is a machine of Intercom's."""
    return text(data.get("type")).lower() in {"bot", "operator", "workflow", "campaign"}


def requester(data: Json) -> RemotePerson | None:
    """Return whose ticket it is, with what is said of them: often no more than an id."""
    user = person(obj(data.get("user")))
    if user is not None:
        return msgspec.structs.replace(user, role="customer")
    first = next(iter(objects(obj(data.get("contacts")).get("contacts"))), {})
    found = person(first)
    if found is None:
        return None
    said = obj(obj(data.get("source")).get("author"))
    if ident(said.get("id")) == found.external_id:
        found = msgspec.structs.replace(found, email=text(said.get("email")), name=text(said.get("name")))
    return msgspec.structs.replace(found, role="customer")


def assignee(data: Json) -> RemotePerson | msgspec.UnsetType | None:
    """Return the teammate who has it; unset where nothing is said."""
    if "admin_assignee_id" in data:
        number = ident(data.get("admin_assignee_id"))
        return RemotePerson(number, role="agent") if number else None
    if "assignee" not in data:
        return msgspec.UNSET
    found = obj(data.get("assignee"))
    return person(found) if text(found.get("type")).lower() == "admin" else None


def queue(data: Json, account: Account) -> str | msgspec.UnsetType:
    """Return the team that has it; unset where nothing is said."""
    if "team_assignee_id" in data:
        return account.queue(ident(data.get("team_assignee_id")))
    found = obj(data.get("assignee"))
    return account.queue(ident(found.get("id"))) if text(found.get("type")).lower() == "team" else msgspec.UNSET


# ---------------------------------------------------------------- tickets and conversations


def is_ticket(data: Json) -> bool:
    """Say whether an object is a ticket, and not a conversation."""
    return text(data.get("type")) == "ticket" or "ticket_attributes" in data or "ticket_state" in data


def state(data: Json, account: Account) -> Status | msgspec.UnsetType:
    """Read a ticket's state: one of your own by its label in the settings, else by Intercom's category."""
    if not is_ticket(data):
        word = text(data.get("state")).lower() or ("" if "open" not in data else "open" if data["open"] else "closed")
        return OPEN.get(word) or (Status(Category.UNKNOWN, word) if word else msgspec.UNSET)
    said = data.get("ticket_state")
    if "ticket_state" not in data and text(data.get("state")).lower() in STATES:
        said = data["state"]
    if isinstance(said, str):
        # versions before 2.12 have the category alone; topics of contacts call it `state`
        label = text(data.get("ticket_state_internal_label")) or text(data.get("ticket_custom_state_admin_label"))
        return own_state(account, label.strip()) or STATES.get(said.lower()) or Status(Category.UNKNOWN, text(said))
    found = obj(said)
    if not found and "ticket_state" not in data:
        return msgspec.UNSET
    word, label = text(found.get("category")).lower(), text(found.get("internal_label")).strip()
    own = own_state(account, label)
    if own is not None:
        return own
    return STATES.get(word) or (Status(Category.UNKNOWN, label or word) if label or word else msgspec.UNSET)


def own_state(account: Account, label: str) -> Status | None:
    """Return what a state of the workspace's own making means; None where the settings do not say."""
    for known, category in account.states.items():
        if known.lower() == label.lower():
            reason = HoldReason.THIRD_PARTY if category is Category.ON_HOLD else None
            return Status(category, known, reason)
    return None


def priority(data: Json, account: Account) -> Priority | msgspec.UnsetType:
    """Read a priority: a ticket's from the attribute that the settings name, a conversation's mark."""
    if not is_ticket(data):
        word = data.get("priority")
        if not isinstance(word, str | bool):
            return msgspec.UNSET
        return FLAGGED if word in {True, "priority"} else Priority()
    given = attributes(data)
    if not account.priority_attribute or not given:
        return msgspec.UNSET
    native = text(given.get(account.priority_attribute)).strip()
    level = next((level for word, level in account.priorities.items() if word.lower() == native.lower()), Level.UNSET)
    return Priority(level, native)


def ticket(data: Json, account: Account, *, at: datetime) -> RemoteTicket | None:
    """Read a ticket or a conversation as far as it says; None without an id. `at` stands in for `updated_at`."""
    number = ident(data.get("id"))
    if not number:
        return None
    updated = moment(data.get("updated_at"))
    if is_ticket(data):
        given = attributes(data)
        title: Any = text(given.get(TITLE)) if TITLE in given else msgspec.UNSET
        body: Any = text(given.get(BODY)) if BODY in given else msgspec.UNSET
        lost: tuple[str, ...] = ()
        named, key = text(given.get(account.key_attribute)).strip(), ident(data.get("ticket_id")) or number
    else:
        title, body, lost = _opening(data)
        named, key = "", number
    parts = parts_of(data)
    source = obj(data.get("source")) or obj(data.get("conversation_message"))
    return RemoteTicket(
        remote_id=number,
        updated_at=updated or at,
        version=version_of(updated) if updated else 0,
        version_token=f"{data.get('updated_at')}#{_count(data)}" if updated and parts else "",
        key=key,
        url=link(account, number),
        channel=_channel(data, text(source.get("type"))),
        created_at=moment(data.get("created_at")),
        marker=our_mark(named),
        external_id=named,
        title=title,
        body=body,
        status=state(data, account),
        priority=priority(data, account),
        queue=queue(data, account),
        assignee=assignee(data),
        requester=requester(data) or msgspec.UNSET,
        tags=msgspec.UNSET if (tags := tag_names(data.get("tags"))) is None else tags,
        attachments=files(number, "source", source.get("attachments")),
        custom=_kept(data, account),
        lost=lost,
        raw=text(source.get("body")) if lost else "",
    )


def _channel(data: Json, source: str) -> str:
    """Return by what way it came: a conversation says so of its first message, a ticket itself."""
    return "conversation" if source == "conversation_message" else source or text(data.get("channel"))


def link(account: Account, number: str) -> str:
    """Return the address of a conversation as teammates open it; empty where the workspace's id is not known."""
    return f"https://app.intercom.com/a/apps/{account.workspace}/conversations/{number}" if account.workspace else ""


def attributes(data: Json) -> Json:
    """Return the attributes of a ticket; topics of contacts wrap each value, and call them custom."""
    if isinstance(data.get("ticket_attributes"), dict):
        return obj(data["ticket_attributes"])
    wrapped = obj(data.get("custom_attributes")).items()
    return {name: obj(each).get("value") if isinstance(each, dict) else each for name, each in wrapped}


def tag_names(value: Any) -> tuple[str, ...] | None:
    """Return the names in a list of tags, sorted, because their order means nothing; None where none is given."""
    tags = obj(value).get("tags")
    return tuple(sorted({text(each.get("name")) for each in objects(tags)} - {""})) if isinstance(tags, list) else None


def _kept(data: Json, account: Account) -> dict[str, Any] | msgspec.UnsetType:
    """Return the attributes of a ticket, or of a conversation, that hold the numbers of tickets elsewhere."""
    given = {**obj(data.get("custom_attributes")), **(attributes(data) if is_ticket(data) else {})}
    return {name: given[name] for name in account.kept if given.get(name)} if account.kept else msgspec.UNSET


def _opening(data: Json) -> tuple[Any, Any, tuple[str, ...]]:
    """Return title, body and what is lost of a conversation: its first message; the title, else its first words."""
    source = obj(data.get("source")) or obj(data.get("conversation_message"))
    if not source:
        title = text(data.get("title")).strip()
        return (title or msgspec.UNSET), msgspec.UNSET, ()
    content = from_html(text(source.get("body")))
    title = text(data.get("title")).strip() or to_plain(from_html(text(source.get("subject"))).markdown).strip()
    if not title:
        title = to_plain(content.markdown).strip().partition("\n")[0][:TITLE_LENGTH]
    return title, content.markdown, content.lost


def parts_of(data: Json) -> list[Json]:
    """Return what happened to a ticket or a conversation, as far as it is told."""
    held = obj(data.get("ticket_parts") or data.get("conversation_parts"))
    return objects(held.get("ticket_parts") or held.get("conversation_parts"))


def _count(data: Json) -> int:
    held = obj(data.get("ticket_parts") or data.get("conversation_parts"))
    count = held.get("total_count")
    return count if isinstance(count, int) and not isinstance(count, bool) else len(parts_of(data))


def files(number: str, part: str, value: Any) -> tuple[Attachment, ...]:
    """Read the files of a part. They have no id, and their addresses hold for a while: each is named by its place."""
    return tuple(
        Attachment(
            text(each.get("name")) or "attachment",
            text(each.get("content_type")) or "application/octet-stream",
            size if type(size := each.get("filesize")) is int and size >= 0 else 0,
            f"{number}:{part}:{place}",
            text(each.get("url")),
        )
        for place, each in enumerate(objects(value))
        if text(each.get("url"))
    )


# ---------------------------------------------------------------- what was said


def comment(data: Json, number: str, *, at: datetime) -> RemoteComment | None:
    """Read a part in which somebody said something; None for what only happened, and for what was taken back."""
    part, author = ident(data.get("id")), obj(data.get("author"))
    sort = text(data.get("part_type")).lower()
    attached = files(number, part, data.get("attachments"))
    html = text(data.get("body"))
    if not part or data.get("redacted") is True or not (html.strip() or attached):
        return None
    known = sort in SPOKEN or sort in ASSIGNING or "note" in sort
    if is_bot(author) and not known:
        # a notice of Intercom's own, as that of when there will be an answer
        return None
    content = from_html(html, images={each.url: each.remote_id for each in attached})
    if not content.markdown.strip() and not attached:
        return None
    attached = shown_in(content.markdown, attached)
    return RemoteComment(
        remote_id=part,
        at=moment(data.get("created_at")) or at,
        body=content.markdown,
        visibility=Visibility.PUBLIC if is_public(data) else Visibility.INTERNAL,
        author=person(author),
        source_format="html",
        attachments=attached,
        lost=content.lost,
        raw=html if content.lost else "",
    )


def is_opening(part: Json, data: Json) -> bool:
    """Say whether a part is the first message, which is the body: where that is tagged, it is told as a part."""
    source = obj(data.get("source")) or obj(data.get("conversation_message"))
    return ident(source.get("id")) == ident(part.get("id")) != "" and text(source.get("body")) == text(part.get("body"))


def is_public(data: Json) -> bool:
    """Say whether a part was said to the customer, or by one.

    A part of a kind that is not known is not. An assignment has a reply where the one who replied got the
    conversation by that [3]; what is said while it is given to somebody else is for them.
    """
    author = obj(data.get("author"))
    sort = text(data.get("part_type")).lower()
    if "note" in sort:
        return False
    if text(author.get("type")).lower() in CUSTOMERS or sort in SPOKEN:
        return True
    to = obj(data.get("assigned_to"))
    return sort in ASSIGNING and bool(ident(author.get("id"))) and ident(to.get("id")) == ident(author.get("id"))


def shown_in(markdown: str, attached: tuple[Attachment, ...]) -> tuple[Attachment, ...]:
    """Return files, those marked that a text shows."""
    return tuple(
        msgspec.structs.replace(each, inline=True) if f"](attachment:{each.remote_id})" in markdown else each
        for each in attached
    )


def attribute_of(part: Json) -> tuple[str, str]:
    """Return the name and the value of the attribute of which a part tells that it was set; empty: of none."""
    said = obj(part.get("updated_attribute_data"))
    value = obj(said.get("value"))
    return text(obj(said.get("attribute")).get("label")), text(value.get("name")) or text(value.get("label"))


def comments(data: Json) -> list[RemoteComment]:
    """Return all that was said, in order."""
    number = ident(data.get("id"))
    found = (comment(each, number, at=EPOCH) for each in parts_of(data) if not is_opening(each, data))
    return [each for each in found if each is not None]


def same_text(one: str, other: str) -> bool:
    """Compare two texts as Intercom may reflow them: by their words only."""
    return one.split() == other.split()
