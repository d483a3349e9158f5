"""What is read from GitLab: one issue whole, who we are, and where an issue went."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

import msgspec

from connectors.gitlab import mapping
from connectors.gitlab.account import Account
from connectors.gitlab.asking import API, ask, everything, get, issue_path, page, require
from connectors.gitlab.mapping import Json, ident, is_bot, obj, parts, remote_id, text
from connectors.sdk import (
    Attachment,
    AuthenticationError,
    Blob,
    Call,
    HttpRequest,
    Identity,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    TransportError,
)

_ISSUE_URL = re.compile(r"/projects/(\d+)/issues/(\d+)/?$")
#: an issue as GitLab's own notes name it: `group/project#12`, or `project#12` within the same group
_NAMED = re.compile(r"(?<![\w./#-])(\w[\w./-]{0,299})#(\d{1,18})(?!\w)")
#: so many of them are looked at, the newest first
MOST_NAMED = 10
_SECRET = re.compile(r"\d{1,18}/[0-9a-f]{32}/[^/\\\s]{1,300}")


def issue(remote: str, label: str = "read issue") -> Call[Json | None]:
    """Read one issue as GitLab has it."""
    where = parts(remote)
    return (yield from ask(get(issue_path(*where), label))) if where is not None else None


def read(account: Account, remote: str) -> Call[RemoteTicket | None]:
    """Read one issue and all its notes; None when it is not there, or out of our sight."""
    where = parts(remote)
    data = yield from issue(remote)
    if data is None or where is None or (account.skips_confidential and data.get("confidential") is True):
        return None
    found = mapping.ticket(data, account, at=mapping.EPOCH)
    if found is None or found.remote_id != remote:
        msg = f"GitLab's answer to reading {remote} is another issue"
        raise TransportError(msg)
    notes = yield from everything(f"{issue_path(*where)}/notes", "read notes", sort="asc", order_by="created_at")
    into = yield from _gone_to(data, notes)
    comments = _comments(account, where[0], notes, found)
    return msgspec.structs.replace(found, comments=comments, complete=True, merged_into=into if into != remote else "")


def _comments(account: Account, project: str, notes: list[Json], found: RemoteTicket) -> tuple[RemoteComment, ...]:
    """Return what people said; what the account of Service Desk writes is the customer's."""
    said: dict[str, RemoteComment] = {}
    for note in notes:
        if note.get("system") is True:
            continue
        who = customer(note, found)
        one = mapping.comment(note, account, project, at=mapping.EPOCH, author=who)
        if one is not None:
            said[one.remote_id] = one
    return tuple(sorted(said.values(), key=lambda one: (one.at, int(one.remote_id))))


def customer(note: Json, found: RemoteTicket) -> RemotePerson | None:
    """Return the customer behind a note that came by mail; None: its author is who it says."""
    author = obj(note.get("author"))
    if not is_bot(author):
        return None
    if isinstance(found.requester, RemotePerson) and found.requester.role == "customer":
        return found.requester
    return mapping.person(author, "customer")


def _gone_to(data: Json, notes: list[Json]) -> Call[str]:
    """Return the issue that took this one's place: it was closed as a duplicate of it, or moved there.

    A move is told by an id (`moved_to_id`) by which only admins can ask. GitLab's own notes name the place, whatever
    their words: it is the one that has that id.
    """
    link = _ISSUE_URL.search(text(obj(data.get("_links")).get("closed_as_duplicate_of")))
    if link:
        return remote_id(link.group(1), link.group(2))
    moved = ident(data.get("moved_to_id"))
    if not moved:
        return ""
    group = text(obj(data.get("references")).get("full")).partition("#")[0].rpartition("/")[0]
    for project, iid in _named_in(notes, group):
        there = yield from ask(get(issue_path(project, iid), "where it went"))
        if there is not None and ident(there.get("id")) == moved:
            return remote_id(ident(there.get("project_id")), iid)
    return ""


def _named_in(notes: list[Json], group: str) -> list[tuple[str, str]]:
    """Return (project, number) of the issues that GitLab's own notes name, the newest first."""
    own = [text(note.get("body")) for note in reversed(notes) if note.get("system") is True]
    told = [found.groups() for body in own for found in _NAMED.finditer(body)]
    full = [(project if "/" in project or not group else f"{group}/{project}", iid) for project, iid in told]
    return list(dict.fromkeys(full))[:MOST_NAMED]


def whoami(account: Account) -> Call[Identity]:
    """Say who we are; raises AuthenticationError when the token does not hold."""
    body = yield from ask(get("/user", "who are we"))
    who = mapping.person(body or {}, "agent")
    if who is None or body is None:
        msg = "GitLab does not say who we are: the token needs the scope api"
        raise AuthenticationError(msg)
    account.us.learn(who.external_id, text(body.get("username")))
    return Identity(who, f"{who.label}, user {account.us.username}, id {who.external_id}")


def our_id(account: Account) -> Call[str]:
    """Return our user id, from the settings or by asking."""
    if not account.us.id:
        yield from whoami(account)
    return account.us.id


def major(account: Account) -> Call[int]:
    """Return the major version of GitLab; a recent one where it does not say."""
    if not account.us.major:
        body = yield from ask(get("/version", "which version"))
        word = text((body or {}).get("version")).partition(".")[0]
        account.us.major = int(word) if word.isascii() and word.isdigit() and len(word) < 4 else 99
    return account.us.major


def user_by(email: str) -> Call[str]:
    """Return the id of the one user with that e-mail; empty where there is none, or GitLab does not show it."""
    rows, _ = yield from page(get("/users", "look for a user", search=email, per_page="20"))
    found = [
        ident(row.get("id"))
        for row in rows
        if email.lower() in {text(row.get("email")).lower(), text(row.get("public_email")).lower()}
    ]
    return found[0] if len(found) == 1 else ""


def fetch(attachment: Attachment) -> Call[Blob | bytes | None]:
    """Read one upload, by the secret in its address; None when it is not there or out of our sight."""
    if not _SECRET.fullmatch(attachment.remote_id):
        return None
    project, secret, name = attachment.remote_id.split("/")
    url = f"{API}/projects/{project}/uploads/{secret}/{quote(unquote(name), safe='')}"
    request = HttpRequest("GET", url, headers={"Accept": "*/*"}, keep=True, label="read a file")
    response = yield request
    if response.status in {403, 404}:
        return None
    require(request, response)
    if response.blob is None:
        msg = "the file did not come"
        raise TransportError(msg)
    return response.blob
