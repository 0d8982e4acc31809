"""`batch` by size or time, and `rate_limit`."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any

from .._steps import Step
from ._options import check_above_0, check_whole

if TYPE_CHECKING:
    import asyncio


class batch(Step):
    """Gather values into lists of `size`; what is there after `seconds` leaves earlier, and so does the rest at the end.

    Attributes
    ----------
    size : int
        Values of a full list (100).
    seconds : float, optional
        How long the first value of a list waits at most, in seconds, also at the end; until the list is full by default. One
        tick waits for that while others gather: outside of a flow, give the node the policy ``{"concurrency": 2}``. A
        `timeout_ms` must be longer. In a graph of native components `tpl_collect` does the same.

    Examples
    --------
    >>> from offbit_reflow import actor
    >>> from offbit_reflow.operators import batch
    >>> @actor
    ... def numbers(upto):
    ...     yield from range(upto)
    >>> (numbers >> batch(size=2)).run(upto=5).outputs
    {'batch': [[0, 1], [2, 3], [4]]}
    """

    component = "batch"
    inports = ["value"]
    outports = ["out"]

    size: int = 100
    seconds: float | None = None

    @classmethod
    def _policy_for(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """Give a node that has a clock room for the tick that waits for it."""
        return {} if options.get("seconds") is None else {"concurrency": 2}

    def prepare(self, ctx: Any) -> None:
        """Check the options."""
        check_whole("size", self.size)
        if self.seconds is not None:
            check_above_0("seconds", self.seconds)
            policy = ctx.config.get("policy")
            if isinstance(policy, Mapping) and policy.get("concurrency", 2) < 2:
                raise ValueError(
                    "`seconds` needs a policy with a `concurrency` of 2 or more: one tick waits, others gather"
                )
        self._values: list[Any] = []
        #: The tick that waits for the list that is being gathered, where its value is, and what is set when the list has left.
        self._waiting: tuple[Any, int, asyncio.Event] | None = None

    async def run(self, ctx: Any) -> None:
        """Take a value; the tick that fills the list sends it, or the one that waits when the time is over."""
        import asyncio

        self._forget_given_up()
        self._values.append(ctx["value"])
        if len(self._values) >= self.size:
            self._send(ctx)
        elif self.seconds is not None and self._waiting is None:
            left = asyncio.Event()
            self._waiting = ctx, len(self._values) - 1, left
            try:
                await asyncio.wait_for(left.wait(), self.seconds)
            except TimeoutError:
                self._send(ctx)
            except asyncio.CancelledError:
                self._forget_given_up()
                raise
            else:
                ctx.done()
        else:
            ctx.done()

    def _forget_given_up(self) -> None:
        """Leave out the value of a tick that was given up while it waited; the next one waits then."""
        if self._waiting is not None and self._waiting[0].resolved:
            del self._values[self._waiting[1]]
            self._waiting = None

    def _send(self, ctx: Any) -> None:
        values, self._values = self._values, []
        if self._waiting is not None:
            self._waiting[2].set()
            self._waiting = None
        ctx.done({"out": values})

    def finalize(self, ctx: Any) -> None:
        """Send the rest."""
        self._forget_given_up()
        if self._values:
            ctx.send({"out": self._values})
            self._values = []


class rate_limit(Step):
    """Let at most so many packets through in a second; the others wait, and so do those who send them.

    Attributes
    ----------
    per_second : float
        Packets a second. Must be given.
    burst : int
        How many may follow each other at once after a pause (1).

    Examples
    --------
    >>> from offbit_reflow import actor
    >>> from offbit_reflow.operators import rate_limit
    >>> @actor
    ... def numbers(upto):
    ...     yield from range(upto)
    >>> (numbers >> rate_limit(per_second=1000)).run(upto=3).outputs
    {'rate_limit': [0, 1, 2]}
    """

    component = "rate_limit"
    inports = ["value"]
    outports = ["out"]

    per_second: float
    burst: int = 1

    def prepare(self, ctx: Any) -> None:
        """Check the options."""
        check_above_0("per_second", self.per_second)
        check_whole("burst", self.burst)
        #: When the next packet may go if none of the burst is left.
        self._next = monotonic()

    async def run(self, ctx: Any) -> None:
        """Wait for its turn, and let the packet through."""
        import asyncio

        step = 1 / self.per_second
        now = monotonic()
        self._next = max(self._next, now - (self.burst - 1) * step)
        wait = self._next - now
        self._next += step
        if wait > 0:
            await asyncio.sleep(wait)
        ctx.done({"out": ctx["value"]})
