"""What a run shows while it runs: a live table on a terminal, and everywhere what its actors say and how they fail."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
from time import monotonic
from typing import Any, Self, TextIO

from .._printable import printable
from ..exceptions import EventsClosed, NetworkError
from ..network import Network
from . import table
from .report import Style
from .screen import Screen
from .streams import say

#: Time between two pictures, in seconds.
INTERVAL = 0.1

_ROOT = "offbit_reflow"


class Progress:
    """Shows the progress of a network while the block runs.

    On a terminal, a table of the nodes that is redrawn in place; elsewhere only the words of actors.
    """

    def __init__(self, network: Network, out: TextIO, style: Style | None = None) -> None:
        style = style or Style()
        self._network = network
        self._out = out
        self._live = not (style.quiet or style.json) and out.isatty() and os.environ.get("TERM") != "dumb"
        self._colour = "NO_COLOR" not in os.environ
        self._screen = Screen(out)
        self._rates = table.Rates()
        self._texts: dict[str, str] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="reflow-progress", daemon=True)
        self._words = _Words(out, style)

    def __enter__(self) -> Self:
        self._events = self._network.events(types=["ActorProgress"])
        if self._live:
            self._screen.__enter__()
        self._words.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()
        self._drain(0.0)
        self._words.__exit__()
        if self._live:
            self._draw()
            self._screen.__exit__()

    def _watch(self) -> None:
        while not self._over.is_set():
            self._drain(INTERVAL)
            if self._live and not self._over.is_set():
                self._draw()

    def _drain(self, seconds: float) -> None:
        """Note what actors say of their progress for so long; at least what they have said already."""
        end = monotonic() + seconds
        while True:
            left = max(0.001, end - monotonic())
            try:
                event = self._events.recv(timeout_ms=max(1, int(left * 1000)))
            except EventsClosed:
                self._over.wait(left)
                return
            if event is not None and event["_type"] == "ActorProgress":
                self._texts[event["actorId"]] = table.percent(event["fraction"], event["text"])
            elif event is None and (self._over.is_set() or monotonic() >= end):
                return

    def _draw(self) -> None:
        try:
            stats = self._network.stats()
        except NetworkError:
            return  # it has not started
        size = shutil.get_terminal_size()
        self._screen.draw(
            table.lines(
                stats,
                self._rates.update(stats, monotonic()),
                self._texts,
                width=size.columns - 1,
                height=max(3, size.lines - 2),
                colour=self._colour,
            )
        )


class _Words(logging.Handler):
    """Writes what actors log, and how they fail, while the block runs; without tracebacks, which the summary has."""

    def __init__(self, out: TextIO, style: Style) -> None:
        super().__init__(style.level.upper())
        self._out = out
        self._style = style
        self._logger = logging.getLogger(_ROOT)

    def emit(self, record: logging.LogRecord) -> None:
        node = getattr(record, "node", record.name.removeprefix(f"{_ROOT}."))
        if self._style.json:
            self._style.write("log", level=record.levelname.lower(), **structured(record, node))
            return
        words = record.getMessage().split("\n")[0]
        say(printable(f"{node}: {record.levelname.lower()}: {words.removeprefix(f'{node}: ')}"), self._out)

    def __enter__(self) -> Self:
        self._before = (self._logger.level, self._logger.propagate)
        self._logger.setLevel(logging.DEBUG)
        # Handlers that an actors module has set up get their share, unless that is this terminal again.
        self._logger.propagate = any(not _is_console(handler) for handler in logging.getLogger().handlers)
        self._logger.addHandler(self)
        return self

    def __exit__(self, *exc: object) -> None:
        self._logger.removeHandler(self)
        level, self._logger.propagate = self._before
        self._logger.setLevel(level)  # which forgets what was enabled


def structured(record: logging.LogRecord, node: str) -> dict[str, Any]:
    """Give what a record says as data."""
    message, _, details = record.getMessage().partition("\n")
    members: dict[str, Any] = {"node": node, "logger": record.name, "message": message.removeprefix(f"{node}: ")}
    for key in ("data", "reason"):
        if getattr(record, key, None) is not None:
            members[key] = getattr(record, key)
    if details:
        members["traceback"] = details
    return members


def _is_console(handler: logging.Handler) -> bool:
    return isinstance(handler, logging.StreamHandler) and handler.stream in (sys.stdout, sys.stderr)
