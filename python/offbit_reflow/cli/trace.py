"""``--events FILE``: every event of a run, a JSON object a line. The file is private: events tell what packets hold."""

from __future__ import annotations

import os
import stat
import sys
import threading
from typing import Self

from ..network import Network
from .exit import UsageError
from .outputs import Sink
from .streams import say

#: Events that may wait for the disk.
CAPACITY = 1 << 20


class Trace:
    """Writes the events of a network to a file while the block runs; without a file name it does nothing."""

    def __init__(self, network: Network, name: str | None) -> None:
        self._name = name
        self._network = network
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._name is None:
            return self
        try:
            sink = Sink("standard output", sys.stdout) if self._name == "-" else _private(self._name)
        except OSError as error:
            raise UsageError(f"--events {self._name}: {error.strerror}") from error
        self._events = self._network.events(capacity=CAPACITY)
        self._thread = threading.Thread(target=self._write, args=(sink,), name="reflow-trace", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._thread is not None:
            # The network is over by now, or is stopped here: either ends the iteration of its events.
            self._network.shutdown()
            self._thread.join()

    def _write(self, sink: Sink) -> None:
        try:
            for event in self._events:
                sink.write(event)
            sink.close()
        except OSError as error:
            say(f"reflow: --events {self._name}: {error.strerror}; later events are not written")


def _private(name: str) -> Sink:
    """Open a file that nobody else may read, also when it was there before."""
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    if stat.S_ISREG(os.fstat(descriptor).st_mode) and hasattr(os, "fchmod"):
        os.fchmod(descriptor, 0o600)
    return Sink(name, open(descriptor, "w", encoding="utf-8"))
