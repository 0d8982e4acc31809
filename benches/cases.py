"""What is measured: every case, its peers, and how much work each of them gets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: The column that the others are compared with.
OURS = "reflow"


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes
    ----------
    name : str
        What is measured, for people.
    function : str
        The function that measures it, in the script of each peer.
    unit : str
        What the number counts.
    peers : dict
        For each peer the arguments of the function; slow peers get less work, all numbers are rates or times of one thing.
    lower_is_better : bool
        For times and sizes.
    """

    name: str
    function: str
    unit: str
    peers: dict[str, dict[str, Any]] = field(default_factory=dict)
    lower_is_better: bool = False


def _chain(nodes: int) -> Case:
    work = 400_000 // nodes
    return Case(
        f"chain of {nodes} Python actors, tagged messages",
        "chain",
        "ticks/s",
        {
            OURS: {"nodes": nodes, "packets": work},
            "direct call": {"nodes": nodes, "packets": work},
            "0.2.9": {"nodes": nodes, "packets": 8_000 // nodes},
            "asyncio.Queue": {"nodes": nodes, "packets": work // 4},
            "threads": {"nodes": nodes, "packets": work // 16},
            "pykka": {"nodes": nodes, "packets": work // 40},
        },
    )


def _plain_chain(nodes: int) -> Case:
    work = 400_000 // nodes
    arguments = {"nodes": nodes, "packets": work, "style": "plain"}
    return Case(
        f"chain of {nodes} Python actors, plain values",
        "chain",
        "ticks/s",
        {OURS: arguments, "direct call": arguments},
    )


def _coroutines(what: str, style: str) -> Case:
    arguments = {"nodes": 4, "packets": 20_000, "style": style}
    return Case(
        f"chain of 4 async actors that {what}", "coroutines", "ticks/s", {OURS: arguments, "asyncio.Queue": arguments}
    )


def _payload(name: str, kind: str, packets: int, slow: int = 0) -> Case:
    arguments = {"kind": kind, "nodes": 8}
    return Case(
        f"{name} through 8 nodes",
        "payload",
        "packets/s",
        {
            OURS: {**arguments, "packets": packets},
            "direct call": {**arguments, "packets": packets},
            **({"0.2.9": {**arguments, "packets": slow}} if slow else {}),
            "asyncio.Queue": {**arguments, "packets": packets},
            "threads": {**arguments, "packets": packets},
        },
    )


CASES = [
    *(_chain(nodes) for nodes in (1, 4, 16)),
    *(_plain_chain(nodes) for nodes in (1, 4, 16)),
    _coroutines("wait for nothing", "async"),
    _coroutines("give way once", "pausing"),
    Case(
        "chain of 4 batch actors, 100 a batch",
        "batches",
        "packets/s",
        {OURS: {"nodes": 4, "packets": 400_000}, "bytewax": {"nodes": 4, "packets": 400_000}},
    ),
    Case(
        "fan-out to 8 Python actors, fan-in to 1",
        "fan",
        "ticks/s",
        {
            OURS: {"width": 8, "packets": 25_000},
            "direct call": {"width": 8, "packets": 25_000},
            "0.2.9": {"width": 8, "packets": 500},
            "asyncio.Queue": {"width": 8, "packets": 8_000},
            "threads": {"width": 8, "packets": 2_000},
        },
    ),
    Case(
        "native chain, 32 hops",
        "native",
        "hops/s",
        {
            OURS: {"nodes": 33, "packets": 200_000},
            "0.2.9": {"nodes": 32, "packets": 2_000},
            "tokio mpsc": {"nodes": 33, "packets": 200_000},
            "crossbeam": {"nodes": 33, "packets": 200_000},
        },
    ),
    *(
        Case(
            f"one packet to a Python actor and back, p{percent}",
            "latency",
            "µs",
            {
                peer: {"rounds": 300 if peer == "0.2.9" else 3_000, "percent": percent}
                for peer in (OURS, "0.2.9", "asyncio.Queue", "threads", "pykka")
            },
            lower_is_better=True,
        )
        for percent in (50, 99)
    ),
    *(
        Case(
            f"one packet from outside and back, p{percent}",
            "outside_latency",
            "µs",
            {peer: {"rounds": 3_000, "percent": percent} for peer in (OURS, "threads", "pykka")},
            lower_is_better=True,
        )
        for percent in (50, 99)
    ),
    _payload("1 MiB of bytes", "bytes", 5_000, 2),
    _payload("a dict of 1,000 keys", "dict", 2_000, 40),
    *(
        Case(
            f"a dict of 1,000 keys, changed in each of 8 nodes{words}",
            "changed",
            "packets/s",
            {OURS: {"nodes": 8, "packets": 5_000, "how": how}}
            | {peer: {"nodes": 8, "packets": 5_000} for peer in ("direct call", "asyncio.Queue")},
        )
        for words, how in (("", "returned"), (", passed to `done`", "done"))
    ),
    _payload("a list of 1,000 floats", "floats", 5_000, 40),
    _payload("a NumPy array of 1 MiB", "array", 5_000),
    _payload("a pandas DataFrame of 10,000 rows", "frame", 5_000),
    Case(
        "diamond of Python actors",
        "diamond",
        "packets/s",
        {
            OURS: {"packets": 50_000},
            "by position": {"packets": 50_000, "by": "position"},
            "asyncio.Queue": {"packets": 20_000},
        },
    ),
    Case(
        "consumer of some 20 µs a packet behind a fast source",
        "slow_consumer",
        "packets/s",
        {peer: {"packets": 20_000} for peer in (OURS, "direct call", "asyncio.Queue")},
    ),
    Case(
        "two CPU-bound nodes beside one, free-threaded Python",
        "cores",
        "times",
        {OURS: {"packets": 100_000}},
    ),
    Case(
        "stream of 64 KiB frames",
        "stream",
        "MiB/s",
        {
            OURS: {"frames": 40_000},
            "0.2.9": {"frames": 2_000},
            "asyncio.Queue": {"frames": 40_000},
            "threads": {"frames": 20_000},
        },
    ),
    Case(
        "start and stop of 1,000 nodes",
        "start_stop",
        "ms",
        {peer: {"nodes": 1_000} for peer in (OURS, "0.2.9", "asyncio.Queue", "threads", "pykka")},
        lower_is_better=True,
    ),
    Case(
        "import",
        "import_time",
        "ms",
        {peer: {} for peer in (OURS, "0.2.9", "bytewax", "pykka")},
        lower_is_better=True,
    ),
    Case(
        "memory a node",
        "memory",
        "KiB",
        {peer: {"nodes": 1_000} for peer in (OURS, "0.2.9", "asyncio.Queue", "threads", "pykka")},
        lower_is_better=True,
    ),
    Case(
        "memory a native node",
        "memory",
        "KiB",
        {OURS: {"nodes": 1_000, "component": "tpl_passthrough"}},
        lower_is_better=True,
    ),
    Case(
        "memory growth, a million packets through 2 nodes",
        "growth",
        "MiB",
        {peer: {"packets": 1_000_000} for peer in (OURS, "asyncio.Queue")} | {"threads": {"packets": 200_000}},
        lower_is_better=True,
    ),
    *(
        Case(
            f"100,000 idle nodes in a row, {words}",
            "idle_nodes",
            "s",
            {peer: {"nodes": 100_000, "what": what} for peer in (OURS, "asyncio.Queue")},
            lower_is_better=True,
        )
        for words, what in (("start", "start"), ("one packet through", "packet"))
    ),
    Case(
        "memory growth, source 10,000 packets of 10 kB ahead of a slow sink",
        "flood",
        "MiB",
        {peer: {"packets": 10_000} for peer in (OURS, "0.2.9", "asyncio.Queue", "threads")},
        lower_is_better=True,
    ),
]

PEERS = list(dict.fromkeys(peer for case in CASES for peer in case.peers if peer != OURS))
