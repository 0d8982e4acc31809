"""Properties that hold for any value, any graph and any failures."""

from __future__ import annotations

import math

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offbit_reflow import Actor, Message, Network

from .support import SOON, Forward, add, connect

SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

text = st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | text
trees = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=20)
values = trees | st.binary()


def is_tagged(value):
    return isinstance(value, dict) and isinstance(value.get("type"), str) and set(value) <= {"type", "data"}


def same(left, right):
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return left == right and math.copysign(1, left) == math.copysign(1, right)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return left == right


@SETTINGS
@given(st.lists(values.filter(lambda value: not is_tagged(value)), max_size=20))
def test_values_come_through_a_network_as_they_are(sent):
    with Network() as net:
        net.register_actor("f", Forward)
        net.add_node("a", "f")
        net.add_node("b", "f")
        connect(net, "a", "b")
        net.add_outport("out", "b", "out")
        for value in sent:
            net.add_initial("a", "in", value)
        arrived = net.run(timeout=SOON).outputs["out"]
    assert len(arrived) == len(sent)
    assert all(map(same, arrived, sent))


@SETTINGS
@given(values.filter(lambda value: not is_tagged(value)))
def test_the_wire_form_goes_both_ways(value):
    message = Message.from_value(value)
    wire = message.as_json()
    if "inf" in repr(value):  # JSON has no such number: it is null there
        return
    again = Message.from_json(wire)
    assert again == message
    assert hash(again) == hash(message)
    assert again.as_json() == wire


class Chance(Actor):
    """Fails, sends, emits, or yields, as each packet says."""

    inports = ["in"]
    outports = ["out"]

    def run(self, ctx):
        number, plan, attempt = ctx["in"]["n"], ctx["in"]["plan"], ctx.attempt
        step = plan[min(attempt, len(plan)) - 1] if plan else "done"
        out = {"n": number, "plan": plan[1:]}
        if step == "raise":
            ctx.emit("out", out)
            raise ValueError("planned")
        if step == "fail":
            ctx.fail("planned", permanent=True)
        elif step == "drop":
            ctx.done()
        else:
            ctx.done({"out": out})


plans = st.lists(st.sampled_from(["done", "done", "done", "raise", "fail", "drop"]), max_size=4)


@SETTINGS
@given(
    st.data(),
    st.integers(2, 8),
    st.integers(1, 5),
    st.integers(1, 3),
    st.lists(plans, max_size=30),
)
def test_in_is_out_plus_failed(data, nodes, capacity, attempts, packets):
    """Random graphs without rings: every packet that went in was taken, and each tick committed or failed."""
    edges = data.draw(
        st.lists(
            st.tuples(st.integers(0, nodes - 2), st.integers(1, nodes - 1)).filter(lambda edge: edge[0] < edge[1]),
            max_size=10,
            unique=True,
        )
    )
    with Network({"capacity": capacity}) as net:
        net.register_actor("c", Chance)
        for node in range(nodes):
            net.add_node(f"n{node}", "c", policy={"attempts": attempts})
        for left, right in edges:
            connect(net, f"n{left}", f"n{right}")
        for number, plan in enumerate(packets):
            net.add_initial("n0", "in", {"n": number, "plan": plan})
        completed = net.events(types=["ActorCompleted"], capacity=1_000_000)
        result = net.run(timeout=SOON)
        committed: dict[str, list] = {}
        for event in completed:
            committed.setdefault(event["actorId"], []).append(event["outputs"])
    failed: dict[str, int] = {}
    for failure in result.failures:
        failed[failure.node] = failed.get(failure.node, 0) + 1
    for node in range(nodes):
        name = f"n{node}"
        stats = result.nodes[name]
        outputs = committed.get(name, [])
        assert stats["ticks"] == stats["packets_in"] == len(outputs) + failed.get(name, 0)
        assert stats["undelivered"] == stats["queued"] == 0
        sent = sum(1 for output in outputs if output)
        assert stats["packets_out"] == sent * sum(1 for left, _ in edges if left == node)
        arriving = sum(
            sum(1 for output in committed.get(f"n{left}", []) if output) for left, right in edges if right == node
        )
        assert stats["packets_in"] == arriving + (len(packets) if node == 0 else 0)
        assert stats["queue_high_water"] <= max(capacity, len(packets) if node == 0 else 0)
        assert stats["state"] in ("finished", "skipped")


class Source(Actor):
    outports = ["out"]

    def __init__(self, name, count, style):
        self.name, self.count, self.style = name, count, style

    def run(self, ctx):
        for number in range(self.count):
            if self.style == "send":
                ctx.send({"out": [self.name, number]})
            else:
                yield {"out": [self.name, number]}


class Trace(Actor):
    inports = ["in"]
    outports = ["out"]

    def __init__(self):
        self.seen = []

    def run(self, ctx):
        self.seen.append(ctx["in"])
        ctx.done({"out": ctx["in"]})


@SETTINGS
@given(
    st.lists(st.tuples(st.integers(0, 200), st.sampled_from(["send", "yield"])), min_size=1, max_size=4),
    st.integers(1, 4),
    st.integers(1, 5),
)
def test_order_per_connection(sources, layers, capacity):
    """Whatever the mixing, packets of one source keep their order through every layer."""
    with Network({"capacity": capacity}) as net:
        traces = [Trace() for _ in range(layers)]
        for layer, trace in enumerate(traces):
            add(net, f"layer{layer}", trace)
        connect(net, *[f"layer{layer}" for layer in range(layers)])
        for number, (count, style) in enumerate(sources):
            net.register_actor(f"s{number}", Source, factory=lambda n=number, c=count, s=style: Source(n, c, s))
            net.add_node(f"s{number}", f"s{number}")
            net.add_connection(f"s{number}", "out", "layer0", "in")
        result = net.run(timeout=SOON)
    assert result.ok
    for trace in traces:
        assert trace.seen == traces[0].seen
        for number, (count, _) in enumerate(sources):
            assert [at for source, at in trace.seen if source == number] == list(range(count))


@SETTINGS
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers()), max_size=60))
def test_pairs_are_made_in_order(packets):
    seen = []

    class Pair(Actor):
        inports = ["a", "b", "c"]
        await_all_inports = True

        def run(self, ctx):
            seen.append((ctx["a"], ctx["b"], ctx["c"]))
            ctx.done()

    with Network() as net:
        add(net, "p", Pair)
        for port, value in packets:
            net.add_initial("p", port, value % 2**63)
        result = net.run(timeout=SOON)
    columns = [[value % 2**63 for at, value in packets if at == port] for port in "abc"]
    expected = list(zip(*columns, strict=False))
    assert seen == expected
    assert result.nodes["p"]["undelivered"] == len(packets) - 3 * len(expected)
