"""Every code that a problem in a site's files can have, and where the documentation explains it.

A code is for ever: people search for it, and a pipeline may know it. A test holds this list, the source and the pages
together, and goes through the examples of the pages: the smallest file that has the problem, and its neighbour that has
not.
"""

from __future__ import annotations

FORM_PAGE = "docs/rules/problems.md"
LINT_PAGE = "docs/rules/lint.md"
CASES_PAGE = "docs/rules/cases.md"

#: a file, a section or a value is not what the language asks for
FORM = frozenset({
    "yaml-syntax", "yaml-duplicate-key", "yaml-alias", "yaml-tag", "yaml-key", "yaml-documents", "yaml-depth",
    "yaml-size", "too-many-problems", "missing-file", "hidden-character",
    "unknown-key", "missing-key", "wrong-type", "wrong-form", "wrong-value", "not-one-of", "empty-value", "zero-length",
    "too-many-keys",
    "duplicate-name", "ambiguous-number",
    "unknown-connector", "bad-url", "insecure-url", "literal-secret", "bad-reference", "deadline-range",
    "no-agents",
    "wrong-comparison", "wrong-limit", "nobody-to-tell", "cannot-notify",
    "unknown-classifier",
    "unknown-field", "unknown-operator", "wrong-operator", "empty-condition", "unknown-value", "bad-pattern",
    "same-desk", "not-readable", "not-writable", "only-at-creation", "wrong-back", "wrong-to", "extends-cycle",
    "wrong-field", "missing-requester",
    "bad-calendar", "unknown-country", "unknown-subdivision", "unknown-categories", "bad-date",
    "day-twice", "no-timezone", "unknown-timezone", "never-open",
    "union-of-itself", "union-too-deep",
    "relaxation-order", "two-capacities", "empty-shift", "bad-rota", "bad-feed", "too-often",
    "unknown-on-rota",
})  # fmt: skip

#: every part is right by itself, and the whole is not, or means something else than it seems
LINT = frozenset({
    "unknown-calendar", "unknown-person", "unknown-role", "unknown-template", "unknown-team", "unknown-policy",
    "unknown-connection", "unknown-stage", "unknown-metric", "unknown-region", "unknown-skill", "skill-out-of-reach",
    "unknown-placeholder", "unused-name",
    "unreachable-rule", "contradictory-condition", "not-examined",
    "no-default-policy", "no-default-route", "waiting-not-paused", "target-not-rising", "no-calendar",
    "business-days-without-days", "threshold-after-target", "threshold-before-start", "escalation-without-target",
    "escalation-feeds-itself",
    "never-asked",
    "inert-rule", "sync-loop", "field-mapped-twice", "cannot-do", "files-stay-behind", "hours-without-cover",
    "mapped-twice", "status-not-invertible", "priority-not-invertible", "kind-not-invertible", "status-map-gap",
    "priority-map-gap", "kind-map-gap", "unknown-status",
    "stage-never-entered", "stage-of-another-kind", "duplicate-chain",
    "no-shifts", "room-for-nothing", "region-in-vain", "nobody-speaks", "relaxation-in-vain", "hard-not-needed",
})  # fmt: skip

#: a case cannot happen as it is written; everything else that is wrong in one has a code of the form
CASES = frozenset({"impossible-step"})

CODES = FORM | LINT


def page(code: str) -> str:
    """Return where the documentation explains a code; empty for one that is no business of a site's files."""
    if code in CASES:
        return f"{CASES_PAGE}#{code}"
    if code not in CODES:
        return ""
    return f"{LINT_PAGE if code in LINT else FORM_PAGE}#{code}"
