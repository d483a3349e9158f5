"""gunicorn as the web process: threads, our log format, and nothing that it would do on its own account."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

#: Longer than any request of ours: a worker that is silent for so long hangs, and is killed.
_SILENT_SECONDS = 60
#: Within the 25 s that the supervisor grants.
_GRACEFUL_SECONDS = 20
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a heartbeat file that must not be on a disk


class _Log(Logger):  # type: ignore[misc]
    """Hands gunicorn's records to the log of the process instead of formatting them its own way."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True
        self.error_log.setLevel(logging.WARNING)


class Web(BaseApplication):  # type: ignore[misc]
    """The web process: `make_app` is called once in each worker."""

    def __init__(self, make_app: Callable[[], Any], bind: str, *, workers: int, threads: int) -> None:
        self._make_app = make_app
        self._settings = {
            "bind": bind,
            "workers": workers,
            "worker_class": "gthread",
            "threads": threads,
            "timeout": _SILENT_SECONDS,
            "graceful_timeout": _GRACEFUL_SECONDS,
            "keepalive": 5,
            "accesslog": None,
            "logger_class": _Log,
            "worker_tmp_dir": str(_SHARED_MEMORY) if sys.platform == "linux" and _SHARED_MEMORY.is_dir() else None,
            "control_socket_disable": True,
        }
        super().__init__()

    def load_config(self) -> None:
        """Take our settings, and none from files or the environment."""
        for name, value in self._settings.items():
            if name in self.cfg.settings:  # an older gunicorn has no control socket to disable
                self.cfg.set(name, value)

    def load(self) -> Any:
        """Make the application."""
        return self._make_app()
