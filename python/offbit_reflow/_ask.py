"""Questions to a running network: `ask`, and what becomes of one that fails."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from ._runs import refuse_async, refuse_promise, refuse_shared
from ._waiting import running_loop, wait_for, wait_within
from .exceptions import NetworkError, QuestionFailed, RunTimeout
from .result import Failure

if TYPE_CHECKING:
    from ._native import Question, Run

#: Types of values that are single messages, and looked up faster than what they can do.
_SINGLE = frozenset({int, float, str, bytes, bool, dict, list, tuple, type(None)})
#: Parts of an answer that may wait to be read, unless the caller says otherwise.
PARTS = 1024


def begin(run: Run, inputs: Mapping[str, Any], capacity: int | None = None) -> Question:
    """Begin a question with these inputs."""
    if type(inputs) is not dict and not isinstance(inputs, Mapping):
        raise TypeError(f"ask: the inputs are a mapping of inports to messages, got {type(inputs).__name__}")
    if not inputs:
        raise ValueError("ask: there are no inputs, so nothing is asked")
    others = [(name, value) for name, value in inputs.items() if type(value) not in _SINGLE]
    for name, value in others:
        refuse_promise(name, value)
    if len(others) > 1:
        refuse_shared(dict(others))
    return run.question(len(inputs), capacity)


def ask(run: Run, inputs: Mapping[str, Any], timeout: float | None) -> dict[str, list[Any]]:
    """Ask from a thread."""
    end = None if timeout is None else monotonic() + timeout
    question = begin(run, inputs)
    try:
        if any(map(_are_several, inputs.values())):
            refuse_async(inputs, "ask")
        for name, value in inputs.items():
            for message in value if isinstance(value, Iterator) else (value,):
                if not question.send(name, message, _left(end)):
                    raise _late(timeout)
                del message  # it is the network's alone while the iterator goes on
        question.sent()
        how = question.wait(_left(end))
        if how is None:
            raise _late(timeout)
        return answer(question, how)
    finally:
        question.cancel()


async def ask_async(run: Run, inputs: Mapping[str, Any], timeout: float | None) -> dict[str, list[Any]]:
    """Ask from an asyncio task."""
    now = running_loop().time
    end = None if timeout is None else now() + timeout
    asked = run.ask(inputs) if type(inputs) is dict else None
    question, on_way = asked or (begin(run, inputs), None)
    try:
        if on_way is None:
            await _feed_within(question, inputs, timeout)
        elif on_way:
            for sending in on_way:
                if await wait_within(sending, None if end is None else end - now()) is None:
                    raise _late(timeout)
            question.sent()
        how = await wait_within(question, None if end is None else end - now())
        if how is None:
            raise _late(timeout)
        outputs = question.outputs()
        return answer(question, *how) if outputs is None else outputs
    except BaseException:
        question.cancel()
        raise


def _are_several(value: Any) -> bool:
    return type(value) not in _SINGLE and isinstance(value, Iterator | AsyncIterable)


async def _feed_within(question: Question, inputs: Mapping[str, Any], timeout: float | None) -> None:
    import asyncio

    try:
        async with asyncio.timeout(timeout) as limit:
            await feed(question, inputs)
    except TimeoutError:
        if not limit.expired():
            raise
        raise _late(timeout) from None


async def ask_stream(
    run: Run, inputs: Mapping[str, Any], timeout: float | None, capacity: int
) -> AsyncIterator[tuple[str, Any]]:
    """Give the parts of an answer as they come."""
    import asyncio

    now = asyncio.get_running_loop().time
    end = None if timeout is None else now() + timeout
    question = begin(run, inputs, capacity)
    feeding = asyncio.ensure_future(feed(question, inputs))
    try:
        while True:
            part = await wait_within(question, None if end is None else end - now(), parts=True)
            if part is None:
                raise _late(timeout)
            if not part:
                break
            yield part[0]
        await feeding
        answer(question, *await wait_for(question))
    finally:
        # A feed that failed has ended the question; what it raised counts.
        feeding.cancel()
        question.cancel()
        await asyncio.gather(feeding, return_exceptions=True)


async def feed(question: Question, inputs: Mapping[str, Any]) -> None:
    """Send the inputs of a question, then say that this is all."""
    try:
        for name, value in inputs.items():
            if isinstance(value, AsyncIterable):
                async for message in value:
                    await send(question, name, message)
                    del message  # it is the network's alone while the iterator goes on
            elif isinstance(value, Iterator):
                for message in value:
                    await send(question, name, message)
                    del message
            else:
                await send(question, name, value)
    except BaseException:
        question.cancel()
        raise
    question.sent()


async def send(question: Question, name: str, value: Any) -> None:
    """Send one packet of a question."""
    sending = question.sending(name, value)
    if sending is not None:
        await wait_for(sending)


def answer(question: Question, how: str) -> dict[str, list[Any]]:
    """Give the outputs of a question that has ended; raise what failed in it."""
    outputs, failed, more = question.take()
    if failed:
        raise failure([Failure(**one) for one in failed], more, outputs)
    if how == "stopped":
        raise NetworkError("the network was stopped before the question was answered")
    if how == "cancelled":
        raise NetworkError("the question was cancelled")
    return outputs


def failure(failures: list[Failure], more: int, outputs: dict[str, list[Any]]) -> QuestionFailed:
    """Make the exception of a question in which these ticks failed."""
    first = failures[0]
    text = f"node `{first.node}`: {first.error}"
    rest = len(failures) - 1 + more
    if rest:
        text += f" (and {rest:,} more failures)"
    error = _kind(first.reason)(text, node=first.node, port=first.port)
    error.failures, error.outputs = failures, outputs
    if first.traceback:
        error.add_note(first.traceback)
    return error


_kinds: dict[str, type[QuestionFailed]] = {}


def _kind(reason: str) -> type[QuestionFailed]:
    """Find the exception class for a reason: where it names a builtin exception, it is one of those, too."""
    known = _kinds.get(reason)
    if known is not None:
        return known
    kind = QuestionFailed
    builtin = TimeoutError if reason == "timeout" else getattr(builtins, reason, None)
    if isinstance(builtin, type) and issubclass(builtin, Exception) and not issubclass(QuestionFailed, builtin):
        try:
            kind = cast(
                "type[QuestionFailed]",
                type("QuestionFailed", (QuestionFailed, builtin), {"__module__": QuestionFailed.__module__}),
            )
            kind("")
        except TypeError:  # one that needs more than a text
            kind = QuestionFailed
    _kinds[reason] = kind
    return kind


def _left(end: float | None) -> float | None:
    return None if end is None else max(0.0, end - monotonic())


def _late(timeout: float | None) -> RunTimeout:
    return RunTimeout(f"the question was not answered within {timeout} s; it was cancelled")
