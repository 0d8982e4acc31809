"""Durable steps a second: a chain of four nodes in a run with a store, beside DBOS on SQLite and plain inserts, in one run.

    python benches/durable_steps.py [--packets 20000] [--folder DIR]

DBOS is measured if it is installed (``pip install dbos``). Plain inserts are the same rows, one a step, by `sqlite3` in batches
of 1,000, each committed and synced. The latency of a single durable step is a run of one packet through one node, beside one
``fsync`` of the same disk.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from offbit_reflow import Network, actor

CHAIN = 4


@actor
def step(x: Any) -> Any:
    """Do next to nothing."""
    return x + 1


def _network(store: Path | None, nodes: int = CHAIN) -> Network:
    net = Network(store=store)
    net.register_actor("step", step)
    for at in range(nodes):
        net.add_node(f"n{at}", "step")
        if at:
            net.add_connection(f"n{at - 1}", "out", f"n{at}", "x")
    return net


def reflow(packets: int, store: Path | None) -> float:
    """Steps a second of a run."""
    net = _network(store)
    start = time.perf_counter()
    result = net.run(inputs={"n0.x": iter(range(packets))})
    took = time.perf_counter() - start
    assert result.nodes[f"n{CHAIN - 1}"]["ticks"] == packets
    return packets * CHAIN / took


def inserts(rows: int, path: Path) -> float:
    """Rows a second of plain inserts in batches."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute("PRAGMA synchronous = full")
    connection.execute("CREATE TABLE steps (id INTEGER PRIMARY KEY, node TEXT, position INTEGER, value BLOB)")
    start = time.perf_counter()
    for first in range(0, rows, 1000):
        batch = [
            (f"n{at % CHAIN}", at, b"\x02" + at.to_bytes(8, "little")) for at in range(first, min(first + 1000, rows))
        ]
        with connection:
            connection.executemany("INSERT INTO steps (node, position, value) VALUES (?, ?, ?)", batch)
    took = time.perf_counter() - start
    connection.close()
    return rows / took


def dbos(packets: int, path: Path) -> float | None:
    """Steps a second of DBOS workflows with four steps each."""
    if importlib.util.find_spec("dbos") is None:
        return None
    from dbos import DBOS  # type: ignore[import-not-found]  # measured where it is installed

    DBOS(config={"name": "bench", "system_database_url": f"sqlite:///{path}"})

    @DBOS.step()
    def one(x: int) -> int:
        return x + 1

    @DBOS.workflow()
    def chain(x: int) -> int:
        for _ in range(CHAIN):
            x = one(x)
        return x

    DBOS.launch()
    start = time.perf_counter()
    for packet in range(packets):
        chain(packet)
    took = time.perf_counter() - start
    DBOS.destroy()
    return packets * CHAIN / took


def latency(folder: Path) -> tuple[float, float]:
    """Milliseconds of a single durable step, and of one fsync: medians."""
    steps, syncs = [], []
    with _network(folder / "single.db", 1) as net:
        net.start()
        for packet in range(50):
            start = time.perf_counter()
            net.send("n0", "x", packet)
            steps.append(time.perf_counter() - start)
    with open(folder / "file", "wb") as file:
        for _ in range(50):
            start = time.perf_counter()
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
            syncs.append(time.perf_counter() - start)
    return statistics.median(steps) * 1000, statistics.median(syncs) * 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packets", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, help="where the databases are; a temporary folder by default")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        rows = arguments.packets * CHAIN
        reflow(1000, folder / "warm.db")
        kept = reflow(arguments.packets, folder / "runs.db")
        plain = inserts(rows, folder / "plain.db")
        free = reflow(arguments.packets, None)
        other = dbos(min(200, arguments.packets), folder / "dbos.sqlite")
        one, sync = latency(folder)
    print(f"without a store    {free:12,.0f} steps/s")
    print(f"with a store       {kept:12,.0f} steps/s")
    print(f"plain inserts      {plain:12,.0f} rows/s   ({kept / plain:.2f} of them)")
    if other is None:
        print("dbos               not installed")
    else:
        print(f"dbos               {other:12,.0f} steps/s  ({kept / other:,.0f} times as many with a store)")
    print(f"one durable step   {one:12.2f} ms; one fsync {sync:.2f} ms")


if __name__ == "__main__":
    main()
