"""One trigger, one job: what a rule of one phase wants that another phase does is said to belong there."""

from __future__ import annotations

from collections.abc import Mapping

#: description of a rule in the schemas -> its section
_SECTIONS: Mapping[str, str] = {
    "a classify rule": "classify",
    "what the rule sets": "classify",
    "a duplicates rule": "duplicates",
    "a policy": "sla",
    "a route": "routes",
    "a sync rule": "sync",
    "an escalation": "escalations",
    "an action": "escalations",
}

_JOBS: Mapping[str, tuple[str, ...]] = {
    "classify": ("set", "kind", "issue", "intent", "priority", "tier", "stage", "language", "region", "tags"),
    "duplicates": ("same", "merge", "duplicate_of"),
    "sla": ("targets", "pause_when", "on_customer_reply", "on_retarget", "on_reopen", "max_pause", "extends"),
    "routes": ("needs", "relax", "start_in", "hard", "route", "assign", "assignee", "team", "queue", "agent"),
    "sync": ("from", "to", "create", "fields", "map", "comments", "attachments", "unmapped", "write_back", "status"),
    "escalations": (
        "notify", "raise_priority", "add_participant", "open_incident", "escalate", "metrics", "repeat", "until",
    ),
}  # fmt: skip
_WHERE: Mapping[str, str] = {key: section for section, keys in _JOBS.items() for key in keys}

_DOES: Mapping[str, str] = {
    "classify": "says what a ticket is",
    "duplicates": "says what repeats what",
    "sla": "says what is promised",
    "routes": "says who works on it",
    "sync": "says where it lives and what goes there",
    "escalations": "does what has to be done in time",
}


def belongs(description: str, key: str) -> str:
    """Return the hint that a key is the business of another phase; nothing where it is not, or where there is none."""
    here, there = _SECTIONS.get(description), _WHERE.get(key)
    if here is None or there is None or here == there:
        return ""
    return f"that is the job of `{there}:`, which {_DOES[there]}: write a rule there"
