"""Ticks that wait for a signal: approvals."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from offbit_reflow import Actor, Network
from offbit_reflow.exceptions import NetworkError, RunTimeout

from .support import SOON


class Approve(Actor):
    inports = ["order"]
    outports = ["out"]

    def run(self, ctx):
        answer = ctx.wait_signal("approve", id=ctx["order"], timeout=SOON)
        ctx.done({"out": answer})


class ApproveAsync(Approve):
    async def run(self, ctx):
        answer = await ctx.wait_signal_async("approve", id=ctx["order"], timeout=SOON)
        ctx.done({"out": answer})


def waiting(net: Network, count: int) -> list:
    end = time.monotonic() + SOON
    while len(found := net.info("a").get("waiting", [])) != count:
        assert time.monotonic() < end
        time.sleep(0.001)
    return found


@pytest.mark.parametrize(
    ("style", "policy"), [(Approve, None), (ApproveAsync, None), (Approve, {"timeout_ms": 60_000})]
)
def test_a_tick_goes_on_with_the_payload(style, policy, net):
    net.register_actor("a", style)
    net.add_node("a", "a", policy=policy)
    net.add_outport("out", "a", "out")
    net.start(collect=True)
    net.send("a", "order", 1)
    assert waiting(net, 1) == [{"kind": "approve", "id": 1}]
    net.signal("a", "approve", {"id": 2, "by": "nobody"})
    net.signal("a", "approve", {"id": 1, "by": "me"})
    assert net.wait(SOON).outputs["out"] == [{"id": 1, "by": "me"}]
    assert waiting(net, 0) == []


def test_many_wait_at_once_and_get_their_own(net):
    net.register_actor("a", ApproveAsync)
    net.add_node("a", "a", policy={"concurrency": 10})
    net.add_outport("out", "a", "out")
    net.start(collect=True)
    for order in range(10):
        net.send("a", "order", order)
    assert [one["id"] for one in waiting(net, 10)] == list(range(10))
    for order in reversed(range(10)):
        net.signal("a", "approve", {"id": order})
    assert net.wait(SOON).outputs["out"] == [{"id": order} for order in range(10)]


@pytest.mark.parametrize("style", [Approve, ApproveAsync])
def test_a_limit_and_a_stop_end_the_wait(style, net):
    ended = []

    class Limited(style):
        pass

    class Plain(Actor):
        inports = ["order"]

        def run(self, ctx):
            with pytest.raises(RunTimeout, match="no signal `go`"):
                ctx.wait_signal("go", timeout=0.01)
            ended.append(1)
            ctx.done()

    class Async(Plain):
        async def run(self, ctx):
            with pytest.raises(RunTimeout, match="no signal `go`"):
                await ctx.wait_signal_async("go", timeout=0.01)
            ended.append(1)
            ctx.done()

    net.register_actor("a", Async if style is ApproveAsync else Plain)
    net.register_actor("b", Limited)
    net.add_node("a", "a")
    net.add_node("b", "b")
    net.start()
    net.send("a", "order", 1)
    net.wait(SOON)
    assert ended == [1]
    net.send("b", "order", 1)
    stopped = threading.Event()
    threading.Thread(target=lambda: (net.shutdown(grace=SOON), stopped.set())).start()
    assert stopped.wait(SOON)


def test_a_signal_that_nobody_waits_for_goes_to_on_signal(net):
    seen = []

    class Hears(Approve):
        def on_signal(self, ctx, signal):
            seen.append(signal.kind)

    net.register_actor("a", Hears)
    net.add_node("a", "a")
    net.start()
    net.signal("a", "approve", {"id": 1})
    net.wait(SOON)
    assert seen == ["approve"]


@pytest.mark.parametrize("style", [Approve, ApproveAsync])
def test_a_signal_that_comes_before_the_wait_is_kept_for_it(style, net):
    net.register_actor("a", style)
    net.add_node("a", "a")
    net.add_outport("out", "a", "out")
    net.start(collect=True)
    net.signal("a", "approve", {"id": 1, "by": "early"})
    net.send("a", "order", 1)
    assert net.wait(SOON).outputs["out"] == [{"id": 1, "by": "early"}]


@pytest.mark.parametrize("style", [Approve, ApproveAsync])
def test_another_try_gets_the_same_signal_again(style, net):
    class Fails(Approve):
        def run(self, ctx):
            answer = ctx.wait_signal("approve", timeout=SOON)
            if ctx.attempt < 3:
                raise OSError("not yet")
            ctx.done({"out": answer})

    class FailsAsync(Approve):
        async def run(self, ctx):
            answer = await ctx.wait_signal_async("approve", timeout=SOON)
            if ctx.attempt < 3:
                raise OSError("not yet")
            ctx.done({"out": answer})

    net.register_actor("a", Fails if style is Approve else FailsAsync)
    net.add_node("a", "a", policy={"attempts": 3})
    net.add_outport("out", "a", "out")
    net.start(collect=True)
    net.send("a", "order", 1)
    net.send("a", "order", 2)
    waiting(net, 1)
    net.signal("a", "approve", {"n": 1})
    waiting(net, 1)
    net.signal("a", "approve", {"n": 2})
    assert net.wait(SOON).outputs["out"] == [{"n": 1}, {"n": 2}]


def test_signals_that_nobody_ever_waits_for_are_bounded(net):
    net.register_actor("a", Approve)
    net.add_node("a", "a")
    net.start()
    with pytest.raises(NetworkError, match="signals"):
        for n in range(3000):
            net.signal("a", "other", {"n": n})


CHILD = """
import sys, time
from offbit_reflow import Actor, Network

