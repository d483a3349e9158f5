"""What is read from Redmine: one issue whole, what changed, files, who we are, who is there, and whether it will do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from connectors.redmine import mapping
from connectors.redmine.account import Account
from connectors.redmine.asking import PAGE, TABLES, Json, ask, decoded, get, is_issue_id, obj, objects, require
from connectors.redmine.mapping import ident, text
from connectors.sdk import (
    Attachment,
    AuthenticationError,
    Blob,
    Call,
    ChangePage,
    CheckResult,
    DeskAgent,
    HttpRequest,
    Identity,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    TransportError,
)

#: how far back the first poll looks
FIRST_LOOK = timedelta(hours=1)
#: times have whole seconds, and a transaction may be committed after a later one
OVERLAP = timedelta(seconds=30)
INCLUDE = "journals,attachments,relations"
#: what makes a note private, and shows those of others
PRIVATE = frozenset({"set_notes_private", "view_private_notes"})
#: either makes an issue of ours private
HIDING = frozenset({"set_issues_private", "set_own_issues_private"})


def issue_data(remote_id: str) -> Call[Json | None]:
    """Read the JSON of an issue with its journals; None when it is not there or out of our sight."""
    request = get(f"/issues/{remote_id}.json", "read issue", include=INCLUDE)
    body = yield from ask(request, none=frozenset({403, 404}))
    if body is None:
        return None
    data = obj(body.get("issue"))
    if ident(data.get("id")) != remote_id.lstrip("0"):
        msg = f"Redmine's answer to reading issue {remote_id} is not that issue"
        raise TransportError(msg)
    return data


def read(account: Account, remote_id: str) -> Call[RemoteTicket | None]:
    """Read one issue and all its notes; None when it is not there or out of our sight."""
    if not is_issue_id(remote_id):
        return None
    data = yield from issue_data(remote_id)
    if data is None:
        return None
    author = yield from _author(data, account)
    return whole(data, account, author)


def whole(data: Json, account: Account, author: RemotePerson | None = None) -> RemoteTicket:
    """Return an issue with its notes and files; a file stands with the note that brought it."""
    found = mapping.issue(data, account, at=mapping.EPOCH)
    if found is None:
        msg = "Redmine's answer holds no issue"
        raise TransportError(msg)
    files = {ident(each.get("id")): each for each in objects(data.get("attachments"))}
    comments = comments_of(data, account)
    taken = {file.remote_id for said in comments for file in said.attachments}
    body = found.body if isinstance(found.body, str) else ""
    return msgspec.structs.replace(
        found,
        requester=author or found.requester,
        comments=tuple(comments),
        attachments=tuple(
            mapping.attachment(file, shown=f"(attachment:{number})" in body)
            for number, file in files.items()
            if number not in taken
        ),
        merged_into=_duplicate_of(data) if account.duplicates_are_merged else "",
        complete=True,
    )


def comments_of(data: Json, account: Account) -> list[RemoteComment]:
    """Return the notes of an issue, oldest first."""
    refs = mapping.file_refs(data)
    files = {ident(each.get("id")): each for each in objects(data.get("attachments"))}
    found: dict[str, RemoteComment] = {}
    for item in mapping.joined(objects(data.get("journals"))):
        said = mapping.journal(item, account, refs, at=mapping.EPOCH)
        if said is None:
            continue
        brought = tuple(
            mapping.attachment(files[number], shown=f"(attachment:{number})" in said.body)
            for number in mapping.attached(item)
            if number in files
        )
        if said.body or brought:
            found[said.remote_id] = msgspec.structs.replace(said, attachments=brought)
    return sorted(found.values(), key=lambda said: (said.at, int(said.remote_id)))


def _duplicate_of(data: Json) -> str:
    """Return the issue of which a closed one is a duplicate."""
    number, status = ident(data.get("id")), obj(data.get("status"))
    # an issue that was opened again keeps its `closed_on`; Redmine before 5.0 shows nothing else
    closed = status["is_closed"] is True if "is_closed" in status else bool(data.get("closed_on"))
    for relation in objects(data.get("relations")):
        mine = text(relation.get("relation_type")) == "duplicates" and ident(relation.get("issue_id")) == number
        if mine and closed:
            return ident(relation.get("issue_to_id"))
    return ""


def _author(data: Json, account: Account) -> Call[RemotePerson | None]:
    """Read the author's address, which an issue does not show; Redmine may keep it from us."""
    asked = mapping.requester(data, account)
    if asked is None or not asked.external_id:
        return asked
    body = yield from ask(get(f"/users/{asked.external_id}.json", "read author"), none=frozenset({403, 404}))
    return mapping.person(obj(body).get("user")) or asked


