"""Placeholders of templates."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rules.fields import FieldType
from rules.lint.reading import Reading
from rules.problem import Problem, nearest

_PLACEHOLDER = re.compile(r"\{([^{}\n]*)\}")
#: what is told of a clock, beside its ticket
CLOCK = ("metric", "policy", "due", "remaining", "elapsed", "target", "phase", "outcome", "explain", "stage")
OTHERS = ("runbook", "escalation", "ticket.id", "ticket.url", "ticket.key", "ticket.team.manager")
FORMATS = ("local", "utc", "date", "time")
_INSTANTS = ("clock.due",)


def placeholders(reading: Reading) -> Iterator[Problem]:
    """Say which placeholders stand for nothing."""
    known = known_placeholders(reading)
    instants = {
        *_INSTANTS,
        *(f"ticket.{name}" for name, f in reading.vocabulary.fields.items() if f.type is FieldType.TIME),
    }
    for template in reading.sections.entries("templates").values():
        for found in dict.fromkeys(_PLACEHOLDER.findall(template.value)):
            name, _, form = found.partition(":")
            if name not in known and not name.startswith("ticket.custom."):
                message = f"'{{{found[:60]}}}' stands for nothing"
                hint = nearest(name, known) or "placeholders are such as {ticket.title} and {clock.due:local}"
                yield template.warning("unknown-placeholder", message, hint)
            elif form and (form not in FORMATS or name not in instants):
                message = f"'{form[:40]}' is no way to write {name}"
                hint = nearest(form, FORMATS) if name in instants else f"write {{{name}}}"
                yield template.warning("unknown-placeholder", message, hint)


def known_placeholders(reading: Reading) -> frozenset[str]:
    """Return every name that a template may use."""
    fields = (name for name in reading.vocabulary.fields if name != "metric")
    return frozenset((*OTHERS, *(f"clock.{part}" for part in CLOCK), *(f"ticket.{name}" for name in fields)))
