"""Networks of this package, for what is measured on them."""

from __future__ import annotations

from time import perf_counter

from bodies import ADD


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


def idle(nodes, component=None):
    """Wire nodes in a row that nothing feeds: of Python, or of a component with `input` and `output`."""
    from offbit_reflow import Network

    net = Network()
    inport, outport = "in", "out"
    if component is None:
        net.register_actor("step", step(ADD["tagged"]))
    else:
        inport, outport = "input", "output"
    for number in range(nodes):
        net.add_node(str(number), component or "step")
        if number:
            net.add_connection(str(number - 1), outport, str(number), inport)
    return net
