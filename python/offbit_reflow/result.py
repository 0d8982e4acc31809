"""`RunResult`: how a run ended."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from . import _summary
from .exceptions import RunFailed

if TYPE_CHECKING:
    from ._native import Message


@dataclass(frozen=True, slots=True, repr=False)
class Failure:
    """A tick whose last attempt failed. ``print(failure)`` shows the traceback, too.

    Attributes
    ----------
    node, component : str
        Where it happened.
    error : str
        What went wrong; ``TypeName: text`` for an exception.
    reason : str
        A stable word: an exception's class name, ``timeout``, ``unresolved``, ``panic``, or what the actor said.
    traceback : str or None
        The Python traceback.
    attempt : int
        Number of the last try, from 1.
    tick : int
        Number of the tick in its node, from 1.
    inputs : dict of str to Message
        The packets that fired the tick, by inport.

    Examples
    --------
    >>> from offbit_reflow.testing import run_actor
    >>> def inverse(x):
    ...     return 1 / x
    >>> (failure,) = run_actor(inverse, {"x": 0}).failures
    >>> failure.reason, failure.inputs["x"].data()
    ('ZeroDivisionError', 0)
    """

    node: str
    component: str
    error: str
    reason: str
    traceback: str | None
    attempt: int
    tick: int
    inputs: dict[str, Message]

    def __repr__(self) -> str:
        tries = f", attempt {self.attempt}" if self.attempt > 1 else ""
        error = self.error if len(self.error) <= 200 else self.error[:199] + "…"
        return f"<Failure of `{self.node}`, tick {self.tick}{tries}: {error}>"

    def __str__(self) -> str:
        return _summary.failure(self)

    def _repr_html_(self) -> str:
        return _summary.failure_html(self)

    @property
    def port(self) -> str | None:
        """The first inport of the tick."""
        return next(iter(self.inputs), None)

    @property
    def message(self) -> Message | None:
        """The packet on that port."""
        return next(iter(self.inputs.values()), None)


class NotCollected(dict[str, list[Any]]):
    """The outputs of a run that was started without ``collect=True``: there may have been some, and nobody kept them.

    It is empty. Looking a name up is a KeyError that says why, and so does a warning when anything else is asked.
    """

    __slots__ = ()
    _WHY = "the outputs of this run were not collected; start it with start(collect=True), use run(), or listen()"

    def _warn(self) -> None:
        warnings.warn(self._WHY, RuntimeWarning, stacklevel=3)

    def __getitem__(self, name: str) -> NoReturn:
        raise KeyError(f"{name}: {self._WHY}")

    def get(self, name: str, default: Any = None) -> Any:
        """Warn, and give the default."""
        self._warn()
        return default

    def __iter__(self) -> Iterator[str]:
        self._warn()
        return super().__iter__()

    def __len__(self) -> int:
        self._warn()
        return super().__len__()

    def __eq__(self, other: object) -> bool:
        self._warn()
        return super().__eq__(other)

    __hash__ = None  # dicts are not hashable

    def keys(self) -> Any:
        """Warn; there are none."""
        self._warn()
        return super().keys()

    def values(self) -> Any:
        """Warn; there are none."""
        self._warn()
        return super().values()

    def items(self) -> Any:
        """Warn; there are none."""
        self._warn()
        return super().items()

    def __contains__(self, name: object) -> bool:
        self._warn()
        return False

    def __repr__(self) -> str:
        return "<not collected; start(collect=True) keeps them>"


@dataclass(frozen=True, slots=True, repr=False)
class RunResult:
    """How a run stands or ended.

    Attributes
    ----------
    state : str
        ``finished``, ``failed``, ``cancelled``, or ``idle`` (nothing can move until packets come from outside).
    outputs : dict of str to list
        What left by the network's outports, as plain values, in order. Of a network that was started without
        ``collect=True`` nobody kept them: looking a name up says so.
    nodes : dict of str to dict
        State and counters of every node: ``state``, ``ticks``, ``packets_in``, ``packets_out``, ``failures``, ``retries``,
        ``undelivered``, ``stray``, ``busy_s`` (work alone), ``blocked_s`` (waiting for room), ``queued``, ``queue_high_water``,
        ``queue_fill``.
    failures : list of Failure
        Ticks whose last attempt failed; the first thousand.
    failures_dropped : int
        How many more there were.
    reason : str or None
        Why the run was stopped, if it was.
    run_id : str or None
        What tells the run from others; its name in the store, where it was kept.

    Examples
    --------
    >>> from offbit_reflow import actor
    >>> @actor
    ... def inverse(x):
    ...     return 1 / x
    >>> result = (inverse >> str).run(x=4)
    >>> result.state, result.ok, result.outputs
    ('finished', True, {'str': ['0.25']})
    >>> result.nodes["inverse"]["ticks"]
    1
    """

    state: str
    outputs: dict[str, list[Any]]
    nodes: dict[str, dict[str, Any]] = field(repr=False)
    failures: list[Failure] = field(default_factory=list)
    failures_dropped: int = 0
    reason: str | None = None
    run_id: str | None = None

    @property
    def ran(self) -> bool:
        """Whether any node ran: a tick, or at least its last words. True of a network without nodes."""
        return not self.nodes or any(row["ticks"] or row["state"] == "finished" for row in self.nodes.values())

    @property
    def ok(self) -> bool:
        """Whether everything ended well: something ran, nothing failed and nothing was stopped."""
        return self.state in ("finished", "idle") and not self.failures and self.ran

    def collected(self) -> dict[str, list[Any]]:
        """Give the outputs that were kept; none if nothing was to be kept."""
        return {} if isinstance(self.outputs, NotCollected) else self.outputs

    def raise_for_failure(self) -> RunResult:
        """Raise `RunFailed` unless everything ended well; the result itself otherwise."""
        if self.ok:
            return self
        text = f"the run ended as {self.state}"
        if self.reason:
            text += f" ({self.reason})"
        if not self.ran:
            text += "; nothing ran: no node got a packet"
        kinds = _summary.kinds(self.failures)
        for kind in kinds[:3]:
            text += f"\n- node `{kind.first.node}`: {kind.first.error}{kind.times}"
        hidden = sum(kind.count for kind in kinds[3:]) + self.failures_dropped
        if hidden:
            text += f"\n- and {hidden:,} more"
        error = RunFailed(text)
        error.result = self  # type: ignore[attr-defined]  # documented on the class
        raise error

    def __repr__(self) -> str:
        ports = ", ".join(f"{port}: {len(values)}" for port, values in self.collected().items())
        outputs = "not collected" if isinstance(self.outputs, NotCollected) else f"{{{ports}}}"
        failed = len(self.failures) + self.failures_dropped
        return f"<RunResult {self.state}, {len(self.nodes)} nodes, outputs {outputs}, {failed} failures>"

    def __str__(self) -> str:
        return _summary.text(self)

    def _repr_html_(self) -> str:
        return _summary.html(self)
