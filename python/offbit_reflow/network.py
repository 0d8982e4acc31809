"""`Network`: what is to run, and the run itself."""

from __future__ import annotations

import atexit
import warnings
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

from . import _ask, _exit, _native
from ._async_network import AsyncNetwork
from ._building import Building
from ._feed import Feed
from ._kept import Kept
from ._runs import DEFAULT_GRACE, SHUTDOWN_GRACE, WholeRun, broken_off, live, refuse_async
from ._seeing import Seeing
from .exceptions import ContextError, RunTimeout
from .result import RunResult
from .subscribers import EventStream, Listener

if TYPE_CHECKING:
    from .store import Store


class Network(Building, AsyncNetwork, Seeing):
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
        begun: list[_native.Run] = []
        try:
            self._begin(begun, None, collect=collect, store=store, run_id=run_id, record=record)
            begun[0].begun()
        except BaseException as error:
            for run in begun:
                run.cancel(broken_off(error), DEFAULT_GRACE)
            raise

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
        refuse_async(inputs)
        whole = WholeRun(self, inputs, collect=collect, store=store, run_id=run_id, record=record)
        feed: Feed | None = None
        try:
            feed = Feed(whole.begin(), whole.feeds)
            whole.is_fed()
            feed.wait(timeout)
            return whole.result()
        except BaseException as error:
            # Ctrl-C too: nobody would stop the run after this.
            for run in whole.runs:
                run.cancel(broken_off(error), grace)
            raise
        finally:
            if feed is not None:
                feed.stop()
            whole.end()

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
        run = self._run if self._recording is not None else None
        left = self._shutdown(grace)
        if not left:
            live.discard(self)
        if run is not None:
            self._write_recording(run)
        return left

    @property
    def cache(self) -> _native.ResultCache:
        """The results of ticks that are kept, see ``policy.cache``; those of its store, if the network has one.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> len(net.cache), net.cache.clear("tpl_passthrough")
        (0, 0)
        """
        return super().cache if self._kept is None else self._kept.cache()

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


@atexit.register
def _stop_all() -> None:
    """Stop what still runs before the interpreter goes."""
    _exit.stop_all([network for network in live if isinstance(network, Network)])


__all__ = ["DEFAULT_GRACE", "EventStream", "Listener", "Network"]
