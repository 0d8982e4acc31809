"""The asyncio loop that async actors share: one thread, there while a running network has an async actor.

asyncio takes longer to import than the rest of the package, so it is imported when it is first needed.
"""

from __future__ import annotations

import contextvars
import inspect
import os
import sys
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from . import _native
from ._waiting import deliver

if TYPE_CHECKING:
    import asyncio

    from ._native import ActorCallContext
    from ._watch import Watch

#: How long tasks that outlive their network get to end, in seconds.
STRAGGLERS = 1.0
#: How long one step may hold the loop, in seconds.
LIMIT = 0.1

_lock = threading.Lock()
_users = 0
_serving: Serving | None = None
#: The loops of runs with a virtual clock, by number of the run, and how many use them.
_virtual: dict[int, tuple[Serving, int]] = {}
_ending: list[Serving] = []

#: The tick that a task of the loop works for.
current_tick: contextvars.ContextVar[_native._Tick] = contextvars.ContextVar("offbit_reflow.tick")


def _forget() -> None:
    """Start afresh in a forked child: the thread of the loop stayed in the parent."""
    global _lock, _users, _serving
    _lock, _users, _serving = threading.Lock(), 0, None
    _ending.clear()
    _virtual.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def prepare() -> None:
    """Import what the loop needs, on the thread of whoever registers an async actor: a fork meets no import half done."""
    import asyncio  # noqa: F401

    from . import _pool, _watch  # noqa: F401


def acquire(context: ActorCallContext | None = None) -> int:
    """Count one more user; the first one starts the loop's thread.

    A run with a virtual clock has a loop of its own, which keeps its time. The answer is the number of the loop.
    """
    global _users, _serving
    clock = None if context is None else context._clock
    with _lock:
        if clock is not None and context is not None:
            number = context._run_number
            serving, users = _virtual.get(number) or (Serving(clock), 0)
            _virtual[number] = (serving, users + 1)
            return number
        if _serving is None:  # counted when it is there: a machine may give no more threads
            _serving = Serving()
        _users += 1
        return 0


def shared_ticks() -> _native._Ticks | None:
    """Give what has the ticks that are on the shared loop."""
    return None if _serving is None else _serving.ticks


def release(number: int = 0) -> None:
    """Count one user less; the loop's thread ends with the last one."""
    global _users, _serving
    with _lock:
        if number:
            serving, users = _virtual[number]
            if users > 1:
                _virtual[number] = (serving, users - 1)
                return
            del _virtual[number]
            _ending.append(serving)
            serving.end()
            return
        _users -= 1
        if _users > 0 or _serving is None:
            return
        serving, _serving = _serving, None
        _ending[:] = [ended for ended in _ending if ended.thread.is_alive()]
        _ending.append(serving)
    serving.end()


def stepping_threads() -> list[int]:
    """Give the threads of loops on which a coroutine takes a step: that is inside of native code."""
    servings = [*_ending, *(serving for serving, _ in _virtual.values()), *filter(None, [_serving])]
    return [
        serving.thread.ident for serving in servings if serving.ticks.is_stepping() and serving.thread.ident is not None
    ]


def join(timeout: float) -> None:
    """Wait for the ends of loops that have no users any more, then stop those that are left; for the end of the process.

    A loop that something holds for longer than the timeout is left to itself.
    """
    deadline = time.monotonic() + timeout
    for serving in list(_ending):
        serving.thread.join(max(0.0, deadline - time.monotonic()))
    left = [serving for serving in (*_ending, _serving) if serving is not None]
    for serving in left:
        serving.watch.stop()
    for serving in left:
        while serving.thread.is_alive():
            held = serving.watch.held_for()
            if held is None or held > timeout:
                break
            time.sleep(0.002)


class Serving:
    """A loop, its thread, and the ticks that are on it."""

    def __init__(self, clock: _native._Clock | None = None) -> None:
        import asyncio

        from ._pool import Pool
        from ._watch import Watch

        self.watch: Watch = Watch()
        self.loop: asyncio.AbstractEventLoop = self.watch.new_loop(clock)
        if sys.version_info < (3, 12):
            self.loop.set_task_factory(_make_task)
        self.loop.set_default_executor(Pool(_current_tick))
        #: What polls the nodes of the ticks on this thread: not in virtual time, where the loop says what time it is.
        self.host = _native._LoopHost.open() if clock is None else None
        if self.host is not None:
            self.watch.host = self.host
            self.loop.add_reader(self.host.fileno(), self.host.poll)
        self.ticks = _native._Ticks(self.loop, self.host, LIMIT, keeps_time=clock is not None)
        self._is_ending = False
        self.asyncio = asyncio
        ready = threading.Event()
        self.thread = threading.Thread(target=self._serve, args=(ready,), name="reflow-asyncio", daemon=True)
        try:
            self.watch.start()
            self.thread.start()
        except BaseException:  # the machine gives no more threads, or the interpreter is going
            self.watch.close()
            self.loop.close()
            raise
        ready.wait()

    def end(self) -> None:
        """Let the thread end, from any thread."""
        self._is_ending = True
        self.loop.call_soon_threadsafe(self.loop.stop)

    def _serve(self, ready: threading.Event) -> None:
        loop = self.loop
        _native._enter_loop()
        self.asyncio.set_event_loop(loop)
        loop.call_soon(ready.set)
        try:
            while True:
                try:
                    loop.run_forever()
                except BaseException:  # SystemExit of a task that an actor made ends that task, not the loop
                    continue
                if self._is_ending:  # and not by an actor that stopped a loop which it shares with others
                    break
            self._end()
        finally:
            self.watch.close()
            loop.close()

    def _end(self) -> None:
        loop, tasks = self.loop, self.asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(self.asyncio.wait(tasks, timeout=STRAGGLERS))
        for task in self.asyncio.all_tasks(loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # it was told to end and would not
        loop.run_until_complete(loop.shutdown_asyncgens())
        executor = loop._default_executor  # type: ignore[attr-defined]  # what was never used needs no thread to end it
        if executor is not None:
            try:
                loop.run_until_complete(loop.shutdown_default_executor())
            except RuntimeError:  # the interpreter is going, and from 3.12 on starts no thread to wait with
                executor.shutdown(wait=False, cancel_futures=True)
        self.ticks.drop()


def _current_tick() -> _native._Tick | None:
    return current_tick.get(None)


def tick_of(task: asyncio.Task[Any]) -> _native._Tick | None:
    """Give the tick that a task works for."""
    if sys.version_info >= (3, 12):
        return task.get_context().get(current_tick)
    coroutine = task.get_coro()
    tick = coroutine if isinstance(coroutine, _native._Tick) else getattr(task, _TICK, None)
    return tick if isinstance(tick, _native._Tick) else None


#: Where a task of Python 3.11, which does not tell its context, has the tick that made it.
_TICK = "_offbit_reflow_tick"


def _make_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Future[Any]:
    """Make a task that knows the tick which made it, for Python 3.11."""
    import asyncio

    task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **options)
    setattr(task, _TICK, current_tick.get(None))
    return task


