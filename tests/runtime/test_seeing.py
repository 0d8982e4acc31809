"""Counters that are right while a tick lasts, and results that people can read."""

from __future__ import annotations

import threading
import time

import pytest

from offbit_reflow import Actor, Network, Stream, actor
from offbit_reflow.exceptions import RunTimeout

from .support import SOON, Collect, Forward, Gate, add, connect, numbers, run_one


def until(condition) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


def write(self, ctx):
    with Stream.create(2) as stream:
        ctx.send({"out": stream.into_message()})
        for _ in range(8):
            stream.send_bytes(b"a")
    ctx.done()


def write_and_yield(self, ctx):
    with Stream.create(2) as stream:
        yield {"out": stream.into_message()}
        for _ in range(8):
            stream.send_bytes(b"a")


async def write_async(self, ctx):
    async with Stream.create(2) as stream:
        await ctx.send_async({"out": stream.into_message()})
        for _ in range(8):
            await stream.send(b"a")
    ctx.done()


async def write_and_yield_async(self, ctx):
    async with Stream.create(2) as stream:
        yield {"out": stream.into_message()}
        for _ in range(8):
            await stream.send_bytes_async(b"a")


def write_in_thread(self, ctx):
    ctx.defer()

    threading.Thread(target=write, args=(self, ctx)).start()


STREAM_WRITERS = {
    "plain": write,
    "generator": write_and_yield,
    "async": write_async,
    "async generator": write_and_yield_async,
    "thread": write_in_thread,
}