class _Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far polling is; stored by the flow as JSON text."""

    #: `updated_on` of the last issue that was seen
    at: datetime
    #: rows of that same second to leave out: they fill a page by themselves
    skip: int = 0
    #: a round is under way
    going: bool = False


def changes(account: Account, cursor: str, now: datetime) -> Call[ChangePage]:
    """Read one page of what changed, oldest first; a round ends with `end=True`.

    Each page begins with the second in which the last one ended, so that an issue that changes meanwhile hides none.
    """
    try:
        state = msgspec.json.decode(cursor, type=_Cursor) if cursor else _Cursor(now - FIRST_LOOK)
    except msgspec.DecodeError:
        state = _Cursor(now - FIRST_LOOK)
    since = (state.at if state.going else state.at - OVERLAP).astimezone(UTC).replace(microsecond=0)
    request = get(
        "/issues.json",
        "what changed",
        status_id="*",
        updated_on=f">={since.strftime('%Y-%m-%dT%H:%M:%SZ')}",
        sort="updated_on,id",
        limit=str(PAGE),
        offset=str(state.skip),
    )
    rows = objects(obj((yield from ask(request, none=()))).get("issues"))
    issues = [found for row in rows if (found := mapping.issue(row, account, at=mapping.EPOCH)) is not None]
    newest = max((each.updated_at for each in issues), default=state.at)
    if len(rows) < PAGE:
        following = _Cursor(max(newest, state.at))
    elif newest > since:
        following = _Cursor(newest, going=True)
    else:
        following = _Cursor(since, state.skip + len(rows), going=True)
    return ChangePage(tuple(issues), msgspec.json.encode(following).decode(), end=not following.going)


def fetch(attachment: Attachment) -> Call[Blob | bytes | None]:
    """Read one file; None when it is not there or out of our sight."""
    if not is_issue_id(attachment.remote_id):
        return None
    request = HttpRequest("GET", f"/attachments/download/{attachment.remote_id}", label="read file", keep=True)
    response = yield request
    if response.status in {403, 404}:
        return None
    require(request, response)
    return response.blob if response.blob is not None else response.body


# ---------------------------------------------------------------- people


def whoami(account: Account) -> Call[Identity]:
    """Say who we are; raises AuthenticationError when the credentials do not hold."""
    user = yield from _current(account)
    person = mapping.person(user, "agent")
    if person is None:
        msg = "Redmine does not know who we are: check auth in gateway.yaml, and that the REST API is enabled"
        raise AuthenticationError(msg)
    return Identity(person, f"{person.label}, id {person.external_id}")


def _current(account: Account) -> Call[Json]:
    request = get("/users/current.json", "who are we", include="memberships")
    user = obj(obj((yield from ask(request, none=frozenset({403, 404})))).get("user"))
    account.account_id = ident(user.get("id")) or account.account_id
    return user


def may_keep_private(account: Account, project: str) -> Call[bool]:
    """Say whether our user may keep notes private in a project.

    Without that permission Redmine takes the note, drops `private_notes` without a word, and shows it to everybody
    (app/models/issue.rb, safe_attributes): so it is asked for before each of them: roles change.
    """
    given = yield from _permissions(account, project)
    return given is None or given >= PRIVATE


def may_hide_issues(account: Account, project: str) -> Call[bool]:
    """Say whether our user may make private issues in a project; without that permission `is_private` is dropped."""
    given = yield from _permissions(account, project)
    return given is None or not given.isdisjoint(HIDING)


def _permissions(account: Account, project: str) -> Call[set[str] | None]:
    """Read what our user's roles in a project permit; None for an administrator, who may everything."""
    user = yield from _current(account)
    if user.get("admin") is True:
        return None
    given: set[str] = set()
    for member in objects(user.get("memberships")):
        mine = ident(obj(member.get("project")).get("id")) == project
        for role in objects(member.get("roles")) if mine else ():
            body = yield from ask(get(f"/roles/{ident(role.get('id'))}.json", "read role"), none=frozenset({403, 404}))
            permissions = obj(obj(body).get("role")).get("permissions")
            given |= {text(each) for each in permissions} if isinstance(permissions, list) else set()
    return given


