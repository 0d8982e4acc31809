"""What comes from outside into a run: single messages, and iterators, each read in a thread of its own."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator
from itertools import islice
from time import monotonic
from typing import Any

from . import _native
from .exceptions import RunTimeout

#: How often the caller looks at the iterators while they are read, in seconds.
STEP = 0.05


class Feed:
    """Sends what comes from outside, and closes the inputs after it.

    Iterators may block or never end: they are not waited for beyond the end of the run, and one whose node has ended is
    read no further. What an iterator raises is raised by `wait`.
    """

    def __init__(self, run: _native.Run, inputs: list[tuple[str, str, Any]]) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._stopped = False
        self._error: BaseException | None = None
        ports: dict[tuple[str, str], list[Any]] = {}
        for node, port, value in inputs:
            ports.setdefault((node, port), []).append(value)
        iterators = {}
        for (node, port), values in ports.items():
            # What earlier processes have taken is not taken twice.
            known = run.known_inputs(node, port)
            if len(values) == 1 and not isinstance(values[0], Iterator):
                if known:
                    continue
                run.feed(node, port, values[0])  # the first packet of a port always finds room
            else:
                iterators[node, port] = islice(_in_order(values), known, None)
        self._left = len(iterators)
        if not iterators:
            run.close_inputs()
        for (node, port), iterator in iterators.items():
            context = contextvars.copy_context()
            threading.Thread(
                target=context.run,
                args=(self._read, node, port, iterator),
                name=f"reflow-input-{node}.{port}",
                daemon=True,
            ).start()

    def _read(self, node: str, port: str, iterator: Iterator[Any]) -> None:
        try:
            for value in iterator:
                if self._stopped or not self._run.feed(node, port, value):
                    break
                del value  # it is the network's alone while the iterator goes on
        except BaseException as error:  # it is raised where the run was asked for
            with self._lock:
                self._error = self._error or error
            return
        with self._lock:
            self._left -= 1
            last = self._left == 0
        if last:
            self._run.close_inputs()

    def wait(self, timeout: float | None) -> None:
        """Wait until the run has ended, or is idle after its inputs were closed.

        Raises
        ------
        RunTimeout
            When `timeout` seconds have passed.
        """
        end = None if timeout is None else monotonic() + timeout
        while True:
            left = None if end is None else max(0.0, end - monotonic())
            reading = self._left > 0
            step = left if not reading else STEP if left is None else min(STEP, left)
            ended = self._run.wait(step, idle=not reading)
            if self._error is not None:
                raise self._error
            if ended:
                return
            if left is not None and left <= 0:
                raise RunTimeout(f"the run took longer than its limit of {timeout} s; it was stopped")

    def stop(self) -> None:
        """Read no further."""
        self._stopped = True


def _in_order(values: list[Any]) -> Iterator[Any]:
    """Read what comes to one port under several names, one after the other."""
    for value in values:
        if isinstance(value, Iterator):
            yield from value
        else:
            yield value
