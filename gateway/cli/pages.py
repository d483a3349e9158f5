"""Pages that a command writes: refused at once where they cannot be, and put in their place whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from gateway.errors import ConfigError


def require_folder(file: Path) -> None:
    """Refuse at once what cannot be written in the end."""
    folder = file.parent
    if not folder.is_dir():
        raise ConfigError(f"{file} cannot be written: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise ConfigError(f"{file} cannot be written: {folder} is not yours to write")


def replace(file: Path, text: str) -> None:
    """Put a file in its place, whole or not at all."""
    made = ""
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=file.parent, prefix=f".{file.name}.", delete=False
        ) as draft:
            made = draft.name
            draft.write(text)
        Path(made).chmod(0o644)
        Path(made).replace(file)
    except OSError as error:
        with suppress(OSError):
            Path(made).unlink(missing_ok=True)
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from None
