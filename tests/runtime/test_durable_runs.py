"""Runs that outlive their process: killed anywhere, gone on with, nothing lost and nothing doubled inside."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from offbit_reflow import Actor, Network, Store, actor
from offbit_reflow.exceptions import ConfigError, NetworkError, StoreError, UnknownRunError

from . import durable_graph, durable_styles
from .support import run_script

pytestmark = pytest.mark.timeout(120)


def _run_until_killed(store: Path, source: str, count: int | str, delay: float) -> bool:
    """Run the graph in a process of its own and kill it; whether it was faster."""
    return _runs_in([durable_graph.__file__, str(store), source, str(count)], delay)


def _runs_in(script: list[str], delay: float) -> bool:
    command = [sys.executable, *script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it has begun
        try:
            _, said = process.communicate(timeout=delay)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return False
        assert process.returncode == 0, said.decode()
        return True


@pytest.mark.parametrize("source", ["checkpoints", "generator", "ticks"])
def test_killed_at_random_moments_everything_is_done_once(tmp_path: Path, source: str) -> None:
    store, count = tmp_path / "runs.db", 150
    chance = random.Random(source)
    for _ in range(8):
        if _run_until_killed(store, source, count, chance.uniform(0.0, 0.15)):
            break
    network = durable_graph.build(Network(store=store, run_id="a"), source, count)
    durable_graph.check(network.run(timeout=60), count)
    with contextlib.closing(sqlite3.connect(store)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("seed", range(6))
def test_every_style_is_right_after_deaths(tmp_path: Path, seed: int) -> None:
    store = tmp_path / "runs.db"
    chance = random.Random(seed)
    for _ in range(4):
        if _runs_in([durable_styles.__file__, str(store), str(seed)], chance.uniform(0.0, 0.5)):
            break
    network = durable_styles.build(Network(store=store, run_id="a"), seed)
    durable_styles.check(network.run(timeout=60), seed)


@pytest.mark.parametrize("way", durable_graph.WAYS)
def test_lists_that_are_gathered_come_out_right(tmp_path: Path, way: str) -> None:
    store = tmp_path / "runs.db"
    chance = random.Random(way)
    for _ in range(5):
        if _run_until_killed(store, way, "lists", chance.uniform(0.0, 0.3)):
            break
    network = durable_graph.gathering(Network(store=store, run_id="a"), way)
    durable_graph.check_gathered(network.run({"split.items": iter(durable_graph.LISTS)}, timeout=60))
    with contextlib.closing(sqlite3.connect(store)) as connection:
        # Nothing of the groups is left.
        assert connection.execute("SELECT count(*) FROM pools").fetchone() == (0,)


def _chain(store: Path | None = None, **keywords: Any) -> Network:
    @actor
    def double(x: int) -> int:
        return 2 * x

    network = Network(store=store, **keywords)
    network.register_actor("double", double)
    network.add_node("a", "double")
    network.add_node("b", "double")
    network.add_connection("a", "out", "b", "x")
    network.add_outport("out", "b", "out")
    return network


def test_a_run_that_ended_gives_its_result_again(tmp_path: Path) -> None:
    network = _chain(tmp_path / "runs.db")
    first = network.run(inputs={"a.x": iter(range(5))}, run_id="monday")
    assert (first.run_id, first.outputs) == ("monday", {"out": [0, 4, 8, 12, 16]})
    again = _chain(tmp_path / "runs.db", run_id="monday").run()
    assert again.outputs == first.outputs
    assert again.state == "finished"
    other = network.run(inputs={"a.x": 1})
    assert other.run_id != "monday"
    assert other.outputs == {"out": [4]}


def test_inputs_that_are_given_again_are_not_taken_twice(tmp_path: Path) -> None:
    def breaks_off() -> Any:
        yield from range(10)
        raise ConnectionError("gone")

    network = _chain(tmp_path / "runs.db")
    with pytest.raises(ConnectionError):
        network.run(inputs={"a.x": breaks_off()}, run_id="x")
    with pytest.warns(RuntimeWarning, match="Give the same inputs again"):
        part = _chain(tmp_path / "runs.db", run_id="x").run()
    assert part.outputs["out"] == [4 * x for x in range(len(part.outputs["out"]))]
    for name in ("run.db", "run_async.db"):
        with pytest.raises(ConnectionError):
            _chain(tmp_path / name).run(inputs={"a.x": breaks_off()}, run_id="x")
        network, inputs = _chain(tmp_path / name, run_id="x"), {"a.x": iter(range(12))}
        whole = network.run(inputs) if name == "run.db" else asyncio.run(network.run_async(inputs))
        assert whole.outputs["out"] == [4 * x for x in range(12)]


def test_what_a_tick_does_commits_together(tmp_path: Path) -> None:
    keys: list[str] = []

    class Counts(Actor):
        inports, outports = ["in"], ["out"]

        def run(self, ctx: Any) -> Any:
            keys.append(ctx.idempotency_key)
            if ctx.attempt == 1:
                ctx.checkpoint({"half": (1, 2)})
                raise ValueError("the first try fails")
            count = ctx.pool("counts").get("n", 0) + 1
            ctx.pool_upsert("counts", "n", count)
            ctx.vars.incr("seen.total")
            return {"out": (ctx["in"], count, ctx.last_checkpoint)}

    def network() -> Network:
        net = Network(store=tmp_path / "runs.db", run_id="a")
        net.register_actor("counts", Counts)
        net.add_node("c", "counts", policy={"attempts": 2})
        net.add_outport("out", "c", "out")
        return net

    net = network()
    net.start(collect=True)
    for x in range(3):
        net.send("c", "in", x)
    net.wait(timeout=20)
    assert net.vars.all() == {"seen": {"total": 3}}
    net.shutdown()
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    net = network()
    net.start(collect=True)
    net.send("c", "in", 3)
    result = net.wait(timeout=20)
    # Values of Python actors come back as they were, tuples as tuples.
    assert result.outputs["out"] == [(x, x + 1, {"half": (1, 2)}) for x in range(4)]
    assert net.vars["seen.total"] == 4
    net.shutdown()


def test_payloads_of_any_kind_are_kept(tmp_path: Path) -> None:
    values = [
        1,
        2.5,
        "x",
        None,
        True,
        b"raw",
        b"big" * 100_000,
        (1, (2,)),
        {1: "one"},
        {"s": {1, 2}},
        [1] * 50_000,
        3 + 4j,
    ]

    class Source(Actor):
        outports = ["out"]

        def run(self, ctx: Any) -> Any:
            for value in values:
                yield {"out": value}

    def network() -> Network:
        net = Network(store=tmp_path / "runs.db", run_id="a")
        net.register_actor("source", Source)
        net.add_node("s", "source")
        net.add_outport("out", "s", "out")
        return net

    assert network().run().outputs["out"] == values
    assert any((tmp_path / "runs.db-files").rglob("*"))
    assert network().run().outputs["out"] == values
    assert Store(tmp_path / "runs.db").prune(keep=0) == ["a"]
    assert not [path for path in (tmp_path / "runs.db-files").rglob("*") if path.is_file()]


def _kill_itself_after(count: int, store: Path, run_id: str) -> None:
    """Send packets into a run in a process of its own, which kills itself when they were taken."""
    killed = run_script(f"""
        import asyncio, os, signal
        from offbit_reflow import Network

        async def main():
            network = Network(store={str(store)!r}, run_id={run_id!r})
            network.add_node("p", "tpl_passthrough")
            network.add_outport("out", "p", "output")
            network.start()
            for number in range({count}):
                await network.send_async("p", "input", number)
            os.kill(os.getpid(), signal.SIGKILL)

        asyncio.run(main())
    """)
    assert killed.returncode == -signal.SIGKILL, killed.stderr


def test_what_send_async_has_taken_is_on_the_disk(tmp_path: Path) -> None:
    _kill_itself_after(20, tmp_path / "runs.db", "a")
    with pytest.warns(RuntimeWarning, match="its inputs had not all come"):
        result = Network.resume("a", tmp_path / "runs.db").run(timeout=20)
    assert result.outputs["out"] == list(range(20))


def test_interrupted_runs_stay_unless_they_are_meant(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    _chain(path, run_id="over").run(inputs={"a.x": 1})
    _kill_itself_after(1, path, "dead")
    store = Store(path)
    assert store.prune(older_than_s=0) == ["over"]
    assert store.prune(keep=0) == []
    assert store.prune(keep=0, interrupted=True) == ["dead"]
    for wrong in (lambda: store.prune(keep=-1), lambda: store.runs(limit=-1)):
        with pytest.raises(ValueError, match="got -1"):
            wrong()


def test_two_equal_connections_stay_two(tmp_path: Path) -> None:
    network = _chain(tmp_path / "runs.db", run_id="a")
    network.add_node("c", "double")
    for _ in range(2):
        network.add_connection("a", "out", "c", "x")
    network.add_outport("twice", "c", "out")
    result = network.run(inputs={"a.x": 1})
    assert result.outputs["twice"] == [4, 4]
    resumed = Network.resume("a", tmp_path / "runs.db")
    assert resumed._to_graph() == network._to_graph()


def test_what_cannot_be_kept_fails_its_tick(tmp_path: Path) -> None:
    @actor
    def lambdas(x: int) -> Any:
        return (lambda: x) if x == 1 else x

    net = Network(store=tmp_path / "runs.db")
    net.register_actor("lambdas", lambdas)
    net.add_node("l", "lambdas")
    net.add_outport("out", "l", "out")
    result = net.run(inputs={"l.x": iter(range(3))}, timeout=20)
    assert result.outputs["out"] == [0, 2]
    assert [(failure.reason, failure.node) for failure in result.failures] == [("unstorable", "l")]
    assert "pickle" in result.failures[0].error


def test_history_tells_of_nodes_failures_and_times(tmp_path: Path) -> None:
    @actor
    def inverse(x: float) -> float:
        return 1 / x

    net = Network(store=tmp_path / "runs.db")
    net.register_actor("inverse", inverse)
    net.add_node("i", "inverse")
    net.run(inputs={"i.x": iter([1, 0])}, run_id="one")
    store = Store(tmp_path / "runs.db")
    (row,) = store.runs(state="finished", text="on")
    assert (row.run_id, row.ticks, row.failed_ticks) == ("one", 2, 1)
    assert not store.runs(state="failed")
    details = store.show("one")
    assert [(node["node"], node["state"], node["ticks"]) for node in details.nodes] == [("i", "finished", 2)]
    assert all(row.created <= node["started"] <= node["ended"] for node in details.nodes)
    (failure,) = details.failures
    assert "ZeroDivisionError" in failure["traceback"]
    assert failure["inputs"]["x"].data() == 0
    assert details.timeline[0][2] == "started"
    assert "ZeroDivisionError" in str(details)
    assert "<table>" in details._repr_html_()
    assert "one" in store.runs()._repr_html_()
    with pytest.raises(UnknownRunError, match="did you mean `one`"):
        store.show("onw")


def test_another_graph_is_refused_or_forced(tmp_path: Path) -> None:
    _chain(tmp_path / "runs.db").run(inputs={"a.x": 1}, run_id="r")
    other = _chain(tmp_path / "runs.db", run_id="r")
    other.add_node("c", "double")
    with pytest.raises(StoreError, match=r"(?s)another graph.*\+ node c.*--force"):
        other.run()
    graph = other.to_graph()
    with pytest.raises(StoreError, match="another graph"):
        Network.resume("r", tmp_path / "runs.db", graph=graph)
    forced = Network.resume("r", tmp_path / "runs.db", graph=graph, force=True)

    @actor
    def double(x: int) -> int:
        return 2 * x

    forced.register_actor("double", double)
    assert forced.run().outputs == {"out": [4]}


def test_a_run_goes_on_with_a_virtual_clock(tmp_path: Path) -> None:
    @actor
    async def sleeps(hours: float) -> float:
        import asyncio

        await asyncio.sleep(3600 * hours)
        return hours

    network = Network(store=tmp_path / "runs.db", run_id="a")
    network.register_actor("sleeps", sleeps)
    network.add_node("s", "sleeps")
    network.add_outport("out", "s", "out")
    network.start()
    network.send("s", "hours", 5)
    network.shutdown(grace=20)
    network = Network.resume("a", store=tmp_path / "runs.db", clock="virtual")
    network.register_actor("sleeps", sleeps)
    with pytest.warns(RuntimeWarning, match="inputs had not all come"):
        assert network.run(timeout=20).outputs == {"out": [5]}


def test_a_live_run_cannot_be_taken_over(tmp_path: Path) -> None:
    net = _chain(tmp_path / "runs.db")
    net.start(run_id="r")
    with pytest.raises(StoreError, match="is working on run `r`"):
        _chain(tmp_path / "runs.db", run_id="r").run()
    net.shutdown()
    assert _chain(tmp_path / "runs.db", run_id="r").run().state in ("finished", "skipped")


def test_signals_wait_for_the_next_process(tmp_path: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from offbit_reflow import Network
sys.path.insert(0, {str(Path(__file__).parent)!r})
import durable_graph
net = durable_graph.approval(Network(store={str(tmp_path / "runs.db")!r}, run_id="a"))
net.start()
net.send("gate", "in", "order 1")
durable_graph.wait_for_tick(net)
print("ready", flush=True)
import time; time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    net = durable_graph.approval(Network(store=tmp_path / "runs.db", run_id="a"))
    net.start(collect=True)
    durable_graph.wait_for_tick(net)  # it is run again
    net.signal("gate", "approve", {"by": "Ada"})
    for _ in range(200):
        outputs = net.result().outputs["out"]
        if outputs:
            break
        time.sleep(0.02)
    assert outputs == [["order 1", "Ada"]]
    net.shutdown()


@pytest.mark.parametrize(
    ("content", "word"),
    [(b"name,age\n", "not an SQLite database"), (b"SQLite format 3\0" + bytes(20), "damaged")],
)
def test_files_that_are_no_store_are_left_alone(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "runs.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=word):
        _chain(path).run(inputs={"a.x": 1})
    assert path.read_bytes() == content
    with pytest.raises(UnknownRunError):
        Network.resume("x", tmp_path / "new.db")


def test_a_log_cuts_lists_and_bounds_nobody() -> None:
    @actor
    def lists(n: int) -> list[int]:
        return list(range(n))

    @actor
    def same(x: Any) -> Any:
        return x

    def sizes(across: bool) -> list[int]:
        net = Network()
        net.register_actor("lists", lists)
        net.register_actor("same", same)
        net.add_node("l", "lists")
        net.add_node("s", "same")
        net.add_connection("l", "out", "s", "x", log=True, rechunk={"size": 4, "across": across})
        net.add_outport("out", "s", "out")
        result = net.run(inputs={"l.n": iter([10, 3, 5])}, timeout=20)
        assert [x for piece in result.outputs["out"] for x in piece] == [*range(10), *range(3), *range(5)]
        return [len(piece) for piece in result.outputs["out"]]

    assert sizes(across=False) == [4, 4, 2, 3, 4, 1]
    assert sizes(across=True) == [4, 4, 4, 4, 2]
    with pytest.raises(ConfigError, match="at least 1"):
        Network().add_connection("a", "b", "c", "d", rechunk={"size": 0})


def _gated(start: Any, *, order: list[str] | None = None) -> Network:
    seen = [] if order is None else order

    class Source(Actor):
        outports = ["out"]

        def run(self, ctx: Any) -> Any:
            for number in range(ctx.config["n"]):
                seen.append(ctx.node_id)
                ctx.vars.incr("sent")
                yield {"out": number}

    class Sink(Actor):
        inports, outports = ["in"], ["out"]

        def run(self, ctx: Any) -> Any:
            seen.append("sink")
            return {"out": ctx["in"]}

    net = Network({"capacity": 4})
    net.register_actor("source", Source)
    net.register_actor("sink", Sink)
    net.add_node("one", "source", {"n": 50})
    net.add_node("two", "source", {"n": 50})
    net.add_node("sink", "sink", start=start)
    net.add_connection("one", "out", "sink", "in")
    net.add_connection("two", "out", "sink", "in")
    net.add_outport("out", "sink", "out")
    return net


@pytest.mark.parametrize(
    ("start", "before"),
    [
        ("all", 100),
        ({"fan_in": "all", "on": "finished"}, 100),
        ({"fan_in": "any"}, 50),
        ({"fan_in": "count:2"}, 100),
        ({"when": "sent >= 70"}, 70),
        ("vars.sent >= 70", 70),
        ({"fan_in": "all", "on": "first_packet"}, 2),
    ],
)
def test_a_gate_holds_a_node_until_its_parents_are_far_enough(start: Any, before: int) -> None:
    order: list[str] = []
    result = _gated(start, order=order).run(timeout=20)
    assert result.state == "finished"
    assert Counter(order)["sink"] == len(result.outputs["out"]) == 100
    assert order.index("sink") >= before


@pytest.mark.parametrize(
    ("start", "word"),
    [
        ({"fan_in": "count:3"}, "has 2 parents"),
        ({"fan_in": "most"}, "count:N"),
        ({"wen": "x"}, "no key `wen`"),
        ("n >", "expression"),
    ],
)
def test_gates_that_can_never_open_are_refused(start: Any, word: str) -> None:
    with pytest.raises((ConfigError, NetworkError), match=word):
        _gated(start).run(timeout=20)


def test_a_gate_in_a_circle_is_refused_and_one_that_stays_shut_is_skipped() -> None:
    @actor
    def same(x: Any) -> Any:
        return x

    net = Network()
    net.register_actor("same", same)
    net.add_node("a", "same", start="all")
    net.add_node("b", "same")
    net.add_connection("a", "out", "b", "x")
    net.add_connection("b", "out", "a", "x")
    assert any("could never open" in finding for finding in net.check())
    with pytest.raises(NetworkError, match="could never open"):
        net.run(timeout=20)
    shut = _gated({"when": "never"}).run(timeout=20)
    assert shut.nodes["sink"]["state"] == "skipped"
    assert shut.state == "finished"


def test_a_node_that_a_store_cannot_number_is_refused_at_once(tmp_path: Path) -> None:
    net = Network()
    for number in range(4096):
        net.add_node(f"n{number}", "tpl_passthrough")
    net.add_node("split", "tpl_passthrough")
    net.add_node("all", "tpl_passthrough", firing={"gather": "split"})
    net.add_connection("split", "output", "all", "input")
    with pytest.raises(ConfigError, match=r"node `split`.*number 4097.*first 4,096"):
        net.run(inputs={"split.input": 1}, store=tmp_path / "runs.db", timeout=20)


class _Counts(Actor):
    outports = ["out"]

    def run(self, ctx):
        for number in range(ctx.last_checkpoint or 0, 2_000):
            if number == 40 and not ctx.config["to_the_end"]:
                ctx.sleep(60)  # the run is stopped here
            ctx.checkpoint(number + 1)
            yield {"out": number}


def _counting(to_the_end: bool, **keywords: Any) -> Network:
    net = Network(**keywords)
    net.register_actor("counts", _Counts)
    net.add_node("a", "counts", {"to_the_end": to_the_end})
    net.add_outport("out", "a", "out")
    return net


def test_what_is_left_of_an_earlier_life_in_the_same_process_takes_nothing_from_a_later_one(tmp_path: Path) -> None:
    """The network, and with it the journal, of the run before goes away while the next one is at work."""
    store = tmp_path / "runs.db"
    before = _counting(False, store=store, run_id="a")
    with pytest.raises(TimeoutError):
        before.run(timeout=0.5, grace=0)
    before.shutdown(grace=10)
    net = Network.resume("a", store=store, graph=_counting(True).to_graph(), force=True)
    net.register_actor("counts", _Counts)
    heard = net.listen("a", "out", capacity=50)
    net.start(collect=True)
    for _ in range(50):
        next(heard)
    del before
    heard.close()
    net.close_inputs()
    assert net.wait(timeout=60).outputs["out"] == list(range(2_000))
    net.shutdown()
    (run,) = Store(store).runs()
    assert run.state == "finished"
    kept = Network.resume("a", store=store)
    kept.register_actor("counts", _Counts)
    assert kept.run(timeout=60).outputs["out"] == list(range(2_000))


def test_partners_that_come_after_an_interruption(tmp_path: Path) -> None:
    """What one outport of a source has sent waits for what the other one sends in the next life of the run."""

    class Source(Actor):
        outports = ["l", "r"]

        def run(self, ctx):
            begun = ctx.last_checkpoint or 0
            if not begun:
                for x in range(20):
                    ctx.checkpoint(x + 1)
                    ctx.send({"l": x})
                while not ctx.cancelled:
                    time.sleep(0.001)
                return
            for x in range(20):
                ctx.send({"r": x})
            ctx.finish()
            ctx.done()

    @actor
    def pair(a, b):
        return [a, b]

    def network() -> Network:
        net = Network(store=tmp_path / "runs.db", run_id="a")
        for name, made in (("src", Source), ("pair", pair)):
            net.register_actor(name, made)
            net.add_node(name, name)
        net.add_connection("src", "l", "pair", "a")
        net.add_connection("src", "r", "pair", "b")
        net.add_outport("out", "pair", "out")
        return net

    with contextlib.suppress(TimeoutError):
        network().run(timeout=0.5)
    result = network().run(timeout=60)
    assert result.outputs["out"] == [[x, x] for x in range(20)]


ENDS = """
import os
import sys

