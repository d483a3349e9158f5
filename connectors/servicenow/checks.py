"""`gateway connections test`: whether the account can see and do what the connection needs. Reads only."""

from __future__ import annotations

import re
from collections.abc import Sequence

from connectors.sdk import AuthenticationError, Call, CheckResult, TransportError
from connectors.servicenow import mapping
from connectors.servicenow.account import Account
from connectors.servicenow.asking import Rows, rows, table
from connectors.servicenow.mapping import is_sys_id, moment, plain, stamp
from connectors.servicenow.reads import ENTRY, whoami
from connectors.servicenow.sla import COLUMNS


def check(account: Account) -> Call[Sequence[CheckResult]]:
    """Try the account, the table, its journals, the zone in which times are read, and what the settings name."""
    try:
        us = yield from whoami(account)
    except (AuthenticationError, TransportError) as error:
        return [CheckResult("credentials", ok=False, detail=str(error))]
    facts = {"account_id": us.person.external_id}
    found = [CheckResult("credentials", ok=True, detail=us.detail, facts=facts)]
    listed = yield from _listed(account, "ORDERBYDESCsys_updated_on")
    if isinstance(listed, str):
        words = f"{listed}: the account needs a role that reads {account.table} (itil)"
        return [*found, CheckResult("table", ok=False, detail=words)]
    found.append(CheckResult("table", ok=True, detail=f"{account.table} can be listed"))
    found += yield from _writable(account, listed)
    found.append((yield from _journal(account)))
    found.append((yield from _zone(account, listed)))
    if account.reads_clocks:
        found.append((yield from _clocks(account)))
    if account.query:
        found.append((yield from _query(account)))
    if account.group_ids:
        found.append((yield from _groups(account)))
    if not account.webhook_secrets:
        detail = "no webhook_secret: webhooks are refused, and only polling brings changes"
        found.append(CheckResult("webhook_secret", ok=False, detail=detail, warning=True))
    return found


def _listed(account: Account, query: str) -> Call[Rows | str]:
    """Return the first row of a list, or why there is none."""
    try:
        return (yield from rows(table(account.table, query, mapping.columns(account), "try the list", limit=1)))
    except TransportError as error:
        return str(error)


def _writable(account: Account, listed: Rows) -> Call[list[CheckResult]]:
    """Say whether the columns that carry our mark and our state are there: a column out of sight is left out."""
    yield from ()
    if not listed.rows:
        return []
    missing = [name for name in ("correlation_id", "sys_mod_count", "state", "short_description", *account.column_names)
               if name not in listed.rows[0]]  # fmt: skip
    words = f"the account does not see {', '.join(missing)} of {account.table}" if missing else "all columns are seen"
    return [CheckResult("columns", ok=not missing, detail=words, facts={"marker": "correlation_id" not in missing})]


def _journal(account: Account) -> Call[CheckResult]:
    """Say whether entries can be read: where they cannot, comments neither arrive nor are known to have landed."""
    query = f"name={account.table}^elementINcomments,work_notes"
    try:
        page = yield from rows(table("sys_journal_field", query, ENTRY, "try the journal", limit=5))
    except TransportError as error:
        detail = f"{error}: give the account a role that reads sys_journal_field"
        return CheckResult("journal", ok=False, detail=detail, facts={"journal": False})
    hidden = not page.rows and page.total > 0
    words = "its rows are hidden: give the account a role that reads sys_journal_field" if hidden else "can be read"
    return CheckResult(
        "journal", ok=not hidden, detail=f"comments and work notes: {words}", facts={"journal": not hidden}
    )


def _zone(account: Account, listed: Rows) -> Call[CheckResult]:
    """Say whether a time in a query means UTC: the newest record must be found by its own time."""
    row = listed.rows[0] if listed.rows else {}
    sys_id, at = plain(row.get("sys_id")), moment(row.get("sys_updated_on"))
    if not is_sys_id(sys_id) or at is None:
        return CheckResult("zone", ok=True, detail="no record to try it with yet", warning=True)
    page = yield from _listed(account, f"sys_id={sys_id}^sys_updated_on={stamp(at)}")
    same = not isinstance(page, str) and [plain(each.get("sys_id")) for each in page.rows] == [sys_id]
    words = "times in queries are UTC" if same else "times in queries are not UTC: set the account's time zone to GMT"
    return CheckResult("zone", ok=same, detail=words)


def _clocks(account: Account) -> Call[CheckResult]:
    """Say whether ServiceNow's own SLA clocks can be read."""
    query = f"task.sys_class_name={account.table}"
    try:
        page = yield from rows(table("task_sla", query, COLUMNS, "try the SLA clocks", limit=5))
    except TransportError as error:
        return CheckResult("task_sla", ok=False, detail=f"{error}: the account needs a role that reads task_sla (itil)")
    hidden = not page.rows and page.total > 0
    words = "its rows are hidden: the account needs a role that reads task_sla (itil)" if hidden else "can be read"
    return CheckResult("task_sla", ok=not hidden, detail=f"SLA clocks: {words}")


def _query(account: Account) -> Call[CheckResult]:
    """Say whether each column that `query:` names is there: ServiceNow would leave a misspelt one out in silence."""
    names = sorted({found.group(1) for part in account.query.split("^") if (found := _column(part))})
    page = yield from rows(table(account.table, "", ",".join(["sys_id", *names]), "try the query", limit=1))
    row = page.rows[0] if page.rows else None
    missing = [name for name in names if row is not None and name not in row]
    words = f"{account.table} has no column {', '.join(missing)}" if missing else "its columns are there"
    return CheckResult("query", ok=not missing, detail=f"query: {words}")


def _column(part: str) -> re.Match[str] | None:
    bare = part.removeprefix("OR").removeprefix("NQ")
    return None if bare.startswith(("ORDERBY", "EQ")) else re.match(r"([a-z_][a-z0-9_.]*)", bare)


def _groups(account: Account) -> Call[CheckResult]:
    wanted = sorted(account.group_ids.values())
    query = f"sys_idIN{','.join(wanted)}"
    page = yield from rows(table("sys_user_group", query, "sys_id,name", "look for the groups"))
    there = {plain(row.get("sys_id")) for row in page.rows}
    missing = [name for name, sys_id in account.group_ids.items() if sys_id not in there]
    words = f"there is no group {', '.join(missing)}" if missing else f"{len(wanted)} groups are there"
    return CheckResult("groups", ok=not missing, detail=words)
