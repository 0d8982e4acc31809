"""`Graph`: a network as data, to be edited, checked, drawn, compared, composed and nested."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _native
from ._actor import build
from .exceptions import GraphError

if TYPE_CHECKING:
    from .diagnostic import Diagnostic
    from .network import Network


class CriticalPath(NamedTuple):
    """The heaviest way through a graph.

    Examples
    --------
    >>> from offbit_reflow import Graph
    >>> graph = Graph()
    >>> for name in ("read", "parse", "write"):
    ...     graph.add_node(name, "step")
    >>> graph.add_connection("read", "out", "parse", "in")
    >>> graph.critical_path()
    CriticalPath(nodes=['read', 'parse'], weight=2.0)
    """

    nodes: list[str]
    weight: float


@dataclass(frozen=True, slots=True)
class GraphDiff:
    """What must change in one graph to get another. False if nothing; as text, one line a thing with ``+ - ~``.

    Attributes
    ----------
    graph : list of dict
        Properties, case mode and unknown keys: ``path``, ``before``, ``after``.
    nodes, connections, initials, inports, outports, groups : dict
        By name: ``kind`` (``added``, ``removed``, ``changed``) and ``details`` like those of `graph`.

    Examples
    --------
    >>> from offbit_reflow import Graph
    >>> before, after = Graph(), Graph()
    >>> after.add_node("a", "x")
    >>> difference = before.diff(after)
    >>> bool(difference), difference.nodes["a"]["kind"]
    (True, 'added')
    """

    graph: list[dict[str, Any]]
    nodes: dict[str, Any]
    connections: dict[str, Any]
    initials: dict[str, Any]
    inports: dict[str, Any]
    outports: dict[str, Any]
    groups: dict[str, Any]
    text: str = field(repr=False)

    def __bool__(self) -> bool:
        return bool(self.text)

    def __str__(self) -> str:
        return self.text


class Graph(_native.Graph):
    """A graph under construction: nodes, connections, initials, graph ports and groups, with undo.

    Edits of unknown things, and additions of what is there already, do nothing. Port names are folded to lower case
    unless the graph is case-sensitive; node and group ids are exact. What is read from it are copies, as plain dicts.

    Parameters
    ----------
    name : str
        The graph's name.
    case_sensitive : bool
        Whether port names differ by case.

    Examples
    --------
    >>> from offbit_reflow import Graph
    >>> graph = Graph("greeting")
    >>> graph.add_node("hello", "text")
    >>> graph.add_node("show", "print")
    >>> graph.add_connection("hello", "out", "show", "in")
    >>> graph.remove_node("show")
    >>> graph.connections()
    []
    >>> graph.undo()
    True
    >>> graph
    <Graph "greeting": 2 nodes, 1 connection>
    """

    @contextmanager
    def transaction(self) -> Iterator[Graph]:
        """Make everything in the block one step of `undo`; if the block raises, everything in it is taken back.

        Examples
        --------
        >>> from offbit_reflow import Graph
        >>> graph = Graph()
        >>> with graph.transaction():
        ...     graph.add_node("a", "x")
        ...     graph.add_node("b", "x")
        >>> graph.undo_count
        1
        """
        self._begin()
        try:
            yield self
        except BaseException:
            self._rollback()
            raise
        self._commit()

    def check(self, components: Mapping[str, Any] | Network | None = None) -> list[Diagnostic]:
        """Find every mistake at once.

        Parameters
        ----------
        components : mapping or Network, optional
            What nodes can be made of: by component id, what `Network.register_actor` takes, besides the bundled
            catalog; or a network with everything it knows. Without it only the graph's own structure is checked.

        Returns
        -------
        list of Diagnostic
            Errors and warnings; empty if all is well.

        Examples
        --------
        >>> from offbit_reflow import Graph
        >>> graph = Graph("g")
        >>> graph.add_node("a", "x")
        >>> graph.add_connection("a", "out", "a", "in")
        >>> [str(finding).split()[2] for finding in graph.check() if finding.is_error]
        []
        """
        from .network import Network

        if components is None:
            return self._check() + self.dropped()
        if not isinstance(components, Network):
            network = Network()
            for component, actor in components.items():
                network.register_actor(component, actor)
            components = network
        return components._check_graph(self) + self.dropped()

    def critical_path(self, weights: Mapping[str, Any] | None = None) -> CriticalPath:
        """Find the heaviest way through the graph.

        Parameters
        ----------
        weights : mapping, optional
            Weight of each node, or the counters of a run (`RunResult.nodes`, `Network.stats`), where the busy time in
            seconds counts. Without it every node weighs 1, which gives the longest way.

        Notes
        -----
        Nodes on a common cycle count together.

        Examples
        --------
        >>> from offbit_reflow import Graph
        >>> graph = Graph("g")
        >>> graph.add_node("a", "x")
        >>> graph.critical_path({"a": 3}).weight
        3.0
        """
        if weights is not None:
            weights = {node: w["busy_s"] if isinstance(w, Mapping) else w for node, w in weights.items()}
        return CriticalPath(*self._critical_path(weights))

    def to_png(
        self, *, scale: float = 2.0, theme: str = "light", max_nodes: int = 2000, fold: bool | None = None
    ) -> bytes:
        """Draw the graph as a PNG file.

        Parameters
        ----------
        scale : float
            Pixels for each of the drawing's own. Of a drawing of more than 64 million pixels there are fewer.
        theme : str
            ``light`` or ``dark``.
        max_nodes, fold
            As for `to_svg`.

        Examples
        --------
        >>> from offbit_reflow import Graph
        >>> graph = Graph("g")
        >>> graph.add_node("a", "x")
        >>> graph.to_png()[1:4]
        b'PNG'
        """
        return _native._png_of(self.to_svg(theme=theme, max_nodes=max_nodes, fold=fold), scale)

    def diff(self, other: Graph | Mapping[str, Any]) -> GraphDiff:
        """Tell what must change in this graph to get the other. Order is no difference, except of packets at one port.

        Examples
        --------
        >>> from offbit_reflow import Graph
        >>> before, after = Graph(), Graph()
        >>> after.add_node("a", "x")
        >>> print(before.diff(after), end="")
        + node a
            component: "x"
        """
        parts, text = self._diff(other)
        return GraphDiff(**parts, text=text)


class SubgraphBuilder(_native.SubgraphBuilder):
    """Makes a component of a graph, to be registered like any actor.

    A subgraph is dissolved when its network starts, so it costs nothing at run time; its nodes appear in events and
    counters as ``outer/inner``. Packets enter and leave by the graph's in- and outports.

    Parameters
    ----------
    export : Graph or GraphExport dict
        The graph. A node's metadata is its config.

    Examples
    --------
    >>> from offbit_reflow import Graph, Network, SubgraphBuilder, actor
    >>> @actor
    ... def double(number):
    ...     return number * 2
    >>> graph = Graph("twice")
    >>> graph.add_node("first", "double")
    >>> graph.add_node("second", "double")
    >>> graph.add_connection("first", "out", "second", "number")
    >>> graph.add_inport("in", "first", "number")
    >>> graph.add_outport("out", "second", "out")
    >>> builder = SubgraphBuilder(graph)
    >>> builder.register_actor("double", double)
    >>> net = Network()
    >>> net.register_actor("twice", builder.build())
    >>> net.add_node("t", "twice")
    >>> net.add_outport("result", "t", "out")
    >>> net.run(inputs={"t.in": 5}).outputs
    {'result': [20]}
    """

    def register_actor(self, component_name: str, actor: Any, *, factory: Callable[[], Any] | None = None) -> None:
        """Register a component for the graph's nodes; the same name again replaces it.

        Parameters
        ----------
        component_name : str
            The component that nodes ask for.
        actor : Actor class, Actor instance or native handle
            A class gives every node an instance of its own; an instance is shared by all of them.
        factory : callable, optional
            Makes the instance of each node, for a class that needs arguments.

        Examples
        --------
        >>> from offbit_reflow import actor
        >>> @actor
        ... def double(number):
        ...     return number * 2
        >>> from offbit_reflow import Graph, SubgraphBuilder
        >>> graph = Graph("twice")
        >>> graph.add_node("d", "double")
        >>> builder = SubgraphBuilder(graph)
        >>> builder.register_actor("double", double)
        >>> handle = builder.build()
        """
        self._register(component_name, build(actor, factory))

    def fill_from_catalog(self) -> None:
        """Take every component that is used and not registered from packs and the bundled catalog.

        Raises
        ------
        UnknownComponentError
            If there is none (a RuntimeError).

        Examples
        --------
        >>> from offbit_reflow import Graph, SubgraphBuilder
        >>> graph = Graph("root")
        >>> graph.add_node("r", "tpl_math_sqrt")
        >>> builder = SubgraphBuilder(graph)
        >>> builder.fill_from_catalog()
        >>> handle = builder.build()
        """
        super().fill_from_catalog()

    def build(self) -> _native.Actor:
        """Make a native handle; it may be called again.

        Raises
        ------
        GraphCheckError
            With every mistake in the graph, components that are not registered among them (a RuntimeError).

        Examples
        --------
        >>> from offbit_reflow import Graph, SubgraphBuilder
        >>> graph = Graph("root")
        >>> graph.add_node("r", "tpl_math_sqrt")
        >>> builder = SubgraphBuilder(graph)
        >>> builder.fill_from_catalog()
        >>> [port["name"] for port in builder.build().info()["inports"]]
        []
        """
        return super().build()


def compose_graphs(composition: Mapping[str, Any]) -> dict[str, Any]:
    """Put several graphs into one: their nodes under a prefix each, with connections and nodes added.

    Parameters
    ----------
    composition : mapping
        ``graphs``: Graph objects or GraphExport dicts, each with a name; ``connections`` between them, as
        ``{"from": {"process", "port"}, "to": {"process", "port"}, "metadata"}`` with prefixed node ids;
        ``shared_resources``: nodes of the result, as ``{"name", "component", "metadata"}``; ``properties`` of the result;
        ``case_sensitive`` (false). All may be left out.

    Returns
    -------
    dict
        The GraphExport of the result.

    Raises
    ------
    GraphError
        If the composition is no such thing, a graph in it has mistakes, or two sides want one id (a RuntimeError and
        ValueError).

    Notes
    -----
    The prefix of a graph is its ``properties.namespace``, or its name made fit for ids; graphs of one name get
    ``name/…``, ``name_1/…`` and so on.

    Examples
    --------
    >>> from offbit_reflow import Graph, compose_graphs
    >>> part = Graph("part")
    >>> part.add_node("a", "x")
    >>> list(compose_graphs({"graphs": [part, part]})["processes"])
    ['part/a', 'part_1/a']
    """
    if isinstance(composition, Graph):
        raise GraphError("composition parse: this is a Graph; a composition is a mapping, {'graphs': [graph, …]}")
    if isinstance(composition, Mapping) and "processes" in composition and "graphs" not in composition:
        raise GraphError(
            "composition parse: this is a GraphExport (it has `processes`), not a composition, which is "
            "{'graphs': [export, …], 'connections': [{'from': …, 'to': …}]}"
        )
    composed: dict[str, Any] = _native.compose_graphs(composition)
    return composed


__all__ = ["CriticalPath", "Graph", "GraphDiff", "SubgraphBuilder", "compose_graphs"]
