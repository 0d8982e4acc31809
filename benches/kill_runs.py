"""Kill runs at random moments and go on with them: inside, everything has to be done exactly once.

    python benches/kill_runs.py --kills 500

One graph has fan-out, a join, retries, failures for good, pools, a log, pieces and batches; another one maps over lists and
gathers them: ``tests/runtime/durable_graph.py``. Random ones gather several branches: ``tests/runtime/durable_lists.py``.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from offbit_reflow import Network

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "runtime"))

import durable_graph
import durable_lists


def main() -> None:
    """Kill, go on, check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--packets", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    kills = runs = 0
    while kills < arguments.kills:
        lists = [f"lists{chance.randrange(1000)}" for _ in range(4)]
        source = chance.choice([*durable_graph.SOURCES, *durable_graph.WAYS, *lists])
        gathers = source in durable_graph.WAYS
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder) / "runs.db"
            for _ in range(20):
                size = "lists" if gathers else str(arguments.packets)
                command = [sys.executable, durable_graph.__file__, str(store), source, size]
                if source in lists:
                    command[1:] = [durable_lists.__file__, str(store), source]
                process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                assert process.stdout is not None
                process.stdout.readline()
                try:
                    process.communicate(timeout=chance.uniform(0.0, 0.2))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
                    kills += 1
                    continue
                if process.returncode:
                    raise SystemExit(f"a run failed with source {source}")
                break
            network = Network(store=store, run_id="a")
            if source in lists:
                seed = int(source.removeprefix("lists"))
                durable_lists.check(durable_lists.build(network, seed).run(timeout=120), seed)
            elif gathers:
                inputs = {"split.items": iter(durable_graph.LISTS)}
                durable_graph.check_gathered(durable_graph.gathering(network, source).run(inputs, timeout=120))
            else:
                durable_graph.build(network, source, arguments.packets)
                durable_graph.check(network.run(timeout=120), arguments.packets)
            with sqlite3.connect(store) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        runs += 1
        print(f"{kills} kills, {runs} runs: each packet exactly once", flush=True)


if __name__ == "__main__":
    main()
