"""Kill runs at random moments and go on with them: inside, everything has to be done exactly once.

    python benches/kill_runs.py --kills 500

One graph has fan-out, a join, retries, failures for good, pools, a log, pieces and batches; another one maps over lists and
gathers them: ``tests/runtime/durable_graph.py``. Random ones gather several branches: ``tests/runtime/durable_lists.py``; or
have actors of all styles, diamonds, lists of lists and components that keep packets: ``tests/runtime/durable_styles.py``.
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
import durable_styles

#: Modules of random graphs, by what the name of one begins with.
RANDOM = {"lists": durable_lists, "styles": durable_styles}


def main() -> None:
    """Kill, go on, check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--packets", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--longest", type=float, default=0.3, help="seconds that a process lives; more on a busy machine"
    )
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    kills = runs = 0
    while kills < arguments.kills:
        seeds = [f"{kind}{chance.randrange(1000)}" for kind in RANDOM for _ in range(4)]
        source = chance.choice([*durable_graph.SOURCES, *durable_graph.WAYS, *seeds])
        made = RANDOM.get(source.rstrip("0123456789"))
        gathers = source in durable_graph.WAYS
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder) / "runs.db"
            for _ in range(20):
                size = "lists" if gathers else str(arguments.packets)
                command = [sys.executable, durable_graph.__file__, str(store), source, size]
                if made:
                    command[1:] = [str(made.__file__), str(store), source]
                process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                assert process.stdout is not None
                process.stdout.readline()
                try:
                    process.communicate(timeout=chance.uniform(0.0, arguments.longest))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
                    kills += 1
                    continue
                if process.returncode:
                    raise SystemExit(f"a run failed with source {source}")
                break
            network = Network(store=store, run_id="a")
            if made:
                seed = int(source.lstrip("abcdefghijklmnopqrstuvwxyz"))
                made.check(made.build(network, seed).run(timeout=120), seed)
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
