"""Resuming a run with very many packets in a log: the time to its first tick, and the memory until all are read.

python benches/resume_log.py [--packets 1000000]
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from offbit_reflow import Actor, Network


class Source(Actor):
    """Gives numbers in batches that share a checkpoint."""

    outports = ["out"]

    def run(self, ctx: Any) -> Any:
        """Go on where it was."""
        for number in range(ctx.last_checkpoint or 0, ctx.config["n"]):
            if number % 1000 == 0:
                ctx.checkpoint(number)
            yield {"out": number}


class Sink(Actor):
    """Takes what the log has."""

    inports = ["x"]
    ticks = 0
    first = 0.0

    def run(self, ctx: Any) -> Any:
        """Count; the process that fills the log takes none."""
        while ctx.config["waits"]:
            time.sleep(60)
        Sink.ticks += 1
        if Sink.ticks == 1:
            Sink.first = time.perf_counter()
        return {}


def network(store: Path, packets: int, *, waits: bool) -> Network:
    """Make a source and a sink with a log between them."""
    net = Network(store=store, run_id="log")
    net.register_actor("source", Source)
    net.register_actor("sink", Sink)
    net.add_node("source", "source", {"n": packets})
    net.add_node("sink", "sink", {"waits": waits})
    net.add_connection("source", "out", "sink", "x", log=True)
    return net


def fill(store: Path, packets: int) -> None:
    """Fill the log, and die as a process does that is killed."""
    net = network(store, packets, waits=True)
    net.start()
    while net.stats()["source"]["state"] != "finished":
        time.sleep(0.1)
    net._run.sync()
    os._exit(0)


def main() -> None:
    """Fill, resume, tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--fill", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.fill:
        fill(arguments.fill, arguments.packets)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "runs.db"
        command = [sys.executable, __file__, "--packets", str(arguments.packets), "--fill", str(store)]
        subprocess.run(command, check=True)
        net = Network.resume(
            "log", store=store, graph=network(store, arguments.packets, waits=False).to_graph(), force=True
        )
        net.register_actor("source", Source)
        net.register_actor("sink", Sink)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        start = time.perf_counter()
        result = net.run()
        took = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        assert Sink.ticks == arguments.packets == result.nodes["sink"]["ticks"]
        size = store.stat().st_size >> 20
        print(f"{arguments.packets:,} packets in the log ({size} MiB): first tick after {Sink.first - start:.3f} s,")
        print(f"all read in {took:.1f} s; memory from {before} to {after} MiB at most")


if __name__ == "__main__":
    main()
