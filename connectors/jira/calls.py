"""What is read from Jira: one issue whole, who we are, who works there, and whether the connection will do."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from connectors.jira import mapping
from connectors.jira.asking import (
    MAX_PAGES,
    PAGE,
    ask,
    ask_list,
    complaint,
    get,
    is_issue_id,
    issue_path,
    issue_request,
    jql_text,
    search,
)
from connectors.jira.mapping import EPOCH, Json, ident, obj, objects, text
from connectors.jira.options import CLOUD, DATA_CENTER, Options
from connectors.sdk import (
    AuthenticationError,
    Call,
    CheckResult,
    DeskAgent,
    Identity,
    RemoteComment,
    RemoteTicket,
    TransportError,
)

#: what the account must be allowed in a project: Jira's name -> what it is for
PERMISSIONS = {
    "BROWSE_PROJECTS": "see issues",
    "CREATE_ISSUES": "create issues",
    "EDIT_ISSUES": "set fields",
    "TRANSITION_ISSUES": "set the status",
    "ASSIGN_ISSUES": "assign",
    "ADD_COMMENTS": "comment",
    "CREATE_ATTACHMENTS": "attach files",
}
#: without it a reporter cannot be set, and no comment can be kept from customers
WISHED = {"MODIFY_REPORTER": "set the requester"}
AGENT = "SERVICEDESK_AGENT"


def read(options: Options, remote_id: str) -> Call[RemoteTicket | None]:
    """Read one issue and all its comments; None when it is deleted or out of our sight."""
    if not is_issue_id(remote_id):
        return None
    data = yield from ask(issue_request(options, remote_id, "read issue"), none=frozenset({403, 404}))
    if data is None:
        return None
    found = mapping.ticket(data, options, at=EPOCH)
    if found is None:
        msg = f"Jira's answer to reading issue {remote_id} holds no issue"
        raise TransportError(msg)
    fields = obj(data.get("fields"))
    comments = yield from comments_of(options, found.remote_id, fields)
    kept = yield from _remote_links(options, found.remote_id)
    said = {file.remote_id for each in comments for file in each.attachments}
    return msgspec.structs.replace(
        found,
        comments=tuple(comments),
        attachments=tuple(each for each in found.attachments if each.inline or each.remote_id not in said),
        references=kept,
        complete=True,
    )


def _remote_links(options: Options, remote_id: str) -> Call[tuple[str, ...] | msgspec.UnsetType]:
    """Read the addresses that people, and apps, have linked to an issue; unset where the settings do without."""
    if not options.remote_links:
        return msgspec.UNSET
    path = f"{issue_path(options, remote_id)}/remotelink"
    items = yield from ask_list(get(path, "read remote links"), none=frozenset({403, 404}))
    return tuple(address for each in items if (address := text(obj(each.get("object")).get("url")).strip()))


def comments_of(options: Options, remote_id: str, fields: Json) -> Call[list[RemoteComment]]:
    """Read every comment of an issue, oldest first."""
    service, attached = mapping.is_service(fields), objects(fields.get("attachment"))
    listed: dict[str, Json] = {}
    for number in range(MAX_PAGES):
        page = yield from ask(
            get(
                f"{issue_path(options, remote_id)}/comment", "read comments",
                startAt=str(number * PAGE), maxResults=str(PAGE), orderBy="created", expand="properties",
            )
        )  # fmt: skip
        items = objects((page or {}).get("comments"))
        listed |= {ident(item.get("id")): item for item in items}
        total = (page or {}).get("total")
        if not items or not isinstance(total, int) or (number + 1) * PAGE >= total:
            break
    public: Collection[str] = ()
    if service and not all(mapping.says_visibility(item) for item in listed.values()):
        public = yield from _shown_to_customers(remote_id)
    found = (
        mapping.comment_of(item, options, service=service, at=EPOCH, public=public, attached=attached)
        for item in listed.values()
    )
    return sorted((each for each in found if each is not None), key=lambda each: (each.at, int(each.remote_id)))


def _shown_to_customers(remote_id: str) -> Call[set[str]]:
    """Return the comments that customers see, by the service desk's own API [J6]; none where it does not answer."""
    found: set[str] = set()
    for number in range(MAX_PAGES):
        page = yield from ask(
            get(
                f"/rest/servicedeskapi/request/{remote_id}/comment", "read which comments are public",
                public="true", internal="false", start=str(number * PAGE), limit=str(PAGE),
            ),
            none=frozenset({403, 404}),
        )  # fmt: skip
        values = objects((page or {}).get("values"))
        found |= {ident(each.get("id")) for each in values if each.get("public") is True}
        if not values or (page or {}).get("isLastPage") is not False:
            break
    return found


def whoami(options: Options) -> Call[Identity]:
    """Say who we are; raises AuthenticationError when the credentials do not hold.

    403 is Data Center's answer after too many wrong passwords: it wants a captcha in the browser.
    """
    body = yield from ask(get(f"{options.api}/myself", "who are we"), none=frozenset({403, 404}))
    person = mapping.person(body)
    if person is None or not person.external_id:
        msg = "Jira does not know who we are: check auth in gateway.yaml, or sign in once in the browser (captcha)"
        raise AuthenticationError(msg)
    zone = text((body or {}).get("timeZone"))
    return Identity(person, f"{person.label}, account {person.external_id}" + (f", {zone}" if zone else ""))


