"""A Salesforce look-alike on loopback: the real paths, the real shapes, the real habits.

It answers as the vendor documents: upserts by external id with 300 where it is ambiguous, `If-Unmodified-Since` by the
second, queries in pages with locators that are forgotten, 403 for too many requests, times in whole seconds, picklists
that refuse what they do not have. Outbound messages say how a case looks when they leave, and a comment does not touch
its case. Run it with `python -m connectors.salesforce.simulator --port N --webhook-url …`.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from connectors.salesforce.sim_files import FileDesk
from connectors.salesforce.sim_records import CLOSED, OBJECTS, PICKLISTS, Record, written
from connectors.salesforce.sim_soql import RefusedError, parsed
from connectors.testing.desk import Handler
from connectors.testing.loopback import SimRequest, SimResponse, json_answer
from connectors.testing.outgoing import WebhookSender
from connectors.testing.process import serve

ORG = "00D5j000004h7XzEAI"
#: what an admin has ticked in the outbound message of each object
TOLD = {
    "Case": ("Id", "CaseNumber", "Subject", "Description", "Status", "Priority", "Type", "Origin", "OwnerId",
             "ContactId", "SuppliedEmail", "SuppliedName", "IsClosed", "IsDeleted", "CreatedById", "CreatedDate",
             "LastModifiedById", "LastModifiedDate", "SystemModstamp", "Gateway_Key__c"),
    "CaseComment": ("Id", "ParentId", "CommentBody", "IsPublished", "CreatedById", "CreatedDate"),
    "ContentVersion": ("Id", "FirstPublishLocationId", "CreatedById", "CreatedDate"),
}  # fmt: skip
MESSAGE = """<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" \
xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <soapenv:Body>
  <notifications xmlns="http://soap.sforce.com/2005/09/outbound">
   <OrganizationId>{org}</OrganizationId>
   <ActionId>04k5j000000TNq8AAG</ActionId>
   <SessionId xsi:nil="true"/>
   <EnterpriseUrl>{url}/services/Soap/c/62.0/{org}</EnterpriseUrl>
   <PartnerUrl>{url}/services/Soap/u/62.0/{org}</PartnerUrl>
   <Notification>
    <Id>{number}</Id>
    <sObject xsi:type="sf:{kind}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">
{fields}
    </sObject>
   </Notification>
  </notifications>
 </soapenv:Body>
