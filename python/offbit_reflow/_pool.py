"""The pool behind `asyncio.to_thread` in async actors."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from . import _native

if TYPE_CHECKING:
    from ._native import _Tick

#: How long a thread of the pool without work stays around, in seconds.
LINGER = 5.0


class Pool(ThreadPoolExecutor):
    """Daemon threads for work that blocks. They hold neither the end of a network nor that of the process.

    As many work at once as in asyncio's own pool; one that waits in the runtime, for room or for a stream, does not count.

    Parameters
    ----------
    current_tick : callable
        Gives the tick that the caller of `submit` works for, if there is one: its `run_number` is that of its run, and its
        `threads` counts those of its jobs that are at work.
    """

    def __init__(self, current_tick: Callable[[], _Tick | None]) -> None:
        super().__init__(max_workers=min(32, (os.cpu_count() or 1) + 4))
        self._current_tick = current_tick
        self._jobs: deque[tuple[Future[Any], _Tick | None, Callable[[], Any]]] = deque()
        self._changed = threading.Condition()
        self._threads_now = self._idle = self._waiting = 0
        self._closed = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run `fn` on a thread of the pool."""
        future: Future[Any] = Future()
        with self._changed:
            if self._closed:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._jobs.append((future, self._current_tick(), partial(fn, *args, **kwargs)))
            self._call_thread()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  # as its base
        """Take nothing more. What runs goes on; it is not waited for, whatever `wait` says."""
        with self._changed:
            self._closed = True
            left = list(self._jobs) if cancel_futures else []
            if cancel_futures:
                self._jobs.clear()
            self._changed.notify_all()
        for future, _, _ in left:
            future.cancel()

    def _call_thread(self) -> None:
        """Get a thread for the jobs that wait. Called with the lock."""
        if self._idle:
            self._changed.notify()
        if len(self._jobs) > self._idle and self._threads_now - self._waiting < self._max_workers:
            self._threads_now += 1
            threading.Thread(target=self._work, name="reflow-to-thread", daemon=True).start()

    def _tell(self, waits: bool) -> None:  # noqa: FBT001  # called by the native half
        """Note that a thread begins or ends to wait in the runtime."""
        with self._changed:
            self._waiting += 1 if waits else -1
            if waits:
                self._call_thread()

    def _work(self) -> None:
        _native._enter_pool(self._tell)
        while (job := self._next()) is not None:
            future, tick, call = job
            if not future.set_running_or_notify_cancel():
                continue
            _native._enter_run(0 if tick is None else tick.run_number)
            self._count(tick, 1)
            try:
                result = call()
            except BaseException as error:  # all of it belongs to whoever waits for the future
                future.set_exception(error)
            else:
                future.set_result(result)
            self._count(tick, -1)
            del future, tick, call, job

    def _count(self, tick: _Tick | None, more: int) -> None:
        if tick is not None:
            with self._changed:
                tick.threads += more

    def _next(self) -> tuple[Future[Any], _Tick | None, Callable[[], Any]] | None:
        with self._changed:
            while not self._jobs:
                self._idle += 1
                called = not self._closed and self._changed.wait(LINGER)
                self._idle -= 1
                if not called and not self._jobs:
                    self._threads_now -= 1
                    return None
            return self._jobs.popleft()
