"""What is read from GitHub: an issue whole, what changed, who we are, who can be assigned, and whether all is there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from connectors.github import mapping
from connectors.github.asking import (
    PAGE,
    answer,
    ask,
    ask_all,
    complaint,
    decoded,
    get,
    has_next,
    is_throttled,
    issue_path,
)
from connectors.github.mapping import EPOCH, Json, moment, obj, objects, text
from connectors.github.options import Options
from connectors.sdk import (
    AuthenticationError,
    Call,
    ChangePage,
    CheckResult,
    DeskAgent,
    HttpResponse,
    Identity,
    RemotePerson,
    RemoteTicket,
    TransportError,
)

#: an issue that was moved is told by 301; the others would say the same
REDIRECTS = frozenset({301, 302, 307, 308})
#: an issue may be moved again
MOST_HOPS = 3
#: where the redirect leads: below the address of the API
_PLACE = re.compile(r"/repositories/\d{1,18}/issues/\d{1,12}$")
#: how far back the first poll looks
FIRST_LOOK = timedelta(hours=1)
#: issues this much older than the newest one seen are listed again; their names make that free
OVERLAP = timedelta(seconds=30)


def read(options: Options, remote_id: str) -> Call[RemoteTicket | None]:
    """Read one issue, all its comments, and the address of who opened it, where they show one; None: it is gone.

    One that was moved to another repository of ours says which it is there (`merged_into`); out of them it is gone.
    """
    path = issue_path(remote_id)
    if not path:
        return None
    response = yield get(path, "read issue")
    if response.status in REDIRECTS:
        return (yield from _moved(options, remote_id, response))
    missing = response.status in {403, 404, 410} and not is_throttled(response)
    data = None if missing else obj(answer(response, "read issue"))
    repository = remote_id.rpartition("#")[0]
    repository = options.repository(repository) or repository
    if data is None or obj(data.get("pull_request")):
        return None
    opened = mapping.person(data.get("user"))
    people: dict[str, RemotePerson] = {}
    if opened is not None and opened.role != "system":
        people[opened.external_id] = yield from _profile(opened)
    found = mapping.ticket(data, repository, options, at=EPOCH, people=people)
    if found is None:
        msg = f"GitHub's answer to reading {remote_id} holds no issue"
        raise TransportError(msg)
    listed = yield from ask_all(f"{path}/comments", "read comments")
    comments = (mapping.comment_of(item, options, at=EPOCH) for item in listed)
    return msgspec.structs.replace(
        found,
        comments=tuple(
            sorted((one for one in comments if one is not None), key=lambda one: (one.at, int(one.remote_id)))
        ),
        complete=True,
    )


def _moved(options: Options, remote_id: str, response: HttpResponse) -> Call[RemoteTicket | None]:
    """Follow the redirect of an issue that was moved (`/repositories/ID/issues/NUMBER`); only that leads anywhere.

    The new place names its repository. None where it is none of ours: moved out of them, out of our sight, or a
    repository that has another name now.
    """
    for _ in range(MOST_HOPS):
        found = _PLACE.search(response.header("location") or text(obj(decoded(response)).get("url")))
        if found is None:
            return None
        response = yield get(found[0], "where the issue went")
        if response.status not in REDIRECTS:
            break
    if is_throttled(response) or response.status == 401 or response.status >= 500:
        answer(response, "where the issue went")
    data = obj(decoded(response)) if response.ok else {}
    repository = options.repository(text(data.get("repository_url")).rpartition("/repos/")[2])
    issue = mapping.ticket(data, repository, options, at=EPOCH) if repository else None
    if issue is None or issue.remote_id == remote_id:
        return None
    return RemoteTicket(remote_id, issue.updated_at, key=remote_id, merged_into=issue.remote_id, complete=True)


def _profile(person: RemotePerson) -> Call[RemotePerson]:
    """Return a person with the address that their profile shows; most show none."""
    data = yield from ask(get(f"/users/{person.external_id}", "read who opened it"))
    return mapping.person(data) or person


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far polling is; stored by the flow as JSON text."""

    #: repository -> the newest `updated_at` seen (GitHub's clock)
    seen: dict[str, datetime]
    #: the repository that is being read, from where, and the page, where more changed in one second than a page holds
    place: int = 0
    since: datetime | None = None
    page: int = 1
    #: a second of this round that more than one page belongs to: what changed meanwhile may have pushed an issue from
    #: one page to another that was read before, so that the next round begins there once more
    crowded: datetime | None = None
    #: repositories whose round is such a second one
    repeated: tuple[str, ...] = ()


