"""The end of the process while networks run: they are stopped, and ticks that will not end are not waited for for ever."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .network import Network

#: How long running ticks get to end, in seconds.
GRACE = 1.0
#: How long they get after they were interrupted.
INTERRUPTED_GRACE = 2.0


def stop_all(networks: list[Network]) -> None:
    """Stop networks at interpreter exit."""
    for network in networks:
        network._abandon()
    stuck = _wait(networks, GRACE)
    if not stuck:
        return
    _interrupt()
    stuck = _wait(networks, INTERRUPTED_GRACE)
    if not stuck:
        return
    names = ", ".join(sorted({name for network in stuck for name in network._unfinished()}))
    print(f"offbit_reflow: these nodes did not stop before the interpreter ended: {names}", file=sys.stderr)
    # Threads inside Python code cannot outlive the interpreter; ending the process is all that is left.
    failed = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1 if failed else 0)


def _wait(networks: list[Network], grace: float) -> list[Network]:
    deadline = time.monotonic() + grace
    stuck = []
    for network in networks:
        if network._shutdown(max(0.0, deadline - time.monotonic())):
            stuck.append(network)
    return stuck


def _interrupt() -> None:
    """Raise SystemExit in the threads of the Python host."""
    import ctypes

    from . import _native

    for thread in _native._worker_threads():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(SystemExit))
