"""`Flow`: steps wired by operators and calls; a short way to write down a graph.

A flow is no second way to run things: it is a description that builds a `Graph`, and everything else is done by that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import tee
from typing import TYPE_CHECKING, Any

from . import _native
from ._actor import Actor, build
from ._functions import actor
from .graph import Graph
from .network import Network

if TYPE_CHECKING:
    from .result import RunResult


@dataclass(eq=False)
class _Node:
    """A node to be: compared by identity, so that a flow that is used twice has its nodes once."""

    component: Any
    name: str
    inports: list[str]
    #: Those that have a default.
    optional: list[str]
    outports: list[str]
    metadata: dict[str, Any]
    initials: dict[str, Any] = field(default_factory=dict)


#: One end of a connection: a node, and a port unless the node's only one is meant.
_End = tuple[_Node, str | None]


class Flow:
    """Steps and what flows between them: a part of a graph with a beginning and an end.

    ``a >> b`` leads what leaves `a` into `b`; ``a >> [b, c]`` into both, ``[a, b] >> c`` from both. ``flow["port"]`` is the
    same flow with this port as its end, or its beginning. Flows do not change: every operator gives a new one, and a flow
    that stands in several places stands for the same nodes.

    Make one with `node`, or by calling a function that `actor` made an actor of.

    Examples
    --------
    >>> from offbit_reflow import actor
    >>> @actor
    ... def numbers(upto):
    ...     yield from range(upto)
    >>> @actor
    ... def double(number):
    ...     return number * 2
    >>> flow = numbers >> double
    >>> flow.run(upto=4).outputs
    {'double': [0, 2, 4, 6]}
    """

    __slots__ = ("_begin", "_end", "_nodes", "_wires")

    def __init__(
        self, nodes: Iterable[_Node], wires: Iterable[tuple[_End, _End]], begin: list[_End], end: list[_End]
    ) -> None:
        self._nodes = list(dict.fromkeys(nodes))
        self._wires = list(dict.fromkeys(wires))
        self._begin = begin
        self._end = end

    # ---- wiring ------------------------------------------------------------------------------------------------------

    def __rshift__(self, other: Any) -> Flow:
        return lead(self, as_flow(other))

    def __rrshift__(self, other: Any) -> Flow:
        return lead(as_flow(other), self)

    #: Ports are looked up by name; there is nothing to go through in order.
    __iter__ = None

    def __getitem__(self, port: str) -> Flow:
        ends = list(dict.fromkeys(node for node, _ in (*self._begin, *self._end)))
        starts: list[_End] = [(node, port) for node in ends if port in node.inports]
        leaves: list[_End] = [(node, port) for node in ends if port in node.outports]
        if not starts and not leaves:
            known = ", ".join(f"`{name}`" for node in ends for name in (*node.inports, *node.outports)) or "none"
            raise KeyError(f"no node at the ends of this flow has a port `{port}`; there are {known}")
        return Flow(self._nodes, self._wires, starts or self._begin, leaves or self._end)

    # ---- what becomes of it ------------------------------------------------------------------------------------------

    def to_graph(self, name: str = "flow") -> Graph:
        """Build the graph.

        Parameters
        ----------
        name : str
            The name of the graph.

        Returns
        -------
        Graph
            A node for every step, named after it. Inports that nothing leads to are inports of the graph, outports of the
            flow's end are its outports.

        Raises
        ------
        TypeError
            If a connection does not say which of several ports it means.
        """
        graph, _ = self._make(name)
        return graph

    def network(self, config: Mapping[str, Any] | None = None) -> Network:
        """Build the network: the graph with the actors of its steps registered.

        Parameters
        ----------
        config : mapping, optional
            As for `Network`.
        """
        graph, components = self._make("flow")
        network = Network.from_graph(graph, config)
        for template_id, component in components.items():
            network.register_actor(template_id, component)
        return network

    def run(self, inputs: Mapping[str, Any] | None = None, *, timeout: float | None = None, **ports: Any) -> RunResult:
        """Run the flow to its end.

        Parameters
        ----------
        inputs : mapping, optional
            What comes from outside, by ``"node.port"`` or the name of the inport: a message, or an iterator of messages.
        timeout : float, optional
            Longest time in seconds; no limit by default.
        **ports
            The same by keyword; where several open inports have the name, each of them gets it.

        Returns
        -------
        RunResult
            Outputs are named after the steps at the end of the flow; ``"node.port"`` for steps with several outports.

        Examples
        --------
        >>> from offbit_reflow import actor
        >>> @actor
        ... def shout(text):
        ...     return text.upper()
        >>> (shout >> shout).run(text="hello").outputs
        {'shout_2': ['HELLO']}
        """
        with self.network() as network:
            return network.run(self._inputs(inputs, ports), timeout=timeout)

    async def run_async(
        self, inputs: Mapping[str, Any] | None = None, *, timeout: float | None = None, **ports: Any
    ) -> RunResult:
        """Run the flow to its end in an asyncio program; see `run`."""
        with self.network() as network:
            return await network.run_async(self._inputs(inputs, ports), timeout=timeout)

    def _inputs(self, inputs: Mapping[str, Any] | None, ports: Mapping[str, Any]) -> dict[str, Any]:
        """Give what comes from outside for each inport; a keyword is for all open inports of its name."""
        graph, _ = self._make("flow")
        known = list(graph.inports())
        found = dict(inputs or {})
        for port, value in ports.items():
            same = [name for name in known if name.endswith(f".{port}")] if port not in known else []
            if not same:
                found[port] = value
            elif isinstance(value, Iterator):
                found |= zip(same, tee(value, len(same)), strict=True)
            else:
                found |= dict.fromkeys(same, value)
        return found

    def check(self) -> list[str]:
        """Find everything that is wrong, without running anything; see `Network.check`."""
        return self.network().check()

    def _make(self, name: str) -> tuple[Graph, dict[str, Any]]:
        names = _unique([node.name for node in self._nodes])
        ids = dict(zip(self._nodes, names, strict=True))
        components: dict[str, Any] = {}
        graph = Graph(name, case_sensitive=True)
        for node, node_id in ids.items():
            graph.add_node(node_id, _register(components, node), node.metadata)
        taken: set[tuple[_Node, str]] = set()
        left: set[tuple[_Node, str]] = set()
        for (source, outport), (target, inport) in self._wires:
            outport, inport = _outport(source, outport), _inport(target, inport)
            graph.add_connection(ids[source], outport, ids[target], inport)
            taken.add((target, inport))
            left.add((source, outport))
        for node, node_id in ids.items():
            for port, value in node.initials.items():
                graph.add_initial(node_id, port, value)
                taken.add((node, port))
        open_ports = [(node, port) for node in self._nodes for port in node.inports if (node, port) not in taken]
        times = Counter(port for _, port in open_ports)
        for node, port in open_ports:
            graph.add_inport(port if times[port] == 1 else f"{ids[node]}.{port}", ids[node], port)
        ends = dict.fromkeys(
            (node, name)
            for node, port in self._end
            for name in ([port] if port is not None else node.outports)
            if (node, name) not in left
        )
        left_by = Counter(node for node, _ in ends)
        for node, port in ends:
            graph.add_outport(ids[node] if left_by[node] == 1 else f"{ids[node]}.{port}", ids[node], port)
        return graph, components

    # ---- seeing ------------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        names = _unique([node.name for node in self._nodes])
        return f"<Flow of {', '.join(names)}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        graph = self.to_graph()
        return {"image/svg+xml": graph.to_svg(), "text/plain": graph.to_text()}


def node(
    component: Any,
    *inputs: Any,
    name: str | None = None,
    policy: Mapping[str, Any] | None = None,
    firing: Any = None,
    config: Mapping[str, Any] | None = None,
    **keywords: Any,
) -> Flow:
    """Make a flow of one step.

    Parameters
    ----------
    component : Actor class, Actor instance, native handle, template id or function
        What the step does. A plain function is made an actor of.
    *inputs
        Flows that lead into its inports, in order.
    name : str, optional
        The name of the node; that of the component by default. A second node of a name is called ``name_2``.
    policy, firing : optional
        As for `Network.add_node`.
    config : mapping, optional
        Its config, for keys that are no identifiers, or that are called like a parameter of this function.
    **keywords
        A flow leads into the inport of the name. Another value for an inport with a default is its initial packet, and so are
        values for all inports that have none; every other keyword is a key of the config.

    Returns
    -------
    Flow

    Raises
    ------
    TypeError
        If a flow leads into an inport that the component does not have, or a value is given for an inport that takes one
        packet for every tick.

    Examples
    --------
    >>> from offbit_reflow import node
    >>> node("tpl_math_add", b=node("tpl_math_sqrt"), name="sum")
    <Flow of tpl_math_sqrt, sum>
    """
    component, inports, outports, optional, default_name = _describe(component)
    made = _Node(component, name or default_name, inports, optional, outports, {})
    if len(inputs) > len(inports):
        raise TypeError(f"`{made.name}` has {len(inports)} inports, but {len(inputs)} flows lead into it")
    feeds: dict[str, Any] = dict(zip(inports, inputs, strict=False))
    settings = dict(config or {})
    # With a value for each inport that fires it there is one tick, and that is what is meant.
    is_complete = all(
        port in keywords and not _is_flow(keywords[port]) and port not in feeds
        for port in inports
        if port not in optional
    )
    for key, value in keywords.items():
        if key in feeds:
            raise TypeError(f"`{made.name}`: two values for the inport `{key}`")
        if _is_flow(value):
            feeds[key] = value
        elif key in optional or (key in inports and is_complete):
            made.initials[key] = value
        elif key in inports:
            raise TypeError(
                f"`{made.name}`: its inport `{key}` takes a packet for every tick, so one value would serve one tick only; "
                f"give the parameter a default, or lead a flow into it"
            )
        else:
            settings[key] = value
    if hasattr(component, "_policy_for"):  # a step that needs one for what it is asked to do
        policy = {**component._policy_for(settings), **(policy or {})} or None
    made.metadata = settings | {
        key: value for key, value in (("policy", policy), ("firing", firing)) if value is not None
    }
    nodes: list[_Node] = []
    wires: list[tuple[_End, _End]] = []
    begin: list[_End] = []
    for port, value in feeds.items():
        if inports and port not in inports:
            raise TypeError(f"`{made.name}` has no inport `{port}`; it has {', '.join(f'`{one}`' for one in inports)}")
        flow = as_flow(value)
        nodes += flow._nodes
        wires += [*flow._wires, *((end, (made, port)) for end in flow._end)]
        begin += flow._begin
    return Flow([*nodes, made], wires, begin or [(made, None)], [(made, None)])


def wire(*steps: Any) -> Flow:
    """Make one flow of several steps, wired by their names: what leaves the step ``spend`` leads into every inport ``spend``.

    Parameters
    ----------
    *steps : function, actor or flow
        A plain function is made an actor of. A flow of several steps is taken as it is wired.

    Returns
    -------
    Flow
        Inports that no step is named after stay open, for `Flow.run`. What leads nowhere leaves at the end.

    Raises
    ------
    TypeError
        If two steps have one name, or a step that others ask for has several outports.

    Examples
    --------
    >>> from offbit_reflow import wire
    >>> def spend(n):
    ...     return [10.0 * day for day in range(n)]
    >>> def total(spend):
    ...     return sum(spend)
    >>> def average(spend, total):
    ...     return total / len(spend)
    >>> wire(spend, total, average).run(n=5).outputs
    {'average': [20.0]}
    """
    flows = [as_flow(step) for step in steps]
    named: dict[str, _Node] = {}
    for flow in flows:
        if len(flow._nodes) == 1:
            (single,) = flow._nodes
            if single.name in named and named[single.name] is not single:
                raise TypeError(
                    f"wire: two steps are called `{single.name}`; give one another name, node(step, name=…)"
                )
            named[single.name] = single
    wires = [wire for flow in flows for wire in flow._wires]
    led = {(target, _inport(target, port)) for _, (target, port) in wires}
    given = {(node, port) for node in named.values() for port in node.initials}
    for target in named.values():
        for port in target.inports:
            source = named.get(port)
            if source is not None and (target, port) not in led | given:
                wires.append(((source, _outport(source, None)), (target, port)))
    used = {source for (source, _), _ in wires}
    # What goes on to another step leaves here only where a flow says so.
    end = [
        end for flow in flows for end in flow._end if len(flow._nodes) > 1 or end[1] is not None or end[0] not in used
    ]
    return Flow([node for flow in flows for node in flow._nodes], wires, [one for f in flows for one in f._begin], end)


def lead(left: Flow, right: Flow) -> Flow:
    wires = [(end, begin) for end in left._end for begin in right._begin]
    return Flow(
        [*left._nodes, *right._nodes],
        [*left._wires, *right._wires, *wires],
        left._begin or right._begin,
        right._end or left._end,
    )


def _is_flow(value: Any) -> bool:
    return isinstance(value, (Flow, Actor)) or (isinstance(value, type) and issubclass(value, Actor))


def as_flow(value: Any) -> Flow:
    """Make a flow of whatever may stand beside ``>>``."""
    if isinstance(value, Flow):
        return value
    if isinstance(value, (list, tuple)):
        flows = [as_flow(one) for one in value]
        return Flow(
            [node for flow in flows for node in flow._nodes],
            [wire for flow in flows for wire in flow._wires],
            [begin for flow in flows for begin in flow._begin],
            [end for flow in flows for end in flow._end],
        )
    return node(value)


def _describe(component: Any) -> tuple[Any, list[str], list[str], list[str], str]:
    """Give a component, its inports, outports and inports with a default, and a name for nodes of it."""
    if isinstance(component, str):
        handle = _native.template_actor(component)
        info = handle.info()
        inports, outports = ([port["name"] for port in info[side]] for side in ("inports", "outports"))
        optional = [port["name"] for port in info["inports"] if not port.get("required", False)]
        return component, inports, outports, optional, component
    if isinstance(component, _native.Actor):
        info = component.info()
        inports, outports = ([port["name"] for port in info[side]] for side in ("inports", "outports"))
        return component, inports, outports, [], str(info.get("component") or "node")
    if not isinstance(component, Actor) and not (isinstance(component, type) and issubclass(component, Actor)):
        if not callable(component) or isinstance(component, type):
            build(component)  # says what is wrong
        component = actor(component)
    cls = component if isinstance(component, type) else type(component)
    optional = list(component._optional_inports) or (
        list(component.inports) if not component.await_all_inports and len(component.inports) > 1 else []
    )
    return component, list(component.inports), list(component.outports), optional, cls.__name__


def _register(components: dict[str, Any], node: _Node) -> str:
    """Give the template id of a node's component, registered under a name of its own."""
    if isinstance(node.component, str):
        return node.component
    for template_id, known in components.items():
        if known is node.component:
            return template_id
    cls = node.component if isinstance(node.component, type) else type(node.component)
    base = cls.__name__
    template_id, count = base, 1
    while template_id in components:
        count += 1
        template_id = f"{base}_{count}"
    components[template_id] = node.component
    return template_id


def _inport(node: _Node, port: str | None) -> str:
    needed = [one for one in node.inports if one not in node.optional]
    return _only(node, port, needed if len(needed) == 1 else node.inports, "inport", "take packets")


def _outport(node: _Node, port: str | None) -> str:
    return _only(
        node, port, [one for one in node.outports if one != "error"] or node.outports, "outport", "send packets"
    )


def _only(node: _Node, port: str | None, ports: list[str], side: str, does: str) -> str:
    if port is not None:
        return port
    if len(ports) == 1:
        return ports[0]
    if not ports:
        raise TypeError(f"`{node.name}` has no {side}, so it cannot {does}")
    names = ", ".join(f"`{one}`" for one in ports)
    raise TypeError(f"`{node.name}` has the {side}s {names}; say which, as in {node.name}[{ports[0]!r}]")


def _unique(names: list[str]) -> list[str]:
    """Give every name once: a second ``x`` is ``x_2``."""
    found: list[str] = []
    taken = set(names)
    seen: set[str] = set()
    for name in names:
        unique, count = name, 1
        while unique in seen or (count > 1 and unique in taken):
            count += 1
            unique = f"{name}_{count}"
        seen.add(unique)
        found.append(unique)
    return found


__all__ = ["Flow", "node"]