</soapenv:Envelope>"""


class KeyedSender(WebhookSender):
    """Sends to the endpoint that an admin has written down: with the secret in its query."""

    secret = ""

    @property
    def url(self) -> str:
        """Return the address with its key."""
        if not self._bare or not self.secret or parse_qs(urlsplit(self._bare).query).get("key"):
            return self._bare
        return f"{self._bare}{'&' if '?' in self._bare else '?'}key={self.secret}"

    @url.setter
    def url(self, given: str) -> None:
        self._bare = given


class SalesforceSimulator(FileDesk):
    """One org. `token` is asked for where it is given; `client` with its secret gets that token."""

    def __init__(self, *, token: str = "", client: str = "", client_secret: str = "", **common: Any) -> None:
        super().__init__(**common)
        sender = KeyedSender(self.sign, self.clock, url=common.get("webhook_url", ""), seed=common.get("seed", 0))
        sender.secret = self.webhook_secret
        self.webhooks = sender
        self.token = token
        self.client = (client, client_secret)
        #: requests of the day, and how many there may be
        self.used, self.most = 0, 100_000
        #: rows of a page; locators that were given out
        self.page = 200
        self._locators: dict[str, list[Record]] = {}
        self._messages = count(1)

    # -- what every simulator gives

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return the paths of the REST API."""
        root = r"/services/data/v\d+\.\d"
        return [
            ("POST", r"/services/oauth2/token", self._token),
            ("GET", r"/services/oauth2/userinfo", self._userinfo),
            ("GET", rf"{root}/(?P<which>query|queryAll)/?", self._query),
            ("GET", rf"{root}/(?:query|queryAll)/(?P<locator>[\w-]+)", self._more),
            ("GET", rf"{root}/sobjects/Case/describe", self._describe),
            ("POST", rf"{root}/sobjects/CaseComment/?", self._comment),
            ("PATCH", rf"{root}/sobjects/Case/(?P<number>[A-Za-z0-9]+)", self._change),
            ("PATCH", rf"{root}/sobjects/Case/(?P<field>\w+)/(?P<value>[^/]+)", self._upsert),
            *self.file_routes(root),
        ]

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:  # noqa: ARG002 - nothing is signed
        """Return the headers of an outbound message."""
        return {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": '""', "X-Sim-Attempt": str(attempt)}

    def authorized(self, request: SimRequest) -> SimResponse | None:
        """Refuse wrong tokens, and requests past the day's limit."""
        if request.path == "/services/oauth2/token":
            return None
        given = request.headers.get("authorization", "")
        if not given.startswith("Bearer ") or (self.token and given != f"Bearer {self.token}"):
            if request.path == "/services/oauth2/userinfo":
                return SimResponse(403, {"Content-Type": "text/plain"}, b"Bad_OAuth_Token")
            return failed(RefusedError("INVALID_SESSION_ID", "Session expired or invalid", 401))
        self.used += 1
        if self.used > self.most:
            return failed(RefusedError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", 403))
        return None

    # -- what people do

    def act_create(
        self, subject: str, body: str, *, email: str = "customer@example.com", name: str = "", **fields: Any
    ) -> str:
        """Let a customer write into a form; returns the case's id."""
        now = self.now()
        given = {"Subject": subject, "Description": body, "Origin": "Web", "SuppliedEmail": email,
                 "ContactId": self.records.contact(email, name, now), **fields}  # fmt: skip
        made = self.records.add("Case", given, self.guest(), now)
        self.effect("create", made["Id"], detail={"Subject": subject})
        self.tell("Case", made)
        return str(made["Id"])

    def guest(self) -> str:
        """Return the user by whom forms and e-mails make cases."""
        return self.records.user("Automated Process", "autoproc@org.example", self.now(), "AutomatedProcess")

    def act_comment(self, case_id: str, body: str, *, public: bool = True, by: str = "agent") -> str:
        """Let an agent, or the customer in the portal (`by`), comment; returns the comment's id."""
        author = self.records.agent
        if by != "agent":
            email = self.records.all["Case"][case_id]["SuppliedEmail"] or "customer@example.com"
            author = self.records.user(email, email, self.now(), "CspLitePortal")
        given = {"ParentId": case_id, "CommentBody": body, "IsPublished": public}
        return str(self._commented(given, author)["Id"])

    def act_email(self, case_id: str, body: str, *, incoming: bool = True, sender: str = "customer@example.com") -> str:
        """Let an e-mail come in by Email-to-Case, or go out; returns its id."""
        now = self.now()
        given = {"ParentId": case_id, "Incoming": incoming, "TextBody": body, "FromAddress": sender,
                 "FromName": sender.partition("@")[0], "MessageDate": now.replace(microsecond=0)}  # fmt: skip
        made = self.records.add("EmailMessage", given, self.guest() if incoming else self.records.agent, now)
        self.effect("email", case_id, change_id=made["Id"])
        return str(made["Id"])

    def act_set(self, case_id: str, **fields: Any) -> None:
        """Let an agent change fields."""
        record = self.records.all["Case"][case_id]
        self.records.change("Case", record, fields, self.records.agent, self.now())
        self.effect("fields", case_id, detail=fields)
        self.tell("Case", record)

    def act_delete(self, case_id: str) -> None:
        """Let an agent put a case into the recycle bin, of which no message tells."""
        record = self.records.all["Case"][case_id]
        record |= {"IsDeleted": True, "SystemModstamp": self.now().replace(microsecond=0)}
        self.effect("delete", case_id)

    def act_undelete(self, case_id: str) -> None:
        """Let an agent take a case out of the recycle bin, of which no message tells."""
        record = self.records.all["Case"][case_id]
        record |= {"IsDeleted": False, "SystemModstamp": self.now().replace(microsecond=0)}
        self.effect("restore", case_id)

    def act_merge(self, case_id: str, into: str) -> None:
        """Let an agent merge a case into another: it goes to the recycle bin and says where it went."""
        self.records.all["Case"][case_id]["MasterRecordId"] = into
        self.act_delete(case_id)

    def act_presence(self, user: str, *, away: bool = False) -> None:
        """Let somebody come into Omni-Channel."""
        given = {"UserId": user, "IsAway": away, "StatusStartDate": self.now().replace(microsecond=0)}
        self.records.add("UserServicePresence", given, user, self.now())

    def _commented(self, given: Record, author: str) -> Record:
        made = self.records.add("CaseComment", given, author, self.now())
        said = {"body": given["CommentBody"], "public": given["IsPublished"]}
        self.effect("comment", made["ParentId"], change_id=made["Id"], detail=said)
        self.tell("CaseComment", made)
        return made

    def tell(self, kind: str, record: Record) -> None:
        """Send the outbound message of a record."""
        lines = []
        for field in TOLD[kind]:
            value = record.get(field)
            if value is None:
                lines.append(f'     <sf:{field} xsi:nil="true"/>')
                continue
            said = value.strftime("%Y-%m-%dT%H:%M:%S.000Z") if isinstance(value, datetime) else value
            said = str(said).lower() if isinstance(said, bool) else str(said)
            lines.append(f"     <sf:{field}>{escape(said)}</sf:{field}>")
        number = f"04l5j{next(self._messages):010d}AAA"
        body = MESSAGE.format(org=ORG, url=self.url, number=number, kind=kind, fields="\n".join(lines))
        self.announce(body.encode())

    # -- the API

    def limits(self) -> dict[str, str]:
        """Return the header that says how much of the day is used."""
        return {"Sforce-Limit-Info": f"api-usage={self.used}/{self.most}"}

    def _token(self, request: SimRequest) -> SimResponse:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if (form.get("client_id"), form.get("client_secret")) != self.client or not self.token:
            return json_answer({"error": "invalid_client", "error_description": "invalid client credentials"}, 400)
        issued = str(int(self.now().timestamp() * 1000))
        given = {"access_token": self.token, "instance_url": self.url, "token_type": "Bearer", "issued_at": issued}
        return json_answer(given)

    def _userinfo(self, request: SimRequest) -> SimResponse:  # noqa: ARG002 - every handler is given the request
        me = self.records.all["User"][self.records.me]
        said = {"user_id": me["Id"], "organization_id": ORG, "preferred_username": me["Username"], "name": me["Name"],
                "email": me["Email"], "active": True, "user_type": "STANDARD"}  # fmt: skip
        return json_answer(said, 200, self.limits())

    def _query(self, request: SimRequest, which: str) -> SimResponse:
        try:
            rows = self.records.found(parsed(request.query.get("q", "")), deleted=which == "queryAll")
        except RefusedError as error:
            return failed(error)
        return self._paged(request, rows, which)

    def _paged(self, request: SimRequest, rows: list[Record], which: str) -> SimResponse:
        body: dict[str, Any] = {"totalSize": len(rows), "done": True, "records": rows[: self.page]}
        if len(rows) > self.page:
            name = f"01gRO{len(self._locators):010d}YA2-{self.page}"
            self._locators[name] = rows[self.page :]
            version = request.path.partition("/services/data/")[2].partition("/")[0]
            body |= {"done": False, "nextRecordsUrl": f"/services/data/{version}/{which}/{name}"}
        return json_answer(body, 200, self.limits())

    def _more(self, request: SimRequest, locator: str) -> SimResponse:
        rows = self._locators.get(locator)
        if rows is None:
            return failed(RefusedError("INVALID_QUERY_LOCATOR", "invalid query locator"))
        return self._paged(request, rows, "query")

    def act_forget(self) -> None:
        """Let Salesforce forget every locator, as it does when there are too many."""
        self._locators.clear()

    def _describe(self, request: SimRequest) -> SimResponse:  # noqa: ARG002 - the same
        fields = [
            {"name": name, "createable": True, "updateable": True, "externalId": name == "Gateway_Key__c",
             "unique": name == "Gateway_Key__c",
             "picklistValues": [{"value": word, "active": True} for word in PICKLISTS.get(name, ())]}
            for name in OBJECTS["Case"][1]
        ]  # fmt: skip
        return json_answer({"name": "Case", "fields": fields}, 200, self.limits())

    def _comment(self, request: SimRequest) -> SimResponse:
        given = request.json()
        try:
            if self._case(str(given.get("ParentId") or "")) is None:
                raise RefusedError("ENTITY_IS_DELETED", "entity is deleted")
            made = self._commented(given, self.records.me)
        except RefusedError as error:
            return failed(error)
        return json_answer({"id": made["Id"], "success": True, "errors": []}, 201, self.limits())

    def _case(self, number: str) -> Record | None:
        found = self.records.all["Case"].get(number)
        return None if found is None or found["IsDeleted"] else found

    def _change(self, request: SimRequest, number: str) -> SimResponse:
        record = self._case(number)
        if record is None:
            return failed(RefusedError("NOT_FOUND", "The requested resource does not exist", 404))
        told = request.headers.get("if-unmodified-since", "")
        if told:
            try:
                since = parsedate_to_datetime(told).astimezone(UTC)
            except ValueError:
                return failed(RefusedError("INVALID_HEADER", "If-Unmodified-Since is not a date"))
            if record["LastModifiedDate"] > since:
                return failed(RefusedError("PRECONDITION_FAILED", "the record was modified", 412))
        try:
            self._changed(record, request.json(), "")
        except RefusedError as error:
            return failed(error)
        return SimResponse(204, self.limits())

    def _changed(self, record: Record, given: Record, key: str) -> None:
        self.records.change("Case", record, given, self.records.me, self.now())
        self.effect("fields", record["Id"], key=key, detail=given)
        self.tell("Case", record)

    def _upsert(self, request: SimRequest, field: str, value: str) -> SimResponse:
        if field != "Gateway_Key__c":
            return failed(RefusedError("NOT_FOUND", f"Provided external ID field does not exist: {field}", 404))
        found = list(self.records.cases_by_key(value))
        if len(found) > 1:
            return json_answer([f"{request.path.partition('/Case/')[0]}/Case/{each['Id']}" for each in found], 300)
        try:
            if found:
                self._changed(found[0], request.json(), value)
                told = {"id": found[0]["Id"], "success": True, "errors": [], "created": False}
                return json_answer(told, 200, self.limits())
            made = self.records.add("Case", {**request.json(), field: value}, self.records.me, self.now())
        except RefusedError as error:
            return failed(error)
        self.effect("create", made["Id"], key=value, change_id=made["Id"], detail={"Subject": made["Subject"]})
        self.tell("Case", made)
        return json_answer({"id": made["Id"], "success": True, "errors": [], "created": True}, 201, self.limits())


def failed(error: RefusedError) -> SimResponse:
    """Return what Salesforce says of what it refuses."""
    told: dict[str, Any] = {"message": str(error), "errorCode": error.code}
    return json_answer([told | ({"fields": list(error.fields)} if error.fields else {})], error.status)


__all__ = ["CLOSED", "SalesforceSimulator", "written"]

if __name__ == "__main__":
    sys.exit(serve(SalesforceSimulator, "A simulated Salesforce org on loopback"))
