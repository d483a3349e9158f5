"""A supervisor in a process of its own, over processes that a test describes.

Arguments: the state folder and a JSON list of {name, script, order, grace, ready}; `ready` names a file to wait for.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from gateway.errors import GatewayError
from gateway.supervisor import Process, Supervisor
from gateway.system import SystemClock
from gateway.telemetry import configure


def described(spec: dict[str, Any], folder: Path) -> Process:
    """Make a process of its description."""
    ready = folder / spec["ready"] if "ready" in spec else None
    return Process(
        spec["name"],
        tuple(spec.get("argv") or (sys.executable, "-c", spec["script"], str(folder), spec["name"])),
        role="test",
        order=spec.get("order", 0),
        grace_seconds=spec.get("grace", 5.0),
        ready=ready.exists if ready is not None else None,
        ready_seconds=spec.get("ready_seconds", 10.0),
    )


def main(folder: Path, specs: list[dict[str, Any]]) -> int:
    """Run until told to stop."""
    configure("INFO")
    processes = [described(spec, folder) for spec in specs]
    up = folder / "up"
    supervisor = Supervisor(
        processes, folder, SystemClock(), facts={"address": "x"}, on_up=up.touch, stable_seconds=1.0
    )
    try:
        supervisor.run()
    except GatewayError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), json.loads(sys.argv[2])))
