"""A real RT where the gateway's account may do less than it should or speaks another language, and fields are strict.

RT says nothing of what it leaves out: a mark that we may not set, a comment that we may not see. No write may land
twice for it, and `gateway connections test` names the right that is missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from connectors.sdk import Absent, Done, Found, Intent, Operation, Rejected, Unsure
from connectors.testing.driver import Driver
from gateway.ports import WriteContext
from tests.connectors.request_tracker.behaviour import context, key, poll
from tests.connectors.request_tracker.stand import Stand, fields, note
from tests.desks.rt_server import RtServer

pytestmark = [pytest.mark.desk, pytest.mark.timeout(300)]

RIGHTS = (
    *("SeeQueue", "ShowTicket", "ShowTicketComments", "CreateTicket", "ReplyToTicket", "CommentOnTicket"),
    *("ModifyTicket", "OwnTicket", "ReassignTicket", "SeeCustomField", "ModifyCustomField"),
)
#: account -> the right of setup.pl that it lacks, and its language
ACCOUNTS = {
    "unmarking": ("ModifyCustomField", ""),
    "unseeing": ("ShowTicketComments", ""),
    "unchanging": ("ModifyTicket", ""),
    "german": ("", "de"),
}
PEOPLE = """
require RT::AuthToken;
my %token;
for my $given (@{ JSON::decode_json('GIVEN') }) {
    my ($login, $lang, @rights) = @$given;
    my $user = RT::User->new($system);
    $user->Create(Name => $login, EmailAddress => "$login\\@desk.test", Privileged => 1);
    $user->SetLang($lang) if $lang;
    $user->PrincipalObj->GrantRight(Right => $_, Object => RT->System) for @rights;
    (undef, undef, $token{$login}) = RT::AuthToken->new($system)->Create(Owner => $user->id, Description => 'test');
}
my $queue = RT::Queue->new($system);
$queue->Create(Name => 'Strict');
for my $field (['Customer number', '(?#Mandatory).'], ['Site code', '^[A-Z]{3}$']) {
    my $made = RT::CustomField->new($system);
    my ($name, $pattern) = @$field;
    my $of = 'RT::Queue-RT::Ticket';
    $made->Create(Name => $name, Pattern => $pattern, Type => 'FreeformSingle', LookupType => $of);
    $made->AddToObject($queue);
}
print JSON::encode_json(\\%token);
"""


@pytest.fixture(scope="module")
def accounts(rt_server: RtServer) -> dict[str, str]:
    """Make accounts that lack a right each, and a queue with strict fields; returns their tokens."""
    given = [[name, lang, *(each for each in RIGHTS if each != gone)] for name, (gone, lang) in ACCOUNTS.items()]
    made = rt_server.perl(PEOPLE.replace("GIVEN", json.dumps(given)))
    return dict(json.loads(made.strip().splitlines()[-1]))


@pytest.fixture
def standing(stand: Stand, accounts: dict[str, str]) -> Iterator[Callable[[str], Stand]]:
    """Let the connector be one of these accounts."""
    first = stand.driver

    def become(account: str) -> Stand:
        stand.connector = stand.connect(token=accounts[account])
        stand.driver = Driver(stand.connector)
        return stand

    yield become
    if stand.driver is not first:
        stand.driver.close()
        stand.driver = first


def begun() -> WriteContext:
    """Return the context of a creation that was sent just now."""
    return WriteContext(key(), first_sent_at=datetime.now(UTC))


def creation(title: str, queue: str = "Support", **custom: str) -> Intent:
    """Return a new ticket."""
    return Intent(Operation.CREATE, {"title": title, "body": "Since today"}, params={"queue": queue, "custom": custom})


def failing(stand: Stand) -> dict[str, str]:
    """Return what `gateway connections test` finds wrong."""
    return {each.name: each.detail for each in stand.driver.run(stand.connector.check()) if not each.ok}


def test_a_ticket_that_could_not_be_marked_is_not_made_twice(standing: Callable[[str], Stand]) -> None:
    """RT makes it without our mark; where the answer is lost a person looks. Another title is told apart."""
    stand = standing("unmarking")
    sent, title = begun(), f"It's \\ {key()}"
    outcome = stand.write(creation(title), sent)
    assert isinstance(outcome, Done)
    assert "left out ExternalRef" in outcome.detail
    found = stand.probe(creation(title), sent)
    assert isinstance(found, Unsure)
    assert found.lasting
    assert f"ticket {outcome.receipt.remote_id} has this title" in found.detail
    assert stand.probe(creation(f"Other {key()}"), begun()) == Absent()


def test_a_comment_that_we_may_not_see_is_found_by_its_mark(standing: Callable[[str], Stand]) -> None:
    """Among the tickets, by the mark of the message."""
    stand = standing("unseeing")
    number = stand.ticket()
    sent = context(number, first_sent_at=datetime.now(UTC))
    assert stand.probe(note("seen by others"), sent) == Absent()
    stand.done(stand.write(note("seen by others"), sent))
    assert stand.whole(number).comments == ()
    found = stand.probe(note("seen by others"), sent)
    assert isinstance(found, Found)
    assert (found.receipt.remote_id, found.receipt.comment_id) == (number, "")
    results = {each.name: each.detail for each in stand.driver.run(stand.connector.check())}
    assert "grant ShowTicketComments" in results["comment"]


def test_an_account_that_may_not_modify_is_told_so(standing: Callable[[str], Stand]) -> None:
    """Before anything is refused; it may speak all the same."""
    stand = standing("unchanging")
    number = stand.ticket()
    assert "grant ModifyTicket" in failing(stand)["modify"]
    refused = stand.write(fields(title="Other"), context(number))
    assert isinstance(refused, Rejected)
    assert "Permission Denied" in refused.detail
    stand.done(stand.write(note("still here"), context(number)))


def test_an_account_with_another_language_works_alike(standing: Callable[[str], Stand]) -> None:
    """What RT says is for people only; nothing of it is read."""
    stand = standing("german")
    sent = begun()
    number = stand.done(stand.write(creation("Ungültig"), sent)).remote_id
    assert isinstance(stand.probe(creation("Ungültig"), sent), Found)
    stand.done(stand.write(fields(title="Gültig", status={"category": "open"}), context(number)))
    refused = stand.write(fields(assignee={"external_id": "nobody-here"}), context(number))
    assert isinstance(refused, Rejected)
    assert "existiert nicht" in refused.detail


def test_a_field_that_takes_only_some_values(standing: Callable[[str], Stand]) -> None:
    """A new ticket goes without what RT leaves out, and says so; RT's REST asks for no mandatory one."""
    stand = standing("german")
    outcome = stand.write(creation("Strict", "Strict", **{"Site code": "no such"}), begun())
    assert isinstance(outcome, Done)
    assert "left out Site code:" in outcome.detail
    number = outcome.receipt.remote_id
    refused = stand.write(fields(**{"custom.Site code": "no such"}), context(number))
    assert isinstance(refused, Rejected)
    assert "[A-Z]{3}" in refused.detail
    both = stand.write(fields(**{"custom.Site code": "no such", "title": "Stricter"}), context(number))
    assert isinstance(both, Done)
    assert both.left_out == ("custom.Site code",)
    stand.done(stand.write(fields(**{"custom.Site code": "ABC"}), context(number)))
    assert stand.whole(number).custom == {"Site code": "ABC", "Customer number": None}


def test_reminders_and_approvals_are_no_tickets(rt_server: RtServer, stand: Stand) -> None:
    """RT keeps them as tickets of another type, which its searches do not show."""
    number = stand.ticket()
    stand.events()
    made = rt_server.perl(
        f"my $ticket = RT::Ticket->new($system); $ticket->Load({number});"
        "my ($reminder) = $ticket->Reminders->Add(Subject => 'Call back', Owner => RT->Nobody->id);"
        "my ($approval) = RT::Ticket->new($system)->Create("
        "Queue => '___Approvals', Type => 'approval', Subject => 'May we?');"
        "print $reminder && $approval ? 'made' : 'refused';"
    )
    assert made.strip().endswith("made")
    assert stand.events() == []
    assert {each.remote_id for each in poll(stand, "").tickets} <= {str(each) for each in range(1, int(number) + 1)}
