"""Ticks that no packet names, in runs that are gone on with: those of sources, and of lists that nothing is left of."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from offbit_reflow import Actor, Network

from .support import SOON


class Life:
    """What the ticks of one life of a run do, and how far they are."""

    def __init__(self, holds: bool) -> None:
        self.holds = holds
        self.held = threading.Semaphore(0)
        self.keys: dict[int, str] = {}

    async def hold(self) -> None:
        """Go no further in a life that is to end here."""
        if self.holds:
            self.held.release()
            await asyncio.sleep(3600)

    def end(self, net: Network, ticks: int) -> None:
        """Stop the run when so many ticks are held."""
        net.start()
        for _ in range(ticks):
            assert self.held.acquire(timeout=SOON)
        net.shutdown(grace=SOON)


@pytest.mark.timeout(60)
def test_a_source_whose_ticks_overtake_each_other_goes_on_where_it_was(tmp_path: Path) -> None:
    def network(life: Life) -> Network:
        class Source(Actor):
            inports, outports = [], ["out"]

            def __init__(self) -> None:
                self.number = 0

            async def run(self, ctx: Any) -> Any:
                self.number += 1
                number = self.number
                if number > 3:
                    ctx.finish()
                    await life.hold()
                    return {}
                if number == 1:
                    await life.hold()
                return {"out": number}

        net = Network(store=tmp_path / "runs.db", run_id="a")
        net.register_actor("source", Source)
        net.add_node("source", "source", policy={"concurrency": 4, "ordered": False})
        net.add_outport("out", "source", "out")
        return net

    life = Life(holds=True)
    life.end(network(life), 2)  # the first tick is held, and two others have ended
    assert Counter(network(Life(holds=False)).run(timeout=SOON).outputs["out"]) == Counter([1, 2, 3])


LISTS = {"an empty list": [], "a list of which a filter drops all": [0, 0]}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("items", LISTS.values(), ids=LISTS)
def test_a_list_without_results_is_the_same_one_after_a_restart(tmp_path: Path, items: list[int]) -> None:
    """It is gathered as the second one in the first life, and may be the first one in the next."""

    def network(life: Life) -> Network:
        class Items(Actor):
            inports, outports = ["lists"], ["out"]

            def run(self, ctx: Any) -> Any:
                for item in ctx["lists"]:
                    yield {"out": item}

        class Drops(Actor):
            inports, outports = ["x"], ["out"]

            def run(self, ctx: Any) -> Any:
                return {"out": ctx["x"]} if ctx["x"] else {}

        class Table(Actor):
            inports, outports = ["x"], ["out"]

            async def run(self, ctx: Any) -> Any:
                count = len(ctx["x"])
                life.keys[count] = await asyncio.to_thread(lambda: ctx.idempotency_key)
                yield {"out": ["begins", count]}
                await life.hold()
                yield {"out": ["ends", count]}

        net = Network(store=tmp_path / "runs.db", run_id="a")
        for component in (Items, Drops, Table):
            net.register_actor(component.__name__, component)
        net.add_node("items", "Items")
        net.add_node("drops", "Drops")
        net.add_node("table", "Table", firing={"gather": "items"}, policy={"concurrency": 2, "ordered": False})
        net.add_connection("items", "out", "drops", "x")
        net.add_connection("drops", "out", "table", "x")
        net.add_inport("lists", "items", "lists")
        net.add_outport("out", "table", "out")
        return net

    first, second = Life(holds=True), Life(holds=False)
    net = network(first)
    net.start()
    for lists in ([1, 2, 3], items):
        net.send("items", "lists", lists)
        assert first.held.acquire(timeout=SOON)
    net.shutdown(grace=SOON)
    result = network(second).run({"lists": iter([[1, 2, 3], items])}, timeout=SOON)
    wanted = [[word, count] for word in ("begins", "ends") for count in (3, len(items))]
    assert sorted(result.outputs["out"]) == sorted(wanted)
    assert first.keys == second.keys
    assert len(set(first.keys.values())) == 2
