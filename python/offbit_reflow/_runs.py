"""Runs of a network, from what they are asked for with to their end: what `run`, `run_async` and `start` share."""

from __future__ import annotations

import inspect
import warnings
import weakref
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import nullcontext
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any

from . import _native
from ._kept import Kept
from ._logs import TYPES, Logs
from ._printable import printable
from .exceptions import NetworkError
from .result import Failure, NotCollected, RunResult

if TYPE_CHECKING:
    from .replay import Recorder
    from .store import Store

#: How long `cancel`, and a `run` that is broken off, wait for running ticks by default, in seconds.
DEFAULT_GRACE = 1.0
#: The same for `shutdown`, which returns promptly whatever its actors do.
SHUTDOWN_GRACE = 0.1

#: Networks whose run may go on: the end of the process stops it.
live: weakref.WeakSet[Runs] = weakref.WeakSet()


class WholeRun:
    """A run to the end, from what it begins with on.

    Its making checks; `begin` belongs where a `finally` leads to `end`: what is raised once nodes run, by a signal say, must
    not leave them behind.

    Attributes
    ----------
    feeds : list of tuple
        What comes from outside: node, inport, and a message or an iterator of messages.
    runs : list of Run
        Its handle, once it has begun.
    """

    def __init__(
        self,
        network: Runs,
        inputs: Mapping[str, Any] | None,
        *,
        collect: bool,
        store: str | PathLike[str] | Store | None,
        run_id: str | None,
        record: str | PathLike[str] | None,
    ) -> None:
        inputs = as_inputs(inputs)
        for name, value in inputs.items():
            refuse_promise(name, value)
        refuse_shared(inputs)
        ends = network._endpoints(inputs)
        self.feeds = [(*end, value) for end, value in zip(ends, inputs.values(), strict=True)]
        self.runs: list[_native.Run] = []
        self._network = network
        self._begin = partial(
            network._begin, self.runs, ends, collect=collect, store=store, run_id=run_id, record=record
        )

    def begin(self) -> _native.Run:
        """Start the run."""
        self._begin()
        return self.runs[0]

    def is_fed(self) -> None:
        """Say that the run has got what it begins with."""
        (run,) = self.runs
        run.begun()
        if not self.feeds and run.lacks_inputs:
            warnings.warn(
                f"run `{run.id}`: its inputs had not all come when the process before ended; what there is of them is "
                "dealt with. Give the same inputs again to go on with the rest",
                RuntimeWarning,
                stacklevel=3,
            )

    def result(self) -> RunResult:
        """Give its result; what is kept of it is on the disk by then."""
        (run,) = self.runs
        run.sync()
        return self._network._result(run)

    def end(self) -> None:
        """Let go of the run, which has ended."""
        for run in self.runs:
            self._network._write_recording(run)
            self._network._release(run)
            self._network._follow().drain()


class Runs(_native.Network):
    """Begins and ends the runs of a network."""

    _logs: Logs | None = None
    _recording: Recorder | None = None
    #: The store that runs are kept in, if they are, and the run to go on with.
    _kept: Kept | None = None

    def _begin(
        self,
        begun: list[_native.Run],
        inputs: list[tuple[str, str]] | None,
        *,
        collect: bool,
        store: str | PathLike[str] | Store | None,
        run_id: str | None,
        record: str | PathLike[str] | None,
    ) -> None:
        """Start a run that ends by itself once these inports have got what comes from outside; without them it stays open.

        It is in `begun` whatever is raised here meanwhile.
        """
        logs = self._follow()
        journal = self._journal(store, run_id)
        with nullcontext() if record is None else self._recorder(record, inputs):
            self._start(begun, inputs, collect=collect, journal=journal)
        live.add(self)
        logs.begin()

    def _journal(self, store: str | PathLike[str] | Store | None, run_id: str | None) -> _native.RunJournal | None:
        """Give the journal of the next run, if it is to be kept."""
        kept = self._kept
        if store is not None or run_id is not None:
            kept = Kept(store if store is not None else kept.store if kept is not None else None, run_id)
        return None if kept is None else kept.begin(self)

    def _recorder(self, path: str | PathLike[str], inputs: list[tuple[str, str]] | None) -> Recorder:
        """Let the start inside be recorded."""
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

    def _result(self, run: _native.Run) -> RunResult:
        report = run.report()
        state = report["state"]
        if state == "running":  # what goes on after a cancellation is nobody's any more
            state = "cancelled" if report["reason"] else "idle"
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

    def _endpoints(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Give the node and the port behind each name: an inport of the network, or ``node.port``."""
        names = list(names)
        if not names:
            return []
        inports = {inport: (node, port) for inport, node, port in self._inports()}
        nodes = set(self._nodes())
        return [inports.get(name) or _split(name, nodes) or self._unknown(name, inports) for name in names]

    def _unknown(self, name: str, inports: Iterable[str]) -> tuple[str, str]:
        known = ", ".join(f"`{inport}`" for inport in inports) or "none"
        raise NetworkError(
            printable(
                f"inputs: `{name}` is neither an inport of the network nor `node.port` of a node it has; "
                f"its inports are: {known}"
            )
        )


def _split(name: str, nodes: set[str]) -> tuple[str, str] | None:
    """Divide ``node.port``. Node ids may hold dots; the longest one that exists wins."""
    at = len(name)
    while (at := name.rfind(".", 0, at)) >= 0:
        if name[:at] in nodes:
            return name[:at], name[at + 1 :]
    return None


def as_inputs(inputs: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Give what comes from outside by the names of inports; refuse what has no such names."""
    if inputs is None:
        return {}
    if not isinstance(inputs, Mapping):
        raise TypeError(
            f"inputs: expected a mapping of inports to what comes in, got {inputs!r}; "
            f'a packet for an inport called `inputs` is given as {{"inputs": …}}'
        )
    for name in inputs:
        if not isinstance(name, str):
            raise TypeError(f"inputs: the name of an inport is a text, got {name!r}")
    return inputs


def refuse_promise(name: str, value: Any) -> None:
    """Refuse what would have to be awaited before it is a message."""
    if inspect.iscoroutine(value):
        value.close()
        raise TypeError(printable(f"inputs: `{name}` is a coroutine, which is no message; await it first"))


def refuse_async(inputs: Mapping[str, Any] | None, call: str = "run") -> None:
    """Refuse what cannot be read without a loop."""
    for name, value in as_inputs(inputs).items():
        if isinstance(value, AsyncIterator) and not isinstance(value, Iterator):
            raise TypeError(
                printable(
                    f"inputs: `{name}` is an asynchronous iterator, which {call}() cannot read; write "
                    f"`await net.{call}_async(...)` instead"
                )
            )


def refuse_shared(inputs: Mapping[str, Any]) -> None:
    """Refuse one iterator for several inports: each of its items would come to one of them, or none."""
    readers: dict[int, str] = {}
    for name, value in inputs.items():
        if isinstance(value, Iterator | AsyncIterator):
            other = readers.setdefault(id(value), name)
            if other is not name:
                raise TypeError(
                    printable(
                        f"inputs: `{other}` and `{name}` are given the same iterator, which can be read once; give each one "
                        "of its own, or lead one inport to both"
                    )
                )


def broken_off(error: BaseException) -> str:
    """Say why a run was stopped before its end."""
    return f"the run was broken off: {str(error) or type(error).__name__}"


__all__ = [
    "DEFAULT_GRACE",
    "SHUTDOWN_GRACE",
    "Runs",
    "as_inputs",
    "broken_off",
    "live",
    "refuse_async",
    "refuse_promise",
    "refuse_shared",
]