class Approve(Actor):
    inports, outports = ["order"], ["out"]

    def run(self, ctx):
        first = ctx.wait_signal("approve", id=ctx["order"])
        if sys.argv[2] == "die":
            print("taken\\n", end="", flush=True)
            time.sleep(60)
        second = ctx.wait_signal("approve", id=ctx["order"], timeout=60)
        return {"out": [first["by"], second["by"]]}

    def on_signal(self, ctx, signal):
        raise AssertionError(signal)

net = Network(store=sys.argv[1], run_id="a")
net.register_actor("a", Approve)
net.add_node("a", "a")
net.add_outport("out", "a", "out")
net.start(collect=True)
if sys.argv[2] == "die":
    net.send("a", "order", 7)
while not net.info("a").get("waiting"):
    time.sleep(0.001)
net.signal("a", "approve", {"id": 7, "by": sys.argv[2]})
if sys.argv[2] == "die":
    print("sent\\n", end="", flush=True)
print(net.wait(60).outputs, flush=True)
net.shutdown()
"""


@pytest.mark.timeout(60)
def test_a_signal_that_a_killed_tick_had_taken_is_given_again(tmp_path):
    def run(word):
        command = [sys.executable, "-c", CHILD, str(tmp_path / "runs.db"), word]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    with run("die") as process:
        assert {process.stdout.readline() for _ in range(2)} == {"taken\n", "sent\n"}
        process.kill()
    with run("again") as process:
        assert process.communicate()[0] == "{'out': [['die', 'again']]}\n"


@pytest.mark.parametrize("style", [Approve, ApproveAsync])
def test_the_limit_of_a_wait_counts_over_restarts(style, tmp_path):
    class Limited(Approve):
        def run(self, ctx):
            ctx.wait_signal("approve", id=ctx["order"], timeout=1.0)

    class LimitedAsync(Approve):
        async def run(self, ctx):
            await ctx.wait_signal_async("approve", id=ctx["order"], timeout=1.0)

    def start():
        net = Network(store=tmp_path / "runs.db", run_id="a")
        net.register_actor("a", Limited if style is Approve else LimitedAsync)
        net.add_node("a", "a")
        net.start()
        return net

    net = start()
    net.send("a", "order", 1)
    waiting(net, 1)
    began = time.monotonic()
    net.shutdown(grace=SOON)
    while time.monotonic() < began + 1.0:
        time.sleep(0.01)
    net = start()
    again = time.monotonic()
    result = net.wait(SOON)
    assert time.monotonic() - again < 0.9
    assert [failure.reason for failure in result.failures] == ["RunTimeout"]
    net.shutdown()
