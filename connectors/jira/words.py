"""The words of Jira's defaults and what they mean: statuses, priorities and issue types. Pure.

Every Jira site makes its own. A word of the connection's settings wins; then those that Jira brings; then, for a
status, the category that Jira itself gives each status (`statusCategory.key`).
"""

from __future__ import annotations

from connectors.sdk import Category, HoldReason, Kind, Level

#: of the templates of Jira, Jira Service Management and their older editions, in lower case
STATUSES: dict[str, Category] = {
    "to do": Category.NEW,
    "open": Category.NEW,
    "new": Category.NEW,
    "backlog": Category.NEW,
    "selected for development": Category.NEW,
    "waiting for triage": Category.NEW,
    "in progress": Category.OPEN,
    "work in progress": Category.OPEN,
    "waiting for support": Category.OPEN,
    "in review": Category.OPEN,
    "under review": Category.OPEN,
    "under investigation": Category.OPEN,
    "implementing": Category.OPEN,
    "escalated": Category.OPEN,
    "reopened": Category.OPEN,
    "waiting for customer": Category.PENDING_CUSTOMER,
    "waiting on customer": Category.PENDING_CUSTOMER,
    "on hold": Category.ON_HOLD,
    "pending": Category.ON_HOLD,
    "blocked": Category.ON_HOLD,
    "waiting for approval": Category.ON_HOLD,
    "awaiting approval": Category.ON_HOLD,
    "waiting for third party": Category.ON_HOLD,
    "waiting for vendor": Category.ON_HOLD,
    "resolved": Category.RESOLVED,
    "done": Category.RESOLVED,
    "completed": Category.RESOLVED,
    "closed": Category.CLOSED,
    "canceled": Category.CANCELLED,
    "cancelled": Category.CANCELLED,
    "declined": Category.CANCELLED,
    "rejected": Category.CANCELLED,
    "won't do": Category.CANCELLED,
}
#: the key of a status's category; `undefined` says nothing
STATUS_CATEGORIES: dict[str, Category] = {
    "new": Category.NEW,
    "indeterminate": Category.OPEN,
    "done": Category.RESOLVED,
}
HOLD_REASONS: dict[str, HoldReason] = {
    "waiting for third party": HoldReason.THIRD_PARTY,
    "waiting for vendor": HoldReason.THIRD_PARTY,
}
#: what is written for a category, the likeliest first; which of them a workflow has is seen from its transitions
STATUS_WORDS: dict[Category, tuple[str, ...]] = {
    Category.NEW: ("To Do", "Open", "New", "Backlog", "Waiting for triage"),
    Category.OPEN: ("In Progress", "Work in progress", "Waiting for support", "Reopened"),
    Category.PENDING_CUSTOMER: ("Waiting for customer", "Waiting on customer"),
    Category.ON_HOLD: ("On hold", "Pending", "Blocked"),
    Category.RESOLVED: ("Resolved", "Done", "Completed"),
    Category.CLOSED: ("Closed",),
    Category.CANCELLED: ("Canceled", "Cancelled", "Declined", "Won't Do"),
}
#: what stands in where a workflow has no status for a category: the end of the work in another word
NEAREST: dict[Category, tuple[Category, ...]] = {
    Category.RESOLVED: (Category.CLOSED,),
    Category.CLOSED: (Category.RESOLVED,),
    Category.CANCELLED: (Category.CLOSED, Category.RESOLVED),
}
ENDED = frozenset({Category.RESOLVED, Category.CLOSED, Category.CANCELLED})

#: the five of today and the five of before Jira 7, which they were renamed from
PRIORITIES: dict[str, Level] = {
    "highest": Level.P1,
    "high": Level.P2,
    "medium": Level.P3,
    "low": Level.P4,
    "lowest": Level.P4,
    "blocker": Level.P1,
    "critical": Level.P2,
    "major": Level.P3,
    "minor": Level.P4,
    "trivial": Level.P4,
}
PRIORITY_WORDS: dict[Level, str] = {
    Level.P1: "Highest", Level.P2: "High", Level.P3: "Medium", Level.P4: "Low"
}  # fmt: skip

KINDS: dict[str, Kind] = {
    "incident": Kind.INCIDENT,
    "[system] incident": Kind.INCIDENT,
    "service request": Kind.REQUEST,
    "[system] service request": Kind.REQUEST,
    "service request with approvals": Kind.REQUEST,
    "[system] service request with approvals": Kind.REQUEST,
    "it help": Kind.REQUEST,
    "support": Kind.REQUEST,
    "new feature": Kind.REQUEST,
    "improvement": Kind.REQUEST,
    "suggestion": Kind.REQUEST,
    "question": Kind.QUESTION,
    "ask a question": Kind.QUESTION,
    "emailed request": Kind.REQUEST,
    "problem": Kind.PROBLEM,
    "[system] problem": Kind.PROBLEM,
    "bug": Kind.PROBLEM,
    "change": Kind.CHANGE,
    "[system] change": Kind.CHANGE,
    "task": Kind.TASK,
    "sub-task": Kind.TASK,
    "subtask": Kind.TASK,
    "story": Kind.IMPLEMENTATION,
}
