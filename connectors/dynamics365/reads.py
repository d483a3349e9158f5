"""What is read from Dynamics 365: one case whole, who we are, and whether the connection will do."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from connectors.dynamics365 import mapping
from connectors.dynamics365.account import Account
from connectors.dynamics365.asking import PAGE, ask, complaint, decoded, every, get
from connectors.dynamics365.ids import guid
from connectors.dynamics365.mapping import Json
from connectors.sdk import (
    Attachment,
    AuthenticationError,
    Call,
    CheckResult,
    Identity,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    TransportError,
)

COLUMNS = (
    "incidentid", "ticketnumber", "title", "description", "statecode", "statuscode", "prioritycode", "casetypecode",
    "caseorigincode", "createdon", "modifiedon", "versionnumber", "emailaddress", "_ownerid_value",
    "_customerid_value", "_primarycontactid_value", "_masterid_value", "_parentcaseid_value", "_createdby_value",
    "_modifiedby_value",
)  # fmt: skip
PEOPLE = (
    "owninguser($select=systemuserid,fullname,internalemailaddress),owningteam($select=teamid,name),"
    "primarycontactid($select=contactid,fullname,emailaddress1,telephone1),"
    "customerid_contact($select=contactid,fullname,emailaddress1,telephone1),customerid_account($select=accountid,name)"
)
NOTES = (
    "annotationid,subject,notetext,isdocument,filename,filesize,mimetype,createdon,modifiedon,versionnumber,"
    "_objectid_value,_createdby_value"
)
EMAILS = (
    "activityid,subject,description,directioncode,statecode,sender,senton,createdon,modifiedon,versionnumber,"
    "_regardingobjectid_value,_createdby_value"
)
AUTHOR = "createdby($select=systemuserid,fullname,internalemailaddress)"


def columns(account: Account) -> str:
    """Return what is selected of a case: the known columns, and those that the site has named."""
    return ",".join(dict.fromkeys((*COLUMNS, *account.field_names.values())))


def case_row(account: Account, found: str) -> Call[Json | None]:
    """Read the record of a case; None when it is not there or out of our sight."""
    request = get(f"incidents({found})", "read the case", select=columns(account), expand=PEOPLE)
    return (yield from ask(request, none=(403, 404)))


def read(account: Account, remote_id: str) -> Call[RemoteTicket | None]:
    """Read one case with all its notes and e-mails; a merged one says into which."""
    found = guid(remote_id)
    if not found:
        return None
    row = yield from case_row(account, found)
    if row is None:
        return None
    case = mapping.ticket(account, row, at=mapping.EPOCH)
    if case is None:
        msg = f"Dynamics 365's answer to reading case {found} holds no case"
        raise TransportError(msg)
    if case.merged_into:
        return case
    comments, files, newest = yield from said_on(account, found)
    return msgspec.structs.replace(
        case,
        comments=tuple(comments),
        attachments=tuple(files),
        version=max(case.version, newest),
        complete=True,
    )


def said_on(account: Account, found: str) -> Call[tuple[list[RemoteComment], list[Attachment], int]]:
    """Read every note and e-mail of a case, oldest first, its files, and the newest version of all of them."""
    notes = yield from notes_of(account, found)
    where = f"_regardingobjectid_value eq {found}"
    asked = get(
        "emails", "read the e-mails", select=EMAILS, expand=AUTHOR, filter=where, orderby="createdon,activityid",
        prefer=f"odata.maxpagesize={PAGE}",
    )  # fmt: skip
    mails = (yield from every(account, asked, none=(403, 404))) or []
    files = [mapping.attachment(account, row) for row in notes if mapping.is_bare_file(account, row)]
    said = [mapping.note(account, row, {}, at=mapping.EPOCH) for row in notes if not mapping.is_bare_file(account, row)]
    said += [mapping.email(row, at=mapping.EPOCH) for row in mails]
    comments = sorted((one for one in said if one is not None), key=lambda one: one.at)
    return comments, files, max((mapping.version(row) for row in (*notes, *mails)), default=0)


def notes_of(account: Account, found: str) -> Call[list[Json]]:
    """Read the notes of a case, without the bytes of their files."""
    asked = get(
        "annotations", "read the notes", select=NOTES, expand=AUTHOR, filter=f"_objectid_value eq {found}",
        orderby="createdon,versionnumber", prefer=f"odata.maxpagesize={PAGE}",
    )  # fmt: skip
    return (yield from every(account, asked)) or []


def whoami(account: Account) -> Call[Identity]:
    """Say who we are; raises AuthenticationError when the credentials do not hold."""
    response = yield get("WhoAmI", "who are we")
    if response.status in {401, 403}:
        msg = f"Dynamics 365 does not know who we are: check auth in gateway.yaml ({complaint(response)})"
        raise AuthenticationError(msg)
    body = (decoded(response) or {}) if response.ok else {}
    found = guid(body.get("UserId"))
    if not found:
        msg = f"Dynamics 365 did not say who we are: {complaint(response)}"
        raise TransportError(msg)
    account.learn(found)
    chosen = get(f"systemusers({found})", "our name", select="systemuserid,fullname,internalemailaddress")
    user = mapping.person((yield from ask(chosen, none=(403, 404))) or {})
    person = user or RemotePerson(found, role="agent")
    return Identity(person, f"{person.label}, id {found}, organization {guid(body.get('OrganizationId'))}")


def own_id(account: Account) -> Call[str]:
    """Return our user's id there, from the settings or by asking."""
    if not account.account_id:
        yield from whoami(account)
    return account.account_id


def check(account: Account) -> Call[Sequence[CheckResult]]:
    """Try what the connection needs, with reads only."""
    try:
        us = yield from whoami(account)
    except AuthenticationError as error:
        return [CheckResult("credentials", ok=False, detail=str(error))]
    results = [CheckResult("credentials", ok=True, detail=us.detail, facts={"account_id": us.person.external_id})]
    for table, name, need in (
        ("incidents", "cases", "read, create and write on Case for the whole organization"),
        ("annotations", "notes", "read, create and append on Note"),
        ("contacts", "contacts", "read and create on Contact"),
    ):
        tried = yield get(table, f"try the {name}", select="createdon", top="1")
        told = f"{name} can be read" if tried.ok else f"{complaint(tried)}: our user's role needs {need}"
        results.append(CheckResult(name, ok=tried.ok, detail=told))
    prefer = "odata.track-changes,odata.maxpagesize=1"
    tracked = yield get("incidents", "try change tracking", prefer=prefer, select="incidentid")
    told = (
        "changes are tracked"
        if tracked.ok
        else f"{complaint(tracked)}: changes are polled by their time, and deletions are not seen"
    )
    results.append(CheckResult("change_tracking", ok=tracked.ok, detail=told, warning=True))
    if not account.webhook_secrets:
        detail = "no webhook_secret: webhooks are refused, and only polling brings changes"
        results.append(CheckResult("webhook_secret", ok=False, detail=detail, warning=True))
    return results
