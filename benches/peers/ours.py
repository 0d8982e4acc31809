"""This package."""

from __future__ import annotations

import threading
from time import perf_counter, sleep

from bodies import ADD, CHANGE, forward, spin
from harness import FRAME, main, payload, peak, percentile, resident
from wiring import idle, line, sink, source, step, timed


def chain(nodes, packets, style="tagged"):
    net = line(source(range(packets)), step(ADD[style]), sink(), nodes)
    return nodes * packets / timed(net, packets)


def coroutines(nodes, packets, style):
    return chain(nodes, packets, style)


def batches(nodes, packets):
    from offbit_reflow import Actor

    class Batch(Actor):
        inports = ["in"]
        outports = ["out"]
        batch_size = 100

        def run(self, batch):
            batch.done({"out": [value + 1 for value in batch["in"]]})

    return packets / timed(line(source(range(packets)), Batch, sink(), nodes), packets)


def fan(width, packets):
    from offbit_reflow import Network

    net = Network()
    for name, actor in (("first", source(range(packets))), ("between", step(ADD["tagged"])), ("last", sink())):
        net.register_actor(name, actor)
    net.add_node("first", "first")
    net.add_node("last", "last")
    for number in range(width):
        net.add_node(f"node {number}", "between")
        net.add_connection("first", "out", f"node {number}", "in")
        net.add_connection(f"node {number}", "out", "last", "in")
    return width * packets / timed(net, width * packets)


def payload_case(kind, nodes, packets):
    value = payload(kind)
    return packets / timed(line(source(value for _ in range(packets)), step(forward), sink(), nodes), packets)


def changed(nodes, packets, how="returned"):
    values = (dict(value) for value in [payload("dict")] * packets)
    return packets / timed(line(source(values), step(CHANGE[how]), sink(), nodes), packets)


def diamond(packets, by="origin"):
    from offbit_reflow import Actor, Network

    class Join(Actor):
        inports = ["a", "b"]
        outports = ["out"]

        def run(self, ctx):
            ctx.done({"out": ctx["a"] + ctx["b"]})

    net = Network()
    for name, actor in (
        ("first", source(range(packets))),
        ("add", step(ADD["plain"])),
        ("join", Join),
        ("last", sink()),
    ):
        net.register_actor(name, actor)
    net.add_node("first", "first")
    net.add_node("a", "add")
    net.add_node("b", "add")
    net.add_node("join", "join", firing={"join": by})
    net.add_node("last", "last")
    for branch in ("a", "b"):
        net.add_connection("first", "out", branch, "in")
        net.add_connection(branch, "out", "join", branch)
    net.add_connection("join", "out", "last", "in")
    return packets / timed(net, packets)


def slow_consumer(packets):
    from offbit_reflow import Actor

    class Slow(Actor):
        inports = ["in"]

        def run(self, ctx):
            spin(ctx["in"])
            ctx.done()

    return packets / timed(line(source(range(packets)), step(ADD["plain"]), Slow, 1), packets)


