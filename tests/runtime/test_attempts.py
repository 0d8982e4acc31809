"""Attempts of every style: one machine, whatever starts them."""

from __future__ import annotations

import asyncio
import threading

import pytest

from offbit_reflow import Actor, Network

from .support import SOON, of_type, run_one


class TestBatches:
    """A batch that is tried again is a batch again."""

    def test_ticks_that_failed_are_tried_again_together(self):
        got = []

        class OneByOne(Actor):
            inports = ["in"]
            outports = ["out"]
            batch_size = 10

            def run(self, batch):
                got.append([(ctx["in"], ctx.attempt) for ctx in batch])
                for ctx in batch:
                    if ctx["in"] in (1, 3) and ctx.attempt < 3:
                        ctx.fail("not yet")
                    else:
                        ctx.done({"out": ctx["in"]})

        result = run_one(OneByOne, range(5), policy={"attempts": 3})
        assert got[0] == [(n, 1) for n in range(5)]
        assert got[1:] == [[(1, 2), (3, 2)], [(1, 3), (3, 3)]]
        assert result.outputs["out"] == [0, 1, 2, 3, 4]
        assert result.nodes["a"]["retries"] == 4
        assert result.nodes["a"]["failures"] == 0
        assert result.ok

    def test_outputs_leave_in_order_whatever_is_tried_again(self):
        class Picky(Actor):
            inports = ["in"]
            outports = ["out"]
            batch_size = 10

            def run(self, batch):
                for ctx in batch:
                    if ctx["in"] % 3 == 0 and ctx.attempt <= ctx["in"] // 3:
                        ctx.fail("not yet", permanent=ctx["in"] == 6)
                    else:
                        ctx.done({"out": ctx["in"]})

        result = run_one(Picky, range(20), policy={"attempts": 9})
        assert result.outputs["out"] == [n for n in range(20) if n != 6]

    def test_a_call_that_raises_is_tried_again_as_it_was(self):
        sizes = []

        class Columns(Actor):
            inports = ["in"]
            outports = ["out"]
            batch_size = 8

            def run(self, batch):
                sizes.append((type(batch).__name__, len(batch)))
                if len(sizes) == 1:
                    raise ConnectionError("not yet")
                batch.done({"out": [value * 2 for value in batch["in"]]})

        result = run_one(Columns, range(5), policy={"attempts": 2, "delay_ms": 1, "jitter": 1})
        assert sizes == [("TickBatch", 5), ("TickBatch", 5)]
        assert result.outputs["out"] == [0, 2, 4, 6, 8]

    def test_ticks_that_are_given_up_are_the_failures(self):
        class Picky(Actor):
            inports = ["in"]
            outports = ["out"]
            batch_size = 8

            def run(self, batch):
                for ctx in batch:
                    ctx.done({"out": ctx["in"]}) if ctx["in"] % 2 else ctx.fail("even")

        result = run_one(Picky, range(6), policy={"attempts": 2})
        assert sorted(failure.message.data() for failure in result.failures) == [0, 2, 4]
        assert {failure.attempt for failure in result.failures} == {2}
        assert result.nodes["a"]["failures"] == 3
        assert result.outputs["out"] == [1, 3, 5]


class Sync(Actor):
    inports = ["in"]
    outports = ["out"]
    gates: dict

    def run(self, ctx):
        self.note(ctx)
        self.gates[ctx["in"]].wait(SOON)
        ctx.done({"out": ctx["in"]})

    def note(self, ctx):
        self.started[ctx["in"]].set()


class Async(Sync):
    async def run(self, ctx):
        self.note(ctx)
        while not self.gates[ctx["in"]].is_set():
            await asyncio.sleep(0.001)
        return {"out": ctx["in"]}


class Deferred(Sync):
    def run(self, ctx):
        self.note(ctx)
        ctx.defer()

        def end():
            self.gates[ctx["in"]].wait(SOON)
            ctx.done({"out": ctx["in"]})

        threading.Thread(target=end).start()


