"""Cross-links: what a desk's ticket says of a ticket at another desk, in a field, by an address, or in passing. Pure.

A team that works with two desks has tied their tickets together long before the gateway came. How people name a ticket
of a desk is said by its connector (`Naming`); what is found is only a name, which may or may not be a ticket of ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec

from gateway.domain.event import RemoteTicket

#: of each text so much is looked at, and of one ticket no more names are kept
MOST_TEXT = 100_000
MOST_NAMES = 50
#: what a desk keeps as a name is no longer
MOST_NAME = 200
#: in the settings: the desk's own field for an id of another system, and the words of title, body and comments
EXTERNAL_ID, MENTIONS = "external_id", "mentions"

_ADDRESS = re.compile(r"https?://[^\s<>\"'`|\\^{}\]]+", re.IGNORECASE)
_PARTS = re.compile(r"(?P<scheme>https?)://(?P<place>[^/?#]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_USUAL = {"http": "80", "https": "443"}
#: a character of ASCII, as addresses write those that mean something to them
_ESCAPED = re.compile(r"%([0-7][0-9a-fA-F])")
_BETWEEN = re.compile(r"[,;\s]+")
_TRAILING = ".,;:!?)*_"
#: an effect key of ours: a mark, and nobody's cross-link
_OURS = re.compile(r"(gateway:)?[0-9a-f]{32}")


#: takes connection, name and evidence
Note = Callable[[str, str, "Evidence"], None]


class Evidence(StrEnum):
    """How a ticket was named, from the strongest."""

    #: in a field that is there for it: an external id, a remote link, a custom field
    KEPT = "kept"
    #: by an address, in the words of title, body and comments
    ADDRESS = "address"
    #: by a key, in the same words: it may stand there for any reason
    MENTION = "mention"


RANK = {each: -rank for rank, each in enumerate(Evidence)}


class Naming(msgspec.Struct, frozen=True, omit_defaults=True):
    """One way in which people name a ticket of a desk: a regular expression, and what its groups make the name.

    Of an address the expression is laid against path, query and fragment; without `host` the address must be at the
    connection's own. The name is the remote id or the key.
    """

    pattern: str
    name: str = r"\g<name>"
    host: str = ""


class Place(msgspec.Struct, frozen=True):
    """A connection, as others name its tickets."""

    connection: str
    #: host, or host:port, of its addresses
    hosts: frozenset[str]
    addresses: tuple[Naming, ...] = ()
    words: tuple[Naming, ...] = ()


class Crosslink(msgspec.Struct, frozen=True):
    """A ticket of one connection that names one of another: by remote id or key."""

    connection: str
    remote_id: str
    at: str
    name: str
    evidence: Evidence


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def own_fields(cross_links: Mapping[str, object]) -> tuple[str, ...]:
    """Return the desk's own fields that the settings of a connection name: where people keep tickets elsewhere."""
    return tuple(sorted(set(cross_links) - {EXTERNAL_ID, MENTIONS}))


def host_of(url: str) -> str:
    """Return host and port of an address as they are compared; empty where it has none."""
    parts = _PARTS.fullmatch(url)
    if parts is None:
        return ""
    host = parts["place"].rpartition("@")[2].casefold()
    name, _, port = host.rpartition(":")
    return name if port == _USUAL[parts["scheme"].lower()] else host


def named_by(address: str, place: Place) -> str:
    """Return which ticket of a connection an address names; empty: none of its."""
    host, parts = host_of(address), _PARTS.fullmatch(address)
    if not host or parts is None:
        return ""
    told = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), parts["rest"])
    for naming in place.addresses:
        if host != naming.host if naming.host else host not in place.hosts:
            continue
        found = _compiled(naming.pattern).search(told)
        if found is not None:
            return found.expand(naming.name)[:MOST_NAME]
    return ""


def found_in(
    remote: RemoteTicket, connection: str, places: Iterable[Place], fields: Mapping[str, Iterable[str]]
) -> tuple[Crosslink, ...]:
    """Return what a ticket of a connection says of tickets at other connections, each with its best evidence.

    `fields` are the settings of the connection: field -> connections of which it holds the names.
    """
    others = [place for place in places if place.connection != connection]
    best: dict[tuple[str, str], Evidence] = {}

    def note(at: str, name: str, evidence: Evidence) -> None:
        name = name.strip()[:MOST_NAME]
        known = best.get((at, name))
        if name and (known is None or RANK[evidence] > RANK[known]):
            best[at, name] = evidence

    for field, value in _kept(remote):
        _read_field(value, others, frozenset(fields.get(field, ())), note)
    trusted = frozenset(fields.get(MENTIONS, ()))
    for words in _said(remote):
        _read_words(words[:MOST_TEXT], others, trusted, note)
    strongest = sorted(best.items(), key=lambda each: (-RANK[each[1]], each[0]))[:MOST_NAMES]
    return tuple(Crosslink(connection, remote.remote_id, at, name, evidence) for (at, name), evidence in strongest)


def _read_field(value: str, others: Iterable[Place], named: frozenset[str], note: Note) -> None:
    """Read a field that holds nothing else: addresses, keys; a bare number only where the settings say whose it is."""
    if _ADDRESS.match(value):
        for address in _addresses(value):
            for place in others:
                note(place.connection, named_by(address, place), Evidence.KEPT)
        return
    for place in others:
        names = _whole(value, place) or ([value] if place.connection in named else [])
        for name in names:
            note(place.connection, name, Evidence.KEPT)


def _whole(value: str, place: Place) -> list[str]:
    """Return the names of which a value consists, and of nothing else."""
    for parts in ([value], _BETWEEN.split(value)):
        found = [_in_full(part, place) for part in parts]
        if all(found):
            return found
    return []


def _in_full(part: str, place: Place) -> str:
    for naming in place.words:
        found = _compiled(naming.pattern).fullmatch(part)
        if found is not None:
            return found.expand(naming.name)
    return ""


def _read_words(words: str, others: Iterable[Place], trusted: frozenset[str], note: Note) -> None:
    for address in _addresses(words):
        for place in others:
            note(place.connection, named_by(address, place), Evidence.ADDRESS)
    bare = _ADDRESS.sub(" ", words)
    for place in others:
        evidence = Evidence.ADDRESS if place.connection in trusted else Evidence.MENTION
        for naming in place.words:
            for found in _compiled(naming.pattern).finditer(bare):
                note(place.connection, found.expand(naming.name), evidence)


def _addresses(words: str) -> list[str]:
    return [found.group().rstrip(_TRAILING) for found in _ADDRESS.finditer(words)]


def _kept(remote: RemoteTicket) -> Iterator[tuple[str, str]]:
    """Yield the fields that may hold a name and nothing else; what we wrote there ourselves is a mark."""
    held: list[tuple[str, Any]] = [(EXTERNAL_ID, remote.external_id), (EXTERNAL_ID, remote.marker)]
    if remote.references is not msgspec.UNSET:
        held += [("", each) for each in remote.references]
    if remote.custom is not msgspec.UNSET:
        held += [
            (name, each)
            for name, value in remote.custom.items()
            for each in (value if isinstance(value, list | tuple) else [value])
        ]
    for field, value in held:
        words = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if words and len(words) <= MOST_TEXT and not _OURS.fullmatch(words):
            yield field, words


def _said(remote: RemoteTicket) -> Iterator[str]:
    yield from (each for each in (remote.title, remote.body) if isinstance(each, str))
    yield from (comment.body for comment in remote.comments)
