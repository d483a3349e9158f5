"""What a ring of the doorbell runs. RQ stores these import paths: this module and its functions never move.

The worker process calls `prepare` before each fork, so that a work-horse inherits compiled rules and no connection; the
horse then opens its own. Each job drains for a bounded time and may find nothing to do.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from gateway.bootstrap import Gateway, build
from gateway.config import Settings, environment
from gateway.doorbell import stop_requested
from gateway.errors import GatewayError, OtherReleaseError
from gateway.telemetry import configure

log = logging.getLogger(__name__)

DRAIN_SECONDS = 25.0
#: an empty step is looked at for so long before its job ends: under load that saves a fork
LINGER_SECONDS = 1.0
#: however long the polls took, what landed is looked at for so long
LOOK_SECONDS = 2.0
SWEEP_EVERY = 1.0

# RQ hands a job nothing but its name: the process's gateway has to be found from here
_process: list[Gateway] = []


def _gateway() -> Gateway:
    if not _process:
        settings = Settings.from_env(environment())
        configure(settings.log_level, settings.secrets())
        _process.append(build(settings, environment()))
    return _process[0]


def prepare() -> None:
    """Refresh the compiled rules in the worker's parent, then close every connection: the fork inherits none."""
    gateway = _gateway()
    try:
        gateway.site()
    except GatewayError as error:
        log.warning("the site cannot be loaded yet", extra={"why": str(error)})
    finally:
        gateway.close()


def prepare_apply() -> None:
    """Prepare a worker that applies: its children also share what the classifiers have loaded."""
    prepare()
    try:
        _gateway().warm()
    except GatewayError:
        pass  # prepare has said it
    finally:
        _gateway().close()


def apply() -> None:
    """Apply deliveries."""
    gateway = _gateway()
    _clear(gateway, "apply")
    _drain(
        gateway,
        lambda seconds: gateway.applier().drain(
            holder=gateway.holder, seconds=seconds, linger=LINGER_SECONDS, stop=stop_requested
        ),
    )


def deliver() -> None:
    """Deliver updates."""
    gateway = _gateway()
    _clear(gateway, "deliver")
    _drain(
        gateway,
        lambda seconds: gateway.deliverer().drain(
            holder=gateway.holder, seconds=seconds, linger=LINGER_SECONDS, stop=stop_requested
        ),
    )


def reconcile() -> None:
    """Bring files, ask about people, fetch rotas, poll what is due, ask who is there, and look at what landed."""
    gateway = _gateway()
    _clear(gateway, "reconcile")
    began = time.monotonic()
    gateway.bringer().bring_due(holder=gateway.holder, seconds=DRAIN_SECONDS)
    gateway.enricher().ask_due(holder=gateway.holder, seconds=DRAIN_SECONDS / 2)
    gateway.fetcher().fetch_due(holder=gateway.holder, seconds=DRAIN_SECONDS / 2)
    gateway.reconciler().poll_due(holder=gateway.holder, seconds=DRAIN_SECONDS)
    gateway.agent_reader().read_due(
        holder=gateway.holder, seconds=max(LOOK_SECONDS, DRAIN_SECONDS - (time.monotonic() - began))
    )
    gateway.looker().look_due(seconds=max(LOOK_SECONDS, DRAIN_SECONDS - (time.monotonic() - began)))


def _drain(gateway: Gateway, drain: Callable[[float], int]) -> None:
    """Drain for the time of a job; where another release became active meanwhile, go on with that one."""
    end = time.monotonic() + DRAIN_SECONDS
    while not stop_requested() and (left := end - time.monotonic()) > 0:
        try:
            drain(left)
        except OtherReleaseError:
            log.info("another release is active", extra={"release": gateway.renewed().release})
        else:
            return


def _clear(gateway: Gateway, step: str) -> None:
    """Take the coalescing flag away before looking: a ring from now on is a new one."""
    bell = gateway.rqbell()
    if bell is not None:
        bell.clear(step)


def sweep(stop: Callable[[], bool]) -> None:
    """Sweep until `stop` says so; a failure is told and does not end it."""
    gateway = _gateway()
    sweeper = gateway.sweeper()
    while not stop():
        began = time.monotonic()
        try:
            sweeper.sweep()
        except GatewayError as error:
            log.warning("the sweep failed and goes on", extra={"why": str(error)})
        while not stop() and time.monotonic() - began < SWEEP_EVERY:
            time.sleep(0.05)
