"""Take the power from recorded runs at random moments and go on with what a disk may hold then.

    python benches/power_loss.py --losses 500

What is promised has to be there, and inside everything is done exactly once: ``tests/runtime/test_power_loss.py`` says what is
tried, ``tests/runtime/power_loss.py`` what a disk may hold.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.runtime import durable_graph, power_loss, test_power_loss


def main() -> None:
    """Record, lose, go on, check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--losses", type=int, default=500)
    parser.add_argument("--each", type=int, default=25, help="losses of one recorded run")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", RuntimeWarning)
    chance = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        library = power_loss.shim(Path(folder))
        done = 0
        while done < arguments.losses:
            lists = [f"lists{chance.randrange(1000)}" for _ in range(4)]
            way = chance.choice([*durable_graph.SOURCES, *durable_graph.WAYS, "outside", *lists])
            with tempfile.TemporaryDirectory() as place:
                test_power_loss.lose_and_go_on(library, Path(place), way, arguments.each, chance.randrange(1 << 30))
            done += arguments.each
            print(f"{done} losses of power: what was promised is there, each packet once", flush=True)


if __name__ == "__main__":
    main()
