"""What one desk cannot do for another is told by `gateway check`, for every ordered pair, before a ticket is lost.

The journeys of `make pairs` list what a desk cannot do and go on; whoever writes such a rule must hear of it. What
people cannot do at a desk, and words that it has not, are no matter of a rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from connectors.sdk import ConnectorSpec, Operation
from connectors.testing.bench import Bench
from rules.problem import Problem
from tests.pairs.asking import told
from tests.pairs.pair import FIELDS, SOURCE, TARGET
from tests.pairs.which import BENCHES, CLOSED, reaches, spec_of

SPOKEN = {Operation.PUBLIC_REPLY: "public replies", Operation.INTERNAL_NOTE: "internal notes"}
#: a rule that wants everything, both ways
EVERYTHING = {
    **dict.fromkeys(FIELDS, "both"),
    "comments": {"public": "both", "internal": "both"},
    "attachments": "both",
}
#: code, name of the desk, and what stands in the message
Lack = tuple[str, str, str]


def lacks(source: type[Bench], name: str, target: type[Bench]) -> set[Lack]:
    """Return what must be told of a rule that wants everything."""
    found = {*_alone(spec_of(source), name), *_alone(spec_of(target), TARGET)}
    if target in CLOSED:
        found.add(("cannot-do", TARGET, "takes no new tickets"))
    if not reaches(source, target):
        found.add(("cannot-do", TARGET, "begins a ticket by writing to its requester"))
    return found


def _alone(spec: ConnectorSpec, name: str) -> Iterator[Lack]:
    """Say what a desk cannot do whichever the other one is."""
    for field in FIELDS:
        if field not in spec.readable_fields:
            yield "not-readable", name, f"'{field}' cannot be read"
        if field not in spec.writable_fields:
            yield "not-writable", name, f"'{field}' cannot be written"
    for operation, words in SPOKEN.items():
        if operation not in spec.operations:
            yield "cannot-do", name, f"takes no {words}"
    if spec.attaching is None:
        yield "cannot-do", name, "takes no files"
    elif not spec.internal_files and Operation.INTERNAL_NOTE in spec.operations:
        yield "files-stay-behind", name, "can hide no file from customers"


def understood(problems: Sequence[Problem], wanted: set[Lack]) -> set[Lack]:
    """Return what is told in these words, and every other error as it stands."""
    found = set()
    for each in problems:
        said = {lack for lack in wanted if f"[{lack[0]}]" in each.head and f"'{lack[1]}'" in each.head}
        said = {lack for lack in said if lack[2] in each.head}
        found |= said
        if each.is_error and not said:
            found.add(("told", "", each.head))
    return found


@pytest.mark.parametrize("target", BENCHES, ids=lambda bench: bench.connector)
def test_what_a_desk_cannot_do_for_another_is_told(target: type[Bench]) -> None:
    """Neither less nor more, whichever desk the tickets come from."""
    wrong = {}
    # of a site with more errors than anybody reads not all are told
    for sources in batched(BENCHES, 4):
        said = told(sources, target, fields=EVERYTHING)
        for number, (source, problems) in enumerate(zip(sources, said, strict=True)):
            must = lacks(source, f"{SOURCE}-{number}" if number else SOURCE, target)
            if apart := understood(problems, must) ^ must:
                wrong[source.connector] = sorted(apart)
    assert wrong == {}


def batched(benches: Sequence[type[Bench]], size: int) -> Iterator[Sequence[type[Bench]]]:
    """Return so many at a time."""
    return (benches[begin : begin + size] for begin in range(0, len(benches), size))
