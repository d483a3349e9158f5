"""What is read from ServiceNow: one record whole, who we are, and who stands behind a user name.

A record shows its comments and work notes as empty text; each entry is a row of `sys_journal_field` [S3].
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from connectors.sdk import (
    AuthenticationError,
    Call,
    Identity,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    TransportError,
)
from connectors.servicenow import mapping
from connectors.servicenow.account import Account
from connectors.servicenow.asking import OUT_OF_SIGHT, PLAIN, ask, everything, get, rows, table
from connectors.servicenow.mapping import JOURNAL, Json, is_sys_id, plain

USER = "sys_id,user_name,name,email,phone,active,time_zone"
ENTRY = "sys_id,element,element_id,value,sys_created_on,sys_created_by"
FILE = (
    "sys_id,table_name,table_sys_id,file_name,content_type,size_bytes,download_link,hash,sys_created_on,sys_created_by"
)
#: what may stand in a query as a value: no caret, no comma
_LOGIN = re.compile(r"[^\^,\x00-\x1f]{1,100}")
#: user names that are looked up in one request
_MANY = 50


def record(account: Account, remote_id: str, label: str = "read record") -> Call[Json | None]:
    """Read the columns that we know of one record."""
    if not is_sys_id(remote_id):
        return None
    path = f"/table/{account.table}/{remote_id}"
    return (yield from ask(get(path, label, sysparm_fields=mapping.columns(account), **PLAIN)))


def read(account: Account, remote_id: str) -> Call[RemoteTicket | None]:
    """Read one record and all its entries; None when it is not there or out of our sight."""
    data = yield from record(account, remote_id)
    if data is None:
        return None
    found = mapping.ticket(data, account, at=mapping.EPOCH)
    if found is None or found.remote_id != remote_id:
        msg = f"ServiceNow's answer to reading {remote_id} is another record"
        raise TransportError(msg)
    comments = yield from comments_of(account, remote_id, customer=_customer(found))
    files = yield from files_of(remote_id)
    attachments = tuple(file for row in files if (file := mapping.attachment(row)) is not None)
    return msgspec.structs.replace(found, comments=tuple(comments), attachments=attachments, complete=True)


def _customer(found: RemoteTicket) -> str:
    return found.requester.external_id if isinstance(found.requester, RemotePerson) else ""


def comments_of(account: Account, remote_id: str, *, customer: str = "") -> Call[list[RemoteComment]]:
    """Read every entry of both journals, oldest first."""
    query = f"element_id={remote_id}^elementINcomments,work_notes^ORDERBYsys_created_on^ORDERBYsys_id"
    listed = yield from everything(
        lambda offset: table("sys_journal_field", query, ENTRY, "read comments", offset=offset),
        lambda row: plain(row.get("element_id")) == remote_id and plain(row.get("element")) in JOURNAL,
    )
    people = yield from people_of(account, (plain(row.get("sys_created_by")) for row in listed))
    found = (mapping.comment(row, people, at=mapping.EPOCH, customer=customer) for row in listed)
    return sorted((one for one in found if one is not None), key=lambda one: one.at)


def people_of(account: Account, logins: Iterable[str]) -> Call[dict[str, RemotePerson]]:
    """Return who has these user names, as far as we may see them."""
    wanted = sorted({login for login in logins if _LOGIN.fullmatch(login)})
    found: dict[str, RemotePerson] = {}
    for start in range(0, len(wanted), _MANY):
        some = wanted[start : start + _MANY]
        page = yield from rows(table("sys_user", f"user_nameIN{','.join(some)}", USER, "who wrote"), OUT_OF_SIGHT)
        for row in page.rows:
            who, login = mapping.user(row), plain(row.get("user_name"))
            if who is not None and login in some:
                found[login] = who
    if account.us.user_name in found and not account.us.sys_id:
        account.us.learn(found[account.us.user_name].external_id, account.us.user_name)
    return found


def files_of(remote_id: str) -> Call[list[Json]]:
    """Read what is known of every file of a record; of a table that extends another either name may stand there."""
    query = f"table_sys_id={remote_id}^ORDERBYsys_created_on^ORDERBYsys_id"
    return (
        yield from everything(
            lambda offset: get(
                "/attachment", "list files", sysparm_query=query, sysparm_limit="100", sysparm_offset=str(offset)
            ),
            lambda row: plain(row.get("table_sys_id")) == remote_id,
            OUT_OF_SIGHT,
        )
    )


def user_by(column: str, value: str) -> Call[Json | None]:
    """Return the one user with that value; None where there is none, or more than one."""
    if not _LOGIN.fullmatch(value):
        return None
    page = yield from rows(table("sys_user", f"{column}={value}^ORDERBYsys_id", USER, "look for a user", limit=3))
    found = [row for row in page.rows if plain(row.get(column)).lower() == value.lower()]
    return found[0] if len(found) == 1 else None


def whoami(account: Account) -> Call[Identity]:
    """Say who we are; raises AuthenticationError when the credentials do not hold.

    The user name is known where the account signs in by one; whose token it is is asked by a query that the instance
    itself fills in. An instance that ignores that query answers with everybody, which is not us.
    """
    login = account.us.user_name
    query = f"user_name={login}" if login else "sys_id=javascript:gs.getUserID()"
    page = yield from rows(table("sys_user", query, USER, "who are we", limit=2), OUT_OF_SIGHT)
    mine = [row for row in page.rows if not login or plain(row.get("user_name")) == login]
    if len(mine) != 1 or len(page.rows) != 1:
        if login and not page.rows:
            # signed in, but not allowed to see users: the name is what it writes into records
            return Identity(RemotePerson(login, name=login), f"{login}; its own user record is out of its sight")
        msg = "ServiceNow does not say who we are: name our account in gateway.yaml as user_name"
        raise AuthenticationError(msg)
    who = mapping.user(mine[0])
    if who is None:
        msg = "ServiceNow's answer about our own account names nobody"
        raise TransportError(msg)
    account.us.learn(plain(mine[0].get("sys_id")), plain(mine[0].get("user_name")))
    return Identity(who, f"{who.label}, user name {account.us.user_name}, sys_id {who.external_id}")


def our_login(account: Account) -> Call[str]:
    """Return the user name that ServiceNow writes into what we make."""
    if not account.us.user_name:
        yield from whoami(account)
    return account.us.user_name
