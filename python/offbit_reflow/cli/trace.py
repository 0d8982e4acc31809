"""``--events FILE``: every event of a run, a JSON object a line."""

from __future__ import annotations

import json
import sys
import threading
from typing import IO, Self

from ..network import Network
from .exit import UsageError

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
            file = sys.stdout if self._name == "-" else open(self._name, "w", encoding="utf-8")  # closed by the thread
        except OSError as error:
            raise UsageError(f"--events {self._name}: {error.strerror}") from error
        self._events = self._network.events(capacity=CAPACITY)
        self._thread = threading.Thread(target=self._write, args=(file,), name="reflow-trace", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._thread is not None:
            # The network is over by now, or is stopped here: either ends the iteration of its events.
            self._network.shutdown()
            self._thread.join()

    def _write(self, file: IO[str]) -> None:
        try:
            for event in self._events:
                file.write(json.dumps(event, default=repr, ensure_ascii=False) + "\n")
        finally:
            if file is not sys.stdout:
                file.close()
