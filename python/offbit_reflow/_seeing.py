"""What there is to see of a network: events, packets, counters and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _native
from .graph import Graph
from .subscribers import EventStream, Listener

if TYPE_CHECKING:
    from .metrics import Metrics


class Seeing(_native.Network):
    """Shows a network, before it runs and while it does."""

    def events(
        self, *, types: list[str] | None = None, nodes: list[str] | None = None, capacity: int = 16_384
    ) -> EventStream:
        """Subscribe to events. A subscriber that comes late first sees how the run began.

        Parameters
        ----------
        types : list of str, optional
            Only these types, ``["ActorFailed"]`` for example. ``ActorCompleted`` is sent only when it is named here.
        nodes : list of str, optional
            Only events about these nodes, and about the network as a whole.
        capacity : int
            Events that may wait to be read; beyond that the oldest are dropped and counted.

        Raises
        ------
        ValueError
            If there is no event type of a name in `types`.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> events = net.events(types=["NetworkCompleted"])
        >>> _ = net.run(inputs={"a.input": 3})
        >>> [event["state"] for event in events]
        ['finished']
        """
        return EventStream(self._events(types, nodes, capacity=capacity))

    def listen(self, node: str, port: str, *, capacity: int = 1024) -> Listener:
        """Listen to an outport: of the run, or before a start of the next one, from its first packet on.

        The listener takes part in back-pressure: while `capacity` packets wait in it, the node waits too.

        Raises
        ------
        NetworkError
            If there is no such node or outport. Before a start, a wrong outport is told by the start.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> with net:
        ...     net.start()
        ...     with net.listen("a", "output") as packets:
        ...         net.send("a", "input", 3)
        ...         packets.recv(timeout=5).data()
        3
        """
        return Listener(self._listen(node, port, capacity=capacity))

    def stats(self) -> dict[str, dict[str, Any]]:
        """State and counters of every node, see `RunResult.nodes`.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> _ = net.run(inputs={"a.input": 3})
        >>> net.stats()["a"]["ticks"]
        1
        """
        return self._run.stats()

    def metrics(self) -> Metrics:
        """Write the counters of the network down in the text format of Prometheus.

        Returns
        -------
        Metrics
            A text, with the attributes ``healthy``, ``ready`` and ``state``. `offbit_reflow.metrics.MetricsServer` serves it,
            and so does ``reflow run --metrics ADDRESS``.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.metrics().splitlines()[-1]
        'reflow_nodes 0'
        """
        from .metrics import of  # a server is not what every program needs

        return of(self)

    def info(self, node: str) -> dict[str, Any]:
        """Give what the actor of a node has published about itself (`ActorCallContext.publish`).

        Of a server on port 0, its address. The event ``ActorPublished`` tells when there is something new.

        Raises
        ------
        NetworkError
            If there is no such node, or nothing was started.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> with net:
        ...     net.start()
        ...     net.info("a")
        {}
        """
        info: dict[str, Any] = self._run.info(node)
        return info

    def to_graph(self) -> Graph:
        """Give the network as a graph. Packets that belong to this process are described only.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> net.to_graph().node_count
        1
        """
        return Graph.from_json(self._to_graph())

    def to_svg(self, *, theme: str = "auto", max_nodes: int = 2000, fold: bool | None = None) -> str:
        """Draw the network as SVG; once it was started, with states, rates, queue fill and failures.

        Parameters
        ----------
        theme : str
            ``light``, ``dark``, or ``auto``: what the viewer prefers.
        max_nodes : int
            Larger networks are described, not drawn.
        fold : bool, optional
            Whether each group is drawn as one box; by default in networks of more than 200 nodes.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> net.to_svg(theme="dark").startswith("<svg")
        True
        """
        return super().to_svg(theme=theme, max_nodes=max_nodes, fold=fold)

    def to_png(
        self, *, scale: float = 2.0, theme: str = "light", max_nodes: int = 2000, fold: bool | None = None
    ) -> bytes:
        """Draw the network like `to_svg`, as a PNG file.

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
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.to_png()[1:4]
        b'PNG'
        """
        return _native._png_of(self.to_svg(theme=theme, max_nodes=max_nodes, fold=fold), scale)

    def live(self) -> Any:
        """Make a picture for a notebook that follows the network while it runs: states, rates, queues, failures.

        A click on a node shows its config, its counters, its last failure and a sample of its packets. Show it, as the last
        value of a cell, then start the network or ``await net.run_async()`` in the next one.

        Returns
        -------
        A widget with the extra ``offbit-reflow[notebook]``, else what shows the network as it is at that moment.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> picture = net.live()
        """
        from .live import live  # for notebooks only

        return live(self)

    def to_text(self) -> str:
        """Draw the network for a terminal; once it was started, with states, rates and failures.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> "tpl_passthrough" in net.to_text()
        True
        """
        return super().to_text()

    def to_mermaid(self) -> str:
        """Give the network as a Mermaid flowchart.

        Examples
        --------
        >>> from offbit_reflow import Network
        >>> net = Network()
        >>> net.add_node("a", "tpl_passthrough")
        >>> net.add_outport("out", "a", "output")
        >>> net.to_mermaid().splitlines()[0]
        'flowchart LR'
        """
        return super().to_mermaid()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"image/svg+xml": self.to_svg(), "text/plain": self.to_text()}


__all__ = ["Seeing"]
