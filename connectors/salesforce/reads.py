"""What is read from Salesforce: one case whole, who we are, and whether the connection will do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from connectors.salesforce import mapping
from connectors.salesforce.account import Account
from connectors.salesforce.asking import USERINFO, ask, complaint, decoded, every, quoted, request, select, soql
from connectors.salesforce.files import files_of
from connectors.salesforce.ids import EMAIL, full_id, is_case_id
from connectors.salesforce.mapping import Json, moment, obj, objects, text
from connectors.sdk import (
    AuthenticationError,
    Call,
    CheckResult,
    Identity,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    TransportError,
)

CASE_FIELDS = (
    "Id", "CaseNumber", "Subject", "Description", "Status", "Priority", "Type", "Origin", "IsClosed", "IsDeleted",
    "MasterRecordId", "ParentId", "OwnerId", "Owner.Name", "Owner.Email", "ContactId", "Contact.Name", "Contact.Email",
    "Contact.Phone", "SuppliedName", "SuppliedEmail", "SuppliedPhone", "AccountId", "Account.Name", "CreatedById",
    "CreatedDate", "ClosedDate", "LastModifiedById", "LastModifiedDate", "SystemModstamp",
)  # fmt: skip
COMMENT_FIELDS = (
    "Id, ParentId, CommentBody, IsPublished, CreatedById, CreatedBy.Name, CreatedBy.Email, CreatedBy.UserType, "
    "CreatedDate, SystemModstamp"
)
EMAIL_FIELDS = (
    "Id, ParentId, Incoming, Status, Subject, TextBody, HtmlBody, FromName, FromAddress, "
    "IsExternallyVisible, CreatedById, CreatedBy.Name, CreatedBy.Email, CreatedBy.UserType, MessageDate, CreatedDate, "
    "SystemModstamp"
)
#: a share of the day's requests from which on a check warns
MANY = 0.9


def case_fields(account: Account) -> str:
    """Return what is selected of a case: the standard fields, our key, and the fields that the site has named."""
    return ", ".join(dict.fromkeys((*CASE_FIELDS, account.key_field, *account.field_names.values())))


def case_row(account: Account, number: str) -> Call[Json | None]:
    """Read the record of a case, also from the recycle bin; None when it is not there or out of our sight."""
    query = soql(case_fields(account), "Case", f"Id = {quoted(number)}")
    body = yield from ask(select(account, query, "read the case", deleted=True))
    found = objects(obj(body).get("records"))
    return found[0] if found else None


def read(account: Account, remote_id: str) -> Call[RemoteTicket | None]:
    """Read one case with all its comments and e-mails; a deleted or merged one says so."""
    number = full_id(remote_id)
    if not is_case_id(number):
        return None
    row = yield from case_row(account, number)
    if row is None:
        return None
    found = mapping.ticket(account, row, at=mapping.EPOCH)
    if found is None:
        msg = f"Salesforce's answer to reading case {number} holds no case"
        raise TransportError(msg)
    if found.deleted or found.merged_into:
        return found
    comments, said = yield from comments_of(account, number, found)
    letters = [one.remote_id for one in comments if one.remote_id.startswith(EMAIL)]
    files, put = yield from files_of(account, [number, *letters])
    newest = max([found.version, *(mapping.version_of(at) for at in (*said, *put))])
    comments = [msgspec.structs.replace(one, attachments=tuple(files.get(one.remote_id, ()))) for one in comments]
    token = f"{found.version_token}#{len(comments)}#{sum(len(each) for each in files.values())}"
    return msgspec.structs.replace(
        found,
        comments=tuple(comments),
        version=newest,
        version_token=token,
        attachments=tuple(files[number]),
        complete=True,
    )


def comments_of(account: Account, number: str, found: RemoteTicket) -> Call[tuple[list[RemoteComment], list[datetime]]]:
    """Read every comment and e-mail of a case, oldest first, and when each was last touched."""
    where, order = f"ParentId = {quoted(number)}", "CreatedDate, Id"
    rows = yield from every(account, soql(COMMENT_FIELDS, "CaseComment", where, order), "read the comments")
    said = [mapping.comment(row, at=mapping.EPOCH) for row in rows or ()]
    mails: list[Json] = []
    if account.emails:
        mails = (yield from every(account, soql(EMAIL_FIELDS, "EmailMessage", where, order), "read the e-mails")) or []
    letters = [one for row in mails if (one := mapping.email(row, at=mapping.EPOCH)) is not None]
    comments = [one for one in said if one is not None] + mapping.without_the_first(letters, found)
    touched = [at for row in (*(rows or ()), *mails) if (at := moment(row.get("SystemModstamp"))) is not None]
    return sorted(comments, key=lambda one: one.at), touched


def whoami(account: Account) -> Call[Identity]:
    """Say who we are; raises AuthenticationError when the credentials do not hold (here 403 says so, too)."""
    asked = request("GET", USERINFO, "who are we")
    response = yield asked
    if response.status in {401, 403}:
        msg = f"Salesforce does not know who we are: check auth in gateway.yaml ({complaint(response)})"
        raise AuthenticationError(msg)
    body = obj(decoded(response)) if response.ok else {}
    number = full_id(text(body.get("user_id")))
    if not number:
        msg = f"Salesforce did not say who we are: {complaint(response)}"
        raise TransportError(msg)
    account.learn(number)
    person = RemotePerson(number, text(body.get("email")), "", text(body.get("name")), "agent")
    name = text(body.get("preferred_username")) or person.label
    return Identity(person, f"{name}, id {number}, org {text(body.get('organization_id'))}")


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
    described = yield request("GET", f"{account.root}/sobjects/Case/describe", "describe the case")
    fields = {text(field.get("name")): field for field in objects(obj(decoded(described)).get("fields"))}
    results += [_case(fields, complaint(described)), _key(account, fields)]
    results += _picklists(account, fields)
    comments = yield select(account, soql("Id", "CaseComment", limit=1), "try the comments")
    told = "comments can be read" if comments.ok else f"{complaint(comments)}: the user must see case comments"
    results.append(CheckResult("comments", ok=comments.ok, detail=told))
    if account.emails:
        mails = yield select(account, soql("Id", "EmailMessage", limit=1), "try the e-mails")
        told = "e-mails of Email-to-Case are read as comments" if mails.ok else "the org has no Email-to-Case"
        results.append(CheckResult("emails", ok=mails.ok, detail=told, warning=True))
    results.append(_usage(comments.header("sforce-limit-info")))
    if not account.webhook_secrets:
        detail = "no webhook_secret: outbound messages are refused, and only polling brings changes"
        results.append(CheckResult("webhook_secret", ok=False, detail=detail, warning=True))
    return results


def _case(fields: dict[str, Json], why: str) -> CheckResult:
    if not fields:
        return CheckResult("cases", ok=False, detail=f"cases cannot be seen: {why}")
    fixed = [name for name in ("Subject", "Status", "Priority", "OwnerId") if _no(fields.get(name), "updateable")]
    told = f"not to be written by us: {', '.join(fixed)}" if fixed else "cases can be read and written"
    return CheckResult("cases", ok=not fixed, detail=told)


def _no(field: Json | None, flag: str) -> bool:
    return field is None or field.get(flag) is not True


def _key(account: Account, fields: dict[str, Json]) -> CheckResult:
    """Look at the field by which a new case is known again: without it a lost answer is for a person to resolve."""
    name = account.key_field
    field = fields.get(name)
    if field is None:
        told = (
            f"Case has no field {name} that we see: make it (text 64, External ID, Unique), or name yours as key_field"
        )
        return CheckResult("key_field", ok=False, detail=told, facts={"marker": False})
    wrong = [word for flag, word in (("externalId", "External ID"), ("unique", "Unique")) if _no(field, flag)]
    if _no(field, "createable"):
        wrong.append("editable by our user")
    if wrong:
        told = f"{name} must be {' and '.join(wrong)}"
        return CheckResult("key_field", ok=False, detail=told, facts={"marker": False})
    return CheckResult("key_field", ok=True, detail=f"new cases are known by {name}", facts={"marker": True})


def _picklists(account: Account, fields: dict[str, Json]) -> list[CheckResult]:
    """Say which of the words that are written an org does not have."""
    results = []
    for name, words in (
        ("Status", account.status_words.values()),
        ("Priority", account.priority_words.values()),
        ("Type", account.type_words.values()),
    ):
        there = {text(value.get("value")) for value in objects(obj(fields.get(name)).get("picklistValues"))}
        missing = sorted(set(words) - there) if there else []
        option = {"Status": "statuses", "Priority": "priorities", "Type": "types"}[name]
        told = f"{name} has no {', '.join(missing)}: name its words under `{option}:`" if missing else f"{name} fits"
        results.append(CheckResult(name.lower(), ok=not missing, detail=told, warning=True))
    return results


def _usage(header: str) -> CheckResult:
    """Read `Sforce-Limit-Info: api-usage=895/15000`."""
    used, _, most = header.partition("api-usage=")[2].partition(";")[0].strip().partition("/")
    if not (used.isdigit() and most.isdigit() and int(most)):
        return CheckResult(
            "requests", ok=True, detail="Salesforce does not say how many requests are left", warning=True
        )
    fine = int(used) < MANY * int(most)
    more = "" if fine else ": poll less often (reconcile_every), or ask Salesforce for more"
    return CheckResult("requests", ok=fine, detail=f"{used} of {most} requests of a day are used{more}", warning=True)