async def _contained(awaitable: Awaitable[Any]) -> tuple[Any, BaseException | None]:
    """Give what an awaitable returned or raised; asyncio would end its loop on SystemExit and KeyboardInterrupt."""
    import asyncio

    try:
        return await awaitable, None
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        return None, _of_the_actor(error)


def _of_the_actor(error: BaseException) -> BaseException:
    """Leave the frames of this package out of the beginning of a traceback."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_globals.get("__package__") == __package__:
        traceback = traceback.tb_next
    return error if traceback is None else error.with_traceback(traceback)


async def _wait(awaitable: Awaitable[Any], _context: ActorCallContext) -> Any:
    """Wait for anything that can be awaited."""
    return await awaitable


async def _drive(generator: AsyncGenerator[Any, None], context: ActorCallContext) -> dict[str, Any] | None:
    """Run an async generator to its end and send what it yields, waiting for room."""
    async with aclosing(generator):
        async for outputs in generator:
            if outputs is not None:
                await deliver(context, outputs, yielded=True)
            del outputs  # packets are their receivers' alone while the generator goes on
    if not context.inputs:  # a source that has yielded everything has nothing more to say
        context.finish()
    if context.resolved:
        return None
    if context._deferred:
        context.done()
        return None
    return {}


#: What runs as a task, by what `run` returned.
_COROUTINES: dict[str, Callable[[Any, ActorCallContext], Coroutine[Any, Any, Any]]] = {
    "coroutine": lambda coroutine, _context: coroutine,
    "generator": _drive,
    "awaitable": _wait,
}


def start(
    kind: str,
    awaitable: Any,
    context: ActorCallContext,
    ended: Callable[[], None] | None = None,
    here: bool = False,  # noqa: FBT001, FBT002  # calls from native code name nothing
) -> Callable[[], bool] | None:
    """Run what an async `run` returned on the loop, and tell the context how it ended; the answer cancels it.

    `here` says that this is the thread of the loop, outside of its tasks: its first step is taken, and the answer is None if it
    has ended with that.
    """
    coroutine = _COROUTINES[kind](awaitable, context)
    own = _virtual.get(context._run_number) if _virtual else None
    serving = _serving if own is None else own[0]
    if serving is None:
        coroutine.close()
        raise RuntimeError("the loop of async actors is not running")
    return serving.ticks.start(coroutine, context, ended, here)


def start_alone(kind: str, awaitable: Any, context: ActorCallContext) -> Callable[[], bool] | None:
    """Start it for a node that is no user of the loop."""
    number = acquire(context)
    try:
        return start(kind, awaitable, context, lambda: release(number))
    except BaseException:
        release(number)
        raise


def finish(awaitable: Awaitable[Any], number: int = 0) -> None:
    """Run something awaitable on the loop of that number and wait for its end."""
    import asyncio

    serving = _virtual[number][0] if number else _serving
    if serving is not None:
        _, error = asyncio.run_coroutine_threadsafe(_contained(awaitable), serving.loop).result()
        if error is not None:
            raise error


def is_async(function: Any) -> bool:
    """Tell whether calling it gives something to await: a coroutine function or an async generator, however it is wrapped."""
    return _is(function, inspect.iscoroutinefunction, inspect.isasyncgenfunction)


def is_coroutine(function: Any) -> bool:
    """Tell whether it is a coroutine function or an async generator itself: nothing of it has run when the call returns."""
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def is_generator(function: Any) -> bool:
    """Tell whether calling it gives a generator, async or not."""
    return _is(function, inspect.isgeneratorfunction, inspect.isasyncgenfunction)


def _is(function: Any, *questions: Callable[[Any], bool]) -> bool:
    """Ask about a function, what it wraps, and what a callable object calls."""
    import functools

    seen: list[Any] = []
    while function is not None and not any(function is known for known in seen):
        seen.append(function)
        if any(question(function) for question in questions):
            return True
        if isinstance(function, functools.partial | functools.partialmethod):
            function = function.func
        elif isinstance(function, staticmethod | classmethod):
            function = function.__func__
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif not inspect.isroutine(function) and not inspect.isclass(function):
            function = getattr(type(function), "__call__", None)  # noqa: B004  # what it is, not whether
        else:
            function = None
    return False
