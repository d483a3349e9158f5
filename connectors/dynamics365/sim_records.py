"""The records of a simulated environment: tables with their columns, one count of versions for all of them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from itertools import count
from typing import Any

from connectors.dynamics365.sim_odata import Record, RefusedError

#: table -> its primary key, and its columns with what they are born with
TABLES: dict[str, tuple[str, Record]] = {
    "systemusers": ("systemuserid", {"fullname": "", "internalemailaddress": "", "isdisabled": False, "accessmode": 0}),
    "teams": ("teamid", {"name": ""}),
    "accounts": ("accountid", {"name": ""}),
    "contacts": ("contactid", {"fullname": "", "firstname": "", "lastname": "", "emailaddress1": "",
                               "telephone1": None, "statecode": 0}),
    "incidents": ("incidentid", {
        "ticketnumber": "", "title": None, "description": None, "statecode": 0, "statuscode": 1, "prioritycode": 2,
        "casetypecode": None, "caseorigincode": None, "emailaddress": None, "_ownerid_value": "",
        "_customerid_value": None, "_primarycontactid_value": None, "_masterid_value": None,
        "_parentcaseid_value": None, "new_sladue": None,
    }),
    "annotations": ("annotationid", {
        "subject": None, "notetext": None, "isdocument": False, "filename": None, "filesize": None, "mimetype": None,
        "documentbody": None, "_objectid_value": None, "objecttypecode": "none",
    }),
    "emails": ("activityid", {
        "subject": "", "description": "", "directioncode": True, "statecode": 1, "sender": "", "senton": None,
        "_regardingobjectid_value": None,
    }),
    "incidentresolutions": ("activityid", {"subject": "", "_incidentid_value": None}),
}  # fmt: skip
_SYSTEM: Record = {
    "createdon": None, "modifiedon": None, "_createdby_value": "", "_modifiedby_value": "", "versionnumber": 0,
}  # fmt: skip
#: what may be bound to what: property of a request -> (column, table that it leads to)
BINDINGS = {
    "ownerid": "_ownerid_value", "customerid_contact": "_customerid_value", "customerid_account": "_customerid_value",
    "primarycontactid": "_primarycontactid_value", "objectid_incident": "_objectid_value",
    "incidentid": "_incidentid_value",
}  # fmt: skip
STATES = {1: 0, 2: 0, 3: 0, 4: 0, 5: 1, 1000: 1, 6: 2, 2000: 2}
LONGEST = {"title": 200, "description": 2000, "notetext": 100_000}


def shown(value: Any) -> Any:
    """Write a value as OData does."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value


