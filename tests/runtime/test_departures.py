"""Ticks of a node that run at once: what they send leaves in the order of the ticks, in every style."""

from __future__ import annotations

import asyncio
import threading

import pytest

from offbit_reflow import Actor, Network, actor
from offbit_reflow.exceptions import NetworkError

from .support import SOON

TICKS = 6


class Backwards:
    """Lets ticks send in the reverse of their order: each waits until the one behind it has sent."""

    def __init__(self) -> None:
        self.sent = [threading.Event() for _ in range(TICKS + 1)]
        self.sent[TICKS].set()

    def wait(self, number: int) -> None:
        assert self.sent[number + 1].wait(SOON)

    async def wait_async(self, number: int) -> None:
        # In a thread of its own: a loop that waits here would let no other tick send.
        await asyncio.to_thread(self.wait, number)

    def tell(self, number: int) -> None:
        self.sent[number].set()


def async_generator(order: Backwards) -> type[Actor]:
    class Sends(Actor):
        inports, outports = ["in"], ["out"]

        async def run(self, ctx):
            number = ctx["in"]
            await order.wait_async(number)
            yield {"out": (number, 0)}
            order.tell(number)
            yield {"out": (number, 1)}

    return Sends


def async_send(order: Backwards) -> type[Actor]:
    class Sends(Actor):
        inports, outports = ["in"], ["out"]

        async def run(self, ctx):
            number = ctx["in"]
            await order.wait_async(number)
            await ctx.send_async({"out": (number, 0)})
            order.tell(number)
            ctx.done({"out": (number, 1)})

    return Sends


def generator(order: Backwards) -> type[Actor]:
    class Sends(Actor):
        inports, outports = ["in"], ["out"]

        def run(self, ctx):
            number = ctx["in"]
            order.wait(number)
            yield {"out": (number, 0)}
            order.tell(number)
            yield {"out": (number, 1)}

    return Sends


def plain(order: Backwards) -> type[Actor]:
    class Sends(Actor):
        inports, outports = ["in"], ["out"]

        def run(self, ctx):
            number = ctx["in"]
            order.wait(number)
            ctx.send({"out": (number, 0)})
            order.tell(number)
            ctx.done({"out": (number, 1)})

    return Sends


def thread(order: Backwards) -> type[Actor]:
    class Sends(Actor):
        inports, outports = ["in"], ["out"]

        def run(self, ctx):
            def work(number: int) -> None:
                order.wait(number)
                ctx.send({"out": (number, 0)})
                order.tell(number)
                ctx.done({"out": (number, 1)})

            threading.Thread(target=work, args=(ctx["in"],)).start()

    return Sends


def function(order: Backwards) -> type[Actor]:
    @actor(outports=["out"])
    async def sends(number):
        await order.wait_async(number)
        yield {"out": (number, 0)}
        order.tell(number)
        yield {"out": (number, 1)}

    return sends


STYLES = [async_generator, async_send, generator, plain, thread, function]


def assert_stops_after(more: threading.Semaphore, count: int) -> None:
    """Wait until a tick has been at so many sends; it comes to no further one."""
    for _ in range(count):
        assert more.acquire(timeout=SOON)
    assert not more.acquire(timeout=0.2)


def network(component: type[Actor], **policy: object) -> Network:
    net = Network()
    net.register_actor("sends", component)
    net.add_node("s", "sends", policy={"concurrency": TICKS, **policy})
    net.add_outport("out", "s", "out")
    return net


def inputs(component: type[Actor], count: int = TICKS) -> dict[str, object]:
    port = component.inports[0]
    return {f"s.{port}": iter(range(count))}


def in_order(count: int) -> list[tuple[int, int]]:
    return [(number, part) for number in range(count) for part in range(2)]


@pytest.mark.parametrize("style", STYLES)
def test_what_ticks_send_leaves_in_their_order(style):
    component = style(Backwards())
    net = network(component)
    assert net.run(inputs=inputs(component), timeout=SOON).outputs == {"out": in_order(TICKS)}


@pytest.mark.parametrize("style", STYLES)
def test_it_leaves_as_it_comes_if_the_policy_says_so(style):
    component = style(Backwards())
    result = network(component, ordered=False).run(inputs=inputs(component), timeout=SOON)
    firsts = [number for number, part in result.outputs["out"] if part == 0]
    assert firsts == list(reversed(range(TICKS)))
    assert sorted(result.outputs["out"]) == in_order(TICKS)