def changes(options: Options, cursor: str, now: datetime) -> Call[ChangePage]:
    """Read one page of one repository, the oldest change first; a round ends with `end=True`.

    Each page begins at the last change of the one before, and not at a number: whatever changes meanwhile moves to
    the end and is told again, and nothing is passed over.
    """
    state = _state(options, cursor)
    repository = options.repositories[state.place]
    newest = state.seen.get(repository) or now - FIRST_LOOK
    since = state.since or newest - OVERLAP
    request = get(
        f"/repos/{repository}/issues", "list changes", state="all", sort="updated", direction="asc",
        since=since.strftime("%Y-%m-%dT%H:%M:%SZ"), per_page=str(PAGE), page=str(state.page),
    )  # fmt: skip
    response = yield request
    if response.status in {301, 404, 410}:
        msg = f"GitHub shows no issues of {repository}: {complaint(response)}"
        raise TransportError(msg)
    items = objects(answer(response, "list changes"))
    found = (mapping.ticket(item, repository, options, at=EPOCH) for item in items)
    tickets = tuple(each for each in found if each is not None)
    times = [at for item in items if (at := moment(item.get("updated_at"))) is not None]
    last = max(times, default=since)
    if has_next(response) and items:
        page = state.page + 1 if last <= since else 1
        crowded = state.crowded or (last if page > 1 else None)
        seen = {**state.seen, repository: max(newest, last)}
        following = Cursor(seen, state.place, last, page, crowded, state.repeated)
        return ChangePage(tickets, msgspec.json.encode(following).decode(), end=False)
    again = state.crowded is not None and repository not in state.repeated
    seen = {**state.seen, repository: state.crowded if again and state.crowded else max(newest, last)}
    repeated = tuple({*state.repeated, repository} if again else set(state.repeated) - {repository})
    end = state.place + 1 >= len(options.repositories)
    following = Cursor(seen, 0 if end else state.place + 1, repeated=repeated)
    return ChangePage(tickets, msgspec.json.encode(following).decode(), end=end)


def _state(options: Options, cursor: str) -> Cursor:
    try:
        found = msgspec.json.decode(cursor, type=Cursor) if cursor else Cursor({})
    except msgspec.DecodeError:
        found = Cursor({})
    return found if 0 <= found.place < len(options.repositories) else Cursor(found.seen)


def whoami(options: Options) -> Call[Identity]:
    """Say who we are; raises AuthenticationError when the token does not hold.

    The token of an app's installation is nobody's: then the settings say whose name it writes under.
    """
    body = yield from ask(get("/user", "who are we"), none=frozenset({403, 404}))
    person = mapping.person(body)
    if person is None and options.account_id:
        person = RemotePerson(options.account_id)
    if person is None:
        msg = "GitHub does not know who we are: check auth in gateway.yaml, or give account_id for the token of an app"
        raise AuthenticationError(msg)
    return Identity(person, f"{person.label}, login {person.external_id}")


def own_login(options: Options) -> Call[str]:
    """Return our login, from the settings or by asking."""
    return options.account_id or (yield from whoami(options)).person.external_id


def agents(options: Options) -> Call[Sequence[DeskAgent]]:
    """List everybody to whom an issue can be assigned; GitHub knows no presence."""
    found: dict[str, DeskAgent] = {}
    for repository in options.repositories:
        path = f"/repos/{repository}/assignees"
        for item in (yield from ask_all(path, "list who can be assigned", none=frozenset())):
            login = text(item.get("login"))
            if login:
                found[login] = DeskAgent(login, text(item.get("email")), text(item.get("name")))
    return tuple(found.values())


def check(options: Options) -> Call[Sequence[CheckResult]]:
    """Try what the connection needs, with reads only."""
    try:
        us = yield from whoami(options)
    except AuthenticationError as error:
        return [CheckResult("credentials", ok=False, detail=str(error))]
    results = [CheckResult("credentials", ok=True, detail=us.detail, facts={"account_id": us.person.external_id})]
    closed = bool(options.repositories)
    for repository in options.repositories:
        response = yield get(f"/repos/{repository}", f"look at {repository}")
        closed = closed and response.ok and obj(answer(response, repository)).get("private") is True
        if not response.ok:
            results.append(CheckResult(repository, ok=False, detail=f"it is not there for us: {complaint(response)}"))
            continue
        results.append(_repository(repository, obj(answer(response, repository))))
    results[0] = msgspec.structs.replace(results[0], facts={**results[0].facts, "closed_to_public": closed})
    if not options.webhook_secrets:
        detail = "no webhook_secret: webhooks are refused, and only polling brings changes"
        results.append(CheckResult("webhook_secret", ok=False, detail=detail, warning=True))
    return results


def _repository(name: str, data: Json) -> CheckResult:
    rights = obj(data.get("permissions"))
    moved = text(data.get("full_name"))
    troubles = []
    if moved and moved.lower() != name.lower():
        troubles.append(f"it is called {moved} now: write that")
    if data.get("has_issues") is False:
        troubles.append("its issues are turned off")
    if data.get("archived") is True:
        troubles.append("it is archived: nothing can be written")
    if rights and not any(rights.get(each) is True for each in ("push", "triage", "maintain", "admin")):
        troubles.append("without the role Triage GitHub drops our labels and assignees without a word")
    private = "private" if data.get("private") is True else "public"
    return CheckResult(name, ok=not troubles, detail="; ".join(troubles) or f"{private}, issues can be written")
