"""The keys of a database: made once, rotated, never replaced without a word."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.errors import ConfigError
from gateway.store import SqlStore, open_store
from gateway.store.tables import facts
from gateway.system import SystemClock, SystemIds
from tests.store.test_record import a_link, delivery, now


def again(store: SqlStore, keys: Path, given: str | None = None) -> SqlStore:
    """Open the database once more, as another process would."""
    clock = SystemClock()
    url = store.engine.url.render_as_string(hide_password=False)
    return open_store(url, keys, clock=clock, ids=SystemIds(clock), keys=given)


def fresh_key() -> str:
    """Make a key as an operator does."""
    return base64.b64encode(os.urandom(32)).decode()


def test_a_lost_key_file_is_not_made_anew(store: SqlStore, tmp_path: Path) -> None:
    """One line says what is missing, where, and what to do; nothing is read, written or made."""
    a_link(store)
    (tmp_path / "keys").rename(tmp_path / "backup")
    opened = again(store, tmp_path / "keys")
    for use in (lambda: opened.write(lambda tx: tx.leases.acquire("x", "me", 1)), lambda: opened.read().__enter__()):
        with pytest.raises(ConfigError) as refused:
            use()
        assert str(tmp_path / "keys") in str(refused.value)
        assert "restore it from the backup" in str(refused.value)
        assert "\n" not in str(refused.value)
    assert not (tmp_path / "keys").exists()
    (tmp_path / "backup").rename(tmp_path / "keys")
    opened.write(lambda tx: tx.leases.acquire("x", "me", 1))
    opened.close()


def test_another_key_is_refused(store: SqlStore, tmp_path: Path) -> None:
    """A host with a key of its own, in a file or in the environment, does not join."""
    a_link(store)
    (tmp_path / "other").write_text(fresh_key())
    for opened in (again(store, tmp_path / "other"), again(store, tmp_path / "keys", given=fresh_key())):
        with pytest.raises(ConfigError, match="is not there"):
            opened.write(lambda tx: tx.inbox.add([delivery(store, "strange")]))
        opened.close()


def test_keys_rotate_newest_first(store: SqlStore, tmp_path: Path) -> None:
    """A new key in front seals from then on; without the old one, or later without the new one, it is refused."""
    a_link(store)
    old = (tmp_path / "keys").read_text()
    (tmp_path / "keys").write_text(f"{fresh_key()}\n{old}")
    rotated = again(store, tmp_path / "keys")
    rotated.write(lambda tx: tx.inbox.add([delivery(store, "after")]))
    with rotated.read() as tx:
        assert [row.body for row in tx.inbox.due(1, now(store))] == [b"body after"]
        known = str(tx.connection.execute(select(facts.c.value).where(facts.c.name == "keys")).scalar_one())
    rotated.close()
    assert len(known.split()) == 2
    both = (tmp_path / "keys").read_text().splitlines()
    for one in both:
        (tmp_path / "keys").write_text(one)
        opened = again(store, tmp_path / "keys")
        with pytest.raises(ConfigError, match="is not there"):
            opened.write(lambda tx: tx.leases.acquire("x", "me", 1))
        opened.close()


def test_two_hosts_that_begin_at_once_do_not_seal_with_two_keys(store: SqlStore, tmp_path: Path) -> None:
    """Each made a key of its own before either has written: the second one is refused."""
    first, second = again(store, tmp_path / "one"), again(store, tmp_path / "two")
    for opened in (first, second):
        with opened.read() as tx:
            assert tx.inbox.pending() == 0
    first.write(lambda tx: tx.inbox.add([delivery(store, "first")]))
    with pytest.raises(ConfigError, match="is not there"):
        second.write(lambda tx: tx.inbox.add([delivery(store, "second")]))
    first.close()
    second.close()
