"""How asyncio tasks wait for something native: they poll it, and it calls their loop back.

Every native object that can be waited for has ``_poll(wake)``, which answers None when there is nothing yet and then calls
`wake` once from any thread, and ``_forget(wake)`` for a task that does not wait any more. What arrives meanwhile stays where
it is, so a wait that is cancelled loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast
from weakref import WeakKeyDictionary

from . import _native
from .exceptions import NetworkError, RunTimeout

if TYPE_CHECKING:
    import asyncio

    from ._native import ActorCallContext, Stream, StreamReader


class Pollable(Protocol):
    """Something native that an asyncio task can wait for."""

    def _poll(self, wake: Callable[[], Any] | None = None, /) -> list[Any] | None: ...

    def _forget(self, wake: Callable[[], Any], /) -> None: ...


_get_running_loop: Callable[[], asyncio.AbstractEventLoop] | None = None


def running_loop() -> asyncio.AbstractEventLoop:
    """Give the running loop. asyncio is imported by the first call."""
    global _get_running_loop
    if _get_running_loop is None:
        from asyncio import get_running_loop

        _get_running_loop = get_running_loop
    return _get_running_loop()


#: The bells of loops.
_bells: WeakKeyDictionary[asyncio.AbstractEventLoop, _native._Bell] = WeakKeyDictionary()


def bell_of(loop: asyncio.AbstractEventLoop) -> _native._Bell:
    """Give what wakes tasks of a loop."""
    bell = _bells.get(loop)
    if bell is None:
        bell = _bells.setdefault(loop, _native._Bell(loop))
    return bell


async def wait_for(native: Pollable, **options: Any) -> list[Any]:
    """Wait until a native object has an answer."""
    return cast("list[Any]", await wait_within(native, None, **options))


def _resolve(ready: asyncio.Future[str], how: str) -> None:
    if not ready.done():
        ready.set_result(how)


async def wait_within(native: Pollable, timeout: float | None, **options: Any) -> list[Any] | None:
    """Wait like `wait_for`, for so many seconds at most; None when nothing came."""
    answer = native._poll(None, **options)
    if answer is not None or (timeout is not None and timeout <= 0):
        return answer
    loop = running_loop()
    bell = bell_of(loop)
    end = None if timeout is None else loop.time() + timeout
    while True:
        ready: asyncio.Future[str] = loop.create_future()
        wake = bell.waker(ready)
        timer = None if end is None else loop.call_at(end, _resolve, ready, "late")
        is_late = False
        try:
            answer = native._poll(wake, **options)
            if answer is None:
                is_late = await ready == "late"
                answer = native._poll(None, **options)
            if answer is not None or is_late:
                native._forget(wake)
                return answer
        except BaseException:
            native._forget(wake)
            raise
        finally:
            if timer is not None:
                timer.cancel()


async def next_item(native: Pollable) -> Any:
    """Give the next item of a native iterator, for ``__anext__``."""
    answer = await wait_for(native)
    if not answer:
        raise StopAsyncIteration
    return answer[0]


async def next_frame(reader: StreamReader, timeout_ms: int | None) -> dict[str, Any]:
    """Give the next frame of a stream, or one that says ``timeout`` or ``closed``."""
    answer = await wait_within(reader, None if timeout_ms is None else timeout_ms / 1000)
    if answer is None:
        return {"kind": "timeout"}
    frame: dict[str, Any] = answer[0] if answer else {"kind": "closed"}
    return frame


async def send_frame(stream: Stream, frame: Any) -> None:
    """Write a frame, waiting for room."""
    await wait_for(stream._writing(frame))


async def send_async(context: ActorCallContext, outputs: Mapping[str, Any]) -> None:
    """Send at once, waiting for room without holding the loop. Sends of one context keep their order."""
    await deliver(context, outputs)


async def deliver(context: ActorCallContext, outputs: Any, *, yielded: bool = False) -> None:
    """Send outputs, or what a generator yielded.

    A tick of a run that was stopped is about to be cancelled. It is left to that, rather than failed just before.
    """
    try:
        sending = context._sending(outputs, yielded)
        if sending is not None:
            await wait_for(sending)
    except NetworkError:
        from ._loop import current_tick

        tick = current_tick.get(None)
        if tick is not None and context._doomed:
            await tick.cancellation()
        raise


async def wait_signal(context: ActorCallContext, kind: str, id: Any, timeout: float | None) -> Any:  # noqa: A002
    """Wait for a signal without holding the loop."""
    waiting = context._waiting_signal(kind, id, timeout is not None)
    try:
        answer = await wait_within(waiting, None if timeout is None else timeout - waiting.waited)
    finally:
        waiting.close()
    if answer is None:
        raise RunTimeout(f"node `{context.node_id}`: no signal `{kind}` within {timeout} s")
    return answer[0]


async def give(value: Any) -> Any:
    """Give the value, for ``__aenter__`` and ``__aexit__`` that have nothing to wait for."""
    return value
