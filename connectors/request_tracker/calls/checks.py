"""`gateway connections test`: proves what a connection claims, and names the exact fix of what does not hold.

Reads only. RT answers a search for a custom field that does not exist with "nothing found", so the markers are proved
by the field itself: it exists, is enabled, hangs on the right things and is applied to the queues that we see.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.request_tracker.calls.desk import Desk, ask, rows
from connectors.request_tracker.calls.reads import whoami
from connectors.request_tracker.mapping import text
from connectors.sdk import AuthenticationError, Call, CheckResult, TransportError

#: RT's names for what a custom field hangs on
OF_TICKETS = "RT::Queue-RT::Ticket"
OF_TRANSACTIONS = "RT::Queue-RT::Ticket-RT::Transaction"

#: said of comments where RT shows us none: that it has none, or that we may not see them
UNSEEN = "; none is visible yet: if RT has any, grant ShowTicketComments, or an internal comment is missed here"

SETUP = "run connectors/request_tracker/rt/setup.pl on the RT host"


def check(desk: Desk) -> Call[Sequence[CheckResult]]:
    """Try the account, the queues, the rights and the two markers."""
    try:
        identity = yield from whoami(desk)
    except (AuthenticationError, TransportError) as error:
        return [CheckResult("account", ok=False, detail=str(error))]
    version = yield from ask(desk.request("GET", "/rt", label="version of RT"))
    said = text(version.get("Version")) if isinstance(version, dict) else ""
    results = [CheckResult("account", ok=True, detail=f"{identity.detail} {said}".strip())]
    queues = yield from _queues(desk)
    results.append(_visible(queues))
    results += yield from _rights(desk, queues)
    ticket_marker, comment_marker = desk.options.ticket_marker, desk.options.comment_marker
    results.append((yield from _marker(desk, queues, ticket_marker, OF_TICKETS, "marker_ticket", "TicketCustomFields")))
    results.append(
        (
            yield from _marker(
                desk, queues, comment_marker, OF_TRANSACTIONS, "marker_txn", "TicketTransactionCustomFields"
            )
        )
    )
    return results


def _queues(desk: Desk) -> Call[list[dict[str, Any]]]:
    """Return the queues that we see, each whole (at most 20)."""
    answer = yield from ask(
        desk.request("GET", "/queues/all", params={"fields": "Name,Disabled", "per_page": "100"}, label="queues")
    )
    found = []
    for row in rows(answer)[:20]:
        whole = yield from ask(desk.request("GET", f"/queue/{text(row.get('id'))}", label="queue"))
        if isinstance(whole, dict):
            found.append(whole)
    return found


def _visible(queues: list[dict[str, Any]]) -> CheckResult:
    names = ", ".join(sorted(text(queue.get("Name")) for queue in queues))
    if names:
        return CheckResult("queues", ok=True, detail=f"visible: {names}", facts={"queues": names.split(", ")})
    return CheckResult("queues", ok=False, detail="no queue is visible: grant SeeQueue and ShowTicket to the account")


def _rights(desk: Desk, queues: list[dict[str, Any]]) -> Call[list[CheckResult]]:
    """Read rights off the links that RT offers: `create` on a queue, the others on a ticket.

    Who may modify a ticket may speak there without the rights for it. A comment that is not shown is no error anywhere:
    whether we see them is told by the newest one.
    """
    closed = [text(queue.get("Name")) for queue in queues if not _offers(queue, "create")]
    detail = f"grant CreateTicket in: {', '.join(closed)}" if closed else "may create tickets in every visible queue"
    results = [CheckResult("create", ok=not closed, detail=detail, warning=True)]
    params = {"query": "id > 0", "orderby": "id", "order": "DESC", "per_page": "1"}
    newest = rows((yield from ask(desk.request("GET", "/tickets", params=params, label="newest ticket"))))
    if not newest:
        words = "none is visible yet: if RT has any, grant ShowTicket to the account"
        return [*results, CheckResult("tickets", ok=True, detail=words)]
    ticket = yield from ask(desk.ticket(text(newest[0].get("id"))))
    known = ticket if isinstance(ticket, dict) else {}
    modifies = _offers(known, "lifecycle")
    unsaid = "" if (yield from _sees_comments(desk)) else UNSEEN
    for link, right in (("correspond", "ReplyToTicket"), ("comment", "CommentOnTicket")):
        holds = modifies or _offers(known, link)
        words = f"may {link}" if holds else f"grant {right} to the account (and ShowTicketComments, to read them)"
        results.append(CheckResult(link, ok=holds, detail=words + (unsaid if holds and link == "comment" else "")))
    if not modifies:
        words = f"RT offers no other status for ticket {text(known.get('id'))}: grant ModifyTicket, unless it is done"
        results.append(CheckResult("modify", ok=False, detail=words, warning=True))
    return results


def _sees_comments(desk: Desk) -> Call[bool]:
    query = "ObjectType = 'RT::Ticket' AND Type = 'Comment'"
    params = {"query": query, "orderby": "id", "order": "DESC", "per_page": "1"}
    return bool(rows((yield from ask(desk.request("GET", "/transactions", params=params, label="newest comment")))))


def _offers(record: dict[str, Any], ref: str) -> bool:
    links = record.get("_hyperlinks")
    return (
        any(isinstance(link, dict) and link.get("ref") == ref for link in links) if isinstance(links, list) else False
    )


def _marker(desk: Desk, queues: list[dict[str, Any]], name: str, kind: str, fact: str, where: str) -> Call[CheckResult]:
    """Prove that a marker field exists, is enabled and is applied to every queue that we see."""
    query = f'[{{"field":"Name","operator":"=","value":"{name}"}}]'
    params = {"query": query, "fields": "Name,LookupType,Disabled", "per_page": "100"}
    answer = yield from ask(desk.request("GET", "/customfields", params=params, label="marker field"))
    fields = [row for row in rows(answer) if row.get("LookupType") == kind and str(row.get("Disabled")) in {"0", ""}]
    if not fields:
        return CheckResult(
            fact,
            ok=False,
            detail=f"no custom field {name} of {kind} that we see: {SETUP}, or create it, apply it to all queues and "
            f"grant SeeCustomField and ModifyCustomField",
            warning=True,
            facts={fact: False},
        )
    without = [text(queue.get("Name")) for queue in queues if name not in _names(queue.get(where))]
    if without:
        detail = (
            f"custom field {name} is not applied to: {', '.join(sorted(without))}; apply it to them or to all queues"
        )
        return CheckResult(fact, ok=False, detail=detail, warning=True, facts={fact: False})
    return CheckResult(fact, ok=True, detail=f"custom field {name} marks what we write", facts={fact: True})


def _names(value: Any) -> set[str]:
    return {text(one.get("name")) for one in value if isinstance(one, dict)} if isinstance(value, list) else set()
