"""Language tags (BCP 47), and which of them serves another: the lookup of RFC 4647, with a guard between scripts.

Who reads Traditional Chinese need not read Simplified, nor who reads Serbian in Latin letters the Cyrillic ones: a tag
is not cut short over its script, unless a site says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

#: the ticket's language is not known
UNKNOWN = frozenset({"", "und", "mul", "zxx", "mis"})

#: tags and primary subtags that others have replaced
_WHOLE: Mapping[str, str] = {
    "i-klingon": "tlh", "i-lux": "lb", "i-navajo": "nv", "i-hak": "hak", "art-lojban": "jbo",
    "no-bok": "nb", "no-nyn": "nn", "zh-min-nan": "nan", "zh-hakka": "hak", "zh-guoyu": "zh", "zh-xiang": "hsn",
}  # fmt: skip
_PRIMARY: Mapping[str, str] = {
    "iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro", "sh": "sr-Latn", "cmn": "zh", "tl": "fil",
    "eng": "en", "spa": "es", "deu": "de", "ger": "de", "fra": "fr", "fre": "fr", "ita": "it", "por": "pt",
    "nld": "nl", "dut": "nl", "ces": "cs", "cze": "cs", "pol": "pl", "rus": "ru", "jpn": "ja", "zho": "zh",
    "chi": "zh", "kor": "ko", "ara": "ar", "heb": "he", "tur": "tr", "ukr": "uk", "swe": "sv", "dan": "da",
    "fin": "fi", "hun": "hu", "ell": "el", "gre": "el", "ron": "ro", "rum": "ro", "hin": "hi", "vie": "vi",
}  # fmt: skip
#: extended languages stand behind the language that they belong to
_EXTENDED = {"zh": frozenset({"cmn", "yue", "wuu", "nan", "hak", "hsn", "gan"})}

#: the script that a language is written in where its tag does not say; of some it follows from the region
_SCRIPTS: Mapping[str, str] = {
    **dict.fromkeys(("ru", "uk", "bg", "be", "mk", "sr", "kk", "ky", "mn", "tg"), "Cyrl"),
    **dict.fromkeys(("ar", "fa", "ur", "ps", "ug", "sd"), "Arab"),
    **dict.fromkeys(("hi", "mr", "ne", "sa"), "Deva"),
    **dict.fromkeys(
        (
            "en", "es", "de", "fr", "it", "pt", "nl", "cs", "sk", "pl", "sv", "da", "fi", "nb", "nn", "no", "hu", "ro",
            "tr", "hr", "sl", "bs", "et", "lv", "lt", "vi", "id", "ms", "ca", "eu", "gl", "ga", "cy", "is", "mt", "sq",
            "sw", "fil", "af", "az", "uz", "tk", "lb",
        ),
        "Latn",
    ),
    "zh": "Hans", "zh-TW": "Hant", "zh-HK": "Hant", "zh-MO": "Hant", "yue": "Hant",
    "ja": "Jpan", "ko": "Kore", "he": "Hebr", "yi": "Hebr", "el": "Grek", "th": "Thai", "hy": "Armn", "ka": "Geor",
    "bn": "Beng", "ta": "Taml", "te": "Telu", "pa": "Guru", "pa-PK": "Arab", "az-IR": "Arab", "sr-ME": "Latn",
}  # fmt: skip


@lru_cache(maxsize=4096)
def canonical(tag: str) -> str:
    """Return a tag as it is compared: the subtags that replaced others, in the case that BCP 47 recommends."""
    parts = tag.strip().replace("_", "-").lower().split("-")
    whole = _WHOLE.get("-".join(parts))
    if whole is not None:
        return whole
    if len(parts) > 1 and parts[1] in _EXTENDED.get(parts[0], ()):
        parts = parts[1:]
    first = _PRIMARY.get(parts[0], parts[0]).split("-")
    # a script that is said stands before one that follows from the old subtag
    if len(first) > 1 and len(parts) > 1 and _is_script(parts[1]):
        first = first[:1]
    found = [first[0], *(part.title() for part in first[1:])]
    private = False
    for part in parts[1:]:
        private = private or len(part) == 1
        if not private and _is_script(part):
            found.append(part.title())
        elif not private and len(part) == 2 and part.isalpha():
            found.append(part.upper())
        else:
            found.append(part)
    return "-".join(found)


def _is_script(part: str) -> bool:
    return len(part) == 4 and part.isalpha()


def truncations(tag: str) -> Iterator[str]:
    """Go through a canonical tag and what is left of it, cut from the right: a single character goes with its follower.

    zh-Hant-CN-x-a, zh-Hant-CN, zh-Hant, zh (RFC 4647, 3.4).
    """
    parts = tag.split("-")
    while parts:
        yield "-".join(parts)
        parts.pop()
        if len(parts) > 1 and len(parts[-1]) == 1:
            parts.pop()


def script(tag: str) -> str:
    """Return the script of a canonical tag: said, or what its language is written in; empty when not known."""
    parts = tag.split("-")
    for part in parts[1:]:
        if len(part) == 1:
            break
        if _is_script(part):
            return part
    region = next((part for part in parts[1:] if len(part) == 2 and part.isupper()), "")
    return _SCRIPTS.get(f"{parts[0]}-{region}") or _SCRIPTS.get(parts[0], "")


def distance(wanted: str, spoken: str, *, cross_scripts: bool = False) -> int | None:
    """Return how far what somebody speaks is from what is wanted, 0 for the very tag; None: it does not serve.

    First what the lookup of RFC 4647 finds: the tag, cut short step by step. Behind it, for a tag that says little
    (`pt`, as a detector does), one that says more (`pt-BR`). Two siblings (`pt-PT`, `pt-BR`) do not serve each other:
    that is for a site to say, as neighbours. Both tags are canonical.
    """
    if not cross_scripts and script(wanted) != script(spoken):
        return None
    chain = list(truncations(wanted))
    if spoken in chain:
        return chain.index(spoken)
    narrower = list(truncations(spoken))
    return len(chain) - 1 + narrower.index(wanted) if wanted in narrower else None


def lookup(wanted: str, offered: Mapping[str, object] | frozenset[str], *, cross_scripts: bool = False) -> str | None:
    """Return the one of several canonical tags that serves best; None when none does."""
    found = [
        (far, each) for each in offered if (far := distance(wanted, each, cross_scripts=cross_scripts)) is not None
    ]
    return min(found)[1] if found else None
