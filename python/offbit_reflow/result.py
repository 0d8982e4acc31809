"""`RunResult`: how a run ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .exceptions import RunFailed

if TYPE_CHECKING:
    from ._native import Message


@dataclass(frozen=True, slots=True)
class Failure:
    """A tick whose last attempt failed.

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
    """

    node: str
    component: str
    error: str
    reason: str
    traceback: str | None
    attempt: int
    tick: int
    inputs: dict[str, Message] = field(repr=False)

    @property
    def port(self) -> str | None:
        """The first inport of the tick."""
        return next(iter(self.inputs), None)

    @property
    def message(self) -> Message | None:
        """The packet on that port."""
        return next(iter(self.inputs.values()), None)


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run stands or ended.

    Attributes
    ----------
    state : str
        ``finished``, ``failed``, ``cancelled``, or ``idle`` (nothing can move until packets come from outside).
    outputs : dict of str to list
        What left by the network's outports, as plain values, in order.
    nodes : dict of str to dict
        State and counters of every node: ``state``, ``ticks``, ``packets_in``, ``packets_out``, ``failures``, ``retries``,
        ``undelivered``, ``busy_s``, ``queued``, ``queue_high_water``, ``queue_fill``.
    failures : list of Failure
        Ticks whose last attempt failed; the first thousand.
    failures_dropped : int
        How many more there were.
    reason : str or None
        Why the run was stopped, if it was.
    """

    state: str
    outputs: dict[str, list[Any]]
    nodes: dict[str, dict[str, Any]] = field(repr=False)
    failures: list[Failure] = field(default_factory=list)
    failures_dropped: int = 0
    reason: str | None = None

    @property
    def ok(self) -> bool:
        """Whether everything ended well: nothing failed and nothing was stopped."""
        return self.state in ("finished", "idle") and not self.failures

    def raise_for_failure(self) -> RunResult:
        """Raise `RunFailed` unless everything ended well; the result itself otherwise."""
        if self.ok:
            return self
        text = f"the run ended as {self.state}"
        if self.reason:
            text += f" ({self.reason})"
        for failure in self.failures[:3]:
            text += f"\n- node `{failure.node}`: {failure.error}"
        if len(self.failures) > 3:
            text += f"\n- and {len(self.failures) - 3 + self.failures_dropped} more"
        error = RunFailed(text)
        error.result = self  # type: ignore[attr-defined]  # documented on the class
        raise error
