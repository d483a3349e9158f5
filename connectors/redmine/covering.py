"""An internal note that Redmine shows to everybody is made private, or its words are taken away: at once, and told.

The role had the right at our look and lost it before the write, which Redmine takes all the same. From 5.0 on its API
changes notes (app/controllers/journals_controller.rb, `update`): who may edit their own. Without the right to make
notes private a note cannot be hidden; a note without words is deleted.
"""

from __future__ import annotations

from connectors.redmine import calls, probes
from connectors.redmine.account import Account
from connectors.redmine.asking import HEADERS
from connectors.sdk import (
    AuthenticationError,
    Call,
    Done,
    Effect,
    HttpRequest,
    NotSent,
    Outcome,
    Rejected,
    RemoteComment,
    Throttled,
    TransportError,
    Visibility,
    retry_after,
)

#: what may be missing where Redmine does not let us
_WANTED = "our role lacks `Edit own notes`, or this Redmine is older than 5.0"
_LOST = "our role had lost `Set notes as private` between our look and the write"


def cover(account: Account, said: RemoteComment, issue: str, *, hide: bool) -> Call[Outcome]:
    """Make a note private (`hide`), else take its words away, and look at what came of it."""
    change = {"private_notes": True} if hide else {"notes": ""}
    path = f"/journals/{said.remote_id}.json"
    response = yield HttpRequest(
        "PUT", path, Effect.WRITE, headers=dict(HEADERS), json={"journal": change}, label="cover"
    )
    if response.status == 429:
        return Throttled(probes.in_the_open(said, issue), retry_after(response))
    if response.status >= 500:
        # the same again does no harm, and the words still stand there
        return NotSent(probes.in_the_open(said, issue))
    try:
        data = yield from calls.issue_data(issue)
    except (TransportError, AuthenticationError) as error:
        return NotSent(f"{probes.in_the_open(said, issue)}, unless that has been done: {error}")
    listed = calls.comments_of(data, account) if data is not None else []
    now = next((each for each in listed if each.remote_id == said.remote_id), None)
    if now is None:
        return Rejected(
            f"the note stood in issue {issue} for everybody, for a moment, and was taken away again: {_LOST}. Who was "
            "mailed of it has read it. Give the role that right, then replay"
        )
    if now.visibility is Visibility.PUBLIC:
        return Rejected(f"{probes.in_the_open(said, issue)}. We may not do it (HTTP {response.status}): {_WANTED}")
    told = f"the note stood in issue {issue} for everybody, for a moment, and is private now: {_LOST}"
    return Done(probes.receipt_of_note(now, issue), told)
