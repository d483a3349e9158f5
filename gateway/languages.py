"""The language of a ticket, where nobody has said it: a classifier behind the same hook as those of other packages.

py3langid tells languages apart well and never abstains, so what it says is weighed here: there must be enough letters,
the language must be likely among all that it knows, not only among those of the site, and it must be one of the
site's. Otherwise the ticket stays `und`. The library is an extra (`desk-gateway[lang]`), it is large, and only what
applies deliveries needs it: it is imported and its model read once a process, when the first text is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from gateway.domain.ticket import Ticket
from rules.extending import Classifier, Extension, Guess, Known, hookimpl

NAME = "language"
LIBRARY = "py3langid"
#: a guess must be likelier than all other languages together
LEAST = 0.5
#: bytes of letters: fewer of them say nothing, and a letter of a script with many letters has more
FEWEST = 12
#: characters that are looked at
MOST = 2000

#: what is no language, whatever its letters are
_NOISE = re.compile(r"\S*(?://|@|[\\/_=<>{}]|\d)\S*|(?:\w+\.){2,}\w*")


def is_installed() -> bool:
    """Say whether the library is there."""
    return find_spec(LIBRARY) is not None


def cleaned(text: str) -> str:
    """Return the words of a text: no addresses, paths, numbers and names of program parts."""
    return " ".join(_NOISE.sub(" ", text[:MOST]).split())


def guess(ticket: Ticket, known: Known) -> Mapping[str, Guess]:
    """Return the language of title and body, if it can be told and is one of the site's."""
    words = cleaned(f"{ticket.title}\n{ticket.body}")
    if len("".join(letter for letter in words if letter.isalpha()).encode("utf-8", "replace")) < FEWEST:
        return {}
    language, likely = _identifier().classify(words)
    if language == "zxx" or (known.languages and language not in known.languages):
        return {}
    return {"language": Guess(str(language), float(likely))}


def warm() -> None:
    """Read the model."""
    _identifier()


@cache
def _identifier() -> Any:
    langid = import_module(f"{LIBRARY}.langid")
    return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)


@hookimpl
def gateway_rules() -> Extension:
    """Offer the classifier, where the library is installed."""
    if not is_installed():
        return Extension()
    return Extension(classifiers=(Classifier(name=NAME, sets=("language",), guess=guess, least=LEAST, warm=warm),))