@pytest.mark.parametrize("style", [Sync, Async, Deferred])
@pytest.mark.parametrize("chained", [True, False])
@pytest.mark.parametrize("capacity", [1, 128])
class TestConcurrency:
    def network(self, style, chained, capacity, **policy):
        class Ours(style):
            gates = {number: threading.Event() for number in range(10)}
            started = {number: threading.Event() for number in range(10)}

        class Pass(Actor):
            inports = ["in"]
            outports = ["out"]

            def run(self, ctx):
                ctx.done({"out": ctx["in"]})

        net = Network({"capacity": capacity})
        net.register_actor("a", Ours)
        net.add_node("a", "a", policy={"concurrency": 4, **policy})
        if chained:
            net.register_actor("p", Pass)
            net.add_node("p", "p")
            net.add_connection("p", "out", "a", "in")
        net.add_outport("out", "a", "out")
        return net, Ours, "p" if chained else "a"

    def test_a_packet_does_not_wait_for_open_attempts(self, style, chained, capacity):
        net, ours, first = self.network(style, chained, capacity)
        with net:
            net.start()
            for number in range(4):
                net.send(first, "in", number)
                assert ours.started[number].wait(SOON), number
            net.send(first, "in", 4)
            ours.gates[2].set()
            assert ours.started[4].wait(SOON)
            for gate in ours.gates.values():
                gate.set()
            assert net.wait(SOON)

    @pytest.mark.parametrize("ordered", [True, False])
    def test_outputs_leave_in_the_order_of_their_ticks(self, style, chained, capacity, ordered):
        net, ours, first = self.network(style, chained, capacity, ordered=ordered)
        with net:
            net.start()
            listener = net.listen("a", "out")
            for number in range(4):
                net.send(first, "in", number)
                assert ours.started[number].wait(SOON)
            for number in (3, 2, 1, 0):
                ours.gates[number].set()
                if not ordered:
                    assert listener.recv(5_000).data() == number
            if ordered:
                assert [listener.recv(5_000).data() for _ in range(4)] == [0, 1, 2, 3]


class TestTimeouts:
    """After a time-out, ticks of one instance do not overlap with the call that was given up."""

    def test_a_class_gets_a_fresh_instance(self):
        release = threading.Event()
        made = []
        inside = {}

        class Stuck(Actor):
            inports = ["in"]
            outports = ["out"]

            def __init__(self):
                made.append(self)

            def setup(self, ctx):
                self.ready = True

            def run(self, ctx):
                assert self.ready
                assert not inside.get(id(self)), "two ticks in one instance"
                inside[id(self)] = True
                if ctx["in"] == "block" and ctx.attempt == 1:
                    release.wait(SOON)
                inside[id(self)] = False
                ctx.done({"out": ctx["in"]})

        try:
            result = run_one(Stuck, ["a", "block", "b"], policy={"timeout_ms": 60, "attempts": 2})
        finally:
            release.set()
        assert result.outputs["out"] == ["a", "block", "b"]
        assert len(made) == 2
        assert result.nodes["a"]["retries"] == 1

    def test_an_instance_that_all_share_is_waited_for(self):
        inside = []
        overlaps = []

        class Slow(Actor):
            inports = ["in"]
            outports = ["out"]

            def run(self, ctx):
                overlaps.extend(inside)
                inside.append(ctx["in"])
                if ctx["in"] == 0 and ctx.attempt == 1:
                    while not ctx.cancelled:
                        pass
                    threading.Event().wait(0.15)
                inside.remove(ctx["in"])
                if not ctx.cancelled:
                    ctx.done({"out": ctx["in"]})

        result = run_one(Slow(), range(3), policy={"timeout_ms": 40, "attempts": 2})
        assert overlaps == []
        assert result.outputs["out"] == [0, 1, 2]

    def test_an_async_tick_unwinds_before_the_next_one(self):
        inside = []
        overlaps = []

        class Careful(Actor):
            inports = ["in"]
            outports = ["out"]

            async def run(self, ctx):
                overlaps.extend(inside)
                inside.append(ctx["in"])
                try:
                    if ctx["in"] == 0 and ctx.attempt == 1:
                        await asyncio.sleep(60)
                finally:
                    await asyncio.sleep(0.02)
                    inside.remove(ctx["in"])
                return {"out": ctx["in"]}

        result = run_one(Careful, range(3), policy={"timeout_ms": 100, "attempts": 2})
        assert overlaps == []
        assert result.outputs["out"] == [0, 1, 2]


class TestSaidTwice:
    def test_it_raises_in_the_caller(self):
        said = []

        class Twice(Actor):
            inports = ["in"]
            outports = ["out"]

            def run(self, ctx):
                ctx.done({"out": 1})
                try:
                    ctx.done({"out": 2})
                except RuntimeError as error:
                    said.append(str(error))

        result = run_one(Twice, [0])
        assert len(said) == 1
        assert result.outputs["out"] == [1]

    @pytest.mark.parametrize("second", ["done", "fail", "return", "raise", "emit"])
    def test_a_late_one_is_a_warning_and_counted(self, second):
        class Late(Actor):
            inports = ["in"]
            outports = ["out"]

            def __init__(self):
                self.kept = None

            def run(self, ctx):
                if self.kept is not None:
                    with pytest.raises(RuntimeError):
                        self.kept.done() if second == "done" else self.kept.fail("x")
                elif second in ("done", "fail"):
                    self.kept = ctx
                ctx.done({"out": ctx["in"]})
                if second == "return":
                    return {"out": "too late"}
                if second == "raise":
                    raise ValueError("too late")
                if second == "emit":
                    ctx.emit("out", "too late")
                return None

        with Network() as net:
            net.register_actor("a", Late)
            net.add_node("a", "a")
            net.add_outport("out", "a", "out")
            events = net.events(types=["ActorLog"])
            result = net.run({"a.in": iter([1, 2])}, timeout=SOON)
            warnings = [event for event in of_type(list(events), "ActorLog") if event["level"] == "warning"]
        assert result.outputs["out"] == [1, 2]
        assert result.ok
        expected = 2 if second in ("return", "raise", "emit") else 1
        assert len(warnings) == expected
        assert result.nodes["a"]["late"] == expected


