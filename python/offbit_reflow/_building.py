"""What a network is made of: graphs, registered actors and nodes."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

from . import _native
from ._actor import Actor, build
from ._kept import Kept
from ._printable import printable
from .exceptions import ConversionError, GraphError, UnknownComponentError
from .graph import Graph

if TYPE_CHECKING:
    from .store import Store


class Building(_native.Network):
    """Puts a network together."""

    #: Makes of an actor, and what makes instances of it, those that are registered: for telemetry.
    _wrap_actor: Callable[[Any, Any], tuple[Any, Any]] | None = None
    #: The store that runs are kept in, if they are, and the run to go on with.
    _kept: Kept | None = None

    @classmethod
    def from_graph(
        cls, graph: Graph | Mapping[str, Any] | str, config: Mapping[str, Any] | None = None, *, clock: str = "real"
    ) -> Self:
        """Make a network of a graph.

        Parameters
        ----------
        graph : Graph, GraphExport dict or JSON text
            A node's metadata is its config; its keys ``policy`` and ``firing`` are respected, as is ``capacity`` in the
            metadata of a connection. An initial ``{"type": KIND, "data": ...}`` becomes that message.
        config : mapping, optional
            As for `Network`.
        clock : str
            As for `Network`.

        Returns
        -------
        Network
            Components are looked up when it starts: first what was registered by then, then packs and the catalog.

        Raises
        ------
        GraphCheckError
            With every mistake in the structure of the graph (a RuntimeError and ValueError).

        Examples
        --------
        >>> from offbit_reflow import Graph, Network, actor
        >>> @actor
        ... def shout(text):
        ...     return text.upper()
        >>> graph = Graph()
        >>> graph.add_node("a", "shout")
        >>> graph.add_initial("a", "text", "hello")
        >>> graph.add_outport("loud", "a", "out")
        >>> net = Network.from_graph(graph)
        >>> net.register_actor("shout", shout)
        >>> net.run().outputs
        {'loud': ['HELLO']}
        """
        if isinstance(graph, type):
            raise GraphError(
                f"expected a Graph, a GraphExport dict or JSON text, got the class {graph.__name__}: write {graph.__name__}(…)"
            )
        if not isinstance(graph, (_native.GraphView, Mapping, str)) and hasattr(graph, "network"):
            raise GraphError(
                "expected a Graph, a GraphExport dict or JSON text, got a Flow: `flow.network()` makes a network of it"
            )
        if isinstance(graph, PathLike):
            raise GraphError(
                "expected a Graph, a GraphExport dict or JSON text, got the name of a file: `path.read_text()` is its text"
            )
        network = cls(config, clock=clock)
        network._add_graph(graph)
        return network

    @classmethod
    def resume(
        cls,
        run_id: str,
        store: str | PathLike[str] | Store,
        *,
        graph: Graph | Mapping[str, Any] | str | None = None,
        force: bool = False,
        config: Mapping[str, Any] | None = None,
        clock: str = "real",
    ) -> Self:
        """Make the network of a run that a store has; its next `run` or `start` goes on with it.

        Register its actors as for `from_graph`. What was done is not done again, and what was not done is done; see the guide
        to durable runs.

        Parameters
        ----------
        run_id : str
            The run.
        store : path-like or Store
            Where it is kept.
        graph : Graph, GraphExport dict or JSON text, optional
            A graph that is to take the place of the stored one.
        force : bool
            Take it even if it differs. Nodes and ports are known by their names: what is on its way to a name that is no longer
            there is never read, and new nodes begin at their beginning.
        config, clock
            As for `Network`.

        Raises
        ------
        UnknownRunError
            If the store has no such run (a LookupError).
        StoreError
            If the store cannot be read, or `graph` differs and is not forced (a RuntimeError). That another process works on
            the run is told by `run` and `start`.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from offbit_reflow import Network
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net = Network(store=Path(folder) / "runs.db", run_id="monday")
        ...     net.add_node("a", "tpl_passthrough")
        ...     net.add_outport("out", "a", "output")
        ...     first = net.run(inputs={"a.input": 3})
        ...     Network.resume("monday", store=Path(folder) / "runs.db").run().outputs
        {'out': [3]}
        """
        kept = Kept(store, run_id)
        kept.force = force
        stored = kept.text()
        given = None if graph is None else Graph.from_json(graph)
        if given is not None:
            kept.differs(Graph.from_json(stored), given)
        network = cls.from_graph(stored if given is None else given, config, clock=clock)
        network._kept = kept
        return network

    def register_actor(self, template_id: str, actor: Any, *, factory: Callable[[], Any] | None = None) -> None:
        """Register a component under a template id.

        Parameters
        ----------
        template_id : str
            The name that nodes are made by.
        actor : Actor class, Actor instance or native handle
            A class gives every node an instance of its own; an instance is shared by all of them. Of a partial, a builtin or
            another callable object an actor is made, see `actor`; a function is decorated where it is written.
        factory : callable, optional
            Makes the instance of each node, for a class that needs arguments.

        Notes
        -----
        Registered again with something else, an id stands for that from the next start on: a notebook's cell can be run again.
        Nodes that run keep theirs, of which a warning tells.

        Raises
        ------
        NetworkError
            If the very same actor is registered under the id already, outside of a notebook (a RuntimeError).
        TypeError
            If `actor` is none of these.

        Examples
        --------
        >>> from offbit_reflow import Network, actor
        >>> net = Network()
        >>> net.register_actor("double", actor(lambda number: 2 * number))
        >>> net.add_node("a", "double")
        """
        registered: dict[str, tuple[Any, Any]] = self.__dict__.setdefault("_registered_with", {})
        known, _ = registered.get(template_id, (None, None))
        is_same = known is not None and _same(known, actor)
        # The native half refuses an id that is taken: to register the same again changes nothing, so it is a mistake.
        handle = build(*self._wrap_actor(actor, factory)) if self._wrap_actor is not None else build(actor, factory)
        self._register(template_id, handle, replace=known is not None and (not is_same or _in_notebook()))
        registered[template_id] = (actor, factory)
        told: set[str] = self.__dict__.setdefault("_told", set())
        if known is not None and not is_same and self.is_running and template_id not in told:
            told.add(template_id)
            warnings.warn(
                printable(f"`{template_id}` is something else from the next start on; the nodes that run keep theirs"),
                stacklevel=2,
            )

    def add_node(
        self,
        id: str,  # noqa: A002  # the name users know
        template_id: str,
        config: Mapping[str, Any] | None = None,
        *,
        policy: Mapping[str, Any] | None = None,
        firing: Any = None,
        start: Any = None,
    ) -> None:
        """Add a node; one of the same id is replaced.

        Parameters
        ----------
        id : str
            The name of the node.
        template_id : str
            What it is made of: a registered component, or a template of the catalog.
        config : mapping, optional
            What the actor reads as ``ctx.config``.
        policy : mapping, optional
            What happens when an attempt fails: ``attempts`` (1), ``delay_ms`` (0), ``multiplier`` (1), ``max_delay_ms``,
            ``jitter`` (0 to 1), ``timeout_ms``, ``retry_on_timeout`` (true), ``permanent`` (reasons not tried again),
            ``concurrency`` (1), ``on_error``: ``continue`` (default), ``stop`` or ``route``, ``cache``: null or ``{"ttl_s":
            ..., "key": ...}``.
        firing : str or mapping, optional
            A firing rule in place of the component's own: ``"any"``, ``"all"``, ``"latest"``, ``{"latest": [inports]}``,
            ``{"gather": node}``.
        start : str or mapping, optional
            What the node waits for before it begins: ``fan_in`` (``"all"``, ``"any"`` or ``"count:N"`` of the nodes before it),
            ``on`` (``"finished"``, the default, or ``"first_packet"``) and ``when``, an expression over the variables of the
            run (`ActorCallContext.vars`); all that is said has to hold. A text is one of these words, or an expression.

        Raises
        ------
        NetworkError
            If there is no such component (a RuntimeError and ValueError).
        ConfigError
            If the policy or the start rule is not one.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_math_add", policy={"attempts": 3, "delay_ms": 100})
        """
        if not isinstance(template_id, str):
            raise TypeError(
                f"node `{id}`: a node is made by the id that its component is registered under, got {template_id!r}; write "
                f'register_actor("name", …) and add_node("{id}", "name"), or use `node` of flows'
            )
        if not self._has_component(template_id):
            raise UnknownComponentError(
                printable(f"node `{id}`: there is no component `{template_id}`; register it before adding nodes of it"),
                node=id,
            )
        try:
            self._add_node(id, template_id, config, policy, firing, start)
        except ConversionError as error:
            raise ConversionError(printable(f"node `{id}`: {error}"), node=id) from None


def _same(known: Any, actor: Any) -> bool:
    """Tell whether two things that were registered are one and the same: the object, or an instance made just as the other."""
    if known is actor:
        return True
    if isinstance(actor, type) or type(known) is not type(actor) or not isinstance(actor, Actor):
        return False
    try:
        return bool(vars(known) == vars(actor))
    except Exception:  # values that cannot be compared, or that have no one answer
        return False


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


__all__ = ["Building"]
