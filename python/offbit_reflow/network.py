"""`Network`: what is to run, and the run itself."""

from __future__ import annotations

import atexit
import sys
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

from . import _ask, _exit, _native
from ._async_network import DEFAULT_GRACE, SHUTDOWN_GRACE, AsyncNetwork, broken_off, tell_lacking
from ._feed import Feed
from ._kept import Kept
from ._logs import TYPES, Logs
from ._printable import printable
from ._waiting import next_item, wait_within
from .actor import Actor, build
from .exceptions import ContextError, EventsClosed, GraphError, NetworkError, RunTimeout, UnknownComponentError
from .graph import Graph
from .result import Failure, NotCollected, RunResult
from .store import Store

if TYPE_CHECKING:
    from .metrics import Metrics
    from .replay import Recorder

_live: weakref.WeakSet[Network] = weakref.WeakSet()


class EventStream:
    """The events of a network, for one subscriber; each subscriber sees all of them.

    Iterate it (``for``, ``async for``): the iteration ends with the run. Or call `recv`.
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
        """
        return self._stream.recv(timeout_ms)

    @property
    def dropped(self) -> int:
        """How many events were dropped because nobody read them in time."""
        return self._stream.dropped

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self._stream.__iter__()

    async def recv_async(self, timeout_ms: int = 0) -> dict[str, Any] | None:
        """Give the next event like `recv`, in an asyncio program."""
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


