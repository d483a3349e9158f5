"""A simulated Jira with one service project and one without customers: `python -m connectors.jira.simulator`.

It is Cloud or Data Center. Its search lags behind its records where it is told so (`index_lag`), compares by the
minute, and refuses a page token that belongs to another search; a change of a status needs a transition; a comment is
public to customers unless it says otherwise; some answers have no body.
"""

from __future__ import annotations

import base64
import sys
from datetime import timedelta
from email import message_from_bytes
from email.policy import SMTPUTF8
from typing import Any

import msgspec

from connectors.jira.mapping import MARKER
from connectors.jira.sim_people import People
from connectors.jira.sim_search import Searching
from connectors.jira.sim_state import RESOLUTIONS, Records, RefusedError
from connectors.sdk import hmac_hex
from connectors.testing.desk import Handler
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.testing.process import serve

ISSUE = r"/rest/api/(?P<version>[23])/issue/(?P<name>[^/]+)"
#: fields of Service Management's own clocks
SLA = "com.atlassian.servicedesk:sd-sla-field"
SLAS = {"customfield_10030": "Time to first response", "customfield_10031": "Time to resolution"}
GONE = "Issue does not exist or you do not have permission to see it."


class JiraSimulator(Searching, People):
    """One site."""

    def __init__(self, *, cloud: bool = True, email: str = "gateway@desk.example", token: str = "", **how: Any) -> None:
        self.cloud = cloud
        self.email, self.token = email, token
        self.index_lag = timedelta()
        super().__init__(**how)
        self._records: Records | None = None

    @property
    def records(self) -> Records:
        """What the desk keeps; made when its address is known."""
        if self._records is None:
            account = "5b10a2844c20165700ede21g" if self.cloud else "gateway"
            me = {"email": self.email, "name": "Gateway", "account": account}
            self._records = Records(cloud=self.cloud, url=self.url, me=me)
        return self._records

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths of REST 2 and 3, and of the service desk's API."""
        api = r"/rest/api/(?P<version>[23])"
        return [
            ("POST", f"{api}/issue", self._create),
            ("GET", ISSUE, self._read),
            ("PUT", ISSUE, self._update),
            ("GET", f"{ISSUE}/comment", self._list_comments),
            ("POST", f"{ISSUE}/comment", self._comment),
            ("GET", f"{api}/comment/(?P<number>\\d+)/properties/(?P<key>.+)", self._comment_property),
            ("GET", f"{ISSUE}/remotelink", self._list_remote_links),
            ("GET", f"{ISSUE}/transitions", self._list_transitions),
            ("POST", f"{ISSUE}/transitions", self._transit),
            ("GET", f"{ISSUE}/changelog", self._changelog),
            ("POST", f"{ISSUE}/attachments", self._attach),
            ("GET", f"{api}/attachment/content/(?P<number>\\d+)", self._download),
            ("GET", r"/secure/attachment/(?P<number>\d+)/.+", self._download),
            ("GET", f"{api}/attachment/(?P<number>\\d+)", self._one_file),
            ("GET", f"{api}/myself", self._myself),
            ("GET", f"{api}/user", self._one_user),
            ("GET", f"{api}/user/search", self._find_users),
            ("GET", f"{api}/serverInfo", self._server),
            ("GET", f"{api}/project/(?P<key>[^/]+)", self._project),
            ("GET", f"{api}/mypermissions", self._permissions),
            ("GET", f"{api}/status", self._statuses),
            ("GET", f"{api}/field", self._fields),
            ("GET", r"/rest/servicedeskapi/request/(?P<name>[^/]+)/comment", self._portal_comments),
            *self.search_routes(),
        ]

    def sign(self, body: bytes, now: Any, attempt: int) -> dict[str, str]:  # noqa: ARG002 - no time is signed
        """Sign the body, and name the webhook beside it."""
        retry = {"X-Atlassian-Webhook-Retry": str(attempt - 1)} if attempt > 1 else {}
        return {
            "Content-Type": "application/json; charset=UTF-8",
            "X-Hub-Signature": f"sha256={hmac_hex(self.webhook_secret, body)}",
            "X-Atlassian-Webhook-Identifier": hmac_hex("identifier", body)[:32],
            **retry,
        }

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Take an API token or password (Basic) of our account; 401 for all else."""
        name = self.email if self.cloud else "gateway"
        wanted = "Basic " + base64.b64encode(f"{name}:{self.token}".encode()).decode()
        if not self.token or request.headers.get("authorization") == wanted:
            return None
        words = "Client must be authenticated to access this resource."
        return json_answer({"errorMessages": [words], "errors": {}}, 401, {"WWW-Authenticate": "Basic"})

    # -- issues

    def _create(self, request: SimRequest, version: str) -> SimResponse:
        given = _object(request)
        properties = {each["key"]: each["value"] for each in given.get("properties", [])}
        try:
            issue = self.records.new_issue(self.now(), self.records.me, given.get("fields", {}), properties)
        except RefusedError as error:
            return json_answer(error.body, error.status, limits())
        key = (properties.get(MARKER) or {}).get("key", "")
        self.effect("create", issue["id"], key=key, detail={"summary": issue["summary"]})
        self.tell("jira:issue_created", issue, self.records.me, issue_event_type_name="issue_created")
        return json_answer(
            {"id": issue["id"], "key": issue["key"], "self": f"{self.url}/rest/api/{version}/issue/{issue['id']}"},
            201, limits(),
        )  # fmt: skip

    def _read(self, request: SimRequest, version: str, name: str) -> SimResponse:
        issue = self.records.find(name)
        if issue is None:
            return missing()
        found = self.records.issue_json(issue, version, marker=request.query.get("properties", ""))
        if "changelog" in request.query.get("expand", ""):
            histories = self.records.history[issue["id"]]
            found["changelog"] = {"startAt": 0, "total": len(histories), "histories": histories}
        return json_answer(found, 200, limits())

    def _update(self, request: SimRequest, version: str, name: str) -> SimResponse:  # noqa: ARG002
        issue = self.records.find(name)
        if issue is None:
            return missing()
        try:
            items = self.records.apply(issue, _object(request).get("fields", {}))
        except RefusedError as error:
            return json_answer(error.body, error.status, limits())
        self.changed(issue, self.records.me, items)
        return SimResponse(204, limits())

    def _list_transitions(self, request: SimRequest, version: str, name: str) -> SimResponse:  # noqa: ARG002
        issue = self.records.find(name)
        return json_answer({"transitions": self._ways(issue)}, 200, limits()) if issue is not None else missing()

    def _ways(self, issue: dict[str, Any]) -> list[dict[str, Any]]:
        known = self.records.statuses
        there = self.records.workflow.get(issue["status"], tuple(known))
        field = {"required": True, "name": "Resolution", "allowedValues": [{"name": each} for each in RESOLUTIONS]}
        return [
            {
                "id": known[each][0][-2:], "name": f"Move to {each}", "to": self.records.status_json(each),
                "fields": {"resolution": field} if known[each][1] == "done" else {},
            }
            for each in there
        ]  # fmt: skip

    def _transit(self, request: SimRequest, version: str, name: str) -> SimResponse:  # noqa: ARG002
        issue = self.records.find(name)
        if issue is None:
            return missing()
        given = _object(request)
        wanted = str((given.get("transition") or {}).get("id"))
        way = next((each for each in self._ways(issue) if each["id"] == wanted), None)
        if way is None:
            return refused(400, "It seems that you have tried to perform an illegal workflow operation.")
        resolution = (given.get("fields") or {}).get("resolution", {}).get("name")
        if "resolution" in way["fields"] and resolution not in RESOLUTIONS:
            return json_answer({"errorMessages": [], "errors": {"resolution": "Resolution is required."}}, 400)
        items = self.records.transit(issue, way["to"]["name"], resolution)
        self.changed(issue, self.records.me, items)
        return SimResponse(204, limits())

    def _changelog(self, request: SimRequest, version: str, name: str) -> SimResponse:  # noqa: ARG002
        issue = self.records.find(name)
        if issue is None or not self.cloud:
            return missing()
        start = int(request.query.get("startAt", "0"))
        values = self.records.history[issue["id"]]
        part = values[start : start + 100]
        return json_answer({"values": part, "isLast": start + len(part) >= len(values), "total": len(values)})

    # -- comments

    def _list_remote_links(self, request: SimRequest, version: str, name: str) -> SimResponse:  # noqa: ARG002
        issue = self.records.find(name)
        if issue is None:
            return missing()
        kept = enumerate(self.records.remote_links.get(issue["id"], []), 10_000)
        return json_answer([{"id": number, "object": {"url": url, "title": url}} for number, url in kept], 200)

    def _list_comments(self, request: SimRequest, version: str, name: str) -> SimResponse:
        issue = self.records.find(name)
        if issue is None:
            return missing()
        comments = list(self.records.comments[issue["id"]])
        if request.query.get("orderBy", "created").startswith("-"):
            comments.reverse()
        start, size = int(request.query.get("startAt", "0")), min(int(request.query.get("maxResults", "50")), 100)
        properties = "properties" in request.query.get("expand", "")
        shown = [
            self.records.comment_json(issue, each, version, properties=properties)
            for each in comments[start : start + size]
        ]
        return json_answer(
            {"startAt": start, "maxResults": size, "total": len(comments), "comments": shown}, 200, limits()
        )

    def _comment(self, request: SimRequest, version: str, name: str) -> SimResponse:
        issue = self.records.find(name)
        if issue is None:
            return missing()
        given = _object(request)
        if not given.get("body"):
            return json_answer({"errorMessages": [], "errors": {"comment": "Comment body can not be empty!"}}, 400)
        properties = given.get("properties") or []
        comment = self.records.say(issue, self.records.me, self.now(), given["body"], properties)
        key = next((each["value"].get("key", "") for each in properties if each["key"] == MARKER), "")
        self.effect(
            "comment", issue["id"], key=key, change_id=comment["id"],
            detail={"body": self.records.shown(comment["body"]), "public": comment["public"]},
        )  # fmt: skip
        self.told(issue, comment)
        return json_answer(self.records.comment_json(issue, comment, version), 201, limits())

    def _comment_property(self, request: SimRequest, version: str, number: str, key: str) -> SimResponse:  # noqa: ARG002
        for comments in self.records.comments.values():
            for comment in comments:
                held = next((each for each in comment["properties"] if each["key"] == key), None)
                if comment["id"] == number and held is not None:
                    return json_answer(held)
        return refused(404, f"The property with key '{key}' does not exist.")

    def _portal_comments(self, request: SimRequest, name: str) -> SimResponse:
        issue = self.records.find(name)
        if issue is None or self.records.projects[issue["project"]]["projectTypeKey"] != "service_desk":
            return json_answer({"errorMessage": "Cannot find the customer request."}, 404)
        internal, start = request.query.get("internal") != "false", int(request.query.get("start", "0"))
        comments = [each for each in self.records.comments[issue["id"]] if each["public"] or internal]
        part = comments[start : start + 50]
        values = [
            {"id": each["id"], "body": self.records.shown(each["body"]), "public": each["public"]} for each in part
        ]
        last = start + len(part) >= len(comments)
        return json_answer({"size": len(part), "start": start, "isLastPage": last, "values": values})

    # -- files

    def _attach(self, request: SimRequest, version: str, name: str) -> SimResponse:
        issue = self.records.find(name)
        if issue is None:
            return missing()
        if request.headers.get("x-atlassian-token") != "no-check":
            return SimResponse(403, {"Content-Type": "text/html"}, b"XSRF check failed")
        head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
        made = []
        for part in message_from_bytes(head + request.body, policy=SMTPUTF8).walk():
            filename = part.get_filename()
            if filename:
                data = part.get_payload(decode=True)
                content = data if isinstance(data, bytes) else b""
                made.append(self.put_file(issue, self.records.me, filename, content, part.get_content_type()))
        shown = [self.records.file_json(each, version) for each in made]
        return json_answer(shown, 200, limits())

    def _download(self, request: SimRequest, number: str, version: str = "") -> SimResponse:  # noqa: ARG002
        data = self.records.files.get(number)
        if data is None:
            return refused(404, f"The attachment with id '{number}' does not exist")
        return SimResponse(200, {"Content-Type": "application/octet-stream"}, data)

    def _one_file(self, request: SimRequest, version: str, number: str) -> SimResponse:  # noqa: ARG002
        files = (each for issue in self.records.issues.values() for each in issue["attachment"])
        found = next((each for each in files if each["id"] == number), None)
        if found is None:
            return refused(404, f"The attachment with id '{number}' does not exist")
        return json_answer(self.records.file_json(found, version))

    # -- what is asked beside

    def _myself(self, request: SimRequest, version: str) -> SimResponse:  # noqa: ARG002
        return json_answer(self.records.user(self.records.me), 200, limits())

    def _one_user(self, request: SimRequest, version: str) -> SimResponse:  # noqa: ARG002
        account = request.query.get("accountId" if self.cloud else "username", "")
        user = self.records.user(account)
        return json_answer(user) if user else refused(404, f"The user '{account}' does not exist")

    def _find_users(self, request: SimRequest, version: str) -> SimResponse:  # noqa: ARG002
        word = request.query.get("query" if self.cloud else "username", "").lower()
        found = [each for each in self.records.users.values() if word and word in each["emailAddress"]]
        return json_answer(found[:50])

    def _server(self, request: SimRequest, version: str) -> SimResponse:  # noqa: ARG002
        kind = "Cloud" if self.cloud else "Server"
        return json_answer(
            {"baseUrl": self.url, "version": "1001.0.0" if self.cloud else "10.3.1", "deploymentType": kind}
        )

    def _project(self, request: SimRequest, version: str, key: str) -> SimResponse:  # noqa: ARG002
        if key not in self.records.projects:
            return refused(404, f"No project could be found with key '{key}'.")
        return json_answer(self.records.project_json(key))

    def _permissions(self, request: SimRequest, version: str) -> SimResponse:  # noqa: ARG002
        names = request.query.get("permissions", "").split(",")
        return json_answer({"permissions": {name: {"key": name, "havePermission": True} for name in names}})

    def _statuses(self, request: SimRequest, version: str) -> SimResponse:  # noqa: ARG002
        return json_answer([self.records.status_json(name) for name in self.records.statuses])

    def _fields(self, request: SimRequest, version: str) -> SimResponse:  # noqa: ARG002
        schema = {"type": "sd-customerrequesttype", "custom": "com.atlassian.servicedesk:vp-origin"}
        clocks = [
            {"id": number, "name": name, "schema": {"type": "sd-servicelevelagreement", "custom": SLA}}
            for number, name in SLAS.items()
        ]
        asked = {"id": "customfield_10010", "name": "Request Type", "schema": schema}
        return json_answer([{"id": "summary"}, asked, *clocks])

    def act_sla(self, issue: str, name: str = "Time to resolution", *, touch: bool = True, **value: Any) -> None:
        """Let Service Management's clocks stand so; `touch`: the issue itself was changed, too."""
        found = self.records.find(issue)
        if found is None:
            raise LookupError(issue)
        (field,) = [number for number, known in SLAS.items() if known == name]
        found.setdefault("slas", {})[field] = {"id": field[-1], "name": name, "completedCycles": [], **value}
        if touch:
            found["updated"] = self.now()


def limits() -> dict[str, str]:
    """Return the rate-limit headers [J8]."""
    return {"X-RateLimit-Limit": "350", "X-RateLimit-Remaining": "349", "X-RateLimit-NearLimit": "false"}


def refused(status: int, words: str) -> SimResponse:
    """Return what Jira says of a request that it refuses."""
    return json_answer({"errorMessages": [words], "errors": {}}, status, limits())


def missing() -> SimResponse:
    """Return what Jira says of an issue that is not there, or that we may not see."""
    return refused(404, GONE)


def _object(request: SimRequest) -> dict[str, Any]:
    try:
        found = request.json()
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


if __name__ == "__main__":
    sys.exit(serve(JiraSimulator, "A simulated Jira site on loopback"))
