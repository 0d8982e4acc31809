"""Counters that are right while a tick lasts, and results that people can read."""

from __future__ import annotations

import threading
import time

import pytest

from offbit_reflow import Actor, Network, actor

from .support import SOON, Collect, Gate, add, connect, numbers, run_one


def until(condition) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


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
