"""The records of a simulated org: objects with their fields, ids as Salesforce makes them, times in whole seconds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

from connectors.salesforce.ids import suffix
from connectors.salesforce.sim_soql import Query, RefusedError

Record = dict[str, Any]

SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
STATUSES = ("New", "Working", "Waiting on Customer", "On Hold", "Escalated", "Resolved", "Closed", "Merged")
CLOSED = frozenset({"Resolved", "Closed", "Merged"})
PRIORITIES = ("Critical", "High", "Medium", "Low")
TYPES = ("Incident", "Problem", "Question", "Feature Request")
_SYSTEM: Record = {
    "Id": "", "CreatedById": "", "CreatedDate": None, "LastModifiedById": "", "LastModifiedDate": None,
    "SystemModstamp": None, "IsDeleted": False,
}  # fmt: skip
#: object -> prefix of its ids, and its fields with what they are born with
OBJECTS: dict[str, tuple[str, Record]] = {
    "User": ("005", {"Name": "", "Username": "", "Email": "", "IsActive": True, "UserType": "Standard",
                     "ContactId": None}),
    "Group": ("00G", {"Name": "", "DeveloperName": "", "Type": "Queue", "Email": None}),
    "Account": ("001", {"Name": "", "OwnerId": None, "BillingCountry": None, "Tier__c": None, "Plan__c": None}),
    "Contact": ("003", {"Name": "", "Email": "", "Phone": None, "MobilePhone": None, "AccountId": None,
                        "Language__c": None}),
    "Case": ("500", {
        "CaseNumber": "", "Subject": None, "Description": None, "Status": "New", "Priority": "Medium", "Type": None,
        "Origin": None, "IsClosed": False, "MasterRecordId": None, "ParentId": None, "OwnerId": "", "ContactId": None,
        "AccountId": None, "SuppliedName": None, "SuppliedEmail": None, "SuppliedPhone": None, "RecordTypeId": None,
        "Reason": None, "ClosedDate": None, "Gateway_Key__c": None, "SLA_Due__c": None,
        "Ticket_Elsewhere__c": None,
    }),
    "CaseComment": ("00a", {"ParentId": "", "CommentBody": "", "IsPublished": False}),
    "EmailMessage": ("02s", {
        "ParentId": None, "Incoming": False, "Status": "3", "Subject": "", "TextBody": "", "HtmlBody": None,
        "FromName": "", "FromAddress": "", "ToAddress": "", "IsExternallyVisible": True, "MessageDate": None,
    }),
    "CaseHistory": ("017", {"CaseId": "", "Field": "", "OldValue": None, "NewValue": None}),
    "UserServicePresence": ("0N5", {"UserId": "", "IsAway": False, "IsCurrentState": True, "StatusStartDate": None}),
    "ContentDocument": ("069", {"Title": "", "FileExtension": "", "ContentSize": 0, "LatestPublishedVersionId": ""}),
    "ContentVersion": ("068", {
        "ContentDocumentId": "", "Title": "", "PathOnClient": "", "FileExtension": "", "ContentSize": 0,
        "ReasonForChange": None, "FirstPublishLocationId": None,
    }),
    "ContentDocumentLink": ("06A", {
        "ContentDocumentId": "", "LinkedEntityId": "", "ShareType": "V", "Visibility": "AllUsers",
    }),
    "Attachment": ("00P", {"ParentId": "", "Name": "", "ContentType": None, "BodyLength": 0, "IsPrivate": False}),
}  # fmt: skip
#: what a relationship leads to, by the first characters of the id that it holds
PARENTS = {prefix: name for name, (prefix, _) in OBJECTS.items()}
LONGEST = {"Subject": 255, "Description": 32_000, "SuppliedEmail": 80, "SuppliedName": 80, "Gateway_Key__c": 64}
PICKLISTS = {"Status": STATUSES, "Priority": PRIORITIES, "Type": TYPES}


def written(value: Any) -> Any:
    """Write a value as the REST API does: `2026-05-01T07:25:37.000+0000`."""
    return value.strftime("%Y-%m-%dT%H:%M:%S.000+0000") if isinstance(value, datetime) else value


class Records:
    """One org."""

    def __init__(self) -> None:
        self.all: dict[str, dict[str, Record]] = {name: {} for name in OBJECTS}
        #: objects that this org does not have
        self.without: set[str] = set()
        #: fields of which the org keeps no history
        self.keeps_history = True
        #: ids of records that sharing keeps from our user
        self.hidden: set[str] = set()
        self.picklists = {field: [*words] for field, words in PICKLISTS.items()}
        self._count = count(1)
        self._numbers = count(1001)
        now = datetime.now(UTC)  # noqa: TID251 - an org is another machine with its own clock
        self.me = self.add("User", {"Name": "Gateway", "Username": "gateway@org.example",
                                    "Email": "gateway@org.example"}, "", now)["Id"]  # fmt: skip
        self.agent = self.user("Agent Smith", "agent@org.example", now)
        self.queue = self.add("Group", {"Name": "Support", "DeveloperName": "Support"}, self.me, now)["Id"]

    def user(self, name: str, email: str, now: datetime, kind: str = "Standard") -> str:
        """Return the id of the user with that e-mail, made when there is none."""
        for number, known in self.all["User"].items():
            if known["Email"] == email:
                return number
        given = {"Name": name, "Username": email, "Email": email, "UserType": kind}
        return str(self.add("User", given, "", now)["Id"])

    def contact(self, email: str, name: str, now: datetime) -> str:
        """Return the id of the contact with that e-mail, made when there is none."""
        for number, known in self.all["Contact"].items():
            if known["Email"] == email:
                return number
        return str(self.add("Contact", {"Email": email, "Name": name or email}, self.me, now)["Id"])

    def new_id(self, prefix: str) -> str:
        """Return a fresh id: they grow, and case matters in them."""
        number, signs = next(self._count) * 7, ""
        while number:
            number, sign = divmod(number, 62)
            signs = SIGNS[sign] + signs
        short = prefix + "5j" + signs.rjust(10, "0")
        return short + suffix(short)

    def add(self, name: str, given: Record, by: str, now: datetime) -> Record:
        """Make a record; raises RefusedError."""
        prefix, born = OBJECTS[name]
        self.checked(name, given)
        at = now.replace(microsecond=0)
        made: Record = {
            **_SYSTEM, **born, **given, "Id": self.new_id(prefix), "CreatedById": by, "CreatedDate": at,
            "LastModifiedById": by, "LastModifiedDate": at, "SystemModstamp": at,
        }  # fmt: skip
        if name == "Case":
            made["CaseNumber"] = f"{next(self._numbers):08d}"
            made["OwnerId"] = made["OwnerId"] or self.queue
            self._keep_unique(made)
            self._close(made, at)
        self.all[name][made["Id"]] = made
        return made

    def change(self, name: str, record: Record, given: Record, by: str, now: datetime) -> list[str]:
        """Set fields of a record; returns those that are other than before. Raises RefusedError."""
        self.checked(name, given)
        at = now.replace(microsecond=0)
        self._keep_unique({**record, **given})
        changed = [field for field, value in given.items() if record.get(field) != value]
        for field in changed:
            if name == "Case" and self.keeps_history:
                told = {"CaseId": record["Id"], "Field": "Owner" if field == "OwnerId" else field,
                        "OldValue": record.get(field), "NewValue": given[field]}  # fmt: skip
                self.add("CaseHistory", told, by, now)
            record[field] = given[field]
        record |= {"LastModifiedById": by, "LastModifiedDate": at, "SystemModstamp": at}
        if name == "Case":
            self._close(record, at)
        return changed

    def checked(self, name: str, given: Record) -> None:
        """Raise RefusedError for what Salesforce does not take."""
        _, born = OBJECTS[name]
        for field, value in given.items():
            if field not in born:
                raise RefusedError("INVALID_FIELD", f"No such column '{field}' on sobject of type {name}")
            most = LONGEST.get(field, 0)
            if most and isinstance(value, str) and len(value) > most:
                said = f"{field}: data value too large (max length={most})"
                raise RefusedError("STRING_TOO_LONG", said, fields=(field,))
            if name == "Case" and field in self.picklists and value is not None and value not in self.picklists[field]:
                said = f"{field}: bad value for restricted picklist field: {value}"
                raise RefusedError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", said, fields=(field,))
        if name == "CaseComment" and len(str(given.get("CommentBody") or "").encode()) > 4000:
            raise RefusedError("STRING_TOO_LONG", "CommentBody: data value too large (max length=4000)")
        if name == "CaseComment" and not str(given.get("CommentBody") or "").strip():
            raise RefusedError("REQUIRED_FIELD_MISSING", "Required fields are missing: [CommentBody]")

    def _keep_unique(self, record: Record) -> None:
        key = record.get("Gateway_Key__c")
        others = self.all["Case"].values()
        if key and any(each["Gateway_Key__c"] == key and each["Id"] != record["Id"] for each in others):
            raise RefusedError("DUPLICATE_VALUE", "duplicate value found: Gateway_Key__c duplicates value on record")

    @staticmethod
    def _close(record: Record, at: datetime) -> None:
        record["IsClosed"] = record["Status"] in CLOSED
        record["ClosedDate"] = at if record["IsClosed"] else None

    # -- queries

    def found(self, query: Query, *, deleted: bool) -> list[Record]:
        """Return the records of a query in its order, with the fields that it selects; raises RefusedError."""
        if query.source not in self.all or query.source in self.without:
            raise RefusedError("INVALID_TYPE", f"sObject type '{query.source}' is not supported.")
        _, born = OBJECTS[query.source]
        for field in query.named:
            self._known(query.source, field, born)
        rows = [
            record
            for record in self.all[query.source].values()
            if record["Id"] not in self.hidden
            and (deleted or not record["IsDeleted"])
            and query.where(lambda field, held=record: self.value(held, field))  # type: ignore[misc]
        ]
        for field, falling in reversed(query.order):
            rows.sort(key=lambda record: _sortable(self.value(record, field)), reverse=falling)
        rows = rows[: query.limit] if query.limit is not None else rows
        return [self._shown(query, record) for record in rows]

    def _known(self, source: str, field: str, born: Record) -> None:
        top, _, rest = field.partition(".")
        if not rest and (top in born or top in _SYSTEM):
            return
        last = rest.rpartition(".")[2]
        if rest and (f"{top}Id" in born or f"{top}Id" in _SYSTEM) and any(last in each for _, each in OBJECTS.values()):
            return
        raise RefusedError("INVALID_FIELD", f"No such column '{field}' on entity '{source}'.")

    def value(self, record: Record, field: str) -> Any:
        """Return a field, or one of the record that a relationship leads to."""
        top, _, rest = field.partition(".")
        if not rest:
            return record.get(top)
        above = self.parent(record.get(f"{top}Id"))
        return self.value(above, rest) if above else None

    def parent(self, number: Any) -> Record | None:
        """Return the record behind an id."""
        name = PARENTS.get(str(number or "")[:3], "")
        return self.all[name].get(str(number)) if name else None

    def _shown(self, query: Query, record: Record) -> Record:
        shown: Record = {"attributes": {"type": query.source, "url": f"/services/data/v62.0/sobjects/{record['Id']}"}}
        for field in query.fields:
            self._show(shown, record, field)
        return shown

    def _show(self, shown: Record, record: Record, field: str) -> None:
        top, _, rest = field.partition(".")
        if not rest:
            shown[top] = written(record.get(top))
            return
        above = self.parent(record.get(f"{top}Id"))
        if above is None:
            shown[top] = None
        else:
            self._show(shown.setdefault(top, {"attributes": {"type": PARENTS[above["Id"][:3]]}}), above, rest)

    def cases_by_key(self, key: str) -> Iterator[Record]:
        """Yield the cases that hold an external id."""
        return (each for each in self.all["Case"].values() if each["Gateway_Key__c"] == key and not each["IsDeleted"])


def _sortable(value: Any) -> Any:
    return (value is not None, value) if value is not None else (False, "")
