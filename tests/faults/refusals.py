"""In a storm an admin takes words and people away at the desks, which refuse what names them, and gives them back.

Each desk refuses as the real one does: Zendesk the whole request, by the name of the field (422 RecordInvalid with
`details`); RT only that field, by a sentence behind 200. So an update of several fields is parted, and one of a single
field becomes a letter that holds its lane. A person deals with every letter as the docs say: what is still wanted is
replayed, and what has been set anew since is discarded.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dead_letters import DeadLetterError, Filter, Person, Terms, discard_update, replay_update
from gateway.domain.update import Operation, Reason, Strategy, UpdateState
from gateway.errors import StoreError
from gateway.ports import OperationClaim
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from gateway.system import SystemClock
from rules.decide import RuleSet
from tests.faults.trouble import Trouble
from tests.flows.promises import STAFF, TEAMS, PromisedDesks
from tests.flows.site import RT, ZENDESK
from tests.rules.making import installed

#: for how long something is away, in seconds; and how much is at a time
AWAY, AT_ONCE = (8.0, 20.0), 4
REJECTED = Filter(reason=Reason.REJECTED.value, what="update")
CONNECTORS: Mapping[str, str] = {ZENDESK: "zendesk", RT: "request_tracker"}
_CHOICES: tuple[tuple[str, str, Any], ...] = (
    (ZENDESK, "priority", "high"),
    (ZENDESK, "priority", "urgent"),
    (ZENDESK, "status", "hold"),
    *((ZENDESK, "assignee_id", int(account)) for account, _ in STAFF.values()),
    *((ZENDESK, "group_id", int(group)) for group, _ in TEAMS.values()),
    *((RT, "Owner", login) for _, login in STAFF.values()),
    *((RT, "Queue", queue) for _, queue in TEAMS.values()),
)
_PERSON = Person("ann", "it is there again", "storm")


class Refusals:
    """Takes away and gives back, and deals with the letters that come of it."""

    def __init__(self, desks: PromisedDesks, store: SqlStore, rules: RuleSet, seed: int) -> None:
        self._desks = desks
        self._store = store
        self._rules = rules
        self._seed = seed
        self._clock = SystemClock()
        self._ended = threading.Event()
        #: what was done with letters: replayed, discarded
        self.dealt: Counter[str] = Counter()

    @contextmanager
    def dealing(self) -> Iterator[Trouble]:
        """Let a person look at the dead letters every few seconds while the body runs; what they met is raised."""
        person = Trouble("letters dealt with", self._seed, (2, 4), lambda _: self._deal_if_there())
        person.start()
        try:
            yield person
        finally:
            person.stop()
        if person.failure is not None:
            raise person.failure

    def troubles(self) -> list[Trouble]:
        """Return what goes wrong."""
        return [Trouble(f"taken away {number}", self._seed, (0.5, 2), self._take_away) for number in range(AT_ONCE)]

    def _take_away(self, chance: random.Random) -> bool:
        connection, field, value = chance.choice(_CHOICES)
        known: list[Any] = self._desks.zendesk.records.taken_away
        if connection == RT:
            known = self._desks.rt.records.taken_away
        known.append((field, value))
        self._ended.wait(chance.uniform(*AWAY))
        known.remove((field, value))
        return True

    # ------------------------------------------------------------ letters

    def _deal_if_there(self) -> bool:
        """Deal with the letters, if the database is there: in a storm it is killed, and they wait."""
        try:
            return self.deal()
        except StoreError:
            return False

    def deal(self) -> bool:
        """Replay what is still wanted and discard the rest; say whether there was any."""
        with self._store.read() as tx:
            letters = [each.id for page in tx.letters.pages(REJECTED) for each in page]
        for letter in letters:
            done = self._store.write(lambda tx, letter=letter: self._one(tx, letter))  # type: ignore[misc]
            self.dealt[done] += 1
        return bool(letters)

    def _one(self, tx: SqlTx, letter_id: str) -> str:
        update = tx.outbox.get(letter_id)
        if update is None or update.state is not UpdateState.DEAD:
            return "gone"
        now, since = self._clock.now(), update.done_at or update.created_at
        ticket = tx.tickets.get(update.ticket_id)
        newer = {name for name, stamp in ticket.stamps.items() if stamp.at > since} if ticket is not None else set()
        letter = tx.dead_letters.letter(letter_id)
        # a replay says of these that it goes over a newer one
        newer |= letter.later_fields if letter is not None else frozenset()
        if update.operation is Operation.SET_FIELDS and set(update.intent.fields) <= newer:
            discard_update(tx, letter_id, now, _PERSON)
            return "discarded"
        try:
            replay_update(tx, letter_id, self._terms(update.connection, update.operation), now, _PERSON,
                          accept_duplicate=False)  # fmt: skip
        except DeadLetterError as error:
            return str(error)
        return "replayed"

    def _terms(self, connection: str, operation: Operation) -> Terms:
        spec = installed()[CONNECTORS[connection]]
        return Terms(spec.operations.get(operation, OperationClaim(Strategy.NONE)), self._rules)

    # ------------------------------------------------------------ afterwards

    def judge(self) -> list[str]:
        """Return what is wrong with the letters of refused fields: each refusal has one, which is there."""
        wrong = []
        with self._store.read() as tx:
            parted = [line for line in tx.view.audit(limit=100_000) if line["action"] == "fields refused"]
            self.dealt["parted"] = len(parted)
            letters = Counter(line["detail"]["letter"] for line in parted)
            wrong += [f"letter {each} of a refused field was told {times} times" for each, times in letters.items()
                      if times > 1]  # fmt: skip
            # a replayed one may have taken newer fields in by now, or have been parted once more
            wrong += [f"letter {each} is not there" for each in letters if tx.outbox.get(each) is None]
        return wrong
