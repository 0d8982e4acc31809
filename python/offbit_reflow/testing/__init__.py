"""Test your own actors: run one by itself and look at what it puts out.

``pytest_plugins = ["offbit_reflow.testing.plugin"]`` in a ``conftest.py`` brings the fixtures `run_actor` and `network`.

Examples
--------
>>> from offbit_reflow import actor
>>> from offbit_reflow.testing import run_actor
>>> @actor
... def half(number):
...     return number / 2
>>> run_actor(half, {"number": iter([1, 2])}).outputs
{'out': [0.5, 1.0]}
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from .. import _native
from .._actor import build
from .._functions import actor as make_actor
from ..network import Network
from ..result import RunResult

#: The name of the one node that `run_actor` makes.
NODE = "actor"


def run_actor(
    actor: Any,
    inputs: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    *,
    config: Mapping[str, Any] | None = None,
    policy: Mapping[str, Any] | None = None,
    firing: Any = None,
    outports: Iterable[str] = (),
    timeout: float = 10.0,
) -> RunResult:
    """Run one actor to its end, alone.

    Parameters
    ----------
    actor : Actor class, Actor instance, function or template id
        What is tested. A plain function is made an actor of.
    inputs : mapping or list of mappings, optional
        By inport, one packet, or an iterator of packets; or for each tick a mapping with the packets that it gets.
    config : mapping, optional
        What the actor reads as ``ctx.config``.
    policy, firing : optional
        As for `Network.add_node`.
    outports : iterable of str, optional
        Outports that the actor does not declare, to be collected too.
    timeout : float
        Longest time in seconds (10).

    Returns
    -------
    RunResult
        ``outputs`` by outport, with an entry for each that the actor declares; ``failures`` with tracebacks; ``nodes["actor"]``
        with the counters. ``raise_for_failure()`` raises unless all went well.

    Raises
    ------
    RunTimeout
        When the time has passed (a TimeoutError).

    Examples
    --------
    >>> from offbit_reflow import Actor
    >>> from offbit_reflow.testing import run_actor
    >>> class Sieve(Actor):
    ...     inports = ["value"]
    ...     outports = ["high", "low"]
    ...
    ...     def run(self, ctx):
    ...         ctx.done({"high" if ctx["value"] > ctx.config["limit"] else "low": ctx["value"]})
    >>> run_actor(Sieve, {"value": iter([1, 5])}, config={"limit": 3}).outputs
    {'high': [5], 'low': [1]}
    >>> run_actor(Sieve, {"value": 1}).failures[0].error
    "KeyError: 'limit'"
    """
    with Network() as network:
        template_id = actor
        if not isinstance(actor, str):
            template_id = "tested"
            network.register_actor(template_id, _actor(actor))
        network.add_node(NODE, template_id, config, policy=policy, firing=firing)
        for port in dict.fromkeys(chain(_outports(actor), outports)):
            network.add_outport(port, NODE, port)
        feeds = {f"{NODE}.{port}": values for port, values in _by_port(inputs).items()}
        return network.run(feeds, timeout=timeout)


def _actor(actor: Any) -> Any:
    return make_actor(actor) if inspect.isfunction(actor) else actor


def _outports(actor: Any) -> list[str]:
    handle = _native.template_actor(actor) if isinstance(actor, str) else build(_actor(actor))
    return [port["name"] for port in handle.info()["outports"]]


def _by_port(inputs: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    if inputs is None:
        return {}
    if isinstance(inputs, Mapping):
        return dict(inputs)
    if isinstance(inputs, (str, bytes)) or not isinstance(inputs, Iterable):
        raise TypeError(f"inputs: expected a mapping of inports to packets, or a list of them, got {inputs!r}")
    ports: dict[str, list[Any]] = {}
    for number, tick in enumerate(inputs, 1):
        if not isinstance(tick, Mapping):
            raise TypeError(
                f"inputs: tick {number}: expected a mapping of inports to packets, got {type(tick).__name__}"
            )
        for port, value in tick.items():
            ports.setdefault(port, []).append(value)
    feeds: dict[str, Iterator[Any]] = {port: iter(values) for port, values in ports.items()}
    return feeds


__all__ = ["NODE", "run_actor"]