def agents(accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:
    """Look for these accounts; one that is not there, or locked and not shown to us, is left out."""
    found: list[DeskAgent] = []
    for name in sorted(accounts):
        if not is_issue_id(name):
            continue
        request = get(f"/users/{name}.json", "read agent")
        response = yield request
        if response.status == 404:
            continue
        require(request, response)
        user = obj((decoded(response) or {}).get("user"))
        person = mapping.person(user, "agent")
        if person is None:
            msg = f"Redmine's answer is not the user {name}"
            raise TransportError(msg)
        # 1 is active; 2 registered, 3 locked. Only admins are told
        active = user.get("status", 1) == 1
        found.append(DeskAgent(person.external_id, person.email, person.name, active))
    return found


def _words(table: str, setting: str, known: Collection[str], written: Collection[str]) -> Call[CheckResult]:
    """Compare Redmine's own words with those whose meaning is known, and with those that would be written.

    Its default data is in the language of whoever set it up (lib/redmine/default_data/loader.rb).
    """
    path, key = TABLES[table]
    response = yield get(path, f"try {table}")
    if not response.ok:
        detail = f"{key} HTTP {response.status}: the user may not read them"
        return CheckResult(table, ok=False, detail=detail)
    names = [text(row.get("name")) for row in objects(obj(decoded(response)).get(key))]
    there = {name.lower() for name in names}
    strange = [name for name in names if name.lower() not in known]
    lacking = sorted(word for word in written if word.lower() not in there)
    told = [f"say under `{setting}:` what these mean: {', '.join(strange)}"] if strange else []
    told += [f"Redmine has no {', '.join(lacking)}, which would be written"] if lacking else []
    return CheckResult(table, ok=not told, detail="; ".join(told) or f"{key} can be read", warning=True)


def check(account: Account) -> Call[Sequence[CheckResult]]:
    """Try what the connection needs, with reads only."""
    try:
        us = yield from whoami(account)
    except AuthenticationError as error:
        return [CheckResult("credentials", ok=False, detail=str(error))]
    results = [CheckResult("credentials", ok=True, detail=us.detail, facts={"account_id": us.person.external_id})]
    for table, setting, known, written in (
        ("status", "statuses", account.statuses, account.words),
        ("priority", "priorities", account.priorities, account.levels),
        ("tracker", "trackers", account.trackers, account.kinds),
    ):
        results.append((yield from _words(table, setting, known, set(written.values()))))
    results.append((yield from _marker(account)))
    user = yield from _current(account)
    projects = [obj(member.get("project")) for member in objects(user.get("memberships"))]
    public = []
    for project in projects:
        kept = yield from may_keep_private(account, ident(project.get("id")))
        public += [] if kept else [text(project.get("name"))]
    told = f"notes cannot be kept private in {', '.join(public)}: internal notes are refused there" if public else ""
    results.append(CheckResult("private_notes", ok=not public, detail=told or "notes can be private", warning=True))
    if not account.webhook_secrets:
        told = "no webhook_secret: webhooks are refused, and only polling brings changes"
        results.append(CheckResult("webhook_secret", ok=False, detail=told, warning=True))
    return results


def _marker(account: Account) -> Call[CheckResult]:
    """Say whether issues can be searched by our mark: a field that is no filter is ignored, and every issue found."""
    if not account.ticket_marker:
        told = "no ticket_marker: a creation whose answer is lost is left to a person"
        return CheckResult("marker", ok=False, detail=told, warning=True, facts={"marker_ticket": False})
    where = {f"cf_{account.ticket_marker}": "no-such-mark"}
    response = yield get("/issues.json", "try the mark", status_id="*", limit="1", **where)
    found = objects((decoded(response) or {}).get("issues"))
    ok = response.ok and not found
    told = (
        f"issues are searched by custom field {account.ticket_marker}"
        if ok
        else f"custom field {account.ticket_marker} is not there, not for our user, or not `Used as a filter`"
    )
    return CheckResult("marker", ok=ok, detail=told, warning=True, facts={"marker_ticket": ok})