class Records:
    """One environment."""

    def __init__(self) -> None:
        self.all: dict[str, dict[str, Record]] = {name: {} for name in TABLES}
        #: (version, id) of deleted cases
        self.deleted: list[tuple[int, str]] = []
        self.states = dict(STATES)
        self._versions = count(900_001)
        self._numbers = count(1001)
        now = datetime.now(UTC)  # noqa: TID251 - an environment is another machine with its own clock
        about = {"fullname": "Gateway", "internalemailaddress": "gateway@org.example", "accessmode": 4}
        self.me = str(self.add("systemusers", about, "", now)["systemuserid"])
        self.agent = self.user("Agent Smith", "agent@org.example", now)
        self.team = str(self.add("teams", {"name": "Support"}, self.me, now)["teamid"])

    def user(self, name: str, email: str, now: datetime) -> str:
        """Return the id of a new user."""
        given = {"fullname": name, "internalemailaddress": email}
        return str(self.add("systemusers", given, "", now)["systemuserid"])

    def contact(self, email: str, now: datetime) -> str:
        """Return the id of the contact with that e-mail, made when there is none."""
        for number, known in self.all["contacts"].items():
            if known["emailaddress1"] == email:
                return number
        given = {"emailaddress1": email, "fullname": email.partition("@")[0], "lastname": email.partition("@")[0]}
        return str(self.add("contacts", given, self.me, now)["contactid"])

    def next_version(self) -> int:
        """Return the next of the versions that count all changes."""
        return next(self._versions)

    def add(self, table: str, given: Record, by: str, now: datetime, number: str = "") -> Record:
        """Make a record; raises RefusedError."""
        key, born = TABLES[table]
        columns = self.bound(table, given)
        at = now.replace(microsecond=0)
        made: Record = {**_SYSTEM, **born, **columns, key: number or str(uuid.uuid4())}
        made |= {"createdon": at, "modifiedon": at, "_createdby_value": by, "_modifiedby_value": by}
        made["versionnumber"] = self.next_version()
        if table == "incidents":
            if not made["_customerid_value"]:
                raise RefusedError("0x80040203", "You should specify a parent contact or account.")
            made["ticketnumber"] = f"CAS-{next(self._numbers):05d}-K2V8Q5"
            made["_ownerid_value"] = made["_ownerid_value"] or by or self.me
        if table == "annotations" and made["isdocument"]:
            made["filesize"] = len(str(made["documentbody"] or "")) * 3 // 4 - str(made["documentbody"]).count("=")
        if table == "contacts":
            made["fullname"] = made["fullname"] or f"{made['firstname']} {made['lastname']}".strip()
        self.all[table][made[key]] = made
        return made

    def change(self, table: str, record: Record, given: Record, by: str, now: datetime) -> Record:
        """Set columns; returns what was set. Raises RefusedError."""
        columns = self.bound(table, given)
        if table == "incidents":
            state = columns.get("statecode", record["statecode"])
            held = record["statuscode"] if state == record["statecode"] else -1
            code: Any = {"statuscode": held, **columns}["statuscode"]
            if self.states.get(code, 0) != state:
                raise RefusedError("0x80048408", f"{code} is not a valid status code for state code {state}.")
            if state == 1 and record["statecode"] != 1:
                raise RefusedError("0x80048408", "A case is resolved by CloseIncident.")
        record |= columns
        self.touch(record, by, now)
        return columns

    def touch(self, record: Record, by: str, now: datetime) -> None:
        """Let a record have changed."""
        record |= {"modifiedon": now.replace(microsecond=0), "_modifiedby_value": by}
        record["versionnumber"] = self.next_version()

    def close(self, record: Record, code: int, subject: str, by: str, now: datetime) -> None:
        """Resolve a case; raises RefusedError."""
        if record["statecode"] != 0:
            raise RefusedError("0x80040203", "This case has already been resolved.")
        if STATES.get(code) != 1:
            raise RefusedError("0x80048408", f"{code} is not a valid status code for state code Resolved.")
        self.add("incidentresolutions", {"subject": subject, "_incidentid_value": record["incidentid"]}, by, now)
        record |= {"statecode": 1, "statuscode": code}
        self.touch(record, by, now)

    def bound(self, table: str, given: Record) -> Record:
        """Return the columns of a request's body; raises RefusedError for what is none, or leads nowhere."""
        key, born = TABLES[table]
        found: Record = {}
        for name, value in given.items():
            if name in born or name == key:
                most = LONGEST.get(name, 0)
                if most and isinstance(value, str) and len(value) > most:
                    raise RefusedError("0x80044331", f"The length of the '{name}' attribute exceeded {most}.")
                found[name] = value
                continue
            column = BINDINGS.get(name.removesuffix("@odata.bind"))
            if column is None or not name.endswith("@odata.bind"):
                raise RefusedError("0x80048d19", f"Invalid property '{name}' was found in entity '{table}'.")
            target, _, number = str(value).strip("/").partition("(")
            number = number.rstrip(")")
            if number not in self.all.get(target, {}):
                raise RefusedError("0x80040217", f"{target} With Id = {number} Does Not Exist", 404)
            found[column] = number
            if name.startswith("objectid_incident"):
                found["objecttypecode"] = "incident"
        return found

    def table_of(self, number: Any) -> str:
        """Return the table in which an id is, by its singular name."""
        for table, rows in self.all.items():
            if number in rows:
                return table.removesuffix("s")
        return ""
