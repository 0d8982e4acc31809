"""Metrics of a network in the text format of Prometheus, and a small server for them with its health and readiness.

Nothing is measured for this: the counters of the nodes are always on, and are written down when somebody asks.

Examples
--------
>>> from offbit_reflow import Network, actor
>>> @actor
... def half(number):
...     return number / 2
>>> with Network() as net:
...     net.register_actor("half", half)
...     net.add_node("a", "half")
...     result = net.run(inputs={"a.number": iter([1, 2])})
...     metrics = net.metrics()
>>> [line for line in metrics.splitlines() if line.startswith("reflow_node_ticks_total")]
['reflow_node_ticks_total{node="a",component="half"} 2']
>>> metrics.healthy, metrics.ready
(True, False)
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from . import _native
from .exceptions import NetworkError

if TYPE_CHECKING:
    from ._seeing import Seeing
    from .network import Network

#: What `Metrics` is, for whoever serves it.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

#: Counter or gauge of every node: the key in `stats`, the name, the type, and what it tells.
_NODE_METRICS = (
    ("ticks", "ticks_total", "counter", "Ticks that began."),
    ("packets_in", "packets_in_total", "counter", "Packets that ticks took."),
    ("packets_out", "packets_out_total", "counter", "Packets that left."),
    ("failures", "failures_total", "counter", "Ticks that were given up."),
    ("retries", "retries_total", "counter", "Attempts that failed and were tried again."),
    ("undelivered", "undelivered_total", "counter", "Packets that nobody took before the end."),
    ("dropped", "dropped_total", "counter", "Packets that a bounded connection dropped, as it was told to."),
    ("unmatched", "unmatched_total", "counter", "Packets that found no partner in a join."),
    ("stray", "stray_total", "counter", "Packets put on outports that are neither declared nor connected."),
    ("late", "late_total", "counter", "Outputs that came after the end of their tick."),
    ("busy_s", "busy_seconds_total", "counter", "Time that ticks worked."),
    ("blocked_s", "blocked_seconds_total", "counter", "Time that ticks and their packets waited for room."),
    ("queued", "queued_packets", "gauge", "Packets that wait."),
    ("queue_high_water", "queue_high_water_packets", "gauge", "The most packets that waited at once."),
    ("queue_fill", "queue_fill_ratio", "gauge", "How full the fullest queue is, from 0 to 1."),
)
_STATES = ("waiting", "running", "backing_off", "finished", "failed", "skipped", "cancelled")


class Metrics(str):
    """The text for Prometheus, with what it says of the network as a whole.

    Attributes
    ----------
    state : str
        ``new`` before the first start, ``running``, or how the run ended: ``finished``, ``failed``, ``cancelled``.
    ready : bool
        Whether packets can come in: the network was started and has not ended.
    healthy : bool
        Whether nothing has gone so wrong that somebody should look: the run did not fail, and no node has.

    Examples
    --------
    >>> from offbit_reflow import Network
    >>> net = Network()
    >>> net.add_node("a", "tpl_passthrough")
    >>> net.add_outport("out", "a", "output")
    >>> metrics = net.metrics()
    >>> metrics.state, metrics.ready, metrics.healthy
    ('new', False, True)
    """

    state: str
    ready: bool
    healthy: bool

    def __new__(cls, text: str, *, state: str, ready: bool, healthy: bool) -> Self:  # noqa: D102
        metrics = super().__new__(cls, text)
        metrics.state, metrics.ready, metrics.healthy = state, ready, healthy
        return metrics

    def __repr__(self) -> str:
        return f"<Metrics of a network that is {self.state}, {len(self.splitlines()):,} lines; print() shows them>"


def of(network: Seeing) -> Metrics:
    """Write down the metrics of a network; see `Network.metrics`.

    Examples
    --------
    >>> from offbit_reflow import Network
    >>> net = Network()
    >>> net.add_node("a", "tpl_passthrough")
    >>> net.add_outport("out", "a", "output")
    >>> from offbit_reflow import metrics
    >>> metrics.of(net) == net.metrics()
    True
    """
    try:
        run = network._run
        stats = run.stats()
        state = str(run.report()["state"])
    except NetworkError:
        stats, state = {}, "new"
    ready = network.is_running
    failed = sorted(node for node, row in stats.items() if row["state"] == "failed")
    healthy = state != "failed" and not failed
    lines = [
        *_metric("reflow_info", "gauge", "The version of the runtime.", [({"version": _native.__version__}, 1)]),
        *_metric("reflow_healthy", "gauge", "1 unless the run or a node of it has failed.", [({}, int(healthy))]),
        *_metric("reflow_ready", "gauge", "1 while packets can come in.", [({}, int(ready))]),
        *_metric("reflow_nodes", "gauge", "Nodes of the network.", [({}, len(network._nodes()))]),
    ]
    for key, name, kind, help_text in _NODE_METRICS:
        rows = [(_labels(node, row), row[key]) for node, row in stats.items() if key in row]
        if rows:
            lines += _metric(f"reflow_node_{name}", kind, help_text, rows)
    if stats:
        states: list[tuple[Mapping[str, str], float]] = [
            ({**_labels(node, row), "state": one}, int(row["state"] == one))
            for node, row in stats.items()
            for one in (_STATES if row["state"] in _STATES else (*_STATES, row["state"]))
        ]
        lines += _metric("reflow_node_state", "gauge", "1 for the state that the node is in.", states)
    return Metrics("\n".join(lines) + "\n", state=state, ready=ready, healthy=healthy)


def _labels(node: str, row: Mapping[str, Any]) -> dict[str, str]:
    return {"node": node, "component": str(row.get("component", ""))}


def _metric(name: str, kind: str, help_text: str, rows: Iterable[tuple[Mapping[str, str], float]]) -> list[str]:
    lines = [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"]
    for labels, value in rows:
        inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{inner}}} {_number(value)}" if inner else f"{name} {_number(value)}")
    return lines


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(float(value))


class MetricsServer:
    """Serves ``/metrics``, ``/health`` and ``/ready`` of a network while the block runs.

    ``/health`` is 200 or 503 by `Metrics.healthy`, ``/ready`` by `Metrics.ready`; their body is a JSON object with the state.
    ``/healthz``, ``/livez`` and ``/readyz`` are the same by other names.

    Parameters
    ----------
    network : Network
        Of which network.
    address : str
        ``HOST:PORT``, ``:PORT`` or ``PORT``; without a host this machine alone is served (``127.0.0.1``). Port 0
        takes a free one.

    Attributes
    ----------
    address : str
        Where it listens, as ``HOST:PORT``.

    Raises
    ------
    ValueError
        If the address is none.
    OSError
        If the address cannot be listened on.

    Examples
    --------
    >>> from offbit_reflow import Network
    >>> net = Network()
    >>> net.add_node("a", "tpl_passthrough")
    >>> net.add_outport("out", "a", "output")
    >>> import urllib.request
    >>> from offbit_reflow.metrics import MetricsServer
    >>> with net, MetricsServer(net, "127.0.0.1:0") as server:
    ...     net.start()
    ...     with urllib.request.urlopen(f"http://{server.address}/ready") as answer:
    ...         print(answer.read().decode())
    {"status": "ok", "state": "running"}
    """

    def __init__(self, network: Network, address: str) -> None:
        host, port = parse_address(address)
        self._server = _Server((host, port), network)
        name = self._server.server_address
        self.address = f"[{name[0]!s}]:{name[1]}" if ":" in str(name[0]) else f"{name[0]!s}:{name[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="reflow-metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def parse_address(address: str) -> tuple[str, int]:
    """Read ``HOST:PORT``.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> from offbit_reflow.metrics import parse_address
    >>> parse_address(":9464")
    ('127.0.0.1', 9464)
    """
    host, _, port = address.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{address!r} is no address; expected HOST:PORT, such as 127.0.0.1:9464")
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)


#: Clients that are answered at once; more are hung up on.
MOST_CLIENTS = 64


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], network: Network) -> None:
        self.network = network
        if ":" in address[0]:
            import socket

            self.address_family = socket.AF_INET6
        self._free = threading.BoundedSemaphore(MOST_CLIENTS)
        super().__init__(address, _Handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Take a client if there is room for it."""
        return self._free.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer a client in a thread of its own."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away."""


class _Handler(BaseHTTPRequestHandler):
    #: How long a client may be silent, in seconds.
    timeout = 10
    server: _Server
    server_version = "reflow"
    sys_version = ""

    def do_GET(self) -> None:
        path = self.path.split("?", 1)[0].rstrip("/")
        if path in ("/metrics", "/health", "/healthz", "/livez", "/ready", "/readyz"):
            metrics = of(self.server.network)
            if path == "/metrics":
                self._answer(200, CONTENT_TYPE, metrics)
            else:
                well = metrics.ready if path.startswith("/ready") else metrics.healthy
                body = {"status": "ok" if well else "unavailable", "state": metrics.state}
                self._answer(200 if well else 503, "application/json", json.dumps(body) + "\n")
        elif path == "":
            self._answer(200, "text/plain; charset=utf-8", "/metrics\n/health\n/ready\n")
        else:
            self._answer(404, "text/plain; charset=utf-8", "there are /metrics, /health and /ready\n")

    do_HEAD = do_GET  # noqa: N815  # the name of the base class

    def _answer(self, status: int, content_type: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name of the base class
        """Say nothing: whoever asks knows, and standard error is for the run."""


__all__ = ["CONTENT_TYPE", "Metrics", "MetricsServer", "of", "parse_address"]
