"""The webhooks of a simulated GitLab, as its documentation shows them: times in whole seconds, labels as objects."""

from __future__ import annotations

from datetime import UTC, datetime

from connectors.gitlab.sim_state import Json, Records


def issue_hook(records: Records, action: str, issue: Json, changes: dict[str, Json], actor: int, more: Json) -> Json:
    """Return the body of an event about an issue; `more` are further attributes of it."""
    told: Json = {}
    for field, change in changes.items():
        if field == "state":
            ids = {"opened": 1, "closed": 2}
            told["state_id"] = {side: ids[word] for side, word in change.items()}
            told["closed_at"] = {"previous": None, "current": _hooked(issue["closed_at"])}
        elif field == "labels":
            told["labels"] = {side: [_label(one) for one in named] for side, named in change.items()}
        else:
            told[field] = change
    if told:
        told["updated_at"] = {"previous": None, "current": _hooked(issue["updated_at"])}
    secret = "confidential_" if issue["confidential"] else ""
    body = {
        "object_kind": "issue",
        "event_type": f"{secret}issue",
        "user": _user(records, actor),
        "project": _project(records, issue),
        "object_attributes": {**_attributes(issue), "action": action, **more},
        "labels": [_label(one) for one in issue["labels"]],
        "changes": told,
    }
    return {**body, **({"assignees": issue["assignees"]} if issue["assignees"] else {})}


def note_hook(records: Records, issue: Json, note: Json, actor: int) -> Json:
    """Return the body of an event about a note."""
    secret = "confidential_" if issue["confidential"] or note["internal"] else ""
    attributes = {
        "id": note["id"], "note": note["body"], "description": note["body"], "noteable_type": "Issue",
        "noteable_id": issue["id"], "author_id": actor, "created_at": _hooked(note["created_at"]),
        "updated_at": _hooked(note["updated_at"]), "project_id": issue["project_id"], "system": note["system"],
        "internal": note["internal"], "action": "create", "url": f"{issue['web_url']}#note_{note['id']}",
    }  # fmt: skip
    return {
        "object_kind": "note",
        "event_type": f"{secret}note",
        "user": _user(records, actor),
        "project_id": issue["project_id"],
        "project": _project(records, issue),
        "object_attributes": attributes,
        "issue": _attributes(issue),
    }


def _user(records: Records, number: int) -> Json:
    held = records.users[number]
    return {"id": number, "name": held["name"], "username": held["username"], "email": "[REDACTED]"}


def _project(records: Records, issue: Json) -> Json:
    held = records.projects[issue["project_id"]]
    path = held["path_with_namespace"]
    return {**held, "web_url": f"{records.url}/{path}", "namespace": path.partition("/")[0].title()}


def _hooked(at: str | None) -> str | None:
    """Write a time as webhooks do: whole seconds, in words."""
    return datetime.fromisoformat(at).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at else None


def _label(name: str) -> Json:
    return {"id": abs(hash(name)) % 10_000 + 1, "title": name, "color": "#ffffff", "type": "ProjectLabel"}


def _attributes(issue: Json) -> Json:
    """Return an issue as webhooks write it."""
    return {
        "id": issue["id"], "iid": issue["iid"], "project_id": issue["project_id"], "title": issue["title"],
        "description": issue["description"], "author_id": issue["author"]["id"], "confidential": issue["confidential"],
        "created_at": _hooked(issue["created_at"]), "updated_at": _hooked(issue["updated_at"]),
        "closed_at": _hooked(issue["closed_at"]), "state": issue["state"],
        "state_id": 1 if issue["state"] == "opened" else 2, "url": issue["web_url"], "type": "Issue",
        "assignee_ids": [one["id"] for one in issue["assignees"]],
        "assignee_id": issue["assignees"][0]["id"] if issue["assignees"] else None,
        "labels": [_label(one) for one in issue["labels"]], "moved_to_id": issue["moved_to_id"],
        "duplicated_to_id": None,
    }  # fmt: skip