class Network(AsyncNetwork):
    """A graph of actors that can be started, fed, watched and stopped.

    Parameters
    ----------
    config : mapping, optional
        ``capacity``: packets that may wait on one connection (128 by default). ``compression`` and ``tracing`` are
        accepted and have no effect in a local network. ``cache_bytes``: what results may hold that are kept by
        ``policy.cache`` (64 MiB).
    clock : str
        ``"real"``, or ``"virtual"``: whenever nothing is at work, the time of the run goes to the next thing that is due, so
        tests of waits of hours take milliseconds. It counts for delays, time limits, timers, ``asyncio.sleep`` in async
        actors and ``ctx.sleep``; limits of those outside (``run(timeout=)``) are in real time.

    Notes
    -----
    Parts may be added in any order; whether they fit together is checked by `start`, which reports everything that is
    wrong at once. As a context manager, it is shut down at the end of the block.

    Examples
    --------
    >>> from offbit_reflow import Network, actor
    >>> @actor
    ... def shout(text):
    ...     return text.upper()
    >>> with Network() as net:
    ...     net.register_actor("shout", shout)
    ...     net.add_node("a", "shout")
    ...     net.add_outport("loud", "a", "out")
    ...     result = net.run(inputs={"a.text": "hello"})
    >>> result.outputs["loud"], result.state
    (['HELLO'], 'finished')
    """

    _logs: Logs | None = None
    _recording: Recorder | None = None
    #: Makes of an actor, and what makes instances of it, those that are registered: for telemetry.
    _wrap_actor: Callable[[Any, Any], tuple[Any, Any]] | None = None
    #: The store that runs are kept in, if they are, and the run to go on with.
    _kept: Kept | None = None

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        *,
        store: str | PathLike[str] | Store | None = None,
        run_id: str | None = None,
        clock: str = "real",
    ) -> None:
        del config, clock  # the native half has read them
        super().__init__()
        if store is not None or run_id is not None:
            self._kept = Kept(store, run_id)

    # ---- building ----------------------------------------------------------------------------------------------------

    @classmethod
    def from_graph(
        cls, graph: Graph | Mapping[str, Any] | str, config: Mapping[str, Any] | None = None, *, clock: str = "real"
    ) -> Self:
        """Make a network of a graph.

        Parameters
        ----------
        graph : Graph, GraphExport dict or JSON text
            A node's metadata is its config; its keys ``policy`` and ``firing`` are respected, as is ``capacity`` in the
            metadata of a connection. An initial ``{"type": KIND, "data": ...}`` becomes that message.
        config : mapping, optional
            As for `Network`.
        clock : str
            As for `Network`.

        Returns
        -------
        Network
            Components are looked up when it starts: first what was registered by then, then packs and the catalog.

        Raises
        ------
        GraphCheckError
            With every mistake in the structure of the graph (a RuntimeError and ValueError).

        Examples
        --------
        >>> from offbit_reflow import Graph, Network, actor
        >>> @actor
        ... def shout(text):
        ...     return text.upper()
        >>> graph = Graph()
        >>> graph.add_node("a", "shout")
        >>> graph.add_initial("a", "text", "hello")
        >>> graph.add_outport("loud", "a", "out")
        >>> net = Network.from_graph(graph)
        >>> net.register_actor("shout", shout)
        >>> net.run().outputs
        {'loud': ['HELLO']}
        """
        if isinstance(graph, type):
            raise GraphError(
                f"expected a Graph, a GraphExport dict or JSON text, got the class {graph.__name__}: write {graph.__name__}(…)"
            )
        if not isinstance(graph, (_native.GraphView, Mapping, str)) and hasattr(graph, "network"):
            raise GraphError(
                "expected a Graph, a GraphExport dict or JSON text, got a Flow: `flow.network()` makes a network of it"
            )
        network = cls(config, clock=clock)
        network._add_graph(graph)
        return network

    @classmethod
    def resume(
        cls,
        run_id: str,
        store: str | PathLike[str] | Store,
        *,
        graph: Graph | Mapping[str, Any] | str | None = None,
        force: bool = False,
        config: Mapping[str, Any] | None = None,
    ) -> Self:
        """Make the network of a run that a store has; its next `run` or `start` goes on with it.

        Register its actors as for `from_graph`. What was done is not done again, and what was not done is done; see the guide
        to durable runs.

        Parameters
        ----------
        run_id : str
            The run.
        store : path-like or Store
            Where it is kept.
        graph : Graph, GraphExport dict or JSON text, optional
            A graph that is to take the place of the stored one.
        force : bool
            Take it even if it differs. Nodes and ports are known by their names: what is on its way to a name that is no longer
            there is never read, and new nodes begin at their beginning.
        config : mapping, optional
            As for `Network`.

        Raises
        ------
        UnknownRunError
            If the store has no such run (a LookupError).
        StoreError
            If the store cannot be read, or `graph` differs and is not forced (a RuntimeError). That another process works on
            the run is told by `run` and `start`.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from offbit_reflow import Network
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net = Network(store=Path(folder) / "runs.db", run_id="monday")
        ...     net.add_node("a", "tpl_passthrough")
        ...     net.add_outport("out", "a", "output")
        ...     first = net.run(inputs={"a.input": 3})
        ...     Network.resume("monday", store=Path(folder) / "runs.db").run().outputs
        {'out': [3]}
        """
        kept = Kept(store, run_id)
        kept.force = force
        stored = kept.graph()
        given = None if graph is None else Graph.from_json(graph)
        if given is not None:
            kept.differs(stored, given)
        network = cls.from_graph(stored if given is None else given, config)
        network._kept = kept
        return network

    def register_actor(self, template_id: str, actor: Any, *, factory: Callable[[], Any] | None = None) -> None:
        """Register a component under a template id.

        Parameters
        ----------
        template_id : str
            The name that nodes are made by.
        actor : Actor class, Actor instance or native handle
            A class gives every node an instance of its own; an instance is shared by all of them. Of a partial, a builtin or
            another callable object an actor is made, see `actor`; a function is decorated where it is written.
        factory : callable, optional
            Makes the instance of each node, for a class that needs arguments.

        Notes
        -----
        Registered again with something else, an id stands for that from the next start on: a notebook's cell can be run again.
        Nodes that run keep theirs, of which a warning tells.

        Raises
        ------
        NetworkError
            If the very same actor is registered under the id already, outside of a notebook (a RuntimeError).
        TypeError
            If `actor` is none of these.

        Examples
        --------
        >>> from offbit_reflow import Network, actor
        >>> net = Network()
        >>> net.register_actor("double", actor(lambda number: 2 * number))
        >>> net.add_node("a", "double")
        """
        registered: dict[str, tuple[Any, Any]] = self.__dict__.setdefault("_registered_with", {})
        known, _ = registered.get(template_id, (None, None))
        is_same = known is not None and _same(known, actor)
        # The native half refuses an id that is taken: to register the same again changes nothing, so it is a mistake.
        handle = build(*self._wrap_actor(actor, factory)) if self._wrap_actor is not None else build(actor, factory)
        self._register(template_id, handle, replace=known is not None and (not is_same or _in_notebook()))
        registered[template_id] = (actor, factory)
        told: set[str] = self.__dict__.setdefault("_told", set())
        if known is not None and not is_same and self.is_running and template_id not in told:
            told.add(template_id)
            warnings.warn(
                printable(f"`{template_id}` is something else from the next start on; the nodes that run keep theirs"),
                stacklevel=2,
            )

    def add_node(
        self,
        id: str,  # noqa: A002  # the name users know
        template_id: str,
        config: Mapping[str, Any] | None = None,
        *,
        policy: Mapping[str, Any] | None = None,
        firing: Any = None,
        start: Any = None,
    ) -> None:
        """Add a node; one of the same id is replaced.

        Parameters
        ----------
        id : str
            The name of the node.
        template_id : str
            What it is made of: a registered component, or a template of the catalog.
        config : mapping, optional
            What the actor reads as ``ctx.config``.
        policy : mapping, optional
            What happens when an attempt fails: ``attempts`` (1), ``delay_ms`` (0), ``multiplier`` (1), ``max_delay_ms``,
            ``jitter`` (0 to 1), ``timeout_ms``, ``retry_on_timeout`` (true), ``permanent`` (reasons not tried again),
            ``concurrency`` (1), ``on_error``: ``continue`` (default), ``stop`` or ``route``, ``cache``: null or ``{"ttl_s":
            ..., "key": ...}``.
        firing : str or mapping, optional
            A firing rule in place of the component's own: ``"any"``, ``"all"``, ``"latest"``, ``{"latest": [inports]}``,
            ``{"gather": node}``.
        start : str or mapping, optional
            What the node waits for before it begins: ``fan_in`` (``"all"``, ``"any"`` or ``"count:N"`` of the nodes before it),
            ``on`` (``"finished"``, the default, or ``"first_packet"``) and ``when``, an expression over the variables of the
            run (`ActorCallContext.vars`); all that is said has to hold. A text is one of these words, or an expression.

        Raises
        ------
        NetworkError
            If there is no such component (a RuntimeError and ValueError).
        ConfigError
            If the policy or the start rule is not one.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_math_add", policy={"attempts": 3, "delay_ms": 100})
        """
        if not isinstance(template_id, str):
            raise TypeError(
                f"node `{id}`: a node is made by the id that its component is registered under, got {template_id!r}; write "
                f'register_actor("name", …) and add_node("{id}", "name"), or use `node` of flows'
            )
        if not self._has_component(template_id):
            raise UnknownComponentError(
                printable(f"node `{id}`: there is no component `{template_id}`; register it before adding nodes of it"),
                node=id,
            )
        self._add_node(id, template_id, config, policy, firing, start)

    # ---- running -----------------------------------------------------------------------------------------------------

    def check(self) -> list[str]:
        """Find everything that is wrong, without starting anything.

        Returns
        -------
        list of str
            A text for each finding. One that begins with ``warning`` keeps the network from nothing: a port that an
            actor does not declare, something in the config of a node that has no effect, and so on.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_collect", {"count": "ten"})
        >>> print(*net.check())
        warning G017 ignored-config at node `a`: config `count`: expected a whole number, found "ten"; the default counts
        """
        errors, warnings = self._findings()
        return errors + warnings

    def start(
        self,
        *,
        collect: bool = False,
        store: str | PathLike[str] | Store | None = None,
        run_id: str | None = None,
        record: str | PathLike[str] | None = None,
    ) -> None:
        """Start the network and return at once. Inports that nothing is connected to stay open for `send`.

        A shutdown that another thread is at is waited for: there is one run at a time.

        Parameters
        ----------
        collect : bool
            Keep what leaves by the network's outports for `result`. It stays in memory until it is asked for.
        store, run_id, record
            As for `run`. The recording is written by `shutdown`.

        Raises
        ------
        NetworkError
            Everything that is wrong with the network; nothing was started then. Also when it is running already.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> with net:
        ...     net.start(collect=True)
        ...     net.send("a", "input", 3)
        ...     net.wait(timeout=5).outputs
        {'out': [3]}
        """
        logs = self._follow()
        with self._recorder(record, None):
            run = self._start(collect, self._journal(store, run_id))
        run.begun()
        _live.add(self)
        logs.begin()

    def run(
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
        """Run the network to its end.

        Parameters
        ----------
        inputs : mapping, optional
            What comes from outside: for each inport of the network, or ``"node.port"``, one message, or an iterator of
            messages. Each iterator is read in a thread of its own, all at once. It may block or never end: when the run
            has ended, or its node, it is read no further. What it raises ends the run and is raised here.
        timeout : float, optional
            Longest time in seconds; no limit by default.
        collect : bool
            Keep what leaves by the network's outports for the result. Without, `listen` before the call and read it there.
        grace : float
            How long running ticks get to end when the run is broken off, by `timeout` or Ctrl-C, in seconds.
        store : path-like or Store, optional
            Keep the run in this file, so that another process can go on with it (`resume`); that of the network by default. In
            a run that goes on, inputs given again are the same ones from their beginning: what it has of them is not taken
            twice.
        run_id : str, optional
            The id of the run in the store. One that the store has is gone on with; one is made up by default.
        record : path-like, optional
            Write the run into this file, for `Replay`.

        Returns
        -------
        RunResult
            State, outputs, nodes and failures, those of earlier processes too.

        Raises
        ------
        RunTimeout
            When the time has passed (a TimeoutError); the network was stopped then.
        NetworkError
            Everything that is wrong with the network; nothing was started then.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> net.run(inputs={"a.input": iter([1, 2])}, timeout=10).outputs
        {'out': [1, 2]}
        """
        if _native._on_loop():
            raise ContextError(
                "run() would hold the asyncio loop that all async actors share; write `await net.run_async(...)` instead"
            )
        feeds = [(*self._endpoint(name), value) for name, value in (inputs or {}).items()]
        journal = self._journal(store, run_id)
        with self._recorder(record, [(node, port) for node, port, _ in feeds]):
            run = self._begin([(node, port) for node, port, _ in feeds], collect=collect, journal=journal)
        feed: Feed | None = None
        try:
            feed = Feed(run, feeds)
            run.begun()
            if not feeds:
                tell_lacking(run)
            feed.wait(timeout)
            if journal is not None:
                run.sync()
            return self._result(run)
        except BaseException as error:
            # Ctrl-C too: nobody would stop the run after this.
            run.cancel(broken_off(error), grace)
            raise
        finally:
            if feed is not None:
                feed.stop()
            self._write_recording(run)
            self._end(run)

    def _recorder(
        self, path: str | PathLike[str] | None, inputs: list[tuple[str, str]] | None
    ) -> AbstractContextManager[Any]:
        """Let the start inside be recorded, if a file is given for that."""
        if path is None:
            return nullcontext()
        from .replay import Recorder

        self._recording = Recorder(self, path, inputs)
        return self._recording

    def _write_recording(self, run: _native.Run) -> None:
        recording, self._recording = self._recording, None
        if recording is not None:
            recording.write(run)

    def _follow(self) -> Logs:
        if self._logs is None:
            self._logs = Logs(self._events(TYPES))
        return self._logs

    def wait(self, timeout: float | None = None) -> RunResult:
        """Wait until the network has ended, or is idle: nothing can move until packets come from outside.

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
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> with net:
        ...     net.start()
        ...     net.wait(timeout=5).state
        'idle'
        """
        if not self._run.wait(timeout):
            raise RunTimeout(f"the network was still at work after {timeout} s")
        return self.result()

    def result(self) -> RunResult:
        """How the run stands now; outputs are handed out once, and only if the network was started to collect them.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> net.run(inputs={"a.input": 3}).ok and net.result().ok
        True
        """
        return self._result(self._run)

    def _result(self, run: _native.Run) -> RunResult:
        report = run.report()
        state = "idle" if report["state"] == "running" else report["state"]
        failures = [Failure(**failure) for failure in report["failures"]]
        return RunResult(
            state=state,
            outputs=run.outputs() if run.collects else NotCollected(),
            nodes=report["nodes"],
            failures=failures,
            failures_dropped=report["failures_dropped"],
            reason=report["reason"],
            run_id=run.id,
        )

    def ask(self, inputs: Mapping[str, Any], *, timeout: float | None = None) -> dict[str, list[Any]]:
        """Ask the running network like `ask_async`, from a thread that waits for the answer.

        Parameters
        ----------
        inputs : mapping
            As for `run`: for each inport of the network, or ``"node.port"``, one message or an iterator of messages.
        timeout : float, optional
            Longest time in seconds; no limit by default.

        Returns
        -------
        dict of str to list
            What left by each outport of the network, as plain values, in order.

        Raises
        ------
        QuestionFailed, RunTimeout, NetworkError
            As `ask_async`.

        Examples
        --------
        >>> from offbit_reflow import Network, actor
        >>> @actor
        ... def square(x):
        ...     return x * x
        >>> with Network() as net:
        ...     net.register_actor("square", square)
        ...     net.add_node("s", "square")
        ...     net.add_outport("out", "s", "out")
        ...     net.start()
        ...     net.ask({"s.x": 7})
        {'out': [49]}
        """
        return _ask.ask(self._run, inputs, timeout)

    def cancel(self, reason: str = "cancelled", grace: float = DEFAULT_GRACE) -> list[str]:
        """Stop the run: no tick starts any more, running ones may end.

        Parameters
        ----------
        reason : str
            What the result says.
        grace : float
            How long to wait for running ticks, in seconds.

        Returns
        -------
        list of str
            The nodes that did not stop in time.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> with net:
        ...     net.start()
        ...     net.cancel("enough")
        []
        """
        return self._run.cancel(reason, grace)

    def shutdown(self, grace: float = SHUTDOWN_GRACE) -> list[str]:
        """Stop the network; no tick starts afterwards, and nothing of the run is left behind.

        Parameters
        ----------
        grace : float
            How long to wait for running ticks, in seconds (0.1 by default). It returns as soon as they have ended; a tick
            that takes longer goes on to its end, and the network may be started again meanwhile. A start that another
            thread is at is stopped, too, before its first tick.

        Returns
        -------
        list of str
            The nodes that have not stopped in time. Empty when all is well.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> net.start()
        >>> net.shutdown(grace=1)
        []
        """
        _live.discard(self)
        if self._recording is None:
            return self._shutdown(grace)
        run = self._run
        left = self._shutdown(grace)
        self._write_recording(run)
        return left

    # ---- watching ----------------------------------------------------------------------------------------------------

    def events(
        self, *, types: list[str] | None = None, nodes: list[str] | None = None, capacity: int = 16_384
    ) -> EventStream:
        """Subscribe to events. A subscriber that comes late first sees how the run began.

        Parameters
        ----------
        types : list of str, optional
            Only these types, ``["ActorFailed"]`` for example. ``ActorCompleted`` is sent only when it is named here.
        nodes : list of str, optional
            Only events about these nodes, and about the network as a whole.
        capacity : int
            Events that may wait to be read; beyond that the oldest are dropped and counted.

        Raises
        ------
        ValueError
            If there is no event type of a name in `types`.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> events = net.events(types=["NetworkCompleted"])
        >>> _ = net.run(inputs={"a.input": 3})
        >>> [event["state"] for event in events]
        ['finished']
        """
        return EventStream(self._events(types, nodes, capacity=capacity))

    def listen(self, node: str, port: str, *, capacity: int = 1024) -> Listener:
        """Listen to an outport: of the run, or before a start of the next one, from its first packet on.

        The listener takes part in back-pressure: while `capacity` packets wait in it, the node waits too.

        Raises
        ------
        NetworkError
            If there is no such node or outport. Before a start, a wrong outport is told by the start.

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
        ...         packets.recv(timeout=5).data()
        3
        """
        return Listener(self._listen(node, port, capacity=capacity))

    def stats(self) -> dict[str, dict[str, Any]]:
        """State and counters of every node, see `RunResult.nodes`.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> _ = net.run(inputs={"a.input": 3})
        >>> net.stats()["a"]["ticks"]
        1
        """
        return self._run.stats()

    def metrics(self) -> Metrics:
        """Write the counters of the network down in the text format of Prometheus.

        Returns
        -------
        Metrics
            A text, with the attributes ``healthy``, ``ready`` and ``state``. `offbit_reflow.metrics.MetricsServer` serves it,
            and so does ``reflow run --metrics ADDRESS``.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.metrics().splitlines()[-1]
        'reflow_nodes 0'
        """
        from .metrics import of  # a server is not what every program needs

        return of(self)

    def info(self, node: str) -> dict[str, Any]:
        """Give what the actor of a node has published about itself (`ActorCallContext.publish`).

        Of a server on port 0, its address. The event ``ActorPublished`` tells when there is something new.

        Raises
        ------
        NetworkError
            If there is no such node, or nothing was started.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> with net:
        ...     net.start()
        ...     net.info("a")
        {}
        """
        info: dict[str, Any] = self._run.info(node)
        return info

    # ---- seeing ------------------------------------------------------------------------------------------------------

    def to_graph(self) -> Graph:
        """Give the network as a graph. Packets that belong to this process are described only.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> net.to_graph().node_count
        1
        """
        return Graph.from_json(self._to_graph())

    def to_svg(self, *, theme: str = "auto", max_nodes: int = 2000, fold: bool | None = None) -> str:
        """Draw the network as SVG; once it was started, with states, rates, queue fill and failures.

        Parameters
        ----------
        theme : str
            ``light``, ``dark``, or ``auto``: what the viewer prefers.
        max_nodes : int
            Larger networks are described, not drawn.
        fold : bool, optional
            Whether each group is drawn as one box; by default in networks of more than 200 nodes.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> net.to_svg(theme="dark").startswith("<svg")
        True
        """
        return super().to_svg(theme=theme, max_nodes=max_nodes, fold=fold)

    def live(self) -> Any:
        """Make a picture for a notebook that follows the network while it runs: states, rates, queues, failures.

        A click on a node shows its config, its counters, its last failure and a sample of its packets. Show it, as the last
        value of a cell, then start the network or ``await net.run_async()`` in the next one.

        Returns
        -------
        A widget with the extra ``offbit-reflow[notebook]``, else what shows the network as it is at that moment.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> picture = net.live()
        """
        from .live import live  # for notebooks only

        return live(self)

    def to_text(self) -> str:
        """Draw the network for a terminal; once it was started, with states, rates and failures.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> "tpl_passthrough" in net.to_text()
        True
        """
        return super().to_text()

    def to_mermaid(self) -> str:
        """Give the network as a Mermaid flowchart.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> net.to_mermaid().splitlines()[0]
        'flowchart LR'
        """
        return super().to_mermaid()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"image/svg+xml": self.to_svg(), "text/plain": self.to_text()}

    def _journal(self, store: str | PathLike[str] | Store | None, run_id: str | None) -> _native.RunJournal | None:
        """Give the journal of the next run, if it is to be kept."""
        kept = self._kept
        if store is not None or run_id is not None:
            kept = Kept(store if store is not None else kept.store if kept is not None else None, run_id)
        return None if kept is None else kept.begin(self)

    def _begin(
        self, inputs: list[tuple[str, str]], *, collect: bool, journal: _native.RunJournal | None = None
    ) -> _native.Run:
        """Start a run that ends by itself once these inports have got what comes from outside."""
        logs = self._follow()
        run = self._start_to_the_end(inputs, collect, journal)
        _live.add(self)
        logs.begin()
        return run

    def _end(self, run: _native.Run) -> None:
        """Let go of a run that has ended."""
        self._release(run)
        self._follow().drain()

    def _endpoint(self, name: str) -> tuple[str, str]:
        for inport, node, port in self._inports():
            if inport == name:
                return node, port
        # Node ids may hold dots; the longest one that exists wins.
        known = set(self._nodes())
        for at in reversed([at for at, letter in enumerate(name) if letter == "."]):
            if name[:at] in known:
                return name[:at], name[at + 1 :]
        inports = ", ".join(f"`{inport}`" for inport, _, _ in self._inports()) or "none"
        raise NetworkError(
            printable(
                f"inputs: `{name}` is neither an inport of the network nor `node.port` of a node it has; "
                f"its inports are: {inports}"
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.shutdown()

    def __del__(self) -> None:
        if self.is_running:
            self._abandon()  # first: the warning may be turned into an exception
            warnings.warn("a running Network was dropped; call shutdown() or use `with`", ResourceWarning, stacklevel=2)

    def __repr__(self) -> str:
        state = "running" if self.is_running else "not running"
        return f"<Network {len(self._nodes())} nodes, {state}>"


class Listener:
    """The packets that leave an outport, as plain values. Iterate it (``for``, ``async for``); it ends with the node."""

    #: Takes values out of what telemetry carries them in.
    _unwrap: Callable[[Any], Any] | None = None

    def __init__(self, listener: _native.Listener) -> None:
        self._listener = listener

    def recv(self, timeout: float | None = None) -> _native.Message | None:
        """Give the next packet as a Message; None when there was none within `timeout` seconds, or the node has ended."""
        return self._message(self._listener.recv(timeout))

    def _message(self, message: _native.Message | None) -> _native.Message | None:
        if self._unwrap is None or message is None:
            return message
        value = message.data()
        inner = self._unwrap(value)
        return message if inner is value else _native.Message.from_value(inner)

    def close(self) -> None:
        """Stop listening; the node does not wait for this listener any more."""
        self._listener.close()

    def __iter__(self) -> Iterator[Any]:
        return self._listener.__iter__() if self._unwrap is None else map(self._unwrap, self._listener)

    def __next__(self) -> Any:
        value = self._listener.__next__()
        return value if self._unwrap is None else self._unwrap(value)

    async def recv_async(self, timeout: float | None = None) -> _native.Message | None:
        """Give the next packet like `recv`, in an asyncio program."""
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


def _same(known: Any, actor: Any) -> bool:
    """Tell whether two things that were registered are one and the same: the object, or an instance made just as the other."""
    if known is actor:
        return True
    if isinstance(actor, type) or type(known) is not type(actor) or not isinstance(actor, Actor):
        return False
    try:
        return bool(vars(known) == vars(actor))
    except Exception:  # values that cannot be compared, or that have no one answer
        return False


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


@atexit.register
def _stop_all() -> None:
    """Stop what still runs before the interpreter goes."""
    _exit.stop_all(list(_live))


__all__ = ["DEFAULT_GRACE", "EventStream", "Listener", "Network"]
