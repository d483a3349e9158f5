"""The one error tree of the project.

Every error that a person may meet derives from `GatewayError`; its text says what is wrong, where, and what to do
next, and never holds a secret. Anything else that escapes is a defect and is logged with its trace id.
"""

from __future__ import annotations


class GatewayError(Exception):
    """Something that a person can act on. `exit_code` is what the `gateway` command ends with."""

    exit_code = 1


class ConfigError(GatewayError):
    """The site, its rules or the environment are not usable as they are."""

    exit_code = 2


class AuthenticationError(GatewayError):
    """An incoming request did not prove that the desk sent it (HTTP 401, nothing is stored)."""


class UnreadableError(GatewayError):
    """An authentic delivery whose content is not understood: it is parked with this reason."""

    reason = "unreadable"


class SetAsideError(GatewayError):
    """An authentic delivery that is understood and must do nothing: it is listed with this reason, and may be taken."""


class UnmappedError(UnreadableError):
    """A value that no mapping of the site covers; the rule says `unmapped: park`. Without `field` the rest can go."""

    reason = "unmapped"

    def __init__(self, words: str, *, field: str = "") -> None:
        super().__init__(words)
        self.field = field


class ConflictError(UnreadableError):
    """Two desks changed one field and the rule says `conflict: park`."""

    reason = "conflict"


class OtherReleaseError(GatewayError):
    """Another release of the site is active by now: what is left is for it to decide."""

    def __init__(self) -> None:
        super().__init__("another release of the site is active now")


class DeferError(GatewayError):
    """This delivery can be applied, only not yet (a write of ours is in flight, or an order must be kept)."""

    def __init__(self, message: str, *, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class TransportError(GatewayError):
    """A request to a desk did not bring an answer."""


class NotSentError(TransportError):
    """It is certain that the desk did not get the request (refused, no such host, TLS failure, before sending)."""


class LoginRefusedError(NotSentError):
    """A desk gives us no access token: nothing was sent, and nothing will be until a person has mended it."""


class OutcomeUnknownError(TransportError):
    """The request may have taken effect (timeout, reset, half an answer)."""


class TooLargeError(OutcomeUnknownError):
    """A desk's answer is larger than what is read of one: asking again brings the same."""


class ThrottledError(TransportError):
    """The desk answered a read with 429: the connection waits `seconds` (None: the desk does not say)."""

    def __init__(self, message: str, *, seconds: int | None = None) -> None:
        super().__init__(message)
        self.seconds = seconds


class OriginError(NotSentError):
    """A connector asked for an address outside the origins of its connection."""


class SecondWriteError(GatewayError):
    """A connector tried a second write in one attempt: a defect of the connector; the second was not sent."""


class StoreError(GatewayError):
    """The database refused: the text says which one and why."""


class RefusedValueError(StoreError):
    """The database cannot hold a value (NUL in a text, too long, too large): trying again does not help."""


class ClashError(StoreError):
    """Another transaction was quicker with the same thing: it looks different at the next try."""


class LostLeaseError(StoreError):
    """Another worker holds the lane (or the step) now; nothing was recorded."""


class NotFoundError(GatewayError):
    """No such ticket, connection or dead letter."""

    exit_code = 3


class DuplicateError(GatewayError):
    """Two tickets cannot be made one, or cannot be parted: the text says why, and what can be done."""


class PeopleError(GatewayError):
    """Two people cannot be made one, or cannot be parted: the text says why, and what can be done."""