def test_waiting_for_room_is_not_work():
    release = threading.Event()

    class Fast(Actor):
        outports = ["out"]

        def run(self, ctx):
            for number in range(20):
                yield {"out": number}

    class Slow(Actor):
        inports = ["in"]

        def run(self, ctx):
            release.wait(0.02)
            ctx.done()

    with Network({"capacity": 1}) as net:
        for name, made in (("fast", Fast), ("slow", Slow)):
            net.register_actor(name, made)
            net.add_node(name, name)
        net.add_connection("fast", "out", "slow", "in")
        nodes = net.run(timeout=SOON).nodes
    assert nodes["slow"]["busy_s"] > 0.3
    assert nodes["slow"]["blocked_s"] < 0.1
    assert nodes["fast"]["blocked_s"] > 0.2
    assert nodes["fast"]["busy_s"] < nodes["fast"]["blocked_s"]


class TestSignals:
    def test_an_ended_node_takes_none(self):
        class Once(Actor):
            inports = []
            outports = ["out"]

            def run(self, ctx):
                ctx.finish()
                ctx.done()

        class Stays(Actor):
            inports = ["in"]

            def run(self, ctx):
                ctx.done()

        with Network() as net:
            net.register_actor("once", Once)
            net.register_actor("stays", Stays)
            net.add_node("once", "once")
            net.add_node("stays", "stays")
            net.start()
            assert net.wait(SOON)
            with pytest.raises(RuntimeError, match="ended"):
                net.signal("once", "x")
            net.signal("stays", "x")

    def test_they_are_bounded(self):
        inside, release = threading.Event(), threading.Event()

        class Busy(Actor):
            inports = ["in"]

            def run(self, ctx):
                inside.set()
                release.wait(SOON)
                ctx.done()

            def on_signal(self, ctx, signal):
                pass

        with Network() as net:
            net.register_actor("a", Busy)
            net.add_node("a", "a")
            net.start()
            net.send("a", "in", 1)
            assert inside.wait(SOON)
            with pytest.raises(RuntimeError, match="signals"):
                for _ in range(100_000):
                    net.signal("a", "x")
            release.set()
            assert net.wait(SOON)
            net.signal("a", "x")


def test_a_batch_that_fails_after_its_ticks_have_ended_is_told():
    class Doubles(Actor):
        inports = ["in"]
        outports = ["out"]
        batch_size = 4

        def run(self, batch):
            if batch[0]["in"] < 2:
                for ctx in batch:
                    ctx.done({"out": ctx["in"]})
            else:
                batch.done({"out": batch["in"]})
            raise ValueError("too late")

    net = Network()
    net.register_actor("doubles", Doubles)
    net.add_node("a", "doubles")
    net.add_outport("out", "a", "out")
    events = net.events(types=["ActorLog"])
    with net:
        net.start(collect=True)
        for number in (1, 2):
            net.send("a", "in", number)
            result = net.wait(timeout=SOON)
    assert (result.nodes["a"]["late"], result.nodes["a"]["failures"]) == (2, 0)
    assert [event["data"] for event in events] == [
        "a batch failed after its ticks had been ended: ValueError: too late",
        "a batch failed after its ticks had been ended (2 times in all)",
    ]


@pytest.mark.parametrize("style", ["plain", "async", "generator"])
def test_ticks_that_fail_after_their_end_are_told_once_and_with_their_number(style):
    class Plain(Actor):
        inports = ["in"]

        def run(self, ctx):
            ctx.done()
            raise ValueError(f"too late {ctx['in']}")

    class Async(Plain):
        async def run(self, ctx):
            ctx.done()
            raise ValueError(f"too late {ctx['in']}")

    class Generator(Plain):
        def run(self, ctx):
            ctx.done()
            yield {}
            raise ValueError(f"too late {ctx['in']}")

    net = Network()
    net.register_actor("late", {"plain": Plain, "async": Async, "generator": Generator}[style])
    net.add_node("a", "late")
    events = net.events(types=["ActorLog"])
    result = net.run({"a.in": iter(range(1, 121))}, timeout=SOON)
    what = "a tick failed after it had been ended"
    told = [event["data"] for event in events if event["data"].startswith(what)]
    assert result.nodes["a"]["late"] >= 120
    assert [text.removeprefix(what) for text in told] == [
        ": ValueError: too late 1",
        ": ValueError: too late 10 (10 times by now)",
        ": ValueError: too late 100 (100 times by now)",
        " (120 times in all)",
    ]
