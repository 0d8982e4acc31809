"""Who watches a run: `EventStream`, and `Listener` of an outport."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

from . import _native
from ._waiting import next_item, wait_within
from .exceptions import EventsClosed


class EventStream:
    """The events of a network, for one subscriber; each subscriber sees all of them.

    Iterate it (``for``, ``async for``): the iteration ends with the run. Or call `recv`.

    Examples
    --------
    >>> from offbit_reflow import Network
    >>> net = Network()
    >>> net.add_node("a", "tpl_passthrough")
    >>> net.add_outport("out", "a", "output")
    >>> events = net.events(types=["NetworkCompleted"])
    >>> _ = net.run({"a.input": 3})
    >>> [event["state"] for event in events]
    ['finished']
    """

    def __init__(self, stream: _native.EventStream) -> None:
        self._stream = stream

    def recv(self, timeout_ms: int = 0) -> dict[str, Any] | None:
        """Give the next event.

        Parameters
        ----------
        timeout_ms : int
            How long to wait, in milliseconds; 0 waits for ever.

        Returns
        -------
        dict or None
            The event; None when there was none in time, also after a shutdown: the network may be started again.

        Raises
        ------
        EventsClosed
            When everything was read, and the network was shut down (without a time limit) or is gone (a RuntimeError).

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> events = net.events(types=["NetworkCompleted"])
        >>> _ = net.run({"a.input": 3})
        >>> events.recv(timeout_ms=5000)["state"]
        'finished'
        """
        return self._stream.recv(timeout_ms)

    @property
    def dropped(self) -> int:
        """How many events were dropped because nobody read them in time.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> events = net.events(capacity=1)
        >>> _ = net.run({"a.input": 3})
        >>> events.dropped > 0
        True
        """
        return self._stream.dropped

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self._stream.__iter__()

    async def recv_async(self, timeout_ms: int = 0) -> dict[str, Any] | None:
        """Give the next event like `recv`, in an asyncio program.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> import asyncio
        >>> async def main():
        ...     events = net.events(types=["NetworkCompleted"])
        ...     await net.run_async({"a.input": 3})
        ...     return (await events.recv_async(timeout_ms=5000))["state"]
        >>> asyncio.run(main())
        'finished'
        """
        # Whoever sets a limit waits through a shutdown: the network may be started again.
        timeout = timeout_ms / 1000 if timeout_ms else None
        answer = await wait_within(self._stream, timeout, until_end=False, later=bool(timeout_ms))
        if answer is None:
            return None
        if not answer:
            raise EventsClosed("event channel closed: the network was shut down or is gone")
        event: dict[str, Any] = answer[0]
        return event

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> dict[str, Any]:
        event: dict[str, Any] = await next_item(self._stream)
        return event


class Listener:
    """The packets that leave an outport, as plain values. Iterate it (``for``, ``async for``); it ends with the node.

    Examples
    --------
    >>> from offbit_reflow import Network
    >>> net = Network()
    >>> net.add_node("a", "tpl_passthrough")
    >>> net.add_outport("out", "a", "output")
    >>> with net:
    ...     net.start()
    ...     with net.listen("a", "output") as packets:
    ...         net.send("a", "input", 3)
    ...         print(next(iter(packets)))
    3
    """

    #: Takes values out of what telemetry carries them in.
    _unwrap: Callable[[Any], Any] | None = None

    def __init__(self, listener: _native.Listener) -> None:
        self._listener = listener

    def recv(self, timeout: float | None = None) -> _native.Message | None:
        """Give the next packet as a Message; None when there was none within `timeout` seconds, or the node has ended.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> with net:
        ...     net.start()
        ...     with net.listen("a", "output") as packets:
        ...         net.send("a", "input", 3)
        ...         print(packets.recv(timeout=5).data(), packets.recv(timeout=0.01))
        3 None
        """
        return self._message(self._listener.recv(timeout))

    def _message(self, message: _native.Message | None) -> _native.Message | None:
        if self._unwrap is None or message is None:
            return message
        value = message.data()
        inner = self._unwrap(value)
        return message if inner is value else _native.Message.from_value(inner)

    def close(self) -> None:
        """Stop listening; the node does not wait for this listener any more.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> with net:
        ...     net.start()
        ...     packets = net.listen("a", "output")
        ...     packets.close()
        """
        self._listener.close()

    def __iter__(self) -> Iterator[Any]:
        return self._listener.__iter__() if self._unwrap is None else map(self._unwrap, self._listener)

    def __next__(self) -> Any:
        value = self._listener.__next__()
        return value if self._unwrap is None else self._unwrap(value)

    async def recv_async(self, timeout: float | None = None) -> _native.Message | None:
        """Give the next packet like `recv`, in an asyncio program.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> import asyncio
        >>> async def main():
        ...     async with net:
        ...         net.start()
        ...         with net.listen("a", "output") as packets:
        ...             await net.send_async("a", "input", 3)
        ...             return (await packets.recv_async(timeout=5)).data()
        >>> asyncio.run(main())
        3
        """
        answer = await wait_within(self._listener, timeout, as_message=True)
        return self._message(answer[0] if answer else None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        value = await next_item(self._listener)
        return value if self._unwrap is None else self._unwrap(value)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()


__all__ = ["EventStream", "Listener"]
