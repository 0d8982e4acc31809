"""`Flow`: steps wired by operators and calls; a short way to write down a graph.

A flow is no second way to run things: it is a description that builds a `Graph`, and everything else is done by that.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from . import _native
from ._actor import Actor, no_actor
from ._data import why_no_data
from ._functions import actor, of_one_value
from ._runs import as_inputs
from ._steps import Step
from .exceptions import ConversionError
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
#: Outports that every node has: failures that its policy routes, and packets without a partner.
_OF_EVERY_NODE = ("error", "unmatched")


class Flow:
    """Steps and what flows between them: a part of a graph with a beginning and an end.

    ``a >> b`` leads what leaves `a` into `b`; ``a >> [b, c]`` into both, ``[a, b] >> c`` from both. ``flow["port"]`` is the
    same flow with this port as its end, or its beginning; every step has the outports ``error`` (failures, with the policy
    ``on_error: "route"``) and ``unmatched``. Flows do not change: every operator gives a new one, and a flow that stands in
    several places stands for the same nodes.

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
        if not starts and not leaves and port in _OF_EVERY_NODE:
            leaves = [(node, port) for node in dict.fromkeys(node for node, _ in self._end)]
        if not starts and not leaves:
            names = list(dict.fromkeys(name for node in ends for name in (*node.inports, *node.outports)))
            near = get_close_matches(str(port), names, 1)
            meant = f"; did you mean `{near[0]}`?" if near else ""
            known = ", ".join(f"`{name}`" for name in names) or "none"
            raise KeyError(f"no node at the ends of this flow has a port `{port}`; there are {known}{meant}")
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

        Examples
        --------
        >>> from offbit_reflow import actor
        >>> @actor
        ... def double(number):
        ...     return number * 2
        >>> graph = (double >> double).to_graph("four times")
        >>> graph.node_count
        2
        """
        graph, _ = self._make(name)
        return graph

    def network(self, config: Mapping[str, Any] | None = None) -> Network:
        """Build the network: the graph with the actors of its steps registered.

        Parameters
        ----------
        config : mapping, optional
            As for `Network`.

        Examples
        --------
        >>> from offbit_reflow import actor
        >>> @actor
        ... def double(number):
        ...     return number * 2
        >>> with (double >> double).network() as net:
        ...     net.run({"number": 1}).outputs
        {'double_2': [4]}
        """
        return self._network(config)

    def _network(self, config: Mapping[str, Any] | None = None, shared: Iterable[str] = ()) -> Network:
        graph, components = self._make("flow", shared)
        network = Network.from_graph(graph, config)
        for template_id, component in components.items():
            network.register_actor(template_id, component)
        return network

    def run(
        self, /, inputs: Mapping[str, Any] | None = None, *, timeout: float | None = None, **ports: Any
    ) -> RunResult:
        """Run the flow to its end.

        Parameters
        ----------
        inputs : mapping, optional
            What comes from outside, by ``"node.port"`` or the name of the inport: a message, or an iterator of messages.
        timeout : float, optional
            Longest time in seconds; no limit by default.
        **ports
            The same by keyword; where several open inports have the name, each of them gets it. An iterator is then read once,
            by a node of that name which hands each item on to all of them, at the pace of the slowest.

        Returns
        -------
        RunResult
            Outputs are named after the steps at the end of the flow; ``"node.port"`` for steps with several outports.
            An inport without a value that its node needs, and config that has no effect, such as a key that a component does
            not have, are warnings of the logger ``offbit_reflow``.

        Raises
        ------
        TypeError
            If an inport is given twice, or `timeout` could as well be meant for an open inport of that name.

        Examples
        --------
        >>> from offbit_reflow import actor
        >>> @actor
        ... def shout(text):
        ...     return text.upper()
        >>> (shout >> shout).run(text="hello").outputs
        {'shout_2': ['HELLO']}
        """
        found, shared = self._inputs(inputs, timeout, ports)
        with self._network(shared=shared) as network:
            self._warn(network, found)
            return network.run(found, timeout=timeout)

    async def run_async(
        self, /, inputs: Mapping[str, Any] | None = None, *, timeout: float | None = None, **ports: Any
    ) -> RunResult:
        """Run the flow to its end in an asyncio program; see `run`.

        Examples
        --------
        >>> from offbit_reflow import actor
        >>> @actor
        ... def double(number):
        ...     return number * 2
        >>> import asyncio
        >>> asyncio.run((double >> double).run_async(number=1)).outputs
        {'double_2': [4]}
        """
        found, shared = self._inputs(inputs, timeout, ports)
        async with self._network(shared=shared) as network:
            self._warn(network, found)
            return await network.run_async(found, timeout=timeout)

    def _warn(self, network: Network, inputs: Mapping[str, Any]) -> None:
        """Say what keeps nodes from running, and what of the config of a component has no effect."""
        warn = logging.getLogger("offbit_reflow").warning
        ids = self._ids()
        for node, port in self._open_ports():
            place = f"{ids[node]}.{port}"
            if _needs(node, port) and not inputs.keys() & {port, place}:
                warn(
                    "nothing comes to the inport `%s`, so `%s` does not run: give `run` a value, %s=…",
                    place,
                    ids[node],
                    port,
                )
        if any(isinstance(node.component, str) and node.metadata.keys() - {"policy", "firing"} for node in self._nodes):
            for warning in network._findings()[1]:
                warn("%s", warning.removeprefix("warning "))

    def _inputs(
        self, inputs: Mapping[str, Any] | None, timeout: float | None, ports: Mapping[str, Any]
    ) -> tuple[dict[str, Any], list[str]]:
        """Give what comes from outside for each inport, and the names whose items go to several; see `_make`."""
        found = dict(as_inputs(inputs))
        shared: list[str] = []
        ids = self._ids()
        every = self._open_ports()
        if timeout is not None:
            places = [f"{ids[node]}.timeout" for node, port in every if port == "timeout"]
            if places and not found.keys() & {"timeout", *places}:
                raise TypeError(
                    f"timeout: is {timeout!r} the time limit of the run, or meant for the inport `{places[0]}`? Give the "
                    f'inport as {{"timeout": …}}, or the limit to the network, flow.network().run(…, timeout=…)'
                )
        for port, value in ports.items():
            places = [f"{ids[node]}.{port}" for node, name in every if name == port]
            for place in (port, *places):
                if place in found:
                    raise TypeError(f"inputs: two values for the inport `{port}`, as `{place}` and by keyword")
            if len(places) > 1 and not isinstance(value, (Iterator, AsyncIterable)):
                found |= dict.fromkeys(places, value)
                continue
            found[port] = value
            if len(places) > 1:
                shared.append(port)
        return found, shared

    def check(self) -> list[str]:
        """Find everything that is wrong, without running anything; see `Network.check`.

        Examples
        --------
        >>> from offbit_reflow import actor
        >>> @actor
        ... def double(number):
        ...     return number * 2
        >>> (double >> double).check()
        []
        """
        return self.network().check()

    def _ids(self) -> dict[_Node, str]:
        return dict(zip(self._nodes, _unique([node.name for node in self._nodes]), strict=True))

    def _open_ports(self) -> list[tuple[_Node, str]]:
        """Find the inports that nothing leads to."""
        taken = {(target, _inport(target, inport)) for _, (target, inport) in self._wires}
        taken |= {(node, port) for node in self._nodes for port in node.initials}
        return [(node, port) for node in self._nodes for port in node.inports if (node, port) not in taken]

    def _make(self, name: str, shared: Iterable[str] = ()) -> tuple[Graph, dict[str, Any]]:
        """Build the graph, and give the components of its nodes.

        Open inports that have one of the `shared` names are behind one inport of the graph: a node hands on what comes there,
        so that its packets have one origin, and the slowest reader sets the pace.
        """
        ids = self._ids()
        components: dict[str, Any] = {}
        leaving = (*(source for source, _ in self._wires), *self._end)
        classes = {node.component for node, port in leaving if port == "unmatched" and isinstance(node.component, type)}
        declared = {cls: _with_unmatched(cls) for cls in classes}
        graph = Graph(name, case_sensitive=True)
        for node, node_id in ids.items():
            component = node.component
            if isinstance(component, type):
                component = declared.get(component, component)
            graph.add_node(node_id, _register(components, component), node.metadata)
        left: set[tuple[_Node, str]] = set()
        for (source, outport), (target, inport) in self._wires:
            outport, inport = _outport(source, outport), _inport(target, inport)
            graph.add_connection(ids[source], outport, ids[target], inport)
            left.add((source, outport))
        for node, node_id in ids.items():
            for port, value in node.initials.items():
                graph.add_initial(node_id, port, value)
        open_ports = self._open_ports()
        taken = list(ids.values())
        for port in shared:
            reader = _unique([*taken, port])[-1]
            taken.append(reader)
            graph.add_node(reader, _register(components, HandOn))
            graph.add_inport(port, reader, "item")
            for node, _ in (one for one in open_ports if one[1] == port):
                graph.add_connection(reader, "out", ids[node], port)
            open_ports = [one for one in open_ports if one[1] != port]
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


class HandOn(Actor):
    """Hands on what comes, objects too, as it is."""

    inports = ["item"]
    outports = ["out"]

    def run(self, ctx: Any) -> None:
        ctx.done({"out": ctx.inputs["item"]})


def node(
    component: Any,
    /,
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
        A flow leads into the inport of the name, be it called ``name``, ``policy``, ``firing`` or ``config``. Another value
        for an inport with a default is its initial packet, and so are values for all inports that have none; every other
        keyword is a key of the config, where the component can see it.

    Returns
    -------
    Flow

    Raises
    ------
    TypeError
        If a flow leads into an inport that the component does not have, a value is given for an inport that takes one
        packet for every tick, or a keyword is none of a function without a parameter ``ctx``, or a key of policies.
    ConversionError
        If a value has no JSON form, so that no graph can hold it (a ValueError).

    Examples
    --------
    >>> from offbit_reflow import node
    >>> node("tpl_math_add", b=node("tpl_math_sqrt"), name="sum")
    <Flow of tpl_math_sqrt, sum>
    """
    component, inports, outports, optional, default_name = _describe(component)
    own = {"name": name, "policy": policy, "firing": firing, "config": config}
    keywords |= {key: value for key, value in own.items() if is_flow(value)}
    name, policy, firing, config = (None if is_flow(value) else value for value in own.values())
    if name is not None and not isinstance(name, str):
        raise TypeError(f"`{default_name}`: the name of a node is a text, got {name!r}")
    for key, value in (("config", config), ("policy", policy)):
        if value is not None and not isinstance(value, Mapping):
            raise TypeError(f"`{name or default_name}`: {key} must be a mapping, got {value!r}")
    made = _Node(component, name or default_name, inports, optional, outports, {})
    if len(inputs) > len(inports):
        raise TypeError(f"`{made.name}` has {len(inports)} inports, but {len(inputs)} flows lead into it")
    feeds: dict[str, Any] = dict(zip(inports, inputs, strict=False))
    settings = dict(config or {})
    # With a value for each inport that fires it there is one tick, and that is what is meant.
    is_complete = all(
        port in keywords and not is_flow(keywords[port]) and port not in feeds
        for port in inports
        if port not in optional
    )
    for key, value in keywords.items():
        if key in feeds:
            raise TypeError(f"`{made.name}`: two values for the inport `{key}`")
        if is_flow(value):
            feeds[key] = value
        elif key in optional or (key in inports and is_complete):
            made.initials[key] = value
        elif key in inports:
            raise TypeError(
                f"`{made.name}`: its inport `{key}` takes a packet for every tick, so one value would serve one tick only; "
                f"give the parameter a default, or lead a flow into it"
            )
        elif key in _OF_A_POLICY and not isinstance(component, str | _native.Actor) and not _is_step(component):
            raise TypeError(
                f"`{made.name}`: `{key}` is a key of policies: give it as policy={{{key!r}: {value!r}}}, or, if it is one "
                f"of the step's config, as config={{{key!r}: {value!r}}}"
            )
        elif getattr(component, "_reads_config", True) or key in _OF_THE_NETWORK:
            settings[key] = value
        else:
            raise TypeError(_no_parameter(made, key))
    if _is_step(component):
        component._refuse({key: value for key, value in settings.items() if key not in _OF_THE_NETWORK})
        policy = {**component._policy_for(settings), **(policy or {})} or None
        made.outports = component._outports_for(settings)
    made.metadata = settings | {
        key: value for key, value in (("policy", policy), ("firing", firing)) if value is not None
    }
    _refuse_objects(made)
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


