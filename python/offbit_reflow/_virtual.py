"""An asyncio loop that keeps the time of a virtual clock, for the actors of a run that has one."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from contextvars import Context
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._native import _Clock


class VirtualLoop(asyncio.SelectorEventLoop):
    """Holds the clock while it has something to do, and lets it go on while it waits."""

    def __init__(self, clock: _Clock) -> None:
        self._clock = clock
        self._rests = False
        clock.enter()
        super().__init__(_Selector(self))

    def time(self) -> float:
        """Give the time of the clock."""
        return self._clock.time()

    def call_soon_threadsafe(  # type: ignore[override]  # its arguments are whatever the callback takes
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Call it soon; the clock stands still until that is done."""
        self._clock.enter()
        try:
            return super().call_soon_threadsafe(self._call, callback, args, context=context)
        except BaseException:  # the loop is closed
            self._clock.leave()
            raise

    def _call(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        try:
            callback(*args)
        finally:
            self._clock.leave()

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]  # as above
        """Run it in a thread; the clock stands still meanwhile."""
        self._clock.enter()
        try:
            future = super().run_in_executor(executor, func, *args)
        except BaseException:
            self._clock.leave()
            raise
        future.add_done_callback(lambda _: self._clock.leave())
        return future

    def rests(self, *, rests: bool) -> None:
        """Note that there is nothing to do, or that there is something again."""
        if self._rests != rests:
            self._rests = rests
            if rests:
                self._clock.leave()
            else:
                self._clock.enter()

    def close(self) -> None:
        """Close it; the clock is free."""
        if not self.is_closed():
            super().close()
            self.rests(rests=True)

    def ring(self) -> None:
        """Look at what is due."""
        if not self.is_closed():
            self.call_soon_threadsafe(int)


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        """Wait for events, and for the clock."""
        loop = self._loop
        if timeout is not None and timeout <= 0:
            return super().select(0)
        until = None if timeout is None else loop._clock.time() + timeout
        alarm = None if until is None else loop._clock.at(until, loop.ring)
        loop.rests(rests=True)
        try:
            return super().select(None)
        finally:
            loop.rests(rests=False)
            if alarm is not None:
                alarm.cancel()
