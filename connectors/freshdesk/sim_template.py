"""The webhooks of the simulated desk: the template of docs/connectors/freshdesk.md, filled in as the desk does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.freshdesk.words import PRIORITY_NAMES, STATUSES


def template(
    ticket: dict[str, Any], said: list[dict[str, Any]], event: str, agent: str, names: Mapping[int, str]
) -> dict[str, str]:
    """Return the names of the template with the values of its placeholders; `names` are of an admin's statuses."""
    status = STATUSES["freshdesk"].get(str(ticket["status"]))
    public = [each["body"] for each in said if not each["private"]]
    private = [each["body"] for each in said if each["private"]]
    return {
        "ticket_id": str(ticket["id"]),
        "triggered_event": event,
        "ticket_modified_on": ticket["updated_at"],
        "ticket_status": status.name if status else names.get(ticket["status"], str(ticket["status"])),
        "ticket_priority": PRIORITY_NAMES[str(ticket["priority"])],
        "ticket_type": ticket["type"] or "",
        "ticket_agent_email": agent,
        "ticket_tags": ", ".join(ticket["tags"]),
        "ticket_subject": ticket["subject"],
        "ticket_latest_public_comment": public[-1] if public else "",
        "ticket_latest_private_comment": private[-1] if private else "",
    }


def rendered(values: dict[str, str], *, damaged: bool) -> bytes:
    """Return the body; damaged: with a comma too many, and quotation marks as they are."""
    lines = [f'  "{name}": "{value if damaged else _escaped(value)}"' for name, value in values.items()]
    content = ",\n".join(lines) + ",\n" * damaged
    return f'{{"freshdesk_webhook": {{{content}}}}}'.encode()


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")


def triggered(changes: dict[str, tuple[Any, Any]]) -> str:
    """Return `{{triggered_event}}` of a change: it looks like JSON and is none."""
    named = [
        f"{name}:{{from:{old},to:{new}}}" for name, (old, new) in changes.items() if name in {"status", "priority"}
    ]
    return "{" + (",".join(named) or "ticket_action:update") + "}"