from offbit_reflow import Actor, Network


class Ends:
    def __init__(self, ctx):
        self.ctx = ctx

    def __reduce__(self):
        if len(sys.argv) > 3:
            self.ctx.idempotency_key  # waits until everything that was written is on the disk
            os._exit(3)
        return (int, (2,))


class Base(Actor):
    inports, outports = ["n"], ["l", "r"]

    def pairs(self, ctx):
        for number in range(ctx.last_checkpoint or 0, ctx["n"]):
            ctx.checkpoint(number + 1)
            yield {"l": number, "r": Ends(ctx) if number == 2 else number}


class Sends(Base):
    def run(self, ctx):
        for pair in self.pairs(ctx):
            ctx.send(pair)
        ctx.done()


class SendsAsync(Base):
    async def run(self, ctx):
        for pair in self.pairs(ctx):
            await ctx.send_async(pair)
        ctx.done()


class Yields(Base):
    def run(self, ctx):
        yield from self.pairs(ctx)


class YieldsAsync(Base):
    async def run(self, ctx):
        for pair in self.pairs(ctx):
            yield pair


class SendsInBatch(Base):
    batch_size = 2

    def run(self, batch):
        for ctx in batch:
            for pair in self.pairs(ctx):
                ctx.send(pair)
            ctx.done()


name, _, concurrency = sys.argv[2].partition("*")
net = Network(store=sys.argv[1], run_id="a")
net.register_actor("pairs", globals()[name])
net.add_node("pairs", "pairs", policy={"concurrency": int(concurrency)} if concurrency else None)
net.add_outport("l", "pairs", "l")
net.add_outport("r", "pairs", "r")
outputs = net.run({"pairs.n": 5}, timeout=30).outputs
print(outputs["l"], [2 if isinstance(value, Ends) else value for value in outputs["r"]])
"""


@pytest.mark.parametrize(
    "way", ["Sends", "Sends*2", "SendsAsync", "Yields", "Yields*2", "YieldsAsync", "YieldsAsync*2", "SendsInBatch"]
)
def test_what_leaves_together_is_written_together_with_its_checkpoint(tmp_path: Path, way: str) -> None:
    command = [sys.executable, "-c", ENDS, str(tmp_path / "runs.db"), way]
    first = subprocess.run([*command, "ends"], capture_output=True, text=True, timeout=60)
    assert first.returncode == 3, first.stderr
    then = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert then.stdout == "[0, 1, 2, 3, 4] [0, 1, 2, 3, 4]\n"