def _is_step(component: Any) -> bool:
    return isinstance(component, type) and issubclass(component, Step)


def _needs(node: _Node, port: str) -> bool:
    """Tell whether a node never runs when nothing comes to an inport, as far as that is known."""
    if isinstance(node.component, _native.Actor) or "firing" in node.metadata or port in node.optional:
        return False
    rule = getattr(node.component, "await_all_inports", None)
    return not isinstance(rule, Mapping) and port not in getattr(node.component, "latest_inports", ())


#: Keys of a config that the network reads.
_OF_THE_NETWORK = ("env_vars",)
#: Keys of policies that hardly mean anything else.
_OF_A_POLICY = ("attempts", "concurrency", "delay_ms", "max_delay_ms", "on_error", "retry_on_timeout", "timeout_ms")


def _no_parameter(made: _Node, key: str) -> str:
    near = get_close_matches(key, made.inports, 1)
    meant = f"; did you mean `{near[0]}`?" if near else ""
    return f"`{made.name}` has no parameter `{key}`, and without a parameter `ctx` it cannot see its config{meant}"


def _refuse_objects(made: _Node) -> None:
    """Refuse what a graph cannot hold where it is given, not when the graph is built."""
    for key, value in made.metadata.items():
        why = why_no_data(key, value)
        if why is not None:
            raise ConversionError(f"`{made.name}`: its config cannot be in a graph: at {why}", node=made.name)
    for port, value in made.initials.items():
        why = why_no_data(port, value)
        if why is not None:
            raise ConversionError(
                f"`{made.name}`: the value of its inport cannot be in a graph: at {why}; or bind it to the function, "
                f"functools.partial({made.name}, {port}=…)",
                node=made.name,
                port=port,
            )


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
    led_on = {(source, _outport(source, port)) for (source, port), _ in wires}

    def leaves(flow: Flow, end: _End) -> bool:
        """Tell whether something leaves here. What goes on to another step does only where a flow says so."""
        source, port = end
        ports = [one for one in source.outports if one != "error"] or source.outports
        return len(flow._nodes) > 1 or port is not None or any((source, one) not in led_on for one in ports)

    end = [end for flow in flows for end in flow._end if leaves(flow, end)]
    return Flow([node for flow in flows for node in flow._nodes], wires, [one for f in flows for one in f._begin], end)


