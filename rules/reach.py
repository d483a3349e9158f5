"""At which desks routing cannot be shown: where no account of a person, or no group of a team, is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from gateway.ports import ConnectorSpec
from rules.site import Site
from rules.sync import Owner

#: so many names are told
NAMES = 10


def unreached(site: Site, specs: Mapping[str, ConnectorSpec]) -> Iterator[str]:
    """Say for each desk whose assignments are left as they are, and why: a line for a person."""
    routing, sections = site.rules.routing, site.rules.sections
    if not routing:
        return
    roster = routing.roster
    teams = sorted({agent.team for agent in roster.agents})
    people = sorted(roster.of_person)
    for name, connection in sorted(site.connections.items()):
        spec = specs.get(connection.connector)
        if spec is None or not connection.write_back:
            continue
        spec = spec.of(connection.options)
        if "queue" in spec.writable_fields and (missing := _without(teams, sections.get("teams") or {}, name)):
            yield (
                f"{name}: no group is named for {missing}: what these teams are given stays in its group there "
                f"(teams: NAME: accounts: {name})"
            )
        if "assignee" not in spec.writable_fields or _is_theirs(site, name):
            continue
        if missing := _without(people, sections.get("people") or {}, name):
            yield (
                f"{name}: no account is named for {missing}: what they are given stays there as it is "
                f"(people: NAME: accounts: {name})"
            )


def _is_theirs(site: Site, connection: str) -> bool:
    """Say whether every rule that takes tickets to a desk leaves the assignee to it."""
    rules = [rule for rule in site.rules.sync_rules if connection in {rule.source, rule.target}]
    return bool(rules) and all(rule.target == connection and rule.fields.get("assignee") is Owner.TO for rule in rules)


def _without(names: Iterable[str], section: Mapping[str, Mapping[str, object]], connection: str) -> str:
    """Return who has no account at a connection, in words; empty where everybody has."""
    missing = [name for name in names if connection not in _accounts(section, name)]
    more = f" and {len(missing) - NAMES} more" if len(missing) > NAMES else ""
    return ", ".join(missing[:NAMES]) + more


def _accounts(section: Mapping[str, Mapping[str, object]], name: str) -> Mapping[str, object]:
    found = (section.get(name) or {}).get("accounts")
    return found if isinstance(found, Mapping) else {}
