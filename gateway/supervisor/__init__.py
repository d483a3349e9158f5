"""Keeps the processes of one site running: started in order, restarted when they die, stopped in reverse, no orphans.

`child.py` is one process, `loop.py` the supervisor over all of them, `state.py` what it leaves in the state folder: the
lock against a second supervisor and the file that `gateway status` and the console read.
"""

from __future__ import annotations

from gateway.supervisor.child import Phase, Process
from gateway.supervisor.loop import Supervisor
from gateway.supervisor.state import ProcessStatus, SiteLock, SiteStatus, read_status

__all__ = ["Phase", "Process", "ProcessStatus", "SiteLock", "SiteStatus", "Supervisor", "read_status"]