def lead(left: Flow, right: Flow) -> Flow:
    wires = [(end, begin) for end in left._end for begin in right._begin]
    return Flow(
        [*left._nodes, *right._nodes],
        [*left._wires, *right._wires, *wires],
        left._begin or right._begin,
        right._end or left._end,
    )


def is_flow(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return bool(value) and all(map(is_flow, value))
    return isinstance(value, (Flow, Actor)) or (isinstance(value, type) and issubclass(value, Actor))


def as_flow(value: Any) -> Flow:
    """Make a flow of whatever may stand beside ``>>``."""
    if isinstance(value, Flow):
        return value
    if isinstance(value, (list, tuple)):
        flows = [as_flow(one) for one in value]
        if not flows:
            raise TypeError("an empty list has no step that could be led into, or lead elsewhere")
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
        component = of_one_value(component)
        if not callable(component) or isinstance(component, type):
            raise TypeError(_no_step(component))
        component = actor(component)
    cls = component if isinstance(component, type) else type(component)
    optional = list(component._optional_inports) or (
        list(component.inports) if not component.await_all_inports and len(component.inports) > 1 else []
    )
    return component, list(component.inports), list(component.outports), optional, cls.__name__


def _no_step(value: Any) -> str:
    """Say why something is no step of a flow, and what would be one."""
    if isinstance(value, type):
        return no_actor(value)
    text = f"expected an Actor class, an Actor instance or another step of a flow, got {value!r}"
    if isinstance(value, Mapping):
        return f"{text}; a fork is a list of steps, and flows lead into inports by name where a step is called, step(a=…, b=…)"
    return f"{text}; a fork is a list of steps" if isinstance(value, (AbstractSet, Iterator)) else text


def _with_unmatched(cls: type[Actor]) -> type[Actor]:
    """Declare the outport ``unmatched``, which is connected, of a class that takes no other ports than those it declares."""
    if cls._open_ports or "unmatched" in cls.outports:
        return cls
    members = {"outports": [*cls.outports, "unmatched"], "__doc__": cls.__doc__, "__module__": cls.__module__}
    kind: Any = type(cls)
    with_port: type[Actor] = kind(cls.__name__, (cls,), members)
    return with_port


def _register(components: dict[str, Any], component: Any) -> str:
    """Give the template id of a component, registered under a name of its own."""
    if isinstance(component, str):
        return component
    for template_id, known in components.items():
        if known is component:
            return template_id
    cls = component if isinstance(component, type) else type(component)
    base = getattr(cls, "_template_id", None) or cls.__name__
    template_id, count = base, 1
    while template_id in components:
        count += 1
        template_id = f"{base}_{count}"
    components[template_id] = component
    return template_id


def _inport(node: _Node, port: str | None) -> str:
    needed = [one for one in node.inports if one not in node.optional]
    return _only(node, port, needed if len(needed) == 1 else node.inports, "inport", "take packets")


def _outport(node: _Node, port: str | None) -> str:
    main = node.component._main if port is None and _is_step(node.component) else None
    ports = [one for one in node.outports if one != "error"] or node.outports
    return _only(node, port or main, ports, "outport", "send packets")


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