class TestClock:
    def test_a_long_tick_is_work_while_it_lasts(self, net):
        gate = add(net, "a", Gate())
        net.start()
        net.send("a", "in", 1)
        gate.wait_entered()
        busy = net.stats()["a"]["busy_s"]
        until(lambda: net.stats()["a"]["busy_s"] > busy + 0.02)
        row = net.stats()["a"]
        assert (row["ticks"], row["packets_in"], row["blocked_s"]) == (1, 1, 0)
        gate.opened.set()
        net.wait(timeout=SOON)
        rested = net.stats()["a"]["busy_s"]
        time.sleep(0.02)
        assert net.stats()["a"]["busy_s"] == rested

    def test_a_tick_is_counted_when_it_begins(self, net):
        gate = add(net, "a", Gate())
        net.start()
        for number in range(3):
            net.send("a", "in", number)
        gate.wait_entered()
        assert net.stats()["a"]["ticks"] == 1
        gate.opened.set()
        assert net.wait(timeout=SOON).nodes["a"]["ticks"] == 3

    @pytest.mark.parametrize("style", ["done", "send", "yield"])
    def test_waiting_for_room_is_not_work(self, style):
        class Source(Actor):
            inports = ["in"]
            outports = ["out"]

        def done(self, ctx):
            ctx.done({"out": 1})

        def send(self, ctx):
            for _ in range(50):
                ctx.send({"out": 1})
            ctx.done()

        def yielding(self, ctx):
            for _ in range(50):
                yield {"out": 1}

        Source.run = {"done": done, "send": send, "yield": yielding}[style]
        with Network({"capacity": 2}) as net:
            add(net, "source", Source)
            gate = add(net, "slow", Gate())
            connect(net, "source", "slow")
            for number in range(50 if style == "done" else 1):
                net.add_initial("source", "in", number)
            net.start()
            gate.wait_entered()
            until(lambda: net.stats()["source"]["blocked_s"] > 0.02)
            before = net.stats()["source"]
            time.sleep(0.05)
            now = net.stats()["source"]
            assert now["busy_s"] - before["busy_s"] < (now["blocked_s"] - before["blocked_s"]) / 2
            assert net.stats()["slow"]["blocked_s"] == 0
            gate.opened.set()
            result = net.wait(timeout=SOON)
        assert result.nodes["source"]["blocked_s"] >= now["blocked_s"]

    @pytest.mark.parametrize("style", sorted(STREAM_WRITERS))
    def test_waiting_for_room_in_a_stream_is_not_work(self, net, style):
        class Writer(Actor):
            inports = ["in"]
            outports = ["out"]
            run = STREAM_WRITERS[style]

        taken, go_on = threading.Event(), threading.Event()

        class Reader(Actor):
            inports = ["in"]

            def run(self, ctx):
                reader = ctx.message("in").take_stream()
                taken.set()
                go_on.wait(SOON)
                list(reader)
                ctx.done()

        add(net, "writer", Writer)
        add(net, "reader", Reader)
        connect(net, "writer", "reader")
        net.start()
        net.send("writer", "in", 1)
        assert taken.wait(SOON)
        until(lambda: net.stats()["writer"]["blocked_s"] > 0)
        before = net.stats()["writer"]
        until(lambda: net.stats()["writer"]["blocked_s"] > before["blocked_s"] + 0.03)
        assert net.stats()["writer"]["busy_s"] == before["busy_s"]
        assert net.stats()["reader"]["blocked_s"] == 0
        go_on.set()
        result = net.wait(timeout=SOON)
        assert result.nodes["writer"]["blocked_s"] >= 0.03
        assert result.ok

    @pytest.mark.parametrize("is_async", [False, True])
    def test_waiting_for_a_frame_is_not_work(self, net, is_async):
        begun, go_on = threading.Event(), threading.Event()

        class Writer(Actor):
            inports = ["in"]
            outports = ["out"]

            def run(self, ctx):
                with Stream.create(2) as stream:
                    ctx.send({"out": stream.into_message()})
                    stream.send_bytes(b"a")
                    go_on.wait(SOON)
                ctx.done()

        def read(self, ctx):
            for frame in ctx.message("in").take_stream():
                if frame["kind"] == "data":
                    begun.set()
            ctx.done()

        async def read_async(self, ctx):
            async for frame in ctx.message("in").take_stream():
                if frame["kind"] == "data":
                    begun.set()
            ctx.done()

        class Reader(Actor):
            inports = ["in"]
            run = read_async if is_async else read

        add(net, "writer", Writer)
        add(net, "reader", Reader)
        connect(net, "writer", "reader")
        net.start()
        net.send("writer", "in", 1)
        assert begun.wait(SOON)

        def rests() -> bool:
            before, work = net.stats()["reader"]["busy_s"], net.stats()["writer"]["busy_s"]
            until(lambda: net.stats()["writer"]["busy_s"] > work + 0.03)
            return net.stats()["reader"]["busy_s"] == before

        until(rests)
        go_on.set()
        assert net.wait(timeout=SOON).ok

    def test_a_stream_from_outside_is_not_written_by_who_passes_it_on(self, net):
        class Pass(Actor):
            inports = ["in"]
            outports = ["out"]

            def run(self, ctx):
                ctx.done({"out": ctx.message("in")})

        gate = Gate()
        add(net, "passes", Pass)
        net.add_node("too", "tpl_passthrough")
        add(net, "gate", gate)
        net.add_connection("passes", "out", "too", "input")
        net.add_connection("too", "output", "gate", "in")
        net.start()
        stream = Stream.create(1)
        net.send("passes", "in", stream.into_message())
        gate.wait_entered()
        stream.send_bytes(b"a")
        with pytest.raises(RunTimeout):
            stream.send_bytes(b"b", timeout=0.02)
        assert [net.stats()[node]["blocked_s"] for node in ("passes", "too")] == [0, 0]
        gate.opened.set()

    def test_the_work_of_a_filter_of_streams_is_seen_and_its_wait_too(self, net):
        taken, go_on = threading.Event(), threading.Event()

        class Writer(Actor):
            inports = ["in"]
            outports = ["out"]

            def run(self, ctx):
                with Stream.create(2, content_type="audio/f32") as stream:
                    ctx.send({"out": stream.into_message()})
                    stream.send_begin(metadata={"sampleRate": 44100, "channels": 1})
                    for _ in range(200):
                        stream.send_bytes(bytes(40_000))
                ctx.done()

        class Reader(Actor):
            inports = ["in"]

            def run(self, ctx):
                reader = ctx.message("in").take_stream()
                taken.set()
                go_on.wait(SOON)
                list(reader)
                ctx.done()

        add(net, "writer", Writer)
        net.add_node("filter", "tpl_audio_gain", {"gain": 0.5})
        add(net, "reader", Reader)
        net.add_connection("writer", "out", "filter", "stream")
        net.add_connection("filter", "stream", "reader", "in")
        net.start()
        net.send("writer", "in", 1)
        assert taken.wait(SOON)
        until(lambda: net.stats()["filter"]["blocked_s"] > 0.02)
        before = net.stats()["filter"]
        assert before["busy_s"] > 0
        until(lambda: net.stats()["filter"]["blocked_s"] > before["blocked_s"] + 0.02)
        assert net.stats()["filter"]["busy_s"] == before["busy_s"]
        go_on.set()
        result = net.wait(timeout=SOON)
        assert result.ok
        assert result.nodes["filter"]["busy_s"] > before["busy_s"]

    def test_a_timer_that_finds_no_room_is_blocked(self, net):
        gate = add(net, "slow", Gate())
        net.add_node("timer", "tpl_interval_trigger", {"interval": 1})
        net.add_connection("timer", "trigger", "slow", "in", capacity=1)
        net.start()
        net.send("timer", "start", 1)
        gate.wait_entered()
        until(lambda: net.stats()["timer"]["blocked_s"] > 0.05)
        assert net.stats()["timer"]["busy_s"] < 0.05
        gate.opened.set()
        net.shutdown()

    def test_what_a_generator_sent_shows_before_its_tick_ends(self, net):
        go_on = threading.Event()

        class Source(Actor):
            outports = ["out"]

            def run(self, ctx):
                for number in range(10):
                    yield {"out": number}
                go_on.wait(SOON)

        add(net, "a", Source)
        add(net, "b", Collect())
        connect(net, "a", "b")
        net.start()
        until(lambda: net.stats()["a"]["packets_out"] == 10)
        assert net.stats()["a"]["ticks"] == 1
        go_on.set()

    def test_a_pause_between_attempts_is_not_work(self):
        @actor
        def fail(x):
            raise ValueError

        with Network() as net:
            add(net, "a", fail, policy={"attempts": 2, "delay_ms": 200})
            result = net.run(inputs={"a.x": 1}, timeout=SOON)
        assert result.nodes["a"]["busy_s"] < 0.19


