"""What a run shows while it runs: a live table on a terminal, the words of its actors elsewhere."""

from __future__ import annotations

import os
import shutil
import threading
from time import monotonic
from typing import Any, Self, TextIO

from ..exceptions import EventsClosed, NetworkError
from ..network import Network
from . import table

#: Time between two pictures, in seconds.
INTERVAL = 0.1


class Progress:
    """Shows the progress of a network while the block runs.

    On a terminal, a table of the nodes that is redrawn in place; elsewhere only what actors log.
    """

    def __init__(self, network: Network, out: TextIO) -> None:
        self._network = network
        self._out = out
        self._live = out.isatty() and os.environ.get("TERM") != "dumb"
        self._colour = "NO_COLOR" not in os.environ
        self._rates = table.Rates()
        self._drawn = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="reflow-progress", daemon=True)

    def __enter__(self) -> Self:
        self._events = self._network.events(types=["ActorLog", "ActorProgress"])
        self._texts: dict[str, str] = {}
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()
        self._drain(0.0)
        if self._live:
            self._draw()

    def _watch(self) -> None:
        while not self._over.is_set():
            self._drain(INTERVAL)
            if self._live and not self._over.is_set():
                self._draw()

    def _drain(self, seconds: float) -> None:
        """Show what actors say for so long; at least what they have said already."""
        end = monotonic() + seconds
        while True:
            left = max(0.001, end - monotonic())
            try:
                event = self._events.recv(timeout_ms=max(1, int(left * 1000)))
            except EventsClosed:
                self._over.wait(left)
                return
            if event is not None:
                self._tell(event)
            elif self._over.is_set() or monotonic() >= end:
                return

    def _tell(self, event: dict[str, Any]) -> None:
        node = event["actorId"]
        if event["_type"] == "ActorProgress":
            self._texts[node] = table.percent(event["fraction"], event["text"])
            return
        self._erase()
        print(f"{node}: {event['level']}: {event['data']}", file=self._out, flush=True)

    def _draw(self) -> None:
        try:
            stats = self._network.stats()
        except NetworkError:
            return  # it has not started
        size = shutil.get_terminal_size()
        lines = table.lines(
            stats,
            self._rates.update(stats, monotonic()),
            self._texts,
            width=size.columns - 1,
            height=max(3, size.lines - 2),
            colour=self._colour,
        )
        self._erase()
        self._out.write("".join(line + "\n" for line in lines))
        self._out.flush()
        self._drawn = len(lines)

    def _erase(self) -> None:
        if self._drawn:
            self._out.write(f"\x1b[{self._drawn}A\x1b[J")
            self._drawn = 0
