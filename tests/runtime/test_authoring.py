"""The ways to write an actor."""

from __future__ import annotations

import asyncio
import threading

import pytest

import offbit_reflow
from offbit_reflow import Actor, Message, Network, actor

from .support import SOON, Collect, Forward, add, connect, run_one, running


class TestAsyncRun:
    def test_returning_awaiting_and_failing(self):
        async def run(self, ctx):
            await asyncio.sleep(0)
            if ctx["in"] == 2:
                raise ValueError("two")
            if ctx["in"] == 3:
                ctx.done({"out": "done"})
                return None
            if ctx["in"] == 4:
                return None
            return {"out": ctx["in"]}

        result = run_one(running(run), [1, 2, 3, 4, 5])
        assert result.outputs["out"] == [1, "done", 5]
        assert next((f.error.split(":")[0], f.reason, f.message.as_integer()) for f in result.failures) == (
            "ValueError",
            "ValueError",
            2,
        )
        assert result.failures[1].reason == "unresolved"
        assert "run" in result.failures[0].traceback

    def test_all_on_one_loop_thread_and_other_nodes_go_on(self):
        seen = set()
        meet = {}

        async def run(self, ctx):
            seen.add((threading.current_thread().name, id(asyncio.get_running_loop())))
            meet.setdefault("event", asyncio.Event())
            meet["count"] = meet.get("count", 0) + 1
            if meet["count"] == 50:
                meet["event"].set()
            await asyncio.wait_for(meet["event"].wait(), 10)
            return {}

        with Network() as net:
            net.register_actor("a", running(run))
            for number in range(50):
                net.add_node(f"n{number}", "a")
                net.add_initial(f"n{number}", "in", number)
            result = net.run(timeout=SOON)
        assert result.ok, result.failures[:1]
        assert len(seen) == 1

    def test_async_generator(self):
        async def run(self, ctx):
            for number in range(ctx["in"]):
                await asyncio.sleep(0)
                yield {"out": number}

        assert run_one(running(run), [3, 0, 2]).outputs["out"] == [0, 1, 2, 0, 1]

    def test_async_generator_source_waits_for_room(self):
        class Source(Actor):
            outports = ["out"]

            async def run(self, ctx):
                for number in range(2_000):
                    yield {"out": number}

        with Network({"capacity": 8}) as net:
            add(net, "a", Source)
            sink = add(net, "b", Collect())
            connect(net, "a", "b")
            result = net.run(timeout=SOON)
        assert result.ok
        assert sink.values == list(range(2_000))
        assert result.nodes["b"]["queue_high_water"] <= 8

    def test_send_async_waits_without_holding_the_loop(self):
        other = threading.Event()

        async def flood(self, ctx):
            for number in range(100):
                await ctx.send_async({"out": number})
            return {}

        async def ping(self, ctx):
            other.set()
            return {}

        class Slow(Collect):
            def run(self, ctx):
                if not self.values:
                    assert other.wait(SOON)
                super().run(ctx)

        with Network({"capacity": 2}) as net:
            add(net, "flood", running(flood))
            slow = add(net, "slow", Slow())
            connect(net, "flood", "slow")
            add(net, "ping", running(ping))
            net.add_initial("flood", "in", 0)
            net.add_initial("ping", "in", 0)
            assert net.run(timeout=SOON).ok
        assert slow.values == list(range(100))

    def test_shutdown_cancels_what_awaits(self):
        entered = threading.Event()
        ended = threading.Event()

        async def run(self, ctx):
            entered.set()
            try:
                await asyncio.sleep(3_600)
            finally:
                ended.set()

        net = Network()
        add(net, "a", running(run))
        net.add_initial("a", "in", 0)
        net.start()
        assert entered.wait(SOON)
        assert net.shutdown(grace=5) == []
        assert ended.wait(SOON)

    def test_concurrent_networks_and_restarts_share_the_loop(self):
        async def run(self, ctx):
            await asyncio.sleep(0.001)
            return {"out": ctx["in"]}

        cls = running(run)
        for _ in range(20):
            assert run_one(cls, [1, 2]).outputs["out"] == [1, 2]

    def test_a_callable_that_returns_a_coroutine(self):
        async def later(ctx):
            await asyncio.sleep(0)
            return {"out": ctx["in"]}

        assert run_one(running(lambda self, ctx: later(ctx)), [1, 2]).outputs["out"] == [1, 2]


