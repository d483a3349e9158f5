"""The behaviour suite against a real Redmine: what holds here holds at the customer's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.connectors.redmine import behaviour
from tests.connectors.redmine.stand import Stand
from tests.desks.redmine_server import RedmineServer

pytestmark = [pytest.mark.desk, pytest.mark.timeout(300)]


class RealOffice:
    """Does in a real Redmine what no REST call does."""

    def __init__(self, server: RedmineServer) -> None:
        self._server = server

    def revoke(self, *permissions: str) -> Callable[[], None]:
        """Take permissions away."""
        role = "Role.find_by!(name: 'Gateway')"
        names = ", ".join(f":{each}" for each in permissions)
        self._server.ruby(f"{role}.remove_permission!({names}); nil")
        return lambda: self._server.ruby(f"{role}.add_permission!({names}); nil")

    def forbid(self, old: str, new: str) -> Callable[[], None]:
        """Take a change of status out of the workflow."""
        self._server.ruby(
            "WorkflowTransition.where(role: Role.find_by!(name: 'Gateway'), "
            f"old_status: IssueStatus.find_by!(name: '{old}'), "
            f"new_status: IssueStatus.find_by!(name: '{new}')).delete_all"
        )
        return lambda: self._server.ruby(
            "Role.find_by!(name: 'Gateway').copy_workflow_rules(Role.find_by!(name: 'Manager')); nil"
        )

    def lock(self, who: str) -> Callable[[], None]:
        """Lock a user."""
        self._server.ruby(f"User.find_by!(login: '{who}').lock!; nil")
        return lambda: self._server.ruby(f"User.find_by!(login: '{who}').activate!; nil")

    def write_in(self, formatting: str) -> Callable[[], None]:
        """Choose the text formatting."""
        before = self._server.ruby("Setting.text_formatting")
        self._server.ruby(f"Setting.text_formatting = '{formatting}'; nil")
        return lambda: self._server.ruby(f"Setting.text_formatting = '{before}'; nil")

    def limit(self, size: int) -> Callable[[], None]:
        """Let files have so many bytes."""
        before = self._server.ruby("Setting.attachment_max_size")
        self._server.ruby(f"Setting.attachment_max_size = '{size // 1024}'; nil")
        return lambda: self._server.ruby(f"Setting.attachment_max_size = '{before}'; nil")


@pytest.fixture
def stand(redmine_server: RedmineServer) -> Iterator[Stand]:
    """Give the real Redmine with its people."""
    people = redmine_server.made.people
    keys = {name: person.key for name, person in people.items()}
    ids = {name: person.id for name, person in people.items()}
    made = Stand(redmine_server.url, keys, ids, redmine_server.made.fields, RealOffice(redmine_server))
    yield made
    made.driver.close()


class TestCreation(behaviour.Creation):
    """Against a real Redmine."""


class TestFields(behaviour.Fields):
    """Against a real Redmine."""


class TestNotes(behaviour.Notes):
    """Against a real Redmine."""


class TestFiles(behaviour.Files):
    """Against a real Redmine."""


class TestChanges(behaviour.Changes):
    """Against a real Redmine."""


class TestAccount(behaviour.Account):
    """Against a real Redmine."""


class TestUndoing(behaviour.Undoing):
    """Against a real Redmine."""


def test_hundreds_of_changes_of_one_second_are_all_told(redmine_server: RedmineServer, stand: Stand) -> None:
    """More than two pages hold, closed ones among them; times are whole seconds."""
    _, cursor = stand.polled("")
    made = redmine_server.ruby(
        """
        at = Time.now
        User.current = User.find_by!(login: "customer")
        (1..230).map do |number|
          issue = Issue.create!(
            project: Project.find("support"), tracker: Tracker.first, author: User.current, subject: "Many #{number}",
            status: IssueStatus.first, priority: IssuePriority.first
          )
          issue.update_columns(updated_on: at, status_id: number.odd? ? 1 : 5)
          issue.id
        end
        """
    )
    told, _ = stand.polled(cursor)
    assert {each.remote_id for each in told} >= {str(number) for number in made}
    assert len(told) < 3 * len(made)
