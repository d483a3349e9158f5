"""When two accounts are one person: by what people are known, and what may join and what may not (docs/people.md).

Pure. A *person* is a set of identities (accounts at desks, e-mail addresses, telephone numbers) that are held together
by *ties*; the ties are a forest, so that taking one out parts a person exactly where it was put together.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from enum import StrEnum
from fnmatch import fnmatchcase

import msgspec

from gateway.domain.person import RemotePerson

EMAIL, PHONE, ACCOUNT = "email", "phone", "external:"
#: so long a name of somebody may be; what is longer is no name of anybody
LONGEST = 300
#: so many people who cannot be one claim an address or a number until it is taken for a shared one
SHARED_BY = 3
_LOCAL = re.compile(r"[^\s@\"(),:;<>\[\\\]\x00-\x1f\x7f]{1,64}")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SEPARATORS = str.maketrans("", "", " \u00a0\u202f-.()/")
#: characters that IDNA 2003 writes as others and IDNA 2008 keeps: two owners may have the two domains
_KEPT_APART = re.compile("[\u00df\u03c2\u200c\u200d]")


class Key(msgspec.Struct, frozen=True, order=True):
    """One identity: `email`, `phone` or `external:<connection>`, and its value in the one form that is compared."""

    kind: str
    value: str

    def __str__(self) -> str:
        return f"{self.kind.removeprefix(ACCOUNT)}:{self.value}"


class Terms(msgspec.Struct, frozen=True):
    """What a site says of stitching (`stitch:` of gateway.yaml)."""

    #: addresses and numbers of nobody in particular, in lower case, with * and ?
    shared: tuple[str, ...] = ()
    #: connections whose addresses and numbers are believed to be nobody's: only the accounts count
    accounts_only: frozenset[str] = frozenset()

    def shares(self, value: str) -> bool:
        """Say whether an address or a number is nobody's in particular."""
        return any(fnmatchcase(value, pattern) for pattern in self.shared)


def email_key(text: str) -> str:
    """Return the form in which an e-mail address is compared; empty: it is none.

    Letters are small, the domain is in its ASCII form. Nothing is guessed: dots and +tags belong to the address.
    """
    local, _, domain = unicodedata.normalize("NFC", text).strip().rpartition("@")
    labels = [_label(each) for each in domain.rstrip(".").split(".")]
    if not _LOCAL.fullmatch(local) or len(labels) < 2 or not all(labels):
        return ""
    found = f"{local.lower()}@{'.'.join(labels)}"
    return found if len(found) <= LONGEST else ""


def _label(text: str) -> str:
    """Return one label of a domain in its ASCII form; empty: it is none."""
    lowered = text.lower()
    try:
        if _KEPT_APART.search(lowered):
            found = "xn--" + lowered.encode("punycode").decode("ascii")
        else:
            found = lowered.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""
    return found if re.fullmatch(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", found) else ""


def phone_key(text: str) -> str:
    """Return a telephone number as E.164; empty: it is none, or a national one, of which nobody knows the country."""
    found = text.strip().translate(_SEPARATORS)
    if "(0)" in text or not found.isascii():
        return ""
    return found if _E164.fullmatch(found) else ""


def keys_of(who: RemotePerson, connection: str, terms: Terms = Terms()) -> tuple[Key, ...]:  # noqa: B008 - frozen
    """Return by what a person is known as one desk names them, the strongest first: account, address, number."""
    own = f"{ACCOUNT}{connection}"
    account = who.external_id.strip()
    email, phone = email_key(who.email), phone_key(who.phone)
    if connection in terms.accounts_only:
        # such an address says nothing elsewhere, and stands for the account where there is none
        account, email, phone = account or email or phone, "", ""
    found = []
    if account and len(account) <= LONGEST and "\x00" not in account:
        found.append(Key(own, account))
    found += [Key(kind, value) for kind, value in ((EMAIL, email), (PHONE, phone)) if value and not terms.shares(value)]
    return tuple(found)


class Identity(msgspec.Struct, frozen=True):
    """One identity as it is stored."""

    id: str
    kind: str
    #: empty when it was forgotten
    value: str
    #: the person that it was first known as: what it goes back to
    home: str
    #: the person that it belongs to now
    person: str
    #: several people use it, so that it joins nobody
    shared: bool = False
    name: str = ""

    @property
    def key(self) -> Key:
        """What it is compared by."""
        return Key(self.kind, self.value)


class TieState(StrEnum):
    """What holds between two identities."""

    #: they are of one person
    JOINED = "joined"
    #: they might be, and something speaks against it: left to a person
    DOUBTED = "doubted"
    #: a person says that they are not; no desk joins them again
    APART = "apart"


class Why(StrEnum):
    """Why two identities are joined, doubted or apart."""

    #: a desk names both of one person
    SHOWN = "shown"
    #: a person says so
    SAID = "said"
    #: it would make two accounts of one connection one person
    SAME_DESK = "same_desk"
    #: it is a telephone number, and both sides have an e-mail address
    TWO_ADDRESSES = "two_addresses"
    #: it is an address that another account of its connection claims as well
    CONTESTED = "contested"


class Tie(msgspec.Struct, frozen=True):
    """Two identities, and what holds between them; `one` is the smaller id."""

    one: str
    other: str
    state: TieState
    why: Why
    #: the identity by which they were compared; empty: none
    by: str = ""

    @staticmethod
    def of(first: str, second: str, state: TieState, why: Why, by: str = "") -> Tie:
        """Make one; the order of the two does not matter."""
        return Tie(min(first, second), max(first, second), state, why, by)


def person_of(members: Iterable[Identity]) -> str:
    """Return the id of the person whom identities make up: that of the oldest address, else account, else number."""
    return min(members, key=lambda each: (_rank(each.kind), each.id)).home


def _rank(kind: str) -> int:
    return 0 if kind == EMAIL else 2 if kind == PHONE else 1


def against(mine: Collection[Identity], theirs: Collection[Identity], by: Identity, *, contested: bool) -> Why | None:
    """Say what speaks against joining two people by an identity that a desk shows of both; None: nothing does."""
    accounts = {each.kind for each in mine if each.kind.startswith(ACCOUNT)}
    if accounts & {each.kind for each in theirs}:
        return Why.SAME_DESK
    if by.kind == PHONE and all(any(each.kind == EMAIL and each.value for each in side) for side in (mine, theirs)):
        return Why.TWO_ADDRESSES
    return Why.CONTESTED if contested and by.kind == EMAIL else None


def parts(ids: Collection[str], ties: Iterable[Tie]) -> list[frozenset[str]]:
    """Return the sets into which some identities fall when only these ties hold them together, in a fixed order."""
    held: dict[str, set[str]] = {each: set() for each in ids}
    for tie in ties:
        if tie.state is TieState.JOINED and tie.one in held and tie.other in held:
            held[tie.one].add(tie.other)
            held[tie.other].add(tie.one)
    found: list[frozenset[str]] = []
    left = set(held)
    while left:
        part = {min(left)}
        waiting = list(part)
        while waiting:
            new = held[waiting.pop()] - part
            part |= new
            waiting += new
        left -= part
        found.append(frozenset(part))
    return found
