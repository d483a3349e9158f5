"""What people do in the simulated Jira, and the webhooks that tell of every change."""

from __future__ import annotations

import base64
from typing import Any

from connectors.jira.mapping import SD_PUBLIC
from connectors.jira.sim_state import Records
from connectors.testing.desk import SimulatedDesk


class People(SimulatedDesk):
    """The part of the simulator in which customers and agents act."""

    cloud: bool

    @property
    def records(self) -> Records:
        """What the desk keeps."""
        raise NotImplementedError

    def act_create(
        self, summary: str, text: str, *, email: str = "customer@example.com", project: str = "HELP", **more: Any
    ) -> dict[str, Any]:
        """Let a customer raise a request; returns its number and key."""
        records = self.records
        by = records.add_user(email, email.partition("@")[0].title(), kind="customer")
        fields = {"project": {"key": project}, "summary": summary, "description": records.kept(text), **more}
        issue = records.new_issue(self.now(), by, fields, {})
        self.effect("create", issue["id"])
        self.tell("jira:issue_created", issue, by, issue_event_type_name="issue_created")
        return {"id": issue["id"], "key": issue["key"]}

    def act_comment(self, issue: str, text: str, *, public: bool = True, by: str = "agent") -> str:
        """Let an agent, or the customer, comment; returns the comment's number."""
        held = self._held(issue)
        who = held["reporter"] if by == "customer" else self.records.agents[0]
        properties = [{"key": SD_PUBLIC, "value": {"internal": not public}}]
        comment = self.records.say(held, who, self.now(), self.records.kept(text), properties)
        self.effect("comment", held["id"], change_id=comment["id"])
        self.told(held, comment)
        return str(comment["id"])

    def act_new_word(self, what: str, word: str) -> None:
        """Let an admin add a status (in progress), or a priority."""
        if what == "priority":
            self.records.priorities.append(word)
        else:
            self.records.statuses[word] = (str(10_100 + len(self.records.statuses)), "indeterminate")

    def act_set(self, issue: str, **fields: Any) -> None:
        """Let an agent set fields, as Jira names them; `status` by a transition, whatever the workflow allows us."""
        held, by = self._held(issue), self.records.agents[0]
        items = self.records.transit(held, fields.pop("status"), None) if "status" in fields else []
        if "description" in fields:
            fields["description"] = self.records.kept(fields["description"])
        self.changed(held, by, items + self.records.apply(held, fields))

    def act_secure(self, issue: str, *, secured: bool) -> None:
        """Let an agent set the security level, or take it away."""
        held, words = self._held(issue), ("Staff", None)
        held["security"] = secured
        old, new = words[::-1] if secured else words
        item = {"field": "security", "fieldtype": "jira", "from": None, "fromString": old, "to": None, "toString": new}
        self.changed(held, self.records.agents[0], [item])

    def act_link(self, issue: str, url: str) -> None:
        """Let an agent, or an app, link an address to the issue."""
        held = self._held(issue)
        self.records.remote_links.setdefault(held["id"], []).append(url)

    def act_assign(self, issue: str, account: str) -> None:
        """Let an agent assign the issue."""
        held = self._held(issue)
        self.changed(held, self.records.agents[0], self.records.apply(held, {"assignee": self._who(account)}))

    def act_move(self, issue: str, project: str) -> str:
        """Let an agent move an issue to another project; returns its new key."""
        held, records = self._held(issue), self.records
        old, was = held["key"], records.projects[held["project"]]
        records.counts[project] += 1
        held |= {"project": project, "key": f"{project}-{records.counts[project]}"}
        records.keys[old] = held["id"]
        now = records.projects[project]
        items = [
            {
                "field": "project",
                "from": was["id"],
                "fromString": was["name"],
                "to": now["id"],
                "toString": now["name"],
            },
            {"field": "Key", "from": None, "fromString": old, "to": None, "toString": held["key"]},
        ]
        self.changed(held, records.agents[0], items)
        return str(held["key"])

    def act_attach(
        self, issue: str, name: str, data: str, *, mime: str = "application/octet-stream", share: bool = False
    ) -> str:
        """Let an agent put a file (base64) on an issue, and show it to the customer; returns its number."""
        held, by = self._held(issue), self.records.agents[0]
        made = self.put_file(held, by, name, base64.b64decode(data), mime)
        if share:
            self.records.shared.add(made["id"])
            body: Any = f"[^{name}]"
            if self.cloud:
                media = {"type": "media", "attrs": {"type": "file", "id": f"{made['id']}-media", "alt": name}}
                body = {"type": "doc", "version": 1, "content": [{"type": "mediaGroup", "content": [media]}]}
            public = [{"key": SD_PUBLIC, "value": {"internal": False}}]
            self.told(held, self.records.say(held, by, self.now(), body, public))
        return str(made["id"])

    def act_delete(self, issue: str) -> None:
        """Let an admin delete an issue."""
        held = self._held(issue)
        del self.records.issues[held["id"]]
        self.effect("delete", held["id"])
        self.tell("jira:issue_deleted", held, self.records.agents[0], issue_event_type_name="issue_deleted")

    def _held(self, issue: str) -> dict[str, Any]:
        found = self.records.find(str(issue))
        if found is None:
            msg = f"no issue {issue}"
            raise LookupError(msg)
        return found

    def _who(self, account: str) -> dict[str, str]:
        return {"accountId": account} if self.cloud else {"name": account}

    # -- webhooks

    def changed(self, issue: dict[str, Any], by: str, items: list[dict[str, Any]]) -> None:
        """Log a change of fields, keep it in the history, and tell of it."""
        self.effect("fields", issue["id"], detail={"items": [[each["field"], each.get("toString")] for each in items]})
        if items:
            entry = self.records.log(issue, by, self.now(), items)
            self.tell("jira:issue_updated", issue, by, issue_event_type_name="issue_updated", changelog=entry)

    def told(self, issue: dict[str, Any], comment: dict[str, Any]) -> None:
        """Tell of a comment: Data Center twice, as a change of the issue and as an event of its own."""
        shown = self.records.comment_json(issue, comment, "2")
        if not self.cloud:
            self.tell(
                "jira:issue_updated", issue, comment["by"], issue_event_type_name="issue_commented", comment=shown
            )
        fields = self.records.issue_json(issue, "2")["fields"]
        few = {name: fields[name] for name in ("summary", "issuetype", "project", "assignee", "priority", "status")}
        self.announce(
            {
                "timestamp": int(issue["updated"].timestamp() * 1000), "webhookEvent": "comment_created",
                "comment": shown,
                "issue": {"id": issue["id"], "key": issue["key"], "fields": few},
                **({"eventType": "primaryAction"} if self.cloud else {}),
            }
        )  # fmt: skip

    def tell(self, event: str, issue: dict[str, Any], by: str, **more: Any) -> None:
        """Send a webhook about an issue."""
        at = issue["updated"]
        self.announce(
            {
                "timestamp": int(at.timestamp() * 1000), "webhookEvent": event, "user": self.records.user(by),
                "issue": self.records.issue_json(issue, "2"), **more,
            }
        )  # fmt: skip

    def put_file(self, issue: dict[str, Any], by: str, name: str, data: bytes, mime: str) -> dict[str, Any]:
        """Keep a file, and tell of it."""
        file = {"id": self.records.number(), "filename": name, "by": by, "mime": mime}
        self.records.files[file["id"]] = data
        item = {"field": "Attachment", "fieldtype": "jira", "from": None, "to": file["id"], "toString": name}
        entry = self.records.log(issue, by, self.now(), [item])
        issue["attachment"].append({**file, "created": issue["updated"]})
        self.effect("attach", issue["id"], change_id=file["id"], detail={"name": name, "size": len(data)})
        self.tell("jira:issue_updated", issue, by, issue_event_type_name="issue_updated", changelog=entry)
        return issue["attachment"][-1]  # type: ignore[no-any-return]
