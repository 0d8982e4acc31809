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
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextlib import aclosing
from time import perf_counter
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
current_tick: contextvars.ContextVar[Tick] = contextvars.ContextVar("offbit_reflow.tick")


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


def host() -> _native._LoopHost | None:
    """Give what polls the nodes of async actors on the shared loop, if it can."""
    return None if _serving is None else _serving.host


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


def polling_threads() -> list[int]:
    """Give the threads of loops on which a coroutine takes its first step, inside of native code."""
    servings = [serving for serving in (*_ending, _serving) if serving is not None]
    return [
        serving.thread.ident
        for serving in servings
        if serving.host is not None and serving.host.is_polling() and serving.thread.ident is not None
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
        self.loop.set_default_executor(Pool(_current_run))
        #: What polls the nodes of the ticks on this thread: not in virtual time, where the loop says what time it is.
        self.host = _native._LoopHost.open() if clock is None else None
        if self.host is not None:
            self.watch.host = self.host
            self.loop.add_reader(self.host.fileno(), self.host.poll)
        self.ticks: set[Tick] = set()
        self.keeps_time = clock is not None
        #: Ticks that are to begin, and whether the loop was told.
        self._beginning: deque[Tick] = deque()
        self._is_told = False
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

    def begin(self, tick: Tick) -> None:
        """Let a tick begin, from any thread. The loop is woken once for all that come meanwhile."""
        self._beginning.append(tick)
        if not self._is_told:
            self._is_told = True
            self.loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        self._is_told = False
        self.begin_waiting()

    def begin_waiting(self) -> None:
        """Let the ticks begin that wait for it, on the loop and outside of its tasks."""
        while self._beginning:
            self._beginning.popleft().begin()

    def step_task(
        self, coroutine: Coroutine[Any, Any, Any], *, name: str, context: contextvars.Context | None
    ) -> asyncio.Task[Any]:
        """Make a task that has taken its first step, on the loop and outside of its tasks."""
        if sys.version_info >= (3, 12):
            return self.asyncio.Task(coroutine, loop=self.loop, name=name, context=context, eager_start=True)
        # Python 3.11 knows no eager tasks. What it has just put at the end of this loop's queue is the first step.
        task = self.asyncio.Task(coroutine, loop=self.loop, name=name, context=context)
        queue = self.loop._ready  # type: ignore[attr-defined]  # of every loop of 3.11, which changes no more
        step = queue.pop()
        if getattr(step._callback, "__self__", None) is task:
            step._run()
        else:  # a loop in debug mode, say, that somebody has changed
            queue.append(step)
        return task

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
        for tick in list(self.ticks):
            tick.drop()


def _current_run() -> int:
    tick = current_tick.get(None)
    return 0 if tick is None else tick.run_number


class Tick(Coroutine[Any, Any, Any]):
    """A tick of an async actor, from its start to its end, which its node is told exactly once.

    It is what its task runs: the coroutine of the actor, whose steps it measures and whose exception it keeps, because asyncio
    would end its loop on SystemExit and KeyboardInterrupt.
    """

    __slots__ = (
        "_coroutine",
        "_doomed",
        "_ended",
        "_error",
        "_is_cancelled",
        "_serving",
        "_variables",
        "context",
        "node_id",
        "run_number",
        "task",
        "told_until",
    )

    def __init__(
        self,
        serving: Serving,
        coroutine: Coroutine[Any, Any, Any],
        context: ActorCallContext,
        ended: Callable[[], None] | None = None,
    ) -> None:
        self.node_id, self.run_number = context.node_id, context._run_number
        self.context: ActorCallContext | None = context
        self._serving, self._coroutine, self._ended = serving, coroutine, ended
        self.task: asyncio.Task[Any] | None = None
        self._error: BaseException | None = None
        self._is_cancelled = False
        #: Who waits for the cancellation.
        self._doomed: list[asyncio.Future[None]] | None = None
        #: Until when it was told that the tick holds the loop.
        self.told_until = 0.0
        variables = contextvars.copy_context()
        variables.run(current_tick.set, self)
        self._variables: contextvars.Context | None = variables
        serving.ticks.add(self)

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()

    def __iter__(self) -> Tick:
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

    def __getattr__(self, name: str) -> Any:
        """Show the frame of the coroutine, and its name, to whoever looks at the task."""
        return getattr(self._coroutine, name)

    def _step(self, go_on: Callable[..., Any], *arguments: Any) -> Any:
        begun = perf_counter()
        try:
            return go_on(*arguments)
        except StopIteration:
            raise
        except BaseException as error:
            if isinstance(error, self._serving.asyncio.CancelledError):
                raise
            self._error = _of_the_actor(error)
        finally:
            taken = perf_counter() - begun
            if taken > LIMIT:
                from ._watch import tell

                tell(self, begun, f"for {taken:.1f} s")
        raise StopIteration

    def cancel(self) -> bool:
        """Cancel it, from any thread; whether it has yet to end."""
        try:
            self._serving.loop.call_soon_threadsafe(self._cancel)
        except RuntimeError:  # the loop was closed, and the tick dropped
            return False
        return True

    async def cancellation(self) -> None:
        """Wait until it was cancelled, on the loop."""
        if not self._is_cancelled:
            doomed = self._serving.loop.create_future()
            self._doomed = [*(self._doomed or ()), doomed]
            await doomed

    def log(self, text: str) -> None:
        """Warn about the node of the tick."""
        context = self.context
        if context is not None:
            context.log(text, level="warning")

    def drop(self) -> None:
        """End it without the loop."""
        if self.task is None:
            self._coroutine.close()
        self._conclude(None, self._serving.asyncio.CancelledError("the loop of async actors has ended"))

    def begin_soon(self, context: ActorCallContext) -> None:
        """Start its task, from any thread."""
        self._serving.begin(self)
        if self._serving.keeps_time:
            context._hand_to_loop()

    def begin(self) -> bool:
        """Start its task, on the loop and outside of its tasks, and in real time take its first step; whether it has ended."""
        if self._is_cancelled:
            self._coroutine.close()
            self._conclude(None, self._serving.asyncio.CancelledError("the tick was cancelled before it began"))
            return True
        make = self._serving.loop.create_task if self._serving.keeps_time else self._serving.step_task
        self.task = task = make(self, name=self.node_id, context=self._variables)
        if task.done():
            self._finish(task)
            return True
        task.add_done_callback(self._finish)
        return False

    def _cancel(self) -> None:
        self._is_cancelled = True
        if self.task is not None:
            self.task.cancel()
        for doomed in self._doomed or ():
            if not doomed.done():
                doomed.set_result(None)

    def _finish(self, task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            self._coroutine.close()  # it may not have begun
            self._conclude(None, self._serving.asyncio.CancelledError("the tick was cancelled"))
        else:
            self._conclude(task.result(), self._error)

    def _conclude(self, result: Any, error: BaseException | None) -> None:
        context, self.context = self.context, None
        # The task holds what the tick gave, and its variables hold the tick: without this a circle would keep every packet.
        self.task = self._variables = self._error = None
        self._serving.ticks.discard(self)
        if context is not None:
            host = self._serving.host
            if host is None:
                context._conclude_async(result, error)
            else:
                host.conclude(context, result, error)
            if self._ended is not None:
                self._ended()


def tick_of(task: asyncio.Task[Any]) -> Tick | None:
    """Give the tick that a task works for. Before Python 3.12, tasks that a tick has made cannot be told apart."""
    if sys.version_info >= (3, 12):
        return task.get_context().get(current_tick)
    coroutine = task.get_coro()
    return coroutine if isinstance(coroutine, Tick) else None


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
    tick = Tick(serving, coroutine, context, ended)
    if not here:
        tick.begin_soon(context)
        return tick.cancel
    serving.begin_waiting()  # those that were there before
    return None if tick.begin() else tick.cancel


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
