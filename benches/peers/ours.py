"""This package."""

from __future__ import annotations

import threading
from time import perf_counter, sleep

from bodies import ADD, forward
from harness import FRAME, main, payload, peak, percentile, resident


def step(run):
    """Make an actor class of a `run` method."""
    from offbit_reflow import Actor

    return type("Step", (Actor,), {"run": run, "inports": ["in"], "outports": ["out"]})


def source(values):
    """Make an actor class that sends values, one after the other."""
    from offbit_reflow import Actor

    class Source(Actor):
        outports = ["out"]

        def run(self, ctx):
            for value in values:
                yield {"out": value}

    return Source


def sink():
    """Make an actor class that counts packets."""
    from offbit_reflow import Actor

    class Sink(Actor):
        inports = ["in"]
        batch_size = 64

        def run(self, batch):
            batch.done()

    return Sink


def line(first, between, last, nodes):
    """Wire a source, `nodes` nodes and a sink in a row."""
    from offbit_reflow import Network

    net = Network()
    for name, actor in (("first", first), ("between", between), ("last", last)):
        net.register_actor(name, actor)
    net.add_node("first", "first")
    before = "first"
    for number in range(nodes):
        net.add_node(f"node {number}", "between")
        net.add_connection(before, "out", f"node {number}", "in")
        before = f"node {number}"
    net.add_node("last", "last")
    net.add_connection(before, "out", "last", "in")
    return net


def timed(net, packets):
    """Run a network to its end, and see that everything arrived."""
    started = perf_counter()
    result = net.run(timeout=55)
    elapsed = perf_counter() - started
    result.raise_for_failure()
    arrived = result.nodes["last"]["packets_in"]
    assert arrived == packets, f"{arrived} of {packets} packets arrived"
    return elapsed


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


def thousand(nodes):
    """Wire nodes in a row."""
    from offbit_reflow import Network

    net = Network()
    net.register_actor("step", step(ADD["tagged"]))
    for number in range(nodes):
        net.add_node(str(number), "step")
        if number:
            net.add_connection(str(number - 1), "out", str(number), "in")
    return net


def start_stop(nodes):
    thousand(1).start()
    net = thousand(nodes)
    started = perf_counter()
    net.start()
    net.shutdown()
    return (perf_counter() - started) * 1e3


def memory(nodes):
    small = thousand(1)
    small.start()
    before = resident()
    net = thousand(nodes)
    net.start()
    sleep(0.2)
    return (resident() - before) / nodes / 1024


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
