"""Components that keep packets for a while, in runs with a store that are gone on with."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from offbit_reflow import Network, Store, actor

SOON = 20.0
CONFIGS = {
    "tpl_delay": {"delayMs": 400},
    "tpl_collect": {"count": 8, "unwrap": True},
    "tpl_collect that is late": {"count": 8, "unwrap": True, "timeoutMs": 400},
}
COUNT = 20


def network(name: str, *, from_json: bool = False) -> Network:
    component = name.split()[0]
    net = Network()
    net.add_node("keeps", component, CONFIGS[name])
    net.add_inport("in", "keeps", "input")
    net.add_outport("out", "keeps", "output")
    return Network.from_graph(net.to_graph().to_json()) if from_json else net


def items_of(outputs: list[Any]) -> list[int]:
    return [item for output in outputs for item in (output if isinstance(output, list) else [output])]


@pytest.mark.timeout(90)
@pytest.mark.parametrize("from_json", [False, True], ids=["built", "from JSON"])
@pytest.mark.parametrize("name", CONFIGS)
def test_what_a_component_keeps_is_there_for_who_goes_on(tmp_path: Path, name: str, from_json: bool) -> None:
    store = tmp_path / "runs.db"
    with network(name, from_json=from_json) as net:
        net.start(store=store, run_id="a")
        for number in range(COUNT):
            net.send("keeps", "input", number)
        deadline = time.monotonic() + SOON
        while net.stats()["keeps"]["ticks"] < COUNT and time.monotonic() < deadline:
            time.sleep(0.005)
        net.shutdown(grace=SOON)
    result = network(name, from_json=from_json).run(
        {"in": iter(range(2 * COUNT))}, store=store, run_id="a", timeout=SOON
    )
    assert items_of(result.outputs["out"]) == [*range(2 * COUNT)]
    (run,) = Store(store).runs()
    assert run.state == "finished"


@pytest.mark.timeout(60)
def test_a_run_can_be_gone_on_with_as_soon_as_shutdown_has_returned(tmp_path: Path) -> None:
    """Also while the network that was shut down is still there."""
    nets = []
    for _ in range(30):
        net = network("tpl_delay")
        nets.append(net)
        net.start(store=tmp_path / "runs.db", run_id="a")
        net.send("keeps", "input", 1)
        net.shutdown(grace=SOON)


@pytest.mark.timeout(60)
def test_lists_that_several_ticks_of_a_component_gather_leave_nothing(tmp_path: Path) -> None:
    """Else they would be gathered again by whoever goes on."""

    @actor
    def items(values: list[int]) -> Iterator[int]:
        yield from values

    net = Network()
    net.register_actor("items", items)
    net.add_node("items", "items")
    net.add_node("waits", "tpl_delay", {"delayMs": 1}, firing={"gather": "items"}, policy={"concurrency": 2})
    net.add_connection("items", "out", "waits", "input")
    net.add_inport("values", "items", "values")
    net.add_outport("out", "waits", "output")
    result = net.run({"values": iter([[1, 2], [], [3]])}, store=tmp_path / "runs.db", timeout=SOON)
    assert sorted(result.outputs["out"]) == [[], [1, 2], [3]]
    with contextlib.closing(sqlite3.connect(tmp_path / "runs.db")) as connection:
        assert connection.execute("SELECT count(*) FROM pools").fetchone() == (0,)


BEGINS = """
import sys
from offbit_reflow import Network
net = Network(store=sys.argv[1], run_id="a")
net.add_node("all", "tpl_loop")
net.add_initial("all", "collection", list(range(300)))
net.add_outport("out", "all", "item")
print("ready", flush=True)
sys.stdin.readline()
try:
    print(len(net.run(timeout=60).outputs["out"]))
except Exception as error:
    print(error)
"""


@pytest.mark.timeout(120)
def test_of_several_processes_that_begin_a_run_at_once_one_does(tmp_path: Path) -> None:
    for turn in range(4):
        command = [sys.executable, "-c", BEGINS, str(tmp_path / f"{turn}.db")]
        begin = partial(subprocess.Popen, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        processes = [begin() for _ in range(4)]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        said = [process.communicate(timeout=60)[0].strip() for process in processes]
        assert "300" in said
        assert all(words in ("300", "refused") for words in map(outcome_of, said)), said


def outcome_of(said: str) -> str:
    return "refused" if "is working on run" in said or "there is a run" in said else said
