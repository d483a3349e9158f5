"""The text of an update that a person edits: shown as JSON, read back, and kept as a draft when it cannot be taken."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from dead_letters import DeadLetterError, Letter
from dead_letters.edit import document_of
from gateway.cli.editor import edit_file
from gateway.errors import GatewayError

FOLDER = "drafts"


class Draft:
    """What one person makes of one version of an update."""

    def __init__(self, state: Path, letter: Letter) -> None:
        update = letter.update
        self._short = update.id[-12:]
        self._path = state / FOLDER / f"{self._short}-{update.payload_version}.json"
        self._shown = msgspec.json.format(msgspec.json.encode(document_of(update.intent)), indent=2).decode()

    def edit(self, environ: Mapping[str, str]) -> str:
        """Open the editor with the update as it is, or with the draft that was kept; raises DeadLetterError.

        The file that is edited is the draft itself: whatever ends the editor, or us, it is still there.
        """
        if self._read() is None:
            self._keep(self._shown)
        else:
            click.echo(f"this is your draft; remove {self._path} to begin anew", err=True)
        try:
            saved = edit_file(self._path, environ)
        except GatewayError as error:
            raise DeadLetterError(f"{error}; {self._state()}") from None
        except click.Abort:
            click.echo(f"\n{self._state()}", err=True)
            raise
        if not saved:
            raise DeadLetterError(self._state())
        try:
            text = self._path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise DeadLetterError(f"this is no UTF-8 any more, at byte {error.start}; {self._state()}") from None
        if text.strip() == self._shown.strip():
            raise UnchangedError(self._state())
        return text

    def _read(self) -> bytes | None:
        """Return the draft; None where there is none, or it says what the update wants already."""
        with contextlib.suppress(OSError):
            found = self._path.read_bytes()
            return None if found.strip() == self._shown.strip().encode() else found
        return None

    def _state(self) -> str:
        """Say what is left of the text, and leave no draft behind that says nothing."""
        if self._read() is not None:
            return f"nothing was changed; your text is kept: gateway dead-letters edit {self._short}"
        self._path.unlink(missing_ok=True)
        return "nothing was changed"

    def document(self, text: str) -> Any:
        """Return what a text says; raises DeadLetterError with line and column where it is no JSON."""
        if text.strip() == self._shown.strip():
            raise UnchangedError("nothing was changed")
        try:
            return msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise DeadLetterError(f"{_place(text)}this is no JSON any more: {error}") from None

    @contextmanager
    def kept(self, text: str, *, dry_run: bool) -> Iterator[None]:
        """Keep the text where what is done inside fails, or is a trial; and let the draft go when it is done."""
        try:
            yield
        except UnchangedError:
            raise
        except GatewayError as error:
            self._keep(text)
            raise DeadLetterError(f"{error}; your text is kept: gateway dead-letters edit {self._short}") from None
        if dry_run:
            self._keep(text)
            click.echo(f"your text is kept: gateway dead-letters edit {self._short}", err=True)
        else:
            self._path.unlink(missing_ok=True)

    def _keep(self, text: str) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # people's words: for its owner only
        self._path.touch(mode=0o600)
        self._path.write_text(text.rstrip() + "\n", encoding="utf-8")


def _place(text: str) -> str:
    """Return where JSON is broken, which its quick reader does not tell by line and column."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return f"line {error.lineno}, column {error.colno}: "
    except RecursionError:
        pass
    return ""


class UnchangedError(DeadLetterError):
    """The text wants what the update wants already."""
