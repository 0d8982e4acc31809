"""WebSockets, as client and as server: the extra ``offbit-reflow[websocket]``.

A connection of a client is shared by the nodes of a run that name the same address, so that `read_websocket` and
`write_websocket` talk over one. A server tells with each message which client it is from, and `answer_websocket` sends back to
that client.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from .._extras import needs
from .._steps import Step
from ..exceptions import NetworkError, ReflowError
from ..metrics import parse_address
from ._json import encode

#: Messages of one client that may wait for the network; then its socket is read no further.
QUEUE = 16
#: How long a client has to say goodbye when its server ends, in seconds. One that is behind cannot: what it sent comes first.
GOODBYE = 0.5
#: How long a server has to say that it has read everything, in seconds.
CONFIRM = 10.0


class _Shared:
    """A connection that nodes of one run share."""

    def __init__(self) -> None:
        self.opening: asyncio.Task[Any] | None = None
        self.users = 0


#: By run and address.
_shared: dict[tuple[str, str], _Shared] = {}
#: Clients of servers of this process, by their ids.
_clients: dict[str, Any] = {}


async def _open(run_id: str, url: str, options: dict[str, Any]) -> Any:
    """Give the connection of a run to an address; whoever asks first makes it."""
    if not isinstance(url, str):
        raise TypeError(f"expected the address of a server, such as ws://127.0.0.1:8765, got {url!r}")
    client = needs("websockets.asyncio.client", "websocket")
    shared = _shared.setdefault((run_id, url), _Shared())
    shared.users += 1
    if shared.opening is None:
        shared.opening = asyncio.ensure_future(_connect(client, url, options))
    try:
        return await asyncio.shield(shared.opening)
    except BaseException:
        await _release(run_id, url)
        raise


async def _connect(client: Any, url: str, options: dict[str, Any]) -> Any:
    return await client.connect(url, max_queue=QUEUE, **options)


async def _release(run_id: str, url: str) -> None:
    shared = _shared.get((run_id, url))
    if shared is None:
        return
    shared.users -= 1
    if shared.users > 0:
        return
    del _shared[run_id, url]
    if shared.opening is not None and shared.opening.done() and not shared.opening.cancelled():
        if shared.opening.exception() is None:
            await shared.opening.result().close()
    elif shared.opening is not None:
        shared.opening.cancel()


def _written(value: Any) -> str | bytes:
    """Give what is sent for a value: texts and bytes as they are, everything else as JSON."""
    if isinstance(value, (str, bytes)):
        return value
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    return encode(value)


class read_websocket(Step):
    """Connect to WebSocket servers, and send on what they say: a text or bytes for each message.

    A packet on `url` makes a connection, which is read until the server closes it. With `reconnect` it is made again, after a
    pause that grows, and ends with the run only.

    Attributes
    ----------
    reconnect : bool
        Whether a connection that was lost, or could not be made, is made again (false: the tick fails).
    headers : dict
        Headers of the request.
    max_bytes : int
        The longest message that is taken (1 MiB).

    Examples
    --------
    >>> from offbit_reflow.connectors import read_websocket
    >>> read_websocket(url="wss://example.org/feed", reconnect=True)
    <Flow of read_websocket>
    """

    component = "read_websocket"
    _first = "url"
    inports = ["url"]
    outports = ["out"]

    reconnect: bool = False
    headers: dict[str, str] = {}
    max_bytes: int = 1 << 20

    async def run(self, ctx: Any) -> AsyncIterator[dict[str, Any]]:
        """Read a connection."""
        exceptions = needs("websockets.exceptions", "websocket")
        url, pause = ctx["url"], 0.1
        options = {"additional_headers": self.headers, "max_size": self.max_bytes}
        while True:
            try:
                connection = await _open(ctx.run_id, url, options)
                try:
                    async for message in connection:
                        pause = 0.1
                        yield {"out": message}
                finally:
                    await _release(ctx.run_id, url)
                if not self.reconnect:
                    return
            except (OSError, exceptions.WebSocketException) as error:
                if not self.reconnect:
                    raise ReflowError(f"{url}: {error}") from error
                ctx.log(f"{url}: {error}; it is tried again", "warning")
            await asyncio.sleep(pause)
            pause = min(pause * 2, 30.0)


class write_websocket(Step):
    """Send packets to a WebSocket server: texts and bytes as they are, everything else as JSON.

    At the end the server is asked whether it has read everything: the node fails if the connection was lost before, and warns
    if the server has closed it.

    Attributes
    ----------
    url : str
        Where to. Must be given.
    headers : dict
        Headers of the request; of a connection that `read_websocket` has made they are its own.

    Examples
    --------
    >>> from offbit_reflow.connectors import write_websocket
    >>> write_websocket(url="ws://127.0.0.1:8765")
    <Flow of write_websocket>
    """

    component = "write_websocket"
    inports = ["message"]
    outports = []

    url: str
    headers: dict[str, str] = {}

    def prepare(self, ctx: Any) -> None:
        """Note the run."""
        self._run_id = ctx.run_id
        self._connection: Any = None
        self._opening = asyncio.Lock()

    async def run(self, ctx: Any) -> None:
        """Send a packet."""
        exceptions = needs("websockets.exceptions", "websocket")
        message = _written(ctx["message"])
        try:
            async with self._opening:
                if self._connection is None:
                    self._connection = await _open(self._run_id, self.url, {"additional_headers": self.headers})
            await self._connection.send(message)
        except (OSError, exceptions.WebSocketException) as error:
            await self._let_go()
            raise ReflowError(f"{self.url}: {error}") from error
        ctx.done()

    async def finalize(self, ctx: Any) -> None:
        """Make sure that everything was read."""
        if self._connection is None:
            return
        exceptions = needs("websockets.exceptions", "websocket")
        try:
            async with asyncio.timeout(CONFIRM):
                await (await self._connection.ping())
        except TimeoutError:
            ctx.log(f"{self.url}: the server does not say whether it has read everything", "warning")
        except exceptions.ConnectionClosedOK as error:
            ctx.log(f"{self.url}: closed before it was sure that everything was read: {error}", "warning")
        except exceptions.ConnectionClosed as error:
            raise ReflowError(f"{self.url}: lost before it was sure that everything was read: {error}") from error

    async def teardown(self) -> None:
        """Close the connection."""
        await self._let_go()

    async def _let_go(self) -> None:
        if getattr(self, "_connection", None) is not None:
            self._connection = None
            await _release(self._run_id, self.url)


class serve_websocket(Step):
    """Listen for WebSocket clients, and send on what they say as ``{"client": id, "data": text or bytes}``.

    A packet on `address` (``HOST:PORT``; port 0 takes a free one) starts a server, which ends with the run. Where it listens is
    a fact of the node: ``net.info(node)["address"]``. `answer_websocket` sends to a client.

    Attributes
    ----------
    most_clients : int
        How many clients may be connected at once (1,000); others are refused.
    max_bytes : int
        The longest message that is taken (1 MiB).

    Examples
    --------
    >>> from offbit_reflow import actor
    >>> from offbit_reflow.connectors import answer_websocket, serve_websocket
    >>> @actor
    ... def shout(message):
    ...     return {**message, "data": message["data"].upper()}
    >>> serve_websocket(address="127.0.0.1:8765") >> shout >> answer_websocket
    <Flow of serve_websocket, shout, answer_websocket>
    """

    component = "serve_websocket"
    _first = "address"
    inports = ["address"]
    outports = ["out"]

    most_clients: int = 1000
    max_bytes: int = 1 << 20

    async def run(self, ctx: Any) -> None:
        """Serve until the run is stopped."""
        server = needs("websockets.asyncio.server", "websocket")
        exceptions = needs("websockets.exceptions", "websocket")
        address = ctx["address"]
        if not isinstance(address, str):
            raise TypeError(f"expected an address, HOST:PORT, got {address!r}")
        host, port = parse_address(address)
        clients: set[str] = set()

        async def talk(connection: Any) -> None:
            if len(clients) >= self.most_clients:
                await connection.close(1013, "too many clients")
                return
            client = uuid.uuid4().hex
            clients.add(client)
            _clients[client] = connection
            try:
                async for message in connection:
                    await ctx.send_async({"out": {"client": client, "data": message}})
            except exceptions.ConnectionClosedError:
                pass  # a client that went without a word
            except NetworkError:
                if not ctx._doomed:  # a run that was stopped ends its server, too
                    raise
            finally:
                clients.discard(client)
                _clients.pop(client, None)

        options = {"max_queue": QUEUE, "max_size": self.max_bytes, "close_timeout": GOODBYE}
        async with server.serve(talk, host, port, **options) as serving:
            name = next(iter(serving.sockets)).getsockname()
            ctx.publish("address", f"ws://{f'[{name[0]}]' if ':' in name[0] else name[0]}:{name[1]}")
            await serving.serve_forever()


class answer_websocket(Step):
    """Send ``{"client": id, "data": value}`` to a client of `serve_websocket`; one that has gone is passed over.

    Examples
    --------
    >>> from offbit_reflow.connectors import answer_websocket
    >>> answer_websocket.component
    'answer_websocket'
    """

    component = "answer_websocket"
    inports = ["message"]
    outports = []

    async def run(self, ctx: Any) -> None:
        """Send a packet."""
        message = ctx["message"]
        if not isinstance(message, dict) or not isinstance(message.get("client"), str) or "data" not in message:
            raise TypeError(f"expected {{'client': id, 'data': value}}, got {message!r:.200}")
        connection = _clients.get(message["client"])
        if connection is not None:
            exceptions = needs("websockets.exceptions", "websocket")
            with suppress(exceptions.ConnectionClosed):
                await connection.send(_written(message["data"]))
        ctx.done()
