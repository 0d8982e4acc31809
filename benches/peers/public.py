"""The public package, version 0.2.9.

It is driven by a window: a feeder sends bursts of at most `BURST` packets, and the sink asks for the next burst when one has
arrived, because more than about fifty packets in one tick stop that version for good.
"""

from __future__ import annotations

import threading
from time import perf_counter, sleep

from bodies import ADD, forward
from harness import FRAME, main, payload, percentile, resident

BURST = 16
#: Bursts on the way at once.
WINDOW = 2


def step(run):
    """Make an actor of a `run` method."""
    from offbit_reflow import Actor

    return type("Step", (Actor,), {"run": run, "inports": ["in"], "outports": ["out"]})()


class Ends:
    """The feeder and the sink at the two ends of a measurement."""

    def __init__(self, message, sent, expected, burst=BURST):
        from offbit_reflow import Actor

        ends, self.over = self, threading.Event()
        burst = min(burst, sent)
        ratio = expected // sent

        class Feeder(Actor):
            inports = ["next"]
            outports = ["out"]
            left = sent

            def run(self, ctx):
                count = min(burst, self.left)
                self.left -= count
                for _ in range(count):
                    ctx.send({"out": message})
                ctx.done()

        class Sink(Actor):
            inports = ["in"]
            outports = ["next"]
            arrived = 0

            def run(self, ctx):
                self.arrived += 1
                if self.arrived == expected:
                    ends.elapsed = perf_counter() - ends.started
                    ends.over.set()
                ctx.done({"next": {"type": "Flow"}} if self.arrived % (burst * ratio) == 0 else None)

        self.feeder, self.sink = Feeder(), Sink()

    def add(self, net):
        """Add both ends to a network."""
        net.register_actor("feeder", self.feeder)
        net.register_actor("sink", self.sink)
        net.add_node("feeder", "feeder")
        net.add_node("sink", "sink")
        net.add_connection("sink", "next", "feeder", "next")
        for _ in range(WINDOW):
            net.add_initial("feeder", "next", {"type": "Flow"})

    def time(self, net):
        """Run the network until everything has arrived."""
        self.started = perf_counter()
        net.start()
        assert self.over.wait(58), "not everything arrived"
        return self.elapsed


def line(ends, between, nodes, inport="in", outport="out"):
    """Wire the feeder, `nodes` nodes and the sink in a row."""
    from offbit_reflow import Network

    net = Network()
    ends.add(net)
    net.register_actor("between", between)
    before = ("feeder", "out")
    for number in range(nodes):
        net.add_node(f"node {number}", "between")
        net.add_connection(*before, f"node {number}", inport)
        before = (f"node {number}", outport)
    net.add_connection(*before, "sink", "in")
    return net


def chain(nodes, packets):
    ends = Ends({"type": "Integer", "data": 0}, packets, packets)
    return nodes * packets / ends.time(line(ends, step(ADD["tagged"]), nodes))


def fan(width, packets):
    from offbit_reflow import Network

    ends = Ends({"type": "Integer", "data": 0}, packets, width * packets, burst=4)
    net = Network()
    ends.add(net)
    net.register_actor("between", step(ADD["tagged"]))
    for number in range(width):
        net.add_node(f"node {number}", "between")
        net.add_connection("feeder", "out", f"node {number}", "in")
        net.add_connection(f"node {number}", "out", "sink", "in")
    return width * packets / ends.time(net)


def native(nodes, packets):
    from offbit_reflow import template_actor

    ends = Ends({"type": "Integer", "data": 0}, packets, packets)
    return nodes * packets / ends.time(line(ends, template_actor("tpl_passthrough"), nodes, "input", "output"))


def payload_case(kind, nodes, packets):
    from offbit_reflow import Message

    message = Message.bytes(payload(kind)) if kind == "bytes" else Message.object(payload(kind))
    ends = Ends(message, packets, packets, burst=2)
    return packets / ends.time(line(ends, step(forward), nodes))


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
    net.register_actor("ping", Ping())
    net.register_actor("echo", step(ADD["tagged"]))
    net.add_node("ping", "ping")
    net.add_node("echo", "echo")
    net.add_connection("ping", "out", "echo", "in")
    net.add_connection("echo", "out", "ping", "in")
    net.add_initial("ping", "in", {"type": "Integer", "data": 0})
    net.start()
    assert over.wait(50)
    return percentile(times, percent)


def stream(frames):
    """Write a stream and read it; everything must be written before the reader can have it."""
    from offbit_reflow import Actor, Message, Network, Stream

    data, over, total = b"x" * FRAME, threading.Event(), [0]

    class Writer(Actor):
        inports = ["go"]
        outports = ["out"]

        def run(self, ctx):
            stream = Stream.create()
            for _ in range(frames):
                stream.send_bytes(data)
            stream.end()
            ctx.done({"out": stream.into_message()})

    class Reader(Actor):
        inports = ["in"]

        def run(self, ctx):
            reader = Message.from_json(ctx.inputs["in"]).take_stream()
            while (frame := reader.recv(1_000))["kind"] == "data":
                total[0] += len(frame["data"])
            over.set()
            ctx.done()

    net = Network()
    net.register_actor("writer", Writer())
    net.register_actor("reader", Reader())
    net.add_node("writer", "writer")
    net.add_node("reader", "reader")
    net.add_connection("writer", "out", "reader", "in")
    net.add_initial("writer", "go", {"type": "Flow"})
    started = perf_counter()
    net.start()
    assert over.wait(55)
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
    """Send all packets in one tick, as a source would."""
    from offbit_reflow import Actor, Message, Network

    over, arrived = threading.Event(), [0]

    class Flood(Actor):
        inports = ["go"]
        outports = ["out"]

        def run(self, ctx):
            for number in range(packets):
                ctx.send({"out": Message.bytes(b"%d" % number + b"x" * 10_000)})
            ctx.done()

    class Slow(Actor):
        inports = ["in"]

        def run(self, ctx):
            sleep(0.0001)
            arrived[0] += 1
            if arrived[0] == packets:
                over.set()
            ctx.done()

    net = Network()
    net.register_actor("flood", Flood())
    net.register_actor("slow", Slow())
    net.add_node("flood", "flood")
    net.add_node("slow", "slow")
    net.add_connection("flood", "out", "slow", "in")
    net.add_initial("flood", "go", {"type": "Flow"})
    from harness import peak

    before = resident()
    net.start()
    assert over.wait(50), "not everything arrived"
    return max(0, peak() - before) / 2**20


if __name__ == "__main__":
    main({**globals(), "payload": payload_case})
