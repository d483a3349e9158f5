"""Looking for the effect of a write whose answer was lost, and counting effects: reads only, and never a guess."""

from __future__ import annotations

from datetime import timedelta

from connectors.sdk import (
    Absent,
    AuthenticationError,
    Call,
    Copy,
    Finding,
    Found,
    Intent,
    Operation,
    Receipt,
    Sighting,
    TransportError,
    Unsure,
    WriteContext,
)
from connectors.servicenow import files, mapping, rendering, texts
from connectors.servicenow.account import Account
from connectors.servicenow.asking import PAGE, Rows, rows, table
from connectors.servicenow.mapping import Json, is_sys_id, moment, plain
from connectors.servicenow.reads import ENTRY, our_login, record
from gateway.errors import ThrottledError, UnmappedError

#: how far ServiceNow's clock may stand from ours when entries are compared by time
GRAIN = timedelta(minutes=5)
#: pages of a journal that are looked through
MAX_PAGES = 50


def probe(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Look for the effect of an earlier attempt; a desk that does not answer makes it Unsure.

    Raises AuthenticationError when the credentials do not hold, ThrottledError when the desk asks us to wait.
    """
    try:
        if intent.operation is Operation.CREATE:
            return (yield from _created(account, context))
        if intent.operation is Operation.ATTACH:
            return (yield from files.probe(account, intent, context))
        if intent.comment is not None:
            return (yield from commented(account, intent, context))
        return (yield from _set(account, intent, context))
    except (AuthenticationError, ThrottledError):
        raise
    except TransportError as error:
        return Unsure(str(error))


def _created(account: Account, context: WriteContext) -> Call[Finding]:
    page = yield from _marked(account, context)
    if page.rows:
        return Found(rendering.receipt(account, page.rows[0]))
    # one that is there and out of our sight is counted all the same
    return Unsure("a record with our mark is there and out of our sight") if page.total > 0 else Absent()


def _marked(account: Account, context: WriteContext) -> Call[Rows]:
    """Return the records that bear our mark; raises TransportError where the desk ignores what was asked for."""
    marker = mapping.MARKER_PREFIX + context.effect_key
    query = f"correlation_id={marker}^ORDERBYsys_created_on^ORDERBYsys_id"
    page = yield from rows(table(account.table, query, mapping.columns(account), "look for the record"))
    if any(plain(row.get("correlation_id")) != marker for row in page.rows):
        msg = "ServiceNow ignores a query by correlation_id: the account must be able to read that column"
        raise TransportError(msg)
    return page


def commented(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Go through the entries of a journal, newest first, back to a while before the first attempt."""
    found = yield from _entries(account, intent, context)
    if found is None:
        return Unsure("the journal has more entries than can be looked through, or they are out of our sight")
    if not found:
        return Absent()
    # the oldest one: a second one that bears the same words came later
    row = found[-1]
    number = plain(row.get("sys_id"))
    return Found(Receipt(comment_id=number, change_ids=(number,), at=moment(row.get("sys_created_on"))))


def _entries(account: Account, intent: Intent, context: WriteContext) -> Call[list[Json] | None]:
    """Return the entries that read as the one that was written, newest first.

    None where there are too many, or where the desk counts some and shows us none.
    """
    login = yield from our_login(account)
    element, words = rendering.element(intent), rendering.comment_text(intent)
    since = context.first_sent_at - GRAIN if context.first_sent_at else None
    query = f"element_id={context.remote_id}^element={element}^ORDERBYDESCsys_created_on^ORDERBYDESCsys_id"
    found: list[Json] = []
    seen = 0
    for number in range(MAX_PAGES):
        page = yield from rows(table("sys_journal_field", query, ENTRY, "look for the entry", offset=number * PAGE))
        past = False
        seen += len(page.rows)
        for row in page.rows:
            if plain(row.get("element_id")) != context.remote_id or plain(row.get("element")) != element:
                msg = "ServiceNow answers with entries of other records: it ignores a part of the query"
                raise TransportError(msg)
            at = moment(row.get("sys_created_on"))
            past = past or (since is not None and at is not None and at < since)
            by_us = plain(row.get("sys_created_by")) == login
            known = plain(row.get("sys_id")) in context.known_comments
            if by_us and not known and not past and texts.alike(plain(row.get("value")), words):
                found.append(row)
        if past or not page.more:
            return None if page.total > 0 and not seen else found
    return None


def _set(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Compare the record with what was written; where it differs, it is written again."""
    data = yield from record(account, context.remote_id, "look at the columns")
    if data is None:
        return Absent()
    try:
        wanted = rendering.fields(account, intent)
    except UnmappedError:
        return Absent()
    # how it was closed may be in somebody else's words
    same = all(
        texts.alike(plain(data.get(name)), value)
        for name, value in wanted.items()
        if name in data and name not in account.close
    )
    return Found(rendering.receipt(account, data)) if same else Absent()


def effects(account: Account, intent: Intent, context: WriteContext) -> Call[Sighting]:
    """Count the records and the entries of an update. Raises what reads raise."""
    if intent.operation is Operation.CREATE:
        page = yield from _marked(account, context)
        return Sighting(copies=tuple(_copy(row) for row in page.rows))
    if intent.comment is None or not is_sys_id(context.remote_id):
        return Sighting()
    found = (yield from _entries(account, intent, context)) or []
    return Sighting(copies=tuple(_copy(row) for row in reversed(found)))


def _copy(row: Json) -> Copy:
    return Copy(plain(row.get("sys_id")), moment(row.get("sys_created_on")))
