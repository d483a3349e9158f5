"""Traffic for a real RT under fire: what people do at both desks, what RT must then say has happened, and the verdict.

The oracle is RT's own history: each word and each change of a field that a person made at Zendesk is there once, made
by our account, and in the order in which it was made; what engineers said is once at Zendesk.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from connectors.testing.loopback import SimRequest
from connectors.zendesk.simulator import ZendeskSimulator
from gateway.store import SqlStore
from tests.desks.rt_history import GATEWAY, SPOKEN, history, tickets
from tests.desks.rt_server import RtServer
from tests.flows.site import RT, ZENDESK

#: Zendesk's priority -> RT's number
PRIORITIES = {"urgent": "100", "high": "75", "normal": "50", "low": "25"}
#: Zendesk's status -> RT's
STATUSES = {"open": "open", "hold": "stalled"}
OPEN = ("deliveries_pending", "updates_ready", "updates_sending", "updates_unknown")
GIVEN_UP = ("deliveries_parked", "updates_dead", "updates_ambiguous")


class Story(msgspec.Struct):
    """One ticket: what people did to it at Zendesk in order, and what engineers said in RT."""

    number: int
    #: replies make RT move the status by itself, so a ticket has either replies or changes of status
    replies: bool
    done: list[tuple[str, str]] = []
    engineers: list[str] = []
    now: dict[str, str] = {}


class People:
    """Customers, agents and engineers; everything they do is chosen by `seed`."""

    def __init__(self, zendesk: ZendeskSimulator, rt: RtServer, seed: int) -> None:
        self.stories: list[Story] = []
        self.acts = 0
        self._zendesk = zendesk
        self._rt = rt
        self._chance = random.Random(seed)

    def write_in(self, count: int) -> None:
        """Let customers write in."""
        for place in range(len(self.stories), len(self.stories) + count):
            subject = f"Fire {place}"
            made = self._zendesk.act("create", subject=subject, body=f"It burns {place}", email="kim@customer.test")
            now = {"Subject": subject, "Priority": "", "Status": "new"}
            self.stories.append(Story(int(made["id"]), replies=place % 2 == 0, now=now))

    def act(self) -> Story:
        """Let an agent do one thing to one ticket: words and fields take turns, so that no two changes coalesce."""
        story = self.stories[self.acts % len(self.stories)]
        self.acts += 1
        if story.done and story.done[-1][0] in SPOKEN:
            self._change(story)
        else:
            words = f"word {story.number}.{len(story.done)} end"
            self._zendesk.act("comment", ticket_id=story.number, body=words, public=story.replies)
            story.done.append(("Correspond" if story.replies else "Comment", words))
        return story

    def _change(self, story: Story) -> None:
        field = self._chance.choice(("Subject", "Priority" if story.replies else "Status"))
        if field == "Subject":
            value = told = f"Fire {story.number}, step {len(story.done)}"
        else:
            words = PRIORITIES if field == "Priority" else STATUSES
            value = self._chance.choice([word for word in words if words[word] != story.now[field]])
            told = words[value]
        self._zendesk.act("set", ticket_id=story.number, **{field.lower(): value})
        story.now[field] = told
        story.done.append((field, told))

    def engineer(self, story: Story, copy: str) -> None:
        """Let an engineer comment in RT itself, past the proxy."""
        words = f"engineer {story.number}.{len(story.engineers)} end"
        self._rt.call("POST", f"/ticket/{copy}/comment", {"Content": words, "ContentType": "text/plain"})
        story.engineers.append(words)

    def zendesk_words(self, number: int) -> list[str]:
        """Return what a Zendesk ticket's comments say."""
        return [str(each["body"]) for each in self._zendesk.records.comments[number]]

    def zendesk_status(self, number: int) -> str:
        """Return the status of a Zendesk ticket."""
        return str(self._zendesk.records.tickets[number]["status"])


def copies(store: SqlStore) -> Mapping[int, str]:
    """Return Zendesk ticket -> RT ticket, as the gateway has linked them."""
    with store.read() as tx:
        found = [line.links for line in tx.view.tickets(limit=1000)]
    return {int(links[ZENDESK][0]): links[RT][0] for links in found if RT in links and links[RT][0]}


def counts(store: SqlStore) -> dict[str, int]:
    """Return what the record counts, zeros left out."""
    with store.read() as tx:
        return {name: count for name, count in tx.view.counts().items() if count}


def judge(people: People, rt: RtServer, store: SqlStore, cut: Sequence[SimRequest]) -> list[str]:
    """Return everything that is not as it must be once all is at rest.

    RT commits a field first and its transaction afterwards: a change that was being made when RT was killed (`cut`) may
    have no transaction. It must be shown all the same.
    """
    linked = copies(store)
    found = [f"{name}: {count}" for name, count in counts(store).items() if name in (*OPEN, *GIVEN_UP)]
    numbers = tickets(rt)
    if sorted(numbers) != sorted(linked.values()) or len(linked) != len(people.stories):
        found.append(f"RT has {numbers}, the gateway has linked {dict(linked)}")
        return found
    for story in people.stories:
        found += [
            f"ticket {story.number}: {what}" for what in _differences(story, people, rt, linked[story.number], cut)
        ]
    return found


def _differences(story: Story, people: People, rt: RtServer, copy: str, cut: Sequence[SimRequest]) -> Iterator[str]:
    made = list(_made(story, rt, copy))
    put = [request.json() for request in cut if request.method == "PUT" and request.path.endswith(f"/ticket/{copy}")]
    unsaid = {(field, str(value)) for fields in put for field, value in fields.items()} - set(made)
    done = [each for each in story.done if each not in unsaid]
    if made != done:
        yield f"RT's history has {made}, people did {done}"
    said = people.zendesk_words(story.number)
    for words in story.engineers:
        times = sum(words in text for text in said)
        if times != 1:
            yield f"{words!r} is in Zendesk {times} times"
    shown = rt.call("GET", f"/ticket/{copy}", who="root")
    for field, value in story.now.items():
        if value and str(shown[field]) != value:
            yield f"{field} in RT is {shown[field]!r}, not {value!r}"
    agrees = {"new": "new", **STATUSES}[people.zendesk_status(story.number)]
    if agrees != story.now["Status"]:
        yield f"the status in Zendesk went to {people.zendesk_status(story.number)!r} by itself"


def _made(story: Story, rt: RtServer, copy: str) -> Iterator[tuple[str, str]]:
    """Go through what our account did to a ticket, by RT's own history."""
    for one in history(rt, copy):
        if one.creator != GATEWAY:
            continue
        if one.type in SPOKEN:
            start, end = one.words.find("word "), one.words.rfind(" end")
            yield one.type, one.words[start : end + 4]
        elif one.field in {"Subject", "Priority"} and one.type == "Set":
            yield one.field, one.value
        elif one.type == "Status" and not story.replies:
            yield "Status", one.value
