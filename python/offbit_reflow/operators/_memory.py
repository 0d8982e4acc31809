"""What a node remembers belongs to the node: a fresh instance of its actor, after a call that was given up, takes it over."""

from __future__ import annotations

from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

from .._steps import Step

#: By run and node: the instance that was set up last. Its node keeps it to the end.
_instances: WeakValueDictionary[tuple[int, str], Any] = WeakValueDictionary()
_lock = Lock()


def takes_over(actor: Any, ctx: Any) -> bool:
    """Share what the instance before knows; whether there was one.

    A call that was given up goes on beside its successor: it must look at `ctx.resolved` before it changes anything.
    """
    place = (ctx._run_number, ctx.node_id)
    with _lock:
        before = _instances.get(place)
        _instances[place] = actor
    if before is None or before is actor:
        return False
    actor.__dict__ = before.__dict__
    return True


class RememberingStep(Step):
    """A step that keeps something from packet to packet."""

    def setup(self, ctx: Any) -> Any:
        """Prepare, once for a node."""
        return None if takes_over(self, ctx) else super().setup(ctx)
