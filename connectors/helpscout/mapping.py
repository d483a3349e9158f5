"""Help Scout's JSON to our model: pure, and lenient about what versions 1, 2 and 3 of its payloads vary.

A conversation says when it was made, closed, last touched by a user and since when a customer waits, and never when it
was modified; its state is therefore known by a digest beside these times. Users and customers have ids of their own
that may be the same number, so that a customer is `customer:ID` here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from connectors.content import from_html
from connectors.helpscout.account import Account
from connectors.marks import mark_of
from connectors.sdk import (
    Attachment,
    Category,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    Status,
    Visibility,
    digest,
    our_mark,
    over_since,
)

Json = Mapping[str, Any]

#: stands in for an instant that the desk did not give
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WEB = "https://secure.helpscout.net/conversation"
#: a conversation and its first thread are made within this
GRAIN = timedelta(seconds=5)
#: what is put before the ids of customers
CUSTOMER = "customer:"
#: threads that a customer can read (Mailbox API, "List Threads": type)
PUBLIC = frozenset({"customer", "message", "reply", "chat", "beaconchat"})
#: what the desk notes of itself, which nobody said
ACTIONS = frozenset({"lineitem", "workflow"})
#: threads that nobody has sent, or that wait for their author
UNSENT = frozenset({"draft", "underreview", "review", "deleted"})
SYSTEM = frozenset({"system_user", "system", "bot", "ai"})


def text(value: Any) -> str:
    """Return a string without NUL (PostgreSQL cannot store it); anything that is not a string is empty."""
    return value.replace("\x00", "") if isinstance(value, str) else ""


def ident(value: Any) -> str:
    """Return an id given as string or integer; empty for null, 0 and everything that is no number."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return str(value) if 0 < value < 10**20 else ""
    found = text(value).strip()
    return found if found.isascii() and found.isdigit() and found.strip("0") and len(found) <= 20 else ""


def obj(value: Any) -> Json:
    """Return a JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Json]:
    """Return the objects of a JSON array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def moment(value: Any) -> datetime | None:
    """Read an ISO 8601 instant; None when it is none. Without an offset it is UTC."""
    try:
        found = datetime.fromisoformat(text(value)) if value else None
        if found is None:
            return None
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def web_address(number: str, shown: str) -> str:
    """Return where agents see a conversation: by its id and the number that they know it by."""
    return f"{WEB}/{number}/{shown}" if shown else f"{WEB}/{number}"


def status(word: Any, account: Account) -> Status | msgspec.UnsetType:
    """Read a status; `open` is an older word for active, and one that is not known keeps its word."""
    native = text(word).strip().lower()
    known = {
        "active": Category.OPEN,
        "open": Category.OPEN,
        "pending": Category.PENDING_CUSTOMER,
        "closed": account.closed,
        "spam": Category.CANCELLED,
    }
    return Status(known.get(native, Category.UNKNOWN), native[:100]) if native else msgspec.UNSET


def person(data: Json, role: str = "") -> RemotePerson | None:
    """Read a user, a team or a customer; None without an id and an address."""
    number = ident(data.get("id"))
    kind = text(data.get("type")).lower()
    role = role or {"customer": "customer", "user": "agent", "team": "agent"}.get(
        kind, "system" if kind in SYSTEM else ""
    )
    first = text(data.get("first")) or text(data.get("firstName"))
    last = text(data.get("last")) or text(data.get("lastName"))
    name = " ".join(part for part in (first.strip(), last.strip()) if part)
    email, phone = text(data.get("email")), text(data.get("phone"))
    if not number and not email:
        return None
    external = f"{CUSTOMER}{number}" if number and role == "customer" else number
    return RemotePerson(external, email, phone, name, role)


def version_of(data: Json) -> datetime | None:
    """Return the newest instant that a conversation tells of."""
    waiting = data.get("customerWaitingSince")
    given = [
        data.get("modifiedAt"), data.get("userModifiedAt"), data.get("userUpdatedAt"), data.get("closedAt"),
        data.get("createdAt"), obj(waiting).get("time") if isinstance(waiting, dict) else waiting,
    ]  # fmt: skip
    return max((at for each in given if (at := moment(each)) is not None), default=None)


#: parts of a conversation that are no state of it
_UNSTABLE = frozenset({"_links", "_embedded", "preview", "folderId", "threads", "customerWaitingSince", "photoUrl"})


def token_of(data: Json) -> str:
    """Return a name of the state that a conversation shows; the number of its threads is part of it."""
    held = {name: value for name, value in data.items() if name not in _UNSTABLE}
    threads = data.get("threads")
    count = data.get("threadCount", len(threads) if isinstance(threads, list) else threads)
    return digest([held, count])[:24]


def ticket(data: Json, account: Account, *, at: datetime = EPOCH) -> RemoteTicket | None:
    """Read a conversation as far as it says; None without an id. `at` stands in where it has no time."""
    number = ident(data.get("id"))
    if not number:
        return None
    updated, shown = version_of(data), ident(data.get("number"))
    fields = data.get("customFields")
    named = key_in(fields, account)
    mailbox = ident(data.get("mailboxId")) or ident(data.get("mailboxid")) or ident(obj(data.get("mailbox")).get("id"))
    source = obj(data.get("source"))
    owner = "assignee" if "assignee" in data else "owner"
    customer = obj(data.get("primaryCustomer")) or obj(data.get("customer"))
    now = status(data.get("status"), account)
    return RemoteTicket(
        remote_id=number,
        updated_at=updated or at,
        version=int(updated.timestamp() * 1_000_000) if updated else 0,
        version_token=token_of(data),
        key=shown or number,
        url=web_address(number, shown),
        channel=text(data.get("type")).lower() or text(source.get("type")).lower(),
        created_at=moment(data.get("createdAt")),
        resolved_at=over_since(now, moment(data.get("closedAt"))),
        marker=our_mark(named),
        external_id=named,
        title=text(data.get("subject")) if "subject" in data else msgspec.UNSET,
        status=now,
        queue=account.queue(mailbox) if mailbox else msgspec.UNSET,
        assignee=_assignee(data.get(owner)) if owner in data or _whole(data) else msgspec.UNSET,
        requester=person(customer, "customer") or msgspec.UNSET,
        tags=tags(data.get("tags")) if "tags" in data else msgspec.UNSET,
        custom=custom(fields, account),
        deleted=text(data.get("state")).lower() == "deleted",
    )


