"""The asyncio loop that async actors share: one thread, there while a running network has an async actor.

asyncio takes longer to import than the rest of the package, so it is imported when it is first needed.
"""

from __future__ import annotations

import inspect
import os
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

    from ._native import ActorCallContext

_lock = threading.Lock()
_users = 0
_loop: asyncio.AbstractEventLoop | None = None


def _forget() -> None:
    """Start afresh in a forked child: the thread of the loop stayed in the parent."""
    global _lock, _users, _loop
    _lock, _users, _loop = threading.Lock(), 0, None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def acquire() -> None:
    """Count one more user; the first one starts the loop's thread."""
    import asyncio

    global _users, _loop
    with _lock:
        _users += 1
        if _users > 1:
            return
        loop = asyncio.new_event_loop()
        _loop = loop
    ready = threading.Event()
    threading.Thread(target=_serve, args=(loop, ready), name="reflow-asyncio", daemon=True).start()
    ready.wait()


def release() -> None:
    """Count one user less; the loop's thread ends with the last one."""
    global _users, _loop
    with _lock:
        _users -= 1
        if _users > 0 or _loop is None:
            return
        loop, _loop = _loop, None
    loop.call_soon_threadsafe(loop.stop)


def _serve(loop: asyncio.AbstractEventLoop, ready: threading.Event) -> None:
    import asyncio

    asyncio.set_event_loop(loop)
    loop.call_soon(ready.set)
    try:
        while True:
            try:
                loop.run_forever()
                break
            except BaseException:  # SystemExit of a task that an actor made ends that task, not the loop
                continue
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks, timeout=1))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


async def _contained(coroutine: Coroutine[Any, Any, Any]) -> tuple[Any, BaseException | None]:
    """Give what a coroutine returned or raised; asyncio would end its loop on SystemExit and KeyboardInterrupt."""
    import asyncio

    try:
        return await coroutine, None
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        return None, error


def _start(coroutine: Coroutine[Any, Any, Any], context: ActorCallContext) -> Callable[[], None]:
    """Run a coroutine on the loop and tell the context how it ended; the answer cancels it."""
    import asyncio

    loop = _loop
    if loop is None:
        raise RuntimeError("the loop of async actors is not running")
    task: asyncio.Task[Any] | None = None
    cancelled = False

    def begin() -> None:
        nonlocal task
        if cancelled:
            coroutine.close()
        else:
            task = loop.create_task(_contained(coroutine))
            task.add_done_callback(finished)

    def finished(done: asyncio.Task[Any]) -> None:
        if done.cancelled():
            coroutine.close()  # it may not have begun
            context._conclude_async(None, asyncio.CancelledError("the tick was cancelled"))
            return
        context._conclude_async(*done.result())

    def stop() -> None:
        nonlocal cancelled
        cancelled = True
        if task is not None:
            task.cancel()

    def cancel() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop)

    loop.call_soon_threadsafe(begin)
    return cancel


def start_coroutine(coroutine: Coroutine[Any, Any, Any], context: ActorCallContext) -> Callable[[], None]:
    """Run an async `run` to its end."""
    return _start(coroutine, context)


def finish(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Run a coroutine on the loop and wait for its end."""
    import asyncio

    if _loop is not None:
        _, error = asyncio.run_coroutine_threadsafe(_contained(coroutine), _loop).result()
        if error is not None:
            raise error


def start_generator(generator: AsyncGenerator[Any, None], context: ActorCallContext) -> Callable[[], None]:
    """Run an async generator to its end and send what it yields, waiting for room."""

    async def drive() -> None:
        async for outputs in generator:
            if outputs is not None:
                await send_async(context, outputs)
        if not context.inputs:  # a source that has yielded everything has nothing more to say
            context.finish()
        if not context.resolved:
            context.done()

    return _start(drive(), context)


async def send_async(context: ActorCallContext, outputs: dict[str, Any]) -> None:
    """Send at once, waiting for room without holding the loop."""
    import asyncio

    if context._has_room(outputs):
        context.send(outputs)
    else:
        await asyncio.get_running_loop().run_in_executor(None, context.send, outputs)


def is_async(function: Callable[..., Any]) -> bool:
    """Tell whether calling it gives something to await."""
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


async def wake_up(poll: Callable[[Callable[[], Any]], Any]) -> Any:
    """Await a native poll function: it answers None as long as it has nothing, and calls back when it may have."""
    import asyncio

    loop = asyncio.get_running_loop()
    while True:
        ready: asyncio.Future[None] = loop.create_future()

        def resolve(ready: asyncio.Future[None] = ready) -> None:
            if not ready.done():
                ready.set_result(None)

        answer = poll(partial(loop.call_soon_threadsafe, resolve))
        if answer is not None and answer is not False:
            return answer
        await ready
