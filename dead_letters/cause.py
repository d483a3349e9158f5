"""What dead letters have in common: the class of their error, and their cause without what is each one's own."""

from __future__ import annotations

import re

from gateway.domain.ids import digest
from gateway.domain.update import Reason

#: what has a name of its own: ids, numbers, addresses; an HTTP status is not one of them
_OWN = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|[\w.+-]+@[\w-]+\.[\w.-]+"
    r"|\b(?=[0-9a-f]*[0-9])[0-9a-f]{12,}\b"
    r"|(?<!HTTP )\b[0-9]+\b"
)
#: of what a map lacks, the very word is the cause: the one with another number needs a line of its own
_OR_QUOTED = re.compile(rf"""('[^']*'|"[^"]*")|{_OWN.pattern}""")
#: of a ticket that is out of sight, its name, in whatever form, and what was said to us of it
_SIGHT = re.compile(r"(?<=does not show us ticket ).*?(?= any more)|; if it is gone.*", re.DOTALL)
_RAISED = re.compile(r"\b([A-Z]\w*(?:Error|Exception))\b")
_OUTCOMES = {"unknown": "no answer", "notsent": "not sent", "throttled": "HTTP 429"}
MOST = 200


def cause_of(detail: str, reason: str) -> str:
    """Return why something was given up as it reads for all that were given up for it."""
    if reason == Reason.HIDDEN:
        # one right that was taken away hides many: they are one group, whatever each was refused with
        detail = _SIGHT.sub(lambda found: "" if found[0].startswith(";") else "#", detail)
    told = _OR_QUOTED.sub(_but_quoted, detail) if reason == Reason.UNMAPPED else _OWN.sub("#", detail)
    words = " ".join(told.split())
    return words[:MOST] or reason


def _but_quoted(found: re.Match[str]) -> str:
    return found[1] or "#"


def cause_key(cause: str) -> str:
    """Return what stands for a cause where its words must not be read: they may be a desk's, and about people."""
    return digest("cause", cause)


def error_class(*, reason: str, detail: str, status: int = 0, outcome: str = "") -> str:
    """Return the class of the last error: the desk's status, the exception, or what came of the attempt."""
    if reason == Reason.HIDDEN:
        return reason
    if status >= 300:
        return f"HTTP {status}"
    raised = _RAISED.search(detail)
    if raised is not None:
        return raised[1][:60]
    return _OUTCOMES.get(outcome) or reason or outcome