def _whole(data: Json) -> bool:
    """Say whether this is a conversation as the API shows it: it leaves out an assignee that there is not."""
    return "mailboxId" in data and "status" in data


def _assignee(value: Any) -> RemotePerson | None:
    """Read who has it; 1 stands for nobody, as the desk has "anyone"."""
    found = person(obj(value), "agent")
    return None if found is None or found.external_id in {"", "1"} else found


def tags(value: Any) -> tuple[str, ...]:
    """Read tags: objects in version 2, texts in version 1; sorted, because their order means nothing."""
    given = value if isinstance(value, list) else []
    found = {text(each.get("tag")) if isinstance(each, dict) else text(each) for each in given}
    return tuple(sorted(tag for tag in found if tag))


def custom(fields: Any, account: Account) -> dict[str, Any] | msgspec.UnsetType:
    """Read custom fields by the names of the settings; empty ones are left out, and so is our mark."""
    if not isinstance(fields, list):
        return msgspec.UNSET
    found: dict[str, Any] = {}
    for field in objects(fields):
        number, value = ident(field.get("id")) or ident(field.get("fieldId")), field.get("value")
        if number and number != account.marker and value not in (None, ""):
            found[account.field_names.get(number, number)] = value
    return found


def key_in(fields: Any, account: Account) -> str:
    """Return what the field of the settings holds, where there is one: our key, or another program's name."""
    if not account.marker:
        return ""
    return next((text(each.get("value")) for each in objects(fields) if ident(each.get("id")) == account.marker), "")


def is_said(thread: Json) -> bool:
    """Say whether a thread is something that somebody said, and that was sent."""
    return (
        text(thread.get("type")).lower() not in ACTIONS
        and text(thread.get("state")).lower() not in UNSENT
        and bool(ident(thread.get("id")))
    )


def in_order(threads: list[Json]) -> list[Json]:
    """Return threads as they were said: the desk lists the newest first."""
    return sorted(threads, key=lambda each: (moment(each.get("createdAt")) or EPOCH, int(ident(each.get("id")) or "0")))


def comment(thread: Json, account: Account, conversation: str) -> RemoteComment:
    """Read a thread. Public is what a customer wrote or was sent; a hidden one, a note, a forward, any other is not."""
    kind, state = text(thread.get("type")).lower(), text(thread.get("state")).lower()
    public = kind in PUBLIC and state in {"published", ""}
    body = text(thread.get("body")) or text(thread.get("text"))
    read = from_html(body, images=_images(thread))
    author = person(obj(thread.get("createdBy")) or obj(thread.get("author")))
    incoming = author is not None and author.role == "customer"
    return RemoteComment(
        remote_id=ident(thread.get("id")),
        at=moment(thread.get("createdAt")) or EPOCH,
        body=read.markdown,
        visibility=Visibility.PUBLIC if public else Visibility.INTERNAL,
        author=author,
        marker="" if incoming else mark_of(body),
        source_format="html",
        attachments=tuple(attachments(thread, account, conversation)),
        lost=read.lost,
        raw=body if read.lost else "",
    )


def parted(
    spoken: list[RemoteComment], created_at: datetime | None
) -> tuple[RemoteComment | None, list[RemoteComment]]:
    """Return what a conversation is about, and what was said of it.

    What is older than the conversation came with another that was merged into it, and is not what this one is about.
    """
    since = created_at - GRAIN if created_at is not None else EPOCH
    first = next((one for one in spoken if one.at >= since), spoken[0] if spoken else None)
    return first, [one for one in spoken if one is not first]


def _files(thread: Json) -> list[Json]:
    return objects(obj(thread.get("_embedded")).get("attachments")) or objects(thread.get("attachments"))


def _images(thread: Json) -> dict[str, str]:
    """Return the files of a thread by the addresses at which its text may show them."""
    found: dict[str, str] = {}
    for each in _files(thread):
        links = obj(each.get("_links"))
        for address in (text(obj(links.get("web")).get("href")), text(each.get("url"))):
            if address and ident(each.get("id")):
                found[address] = ident(each.get("id"))
    return found


def attachments(thread: Json, account: Account, conversation: str) -> list[Attachment]:
    """Read the files of a thread; one that was found to be malicious is not shown to anybody."""
    found = []
    for each in _files(thread):
        number = ident(each.get("id"))
        size = each.get("size")
        if number and text(each.get("state")).lower() not in {"invalid", "infected", "malicious"}:
            found.append(
                Attachment(
                    text(each.get("filename")) or text(each.get("fileName")) or "attachment",
                    text(each.get("mimeType")) or "application/octet-stream",
                    size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else 0,
                    number,
                    f"{account.url}/v2/conversations/{conversation}/attachments/{number}/data",
                )
            )
    return found


def same_text(one: str, other: str) -> bool:
    """Compare two texts as a desk may reflow them: by their words only."""
    return one.split() == other.split()
