"""The asyncio forms of what `Network` does."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

from . import _ask, _native
from ._runs import DEFAULT_GRACE, SHUTDOWN_GRACE, Runs, WholeRun, broken_off
from ._waiting import wait_for, wait_within
from .exceptions import NetworkError, RunTimeout
from .result import RunResult

if TYPE_CHECKING:
    from .store import Store

#: Messages of a plain iterator that are sent before others on the loop have their turn.
TURN = 64


class AsyncNetwork(Runs):
    """Runs, feeds and ends a network without holding the loop of whoever asks."""

    if TYPE_CHECKING:  # what `Network` adds

        def result(self) -> RunResult: ...
        def shutdown(self, grace: float = ...) -> list[str]: ...

    async def run_async(
        self,
        inputs: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
        collect: bool = True,
        grace: float = DEFAULT_GRACE,
        store: str | PathLike[str] | Store | None = None,
        run_id: str | None = None,
        record: str | PathLike[str] | None = None,
    ) -> RunResult:
        """Run the network to its end like `run`, in an asyncio program.

        Parameters
        ----------
        inputs : mapping, optional
            As for `run`, on the loop: iterators are read at the same time, and one that blocks holds it. Asynchronous iterators
            of messages are taken, too.
        timeout : float, optional
            Longest time in seconds; no limit by default.
        collect, grace, store, run_id, record
            As for `run`.

        Raises
        ------
        RunTimeout
            When the time has passed (a TimeoutError); the network was stopped then.
        NetworkError
            Everything that is wrong with the network; nothing was started then.

        Examples
        --------
        >>> import asyncio
        >>> from offbit_reflow import Network, actor
        >>> @actor
        ... async def double(x):
        ...     await asyncio.sleep(0)
        ...     return 2 * x
        >>> net = Network()
        >>> net.register_actor("double", double)
        >>> net.add_node("d", "double")
        >>> net.add_outport("out", "d", "out")
        >>> asyncio.run(net.run_async(inputs={"d.x": iter([1, 2, 3])})).outputs
        {'out': [2, 4, 6]}
        """
        import asyncio

        whole = WholeRun(self, inputs, collect=collect, store=store, run_id=run_id, record=record)
        try:
            run = whole.begin()
            try:
                async with asyncio.timeout(timeout) as limit:
                    await _feed(run, whole.feeds)
                    whole.is_fed()
                    run.close_inputs()
                    await wait_for(run.ending(idle_is_enough=True))
            except TimeoutError:
                if not limit.expired():
                    raise
                raise RunTimeout(f"the run took longer than its limit of {timeout} s; it was stopped") from None
            return whole.result()
        except BaseException as error:
            # The cancellation of this task too: nobody would stop the run after this.
            for run in whole.runs:
                await _cancel(run, broken_off(error), grace)
            raise
        finally:
            whole.end()

    async def wait_async(self, timeout: float | None = None) -> RunResult:
        """Wait like `wait`, in an asyncio program.

        Parameters
        ----------
        timeout : float, optional
            Longest wait in seconds; no limit by default.

        Raises
        ------
        RunTimeout
            When the time has passed (a TimeoutError); the network goes on.

        Examples
        --------
        >>> import asyncio
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> async def main():
        ...     async with net:
        ...         net.start()
        ...         return (await net.wait_async(timeout=5)).state
        >>> asyncio.run(main())
        'idle'
        """
        if await wait_within(self._run.ending(idle_is_enough=True), timeout) is None:
            raise RunTimeout(f"the network was still at work after {timeout} s")
        return self.result()

    async def send_async(self, node: str, port: str, value: Any, *, timeout: float | None = None) -> None:
        """Send a packet into the running network like `send`, and wait for room without holding the loop.

        Where the run is kept in a store, the packet is on the disk when this returns.

        Parameters
        ----------
        node, port : str
            Where to.
        value : Message or plain value
            What to send.
        timeout : float, optional
            Longest wait in seconds; no limit by default.

        Raises
        ------
        RunTimeout
            When there was no room in time (a TimeoutError); the packet was not sent.
        NetworkError
            If there is no such node or inport, or the network is not running.

        Examples
        --------
        >>> import asyncio
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> async def main():
        ...     async with net:
        ...         net.start(collect=True)
        ...         await net.send_async("a", "input", 3)
        ...         return (await net.wait_async(timeout=5)).outputs
        >>> asyncio.run(main())
        {'out': [3]}
        """
        run = self._run
        if await wait_within(run.sending(node, port, value), timeout) is None:
            raise RunTimeout(f"node `{node}`: no room for the packet within {timeout} s")
        if run.is_kept:
            import asyncio

            await asyncio.to_thread(run.sync_outside)

    async def ask_async(self, inputs: Mapping[str, Any], *, timeout: float | None = None) -> dict[str, list[Any]]:
        """Ask the running network, and await the answer: all that comes of these inputs, and of nothing else.

        Any number of questions may be on their way through one network. The answer is complete when nothing of the question
        is left anywhere. Cancelling the task cancels the question: no tick starts on its packets any more.

        Parameters
        ----------
        inputs : mapping
            As for `run_async`: for each inport of the network, or ``"node.port"``, one message or an iterator of messages.
        timeout : float, optional
            Longest time in seconds; no limit by default.

        Returns
        -------
        dict of str to list
            What left by each outport of the network, as plain values, in order.

        Raises
        ------
        QuestionFailed
            When a tick on a packet of the question failed for good. A failure that the outport ``error`` routes on is part of
            the answer instead.
        RunTimeout
            When the time has passed (a TimeoutError); the question was cancelled then.
        NetworkError
            If there is no such inport, the network is not running, or it was stopped before the answer was complete.

        Examples
        --------
        >>> import asyncio
        >>> from offbit_reflow import Network, actor
        >>> @actor
        ... async def double(x):
        ...     await asyncio.sleep(0)
        ...     return 2 * x
        >>> async def main():
        ...     async with Network() as net:
        ...         net.register_actor("double", double)
        ...         net.add_node("d", "double")
        ...         net.add_inport("x", "d", "x")
        ...         net.add_outport("out", "d", "out")
        ...         net.start()
        ...         return await asyncio.gather(*(net.ask_async({"x": n}) for n in range(3)))
        >>> asyncio.run(main())
        [{'out': [0]}, {'out': [2]}, {'out': [4]}]
        """
        return await _ask.ask_async(self._run, inputs, timeout)

    def ask_stream(
        self, inputs: Mapping[str, Any], *, timeout: float | None = None, capacity: int = _ask.PARTS
    ) -> AsyncIterator[tuple[str, Any]]:
        """Ask the running network, and give the parts of the answer as they come: ``async for port, value in ...``.

        Leaving the loop early cancels the question, once the iterator is closed or gone.

        Parameters
        ----------
        inputs : mapping
            As for `ask_async`.
        timeout : float, optional
            Longest time for all of it in seconds; no limit by default.
        capacity : int
            Parts that may wait to be read; beyond that the node that has more waits.

        Raises
        ------
        QuestionFailed, RunTimeout, NetworkError
            As `ask_async`, after the parts that came.

        Examples
        --------
        >>> import asyncio
        >>> from offbit_reflow import Network, actor
        >>> @actor
        ... def words(text):
        ...     yield from text.split()
        >>> async def main():
        ...     async with Network() as net:
        ...         net.register_actor("words", words)
        ...         net.add_node("w", "words")
        ...         net.add_outport("out", "w", "out")
        ...         net.start()
        ...         return [part async for part in net.ask_stream({"w.text": "to be"})]
        >>> asyncio.run(main())
        [('out', 'to'), ('out', 'be')]
        """
        return _ask.ask_stream(self._run, inputs, timeout, capacity)

    async def cancel_async(self, reason: str = "cancelled", grace: float = DEFAULT_GRACE) -> list[str]:
        """Stop the run like `cancel`, and wait for running ticks without holding the loop.

        Examples
        --------
        >>> import asyncio
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> async def main():
        ...     async with net:
        ...         net.start()
        ...         return await net.cancel_async("enough")
        >>> asyncio.run(main())
        []
        """
        return await _cancel(self._run, reason, grace)

    async def shutdown_async(self, grace: float = SHUTDOWN_GRACE) -> list[str]:
        """Stop the network like `shutdown`, and wait for running ticks without holding the loop.

        Examples
        --------
        >>> import asyncio
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> async def main():
        ...     net.start()
        ...     return await net.shutdown_async()
        >>> asyncio.run(main())
        []
        """
        with contextlib.suppress(NetworkError):  # nothing was started
            await _cancel(self._run, "shutdown", grace)
        return self.shutdown(grace=0.0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.shutdown_async()


async def _cancel(run: _native.Run, reason: str, grace: float) -> list[str]:
    run.begin_cancel(reason, grace)
    await wait_within(run.ending(idle_is_enough=False), grace)
    return run.cancel(reason, 0.0)


async def _feed(run: _native.Run, feeds: list[tuple[str, str, Any]]) -> None:
    """Send what comes from outside, to all inports at the same time; a node that has ended is sent no more."""
    import asyncio

    ports: dict[tuple[str, str], list[Any]] = {}
    for node, port, value in feeds:
        ports.setdefault((node, port), []).append(value)
    # What earlier processes have taken is not taken twice.
    known = {end: run.known_inputs(*end) for end in ports}

    async def send(node: str, port: str, value: Any) -> bool:
        try:
            await wait_for(run.sending(node, port, value))
        except NetworkError:
            return False
        return True

    async def pump(node: str, port: str, values: list[Any]) -> None:
        skip = known[node, port]
        async with contextlib.aclosing(_in_order(values)) as messages:
            async for message in messages:
                if skip:
                    skip -= 1
                elif not await send(node, port, message):
                    return
                del message  # it is the network's alone while the iterator goes on

    tasks = []
    try:
        for (node, port), values in ports.items():
            if len(values) > 1 or isinstance(values[0], Iterator | AsyncIterable):
                tasks.append(asyncio.ensure_future(pump(node, port, values)))
            elif not known[node, port]:
                await send(node, port, values[0])  # the first packet of a port always finds room
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _, _, values in feeds:
            if isinstance(values, AsyncIterator) and hasattr(values, "aclose"):
                with contextlib.suppress(RuntimeError):  # somebody else is inside of it
                    await values.aclose()


def _boxed(message: Any) -> list[Any]:
    """Put a message where it can be taken out of: what yields it does not keep it."""
    return [message]


async def _in_order(values: list[Any]) -> AsyncGenerator[Any, None]:
    """Read what comes to one port under several names, one after the other; the loop has its turn in between."""
    import asyncio

    for value in values:
        if isinstance(value, AsyncIterable):
            async for message in value:
                given = _boxed(message)
                del message
                yield given.pop()
        elif isinstance(value, Iterator):
            for number, given in enumerate(map(_boxed, value), 1):
                yield given.pop()
                if number % TURN == 0:
                    await asyncio.sleep(0)
        else:
            yield value


__all__ = ["AsyncNetwork"]