def own_account(options: Options) -> Call[str]:
    """Return our account there, from the settings or by asking."""
    if options.account_id:
        return options.account_id
    return (yield from whoami(options)).person.external_id


def agents(options: Options, accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:
    """Read those whom the site names; Jira cannot tell its agents from everybody else, and knows no presence."""
    found = []
    name = "accountId" if options.cloud else "username"
    for account in sorted(accounts):
        user = yield from ask(
            get(f"{options.api}/user", "read an agent", **{name: account}), none=frozenset({400, 404})
        )
        person = mapping.person(user)
        if user is not None and person is not None and person.external_id:
            active = user.get("active") is True
            found.append(DeskAgent(person.external_id, person.email, person.name, active=active))
    return tuple(found)


def check(options: Options) -> Call[Sequence[CheckResult]]:
    """Try what the connection needs, with reads only."""
    try:
        us = yield from whoami(options)
    except AuthenticationError as error:
        return [CheckResult("credentials", ok=False, detail=str(error))]
    results = [CheckResult("credentials", ok=True, detail=us.detail, facts={"account_id": us.person.external_id})]
    results.append((yield from _deployment(options)))
    results.append((yield from _searching(options)))
    for key in options.projects:
        results += yield from _project(options, key)
    results += yield from _words(options)
    if not options.projects:
        detail = "no projects are named: every issue that the account sees is a ticket"
        results.append(CheckResult("projects", ok=True, detail=detail, warning=True))
    if not options.webhook_secrets:
        detail = "no webhook_secret: webhooks are refused, and only polling brings changes"
        results.append(CheckResult("webhook_secret", ok=False, detail=detail, warning=True))
    return results


def _deployment(options: Options) -> Call[CheckResult]:
    body = yield from ask(get("/rest/api/2/serverInfo", "which Jira is it"), none=frozenset({401, 403, 404}))
    said = text((body or {}).get("deploymentType")).lower()
    taken = CLOUD if options.cloud else DATA_CENTER
    there = {"cloud": CLOUD, "server": DATA_CENTER, "datacenter": DATA_CENTER}.get(said, "")
    version = text((body or {}).get("version"))
    if there and there != taken:
        detail = f"this is Jira {said}, but it is spoken to as {taken}: set deployment: {there}"
        return CheckResult("deployment", ok=False, detail=detail)
    return CheckResult("deployment", ok=True, detail=f"{taken} {version}".strip())


def _searching(options: Options) -> Call[CheckResult]:
    where = f"project in ({', '.join(jql_text(key) for key in options.projects)})" if options.projects else ""
    jql = f"{where} AND updated >= -1d" if where else "updated >= -1d"
    response = yield search(options, jql, "try a search", place="", fields="updated")
    words = "changes can be polled" if response.ok else f"issues cannot be searched: {complaint(response)}"
    return CheckResult("search", ok=response.ok, detail=words)


def _project(options: Options, key: str) -> Call[list[CheckResult]]:
    """Say whether a project is there, and what we may do in it."""
    name = f"project {key}"
    data = yield from ask(get(f"{options.api}/project/{key}", f"read project {key}"))
    if data is None:
        return [CheckResult(name, ok=False, detail="is not there, or the account may not see it")]
    service = text(data.get("projectTypeKey")) == mapping.SERVICE_DESK
    asked = {**PERMISSIONS, **WISHED, **({AGENT: "keep notes from customers"} if service else {})}
    params = {"projectKey": key, "permissions": ",".join(asked)}
    body = yield from ask(get(f"{options.api}/mypermissions", f"our rights in {key}", **params))
    held = obj((body or {}).get("permissions"))
    lacking = [what for right, what in asked.items() if obj(held.get(right)).get("havePermission") is not True]
    missing = [what for what in lacking if what not in WISHED.values()]
    kind = "service project" if service else "project without customers"
    if missing:
        detail = f"{kind}; the account may not {', '.join(missing)}"
        return [CheckResult(name, ok=False, detail=detail)]
    detail = f"{kind}; the account may not {', '.join(lacking)}" if lacking else f"{kind}; every right is there"
    return [CheckResult(name, ok=not lacking, detail=detail, warning=True)]


def _words(options: Options) -> Call[list[CheckResult]]:
    """Say which words of the settings Jira does not have: they would never be read, or be refused when written."""
    results = []
    own: dict[str, Mapping[str, object]] = {
        "status": options.statuses,
        "priority": options.priorities,
        "issuetype": options.kinds,
    }
    for path, words in own.items():
        if not words:
            continue
        there = {text(each.get("name")).lower() for each in (yield from ask_list(get(f"{options.api}/{path}", path)))}
        unknown = sorted(set(words) - there)
        detail = f"Jira has no {path} named {', '.join(unknown)}" if unknown else f"{len(words)} words are there"
        results.append(CheckResult(f"{path} words", ok=not unknown, detail=detail, warning=True))
    return results
