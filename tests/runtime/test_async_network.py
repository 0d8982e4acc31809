"""Networks in an asyncio program: run, feed, poll and end without holding its loop."""

from __future__ import annotations

import asyncio

import pytest

from offbit_reflow import Actor, Network, actor

from .support import SOON, Collect, Forward, Gate, add, connect, numbers

pytestmark = pytest.mark.timeout(60)


def run(main):
    """Run a coroutine function to its end."""
    return asyncio.run(asyncio.wait_for(main(), SOON))


def doubling(net):
    @actor
    async def double(x):
        await asyncio.sleep(0)
        return 2 * x

    add(net, "d", double)
    net.add_inport("x", "d", "x")
    net.add_outport("out", "d", "out")
    return net


class TestRunAsync:
    @pytest.mark.parametrize("inputs", [{"x": 4}, {"d.x": iter([4])}], ids=["value", "iterator"])
    def test_inputs(self, inputs):
        assert run(lambda: doubling(Network()).run_async(inputs)).outputs == {"out": [8]}

    def test_asynchronous_iterators_are_fed_together(self):
        @actor
        def pair(a, b):
            return [a, b]

        closed = []

        async def feed(start):
            try:
                for number in range(start, start + 500):
                    yield number
                    await asyncio.sleep(0)
            finally:
                closed.append(start)

        async def main():
            async with Network({"capacity": 2}) as net:
                add(net, "pair", pair)
                net.add_outport("out", "pair", "out")
                return await net.run_async({"pair.a": feed(0), "pair.b": feed(1_000)})

        assert run(main).outputs["out"] == [[n, n + 1_000] for n in range(500)]
        assert sorted(closed) == [0, 1_000]

    def test_an_iterator_that_fails_ends_the_run(self):
        async def feed():
            yield 1
            raise ValueError("no more")

        net = doubling(Network())
        with pytest.raises(ValueError, match="no more"):
            run(lambda: net.run_async({"x": feed()}))
        assert net.result().state == "cancelled"

    def test_the_limit_holds_while_an_iterator_waits(self):
        async def feed():
            yield 1
            await asyncio.sleep(3_600)

        net = doubling(Network())
        with pytest.raises(TimeoutError, match="limit"):
            run(lambda: net.run_async({"x": feed()}, timeout=0.1))
        assert net.result().state == "cancelled"

    def test_cancelling_the_task_stops_the_network(self):
        net = Network()
        gate = add(net, "gate", Gate())
        net.add_initial("gate", "in", 1)

        async def main():
            task = asyncio.ensure_future(net.run_async())
            await asyncio.to_thread(gate.wait_entered)
            task.cancel()
            gate.opened.set()
            with pytest.raises(asyncio.CancelledError):
                await task

        run(main)
        assert not net.is_running

    def test_mistakes_are_told_before_anything_starts(self):
        net = Network()
        net.add_connection("no", "out", "body", "in")
        with pytest.raises(RuntimeError, match="no"):
            run(net.run_async)
        with pytest.raises(RuntimeError, match="inputs"):
            run(lambda: net.run_async({"nobody": 1}))

    def test_many_at_once(self):
        async def main():
            return await asyncio.gather(*(doubling(Network()).run_async({"x": n}) for n in range(30)))

        assert [result.outputs["out"] for result in run(main)] == [[2 * n] for n in range(30)]


class TestSendAsync:
    def test_it_waits_for_room(self):
        async def main():
            async with Network({"capacity": 1}) as net:
                gate = add(net, "gate", Gate())
                net.start()
                sending = asyncio.ensure_future(send_all(net))
                await asyncio.to_thread(gate.wait_entered)
                while not net.stats()["gate"]["queued"]:
                    await asyncio.sleep(0)
                with pytest.raises(TimeoutError):
                    await net.send_async("gate", "in", "late", timeout=0.01)
                gate.opened.set()
                await sending
                net.close_inputs()
                assert (await net.wait_async(timeout=SOON)).ok
                return gate.values

        async def send_all(net):
            for number in range(50):
                await net.send_async("gate", "in", number)

        assert run(main) == list(range(50))

    def test_mistakes(self):
        async def main():
            async with Network() as net:
                add(net, "a", Forward)
                with pytest.raises(RuntimeError, match="not running"):
                    await net.send_async("a", "in", 1)
                net.start()
                with pytest.raises(RuntimeError, match="nobody"):
                    await net.send_async("nobody", "in", 1)
                net.shutdown()
                with pytest.raises(RuntimeError, match="shut down"):
                    await net.send_async("a", "in", 1)

        run(main)


