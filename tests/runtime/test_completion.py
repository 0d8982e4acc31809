"""Ends of runs: `run`, `wait`, `wait_async`, idleness, results."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from offbit_reflow import Actor, Network

from .support import SOON, Collect, Forward, Gate, add, connect, numbers, of_type, run_one, running


def echo() -> Network:
    net = Network()
    add(net, "a", Forward)
    net.add_inport("question", "a", "in")
    net.add_outport("answer", "a", "out")
    return net


class TestRun:
    def test_inputs_by_name_and_by_node_and_port(self):
        assert echo().run({"question": 1}, timeout=SOON).outputs == {"answer": [1]}
        assert echo().run(inputs={"a.in": 1}, timeout=SOON).outputs == {"answer": [1]}

    def test_iterators_are_many_messages_and_lists_are_one(self):
        for _ in range(50):
            assert echo().run({"question": iter([1, 2, 3])}, timeout=SOON).outputs == {"answer": [1, 2, 3]}
        assert echo().run({"question": [1, 2, 3]}, timeout=SOON).outputs == {"answer": [[1, 2, 3]]}
        assert echo().run({"question": iter([])}, timeout=SOON).outputs == {"answer": []}

    def test_inputs_may_come_slowly(self):
        def slow():
            for number in range(3):
                time.sleep(0.05)
                yield number

        assert echo().run({"question": slow()}, timeout=SOON).outputs == {"answer": [0, 1, 2]}

    def test_inputs_beyond_every_bound(self):
        assert echo().run({"question": iter(range(20_000))}, timeout=25).outputs == {"answer": list(range(20_000))}

    def test_two_inputs_are_fed_both(self):
        class Pair(Actor):
            inports = ["x", "y"]
            outports = ["out"]
            await_all_inports = True

            def run(self, ctx):
                return {"out": [ctx["x"], ctx["y"]]}

        with Network() as net:
            add(net, "a", Pair)
            net.add_outport("out", "a", "out")
            result = net.run({"a.x": iter(range(10)), "a.y": iter(range(10))}, timeout=SOON)
        assert result.outputs["out"] == [[number, number] for number in range(10)]

    def test_two_long_inputs_of_a_pairing_node(self):
        """Feeding one to its end first would fill its queue and wait for ever."""

        class Pair(Actor):
            inports = ["x", "y"]
            outports = ["out"]
            await_all_inports = True

            def run(self, ctx):
                return {"out": ctx["x"] + ctx["y"]}

        with Network() as net:
            add(net, "a", Pair)
            net.add_outport("out", "a", "out")
            result = net.run({"a.x": iter(range(1_000)), "a.y": iter(range(1_000))}, timeout=10)
        assert result.outputs["out"] == [2 * number for number in range(1_000)]

    def test_an_input_iterator_that_raises_ends_the_run(self):
        def broken():
            yield 1
            raise LookupError("from the input")

        net = echo()
        with pytest.raises(LookupError, match="from the input"):
            net.run({"question": broken()}, timeout=SOON)
        assert not net.is_running

    def test_unknown_inputs_are_refused_and_nothing_runs(self):
        for name in ("nowhere", "b.in", "a", ""):
            net = echo()
            with pytest.raises(RuntimeError):
                net.run({name: 1}, timeout=SOON)
            assert not net.is_running

    def test_node_ids_with_dots(self):
        with Network() as net:
            net.register_actor("f", Forward)
            net.add_node("x.y", "f")
            net.add_outport("out", "x.y", "out")
            assert net.run({"x.y.in": 5}, timeout=SOON).outputs == {"out": [5]}

    def test_timeout_stops_the_run(self):
        class Endless(Actor):
            inports = []
            outports = ["out"]

            def run(self, ctx):
                ctx.done({"out": 1})

        with Network() as net:
            add(net, "a", Endless)
            add(net, "b", Collect())
            connect(net, "a", "b")
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                net.run(timeout=0.2)
            assert time.monotonic() - started < 5
            assert not net.is_running
            assert net.result().state == "cancelled"

    def test_an_empty_network_ends_at_once(self):
        result = Network().run(timeout=SOON)
        assert (result.state, result.outputs, result.nodes, result.ok) == ("finished", {}, {}, True)

    def test_again_and_again(self):
        net = echo()
        for number in range(200):
            assert net.run({"question": number}, timeout=SOON).outputs == {"answer": [number]}

    def test_from_many_threads_at_once(self):
        answers = {}

        def work(number):
            answers[number] = echo().run({"question": number}, timeout=SOON).outputs["answer"]

        threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SOON)
        assert answers == {number: [number] for number in range(20)}


class TestResult:
    def test_failures_name_everything(self):
        def run(self, ctx):
            raise ValueError(f"bad {ctx['in']}")

        result = run_one(running(run), ["x"])
        (failure,) = result.failures
        assert (failure.node, failure.component, failure.port, failure.tick, failure.attempt) == ("a", "a", "in", 1, 1)
        assert failure.error == "ValueError: bad x"
        assert failure.message.as_string() == "x"
        assert 'raise ValueError(f"bad' in failure.traceback
        assert "test_completion.py" in failure.traceback
        assert not result.ok
        with pytest.raises(RuntimeError, match="bad x") as caught:
            result.raise_for_failure()
        assert caught.value.result is result

    def test_a_good_result(self):
        result = run_one(Forward)
        assert result.ok
        assert result.raise_for_failure() is result
        assert result.reason is None

    def test_a_thousand_failures_are_kept_and_the_rest_counted(self):
        def run(self, ctx):
            ctx.fail("no")

        result = run_one(running(run), range(1_500))
        assert (len(result.failures), result.failures_dropped) == (1_000, 500)
        assert result.nodes["a"]["failures"] == 1_500


class TestWait:
    def test_idle_is_not_the_end(self, net):
        add(net, "a", sink := Collect())
        net.start()
        for number in range(5):
            net.send("a", "in", number)
            assert net.wait(timeout=SOON).state == "idle"
            assert sink.values == list(range(number + 1))
        assert net.is_running

    def test_close_inputs_ends_it(self, net):
        add(net, "a", sink := Collect())
        net.start()
        net.send("a", "in", 1)
        net.close_inputs()
        deadline = time.monotonic() + SOON
        while (result := net.wait(timeout=SOON)).state == "idle":
            assert time.monotonic() < deadline
        assert (result.state, sink.values) == ("finished", [1])
        with pytest.raises(RuntimeError):
            net.send("a", "in", 2)

    def test_timeout_leaves_it_running(self, net):
        add(net, "a", gate := Gate())
        net.add_initial("a", "in", 1)
        net.start()
        gate.wait_entered()
        for timeout in (0, 0.05):
            with pytest.raises(TimeoutError):
                net.wait(timeout=timeout)
        assert net.is_running
        gate.opened.set()
        assert net.wait(timeout=SOON).ok

    def test_an_open_attempt_is_work(self, net):
        kept = []
        entered = threading.Event()

        def run(self, ctx):
            kept.append(ctx.defer())
            entered.set()

        add(net, "a", running(run))
        net.add_initial("a", "in", 1)
        net.start()
        assert entered.wait(SOON)
        with pytest.raises(TimeoutError):
            net.wait(timeout=0.1)
        kept[0].done()
        assert net.wait(timeout=SOON).ok

    def test_before_the_start(self, net):
        for call in (net.wait, net.stats, net.result, net.close_inputs, lambda: net.send("a", "in", 1)):
            with pytest.raises(RuntimeError, match="not running"):
                call()

    def test_after_the_end(self, net):
        add(net, "a", Collect())
        net.run({"a.in": 1}, timeout=SOON)
        assert net.wait(timeout=SOON).state == "finished"
        assert net.stats()["a"]["ticks"] == 1

    def test_many_waiters(self, net):
        add(net, "a", gate := Gate())
        net.add_initial("a", "in", 1)
        net.start()
        states = []
        threads = [threading.Thread(target=lambda: states.append(net.wait(timeout=SOON).ok)) for _ in range(20)]
        for thread in threads:
            thread.start()
        gate.wait_entered()
        gate.opened.set()
        for thread in threads:
            thread.join(SOON)
        assert states == [True] * 20


class TestAsync:
    def test_wait_async(self, net):
        add(net, "a", gate := Gate())
        net.add_initial("a", "in", 1)

        async def main():
            net.start()
            waiting = [asyncio.create_task(net.wait_async()) for _ in range(10)]
            await asyncio.sleep(0.05)
            assert not any(task.done() for task in waiting)
            gate.opened.set()
            return [result.ok for result in await asyncio.wait_for(asyncio.gather(*waiting), SOON)]

        assert asyncio.run(main()) == [True] * 10

    def test_a_cancelled_wait_hurts_nobody(self, net):
        add(net, "a", gate := Gate())
        net.add_initial("a", "in", 1)

        async def main():
            net.start()
            for _ in range(5):
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(net.wait_async(), 0.01)
            gate.opened.set()
            return (await asyncio.wait_for(net.wait_async(), SOON)).ok

        assert asyncio.run(main())

    def test_a_loop_that_ends_while_it_waits(self, net):
        add(net, "a", gate := Gate())
        net.add_initial("a", "in", 1)
        net.start()

        async def main():
            task = asyncio.create_task(net.wait_async())
            await asyncio.sleep(0.01)
            task.cancel()

        asyncio.run(main())
        gate.opened.set()
        assert net.wait(timeout=SOON).ok

    def test_waits_of_two_loops(self, net):
        add(net, "a", gate := Gate())
        net.add_initial("a", "in", 1)
        net.start()
        states = []

        def work():
            states.append(asyncio.run(asyncio.wait_for(net.wait_async(), SOON)).ok)

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        gate.wait_entered()
        gate.opened.set()
        for thread in threads:
            thread.join(SOON)
        assert states == [True] * 3

    def test_shutdown_wakes_it(self, net):
        add(net, "a", Gate())
        net.add_initial("a", "in", 1)
        net.start()

        async def main():
            task = asyncio.create_task(net.wait_async())
            await asyncio.sleep(0.01)
            await asyncio.to_thread(net.cancel, "enough", 0.1)
            net_gate.opened.set()
            return await asyncio.wait_for(task, SOON)

        net_gate = Gate()
        net.shutdown(grace=0.1)
        fresh = Network()
        add(fresh, "a", net_gate)
        fresh.add_initial("a", "in", 1)
        fresh.start()
        net = fresh
        result = asyncio.run(main())
        assert (result.state, result.reason) == ("cancelled", "enough")
        fresh.shutdown()


class TestIdleEvents:
    def test_idle_and_completed_are_told(self, net):
        events = net.events()
        add(net, "a", numbers(3))
        add(net, "b", Collect())
        connect(net, "a", "b")
        assert net.run(timeout=SOON).ok
        seen = list(events)
        assert [event["state"] for event in of_type(seen, "NetworkCompleted")] == ["finished"]

    def test_idle_comes_after_the_work(self, net):
        add(net, "a", sink := Collect())
        events = net.events(types=["NetworkIdle"])
        net.start()
        net.wait(timeout=SOON)
        assert events.recv(timeout_ms=5_000)["_type"] == "NetworkIdle"
        net.send("a", "in", 1)
        assert events.recv(timeout_ms=5_000)["_type"] == "NetworkIdle"
        assert sink.values == [1]
