"""Programs written for version 0.2.9, whose classes use names that mean something here by now."""

from __future__ import annotations

import threading
import time
import warnings
from collections import UserList

import pytest

from offbit_reflow import Actor, Message, Network, compose_graphs, template_actor

from .support import SOON, Collect, add, connect, run_one, running


class Keep(Actor):
    """Keeps what comes."""

    inports = ["in"]

    def __init__(self):
        self.values = []

    def run(self, ctx):
        self.values.append(ctx.inputs["in"]["data"])
        ctx.done()


def kept(actor, *values, config=None):
    """Run one node on integers; what it kept."""
    with Network() as net:
        net.register_actor("a", actor)
        net.add_node("a", "a", config)
        for value in values:
            net.add_initial("a", "in", {"type": "Integer", "data": value})
        net.start()
        result = net.wait(timeout=SOON)
    assert not result.failures
    return actor.values


class TestNamesOfTheUser:
    @pytest.mark.parametrize("size", [3, None, "large", 0, -1])
    def test_batch_size(self, size):
        class Sized(Keep):
            batch_size = size

        assert kept(Sized(), 1, 2) == [1, 2]
        own = Keep()
        own.batch_size = size
        assert kept(own, 1, 2) == [1, 2]

    def test_a_batch_actor_needs_a_number(self):
        with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1, got 0"):
            Network().register_actor("a", running(lambda self, batch: None, batch_size=0))

    def test_methods_with_other_arguments(self):
        class Own(Keep):
            def setup(self):
                self.ready = True

            def finalize(self):
                return 5

            def teardown(self, path):
                return path

            def on_signal(self):
                return None

            def run(self, ctx):
                self.setup()
                super().run(ctx)

        with pytest.warns(UserWarning, match=r"Own\.\w+\(self.* is not called by the runtime") as warned:
            assert kept(Own(), 1) == [1]
        assert len(warned) == 4

    def test_attributes_that_are_no_methods(self):
        class Own(Keep):
            setup = {"path": "x"}  # as users write it

            def __init__(self):
                super().__init__()
                self.teardown = True
                self.finalize = 5

        assert kept(Own(), 1) == [1]

    def test_methods_of_the_runtime_warn_of_nothing(self):
        class Proper(Keep):
            def setup(self, ctx):
                self.values.append("setup")

            def finalize(self, *args):
                self.values.append("finalize")

            def teardown(self, quietly=True):
                self.values.append("teardown")

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert kept(Proper(), 1) == ["setup", 1, "finalize", "teardown"]

    @pytest.mark.parametrize("config", [{"policy": "lru"}, {"firing": "now"}, {"policy": 3, "firing": [1]}])
    def test_config_keys(self, config):
        seen = []

        def run(self, ctx):
            seen.append(ctx.config)
            ctx.done()

        assert run_one(running(run), [1], config=config).ok
        assert seen == [config]

    @pytest.mark.parametrize("wait_for", [None, 1, 0])
    def test_await_all_inports_is_a_truth_value(self, wait_for):
        class Pair(Actor):
            inports = ["a", "b", "a"]
            await_all_inports = wait_for
            ticks = 0

            def run(self, ctx):
                self.ticks += 1
                ctx.done()

        actor = Pair()
        with Network() as net:
            add(net, "n", actor)
            net.add_initial("n", "a", 1)
            net.add_initial("n", "b", 2)
            assert net.run(timeout=SOON).ok
        assert actor.ticks == (1 if wait_for else 2)


class TestValues:
    def test_numbers_that_are_no_ints(self):
        class Index:
            def __index__(self):
                return 5

        assert Message.integer(Index()) == Message.integer(5)
        numpy = pytest.importorskip("numpy")
        assert Message.integer(numpy.int64(5)) == Message.integer(5)
        assert Message.boolean(numpy.bool_(True)) == Message.boolean(True)
        for wrong in (1.5, "1", None):
            with pytest.raises(TypeError):
                Message.integer(wrong)
            with pytest.raises(TypeError):
                Message.boolean(wrong)

    def test_any_sequence_is_a_list(self):
        assert Message.array(UserList([1, 2])) == Message.array([1, 2])
        assert Message.object({"x": UserList("ab")}) == Message.object({"x": ["a", "b"]})
        with pytest.raises(ValueError, match="bytes"):
            Message.object({"x": b"ab"})

    def test_an_array_of_objects_has_no_bytes(self):
        numpy = pytest.importorskip("numpy")
        with pytest.raises(ValueError, match="an array of Python objects has no bytes"):
            Message.bytes(numpy.array([object(), None], dtype=object))
        with pytest.raises(ValueError, match="an array of Python objects has no bytes"):
            Message.bytes(numpy.zeros(2, dtype=[("a", "f8"), ("b", "O")]))
        named = numpy.zeros(2, dtype=[("Open", "f8"), ("Other", "i4")])
        assert Message.bytes(named).as_bytes() == named.tobytes()

    def test_names_of_arguments(self):
        assert template_actor(template_id="tpl_passthrough")
        assert compose_graphs(composition={"graphs": []})["processes"] == {}


