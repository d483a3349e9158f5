"""A lease of a process that was killed is free at once; nobody else's is."""

from __future__ import annotations

import subprocess
import sys

from gateway.store import SqlStore
from gateway.system import process_name


def test_the_lease_of_a_killed_process_is_free_at_once(store: SqlStore) -> None:
    """The next one takes it over, and the epoch fences whatever is left of the first."""
    holder = subprocess.run(
        [sys.executable, "-c", "from gateway.system import process_name; print(process_name())"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    first = store.write(lambda tx: tx.leases.acquire("apply", holder, 60))
    assert first is not None
    assert store.write(lambda tx: tx.leases.acquire("apply", process_name(), 60)) == first + 1
    assert not store.write(lambda tx: tx.leases.renew("apply", first, 60))


def test_the_lease_of_a_living_process_is_not(store: SqlStore) -> None:
    """It runs until it is over or given back."""
    store.write(lambda tx: tx.leases.acquire("apply", process_name(), 60))
    assert store.write(lambda tx: tx.leases.acquire("apply", process_name(), 60)) is None
