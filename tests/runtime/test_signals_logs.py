"""`ctx.log`, `ctx.progress` and `net.signal`."""

from __future__ import annotations

import threading

import pytest

from offbit_reflow import Actor, Network, Signal

from .support import SOON, Collect, Gate, add, connect, of_type, running


def events_of(run, *types):
    with Network() as net:
        events = net.events(types=list(types))
        add(net, "a", running(run))
        net.add_initial("a", "in", 1)
        result = net.run(timeout=SOON)
        return list(events), result


def test_log():
    def run(self, ctx):
        ctx.log("plain")
        ctx.log({"k": [1]}, level="warning")
        ctx.log(object)
        ctx.log(float("nan"), "debug")
        ctx.done()

    seen, result = events_of(run, "ActorLog")
    assert result.ok, result.failures
    assert [(event["actorId"], event["level"]) for event in seen] == [
        ("a", level) for level in ("info", "warning", "info", "debug")
    ]
    assert [event["data"] for event in seen][:2] == ["plain", {"k": [1]}]
    assert "object" in seen[2]["data"]


def test_progress():
    def run(self, ctx):
        ctx.progress(0.25)
        ctx.progress(1, "ready")
        with pytest.raises(TypeError):
            ctx.progress("half")
        ctx.done()

    seen, result = events_of(run, "ActorProgress")
    assert result.ok
    assert [(event["fraction"], event["text"]) for event in seen] == [(0.25, ""), (1.0, "ready")]


class Listening(Actor):
    inports = ["in"]
    outports = ["out"]

    def __init__(self):
        self.seen = []
        self.heard = threading.Semaphore(0)

    def run(self, ctx):
        self.seen.append(ctx["in"])
        ctx.done()

    def on_signal(self, ctx, signal):
        self.seen.append(signal)
        ctx.send({"out": signal.kind})
        self.heard.release()


def test_signals_arrive_in_order(net):
    actor = add(net, "a", Listening())
    sink = add(net, "b", Collect())
    connect(net, "a", "b")
    net.start()
    net.signal("a", "one")
    net.signal("a", "two", {"x": [1]})
    net.wait(timeout=SOON)
    assert actor.seen == [Signal("one", None), Signal("two", {"x": [1]})]
    assert sink.values == ["one", "two"]


def test_a_sleeping_node_hears_it(net):
    actor = add(net, "a", Listening())
    net.start()
    net.wait(timeout=SOON)
    for number in range(10):
        net.signal("a", str(number))
        assert actor.heard.acquire(timeout=5)


def test_between_ticks_never_inside_one(net):
    inside = []

    class Busy(Gate):
        def run(self, ctx):
            inside.append(True)
            super().run(ctx)
            inside.pop()

        def on_signal(self, ctx, signal):
            heard.append(bool(inside))

    heard: list[bool] = []
    gate = add(net, "a", Busy())
    net.start()
    net.send("a", "in", 1)
    gate.wait_entered()
    net.signal("a", "now")
    assert not heard
    gate.opened.set()
    net.wait(timeout=SOON)
    assert heard == [False]


def test_a_source_hears_it_while_it_runs():
    heard = []

    class Source(Actor):
        inports = []
        outports = ["out"]

        def run(self, ctx):
            if heard:
                ctx.finish()
            ctx.done({"out": 1})

        def on_signal(self, ctx, signal):
            heard.append(signal.kind)

    with Network() as net:
        add(net, "a", Source)
        add(net, "b", Collect())
        connect(net, "a", "b")
        net.start()
        net.signal("a", "stop")
        assert net.wait(timeout=SOON).state == "finished"
    assert heard == ["stop"]


def test_a_generator_source_hears_it_between_its_yields():
    heard = threading.Event()

    class Source(Actor):
        outports = ["out"]

        def run(self, ctx):
            while not heard.is_set():
                yield {"out": 1}

        def on_signal(self, ctx, signal):
            heard.set()

    with Network() as net:
        add(net, "a", Source)
        add(net, "b", Collect())
        connect(net, "a", "b")
        net.start()
        net.signal("a", "stop")
        assert heard.wait(5)


@pytest.mark.parametrize("style", ["async", "raises", "none"])
def test_styles_of_on_signal(net, style):
    heard = []

    class Styled(Actor):
        inports = ["in"]

        def run(self, ctx):
            heard.append("run")
            ctx.done()

    if style == "async":

        async def on_signal(self, ctx, signal):
            heard.append(signal.kind)

        Styled.on_signal = on_signal
    elif style == "raises":

        def on_signal(self, ctx, signal):
            heard.append(signal.kind)
            raise ValueError("in on_signal")

        Styled.on_signal = on_signal
    events = net.events(types=["ActorFailed"])
    add(net, "a", Styled)
    net.start()
    net.signal("a", "s")
    net.send("a", "in", 1)
    net.wait(timeout=SOON)
    assert sorted(heard) == (["run"] if style == "none" else ["run", "s"])
    failures = net.result().failures
    assert [failure.error for failure in failures] == (["ValueError: in on_signal"] if style == "raises" else [])
    assert len(of_type([event for event in [events.recv(10)] if event], "ActorFailed")) == len(failures)


def test_unknown_nodes_and_bad_data(net):
    add(net, "a", Listening())
    with pytest.raises(RuntimeError):
        net.signal("a", "early")
    net.start()
    with pytest.raises(RuntimeError, match="nobody"):
        net.signal("nobody", "x")
    with pytest.raises(ValueError):  # noqa: PT011  # any text
        net.signal("a", "x", object())
    with pytest.raises(TypeError):
        net.signal("a", 5)
