"""The end of the process while networks run: they are stopped, and ticks that will not end are not waited for for ever."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from . import _loop, _native
from .exceptions import NetworkError

if TYPE_CHECKING:
    from .network import Network

#: How long running ticks get to end, in seconds.
GRACE = 1.0
#: How long they get after they were interrupted.
INTERRUPTED_GRACE = 2.0


#: The same, after somebody has waited for them already.
WAITED_GRACE = 0.0
WAITED_INTERRUPTED_GRACE = 0.3
#: How long loops of async actors get to close, in seconds.
LOOP_GRACE = 1.0


_has_waited = False


def has_waited() -> None:
    """Say that whoever ran the networks has waited for their ticks, for as long as was asked."""
    global _has_waited
    _has_waited = True


def stop_all(networks: list[Network]) -> None:
    """Stop networks at interpreter exit."""
    try:
        _stop(networks)
        _loop.join(LOOP_GRACE)
    finally:
        # Threads that wait in native code for something else must not come back when the interpreter is going.
        _native._keep_waiting_threads()


def _stop(networks: list[Network]) -> None:
    for network in networks:
        network._abandon()
    if _all_stopped(networks, WAITED_GRACE if _has_waited else GRACE):
        return
    _interrupt()
    if _all_stopped(networks, WAITED_INTERRUPTED_GRACE if _has_waited else INTERRUPTED_GRACE):
        return
    names = ", ".join(sorted({name for network in networks for name in _unfinished(network)}))
    # What is left sleeps inside C code; the process ends without it.
    who = (
        f"these nodes did not stop before the interpreter ended: {names}"
        if names
        else "a tick goes on without its network"
    )
    print(f"offbit_reflow: {who}", file=sys.stderr)


def _unfinished(network: Network) -> list[str]:
    try:
        return network._run.unfinished()
    except NetworkError:
        return []  # nothing was started, or by the parent of this process


def _all_stopped(networks: list[Network], grace: float) -> bool:
    deadline = time.monotonic() + grace
    left = [network._shutdown(max(0.0, deadline - time.monotonic())) for network in networks]
    # Networks that were dropped while they ran have no handle any more, but maybe a tick that goes on.
    while _native._busy_workers() and time.monotonic() < deadline:
        time.sleep(0.005)
    return not any(left) and not _native._busy_workers()


def _interrupt() -> None:
    """Raise SystemExit in the threads that run actors inside of native code."""
    import ctypes

    for thread in [*_native._worker_threads(), *_loop.stepping_threads()]:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(SystemExit))