class TestPolling:
    def test_listener(self):
        async def main():
            async with Network() as net:
                add(net, "a", Forward)
                net.start()
                got = []
                async with net.listen("a", "out") as listener:
                    assert await listener.recv_async(0) is None
                    for number in range(20):
                        with pytest.raises(TimeoutError):
                            await asyncio.wait_for(anext(listener), 0.001)
                        assert await listener.recv_async(0.001) is None
                        await net.send_async("a", "in", number)
                        got.append(await asyncio.wait_for(anext(listener), SOON))
                    net.send("a", "in", 20)
                    message = await listener.recv_async(SOON)
                    net.close_inputs()
                    assert [value async for value in listener] == []
                    assert await listener.recv_async() is None
                return [*got, message.as_integer()]

        assert run(main) == list(range(21))

    def test_nothing_is_lost_between_time_outs(self):
        async def main():
            async with Network() as net:
                add(net, "numbers", numbers(3_000))
                add(net, "a", Forward)
                connect(net, "numbers", "a")
                net.start()
                listener, got = net.listen("a", "out", capacity=100_000), []
                misses = 0
                while True:
                    try:
                        got.append(await asyncio.wait_for(anext(listener), 0.0005 if misses < 100 else None))
                    except TimeoutError:
                        misses += 1
                    except StopAsyncIteration:
                        break
                return got

        got = run(main)
        # It may have begun to listen late, but from then on it missed none.
        assert got == list(range(3_000 - len(got), 3_000))

    def test_events(self):
        async def main():
            async with Network() as net:
                add(net, "a", Forward)
                events = net.events(types=["ActorLog", "ActorFailed"])
                net.start()
                for _ in range(20):
                    with pytest.raises(TimeoutError):
                        await asyncio.wait_for(anext(events), 0.001)
                    assert await events.recv_async(1) is None
                net.cancel()
                assert [event async for event in events] == []
                net.shutdown()
                with pytest.raises(RuntimeError, match="closed"):
                    await events.recv_async()

        run(main)

    def test_two_tasks_at_one_listener(self):
        async def main():
            async with Network() as net:
                add(net, "a", Forward)
                net.start()
                listener = net.listen("a", "out")
                waiting = [asyncio.ensure_future(anext(listener)) for _ in range(3)]
                await asyncio.sleep(0.01)
                for number in range(3):
                    net.send("a", "in", number)
                return sorted(await asyncio.gather(*waiting))

        assert run(main) == [0, 1, 2]


def test_a_network_as_an_asynchronous_context_is_shut_down():
    async def main():
        async with Network() as net:
            add(net, "a", Collect())
            net.start()
        assert not net.is_running
        assert await net.shutdown_async() == []
        assert await Network().shutdown_async() == []

    run(main)


def test_iterators_are_read_at_the_same_time():
    async def main():
        read = False

        def until_the_other_was_read():
            while not read:
                yield 0

        def other():
            nonlocal read
            yield 1
            read = True

        with Network() as net:
            first, second = add(net, "first", Collect()), add(net, "second", Collect())
            await net.run_async({"first.in": until_the_other_was_read(), "second.in": other()}, timeout=SOON)
            assert set(first.values) == {0}
            assert second.values == [1]

    run(main)


def test_wait_async_has_a_limit():
    async def main():
        async with Network() as net:
            gate = add(net, "gate", Gate())
            net.add_initial("gate", "in", 1)
            net.start()
            with pytest.raises(TimeoutError, match="at work"):
                await net.wait_async(timeout=0.02)
            gate.opened.set()
            assert (await net.wait_async(timeout=SOON)).ok

    run(main)


def test_networks_in_async_actors():
    """An actor may run a network of its own, on the loop that they share."""

    class Outer(Actor):
        inports = ["in"]
        outports = ["out"]

        async def run(self, ctx):
            result = await doubling(Network()).run_async({"x": ctx["in"]}, timeout=SOON)
            return {"out": result.outputs["out"][0]}

    with Network() as net:
        add(net, "outer", Outer)
        net.add_outport("out", "outer", "out")
        for number in range(5):
            net.add_initial("outer", "in", number)
        assert net.run(timeout=SOON).outputs["out"] == [0, 2, 4, 6, 8]
