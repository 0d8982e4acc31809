"""Steps that keep something from packet to packet: state by key, windows, batches, a pace, what was there before.

They are actors as any: they stand in a flow, ``read >> deduplicate(key="id") >> store``, are registered with a network, and are
found by ``reflow run --actors offbit_reflow.operators``. In a graph file their options are the config of the node.

A key is the name of a member, ``"user"``, or a path such as ``"order.user.id"``; in a flow also a function of the value.

Examples
--------
>>> from offbit_reflow import actor
>>> from offbit_reflow.operators import deduplicate, window_by_count
>>> @actor
... def read(upto):
...     yield from (number % 4 for number in range(upto))
>>> (read >> deduplicate() >> window_by_count(size=3)).run(upto=10).outputs
{'window_by_count': [{'key': None, 'values': [0, 1, 2]}, {'key': None, 'values': [3]}]}
"""

from .._steps import Step
from .keyed import keyed
from .pace import batch, rate_limit
from .seen import deduplicate
from .windows import window_by_count, window_by_session, window_by_time

__all__ = [
    "Step",
    "batch",
    "deduplicate",
    "keyed",
    "rate_limit",
    "window_by_count",
    "window_by_session",
    "window_by_time",
]