class TestGenerator:
    def test_yields_leave_one_by_one(self):
        def run(self, ctx):
            yield {"out": 1}
            yield None
            ctx.emit("out", "emitted")
            yield {"out": 2}
            ctx.send({"out": 3})
            yield {"out": Message.integer(4)}

        assert run_one(running(run)).outputs["out"] == [1, "emitted", 2, 3, 4]

    def test_an_exception_keeps_what_was_yielded(self):
        def run(self, ctx):
            yield {"out": 1}
            raise ValueError("after one")

        result = run_one(running(run), [0, 0])
        assert result.outputs["out"] == [1, 1]
        assert [failure.error for failure in result.failures] == ["ValueError: after one"] * 2
        assert "after one" in result.failures[0].traceback

    def test_a_bad_yield_is_a_failure_and_closes_the_generator(self):
        closed = []

        def run(self, ctx):
            try:
                yield {"out": {"type": "Integer", "data": "x"}}
            finally:
                closed.append(1)

        result = run_one(running(run))
        assert len(result.failures) == 1
        assert closed == [1]

    def test_shutdown_closes_it(self):
        closed = threading.Event()

        class Source(Actor):
            outports = ["out"]

            def run(self, ctx):
                try:
                    while True:
                        yield {"out": 1}
                finally:
                    closed.set()

        net = Network()
        add(net, "a", Source)
        sink = add(net, "b", Collect())
        connect(net, "a", "b")
        net.start()
        while not sink.values:
            threading.Event().wait(0.01)
        assert net.shutdown(grace=5) == []
        assert closed.is_set()

    def test_done_inside(self):
        def run(self, ctx):
            yield {"out": 1}
            ctx.done({"out": "last"})

        assert run_one(running(run)).outputs["out"] == [1, "last"]


class TestBatch:
    def test_columns(self):
        sizes = []

        def run(self, batch):
            sizes.append(len(batch))
            batch.done({"out": [value * 2 for value in batch["in"]]})

        result = run_one(running(run, batch_size=10), range(95))
        assert result.outputs["out"] == [2 * number for number in range(95)]
        assert sum(sizes) == 95
        assert max(sizes) == 10
        assert result.nodes["a"]["ticks"] == 95

    def test_returned_columns(self):
        result = run_one(running(lambda self, batch: {"out": batch["in"]}, batch_size=4), range(9))
        assert result.outputs["out"] == list(range(9))

    def test_ticks_one_by_one(self):
        def run(self, batch):
            for ctx in batch:
                if ctx["in"] % 3 == 0:
                    ctx.fail("a third")
                else:
                    ctx.done({"out": ctx["in"]})

        result = run_one(running(run, batch_size=5), range(10))
        assert result.outputs["out"] == [1, 2, 4, 5, 7, 8]
        assert [failure.message.as_integer() for failure in result.failures] == [0, 3, 6, 9]

    def test_returned_rows(self):
        result = run_one(running(lambda self, batch: [{"out": c["in"]} for c in batch], batch_size=5), range(7))
        assert result.outputs["out"] == list(range(7))

    def test_an_exception_fails_every_tick_that_is_open(self):
        def run(self, batch):
            batch[0].done({"out": "first"})
            raise ValueError("all of them")

        result = run_one(running(run, batch_size=4), range(4))
        assert len(result.failures) + len(result.outputs["out"]) == 4
        assert all(failure.error == "ValueError: all of them" for failure in result.failures)
        assert [failure.message.as_integer() for failure in result.failures] == list(range(4))[-len(result.failures) :]

    def test_attempts(self):
        def run(self, ctx_or_batch):
            for ctx in [ctx_or_batch] if hasattr(ctx_or_batch, "attempt") else ctx_or_batch:
                if ctx.attempt == 1:
                    ctx.fail("once")
                else:
                    ctx.done({"out": ctx["in"]})

        result = run_one(running(run, batch_size=4), range(8), policy={"attempts": 2})
        assert result.outputs["out"] == list(range(8))
        assert not result.failures

    def test_wrong_number_of_answers(self):
        result = run_one(running(lambda self, batch: {"out": [1]}, batch_size=4), range(4))
        assert len(result.failures) >= 3

    def test_indexing(self):
        seen = []

        def run(self, batch):
            seen.append((batch[0]["in"], batch[-1]["in"], len(batch), len(list(batch))))
            for bad in (len(batch), -len(batch) - 1):
                with pytest.raises(IndexError):
                    batch[bad]
            with pytest.raises(TypeError):
                batch[1.5]
            batch.done()
            with pytest.raises(RuntimeError):
                batch.done()

        assert run_one(running(run, batch_size=100), range(10)).ok
        assert seen[0][0] == 0

    def test_deferred_ticks_of_a_batch(self):
        def run(self, batch):
            contexts = [ctx.defer() for ctx in batch]

            def later():
                for ctx in reversed(contexts):
                    ctx.done({"out": ctx["in"]})

            threading.Thread(target=later).start()

        result = run_one(running(run, batch_size=4), range(8))
        assert sorted(result.outputs["out"]) == list(range(8))

    def test_async_batches_are_refused(self):
        async def run(self, batch):
            await asyncio.sleep(0)

        with pytest.raises(TypeError, match="batch_size"):
            run_one(running(run, batch_size=4), range(8))