class TestLife:
    def test_shutdown_is_prompt_and_a_restart_does_not_wait_for_an_old_tick(self):
        opened = threading.Event()
        ticks = []

        class Slow(Actor):
            inports = ["in"]

            def run(self, ctx):
                ticks.append(1)
                opened.wait(SOON)
                ctx.done()

        net = Network()
        net.register_actor("slow", Slow)
        net.add_node("a", "slow")
        net.add_initial("a", "in", {"type": "Flow"})
        for count in (1, 2):
            net.start()
            deadline = time.monotonic() + SOON
            while len(ticks) < count:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            assert net.is_running
            assert net.shutdown() == ["a"]
            assert not net.is_running
        opened.set()
        net.shutdown(grace=SOON)

    def test_only_one_of_several_threads_starts_it(self):
        entered, opened = threading.Event(), threading.Event()

        class Slow(Actor):
            inports = ["in"]

            def __init__(self):
                entered.set()
                opened.wait(SOON)

            def run(self, ctx):
                ctx.done()

        with Network() as net:
            net.register_actor("slow", Slow)
            net.add_node("a", "slow")
            first = threading.Thread(target=net.start)
            first.start()
            assert entered.wait(SOON)
            with pytest.raises(RuntimeError, match="running already"):
                net.start()
            opened.set()
            first.join()
            assert net.is_running

    def test_events_of_a_run_that_is_over(self):
        net = Network()
        add(net, "a", Collect())
        net.add_initial("a", "in", 1)
        assert net.run(timeout=SOON).ok
        assert [event["_type"] for event in net.events()][-1] == "NetworkCompleted"
        net.shutdown()
        late = net.events(types=["ActorLog"])
        with pytest.raises(RuntimeError):
            late.recv()

    def test_events_end_although_a_tick_is_shut_down_from_inside(self):
        net = Network()
        add(net, "a", running(lambda self, ctx: net.shutdown()))
        net.add_initial("a", "in", 1)
        events = net.events()
        net.start()
        with pytest.raises(RuntimeError):
            while True:
                events.recv()

    def test_a_pair_waits_for_its_late_partner(self):
        """A producer that runs ahead waits; it neither widens its connection nor ends the run."""
        pairs = []

        class Producer(Actor):
            inports = ["go"]
            outports = ["out"]

            def run(self, ctx):
                for number in range(5_000):
                    ctx.send({"out": number})
                ctx.done()

        class Pair(Actor):
            inports = ["frame", "setting"]
            await_all_inports = True

            def run(self, ctx):
                pairs.append((ctx["frame"], ctx["setting"]))
                ctx.done()

        with Network() as net:
            add(net, "producer", Producer())
            add(net, "pair", Pair())
            net.add_connection("producer", "out", "pair", "frame")
            net.add_initial("producer", "go", 1)
            stalls = net.events(types=["NetworkStalled", "ActorFailed"])
            net.start()
            for number in range(5):
                assert net.wait(timeout=SOON).state == "idle"
                assert net.stats()["pair"]["queued"] <= 130
                net.send("pair", "setting", -number)
            assert net.wait(timeout=SOON).state == "idle"
        assert pairs == [(number, -number) for number in range(5)]
        assert list(stalls) == []

    def test_a_producer_of_both_sides_is_not_stuck(self):
        """It fills one side before it begins with the other: waiting would be for ever."""

        class Both(Actor):
            inports = ["go"]
            outports = ["x", "y"]

            def run(self, ctx):
                for port in ("x", "y"):
                    for number in range(1_000):
                        ctx.send({port: number})
                ctx.done()

        class Pair(Actor):
            inports = ["x", "y"]
            outports = ["out"]
            await_all_inports = True

            def run(self, ctx):
                ctx.done({"out": ctx["x"] - ctx["y"]})

        with Network() as net:
            add(net, "both", Both())
            add(net, "pair", Pair())
            sink = add(net, "sink", Collect())
            for port in "xy":
                net.add_connection("both", port, "pair", port)
            connect(net, "pair", "sink")
            net.add_initial("both", "go", 1)
            net.start()
            net.wait(timeout=SOON)
        assert sink.values == [0] * 1_000


class TestAsync:
    @pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
    def test_what_ends_a_program_ends_only_the_tick(self, error):
        class Bad(Actor):
            inports = ["in"]

            async def run(self, ctx):
                raise error(3)

        class Good(Actor):
            inports = ["in"]
            outports = ["out"]

            async def run(self, ctx):
                ctx.done({"out": ctx["in"]})

        with Network() as net:
            add(net, "bad", Bad())
            add(net, "good", Good())
            sink = add(net, "sink", Collect())
            connect(net, "good", "sink")
            for number in range(3):
                net.add_initial("bad", "in", number)
                net.add_initial("good", "in", number)
            result = net.run(timeout=SOON)
        assert [failure.reason for failure in result.failures] == [error.__name__] * 3
        assert sink.values == [0, 1, 2]
