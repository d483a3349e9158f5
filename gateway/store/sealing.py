"""Encryption at rest: bodies and rendered requests are AES-256-GCM with a key id, so that keys can be rotated.

Layout of a sealed value: one byte format (1), eight bytes key id, twelve bytes nonce, ciphertext with tag. The name of
the column is authenticated with it, so that a value cannot be moved to another place.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import ConfigError, StoreError

_FORMAT = b"\x01"
_ID_BYTES = 8
_NONCE_BYTES = 12
_KEY_BYTES = 32


class Sealer:
    """Seals with the newest key, opens with any."""

    def __init__(self, keys: Mapping[bytes, bytes], current: bytes) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._current = current

    @property
    def current(self) -> str:
        """The id of the key that seals."""
        return self._current.hex()

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all keys."""
        return frozenset(each.hex() for each in self._ciphers)

    def seal(self, place: str, value: bytes) -> bytes:
        """Encrypt `value` for the column `place`."""
        nonce = os.urandom(_NONCE_BYTES)
        return _FORMAT + self._current + nonce + self._ciphers[self._current].encrypt(nonce, value, place.encode())

    def open(self, place: str, sealed: bytes) -> bytes:
        """Decrypt; raises StoreError when the key is missing or the value was altered or moved."""
        key_id = bytes(sealed[1 : 1 + _ID_BYTES])
        cipher = self._ciphers.get(key_id)
        if sealed[:1] != _FORMAT or cipher is None:
            msg = f"a stored {place} was encrypted with a key that is not in the key file (id {key_id.hex()})"
            raise StoreError(msg)
        start = 1 + _ID_BYTES + _NONCE_BYTES
        try:
            return cipher.decrypt(bytes(sealed[1 + _ID_BYTES : start]), bytes(sealed[start:]), place.encode())
        except InvalidTag:
            msg = f"a stored {place} does not decrypt: it was altered or moved"
            raise StoreError(msg) from None

    def seal_text(self, place: str, words: str) -> bytes | None:
        """Encrypt words that may be a desk's, and so about people; None for none."""
        return self.seal(place, words.encode("utf-8", "replace")) if words else None

    def open_text(self, place: str, sealed: bytes | None) -> str:
        """Decrypt words; none are empty."""
        return "" if sealed is None else self.open(place, sealed).decode("utf-8", "replace")


def load_keys(path: Path, given: str | None = None) -> Sealer:
    """Load the keys: `given` (GATEWAY_ENCRYPTION_KEYS: base64, newest first, comma-separated), else the key file.

    The file is made with mode 0600 when there is none: keys.py asks the database first whether there was one. Losing
    it makes stored bodies unreadable: back it up. Raises ConfigError when a key is not 32 bytes of base64.
    """
    texts = [part.strip() for part in given.split(",") if part.strip()] if given else _read_or_make(path)
    keys: dict[bytes, bytes] = {}
    for number, text in enumerate(texts):
        try:
            key = base64.b64decode(text, validate=True)
        except ValueError:
            key = b""
        if len(key) != _KEY_BYTES:
            where = "GATEWAY_ENCRYPTION_KEYS" if given else str(path)
            msg = f"{where}: key {number + 1} is not 32 bytes of base64"
            raise ConfigError(msg)
        keys[hashlib.sha256(b"key id" + key).digest()[:_ID_BYTES]] = key
    return Sealer(keys, next(iter(keys)))


def _read_or_make(path: Path) -> list[str]:
    """Read the key file, one key a line, newest first; make it when there is none (the first writer wins)."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w") as handle:
            handle.write(base64.b64encode(os.urandom(_KEY_BYTES)).decode() + "\n")
            handle.flush()
            os.fsync(handle.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    lines = [line.strip() for line in path.read_text().splitlines()]
    texts = [line for line in lines if line and not line.startswith("#")]
    if not texts:
        msg = f"{path}: no key in the key file; restore it from the backup, or stored bodies stay unreadable"
        raise ConfigError(msg)
    return texts
