"""Ticks that are at work when the run is stopped: what they put out within the grace is delivered."""

from __future__ import annotations

import threading

import pytest

from offbit_reflow import Actor, Network

from .support import SOON


class Work(Actor):
    """A tick that ends once the run has been told to stop."""

    inports, outports = ["in"], ["out"]

    def begin(self, ctx) -> None:
        entered.release()
        while not ctx.cancelled:
            never.wait(0.005)


entered, never = threading.Semaphore(0), threading.Event()


class Done(Work):
    def run(self, ctx):
        self.begin(ctx)
        ctx.done({"out": ctx["in"]})


class Emits(Work):
    def run(self, ctx):
        ctx.emit("out", ctx["in"])
        self.begin(ctx)
        ctx.done()


class Returns(Work):
    def run(self, ctx):
        self.begin(ctx)
        return {"out": ctx["in"]}


class Yields(Work):
    def run(self, ctx):
        self.begin(ctx)
        yield {"out": ctx["in"]}


class InBatches(Work):
    batch_size = 3

    def run(self, batch):
        self.begin(batch[0])
        batch.done({"out": batch["in"]})


class Deferred(Work):
    def run(self, ctx):
        def work():
            self.begin(ctx)
            ctx.done({"out": ctx["in"]})

        ctx.defer()
        threading.Thread(target=work).start()


class AtOnce(Done):
    """Runs in a thread of its own, beside others."""

    policy = {"concurrency": 3}


@pytest.mark.parametrize("stop", ["cancel", "shutdown"])
@pytest.mark.parametrize("component", [Done, Emits, Returns, Yields, InBatches, Deferred, AtOnce])
def test_what_a_running_tick_puts_out_is_delivered(component, stop):
    net = Network()
    net.register_actor("work", component)
    net.add_node("w", "work", policy=getattr(component, "policy", None))
    net.add_node("next", "tpl_passthrough")
    net.add_connection("w", "out", "next", "input")
    net.add_outport("out", "w", "out")
    with net, net.listen("w", "out") as listener:
        net.start(collect=True)
        net.send("w", "in", 7)
        assert entered.acquire(timeout=SOON)
        assert getattr(net, stop)(grace=SOON) == []
        assert list(listener) == [7]
        assert net.result().outputs == {"out": [7]}
        stats = net.stats()
    # The node behind it was told to stop, and takes nothing more.
    assert (stats["w"]["undelivered"], stats["next"]["ticks"]) == (1, 0)


def test_a_listener_without_room_is_waited_for_within_the_grace():
    """What ticks have put out that stand before a full listener is read after the run was stopped."""

    class Column(Actor):
        inports, outports = ["in"], ["out"]
        batch_size = 30

        def run(self, batch):
            batch.done({"out": batch["in"]})
            entered.release()

    net = Network()
    net.register_actor("column", Column)
    net.add_node("c", "column")
    for number in range(30):
        net.add_initial("c", "in", number)
    with net, net.listen("c", "out", capacity=1) as listener:
        net.start()
        assert entered.acquire(timeout=SOON)
        stopping = threading.Thread(target=net.cancel, kwargs={"grace": SOON})
        stopping.start()
        read = list(listener)
        stopping.join(SOON)
        assert not stopping.is_alive()
        assert read == list(range(net.stats()["c"]["ticks"]))


def test_a_listener_that_does_not_read_holds_nobody_longer_than_the_grace():
    class Many(Actor):
        outports = ["out"]

        def run(self, ctx):
            entered.release()
            for number in range(100):
                yield {"out": number}

    net = Network()
    net.register_actor("many", Many)
    net.add_node("m", "many")
    with net, net.listen("m", "out", capacity=1) as listener:
        net.start()
        assert entered.acquire(timeout=SOON)
        assert net.cancel(grace=0.2) == []
        assert list(listener) == [0]


def test_a_batch_that_stops_the_run_delivers_what_came_before():
    class Column(Actor):
        inports, outports = ["in"], ["out"]
        batch_size = 4

        def run(self, batch):
            for ctx in batch:
                if ctx["in"] == 3:
                    ctx.fail("no")
                else:
                    ctx.done({"out": ctx["in"]})

    net = Network()
    net.register_actor("column", Column)
    net.add_node("c", "column", policy={"on_error": "stop"})
    net.add_outport("out", "c", "out")
    for number in range(4):
        net.add_initial("c", "in", number)
    result = net.run(timeout=SOON)
    assert (result.state, result.outputs) == ("failed", {"out": [0, 1, 2]})
