"""After a loss of power a run goes on from what the disk holds: what was promised is there, inside everything is once."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from offbit_reflow import Actor, Network

from . import durable_graph, durable_lists, power_loss

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="records by what is loaded before the C library of Linux"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler"),
]

SENDER = """
import sys
from tests.runtime.test_power_loss import payload, sending

net = sending(sys.argv[1])
with net:
    net.start()
    for number in range(int(sys.argv[2])):
        net.send("a", "in", payload(number))
        print("sent", number, flush=True)
    net.close_inputs()
    net.wait(timeout=60)
"""


class Pass(Actor):
    inports, outports = ["in"], ["out"]

    def run(self, ctx):
        ctx.done({"out": ctx["in"]})


def payload(number: int) -> bytes:
    """Give a payload; some are large, and some of those equal but for the number at their end."""
    size = 70_000 if number % 3 == 0 else 10
    return bytes([number // 6]) * size + number.to_bytes(4, "big") * (number % 2)


def sending(store: str) -> Network:
    """Make a network whose packets come from outside."""
    net = Network(store=store, run_id="a")
    net.register_actor("pass", Pass)
    net.add_node("a", "pass")
    net.add_node("b", "pass")
    net.add_connection("a", "out", "b", "in")
    net.add_outport("out", "b", "out")
    return net


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return power_loss.shim(tmp_path_factory.mktemp("shim"))


def lost(log, root, tmp_path, count, seed):
    """Give stores as they are found after losses, and what was said before."""
    chance = random.Random(seed)
    for at, disk in enumerate(power_loss.losses(log, root, chance, count)):
        folder = tmp_path / str(at)
        folder.mkdir()
        disk.after_loss(folder, chance if at % 3 else None)
        store = folder / "runs.db"
        if store.exists():
            with contextlib.closing(sqlite3.connect(store)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        yield store, disk.said.decode()
        shutil.rmtree(folder)


def lose_and_go_on(library, folder, way, count, seed):
    """Record a run, take the power from it so often, and go on."""
    root, size = folder / "root", 30
    root.mkdir()
    store = str(root / "runs.db")
    if way == "outside":
        here = str(Path(__file__).parent.parent.parent)
        command = ["-c", f"import sys; sys.path.insert(0, {here!r})\n{SENDER}", store, str(size)]
    elif way.startswith("lists"):
        command = [durable_lists.__file__, store, way]
    else:
        command = [durable_graph.__file__, store, way, "lists" if way in durable_graph.WAYS else str(size)]
    log = power_loss.record(library, root, [sys.executable, *command], 60)
    for found, said in lost(log, root, folder, count, seed):
        store = str(found)
        if way == "outside":
            with sending(store) as net:
                outputs = net.run(timeout=60).outputs.get("out", [])
            assert outputs == [payload(number) for number in range(len(outputs))], "in order, each once"
            assert said.count("sent") <= len(outputs) <= said.count("sent") + 1
            continue
        with Network(store=store, run_id="a") as net:
            if way.startswith("lists"):
                seed = int(way.removeprefix("lists"))
                durable_lists.check(durable_lists.build(net, seed).run(timeout=60), seed)
            elif way in durable_graph.WAYS:
                inputs = {"split.items": iter(durable_graph.LISTS)}
                durable_graph.check_gathered(durable_graph.gathering(net, way).run(inputs, timeout=60))
            else:
                durable_graph.check(durable_graph.build(net, way, size).run(timeout=60), size)


@pytest.mark.parametrize("way", [*durable_graph.SOURCES, "yield", *(f"lists{seed}" for seed in range(7))])
def test_a_run_goes_on_after_a_loss_of_power(library, tmp_path, way):
    lose_and_go_on(library, tmp_path, way, 12, 0)


@pytest.mark.filterwarnings("ignore:run `a`. its inputs had not all come")
def test_what_was_taken_in_survives_a_loss_of_power(library, tmp_path):
    lose_and_go_on(library, tmp_path, "outside", 40, 1)


def test_the_model_loses_what_is_not_synced():
    disk = power_loss.Disk("/r")
    disk.follow("O", 3, 0, b"/r/a", b"")
    disk.follow("W", 3, 0, b"xy", b"")
    file = disk.now.entries["/r/a"]
    assert (file.after_loss(None), "/r/a" in disk.certain.entries) == (b"", False)
    disk.follow("S", 3, 0, b"", b"")
    disk.follow("W", 3, 1, b"z", b"")
    assert (file.after_loss(None), "/r/a" in disk.certain.entries) == (b"xy", False)
    disk.follow("O", 4, 0, b"/r", b"")
    disk.follow("S", 4, 0, b"", b"")
    assert disk.certain.entries["/r/a"] is file
    found = {bytes(file.after_loss(random.Random(seed))) for seed in range(20)}
    assert found == {b"xy", b"xz"}


def test_pages_are_lost_one_by_one_and_each_as_it_was_at_some_moment():
    file = power_loss.File()
    for byte in (1, 2):
        for at in (0, power_loss.PAGE):
            file.write(at, bytes([byte]) * power_loss.PAGE)
    lost = {file.after_loss(random.Random(seed)) for seed in range(200)}
    assert {len(content) for content in lost} == {0, power_loss.PAGE, 2 * power_loss.PAGE}
    whole = {(content[0], content[-1]) for content in lost if len(content) == 2 * power_loss.PAGE}
    assert whole >= {(0, 1), (1, 1), (2, 1), (2, 2)}