def cores(packets):
    """Compare two nodes that compute with one that does all of it."""
    from offbit_reflow import Actor, Network

    class Compute(Actor):
        inports = ["in"]
        outports = ["out"]

        def run(self, ctx):
            ctx.done({"out": spin(ctx["in"])})

    def elapsed(width):
        net = Network()
        for name, actor in (("first", source(range(packets // width))), ("compute", Compute), ("last", sink())):
            net.register_actor(name, actor)
        net.add_node("first", "first")
        net.add_node("last", "last")
        for number in range(width):
            net.add_node(f"compute {number}", "compute")
            net.add_connection("first", "out", f"compute {number}", "in")
            net.add_connection(f"compute {number}", "out", "last", "in")
        return timed(net, packets)

    elapsed(2)
    return elapsed(1) / elapsed(2)


def latency(rounds, percent):
    from offbit_reflow import Actor, Network

    times, over = [], threading.Event()

    class Ping(Actor):
        inports = ["in"]
        outports = ["out"]

        def run(self, ctx):
            now = perf_counter()
            if ctx.inputs["in"]["data"] > 0:
                times.append(now - self.sent)
            if len(times) == rounds:
                over.set()
                ctx.done()
                return
            self.sent = perf_counter()
            ctx.done({"out": {"type": "Integer", "data": len(times)}})

    net = Network()
    net.register_actor("ping", Ping)
    net.register_actor("echo", step(ADD["tagged"]))
    net.add_node("ping", "ping")
    net.add_node("echo", "echo")
    net.add_connection("ping", "out", "echo", "in")
    net.add_connection("echo", "out", "ping", "in")
    net.add_initial("ping", "in", {"type": "Integer", "data": 0})
    net.start()
    assert over.wait(50)
    net.shutdown()
    return percentile(times, percent)


def outside_latency(rounds, percent):
    from offbit_reflow import Network

    times = []
    with Network() as net:
        net.register_actor("echo", step(ADD["tagged"]))
        net.add_node("echo", "echo")
        net.start()
        listener = net.listen("echo", "out")
        for number in range(rounds):
            started = perf_counter()
            net.send("echo", "in", number)
            assert listener.recv(10) is not None
            times.append(perf_counter() - started)
    return percentile(times, percent)


def stream(frames):
    from offbit_reflow import Actor, Network, Stream

    data = b"x" * FRAME

    class Writer(Actor):
        outports = ["out"]

        def run(self, ctx):
            with Stream.create(64) as stream:
                ctx.send({"out": stream.into_message()})
                for _ in range(frames):
                    stream.send_bytes(data)
            ctx.finish()
            ctx.done()

    class Reader(Actor):
        inports = ["in"]

        def run(self, ctx):
            for frame in ctx.inputs["in"].take_stream():
                if frame["kind"] == "data":
                    total[0] += len(frame["data"])
            ctx.done()

    total = [0]
    net = Network()
    net.register_actor("writer", Writer)
    net.register_actor("reader", Reader)
    net.add_node("writer", "writer")
    net.add_node("reader", "reader")
    net.add_connection("writer", "out", "reader", "in")
    started = perf_counter()
    net.run(timeout=55).raise_for_failure()
    elapsed = perf_counter() - started
    assert total[0] == frames * FRAME
    return total[0] / elapsed / 2**20


def start_stop(nodes):
    idle(1).start()
    net = idle(nodes)
    started = perf_counter()
    net.start()
    net.shutdown()
    return (perf_counter() - started) * 1e3


def idle_nodes(nodes, what):
    """Start a long row, or send one packet through it; in seconds."""
    net = idle(nodes)
    last = str(nodes - 1)
    started = perf_counter()
    net.start()
    if what == "start":
        return perf_counter() - started
    listener = net.listen(last, "out")
    net.send("0", "in", 0)
    assert listener.recv(50) is not None
    times = []
    for number in range(3):
        started = perf_counter()
        net.send("0", "in", number)
        assert listener.recv(50) is not None
        times.append(perf_counter() - started)
    return min(times)


def memory(nodes, component=None):
    small = idle(1, component)
    small.start()
    before = resident()
    net = idle(nodes, component)
    net.start()
    sleep(0.2)
    return (resident() - before) / nodes / 1024


def growth(packets):
    """Give how far the memory grew at most while so many packets went through."""
    timed(line(source(range(10_000)), step(ADD["plain"]), sink(), 2), 10_000)
    before = peak()
    timed(line(source(range(packets)), step(ADD["plain"]), sink(), 2), packets)
    return (peak() - before) / 2**20


def import_time():
    started = perf_counter()
    import offbit_reflow  # noqa: F401  # importing is what is measured

    return (perf_counter() - started) * 1e3


def flood(packets):
    from offbit_reflow import Actor, Network

    class Flood(Actor):
        outports = ["out"]

        def run(self, ctx):
            for number in range(packets):
                ctx.send({"out": b"%d" % number + b"x" * 10_000})
            ctx.finish()
            ctx.done()

    class Slow(Actor):
        inports = ["in"]

        def run(self, ctx):
            sleep(0.0001)
            ctx.done()

    net = Network()
    net.register_actor("flood", Flood)
    net.register_actor("slow", Slow)
    net.add_node("flood", "flood")
    net.add_node("slow", "slow")
    net.add_connection("flood", "out", "slow", "in")
    before = resident()
    net.run(timeout=55).raise_for_failure()
    return max(0, peak() - before) / 2**20


if __name__ == "__main__":
    main({**globals(), "payload": payload_case})