@pytest.mark.parametrize("style", STYLES)
def test_it_is_so_in_a_run_with_a_store(style, tmp_path):
    class Reaching(Backwards):
        """There ticks wait for their turn, so they tell before they send."""

        def wait(self, number: int) -> None:
            super().wait(number)
            self.tell(number)

    component = style(Reaching())
    net = network(component)
    result = net.run(inputs=inputs(component), timeout=SOON, store=tmp_path / "runs.db")
    assert [list(pair) for pair in result.outputs["out"]] == [list(pair) for pair in in_order(TICKS)]


def test_what_a_failed_try_has_sent_keeps_its_place():
    """The first tick is tried again while the second has long sent everything."""
    over = threading.Event()

    class Sends(Actor):
        inports, outports = ["in"], ["out"]

        async def run(self, ctx):
            number = ctx["in"]
            if number == 1:
                yield {"out": (1, 0)}
                over.set()
                return
            yield {"out": (0, ctx.attempt)}
            await asyncio.to_thread(over.wait, SOON)
            if ctx.attempt < 3:
                raise ValueError("once more")

    net = network(Sends, attempts=3, delay_ms=1)
    result = net.run(inputs=inputs(Sends, 2), timeout=SOON)
    assert result.outputs == {"out": [(0, 1), (0, 2), (0, 3), (1, 0)]}
    assert result.ok


def test_a_tick_that_is_given_up_lets_the_others_go():
    class Sends(Actor):
        inports, outports = ["in"], ["out"]

        async def run(self, ctx):
            number = ctx["in"]
            yield {"out": number}
            if number == 0:
                await asyncio.sleep(3600)

    net = network(Sends, timeout_ms=50)
    result = net.run(inputs=inputs(Sends, 3), timeout=SOON)
    assert result.outputs == {"out": [0, 1, 2]}
    assert [failure.reason for failure in result.failures] == ["timeout"]


def test_what_waits_for_its_turn_is_bounded():
    """The second tick sends without end while the first goes on."""
    more = threading.Semaphore(0)
    go_on = threading.Event()

    class Sends(Actor):
        inports, outports = ["in"], ["out"]

        async def run(self, ctx):
            if ctx["in"] == 0:
                await asyncio.to_thread(go_on.wait, SOON)
                return
            for number in range(5_000):
                more.release()
                yield {"out": number}

    net = network(Sends)
    with net:
        net.start(collect=True)
        net.send("s", "in", 0)
        net.send("s", "in", 1)
        assert_stops_after(more, 1025)
        go_on.set()
        net.close_inputs()
        assert net.wait(timeout=SOON).outputs == {"out": list(range(5_000))}


def test_large_packets_that_wait_for_their_turn_are_bounded_in_bytes():
    go_on = threading.Event()
    more = threading.Semaphore(0)

    class Sends(Actor):
        inports, outports = ["in"], ["out"]

        def run(self, ctx):
            if ctx["in"] == 0:
                assert go_on.wait(SOON)
                return
            for _ in range(60):
                more.release()
                ctx.send({"out": bytes(1 << 20)})

    net = network(Sends)
    with net:
        net.start(collect=True)
        net.send("s", "in", 0)
        net.send("s", "in", 1)
        assert_stops_after(more, 17)
        go_on.set()
        net.close_inputs()
        assert len(net.wait(timeout=SOON).outputs["out"]) == 60


@pytest.mark.parametrize("style", ["async", "plain"])
def test_the_end_of_the_run_frees_who_waits_for_a_turn(style):
    waits, ended = threading.Semaphore(0), threading.Event()

    class Async(Actor):
        inports, outports = ["in"], ["out"]

        async def run(self, ctx):
            if ctx["in"] == 0:
                await asyncio.sleep(3600)
            try:
                while True:
                    waits.release()
                    await ctx.send_async({"out": 1})
            finally:
                ended.set()

    class Plain(Actor):
        inports, outports = ["in"], ["out"]

        def run(self, ctx):
            if ctx["in"] == 0:
                while not ctx.cancelled:
                    never.wait(0.01)
                return
            try:
                while True:
                    waits.release()
                    ctx.send({"out": 1})
            finally:
                ended.set()

    never = threading.Event()
    net = network(Async if style == "async" else Plain)
    with net:
        net.start()
        net.send("s", "in", 0)
        net.send("s", "in", 1)
        assert_stops_after(waits, 1025)
        net.cancel("enough", grace=SOON)
        assert ended.wait(SOON)
        with pytest.raises(NetworkError):
            net.send("s", "in", 2)
