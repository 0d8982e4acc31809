"""Notices code that holds the asyncio loop: everything else on it waits meanwhile."""

from __future__ import annotations

import selectors
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Generator
from time import perf_counter
from typing import TYPE_CHECKING, Any

from . import _native

if TYPE_CHECKING:
    import asyncio

    from ._loop import Tick
    from ._native import _Clock

#: How long one step may hold the loop, in seconds.
LIMIT = 0.1
#: How often the loop is looked at while it works.
LOOK = 0.05


class Watched:
    """An awaitable that runs a coroutine and measures its steps."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], tick: Tick) -> None:
        self._coroutine, self._tick = coroutine, tick

    def __await__(self) -> Generator[Any, Any, Any]:
        return self  # it has what `await` asks of a generator

    def __iter__(self) -> Watched:
        return self

    def __next__(self) -> Any:
        return self._step(self._coroutine.send, None)

    def send(self, value: Any) -> Any:
        """Go on."""
        return self._step(self._coroutine.send, value)

    def throw(self, *error: Any) -> Any:
        """Go on with an exception."""
        return self._step(self._coroutine.throw, *error)

    def close(self) -> None:
        """End the coroutine."""
        self._coroutine.close()

    def _step(self, go_on: Callable[..., Any], *arguments: Any) -> Any:
        begun = perf_counter()
        try:
            return go_on(*arguments)
        finally:
            taken = perf_counter() - begun
            if taken > LIMIT:
                _tell(self._tick, begun, f"for {taken:.1f} s")


def _tell(tick: Tick, begun: float, how_long: str) -> None:
    """Warn, once for each time that the loop is held."""
    if tick.told_until >= begun:
        tick.told_until = perf_counter()
        return
    tick.told_until = perf_counter()
    tick.log(
        f"this tick held the asyncio loop that all async actors share {how_long}; give work that blocks to a thread: "
        "`await asyncio.to_thread(...)`"
    )


class Watch:
    """Looks at the loop from a thread of its own, for steps that do not come to an end. It sleeps while the loop does."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        #: Since when the loop has been at work without looking at its selector; None while it sleeps.
        self._since: float | None = None
        self._asleep = False
        self._is_closed = False
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
        threading.Thread(target=self._look, name="reflow-watch", daemon=True).start()
        return self._loop

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
        from ._loop import current_tick, tick_of

        # Before 3.12 only the tasks of ticks themselves can be told apart.
        variables = getattr(task, "get_context", None)
        tick = tick_of(task) if variables is None else variables().get(current_tick)
        if tick is not None:
            _tell(tick, since, f"for more than {LIMIT} s")


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


__all__ = ["LIMIT", "Watch", "Watched"]