class TestResult:
    def result(self):
        @actor
        def odd(x):
            if x % 2:
                raise ValueError(f"no <{x}>")
            return x

        with Network() as net:
            add(net, "odd", odd)
            net.add_outport("even", "odd", "out")
            return net.run(inputs={"odd.x": iter(range(2000))}, timeout=SOON)

    def test_repr_is_short_and_print_sums_up(self):
        result = self.result()
        assert repr(result) == "<RunResult finished, 1 nodes, outputs {even: 1000}, 1000 failures>"
        text = str(result)
        assert "odd" in text.splitlines()[1]
        assert "ValueError: no <1> (and 999 more of this kind)" in text
        assert text.splitlines()[-1] == "finished: 1 nodes, 2,000 ticks, 1,000 failures"
        assert len(text) < 2000

    def test_a_notebook_shows_a_table(self):
        html = self.result()._repr_html_()
        assert "<table>" in html
        assert "1,000 packets" in html
        assert "no &lt;1&gt;" in html
        assert "<1>" not in html

    def test_a_large_network_shows_its_busiest(self):
        with Network() as net:
            for number in range(300):
                add(net, f"n{number}", numbers(1))
            result = net.run(timeout=SOON)
        assert str(result).splitlines()[-2:] == [
            "and 100 more nodes",
            "finished: 300 nodes, 300 ticks, 0 failures",
        ]

    def test_what_was_not_collected_is_not_shown_as_nothing(self):
        with Network() as net:
            add(net, "a", Forward)
            net.add_outport("out", "a", "out")
            net.start()
            net.send("a", "in", 1)
            assert repr(net.wait(timeout=SOON)) == "<RunResult idle, 1 nodes, outputs not collected, 0 failures>"

    def test_nothing_ran_is_not_ok(self):
        result = run_one(Collect, [])
        assert (result.state, result.ok, result.ran) == ("finished", False, False)
        assert "nothing ran" in str(result)
        with pytest.raises(RuntimeError, match="nothing ran"):
            result.raise_for_failure()
        assert Network().run(timeout=SOON).ok, "nothing was to run"
        assert run_one(Collect, [1]).ok

    def test_last_words_count(self):
        class Says(Actor):
            inports = ["in"]
            outports = ["out"]

            def run(self, ctx):
                ctx.done()

            def finalize(self, ctx):
                ctx.send({"out": "last words"})

        assert run_one(Says, []).ok

    def test_failures_of_one_kind_are_summed_up_in_an_exception(self):
        with pytest.raises(RuntimeError, match=r"ValueError: no <1> \(1,000 times\)"):
            self.result().raise_for_failure()
