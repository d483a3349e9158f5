"""`gateway check` names who and what a desk cannot show of routing."""

from __future__ import annotations

from rules.reach import unreached
from tests.rules.making import GATEWAY, SPECS, site

PEOPLE = """\
people:
  lucia: {email: lucia@acme.example, accounts: {zen: "9001", rt: lucia}}
  dana: {email: dana@acme.example, accounts: {zen: "9003"}}
teams:
  one: {accounts: {zen: "3601", rt: Support}}
  two: {accounts: {zen: "3602"}}
agents:
  - {person: lucia, team: one}
  - {person: dana, team: two}
"""
ROUTES = "routes: [{name: all}]\n"
SYNC = "sync: [{name: to-rt, from: zen, to: rt, create: {queue: General}, fields: {title: from%s}}]\n"


def said(rules: str, gateway: str = GATEWAY) -> list[str]:
    """Return what is told."""
    return list(unreached(site(rules, gateway), SPECS))


def test_who_has_no_account_and_which_team_has_no_group_is_named_for_each_desk() -> None:
    """With the place where it is to be written."""
    group, account = said(PEOPLE + ROUTES)
    assert group.startswith("rt: no group is named for two: ")
    assert group.endswith("(teams: NAME: accounts: rt)")
    assert account.startswith("rt: no account is named for dana: ")
    assert account.endswith("(people: NAME: accounts: rt)")


def test_nothing_is_missing_where_nothing_is_written() -> None:
    """Without routes; at a desk that is not written to; an assignee that a rule leaves to the desk."""
    assert said(PEOPLE) == []
    assert said(PEOPLE + ROUTES, GATEWAY.replace("rt.example", "rt.example\n    write_back: false")) == []
    assert [each.split(":")[1] for each in said(PEOPLE + ROUTES + SYNC % ", assignee: to")] == [
        " no group is named for two"
    ]
    assert len(said(PEOPLE + ROUTES + SYNC % "")) == 2
