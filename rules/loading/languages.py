"""Which languages a site speaks: those that it lists, or those that its people, teams and routing name."""

from __future__ import annotations

from collections.abc import Iterator

from rules.loading.sections import Sections


def languages(sections: Sections) -> frozenset[str]:
    """Return primary subtags such as `en`; none at all when the site names none: then any language may be told."""
    listed = [spot.value for spot in sections.items("languages")]
    return frozenset(tag.partition("-")[0].lower() for tag in listed or _named(sections))


def _named(sections: Sections) -> Iterator[str]:
    for section in ("people", "teams"):
        for spot in sections.entries(section).values():
            yield from spot.get("languages", ())
    neighbours = sections.entries("routing").get("neighbours")
    for language, others in (neighbours.value if neighbours is not None else {}).items():
        yield language
        yield from others
    for route in sections.items("routes"):
        needed = route.get("needs", {}).get("language", "")
        # a language tag, and not a field of the ticket
        if needed and not needed.startswith("ticket."):
            yield needed
