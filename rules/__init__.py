"""Everything that an admin writes: read, checked with the place of every error, compiled once, and decided purely.

`load_site` turns the texts of a site's files into a `Site` or into problems; `decide` runs its rules over a ticket.
There is no I/O, no clock and no environment in here. A `RuleSet` holds closures: what is stored of a release, and sent
to a worker, are its files.
"""

from rules.alerts import Alert, Metric
from rules.classify import ClassifyRule, Set
from rules.connections import Connection, OnDead
from rules.decide import Decision, RuleSet, decide
from rules.duplicates import Duplicate, DuplicateAction
from rules.lint.effect import ClockLine, PolicyEffect
from rules.mapping import KindMap, PriorityMap, Row, StatusMap, ValueMap
from rules.policies import Policy
from rules.problem import Problem, Severity
from rules.references import Reference
from rules.schema import schema_text
from rules.site import Checked, Mode, Retention, Site, check_site, file_digest, load_site
from rules.source import GATEWAY_FILE
from rules.sync import (
    ConflictChoice,
    Owner,
    SyncRule,
    UnmappedChoice,
    attachment_allows,
    comment_allows,
    owner_allows,
)
from rules.trace import TraceLine

__all__ = [
    "GATEWAY_FILE",
    "Alert",
    "Checked",
    "ClassifyRule",
    "ClockLine",
    "ConflictChoice",
    "Connection",
    "Decision",
    "Duplicate",
    "DuplicateAction",
    "KindMap",
    "Metric",
    "Mode",
    "OnDead",
    "Owner",
    "Policy",
    "PolicyEffect",
    "PriorityMap",
    "Problem",
    "Reference",
    "Retention",
    "Row",
    "RuleSet",
    "Set",
    "Severity",
    "Site",
    "StatusMap",
    "SyncRule",
    "TraceLine",
    "UnmappedChoice",
    "ValueMap",
    "attachment_allows",
    "check_site",
    "comment_allows",
    "decide",
    "file_digest",
    "load_site",
    "owner_allows",
    "schema_text",
]
