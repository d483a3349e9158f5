"""`gateway connections test`: whether the token can see and do what the connection needs. Reads only."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.gitlab.account import Account
from connectors.gitlab.asking import everything, get, page, project_path
from connectors.gitlab.mapping import obj, text
from connectors.gitlab.reads import major, whoami
from connectors.gitlab.writes import INTERNAL_SINCE
from connectors.sdk import AuthenticationError, Call, CheckResult, TransportError

REPORTER = 20


def check(account: Account) -> Call[Sequence[CheckResult]]:
    """Try the token, the version, each project, and whether the labels are there."""
    try:
        us = yield from whoami(account)
    except (AuthenticationError, TransportError) as error:
        return [CheckResult("credentials", ok=False, detail=str(error))]
    found = [CheckResult("credentials", ok=True, detail=us.detail, facts={"account_id": us.person.external_id})]
    version = yield from major(account)
    word = "internal" if version >= INTERNAL_SINCE else "confidential"
    found.append(CheckResult("version", ok=True, detail=f"notes for colleagues are {word} ones there"))
    closed = bool(account.projects)
    for project in account.projects:
        found.append((yield from _project(project)))
        closed = closed and found[-1].facts.get("closed_to_public") is True
        if found[-1].ok:
            found.append((yield from _labels(account, project)))
    # of all of them, and not of the last one: what is said later counts
    told = "nobody but members reads the projects" if closed else "not only members read the projects"
    found.append(CheckResult("readers", ok=True, detail=told, facts={"closed_to_public": closed}))
    if not account.webhook_secrets:
        detail = "no webhook_secret: webhooks are refused, and only polling brings changes"
        found.append(CheckResult("webhook_secret", ok=False, detail=detail, warning=True))
    return found


def _project(project: str) -> Call[CheckResult]:
    """Say whether a project's issues can be listed, and whether our role is enough."""
    name = f"project {project}"
    response = yield get(project_path(project), "try the project")
    body = response.json() if response.ok and response.body.startswith(b"{") else None
    if not isinstance(body, dict):
        return CheckResult(name, ok=False, detail=f"HTTP {response.status}: there is none of that name in our sight")
    try:
        yield from page(get(f"{project_path(project)}/issues", "try the list", per_page="1", scope="all"))
    except TransportError as error:
        return CheckResult(name, ok=False, detail=str(error))
    rights = obj(body.get("permissions"))
    levels = [obj(rights.get(each)).get("access_level") for each in ("project_access", "group_access")]
    level = max((one for one in levels if isinstance(one, int)), default=None)
    if level is not None and level < REPORTER:
        words = "our role is less than Reporter: labels, internal notes and confidential issues need it"
        return CheckResult(name, ok=False, detail=words)
    seen = text(body.get("visibility"))
    told = f"{text(body.get('path_with_namespace')) or project}: issues are listed"
    return CheckResult(name, ok=True, detail=told, facts={"closed_to_public": seen == "private"})


def _labels(account: Account, project: str) -> Call[CheckResult]:
    """Say whether the labels of statuses and priorities are there; GitLab makes one that is not when it is set."""
    name = f"labels {project}"
    try:
        rows = yield from everything(f"{project_path(project)}/labels", "list labels", include_ancestor_groups="true")
    except TransportError as error:
        return CheckResult(name, ok=False, detail=str(error), warning=True)
    there = {text(row.get("name")) for row in rows}
    missing = sorted({*account.status_labels, *account.priority_labels} - there)
    words = f"not there yet, and made when first set: {', '.join(missing)}" if missing else "all are there"
    return CheckResult(name, ok=not missing, detail=words, warning=True)
