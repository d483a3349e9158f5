"""Which causes of dead letters are over, so that a replay of all that were given up for one of them will do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec

from dead_letters.filters import Filter
from dead_letters.model import Group
from gateway.domain.update import Reason
from rules.cure import Cure, cure, is_covered, lacking
from rules.decide import RuleSet


class Prognosis(msgspec.Struct, frozen=True):
    """One cause: whether it is over, and what to do where it is not."""

    group: Group
    cured: bool
    says: str
    cure: Cure | None = None

    @property
    def chosen(self) -> Filter:
        """Which letters were given up for it."""
        group = self.group
        return Filter(
            connection=group.connection,
            reason=group.reason,
            error_class=group.error_class,
            cause_key=group.cause_key,
            what=group.what,
            no_ambiguous=True,
        )


class Site(msgspec.Struct, frozen=True):
    """What is known when causes are judged."""

    #: the rules that hold now
    active: RuleSet
    #: the rules as they stand in the folder, not yet deployed; None when they are the same, or not usable
    folder: RuleSet | None
    files: Mapping[str, str]
    #: the connections that there are
    connections: Collection[str]
    #: says of a connection whether its desk answers and takes our credentials
    answers: Callable[[str], bool]


def covered(groups: Iterable[Group], rules: RuleSet) -> int:
    """Return how many lacked a word that these rules have."""
    wants = ((group.number, lacking(group.detail)) for group in groups if group.reason == Reason.UNMAPPED.value)
    return sum(number for number, want in wants if want is not None and is_covered(want, rules))


def prognosis(group: Group, site: Site) -> Prognosis:
    """Say whether a cause is over."""
    want = lacking(group.detail) if group.reason == Reason.UNMAPPED.value else None
    if want is not None:
        what = f"{want.field} {want.value!r}"
        where = f"{what} of rule {want.rule!r}"
        if is_covered(want, site.active):
            return Prognosis(group, cured=True, says=f"{where} has its line now")
        if site.folder is not None and is_covered(want, site.folder):
            says = f"{where} has its line in the folder: gateway rules release, then heal releases {group.number}"
            return Prognosis(group, cured=False, says=says)
        found = cure(want, site.files)
        says = f"{what} x{group.number}: {found or f'the rule {want.rule!r} is gone'}"
        return Prognosis(group, cured=False, says=says, cure=found)
    if group.reason == Reason.REMOVED.value:
        if group.connection in site.connections:
            return Prognosis(group, cured=True, says=f"{group.connection} is in gateway.yaml again")
        says = f"{group.connection} is not in gateway.yaml: name it again, gateway rules release, then heal; or discard"
        return Prognosis(group, cured=False, says=says)
    if group.reason in {Reason.EXHAUSTED.value, Reason.AUTH.value}:
        if site.answers(group.connection):
            return Prognosis(group, cured=True, says=f"{group.connection} answers, and takes our credentials")
        says = f"{group.connection} does not answer x{group.number}: gateway connections test {group.connection}"
        return Prognosis(group, cured=False, says=says)
    return Prognosis(group, cured=False, says="")
