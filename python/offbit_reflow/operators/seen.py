"""`deduplicate`: each value once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from time import monotonic
from typing import Any

from ._key import hashable, key_of
from ._memory import RememberingStep
from ._options import check_above_0, check_whole


class deduplicate(RememberingStep):
    """Let a packet through only if none with its key came before.

    Attributes
    ----------
    key : str or callable, optional
        What tells packets apart: a member, a path, a function; the whole value by default.
    most_keys : int
        How many keys are remembered (1,000,000); beyond that the one that was seen longest ago is forgotten.
    seconds : float, optional
        For how long a key is remembered after it was let through; for ever by default.

    Examples
    --------
    >>> from offbit_reflow import actor
    >>> from offbit_reflow.operators import deduplicate
    >>> @actor
    ... def letters(text):
    ...     yield from text
    >>> (letters >> deduplicate()).run(text="mississippi").outputs
    {'deduplicate': ['m', 'i', 's', 'p']}
    """

    component = "deduplicate"
    inports = ["value"]
    outports = ["out"]

    key: str | Callable[[Any], Hashable] | None = None
    most_keys: int = 1_000_000
    seconds: float | None = None

    def prepare(self, ctx: Any) -> None:
        """Check the options."""
        self._find = hashable if self.key is None else key_of(self.key)
        check_whole("most_keys", self.most_keys)
        if self.seconds is not None:
            check_above_0("seconds", self.seconds)
        self._seen: OrderedDict[Hashable, float] = OrderedDict()

    def run(self, ctx: Any) -> dict[str, Any]:
        """Let the packet through, or not."""
        value = ctx["value"]
        at, now = self._find(value), monotonic() if self.seconds is not None else 0.0
        if ctx.resolved:  # given up meanwhile
            return {}
        before = self._seen.get(at)
        if before is not None and (self.seconds is None or now - before < self.seconds):
            self._seen.move_to_end(at)
            return {}
        self._seen[at] = now
        if before is not None:
            self._seen.move_to_end(at)
        if len(self._seen) > self.most_keys:
            self._seen.popitem(last=False)
        return {"out": value}
