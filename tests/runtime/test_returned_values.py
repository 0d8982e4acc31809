"""What a returned or yielded value means: the same for functions and classes, in every style."""

from __future__ import annotations

import asyncio

import pytest

from offbit_reflow import Actor, Message, Network, actor

from .support import SOON, add, run_one, running

pytestmark = pytest.mark.timeout(60)

VALUES = [1, 0, "", "text", [], [1, 2], [None, None], {"a": 1}, {}, True, b"x", 1.5]


def outputs_of(function, values, **options):
    """Run an actor of one inport on values."""
    (port,) = function.inports
    with Network() as net:
        add(net, "f", function)
        for name in function.outports:
            net.add_outport(name, "f", name)
        result = net.run({f"f.{port}": iter(values)}, timeout=SOON)
    assert result.ok, result.failures
    return result.outputs


class TestFunctions:
    def test_a_value_leaves_by_the_only_outport(self):
        @actor
        def same(x):
            return x

        @actor
        async def later(x):
            await asyncio.sleep(0)
            return x

        @actor
        def once(x):
            yield x

        for function in (same, later, once):
            assert outputs_of(function, [*VALUES, None])["out"] == [*VALUES, None]

    @pytest.mark.parametrize("outports", [["left"], ["left", "right"]])
    def test_with_outports_a_dict_is_the_outputs(self, outports):
        @actor(outports=outports)
        def split(x):
            return dict.fromkeys(outports, x)

        @actor(outports=outports)
        async def later(x):
            await asyncio.sleep(0)
            return dict.fromkeys(outports, x)

        @actor(outports=outports)
        def items(x):
            yield dict.fromkeys(outports, x)
            yield {}

        @actor(outports=outports)
        async def later_items(x):
            yield {}
            yield dict.fromkeys(outports, x)

        for function in (split, later, items, later_items):
            assert outputs_of(function, [1, 2]) == {port: [1, 2] for port in outports}

    def test_with_one_named_outport_another_value_leaves_by_it(self):
        @actor(outports=["left"])
        def same(x):
            return x

        assert outputs_of(same, [1, [2], None])["left"] == [1, [2], None]

    def test_a_context_that_was_answered_or_deferred_needs_no_value(self):
        @actor
        def answered(x, ctx):
            ctx.done({"out": [x]})
            return "ignored"

        @actor
        def deferred(x, ctx):
            ctx.defer()
            import threading

            threading.Thread(target=ctx.done, args=({"out": [x]},)).start()
            return "ignored"

        for function in (answered, deferred):
            assert outputs_of(function, [1, 2])["out"] == [[1], [2]]

    @pytest.mark.parametrize("outports", [None, ["out"], ["out", "other"]])
    def test_a_value_beside_an_answer_is_told(self, outports):
        @actor(outports=outports)
        def both(x, ctx):
            ctx.done({"out": x})
            return x + 1

        @actor(outports=outports)
        async def both_async(x, ctx):
            ctx.done({"out": x})
            return x + 1

        for function in (both, both_async):
            net = Network()
            net.register_actor("f", function)
            net.add_node("f", "f")
            net.add_outport("out", "f", "out")
            events = net.events(types=["ActorLog"])
            assert net.run({"f.x": 1}, timeout=SOON).outputs == {"out": [1]}
            told = [event["data"] for event in events]
            assert told == ["run() returned outputs after the tick had been ended: they are not sent"]


def as_method(style):
    def plain(self, ctx):
        return ctx["in"]

    def yields(self, ctx):
        yield ctx["in"]

    async def awaits(self, ctx):
        await asyncio.sleep(0)
        return ctx["in"]

    async def yields_async(self, ctx):
        await asyncio.sleep(0)
        yield ctx["in"]

    return {"plain": plain, "yields": yields, "awaits": awaits, "yields async": yields_async}[style]


class TestClasses:
    @pytest.mark.parametrize("policy", [None, {"timeout_ms": 30_000}], ids=["plain", "limit"])
    @pytest.mark.parametrize("style", ["plain", "yields", "awaits", "yields async"])
    def test_a_value_leaves_by_the_only_outport(self, style, policy):
        values = [value for value in VALUES if not isinstance(value, dict)]
        result = run_one(running(as_method(style)), values, policy=policy)
        assert result.ok, result.failures
        assert result.outputs["out"] == values

    @pytest.mark.parametrize("style", ["plain", "yields", "awaits", "yields async"])
    def test_with_several_outports_only_a_dict_will_do(self, style):
        run = as_method(style)
        cls = type("Two", (Actor,), {"inports": ["in"], "outports": ["out", "other"], "run": run})
        result = run_one(cls, [{"out": 1}, 5])
        assert result.outputs["out"] == [1]
        (failure,) = result.failures
        assert failure.reason == "TypeError"
        assert "dict of outputs" in failure.error

    def test_none_says_that_the_answer_is_elsewhere(self):
        result = run_one(running(lambda self, ctx: None))
        assert [failure.reason for failure in result.failures] == ["unresolved"]

    def test_a_message_is_a_value(self):
        assert run_one(running(lambda self, ctx: Message.integer(5))).outputs["out"] == [5]

    def test_what_is_returned_after_the_answer_is_ignored(self):
        def run(self, ctx):
            ctx.done({"out": 1})
            return 2

        assert run_one(running(run)).outputs["out"] == [1]

    def test_a_held_tick_stays_open_whatever_is_returned(self):
        import threading

        def run(self, ctx):
            thread = threading.Thread(target=lambda: ctx.done({"out": "later"}))
            threading.Timer(0.01, thread.start).start()
            return thread

        assert run_one(running(run)).outputs["out"] == ["later"]


class TestBatches:
    @pytest.mark.parametrize("make", [list, tuple, iter], ids=["list", "tuple", "iterator"])
    def test_one_value_a_tick(self, make):
        def run(self, batch):
            return make([{"out": value} if value % 2 else value for value in batch["in"]])

        assert run_one(running(run, batch_size=10), range(6)).outputs["out"] == list(range(6))

    def test_a_range(self):
        def run(self, batch):
            return range(len(batch))

        result = run_one(running(run, batch_size=100), range(1))
        assert result.outputs["out"] == [0]

    def test_columns(self):
        def run(self, batch):
            return {"out": batch["in"]}

        assert run_one(running(run, batch_size=4), range(9)).outputs["out"] == list(range(9))

    def test_mistakes(self):
        for wrong, reason in (([1, 2, 3], "ValueError"), (5, "TypeError")):
            result = run_one(running(lambda self, batch, wrong=wrong: wrong, batch_size=2))
            assert [failure.reason for failure in result.failures] == [reason]
