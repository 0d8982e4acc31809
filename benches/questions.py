"""Questions to a running network beside plain asyncio over the same coroutines, and what very many of them leave behind.

    python benches/questions.py [--at-once 1000] [--in-all 100000]

Each coroutine awaits for a while, as one that asks a service would; without a wait the table shows what a question costs.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import time
from collections.abc import Awaitable, Callable
from typing import Any

from offbit_reflow import Network, actor


def network(wait: float, at_once: int) -> Network:
    """Make a network of one async actor."""

    @actor
    async def work(x: Any) -> Any:
        await asyncio.sleep(wait)
        return x + 1

    net = Network()
    net.register_actor("work", work)
    net.add_node("w", "work", policy={"concurrency": at_once})
    net.add_inport("x", "w", "x")
    net.add_outport("out", "w", "out")
    return net


async def seconds(ask: Callable[[int], Awaitable[Any]], count: int, rounds: int = 5) -> float:
    """Time the best of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        await asyncio.gather(*map(ask, range(count)))
        best = min(best, time.perf_counter() - start)
    return best


async def main() -> None:
    """Print a table, then the memory over very many questions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--at-once", type=int, default=1000)
    parser.add_argument("--in-all", type=int, default=100_000)
    arguments = parser.parse_args()
    print(f"{arguments.at_once:,} at once: wait, plain asyncio, questions, times")
    for wait in (0.0, 0.01, 0.1):

        async def plain(x: int, wait: float = wait) -> int:
            await asyncio.sleep(wait)
            return x + 1

        own = await seconds(plain, arguments.at_once)
        with network(wait, arguments.at_once) as net:
            net.start()
            asked = await seconds(lambda x, net=net: net.ask_async({"x": x}), arguments.at_once)
        print(f"  {wait * 1000:5.0f} ms {own * 1000:8.1f} ms {asked * 1000:8.1f} ms {asked / own:6.1f}")
    with network(0.0, arguments.at_once) as net:
        net.start()
        for part in range(5):
            for _ in range(arguments.in_all // arguments.at_once // 5):
                await asyncio.gather(*(net.ask_async({"x": x}) for x in range(arguments.at_once)))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            done = (part + 1) * arguments.in_all // 5
            print(f"after {done:,} questions: {net._run.open_questions} open, peak of memory {peak:,} MiB")


if __name__ == "__main__":
    asyncio.run(main())
