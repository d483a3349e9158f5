"""Who owns a case: one field, OwnerId, stands for our queue and our assignee, and it is never empty."""

from __future__ import annotations

from typing import Any

from connectors.salesforce.account import Account
from connectors.salesforce.asking import ask, quoted, select, soql
from connectors.salesforce.ids import QUEUE, full_id
from connectors.salesforce.mapping import obj, objects, text
from connectors.salesforce.rendering import is_user_id
from connectors.sdk import Call, Intent
from gateway.errors import UnmappedError


def owner_of(account: Account, intent: Intent) -> Call[dict[str, Any]]:
    """Return `{OwnerId}` as an intent wants it: its assignee, else its queue; empty where it wants neither.

    Raises UnmappedError where nobody, or more than one, is meant.
    """
    asked = intent.fields.get("assignee")
    queue = text(intent.fields.get("queue")).strip()
    if obj(asked):
        return {"OwnerId": (yield from _user(account, obj(asked)))}
    if queue:
        return {"OwnerId": (yield from queue_id(account, queue))}
    if "assignee" not in intent.fields:
        return {}
    if not account.unassigned:
        msg = "a case of Salesforce is always somebody's: name a queue as `unassigned:` in gateway.yaml"
        raise UnmappedError(msg, field="assignee")
    return {"OwnerId": (yield from queue_id(account, account.unassigned))}


def _user(account: Account, asked: Any) -> Call[str]:
    number = text(asked.get("external_id"))
    if is_user_id(number):
        return full_id(number)
    email = text(asked.get("email")).strip()
    if not email:
        msg = f"{number or text(asked.get('name'))!r} is no user of Salesforce: an id begins with 005"
        raise UnmappedError(msg, field="assignee")
    where = f"Email = {quoted(email)} AND IsActive = true AND UserType = 'Standard'"
    return (
        yield from _only(
            account, soql("Id", "User", where, limit=2), f"active user with the e-mail {email!r}", "assignee"
        )
    )


def queue_id(account: Account, queue: str) -> Call[str]:
    """Return the id of a queue by our name for it, by Salesforce's, or by its id."""
    known = account.queue_ids.get(queue, "")
    if known or (queue.startswith(QUEUE) and full_id(queue)):
        return known or full_id(queue)
    where = f"Type = 'Queue' AND Name = {quoted(queue)}"
    found = yield from _only(account, soql("Id", "Group", where, limit=2), f"queue named {queue!r}", "queue")
    # its name is what it is read back by, so it is no name of ours
    account.queue_ids[queue] = found
    return found


def _only(account: Account, query: str, what: str, field: str) -> Call[str]:
    body = yield from ask(select(account, query, "look somebody up"))
    found = [number for row in objects(obj(body).get("records")) if (number := full_id(text(row.get("Id"))))]
    if len(found) != 1:
        msg = f"Salesforce has {'more than one' if found else 'no'} {what}"
        raise UnmappedError(msg, field=field)
    return found[0]
