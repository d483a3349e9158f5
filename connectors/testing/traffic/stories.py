"""What people write: stories of support work, read from stories.yaml, with made-up names, companies and numbers."""

from __future__ import annotations

import random
from importlib.resources import files
from typing import Any

import msgspec
import yaml

#: who says a turn: the customer, an agent of the first desk, an engineer of the second, or either of them to colleagues
WHO = frozenset({"customer", "agent", "engineer", "agent-note", "engineer-note"})


class Turn(msgspec.Struct, frozen=True):
    """One thing that somebody writes."""

    who: str
    text: str


class Story(msgspec.Struct, frozen=True):
    """One piece of work from the first mail to the last reply."""

    language: str
    title: str
    body: str
    turns: tuple[Turn, ...]


class Told(msgspec.Struct, frozen=True):
    """A story with its blanks filled in, and its customer."""

    title: str
    body: str
    turns: tuple[Turn, ...]
    name: str
    email: str
    again: str


class Cast(msgspec.Struct, frozen=True):
    """Who writes in one language, and where they work."""

    people: tuple[str, ...]
    companies: tuple[str, ...]
    #: what a customer writes whose trouble has come back
    again: str


class Library:
    """All stories, and who may live through them."""

    def __init__(self, stories: tuple[Story, ...], casts: dict[str, Cast]) -> None:
        self.stories = stories
        self.casts = casts

    def tell(self, chance: random.Random) -> Told:
        """Return some story with somebody in it."""
        story = chance.choice(self.stories)
        cast = self.casts[story.language]
        person, company = chance.choice(cast.people), chance.choice(cast.companies)
        name, _, login = person.partition("/")
        blanks = {"company": company, "person": name, "number": chance.randrange(10_000, 99_999)}
        return Told(
            story.title.format(**blanks),
            story.body.format(**blanks),
            tuple(Turn(turn.who, turn.text.format(**blanks)) for turn in story.turns),
            name,
            f"{login or name.lower()}@{company.lower().replace(' ', '-')}.example",
            cast.again,
        )


def load() -> Library:
    """Read the stories that come with this package; raises ValueError when one is not told right."""
    text = (files(__package__ or __name__) / "stories.yaml").read_text(encoding="utf-8")
    given: dict[str, Any] = yaml.safe_load(text)
    casts = {language: msgspec.convert(cast, Cast) for language, cast in given["casts"].items()}
    stories = tuple(
        Story(language, one["title"], one["body"].strip(), tuple(_turns(one["turns"])))
        for language, told in given["stories"].items()
        for one in told
    )
    return Library(stories, casts)


def _turns(given: list[dict[str, str]]) -> list[Turn]:
    turns = [Turn(who, text.strip()) for one in given for who, text in one.items()]
    strangers = {turn.who for turn in turns} - WHO
    if strangers:
        msg = f"nobody knows {', '.join(sorted(strangers))}"
        raise ValueError(msg)
    return turns
