"""Notices code that holds the asyncio loop: everything else on it waits meanwhile."""

from __future__ import annotations

import selectors
import sys
import threading
import time
from time import perf_counter
from typing import TYPE_CHECKING, Any

from . import _native
from ._loop import LIMIT, tick_of

if TYPE_CHECKING:
    import asyncio

    from ._native import _Clock

#: How often the loop is looked at while it works.
LOOK = 0.05


def tell(tick: _native._Tick, begun: float, how_long: str) -> None:
    """Warn, once for each time that the loop is held."""
    if tick.told_until >= begun:
        tick.told_until = perf_counter()
        return
    tick.told_until = perf_counter()
    tick.log(
        f"this tick held the asyncio loop that all async actors share {how_long}; give work that blocks to a thread: "
        "`await asyncio.to_thread(...)`"
    )


def tell_step(tick: _native._Tick, taken: float) -> None:
    """Warn about a step that has just ended, and took so many seconds."""
    tell(tick, perf_counter() - taken, f"for {taken:.1f} s")


class Watch:
    """Looks at the loop from a thread of its own, for steps that do not come to an end. It sleeps while the loop does."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        #: Since when the loop has been at work without looking at its selector; None while it sleeps.
        self._since: float | None = None
        self._asleep = False
        self._is_closed = False
        #: What polls nodes on the loop, and leaves that to others while the loop is held.
        self.host: _native._LoopHost | None = None
        #: Whether the process is about to end.
        self._is_last = False
        self._wake = threading.Event()

    def new_loop(self, clock: _Clock | None = None) -> asyncio.AbstractEventLoop:
        """Make a loop that is watched, where loops have selectors. With `clock` it keeps the time of that."""
        import asyncio

        if clock is not None:
            from ._virtual import VirtualLoop

            return VirtualLoop(clock)
        if sys.platform == "win32":
            return asyncio.new_event_loop()
        self._loop = asyncio.SelectorEventLoop(_Selector(self))
        return self._loop

    def start(self) -> None:
        """Begin to look at the loop, if it can be watched."""
        if self._loop is not None:
            threading.Thread(target=self._look, name="reflow-watch", daemon=True).start()

    def close(self) -> None:
        """Stop looking."""
        self._is_closed = True
        self._wake.set()

    def rests(self) -> None:
        """Note that the loop has nothing to do."""
        self._since = None

    def works(self) -> None:
        """Note that the loop has something to do."""
        self._since = perf_counter()
        if self.host is not None:
            self.host.take_back()
        if self._is_last:
            self.rests()
            _native._keep_thread()
        if self._asleep:
            self._wake.set()

    def stop(self) -> None:
        """Stop the loop for good where it looks for events: the end of the interpreter must not cut off a native call."""
        self._is_last = True

    def held_for(self) -> float | None:
        """Give the time since the loop looked for events, in seconds; None while it waits for some."""
        since = self._since
        return None if since is None else perf_counter() - since

    def _look(self) -> None:
        seen: tuple[float, asyncio.Task[Any]] | None = None
        while not self._is_closed:
            if self._since is None:
                self._asleep = True
                if self._since is None:
                    self._wake.wait()
                self._asleep = False
                self._wake.clear()
            self._pause()
            since, task = self._since, self._current_task()
            if since is not None and self.host is not None and perf_counter() - since > LIMIT:
                self.host.give_away()
            if since is None or task is None:
                seen = None
            elif seen == (since, task) and perf_counter() - since > LIMIT:
                self._tell(task, since)
            else:
                seen = (since, task)

    def _pause(self) -> None:
        time.sleep(LOOK)

    def _current_task(self) -> asyncio.Task[Any] | None:
        import asyncio

        try:
            return asyncio.current_task(self._loop)
        except RuntimeError:  # it is just ending
            return None

    def _tell(self, task: asyncio.Task[Any], since: float) -> None:
        tick = tick_of(task)
        if tick is not None:
            tell(tick, since, f"for more than {LIMIT} s")


class _Selector(selectors.DefaultSelector):
    """Tells the watch when the loop waits."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def select(self, timeout: float | None = None) -> Any:
        """Wait for events."""
        self._watch.rests()
        try:
            return super().select(timeout)
        finally:
            self._watch.works()


__all__ = ["Watch", "tell"]
