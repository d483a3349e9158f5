"""An example of what a package of your own can add to the rules: an operator, an action and a classifier.

In the package's pyproject.toml stands:

    [project.entry-points."gateway.rules"]
    ours = "ours"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from gateway.domain.ticket import Ticket
from rules.extending import (
    Action,
    Classifier,
    Extension,
    Field,
    FieldType,
    Guess,
    Known,
    Need,
    Occasion,
    OperandError,
    Operator,
    hookimpl,
)

ASSET = re.compile(r"\bPC-(\d{4})\b")


def ends_with(operand: Any, _field: Field, _vocabulary: Any) -> Callable[[Any], bool]:
    """Hold when a text ends with the operand: `requester.email: {ends_with: "@acme.example"}`."""
    if not isinstance(operand, str) or not operand:
        raise OperandError("a text is expected here", 'write {ends_with: "@acme.example"}')
    wanted = operand.casefold()
    return lambda value: isinstance(value, str) and value.casefold().endswith(wanted)


def asset(ticket: Ticket, _known: Known) -> Mapping[str, Guess]:
    """Find the number of a machine. One that stands in the title is meant; in the body it may be any."""
    for text, confidence in ((ticket.title, 0.95), (ticket.body, 0.6)):
        found = ASSET.search(text)
        if found:
            return {"custom.asset": Guess(found[1], confidence)}
    return {}


def page(occasion: Occasion) -> list[dict[str, Any]]:
    """Tell somebody where they are called from, and note it on the ticket. What is returned is done by the gateway."""
    names = ", ".join(each.name for each in occasion.people)
    return [
        {"notify": {"connection": occasion.given["connection"], "person": occasion.given["person"]}},
        {"comment": f"{names} was called about {occasion.clock.metric}, due {{clock.due:local}}."},
    ]


@hookimpl
def gateway_rules() -> Extension:
    """Return what this package adds."""
    return Extension(
        operators=(
            Operator("ends_with", frozenset({FieldType.TEXT}), "ending with", ends_with, schema={"type": "string"}),
        ),
        actions=(
            Action(
                name="page",
                help="Call somebody's telephone.",
                schema={
                    "type": "object",
                    "properties": {"person": {"type": "string"}, "connection": {"type": "string"}},
                    "required": ["person", "connection"],
                    "additionalProperties": False,
                    "description": "a mapping with a person and a connection",
                },
                needs=frozenset({Need.PERSON, Need.CONNECTION}),
                run=page,
            ),
        ),
        classifiers=(Classifier(name="asset", sets=("custom.asset",), guess=asset, least=0.5),),
    )
