from __future__ import annotations

import subprocess
import sys
import time
import uuid

from gateway.system import SystemClock, SystemIds, boot_id, boottime, has_ended, process_name


def test_the_clock_is_utc_and_does_not_go_back() -> None:
    """Aware instants, and seconds that only grow."""
    clock = SystemClock()
    offset = clock.now().utcoffset()
    assert offset is not None
    assert not offset
    first = clock.monotonic()
    assert clock.monotonic() >= first


def test_ids_are_fresh_uuid7() -> None:
    """A thousand ids of one instant differ."""
    ids = SystemIds(SystemClock())
    made = {ids.new() for _ in range(1000)}
    assert len(made) == 1000
    assert all(uuid.UUID(one).version == 7 for one in made)


def test_boot_clock_and_boot_id() -> None:
    """The clock runs; the id stays."""
    before = boottime()
    time.sleep(0.01)
    assert boottime() - before >= 0.009
    assert boot_id() == boot_id()
    assert boot_id().strip()


def test_a_process_is_known_to_have_ended_only_where_that_can_be_seen() -> None:
    """One that ran here and was reaped has; this one, one elsewhere and a name of another form have not."""
    done = subprocess.run(
        [sys.executable, "-c", "from gateway.system import process_name; print(process_name())"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    ended = done.stdout.strip()
    assert has_ended(ended)
    assert not has_ended(process_name())
    assert not has_ended(f"elsewhere{ended}")
    assert not has_ended("worker-1")
    assert not has_ended("")
