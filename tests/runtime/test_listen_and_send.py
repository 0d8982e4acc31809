"""`net.send`, `net.listen`: packets into and out of a running network."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from offbit_reflow import Actor, Message, Network

from .support import SOON, Collect, Forward, Gate, add, connect, numbers


class TestSend:
    def test_into_a_network_that_is_idle(self, net):
        add(net, "a", sink := Collect())
        net.start()
        assert net.wait(timeout=SOON).state == "idle"
        for number in range(5):
            net.send("a", "in", number)
            assert net.wait(timeout=SOON).state == "idle"
            assert sink.values == list(range(number + 1))

    def test_wakes_a_node_that_sleeps(self, net):
        arrived = threading.Event()

        class Wake(Actor):
            inports = ["in"]

            def run(self, ctx):
                arrived.set()
                ctx.done()

        add(net, "a", Wake)
        net.start()
        net.wait(timeout=SOON)
        net.send("a", "in", 1)
        assert arrived.wait(5)

    def test_each_port_of_a_sleeping_node(self, net):
        class Pair(Actor):
            inports = ["x", "y"]
            await_all_inports = True

            def run(self, ctx):
                seen.append((ctx["x"], ctx["y"]))
                ctx.done()

        seen: list[tuple[int, int]] = []
        add(net, "a", Pair)
        net.start()
        net.wait(timeout=SOON)
        for number in range(3):
            net.send("a", "x", number)
            net.wait(timeout=SOON)
            net.send("a", "y", -number)
            net.wait(timeout=SOON)
            assert seen == [(count, -count) for count in range(number + 1)]

    def test_beside_an_initial(self, net):
        seen = []

        class Settings(Actor):
            inports = ["settings", "in"]

            def run(self, ctx):
                seen.extend((port, ctx[port]) for port in ctx.inputs)
                ctx.done()

        add(net, "a", Settings)
        net.add_initial("a", "settings", "fast")
        net.start()
        net.wait(timeout=SOON)
        net.send("a", "in", 1)
        net.wait(timeout=SOON)
        assert seen == [("settings", "fast"), ("in", 1)]

    def test_beside_a_connection(self, net):
        with_gate = Gate()
        add(net, "source", with_gate)
        sink = add(net, "b", Collect())
        connect(net, "source", "b")
        net.start()
        net.send("source", "in", "by wire")
        net.send("b", "in", "from outside")
        with_gate.opened.set()
        net.wait(timeout=SOON)
        assert sorted(sink.values) == ["by wire", "from outside"]

    def test_waits_for_room_and_times_out(self):
        with Network({"capacity": 2}) as net:
            gate = add(net, "a", Gate())
            net.start()
            net.send("a", "in", 0)
            gate.wait_entered()
            # The packet of the running tick waits no more.
            net.send("a", "in", 1, timeout=5)
            net.send("a", "in", 2, timeout=5)
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                net.send("a", "in", "lost", timeout=0.1)
            assert 0.1 <= time.monotonic() - started < 5
            with pytest.raises(TimeoutError):
                net.send("a", "in", "lost", timeout=0)
            threading.Timer(0.1, gate.opened.set).start()
            net.send("a", "in", 3)
            net.wait(timeout=SOON)
        assert gate.values == [0, 1, 2, 3]

    def test_a_waiting_send_ends_with_the_network(self):
        net = Network({"capacity": 1})
        gate = add(net, "a", Gate())
        net.start()
        net.send("a", "in", 0)
        gate.wait_entered()
        outcome = []

        def late():
            try:
                net.send("a", "in", 1)
                net.send("a", "in", 2)
                net.send("a", "in", 3)
            except RuntimeError as error:
                outcome.append(error)

        thread = threading.Thread(target=late)
        thread.start()
        time.sleep(0.05)
        assert net.shutdown(grace=0.05) == ["a"]
        thread.join(SOON)
        assert len(outcome) == 1
        gate.opened.set()

    def test_unknown_targets(self, net):
        add(net, "a", Collect())
        net.start()
        with pytest.raises(RuntimeError, match="nobody"):
            net.send("nobody", "in", 1)
        with pytest.raises(RuntimeError, match="elsewhere"):
            net.send("a", "elsewhere", 1)
        with pytest.raises(TypeError):
            net.send("a", 5, 1)
        with pytest.raises(ValueError):  # noqa: PT011  # any text
            net.send("a", "in", {"type": "Integer", "data": "x"})

    def test_after_shutdown(self, net):
        add(net, "a", Collect())
        net.start()
        net.shutdown()
        with pytest.raises(RuntimeError):
            net.send("a", "in", 1)

    def test_from_many_threads(self, net):
        sink = add(net, "a", Collect())
        net.start()

        def work(thread):
            for number in range(500):
                net.send("a", "in", [thread, number])

        threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SOON)
        net.wait(timeout=SOON)
        assert len(sink.values) == 10_000
        for thread in range(20):
            assert [number for at, number in sink.values if at == thread] == list(range(500))

    def test_from_a_tick(self, net):
        class Outside(Actor):
            inports = ["in"]

            def run(self, ctx):
                net.send("b", "in", ctx["in"] * 2)
                ctx.done()

        add(net, "a", Outside)
        sink = add(net, "b", Collect())
        net.start()
        for number in range(500):
            net.send("a", "in", number)
        net.wait(timeout=SOON)
        assert sink.values == [2 * number for number in range(500)]

    def test_from_a_tick_into_itself(self):
        """A node that waits for room at its own port can never get it: that must not hang."""
        refused = []

        class Loop(Actor):
            inports = ["in"]

            def run(self, ctx):
                try:
                    for number in range(10):
                        net.send("a", "in", number, timeout=1)
                except TimeoutError as error:
                    refused.append(error)
                ctx.finish()
                ctx.done()

        with Network({"capacity": 2}) as net:
            add(net, "a", Loop)
            net.start()
            net.send("a", "in", 0)
            assert net.wait(timeout=SOON).nodes["a"]["ticks"] == 1


class TestListen:
    def test_values_in_order_until_the_end(self, net):
        add(net, "a", Forward)
        net.start()
        with net.listen("a", "out") as listener:
            for value in (1, "two", b"3", None, {"four": [4]}):
                net.send("a", "in", value)
            net.close_inputs()
            assert list(listener) == [1, "two", b"3", None, {"four": [4]}]

    def test_recv_gives_messages(self, net):
        add(net, "a", Forward)
        net.start()
        listener = net.listen("a", "out")
        assert listener.recv(timeout=0.01) is None
        net.send("a", "in", 5)
        assert listener.recv(timeout=SOON) == Message.integer(5)
        net.shutdown()
        assert listener.recv(timeout=SOON) is None
        assert list(listener) == []

    def test_several_listeners_each_get_everything(self, net):
        add(net, "a", Forward)
        net.start()
        listeners = [net.listen("a", "out") for _ in range(5)]
        for number in range(10):
            net.send("a", "in", number)
        net.close_inputs()
        assert [list(listener) for listener in listeners] == [list(range(10))] * 5

    def test_a_full_listener_holds_the_node_back_and_a_closed_one_frees_it(self, net):
        sink = Collect()
        add(net, "a", Forward)
        add(net, "b", sink)
        connect(net, "a", "b")
        net.start()
        listener = net.listen("a", "out", capacity=3)
        for number in range(50):
            net.send("a", "in", number, timeout=SOON)
        time.sleep(0.1)
        assert len(sink.values) <= 4
        assert listener.recv(timeout=SOON).as_integer() == 0
        listener.close()
        net.wait(timeout=SOON)
        assert sink.values == list(range(50))

    def test_a_dropped_listener_frees_the_node(self, net):
        sink = Collect()
        add(net, "a", Forward)
        add(net, "b", sink)
        connect(net, "a", "b")
        net.start()
        listener = net.listen("a", "out", capacity=1)
        for number in range(20):
            net.send("a", "in", number, timeout=SOON)
        del listener
        net.wait(timeout=SOON)
        assert sink.values == list(range(20))

    def test_shutdown_ends_an_iteration(self, net):
        add(net, "a", Forward)
        net.start()
        listener = net.listen("a", "out")
        seen = []
        thread = threading.Thread(target=lambda: seen.extend(listener))
        thread.start()
        net.send("a", "in", 1)
        net.wait(timeout=SOON)
        net.shutdown()
        thread.join(SOON)
        assert not thread.is_alive()
        assert seen == [1]

    def test_what_waits_is_still_read_after_shutdown(self, net):
        add(net, "a", Forward)
        net.start()
        listener = net.listen("a", "out")
        for number in range(5):
            net.send("a", "in", number)
        net.wait(timeout=SOON)
        net.shutdown()
        assert list(listener) == list(range(5))

    def test_async_iteration(self, net):
        add(net, "a", Forward)

        async def main():
            net.start()
            listener = net.listen("a", "out")
            seen = []

            async def read():
                async for value in listener:
                    seen.append(value)

            task = asyncio.create_task(read())
            for number in range(100):
                net.send("a", "in", number)
                if number % 10 == 0:
                    await asyncio.sleep(0.001)
            net.close_inputs()
            await asyncio.wait_for(task, SOON)
            return seen

        assert asyncio.run(main()) == list(range(100))

    def test_unknown_targets(self, net):
        add(net, "a", Forward)
        net.start()
        with pytest.raises(RuntimeError, match="nobody"):
            net.listen("nobody", "out")
        with pytest.raises(RuntimeError, match="elsewhere"):
            net.listen("a", "elsewhere")

    def test_a_late_listener_on_an_ended_node(self, net):
        add(net, "a", numbers(3))
        net.start()
        net.wait(timeout=SOON)
        assert list(net.listen("a", "out")) == []

    def test_every_packet_of_a_busy_node_once(self, net):
        add(net, "a", Forward)
        net.start()
        listener = net.listen("a", "out", capacity=16)
        received = []
        thread = threading.Thread(target=lambda: received.extend(listener))
        thread.start()
        for number in range(20_000):
            net.send("a", "in", number)
        net.close_inputs()
        thread.join(SOON)
        assert received == list(range(20_000))
