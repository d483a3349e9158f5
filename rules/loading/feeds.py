"""Compiling the feeds that rotas are fetched from."""

from __future__ import annotations

import re

import msgspec

from rules.duration import seconds
from rules.feeds import EVERY, LEAST_EVERY, Feed, is_feed, is_secret, key_of, wrong_with
from rules.loading.sections import Sections
from rules.problem import Problem
from rules.references import has_reference
from rules.source import Spot


def parts(spot: Spot) -> tuple[Spot | None, Spot | None]:
    """Return the feed and the file that one rota of a team names."""
    if isinstance(spot.value, str):
        return (spot, None) if is_feed(spot.value) else (None, spot)
    named = {name: each for name, each in spot.entries() if name in {"feed", "file"}}
    return named.get("feed"), named.get("file")


def feeds(sections: Sections, problems: list[Problem]) -> tuple[Feed, ...]:
    """Return every feed once, with the teams whose rota it is."""
    found: dict[str, Feed] = {}
    for name, team in sections.entries("teams").items():
        for spot in team["rota"].each() if "rota" in team else ():
            named, _ = parts(spot)
            if named is None:
                if isinstance(spot.value, dict) and "file" not in spot:
                    problems.append(spot.error("missing-key", "a rota needs 'file' or 'feed'", "add file: NAME.ics"))
                continue
            if not _check(named, name, problems):
                continue
            every = seconds(spot.value["every"]) if isinstance(spot.value, dict) and "every" in spot else EVERY
            if every < LEAST_EVERY:
                problems.append(spot["every"].error("too-often", "a feed is asked once a minute at most", "write 1m"))
            line, column = named.document.where(named.path)
            before = found.get(key_of(named.value))
            teams = tuple(dict.fromkeys((*(before.teams if before is not None else ()), name)))
            every = min(every, before.every) if before is not None else every
            found[key_of(named.value)] = Feed(
                written=named.value, teams=teams, every=every, file=named.document.file, line=line, column=column
            )
    return tuple(found.values())


def _check(spot: Spot, team: str, problems: list[Problem]) -> bool:
    """Say what is wrong with the address of a feed."""
    written = spot.value
    if has_reference(written):
        return True
    if written.count("${"):
        message = "this ${…} names neither a variable nor a file"
        problems.append(spot.error("bad-reference", message, "write ${NAME} or ${file:/path/to/secret}"))
        return False
    why = wrong_with(written)
    if why:
        hint = "write the https:// address at which the calendar is published, as iCalendar"
        problems.append(spot.error("bad-feed", f"this cannot be fetched: {why}", hint))
        return False
    if is_secret(written):
        variable = re.sub(r"[^A-Z0-9]+", "_", f"{team}_rota".upper()).strip("_")
        message = "this address looks like one that only its readers may know, and it is written out"
        hint = f"write ${{{variable}}} and set that variable instead"
        found = spot.warning("literal-secret", message, hint)
        problems.append(_covered(found, written))
    return True


def _covered(problem: Problem, address: str) -> Problem:
    return msgspec.structs.replace(problem, excerpt=problem.excerpt.replace(address, "*" * len(address)))
