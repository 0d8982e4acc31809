"""What actors log and how they fail, in Python's `logging`: the logger of a node is ``offbit_reflow.<node>``.

For those who write structured logs, records have the attributes ``node``, and ``data`` (what `ctx.log` said) or ``reason``.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ._kinds import Key, Kinds

if TYPE_CHECKING:
    import logging

    from ._native import EventStream

#: The events that become log records.
TYPES = ["ActorLog", "ActorFailed"]

_LEVELS = {
    "trace": 5,
    "debug": 10,
    "info": 20,
    "notice": 20,
    "warning": 30,
    "warn": 30,
    "error": 40,
    "err": 40,
    "critical": 50,
    "fatal": 50,
    "panic": 50,
}
#: A level that is none is seen rather than lost.
_UNKNOWN = _LEVELS["warning"]


class Logs:
    """Brings the logs and failures of a network to `logging`, one run after the other.

    Failures of one kind (see `Kinds`) are told once with their traceback, then at each power of ten, and once more with
    their number when the run has ended.
    """

    def __init__(self, stream: EventStream) -> None:
        self._stream = stream
        self._lock = threading.RLock()
        self._ended = True
        #: One object, so that it is called back once however often it has asked.
        self._wake = self.drain
        self._kinds = Kinds()
        self._counts: dict[Key, int] = {}
        self._told: dict[Key, int] = {}

    def begin(self) -> None:
        """Tell what a run says that has just begun."""
        with self._lock:
            self._ended = False
            self.drain()

    def drain(self) -> None:
        """Tell what there is to tell, and be called back when there is more."""
        with self._lock:
            while not self._ended:
                answer = self._stream._poll_told(self._wake)
                if answer is None:
                    return
                if not answer:
                    self._ended = True
                    self._close()
                for event in answer:
                    self._tell(event)

    def _tell(self, event: tuple[str, str | None, Any, str | None, str | None, bool | None]) -> None:
        node, level, said, reason, traceback, will_retry = event
        logger = _logger(node)
        where = {"node": node, "reason": reason}
        if level is not None:
            number = _LEVELS.get(level.strip().lower())
            if number is None:
                said = f"{said} (with the level {level!r}, which is none)"
            logger.log(_UNKNOWN if number is None else number, "%s: %s", node, said, extra={"node": node, "data": said})
        elif will_retry:
            logger.info("node `%s` failed and is tried again: %s", node, said, extra=where)
        else:
            kind = self._kinds.of(node, reason or "", str(said))
            count = self._counts[kind] = self._counts.get(kind, 0) + 1
            if count == 1:
                details = f"\n{traceback.rstrip()}" if traceback else ""
                self._told[kind] = 1
                logger.error("node `%s` failed: %s%s", node, said, details, extra=where)
            elif str(count).strip("0") == "1":
                self._told[kind] = count
                logger.error("node `%s` has failed %s times: %s", node, f"{count:,}", said, extra=where)

    def _close(self) -> None:
        for kind, count in self._counts.items():
            if count > self._told.get(kind, 0):
                node, reason, _ = kind
                _logger(node).error(
                    "node `%s` failed %s times in all: %s",
                    node,
                    f"{count:,}",
                    reason,
                    extra={"node": node, "reason": reason},
                )
        self._kinds, self._counts, self._told = Kinds(), {}, {}


def _logger(node: str) -> logging.Logger:
    import logging  # not before there is something to tell

    return logging.getLogger(f"offbit_reflow.{node}")