class TestFunctions:
    def run(self, function, inputs, **options):
        with Network() as net:
            add(net, "f", function, **options)
            for port in function.outports:
                net.add_outport(port, "f", port)
            for port, values in inputs.items():
                for value in values:
                    net.add_initial("f", port, value)
            result = net.run(timeout=SOON)
        assert result.ok, result.failures
        return result.outputs

    def test_ports_from_the_signature(self):
        @actor
        def divide(a, b):
            """Divide."""
            return a / b

        assert issubclass(divide, Actor)
        assert (divide.inports, divide.outports, divide.component, divide.__doc__) == (
            ["a", "b"],
            ["out"],
            "divide",
            "Divide.",
        )
        assert self.run(divide, {"a": [6, 9], "b": [2, 3]}) == {"out": [3.0, 3.0]}

    def test_a_default_need_not_be_fed(self):
        @actor
        def scale(x, factor=10):
            return x * factor

        assert self.run(scale, {"x": [1, 2]}) == {"out": [10, 20]}

    def test_a_default_takes_the_newest_once_there_was_one(self):
        @actor
        def scale(x, factor=10):
            return x * factor

        with Network() as net:
            add(net, "f", scale)
            add(net, "sink", sink := Collect())
            connect(net, "f", "sink")
            net.start()
            for port, value in [("x", 1), ("factor", 2), ("factor", 3), ("x", 1), ("x", 2)]:
                net.send("f", port, value)
                net.wait(timeout=SOON)
        assert sink.values == [10, 3, 6]

    def test_several_outports(self):
        @actor(outports=["half", "rest"])
        def split(n):
            return {"half": n // 2, "rest": n % 2}

        assert self.run(split, {"n": [7]}) == {"half": [3], "rest": [1]}

    def test_several_outports_need_a_dict(self):
        @actor(outports=["a", "b"])
        def wrong(n):
            return n

        with Network() as net:
            add(net, "f", wrong)
            net.add_initial("f", "n", 1)
            assert net.run(timeout=SOON).failures[0].reason == "TypeError"

    def test_context_and_names(self):
        @actor(inports=["left in"], name="mine")
        def who(x, ctx):
            return [ctx.node_id, x]

        assert who.component == "mine"
        assert self.run(who, {"left in": [1]}) == {"out": [["f", 1]]}

    def test_other_forms(self):
        @actor
        async def later(x):
            await asyncio.sleep(0)
            return x

        @actor
        def items(x):
            yield from range(x)

        @actor
        async def async_items(x):
            for number in range(x):
                yield number

        assert self.run(later, {"x": [1, 2]}) == {"out": [1, 2]}
        assert self.run(items, {"x": [2, 1]}) == {"out": [0, 1, 0]}
        assert self.run(async_items, {"x": [2, 1]}) == {"out": [0, 1, 0]}

    def test_source(self):
        @actor
        def count():
            yield from range(3)

        assert self.run(count, {}) == {"out": [0, 1, 2]}

    def test_a_function_without_parameters_runs_once(self):
        """It has nothing to be called with again."""
        calls = []

        @actor
        def constant():
            calls.append(1)
            return 42

        with Network() as net:
            add(net, "f", constant)
            net.add_outport("out", "f", "out")
            assert net.run(timeout=5).outputs == {"out": [42]}

    def test_returning_none_and_dicts_and_messages(self):
        @actor
        def same(x):
            return x

        @actor
        def tagged(x):
            return Message.error(x)

        assert self.run(same, {"x": [None, {"a": 1}]}) == {"out": [None, {"a": 1}]}
        assert self.run(tagged, {"x": ["e"]}) == {"out": ["e"]}

    def test_it_can_still_be_called(self):
        @actor
        def double(x):
            return 2 * x

        assert double()(4) == 8

    def test_refusals(self):
        for function in (lambda *args: 1, lambda **options: 1):
            with pytest.raises(TypeError):
                actor(function)
        with pytest.raises(TypeError):
            actor(inports=["a", "b"])(lambda x: x)


class TestRegistration:
    def test_a_class_makes_an_instance_for_each_node(self):
        class Counter(Actor):
            inports = ["in"]
            outports = ["out"]

            def __init__(self):
                self.count = 0

            def run(self, ctx):
                self.count += 1
                return {"out": self.count}

        def counts(component):
            with Network() as net:
                net.register_actor("c", component)
                for name in "ab":
                    net.add_node(name, "c")
                    net.add_outport(name, name, "out")
                    net.add_initial(name, "in", 0)
                    net.add_initial(name, "in", 0)
                outputs = net.run(timeout=SOON).outputs
            return sorted(outputs["a"] + outputs["b"])

        assert counts(Counter) == [1, 1, 2, 2]
        assert counts(Counter()) == [1, 2, 3, 4]

    def test_build_and_native_handles(self):
        handle = Forward()._build()
        with Network() as net:
            net.register_actor("one", handle)
            net.register_actor("two", handle)
            net.add_node("a", "one")
            net.add_node("b", "two")
            connect(net, "a", "b")
            net.add_outport("out", "b", "out")
            net.add_initial("a", "in", 1)
            assert net.run(timeout=SOON).outputs == {"out": [1]}

    def test_from_callback(self):
        native = offbit_reflow._native.Actor
        handle = native.from_callback(
            "sum", ["a", "b"], ["out"], lambda ctx: ctx.done({"out": ctx["a"] + ctx["b"]}), True
        )
        with Network() as net:
            add(net, "s", handle)
            net.add_outport("out", "s", "out")
            net.add_initial("s", "a", 1)
            net.add_initial("s", "b", 2)
            assert net.run(timeout=SOON).outputs == {"out": [3]}

    def test_duplicate_ids_and_wrong_things(self, net):
        net.register_actor("a", Forward)
        with pytest.raises(RuntimeError, match="a"):
            net.register_actor("a", Forward)
        for wrong in (None, int, "x", 5, object(), dict, lambda ctx: 1):
            with pytest.raises(TypeError):
                net.register_actor("b", wrong)

    def test_instance_without_super_init_and_with_slots(self):
        class Slotted(Actor):
            __slots__ = ()
            inports = ["in"]
            outports = ["out"]

            def run(self, ctx):
                return {"out": 1}

        assert run_one(Slotted()).outputs["out"] == [1]

    def test_one_instance_in_two_networks_at_once(self):
        barrier = threading.Barrier(2)

        class Meet(Actor):
            inports = ["in"]

            def run(self, ctx):
                barrier.wait(10)
                ctx.done()

        shared = Meet()
        nets = [Network(), Network()]
        for net in nets:
            add(net, "a", shared)
            net.add_initial("a", "in", 1)
            net.start()
        for net in nets:
            assert net.wait(timeout=SOON).ok
            net.shutdown()
